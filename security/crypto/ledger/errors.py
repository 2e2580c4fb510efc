"""The errors of the ledger, a family within `CryptoError`."""

from __future__ import annotations

from security.crypto.errors import CryptoError


class LedgerError(CryptoError):
    """Base of the ledger's errors."""


class EntryError(LedgerError):
    """What should be written has no canonical form: a wrong kind, a field that is neither text nor number."""


class ProofError(LedgerError):
    """A proof doesn't show what it claims."""


class CheckpointError(LedgerError):
    """A checkpoint is malformed, or signed by another key."""


class LedgerDamagedError(LedgerError):
    """The ledger holds something that `append` never writes, or lacks something that it wrote."""


class LedgerStoreError(LedgerError):
    """The database can't be read or written; nothing was added."""
