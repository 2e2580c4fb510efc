"""The audit trail: what happened to accounts and models, in the ledger that the lab teaches.

Does: notes who (by the account's id, which is random), what and when; a refused sign-in is noted at once, and
further ones for the same account within a minute are counted and noted with the next, so that whoever
guesses can't fill the disk. Does not: hold any name, address, text or secret.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping

from sqlalchemy.engine import Engine

from security.accounts.errors import StoreError
from security.crypto.ledger import Field, Ledger, LedgerDamagedError, LedgerStoreError, create_tables

LEDGER = "asklepion-audit"
NOBODY = "unknown"
REFUSALS_S = 60


class Trail:
    """The trail in the accounts' database."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self._lock = threading.Lock()
        self._refused: dict[str, tuple[float, int]] = {}

    @classmethod
    def open(cls, engine: Engine) -> Trail:
        """The trail, with its tables.

        Raises:
            StoreError: the database can't be used.
        """
        try:
            create_tables(engine)
        except LedgerStoreError as error:
            raise StoreError(str(error)) from error
        return cls(Ledger(engine, LEDGER))

    def note(self, kind: str, user: str, now: float, fields: Mapping[str, Field] | None = None) -> None:
        """Write that `user` (an account's id) did `kind`; it is durable when this returns.

        Raises:
            StoreError: it can't be written.
        """
        try:
            self.ledger.append(kind, {"user": user, **(fields or {})}, now)
        except (LedgerStoreError, LedgerDamagedError) as error:
            raise StoreError(
                f"{error} What happens here must be written down, so it was not done."
            ) from error

    def refused(self, user: str, now: float) -> None:
        """Write that a sign-in to `user` was refused, at most once a minute.

        Raises:
            StoreError: it can't be written.
        """
        with self._lock:
            since, more = self._refused.get(user, (-REFUSALS_S, 0))
            if 0 <= now - since < REFUSALS_S:
                self._refused[user] = (since, more + 1)
                return
            self._refused[user] = (now, 0)
        self.note("sign-in-refused", user, now, {"not-noted-before": more})

    def not_noted_yet(self, user: str) -> int:
        """How many refusals after the last noted one wait to be noted with the next."""
        with self._lock:
            return self._refused.get(user, (0.0, 0))[1]
