"""The error family of security/accounts. A message says what was wrong and what to do, never a secret."""

from __future__ import annotations

from security.crypto.errors import SealError


class AccountsError(Exception):
    """Base of every error raised on purpose here.

    `evidence` holds what a caller may log or test (names of options, paths, ids): never a password, a
    code, a token or a key.
    """

    def __init__(self, message: str, **evidence: object) -> None:
        super().__init__(message)
        self.evidence = evidence


class AccountSettingsError(AccountsError):
    """An option has a value that can't be used; the message names the option and its range."""


class StoreError(AccountsError):
    """The database can't be opened, read or written."""


class SealedUnderAnotherKeyError(AccountsError):
    """The accounts in the database can't be opened with the key-encryption key at hand."""


class BackupError(AccountsError):
    """A backup can't be made, is damaged or is none, or can't be restored there."""


class UnknownUserError(AccountsError, SealError):
    """No account has this id; so nothing can be sealed or opened for it either."""


class NameRefusedError(AccountsError):
    """A new account's name breaks the rules; the message says which."""


class RefusedError(AccountsError):
    """A change to an account is not allowed, or what was typed does not match; the message says which."""


class ClearingError(AccountsError):
    """Something that a deleted account has left can't be removed now."""


class ClassListError(AccountsError):
    """A list of a class can't be used; `lines` has a sentence for each line that is wrong."""

    def __init__(self, lines: tuple[str, ...]) -> None:
        super().__init__("Nobody was invited. " + " ".join(lines))
        self.lines = lines


class BusyError(AccountsError):
    """More requests are waiting than may wait; try again in a moment."""


class TooOftenError(BusyError):
    """One person or link asks for more work than it may; others are not held up."""


class FormError(AccountsError):
    """A form could not be read; `status` is what HTTP calls it."""

    def __init__(self, message: str, status: int = 400) -> None:
        super().__init__(message, status=status)
        self.status = status


class SetupError(AccountsError):
    """Base of what can go wrong between the set-up link and the first administrator."""


class SetupClosedError(SetupError):
    """There is an administrator already, or the token is not the one that was printed."""


class SetupExpiredError(SetupError):
    """Too long between choosing a password and typing the first code."""


class SetupCodeError(SetupError):
    """The first code does not match the secret that was shown."""
