"""The studio's error family. The message says what was wrong and what to do; the edge translates it."""

from __future__ import annotations


class TrainingError(Exception):
    """Base of every error the studio raises on purpose."""


class BadDataError(TrainingError):
    """A file, a set or its labels can't be used; the message says which, and what to do."""


class BadConfigError(TrainingError):
    """An option is unknown or out of range; the message names option, range and what was given."""


class RunError(TrainingError):
    """A run can't start or go on; the message says what to do."""


class OutOfMemoryError(RunError):
    """The machine's memory didn't suffice; `changes` are the options that would make it fit."""

    def __init__(self, message: str, changes: dict[str, object]) -> None:
        super().__init__(message)
        self.changes = changes
