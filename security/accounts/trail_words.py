"""The audit trail in plain words: what each kind of entry says about whom.

Does: tell what a person who never saw a kind's name can read. A kind that isn't known here is told by its
name. Does not: show a field that it doesn't know, for what is in it isn't known either.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from security.accounts.audit import NOBODY
from security.accounts.rotation import INSTALLATION
from security.crypto.ledger import Entry, EntryError, Field

Fields = Mapping[str, Field]
Names = Mapping[str, str]
_SHOWN_OF_AN_ID = 8

_FACTORS = {
    "one-time-code": "a one-time code",
    "recovery-code": "a recovery code",
    "passkey": "a passkey",
}
_ENDED = {"one": "another session of their own", "others": "all their other sessions"}


def _factor(fields: Fields) -> str:
    return _FACTORS.get(str(fields.get("factor", "")), "a second factor")


def _refusals(fields: Fields) -> str:
    more = fields.get("not-noted-before", 0)
    return f"; {more} more since the one noted before" if type(more) is int and more > 0 else ""


def _entries(fields: Fields) -> str:
    count = fields.get("entries")
    return "1 entry" if count == 1 else f"{count} entries" if type(count) is int else "a part"


Told = Callable[[str, str, Fields], str]
# Each is told who did it, to whom, and the entry's fields.
_WORDS: Mapping[str, Told] = MappingProxyType(
    {
        "set-up": lambda *_: "The first administrator was set up",
        "sign-in": lambda who, _, f: f"{who} signed in with {_factor(f)}",
        "sign-in-refused": lambda who, _, f: f"A sign-in as {who} was refused{_refusals(f)}",
        "sign-out": lambda who, *_: f"{who} signed out",
        "consent-given": lambda who, *_: f"{who} agreed to the privacy text",
        "confirmed-again": lambda who, *_: f"{who} gave password and second factor again",
        "password-changed": lambda who, *_: f"{who} chose a new password",
        "password-reset": lambda who, *_: f"{who} set a new password by a link",
        "factor-renewed": lambda who, *_: f"{who} put a new authenticator app in place",
        "passkey-added": lambda who, *_: f"{who} added a passkey",
        "passkey-removed": lambda who, *_: f"{who} removed a passkey",
        "recovery-codes-renewed": lambda who, *_: f"{who} made new recovery codes",
        "sessions-ended": lambda who, _, f: f"{who} ended {_ENDED.get(str(f.get('which')), 'sessions')}",
        "person-invited": lambda who, _, f: f"{who} invited somebody as {f.get('role', 'a member')}",
        "invitation-withdrawn": lambda who, *_: f"{who} withdrew an invitation",
        "person-joined": lambda who, _, f: f"{who} accepted an invitation as {f.get('role', 'a member')}",
        "role-changed": lambda who, whom, f: f"{who} gave {whom} the role {f.get('role', '?')}",
        "person-disabled": lambda who, whom, _: f"{who} disabled the account of {whom}",
        "person-enabled": lambda who, whom, _: f"{who} enabled the account of {whom} again",
        "person-deleted": lambda who, whom, _: f"{who} deleted the account of {whom}",
        "reset-link-made": lambda who, whom, _: f"{who} made a link to a new password for {whom}",
        "policy-changed": lambda who, _, f: (
            f"{who} changed what the role {f.get('role', '?')} must sign in with"
        ),
        "data-exported": lambda who, *_: f"{who} took a copy of their own data along",
        "trail-exported": lambda who, _, f: f"{who} exported {_entries(f)} of this trail",
        "backup-made": lambda _, __, f: (
            f"A backup was made, {'with' if f.get('with-key') else 'without'} the key"
        ),
        "restored": lambda *_: "The installation was restored from a backup",
        "key-rotated": lambda _, __, f: (
            f"The key was changed; {f.get('accounts', '?')} accounts were wrapped anew"
        ),
        "model-asked-for": lambda who, *_: f"{who} asked for a model to be used by all",
        "model-exported": lambda who, *_: f"{who} exported a model",
        "model-taken-back": lambda who, *_: f"{who} took a model back",
        "model-of-the-house": lambda who, *_: f"{who} made a model the one of the house",
        "model-deleted": lambda who, *_: f"{who} deleted a model",
    }
)


def told(entry: Entry, names: Names) -> str:
    """One sentence without its full stop. `names` are those of the accounts that there are, by id."""
    try:
        fields = entry.fields
    except EntryError:
        return "This entry can't be read"
    who, whom = (called(fields.get(field), names) for field in ("user", "person"))
    words = _WORDS.get(entry.kind)
    text = words(who, whom, fields) if words else f"{who}: {entry.kind.replace('-', ' ')}"
    # A name is written as its owner does.
    return text if fields.get("user") in names else text[:1].upper() + text[1:]


def called(user: object, names: Names) -> str:
    """How an account is called here; one that is gone by the beginning of its id."""
    if user in (None, NOBODY):
        return "an unknown name" if user == NOBODY else "somebody"
    if user == INSTALLATION:
        return "the installation"
    user = str(user)
    return names.get(user) or f"a deleted account ({user[:_SHOWN_OF_AN_ID]})"
