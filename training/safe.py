"""Where text lies: sealed under its owner's key, or plain for whoever works in a shell on plain folders.

Everything of the studio that may hold a user's words is read and written through a `Safe`. What is sealed is
opened with the key; what is plain, as from before there was sealing, is read as it is; with a key everything
is written sealed. Does not: know accounts or where a key comes from, or seal weights and tokenizers, which
other programs must be able to read.
"""

from __future__ import annotations

import base64
import io
import json
import os
import shutil
import sys
import traceback
from collections.abc import Iterable, Iterator, MutableMapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Protocol, Self, TextIO

from security.crypto.errors import SealError
from security.crypto.files import SealedReader, SealedWriter, is_sealed, seal_file
from security.crypto.scratch import SealedScratch
from security.crypto.sealed_lines import SealedLines, are_sealed_lines, read_lines
from security.crypto.sealing import KEY_BYTES, DataKey, SealContext
from training.errors import BadConfigError, BadDataError, RunError

PURPOSE = "training"
KEY_VARIABLE = "ASKLEPION_KEY_FD"
"""The number of the descriptor from which a command reads the key; the key itself is in no variable."""

_MOST_HANDED = 4096


class NoKeyError(RunError):
    """The owner's key is gone, or doesn't open any more, and with it what it sealed."""


class Scratch(Protocol):
    """Bytes put aside for a while: appended to at the end, read from any place."""

    def append(self, data: bytes, /) -> None:
        """Add at the end."""

    def read(self, at: int, size: int, /) -> bytes:
        """Some bytes from a place on."""

    def truncate(self, length: int, /) -> None:
        """Forget the rest."""

    def close(self) -> None:
        """It is needed no more."""


@dataclass(frozen=True)
class Safe:
    """A user's key for files with what it is used for; without a key, plain files."""

    owner: str = ""
    key: bytes | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        if self.key is not None and len(self.key) != KEY_BYTES:
            raise BadConfigError(f"A key for files has {KEY_BYTES} bytes, not {len(self.key)}.")

    @classmethod
    def plain(cls) -> Self:
        """Of a shell: nothing is sealed, and what is sealed isn't opened."""
        return cls()

    @classmethod
    def handed(cls, environ: MutableMapping[str, str]) -> Self:
        """What whoever started this process handed over; `plain` where that was nothing.

        The descriptor is closed and its variable taken away, so that no process begun here has them.

        Raises:
            BadConfigError: the variable is no descriptor that holds a key.
        """
        number = environ.pop(KEY_VARIABLE, None)
        if number is None:
            return cls.plain()
        try:
            with os.fdopen(int(number), "rb") as stream:
                handed = stream.read(_MOST_HANDED)
            return cls(handed[KEY_BYTES:].decode("utf-8"), handed[:KEY_BYTES])
        except (OSError, ValueError) as error:
            raise BadConfigError(f"{KEY_VARIABLE} must be the number of a descriptor to read.") from error

    def to_hand(self) -> bytes:
        """What `handed` reads; nothing without a key."""
        return b"" if self.key is None else self.key + self.owner.encode("utf-8")

    def open(self, path: Path) -> BinaryIO:
        """Read a file from any place.

        Raises:
            OSError: it isn't there.
            BadDataError: it is sealed for another, or was changed; raised while it is read, too.
        """
        if not is_sealed(path):
            return path.open("rb")
        try:
            raw = _Reader.open(path, self._key(path), self._context(path))
        except SealError as error:
            raise _closed(path) from error
        return io.BufferedReader(raw, 1 << 16)

    def open_text(self, path: Path, encoding: str = "utf-8", newline: str | None = None) -> TextIO:
        """Read a file as text; raises as `open`."""
        return io.TextIOWrapper(self.open(path), encoding=encoding, newline=newline)

    def read_text(self, path: Path) -> str:
        """A whole file of text in UTF-8; raises as `open`."""
        with self.open_text(path) as stream:
            return stream.read()

    def create(self, path: Path) -> BinaryIO:
        """Write a new file, or a file anew; sealed, it opens once it was closed without an error."""
        if self.key is None:
            return path.open("wb")
        return SealedWriter.create(path, self.key, self._context(path))  # type: ignore[return-value]

    def write_text(self, path: Path, text: str) -> None:
        """Replace a file, whole or not at all."""
        part = path.with_name(f".{path.name}.part")
        if self.key is None:
            part.write_text(text, encoding="utf-8")
        else:
            with SealedWriter.create(part, self.key, self._context(path)) as stream:
                stream.write(text.encode("utf-8"))
        part.replace(path)

    def size(self, path: Path) -> int:
        """Bytes of the text in a file; raises as `open`."""
        if self.key is None or not is_sealed(path):
            return path.stat().st_size
        with self.open(path) as stream:
            return stream.seek(0, os.SEEK_END)

    def copy(self, source: Path, target: Path) -> None:
        """Copy a file under another name; raises as `open`."""
        with self.open(source) as reading, self.create(target) as writing:
            shutil.copyfileobj(reading, writing, 1 << 20)

    def scratch(self, path: Path) -> Scratch:
        """A file to put something aside; with a key, it is of no use to anyone once this process is gone."""
        return PlainScratch(path) if self.key is None else SealedScratch(path)

    def seal(self, path: Path) -> bool:
        """Seal what a plain file holds, in its place; False if there is nothing to do."""
        if self.key is None or are_sealed_lines(path):
            return False
        times = path.stat()
        done = seal_file(path, self.key, self._context(path))
        os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
        return done

    def seal_lines(self, path: Path) -> bool:
        """Seal a plain file of lines, in its place, so that it can go on growing; False if it is sealed."""
        if self.key is None or are_sealed_lines(path):
            return False
        times = path.stat()
        self.growing(path, list(self.lines(path)))
        os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
        return True

    def seal_value(self, value: object, record: str) -> str:
        """A value, by JSON, as text that nobody else reads."""
        blob = DataKey(self._key(Path(record))).seal(json.dumps(value).encode(), self._value(record))
        return base64.b64encode(blob).decode("ascii")

    def open_value(self, text: str, record: str) -> object:
        """What `seal_value` sealed for this record.

        Raises:
            BadDataError: it was changed, or is another's.
        """
        try:
            blob = base64.b64decode(text, validate=True)
            found: object = json.loads(DataKey(self._key(Path(record))).open(blob, self._value(record)))
        except (SealError, ValueError) as error:
            raise _closed(Path(record)) from error
        return found

    def lines(self, path: Path) -> Iterator[str]:
        """The whole lines of a file that grows, without their ends; one that a crash cut short is left out.

        Raises:
            OSError: it isn't there.
            BadDataError: as `open`.
        """
        if not are_sealed_lines(path):
            with path.open(encoding="utf-8") as stream:
                yield from (line[:-1] for line in stream if line.endswith("\n"))
            return
        try:
            for record in read_lines(path, self._key(path), self._context(path)):
                yield record.decode("utf-8")
        except SealError as error:
            raise _closed(path) from error

    def growing(self, path: Path, lines: Iterable[str]) -> Growing:
        """A file that begins with `lines`, in the place of what was there, to be appended to."""
        if self.key is None:
            self.write_text(path, "".join(line + "\n" for line in lines))
            return Growing(path, None)
        records = (line.encode("utf-8") for line in lines)
        return Growing(path, SealedLines.create(path, self.key, self._context(path), records))

    def _key(self, path: Path) -> bytes:
        if self.key is None:
            raise BadDataError(
                f"{path.name} is sealed under its owner's key in the app. Work with it in the Training tab."
            )
        return self.key

    def _context(self, path: Path) -> SealContext:
        # By its name alone: folders are given their names when all of them is there.
        return SealContext(self.owner, PURPOSE, path.name)

    def _value(self, record: str) -> SealContext:
        return SealContext(self.owner, f"{PURPOSE}.value", record)


