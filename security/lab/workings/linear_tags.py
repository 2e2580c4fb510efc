"""Tags that add up: whoever has the key checks a sum that somebody else has computed, spelled out here to be
seen; never use it.

The tag of a value is factor · value + mask, where the mask belongs to the sender's name alone (HMAC-SHA-256).
The tags' sum is factor · (sum of values) + (sum of masks): somebody who doesn't know the factor changes one
side without being able to change the other to fit. Each name gives one value for each key, so
the name has to say the day as well as the patient; and whoever has the key can shift a sum unseen.

Source: the idea of Agrawal and Boneh, "Homomorphic MACs", ACNS 2009.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable
from dataclasses import dataclass

FACTOR_BYTES = 16


@dataclass(frozen=True)
class TagKey:
    """What senders and checker share: a secret factor, of 128 bits, and a key for the masks."""

    factor: int
    key: bytes

    @classmethod
    def parse(cls, data: bytes) -> TagKey:
        """From 48 random bytes.

        Raises:
            ValueError: another length.
        """
        if len(data) != FACTOR_BYTES + 32:
            raise ValueError("a tag key has 48 bytes")
        return cls(int.from_bytes(data[:FACTOR_BYTES], "big") | 1, data[FACTOR_BYTES:])

    def _mask(self, name: str) -> int:
        return int.from_bytes(hmac.digest(self.key, name.encode(), hashlib.sha256), "big")

    def tag(self, name: str, value: int) -> int:
        """The tag of one value; at most 257 bits for values of up to 120 bits."""
        return self.factor * value + self._mask(name)

    def fits(self, names: Iterable[str], total: int, tags: int) -> bool:
        """Whether `total` is the sum of one value of each name, `tags` being the sum of their tags."""
        return tags == self.factor * total + sum(self._mask(name) for name in names)
