"""Who is signed in: what the middleware puts on a request and everything behind the door relies on."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

SCOPE_PREFIX = "asklepion."
SCOPE_KEY = "asklepion.user"


class Role(StrEnum):
    """What a user may do. More roles come with user management."""

    ADMINISTRATOR = "administrator"


@dataclass(frozen=True)
class Identity:
    """A signed-in user."""

    id: str
    name: str
    role: Role
