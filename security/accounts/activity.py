"""What happened to one's own account lately, out of the audit trail, for its owner to recognise or not.

OWASP ASVS 5.0, 6.3.5 and 6.3.7: people hear of refused attempts and of changes to their factors; here on
their own page, for this app sends no mail. Does not: know who tried, for the trail holds no address.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from security.accounts.audit import Trail
from security.accounts.errors import StoreError
from security.accounts.trail_words import factor_of
from security.crypto.ledger import Entry, EntryError, LedgerStoreError, Query

MOST_SHOWN = 12
# Of the entries that name the person: others can't wash these out, and many must not make the page slow.
LOOKED_AT = 2_000
_REFUSED = "sign-in-refused"
_SIGN_IN = "sign-in"
_WORDS: Mapping[str, str] = MappingProxyType(
    {
        _SIGN_IN: "Signed in",
        _REFUSED: "An attempt to sign in, or to confirm, was refused",
        "sign-out": "Signed out",
        "confirmed-again": "Password and second factor were given again",
        "person-joined": "The account was made",
        "password-changed": "The password was changed",
        "password-reset": "A new password was set by a link",
        "factor-renewed": "A new authenticator app took the place of the old one",
        "passkey-added": "A passkey was added",
        "passkey-renamed": "A passkey got another name",
        "passkey-removed": "A passkey was removed",
        "passkey-clone-suspected": "A passkey was refused: there may be a copy of it",
        "consent-given": "The privacy text was agreed to",
        "data-exported": "The data of the account were downloaded",
        "recovery-codes-renewed": "New recovery codes were made",
        "sessions-ended": "Sessions were ended",
        "reset-link-made": "An administrator made a link to a new password",
        "role-changed": "An administrator changed the role",
        "person-disabled": "An administrator disabled the account",
        "person-enabled": "An administrator enabled the account",
    }
)
_BY_OTHERS = frozenset({"reset-link-made", "role-changed", "person-disabled", "person-enabled"})


@dataclass(frozen=True)
class Happening:
    """A line of the list; `at` in Unix seconds."""

    at: int
    words: str


@dataclass(frozen=True)
class Activity:
    """The latest first, and how many attempts were refused since the sign-in before this one."""

    happenings: tuple[Happening, ...]
    refused: int


def recent(trail: Trail, user: str, looked_at: int = LOOKED_AT) -> Activity:
    """What the last `looked_at` entries of the trail that name the account `user` have of it.

    Raises:
        StoreError: the trail can't be read.
    """
    try:
        entries = trail.ledger.find(Query(value=user), looked_at, below=len(trail.ledger))
        own = [(entry, words) for entry in reversed(entries) if (words := _words(entry, user))]
        refused = _refused([one for one, _ in own])
        # What is not noted yet came after the last that is.
        refused += trail.not_noted_yet(user) if refused else 0
        return Activity(tuple(_told(*one) for one in own[:MOST_SHOWN]), refused)
    except LedgerStoreError as error:
        raise StoreError(str(error)) from error


def _words(entry: Entry, user: str) -> str | None:
    """What to call an entry, or None if it is about somebody or something else."""
    whose = "person" if entry.kind in _BY_OTHERS else "user"
    if _fields(entry).get(whose) != user:
        return None
    return _WORDS.get(entry.kind)


def _told(entry: Entry, words: str) -> Happening:
    more = _fields(entry).get("not-noted-before")
    if entry.kind == _REFUSED and isinstance(more, int) and more:
        words = f"{words}, and {more} more shortly before"
    if entry.kind == _SIGN_IN:
        words = f"{words} with {factor_of(_fields(entry))}"
    return Happening(entry.time // 1000, words)


def _refused(own: list[Entry]) -> int:
    """Refusals since the last sign-in but one: the last is usually the session that asks."""
    count = signed_in = 0
    for entry in own:
        signed_in += entry.kind == _SIGN_IN
        if signed_in == 2:
            break
        if entry.kind == _REFUSED:
            more = _fields(entry).get("not-noted-before")
            count += 1 + (more if isinstance(more, int) else 0)
    return count


def _fields(entry: Entry) -> Mapping[str, object]:
    try:
        return entry.fields
    except EntryError:
        return {}  # a damaged entry tells nothing here; `ledger verify` finds it
