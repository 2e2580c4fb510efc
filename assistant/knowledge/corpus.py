"""The corpus: markdown files in our own words -> chunks of one section each.

A file is one condition: front matter between two ``---`` lines (id, title, aliases, source, written)
and ``##`` sections of plain sentences. Reading is strict, so that a slip is found by its file and line.
Nothing here knows about vectors or ranking.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from assistant.errors import CorpusError
from assistant.knowledge import sentences

CORPUS_FOLDER = Path(__file__).parent / "corpus"
MAX_WORDS = 120
_REQUIRED = ("id", "title", "source", "written")
_OPTIONAL = ("aliases",)
_ID = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
_MONTH = re.compile(r"\d{4}-(?:0[1-9]|1[0-2])")


@dataclass(frozen=True)
class Chunk:
    """One section of one document, or a part of a long one. `title` is "Document: Section"."""

    document: str
    title: str
    source: str
    text: str
    aliases: tuple[str, ...] = ()

    @property
    def indexed(self) -> str:
        """What is embedded: the title gives a sentence such as "It often runs in families" its subject."""
        return f"{self.title}. {self.text}"


@dataclass(frozen=True)
class _Section:
    title: str
    line: int
    text: str


def read_corpus(folder: Path = CORPUS_FOLDER) -> tuple[Chunk, ...]:
    """Every chunk of every ``*.md`` file of `folder`, files in order of name.

    Raises:
        CorpusError: no file, an unreadable or malformed one (named with its line), or an id used twice.
    """
    paths = sorted(folder.glob("*.md"))
    if not paths:
        raise CorpusError(f"The corpus folder {folder} holds no .md file. Reinstall the project's files.")
    chunks: list[Chunk] = []
    seen: dict[str, str] = {}
    for path in paths:
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise CorpusError(
                f"{path.name}: can't be read as UTF-8 text ({error}). Save it again."
            ) from error
        document = read_document(text, path.name)
        identifier = document[0].document
        if identifier in seen:
            raise CorpusError(f"{path.name}: the id {identifier!r} is already used by {seen[identifier]}.")
        seen[identifier] = path.name
        chunks.extend(document)
    return tuple(chunks)


def read_document(text: str, name: str) -> tuple[Chunk, ...]:
    """The chunks of one markdown document; `name` is what errors call it.

    Raises:
        CorpusError: front matter or sections are malformed; the message gives ``name:line``.
    """
    lines = text.splitlines()
    fields, body_start = _front_matter(lines, name)
    aliases = tuple(part for item in fields.get("aliases", "").split(",") if (part := item.strip()))
    chunks: list[Chunk] = []
    for section in _sections(lines, body_start, name):
        pieces = _pieces(section.text)
        for number, piece in enumerate(pieces, start=1):
            part = f" (part {number})" if len(pieces) > 1 else ""
            title = f"{fields['title']}: {section.title}{part}"
            chunks.append(Chunk(fields["id"], title, fields["source"], piece, aliases))
    return tuple(chunks)


def _front_matter(lines: list[str], name: str) -> tuple[dict[str, str], int]:
    """The fields, and the index of the first line after the closing mark."""
    if not lines or lines[0].strip() != "---":
        raise CorpusError(f"{name}:1: the file must begin with a line of three dashes and its front matter.")
    fields: dict[str, str] = {}
    for index, line in enumerate(lines[1:], start=1):
        if line.strip() == "---":
            _require_fields(fields, name, index + 1)
            return fields, index + 1
        key, colon, value = line.partition(":")
        key, value = key.strip(), value.strip()
        if not colon or not value:
            raise CorpusError(f"{name}:{index + 1}: expected 'key: value', found {line!r}.")
        if key not in _REQUIRED + _OPTIONAL:
            raise CorpusError(f"{name}:{index + 1}: unknown key {key!r}; known are {_known()}.")
        if key in fields:
            raise CorpusError(f"{name}:{index + 1}: the key {key!r} is given twice.")
        fields[key] = value
    raise CorpusError(f"{name}:{len(lines)}: the front matter is not closed by a line of three dashes.")


def _known() -> str:
    return ", ".join(_REQUIRED + _OPTIONAL)


def _require_fields(fields: dict[str, str], name: str, line: int) -> None:
    missing = [key for key in _REQUIRED if key not in fields]
    if missing:
        raise CorpusError(f"{name}:{line}: the front matter lacks {', '.join(missing)}.")
    if not _ID.fullmatch(fields["id"]):
        raise CorpusError(
            f"{name}:{line}: the id {fields['id']!r} must be lower-case words joined by dashes."
        )
    if not _MONTH.fullmatch(fields["written"]):
        raise CorpusError(f"{name}:{line}: 'written' must be a month such as 2026-11.")


def _sections(lines: list[str], start: int, name: str) -> Iterable[_Section]:
    found: list[_Section] = []
    title, title_line, body = "", 0, list[str]()
    for index in range(start, len(lines) + 1):
        line = lines[index].strip() if index < len(lines) else "## "
        if line.startswith("##") or index == len(lines):
            if title:
                found.append(_section(title, title_line, body, name))
            title, title_line, body = line.removeprefix("##").strip(), index + 1, []
            if index < len(lines) and (not title or title.startswith("#")):
                raise CorpusError(f"{name}:{index + 1}: a section needs a heading of the form '## Title'.")
        elif line and not title:
            raise CorpusError(f"{name}:{index + 1}: text before the first '## ' heading.")
        elif line:
            body.append(line)
    if not found:
        raise CorpusError(f"{name}:{len(lines)}: the document has no '## ' section.")
    titles = [section.title.lower() for section in found]
    for section in found:
        if titles.count(section.title.lower()) > 1:
            raise CorpusError(f"{name}:{section.line}: the section {section.title!r} is given twice.")
    return found


def _section(title: str, line: int, body: list[str], name: str) -> _Section:
    if not body:
        raise CorpusError(f"{name}:{line}: the section {title!r} is empty.")
    return _Section(title, line, " ".join(body))


def _pieces(text: str) -> list[str]:
    """`text` in as few pieces of at most MAX_WORDS words as its sentences allow, of similar length."""
    items = sentences.texts(text)
    total = len(text.split())
    count = -(-total // MAX_WORDS)
    if count <= 1:
        return [text]
    target = total / count
    pieces: list[list[str]] = [[]]
    filled = 0
    for item in items:
        words = len(item.split())
        here = sum(len(part.split()) for part in pieces[-1])
        if pieces[-1] and (here + words > MAX_WORDS or filled + words / 2 > target * len(pieces)):
            pieces.append([])
        pieces[-1].append(item)
        filled += words
    return [" ".join(part) for part in pieces]
