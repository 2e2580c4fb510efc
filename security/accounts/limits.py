"""The place for a limit on sign-in attempts. `Unlimited` lets every attempt through.

A limiter is asked before the password is looked at and told afterwards how it went.
"""

from __future__ import annotations

from typing import Protocol


class Limiter(Protocol):
    """Slows down guessing. `account` is a compared name (it may belong to nobody), `address` an IP."""

    def wait_s(self, account: str, address: str, now: float) -> float:
        """Seconds until another attempt may be made; 0 means now."""

    def note(self, account: str, address: str, *, succeeded: bool, now: float) -> None:
        """What came of an attempt."""


class Unlimited:
    """No limit beyond what the pool of workers can do."""

    def wait_s(self, account: str, address: str, now: float) -> float:  # noqa: ARG002
        """Always 0."""
        return 0.0

    def note(self, account: str, address: str, *, succeeded: bool, now: float) -> None:
        """Remembers nothing."""
