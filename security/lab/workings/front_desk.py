"""A sign-in desk with password and second factor, and a phone company: small, and with this app's modules."""

from __future__ import annotations

import hmac
import random
from dataclasses import dataclass, field

from security.crypto import onetime
from security.crypto.passwords import PasswordHasher

_COST = 4  # the class need not wait; the app uses 12


class Desk:
    """One account: a password, and a one-time code that is good once, as the app does it."""

    def __init__(self, password: str, secret: str, rng: random.Random) -> None:
        self._rng = rng
        self._hasher = PasswordHasher(rng.randbytes(32), rounds=_COST)
        self._kept = self._hasher.hash(password)
        self._secret = secret
        self._last_step = -1
        self._sent = ""

    def enter(self, password: str, code: str, now: int) -> bytes | None:
        """A session's token for the right password and a fresh code at Unix time `now`, else None."""
        step = onetime.matching_step(self._secret, code, now=now, last_step=self._last_step)
        if not self._hasher.verify(password, self._kept) or step is None:
            return None
        self._last_step = step
        return self._rng.randbytes(16)

    def send_code(self, password: str, company: Company, number: str) -> str | None:
        """After the right password: a code of six digits by text message. Returns who got it."""
        if not self._hasher.verify(password, self._kept):
            return None
        self._sent = f"{self._rng.randrange(10**6):06d}"
        return company.deliver(number, self._sent)

    def enter_sent(self, code: str) -> bytes | None:
        """A session's token for the code that was sent, once; else None."""
        right = bool(self._sent) and hmac.compare_digest(self._sent.encode(), code.encode())
        self._sent = ""
        return self._rng.randbytes(16) if right else None


@dataclass
class Company:
    """Who holds which number, what a caller must say to move one, and the messages on each phone."""

    holders: dict[str, str]
    answers: dict[str, str]
    messages: dict[str, list[str]] = field(default_factory=dict)

    def move(self, number: str, answer: str, to: str) -> bool:
        """Give the number to `to` if the caller's answer is the one on file."""
        if not hmac.compare_digest(self.answers[number].encode(), answer.encode()):
            return False
        self.holders[number] = to
        return True

    def deliver(self, number: str, text: str) -> str:
        """Send a message to whoever holds the number; returns who."""
        holder = self.holders[number]
        self.messages.setdefault(holder, []).append(text)
        return holder
