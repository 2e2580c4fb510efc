"""The run of lesson 8 in which named hospitals sign a block, and a majority of the power no longer helps."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from security.lab import story
from security.lab.lesson import Run
from security.lab.lessons import _ledger_peers as peers
from security.lab.parameters import Chosen, Whole
from security.lab.steps import Event, Outcome, Step, Table, Value
from security.lab.workings import chainsim, consents
from ui import plots

if TYPE_CHECKING:
    from security.crypto.ledger import Checkpoint
    from security.crypto.signatures import SigningKey, VerifyKey

QUORUM = 4
"""Of five hospitals: two different fours have three in common, and so an honest one while at most two lie."""
_LEDGER = "chain"


def _signed(height: int, block: bytes, keys: Sequence[SigningKey]) -> list[Checkpoint]:
    """That `block` stands at `height`, by each of these keys, in the form of the app's own ledger."""
    from security.crypto.ledger import checkpoints

    now = consents.FIRST_TIME
    return [checkpoints.sign(_LEDGER, height, block, now, key) for key in keys]


def _valid(shown: Sequence[Checkpoint], known: Sequence[VerifyKey]) -> list[bool]:
    """For each known hospital, whether the checkpoint shown as its own bears its signature."""
    from security.crypto.ledger import CheckpointError

    found = []
    for checkpoint, key in zip(shown, known, strict=True):
        try:
            checkpoint.verify(key)
        except CheckpointError:
            found.append(False)
        else:
            found.append(True)
    return found


def _finality(chosen: Chosen, rng: random.Random) -> Iterator[Event]:
    from security.crypto.signatures import SigningKey

    share, height = chosen.real("share"), chosen.whole("confirmations")
    liars = chosen.whole("liars")
    yield peers.one_race(rng, share, height)
    keys = [SigningKey(rng.randbytes(32)) for _ in story.HOSPITALS]
    known = [key.verify_key for key in keys]
    hers = SigningKey(rng.randbytes(32))
    blocks = chainsim.chain(chainsim.HONEST, height)[height], chainsim.chain(chainsim.FALSE, height)[height]
    # Liars sign both: Mallory needs them for the true one too, or no goods go out.
    true = _signed(height, blocks[0], keys)
    false = _signed(height, blocks[1], [key if at < liars else hers for at, key in enumerate(keys)])
    votes = _valid(true, known), _valid(false, known)
    yield _votes(height, true[0], votes)
    final = {height: {block for block, by in zip(blocks, votes, strict=True) if sum(by) >= QUORUM}}
    longer, moved = chainsim.undone(rng, share, height, peers.TRIALS, final)
    yield Step(
        f"{peers.TRIALS:,} races, and peers with a rule",
        "Her chain is the longer one as often as before. A peer goes over to a longer chain only if it holds a block that "
        f"{QUORUM} hospitals signed at that height. If she publishes before they sign, the payment is gone before the "
        "goods are out, and nothing is stolen.",
        (Value("her chain is longer", longer), Value("peers go over to it", moved)),
        plots.bars("Races", [("hers is longer", longer), ("peers follow", moved)]),
    )
    yield _end(moved, liars)


def _votes(height: int, first: Checkpoint, votes: tuple[list[bool], list[bool]]) -> Step:
    rows = tuple(
        (name, *("signed" if by[at] else "not by its key" for by in votes))
        for at, name in enumerate(story.HOSPITALS)
    )
    return Step(
        f"Five hospitals sign block {height}",
        f"When the payment has its [[confirmation|confirmations]], each signs a [[checkpoint]] of the chain it sees, in the "
        f"form of this app's ledger, and an honest one never signs two at one height. {QUORUM} of five make it final; "
        f"only then the goods go out. {story.ATTACKER} shows a checkpoint of her own, with her key where a hospital "
        "won't sign.",
        (
            Value("block", first.root),
            Value(f"signature of {story.HOSPITALS[0]}", first.signature),
            Value("good signatures under the shop's block", sum(votes[0])),
            Value("good signatures under Mallory's", sum(votes[1])),
            Value("needed", QUORUM),
        ),
        table=Table(("hospital", "shop's block", "Mallory's block"), rows),
    )


def _end(moved: int, liars: int) -> Outcome:
    end = peers.verdict(moved)
    if end.verdict == "broken":
        return Outcome("broken", end.text + f" {liars} of five hospitals sign both histories.")
    more = " Power doesn't sign. But this is a chain among names, and no longer among strangers."
    if 2 * QUORUM - len(story.HOSPITALS) <= liars:
        more += f" With {liars} liars, a network cut in two would be enough: here the honest all see the shop's chain."
    return Outcome("held", end.text + more)


RUN = Run(
    "finality",
    "cure",
    "Sign a block for good",
    "The same race with more than half of the power. Four of five hospitals sign the shop's block, and no peer rewrites below it.",
    _finality,
    (
        peers.share_of(0.55),
        peers.confirmations_of(6),
        Whole("liars", "Hospitals that sign for Mallory too", 1, 0, len(story.HOSPITALS)),
    ),
    ("majority",),
)
