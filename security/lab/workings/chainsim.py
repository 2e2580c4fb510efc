"""Blockchains in the small: proof of work, peers that hear of blocks late, and the race of a double spend.

Everything is drawn from the caller's `random.Random` and counted in ticks, so that the same seed gives the
same chain everywhere. Does not: transactions, signatures, a network, changing difficulty.

Sources: Nakamoto 2008, sections 4, 5 and 11; Rosenfeld 2014, "Analysis of hashrate-based double spending".
"""

from __future__ import annotations

import hashlib
import math
import random
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass

HONEST, FALSE = b"with the payment", b"without the payment"
"""What the blocks of the two chains of a double spend say."""


def leading_zero_bits(digest: bytes) -> int:
    """How many bits are 0 before the first 1."""
    return 8 * len(digest) - int.from_bytes(digest, "big").bit_length()


@dataclass(frozen=True)
class Mined:
    """A number (8 bytes, big-endian) that gives header and number a hash with enough zero bits; `tries`
    counts all that were hashed."""

    number: int
    hash: bytes
    tries: int


def mine(header: bytes, bits: int, most: int) -> Mined | None:
    """Try numbers from 0 until SHA-256(header | number) begins with `bits` zero bits; None after `most`."""
    begun, bound = hashlib.sha256(header), 1 << 256 - bits
    for number in range(most):
        attempt = begun.copy()
        attempt.update(number.to_bytes(8, "big"))
        digest = attempt.digest()
        if int.from_bytes(digest, "big") < bound:
            return Mined(number, digest, number + 1)
    return None


@dataclass(frozen=True)
class Block:
    """A block of the simulation: who found it, when, and on which other (None: the first)."""

    height: int
    parent: int | None
    miner: int
    tick: int


@dataclass(frozen=True)
class History:
    """What happened.

    Attributes:
        blocks: all, in the order they were found; block 0 is the common beginning.
        tips: for each peer, the block at whose end it works.
        ticks: how long it took.
        changes: how many times a peer left a branch for a longer one.
    """

    blocks: tuple[Block, ...]
    tips: tuple[int, ...]
    ticks: int
    changes: int

    @property
    def agreed(self) -> bool:
        """Whether all peers are on the same block."""
        return len(set(self.tips)) == 1

    def main(self) -> list[int]:
        """The longest chain, from the first block; of two equally long ones the one found first."""
        at: int | None = max(range(len(self.blocks)), key=lambda n: (self.blocks[n].height, -n))
        path: list[int] = []
        while at is not None:
            path.append(at)
            at = self.blocks[at].parent
        return path[::-1]


def peers(rng: random.Random, count: int, height: int, every: int, delay: int, most: int = 5_000) -> History:
    """`count` peers of equal power mine until all agree on a chain of at least `height` blocks.

    One of them finds a block each `every` ticks on average; the others hear of it `delay` ticks later, and go
    over to it if its chain is longer than theirs. Ends after `most` ticks at the latest.
    """
    blocks = [Block(0, None, -1, 0)]
    tips = [0] * count
    posted: list[tuple[int, int]] = []  # (when it arrives, block), in order, for the delay is constant
    changes = tick = 0
    while tick < most:
        tick += 1
        while posted and posted[0][0] <= tick:
            _, new = posted.pop(0)
            for peer in range(count):
                if blocks[new].height > blocks[tips[peer]].height:
                    changes += blocks[new].parent != tips[peer]
                    tips[peer] = new
        for peer in range(count):
            if rng.random() * every * count < 1:
                blocks.append(Block(blocks[tips[peer]].height + 1, tips[peer], peer, tick))
                tips[peer] = len(blocks) - 1
                posted.append((tick + delay, tips[peer]))
        if not posted and len(set(tips)) == 1 and blocks[tips[0]].height >= height:
            break
    return History(tuple(blocks), tuple(tips), tick, changes)


def lanes(history: History) -> list[int]:
    """A row for each block to draw it in: 0 for the longest chain, others for what branched off it."""
    main = set(history.main())
    rows: list[int] = []
    taken: dict[int, int] = {}  # row -> the greatest height in it
    for number, block in enumerate(history.blocks):
        if number in main:
            rows.append(0)
            continue
        row = rows[block.parent] if block.parent is not None and block.parent not in main else 0
        if row == 0 or taken.get(row, -1) >= block.height:
            row = next(r for r in range(1, len(history.blocks) + 1) if taken.get(r, -1) < block.height)
        taken[row] = block.height
        rows.append(row)
    return rows


