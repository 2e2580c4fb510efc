"""What the limiter is told when an attempt was a good one: the same for every page that takes attempts."""

from __future__ import annotations

import logging

from security.accounts.errors import BusyError, StoreError
from security.accounts.limits import Limiter, Visitor
from security.accounts.work import Workers

_log = logging.getLogger("asklepion.accounts")


async def succeeded(limiter: Limiter, workers: Workers, visitor: Visitor, now: float) -> str | None:
    """The cookie by which the device is known from now on, if there is one."""
    try:
        return await workers.run(limiter.succeeded, visitor, now)
    except (BusyError, StoreError) as error:
        # What succeeded stands; what was counted is forgotten within the hour.
        _log.warning("an attempt that succeeded stays counted: %s", error)
        return None
