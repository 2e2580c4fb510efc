"""The error family of security/crypto. A message says what was wrong and what to do, never a secret."""

from __future__ import annotations


class CryptoError(Exception):
    """Base of every error raised on purpose here.

    `evidence` holds what a caller may log or test (names, lengths, versions): never key material,
    plaintext, passwords or codes.
    """

    def __init__(self, message: str, **evidence: object) -> None:
        super().__init__(message)
        self.evidence = evidence


class KeyEncryptionKeyError(CryptoError):
    """The key-encryption key is missing, malformed, or kept in a file that others could read."""


class SealError(CryptoError):
    """A sealed blob is damaged, foreign, of an unknown version, or belongs to another context."""


class WrongKeyError(SealError):
    """A data key was wrapped under another key-encryption key than the one at hand."""


class PasswordRefusedError(CryptoError):
    """A new password breaks the policy; the message says which rule and what to do."""


class StoredHashError(CryptoError):
    """A stored password hash has a form that this version can't read."""