@dataclass(frozen=True)
class Race:
    """One attempt at a double spend: `honest` and `false` are the lengths of the two chains after each
    block."""

    won: bool
    honest: tuple[int, ...]
    false: tuple[int, ...]


def race(rng: random.Random, share: float, confirmations: int, give_up: int = 60) -> Race:
    """An attacker with this share of the power pays on the honest chain and mines another in secret, where
    she never paid. She has one block in hand at the start. Once the payment has its confirmations and her
    chain is the longer one, she publishes it and has won; `give_up` blocks behind, she stops.
    """
    honest, false = [0], [1]
    while True:
        hers = rng.random() < share
        honest.append(honest[-1] + (not hers))
        false.append(false[-1] + hers)
        if honest[-1] >= confirmations and false[-1] > honest[-1]:
            return Race(True, tuple(honest), tuple(false))
        if honest[-1] - false[-1] >= give_up:
            return Race(False, tuple(honest), tuple(false))


def wins(rng: random.Random, share: float, confirmations: int, trials: int, give_up: int = 60) -> int:
    """How many of `trials` races she wins; as `race`, without keeping their course."""
    draw, won = rng.random, 0
    for _ in range(trials):
        honest, lead = 0, 1
        while honest < confirmations or lead <= 0:
            if draw() < share:
                lead += 1
            else:
                honest, lead = honest + 1, lead - 1
                if lead <= -give_up:
                    break
        else:
            won += 1
    return won


def follows(own: Sequence[bytes], offered: Sequence[bytes], final: Mapping[int, Set[bytes]]) -> bool:
    """Whether a peer leaves its chain for another, both lists of block hashes by height: it must be longer
    and hold, at each height in `final`, one of the blocks that were signed there."""
    if len(offered) <= len(own):
        return False
    return all(height < len(offered) and offered[height] in blocks for height, blocks in final.items())


def chain(name: bytes, length: int) -> list[bytes]:
    """The hashes of a chain of so many blocks after the common first one, a block named `name` on another."""
    hashes = [hashlib.sha256(b"the first block").digest()]
    for _ in range(length):
        hashes.append(hashlib.sha256(hashes[-1] + name).digest())
    return hashes


def undone(
    rng: random.Random, share: float, confirmations: int, trials: int, final: Mapping[int, Set[bytes]]
) -> tuple[int, int]:
    """(races in which her chain was the longer once the goods were out, races in which the peers went over
    to it), by `race` and `follows`; the chains are `chain(HONEST, ...)` and `chain(FALSE, ...)`."""
    longer = moved = 0
    honest, false = chain(HONEST, 0), chain(FALSE, 0)
    for _ in range(trials):
        one = race(rng, share, confirmations)
        if not one.won:
            continue
        high, low = one.false[-1], one.honest[-1]
        if high >= len(false):
            honest, false = chain(HONEST, 2 * high), chain(FALSE, 2 * high)
        longer += 1
        moved += follows(honest[: low + 1], false[: high + 1], final)
    return longer, moved


def nakamoto(share: float, confirmations: int) -> float:
    """The probability that she catches up, by the formula of Nakamoto 2008, section 11: her blocks while the
    shop waits are taken as Poisson distributed, which is a little too hopeful for small numbers."""
    q, p = share, 1 - share
    if q >= p:
        return 1.0
    mean, sum_ = confirmations * q / p, 1.0
    weight = math.exp(-mean)
    for k in range(confirmations + 1):
        sum_ -= weight * (1 - (q / p) ** (confirmations - k))
        weight *= mean / (k + 1)
    return max(0.0, sum_)


def rosenfeld(share: float, confirmations: int) -> float:
    """The same without that approximation (Rosenfeld 2014, section 4): her blocks are negative binomial."""
    q, p, n = share, 1 - share, confirmations
    if q >= p:
        return 1.0
    terms = (math.comb(m + n - 1, m) * (p**n * q**m - p**m * q**n) for m in range(n + 1))
    return max(0.0, 1 - math.fsum(terms))


def needed(share: float, risk: float, most: int = 400) -> int | None:
    """The fewest confirmations for which `rosenfeld` is at most `risk`; None if `most` are too few."""
    return next((n for n in range(1, most + 1) if rosenfeld(share, n) <= risk), None)


def mean(values: Sequence[int]) -> float:
    """The mean of at least one value."""
    return sum(values) / len(values)