class Growing:
    """A file of lines that is appended to, each line whole before the next."""

    def __init__(self, path: Path, sealed: SealedLines | None) -> None:
        self._path, self._sealed = path, sealed

    def append(self, line: str) -> None:
        """Add a line, which is given without its end."""
        if self._sealed is not None:
            self._sealed.append(line.encode("utf-8"))
            return
        with self._path.open("a", encoding="utf-8") as stream:
            stream.write(line + "\n")


class PlainScratch:
    """Bytes in a plain file of its own."""

    def __init__(self, path: Path) -> None:
        self._handle = path.open("w+b")
        self._length = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def append(self, data: bytes, /) -> None:
        """Add at the end."""
        self._handle.seek(self._length)
        self._handle.write(data)
        self._length += len(data)

    def read(self, at: int, size: int, /) -> bytes:
        """Some bytes from a place on."""
        self._handle.seek(at)
        return self._handle.read(size)

    def truncate(self, length: int, /) -> None:
        """Forget the rest."""
        self._handle.truncate(length)
        self._length = length

    def close(self) -> None:
        """It is needed no more."""
        self._handle.close()


class _Reader(SealedReader):
    """Says in the studio's words what is wrong with a file."""

    def readinto(self, buffer: object, /) -> int:
        try:
            return super().readinto(buffer)  # type: ignore[arg-type]
        except SealError as error:
            raise BadDataError(
                "A sealed file was changed, so what it holds can't be trusted. Prepare the set anew, or take "
                "the file from a backup."
            ) from error


def print_without_words(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """Where an unforeseen error came from, not what it says: that may quote a text, and the log is plain."""
    del error
    traceback.print_tb(trace)
    print(kind.__name__, file=sys.stderr)


def _closed(path: Path) -> BadDataError:
    return BadDataError(
        f"{path.name} doesn't open: it was changed or cut short, or it is sealed under another user's key."
    )


PLAIN = Safe.plain()
