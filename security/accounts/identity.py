"""Who is signed in: what the middleware puts on a request and everything behind the door relies on."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

SCOPE_PREFIX = "asklepion."
SCOPE_KEY = "asklepion.user"


class Role(StrEnum):
    """What a user may do: an administrator also invites and manages people, and with a teacher sees the
    results of a class. A clinician may do what a student may; the role is there to be told apart by.
    """

    ADMINISTRATOR = "administrator"
    TEACHER = "teacher"
    STUDENT = "student"
    CLINICIAN = "clinician"


class Duty(StrEnum):
    """What a user may owe before the rooms open."""

    CONSENT = "consent"
    PASSKEY = "passkey"


@dataclass(frozen=True)
class Identity:
    """A signed-in user; `owes` is what keeps the rooms shut until it is done."""

    id: str
    name: str
    role: Role
    owes: Duty | None = None
