"""One document on its way into a data set: a text, a conversation, tagged tokens or a labelled text."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, get_args

from training.errors import BadDataError

Kind = Literal["text", "pairs", "tagged", "labelled"]
KINDS: tuple[Kind, ...] = get_args(Kind)


@dataclass(frozen=True)
class Message:
    """One turn of a conversation. `role` is system, user or assistant."""

    role: str
    content: str


@dataclass(frozen=True)
class Record:
    """A document, and where it came from.

    `place` counts the documents of one source from 1. Records with the same `group` (a patient, a file)
    stay on one side of the split, and so do those with the same `cut_from`, the parts of a long document.
    """

    kind: Kind
    text: str = ""
    label: str = ""
    messages: tuple[Message, ...] = ()
    tokens: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    group: str = ""
    cut_from: str = ""
    source: str = ""
    place: int = 0

    @property
    def id(self) -> str:
        """The same in every preparation of the same files: it names a document that is to be kept."""
        return hashlib.sha256(f"{self.source}\n{self.place}".encode()).hexdigest()[:16]

    @property
    def texts(self) -> tuple[str, ...]:
        """Each of its texts."""
        if self.kind == "pairs":
            return tuple(message.content for message in self.messages)
        return self.tokens if self.kind == "tagged" else (self.text,)

    @property
    def content(self) -> str:
        """All of its text in one string."""
        return (" " if self.kind == "tagged" else "\n").join(self.texts)

    def rewritten(self, rewrite: Callable[[str], str]) -> Record:
        """With `rewrite` applied to each of its texts. A token that would vanish or break stays as it is."""
        if self.kind == "pairs":
            turns = (replace(message, content=rewrite(message.content)) for message in self.messages)
            return replace(self, messages=tuple(turns))
        if self.kind == "tagged":
            return replace(self, tokens=tuple(_rewritten_token(token, rewrite) for token in self.tokens))
        return replace(self, text=rewrite(self.text))

    def as_text(self) -> Record:
        """The same words as plain text, without roles, tags or label."""
        return replace(self, kind="text", text=self.content, label="", messages=(), tokens=(), tags=())

    def row(self) -> dict[str, Any]:
        """What a line of a split file holds."""
        row: dict[str, Any] = {"id": self.id, "source": self.source}
        if self.kind == "pairs":
            turns = [{"role": message.role, "content": message.content} for message in self.messages]
            return row | {"messages": turns}
        if self.kind == "tagged":
            return row | {"tokens": list(self.tokens), "tags": list(self.tags)}
        row["text"] = self.text
        return row | {"label": self.label} if self.kind == "labelled" else row


def from_row(row: Mapping[str, Any], kind: Kind) -> Record:
    """The document that a line of a split file holds. Its id is in the row; `place` is not known any more."""
    if kind == "pairs":
        turns = tuple(Message(turn["role"], turn["content"]) for turn in row["messages"])
        return Record(kind, messages=turns, source=row["source"])
    if kind == "tagged":
        return Record(kind, tokens=tuple(row["tokens"]), tags=tuple(row["tags"]), source=row["source"])
    return Record(kind, row["text"], label=row.get("label", ""), source=row["source"])


def kind_named(name: str) -> Kind:
    """`name`, if it is a kind of data set.

    Raises:
        BadDataError: it is none.
    """
    if name not in KINDS:
        raise BadDataError(f"A data set is of the kind {', '.join(KINDS)}, not {name!r}.")
    return name


def _rewritten_token(token: str, rewrite: Callable[[str], str]) -> str:
    new = rewrite(token)
    return new if new and not any(char.isspace() for char in new) else token
