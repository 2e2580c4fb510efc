"""Which privacy budget a federation is charged to.

A client with a set of its own charges the ledger of that set, as a run does. Of one set that was split, each
document is with one client alone, so the set pays once, for the mechanism that is at least as costly as every
client's (parallel composition).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from training.errors import BadConfigError
from training.federated.config import FederationConfig
from training.federated.folder import birth_of, place_of


def ledger_of_client(config: FederationConfig, folder: Path, client: int, ledger: Path | None) -> str:
    """The file; "" is the one beside the client's set."""
    if config.split.dataset:
        from training.private import LEDGER

        return str(place_of(config, folder, client) / LEDGER)
    return str(ledger) if ledger else ""


def charge_source(
    config: FederationConfig,
    folder: Path,
    promises: Sequence[Mapping[str, Any]],
    hashes: Sequence[str],
    ledger: Path | None,
) -> None:
    """Charge the set that was split, once, and allow each part what the whole has paid for.

    Args:
        config: of a private federation with a split set.
        folder: of the federation.
        promises: each client's guarantee.
        hashes: of each client's part.
        ledger: the budget of the set, if not the one beside it.

    Raises:
        BadConfigError: not enough of the set's budget is left.
        CryptoError: the ledger can't be used.
    """
    from security.crypto.privacy import Budget, BudgetSpentError, SampledGaussian
    from training.private import ledger_of

    source, settings = birth_of(folder), config.privacy
    dearest = SampledGaussian(
        noise=min(one["noise"] for one in promises),
        rate=max(one["rate"] for one in promises),
        steps=max(one["steps"] for one in promises),
    )
    budget = Budget(ledger or ledger_of(config.training(config.split.dataset)))
    try:
        budget.charge(source.source, dearest, f"federation {config.name}", key=source.identity)
    except BudgetSpentError as error:
        raise BadConfigError(
            f"privacy.target_epsilon {settings.target_epsilon:g} can't be spent. {error}"
        ) from error
    for client, data in enumerate(hashes, start=1):
        path = Path(ledger_of_client(config, folder, client, None))
        if not path.exists():
            Budget(path).allow(data, 2 * settings.target_epsilon, settings.delta)
