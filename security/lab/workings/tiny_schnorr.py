"""Schnorr's proof in groups so small that all of its transcripts can be counted; safe for nothing.

The group: powers of `generator` modulo `prime`, of which there are `order`.
"""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass
from typing import TypeAlias

Triple: TypeAlias = tuple[int, int, int]
"""Commitment, challenge, response."""


@dataclass(frozen=True)
class Tiny:
    """A group of prime order `order` inside the numbers modulo `prime`."""

    prime: int
    order: int
    generator: int

    def public(self, secret: int) -> int:
        """The public key of a secret from 0 to order - 1."""
        return pow(self.generator, secret, self.prime)

    def accepts(self, public: int, triple: Triple) -> bool:
        """The check: generator^response = commitment · public^challenge."""
        commitment, challenge, response = triple
        right = commitment * pow(public, challenge, self.prime) % self.prime
        return pow(self.generator, response, self.prime) == right

    def real(self, secret: int, nonce: int, challenge: int) -> Triple:
        """With the secret: commit, be asked, answer."""
        return self.public(nonce), challenge, (nonce + challenge * secret) % self.order

    def simulated(self, public: int, challenge: int, response: int) -> Triple:
        """Without the secret: the commitment is made to fit."""
        away = pow(public, -challenge % self.order, self.prime)
        return pow(self.generator, response, self.prime) * away % self.prime, challenge, response

    def every_real(self, secret: int) -> Counter[Triple]:
        """How often each transcript occurs over all nonces and challenges."""
        around = range(self.order)
        return Counter(self.real(secret, nonce, challenge) for nonce in around for challenge in around)

    def every_simulated(self, public: int) -> Counter[Triple]:
        """How often each transcript occurs over all challenges and responses."""
        around = range(self.order)
        return Counter(self.simulated(public, asked, answer) for asked in around for answer in around)


GROUPS = {5: Tiny(11, 5, 3), 11: Tiny(23, 11, 2), 23: Tiny(47, 23, 2)}


def grid(triples: list[Triple], order: int) -> list[list[int]]:
    """How often each pair came: rows are challenges, columns responses."""
    counts = [[0] * order for _ in range(order)]
    for _, challenge, response in triples:
        counts[challenge][response] += 1
    return counts


def drawn_real(group: Tiny, secret: int, count: int, rng: random.Random) -> list[Triple]:
    """`count` conversations with the secret."""
    return [group.real(secret, rng.randrange(group.order), rng.randrange(group.order)) for _ in range(count)]


def drawn_simulated(group: Tiny, public: int, count: int, rng: random.Random) -> list[Triple]:
    """`count` conversations made up without the secret."""
    return [
        group.simulated(public, rng.randrange(group.order), rng.randrange(group.order)) for _ in range(count)
    ]
