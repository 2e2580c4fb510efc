"""What the lab refuses, in sentences that teach: what is wrong, what to do, and what an attacker learns of
it."""

from __future__ import annotations


class LabError(Exception):
    """Base of all; the message is meant for the person at the page."""


class NoSuchLessonError(LabError):
    """There is no lesson or no run of this name."""


class BadParameterError(LabError):
    """A value can't be used. `name` says which, `lesson` what there is to learn from it (may be empty)."""

    def __init__(self, name: str, message: str, teaches: str = "") -> None:
        super().__init__(f"{name}: {message}" + (f" {teaches}" if teaches else ""))
        self.name = name
        self.teaches = teaches


class TooMuchError(LabError):
    """A run went over its time or memory and was stopped."""


class NotHereError(LabError):
    """A run needs something that isn't there, such as the app's language model."""
