"""How passwords are hashed, as the environment says.

ASKLEPION_PASSWORD_HASH is bcrypt or argon2id; ASKLEPION_ARGON2 is Argon2id's cost as m, t and p of its stored
form. Hashes of the other scheme go on to work, and are made anew when their owners sign in.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from security.accounts.errors import AccountSettingsError
from security.crypto.errors import CryptoError
from security.crypto.passwords import ARGON2ID, BCRYPT, Argon2Cost, PasswordHasher

SCHEME_VARIABLE = "ASKLEPION_PASSWORD_HASH"
COST_VARIABLE = "ASKLEPION_ARGON2"
_SCHEMES = {"bcrypt": BCRYPT, "argon2id": ARGON2ID}
_COST = re.compile(r"m=([0-9]{1,7}),t=([0-9]{1,2}),p=([0-9]{1,2})", re.ASCII)
# The least of what OWASP's password storage cheat sheet allows, from 47104 KiB once to 7168 KiB five times.
_LEAST_MEMORY = 7168
_LEAST_WORK = 5 * 7168


@dataclass(frozen=True)
class Hashing:
    """The scheme of new hashes, and the cost of Argon2id."""

    scheme: str = BCRYPT
    argon2: Argon2Cost = field(default_factory=Argon2Cost)

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> Hashing:
        """From ASKLEPION_PASSWORD_HASH and ASKLEPION_ARGON2.

        Raises:
            AccountSettingsError: one can't be used; the message names it.
        """
        chosen = environ.get(SCHEME_VARIABLE) or "bcrypt"
        if chosen not in _SCHEMES:
            raise AccountSettingsError(
                f"{SCHEME_VARIABLE} must be bcrypt or argon2id; it is {chosen!r}.", option=SCHEME_VARIABLE
            )
        text = environ.get(COST_VARIABLE)
        return cls(_SCHEMES[chosen], _cost(text) if text else Argon2Cost())

    def hasher(self, pepper: bytes, rounds: int) -> PasswordHasher:
        """The hasher; `rounds` is bcrypt's cost."""
        return PasswordHasher(pepper, rounds, self.scheme, self.argon2)


def _cost(text: str) -> Argon2Cost:
    match = _COST.fullmatch(text)
    if match is None:
        raise AccountSettingsError(
            f"{COST_VARIABLE} must be like m=65536,t=3,p=1 (KiB of memory, passes, lanes); it is {text!r}.",
            option=COST_VARIABLE,
        )
    try:
        cost = Argon2Cost(*(int(part) for part in match.groups()))
    except CryptoError as error:
        raise AccountSettingsError(f"{COST_VARIABLE}: {error}", option=COST_VARIABLE) from error
    if cost.memory < _LEAST_MEMORY or cost.memory * cost.passes < _LEAST_WORK:
        raise AccountSettingsError(
            f"{COST_VARIABLE} is too cheap for an attacker. Take at least m=19456,t=2,p=1.",
            option=COST_VARIABLE,
        )
    return cost
