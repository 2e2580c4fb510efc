"""An append-only ledger: a hash chain and a Merkle tree in a database, with signed checkpoints.

Nobody can change what was written without being found out by who keeps a checkpoint; see `store` for who is
found out and who isn't. No consensus among strangers is needed for that, and so no mining.
"""

from security.crypto.ledger.checkpoints import Checkpoint
from security.crypto.ledger.entries import Entry, Field
from security.crypto.ledger.errors import (
    CheckpointError,
    EntryError,
    LedgerDamagedError,
    LedgerError,
    LedgerStoreError,
    ProofError,
)
from security.crypto.ledger.search import Query
from security.crypto.ledger.store import Inclusion, Ledger
from security.crypto.ledger.tables import create_tables
from security.crypto.ledger.verification import Mark, Report, Stretch

__all__ = [
    "Checkpoint",
    "CheckpointError",
    "Entry",
    "EntryError",
    "Field",
    "Inclusion",
    "Ledger",
    "LedgerDamagedError",
    "LedgerError",
    "LedgerStoreError",
    "Mark",
    "ProofError",
    "Query",
    "Report",
    "Stretch",
    "create_tables",
]
