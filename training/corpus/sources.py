"""What people give -> the files to read, in an order that doesn't depend on how they were given.

Folders are walked (hidden files are left out), archives unpacked, brat pairs joined. What can't be read is
named with a reason; a pickle or another file that could run code is never opened.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from training.corpus.archives import unpack
from training.corpus.problems import Problem
from training.errors import BadDataError
from training.safe import PLAIN, Safe

CONLL = (".conll", ".iob", ".iob2", ".bio")
READABLE = (".txt", ".md", ".html", ".htm", ".pdf", ".docx", ".csv", ".tsv", ".jsonl", ".json", *CONLL)
ARCHIVE = ".zip"
ANNOTATIONS = ".ann"
_CODE = (".pkl", ".pickle", ".bin", ".pt", ".pth", ".ckpt", ".joblib", ".npy", ".npz", ".exe", ".dll", ".so")
_KNOWN = (
    "txt, md, html, pdf, docx, csv, tsv, jsonl, json, conll, a brat pair of txt and ann, or a zip of these"
)
# By its first bytes a file is none of the text kinds, whatever it is called.
_SIGNATURES = (
    (b"%PDF-", "a PDF", "Rename it to .pdf"),
    (b"PK\x03\x04", "a zip archive or a Word document", "Rename it to .zip or .docx"),
    (b"\xd0\xcf\x11\xe0", "an old Office file", "Save it as .docx or as text"),
    (b"{\\rtf", "an RTF document", "Save it as .docx or as text"),
    (b"\x89PNG", "a picture", "Run text recognition on it first"),
    (b"\xff\xd8\xff", "a picture", "Run text recognition on it first"),
    (b"\x1f\x8b", "packed by gzip", "Unpack it first"),
    (b"7z\xbc\xaf", "a 7z archive", "Pack it as zip"),
    (b"Rar!", "a RAR archive", "Pack it as zip"),
    (b"SQLite format 3", "a database", "Export its texts as csv"),
    (b"\x7fELF", "a program", "Give text"),
)
_PICKLES = tuple(bytes([0x80, protocol]) for protocol in range(2, 6))


@dataclass(frozen=True, slots=True)
class Source:
    """A file to read: what its owner calls it, where it lies, and its brat annotations if it has some.

    There may be a million of them, so places are texts here: a `Path` takes ten times the memory.
    """

    name: str
    place: str
    beside: str = ""
    safe: Safe = PLAIN

    @property
    def path(self) -> Path:
        """The file."""
        return Path(self.place)

    @property
    def annotations(self) -> Path | None:
        """The brat annotations, if it has some."""
        return Path(self.beside) if self.beside else None

    @property
    def suffix(self) -> str:
        """Its kind by its name, in lower case with the dot."""
        return Path(self.name).suffix.lower()

    @property
    def size(self) -> int:
        """In bytes of its text."""
        return self.safe.size(self.path)

    def open(self) -> BinaryIO:
        """Read it.

        Raises:
            OSError: it can't be read.
            BadDataError: it is sealed for another, or was changed.
        """
        return self.safe.open(self.path)


def find_sources(
    inputs: Sequence[Path], work: Path, safe: Safe = PLAIN
) -> tuple[list[Source], list[Problem]]:
    """The files to read, by name, and what was refused.

    Args:
        inputs: files and folders.
        work: an empty folder on the disk for what archives hold.
        safe: opens them, and seals what lies in `work`.
    """
    problems: list[Problem] = []
    found: list[Source] = []
    for number, source in enumerate(
        sorted(_listed(inputs, problems, safe), key=lambda one: (one.name, one.place))
    ):
        if source.suffix != ARCHIVE:
            found.append(source)
            continue
        try:
            _check_content(source)
            members = unpack(source.path, source.name, work / str(number), safe=safe)
        except (BadDataError, OSError) as error:
            problems.append(Problem(source.name, reason_of(error, source.name)))
            continue
        found.extend(Source(member.name, str(member.path), safe=safe) for member in members)
    accepted = []
    for source in _joined(found, problems, work):
        try:
            _check_name(source)
            _check_content(source)
        except (BadDataError, OSError) as error:
            problems.append(Problem(source.name, reason_of(error, source.name)))
        else:
            accepted.append(source)
    return _named_apart(accepted), problems


def reason_of(error: BadDataError | OSError, name: str) -> str:
    """What an error says of a source, without the name at its start."""
    if isinstance(error, OSError):
        return f"can't be read: {error.strerror or type(error).__name__}."
    message = str(error)
    return message.removeprefix(name).lstrip(" :,")


def _listed(inputs: Iterable[Path], problems: list[Problem], safe: Safe) -> Iterator[Source]:
    for given in inputs:
        if given.is_dir():
            yield from _walked(given, problems, safe)
        elif given.is_file():
            yield Source(given.name, str(given), safe=safe)
        else:
            problems.append(Problem(given.name, "isn't there. Check its path."))


def _walked(folder: Path, problems: list[Problem], safe: Safe) -> Iterator[Source]:
    for path in sorted(folder.rglob("*")):
        inside = path.relative_to(folder)
        if any(part.startswith(".") for part in inside.parts):
            continue
        name = f"{folder.name}/{inside.as_posix()}"
        if path.is_symlink():
            problems.append(Problem(name, "is a link and was not followed. Put the file itself there."))
        elif path.is_file():
            yield Source(name, str(path), safe=safe)


def _joined(sources: Sequence[Source], problems: list[Problem], work: Path) -> Iterator[Source]:
    """Each text with its annotations, if there is one of the same name with .ann."""
    annotations = {_stem(source): source for source in sources if source.suffix == ANNOTATIONS}
    for source in sources:
        if source.suffix == ".txt" and _stem(source) in annotations:
            other = annotations.pop(_stem(source)).path
            if other == source.path.with_suffix(ANNOTATIONS):
                yield Source(source.name, source.place, str(other), source.safe)
            else:  # an upload may put the two into different folders
                yield _side_by_side(source, other, work / f"pair{len(annotations)}.txt")
        elif source.suffix != ANNOTATIONS:
            yield source
    for alone in annotations.values():
        problems.append(Problem(alone.name, "has no .txt of the same name beside it. Give both."))


def _side_by_side(source: Source, annotations: Path, target: Path) -> Source:
    beside = target.with_suffix(ANNOTATIONS)
    source.safe.copy(source.path, target)
    source.safe.copy(annotations, beside)
    return Source(source.name, str(target), str(beside), source.safe)


def _stem(source: Source) -> str:
    return source.name.removesuffix(Path(source.name).suffix)


def _check_name(source: Source) -> None:
    if source.suffix in _CODE:
        raise BadDataError(
            f"{source.name} is of a kind that can run code when it is loaded; it was not opened. Give text "
            "here; a model must be safetensors."
        )
    if source.suffix == ARCHIVE:
        raise BadDataError(f"{source.name} is an archive inside an archive. Unpack it and give its files.")
    if source.suffix == ".doc":
        raise BadDataError(f"{source.name} is an old Word file. Save it as .docx.")
    if source.suffix not in READABLE:
        raise BadDataError(f"{source.name} is of a kind that can't be read. Give {_KNOWN}.")


def _check_content(source: Source) -> None:
    with source.open() as handle:
        start = handle.read(1024)
    if not start:
        raise BadDataError(f"{source.name} is empty. Give it with its text.")
    if source.suffix == ".pdf":
        if b"%PDF-" not in start:
            raise BadDataError(f"{source.name} is not a PDF by its content. Give it under its own name.")
        return
    if source.suffix in (".docx", ARCHIVE):
        if not start.startswith((b"PK\x03\x04", b"PK\x05\x06")):
            kind = "a Word document" if source.suffix == ".docx" else "a zip archive"
            raise BadDataError(f"{source.name} is not {kind} by its content. Give it under its own name.")
        return
    if start.startswith(_PICKLES):
        raise BadDataError(
            f"{source.name} is a pickle by its content, which can run code; it was not opened."
        )
    for signature, kind, advice in _SIGNATURES:
        if start.startswith(signature):
            raise BadDataError(f"{source.name} is {kind} by its content. {advice}.")


def _named_apart(sources: Sequence[Source]) -> list[Source]:
    """With a number behind the names that occur twice, since a document's id is made from the name."""
    seen: dict[str, int] = {}
    apart = []
    for source in sorted(sources, key=lambda one: (one.name, one.place)):
        seen[source.name] = count = seen.get(source.name, 0) + 1
        if count > 1:
            suffix = Path(source.name).suffix
            name = f"{source.name.removesuffix(suffix)} ({count}){suffix}"
            apart.append(Source(name, source.place, source.beside, source.safe))
        else:
            apart.append(source)
    return apart
