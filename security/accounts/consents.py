"""Agreeing to the privacy text: which edition, when, and in the trail.

GDPR, art. 7 (1): that a person agreed can be shown. Does not: hold the text (templates/privacy.html), or keep
anybody out (duties.py and the middleware do).
"""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from security.accounts.account import Tools
from security.accounts.database import store_errors
from security.accounts.duties import EDITION
from security.accounts.errors import RefusedError
from security.accounts.tables import Consent

_CHANGED = "The text has changed since this page was loaded. Please read it again."


class Consents:
    """Who agreed to what. Every method blocks."""

    def __init__(self, tools: Tools, edition: int = EDITION) -> None:
        self._tools = tools
        self.edition = edition

    def given_at(self, user: str) -> int | None:
        """When `user` agreed to this edition; None if that is still owed.

        Raises:
            StoreError: the database can't be read.
        """
        with store_errors("Please try again in a moment."), Session(self._tools.engine) as session:
            return session.scalar(
                select(Consent.at).where(Consent.user_id == user, Consent.edition == self.edition)
            )

    def give(self, user: str, edition: str, now: float) -> None:
        """Note that `user` agrees to the text of `edition`, which is the one that was shown.

        Raises:
            RefusedError: it is not the present one.
            StoreError: the database refuses; nothing was noted as agreed to.
        """
        if edition != str(self.edition):
            raise RefusedError(_CHANGED)
        if self.given_at(user) is not None:
            return
        self._tools.trail.note("consent-given", user, now, {"edition": self.edition})
        with store_errors("Nothing was noted."):
            try:
                with Session(self._tools.engine) as session, session.begin():
                    session.add(Consent(user_id=user, edition=self.edition, at=int(now)))
            except IntegrityError:
                # A second click was faster, or the account is gone.
                if self.given_at(user) is None:
                    raise
