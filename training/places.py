"""Where a user's sets, tokenizers, runs and versions lie: each user in a folder of their own."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from training.errors import BadConfigError

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_USER = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")


def check_name(what: str, name: str) -> str:
    """`name`, if it can be the name of a folder here.

    Raises:
        BadConfigError: it can't.
    """
    if not NAME.fullmatch(name):
        raise BadConfigError(
            f"The name of the {what} must be 1 to 64 letters, digits, dots, dashes or underscores, a letter "
            f"or digit first; it is {name!r}."
        )
    return name


@dataclass(frozen=True)
class Places:
    """The folders of one user; none is made before something is put there."""

    root: Path

    @classmethod
    def of(cls, studio: Path, user: str) -> Places:
        """Of a user of the page. An id that could name another's folder is a mistake of ours.

        Raises:
            ValueError: the id has characters that no id has.
        """
        if not _USER.fullmatch(user):
            raise ValueError("This is no user's id.")
        return cls(studio / user)

    @property
    def sets(self) -> Path:
        """Prepared sets."""
        return self.root / "sets"

    @property
    def tokenizers(self) -> Path:
        """Trained tokenizers."""
        return self.root / "tokenizers"

    @property
    def runs(self) -> Path:
        """Training runs, by name."""
        return self.root / "runs"

    @property
    def versions(self) -> Path:
        """The registry."""
        return self.root / "versions"

    @property
    def federations(self) -> Path:
        """Federated runs."""
        return self.root / "federations"

    def used(self) -> int:
        """Bytes on disk."""
        if not self.root.exists():
            return 0
        return sum(path.lstat().st_size for path in self.root.rglob("*") if path.is_file())
