"""Random numbers from a secret: nobody without it can guess them, and with it they can be drawn again.

Noise that hides something must not be predictable from other parts of itself: where a sum is known to be 0
its noise lies open, and from such values the generators of numpy and torch can be wound back and forth. So
the bits are a ChaCha20 key stream (RFC 8439), and a `place` in it is never used for two things.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

SECRET_BYTES = 32
_AT_ONCE = 1 << 20
_TO_UNIT = 2.0**-53


class SecretStream:
    """Numbers for one `purpose` at one `place`, such as a step; each call goes on where the last ended."""

    def __init__(self, secret: bytes, purpose: int, place: int) -> None:
        """`secret` has 32 bytes; `purpose` fits 32 bits, `place` 64."""
        if len(secret) != SECRET_BYTES:
            raise ValueError("The secret must have 32 bytes.")
        nonce = struct.pack("<IIQ", 0, purpose, place)
        self._stream = Cipher(algorithms.ChaCha20(secret, nonce), mode=None).encryptor()

    def uniform(self, count: int) -> npt.NDArray[np.float64]:
        """Above 0 and at most 1, in steps of 2^-53."""
        import numpy as np

        bits = np.frombuffer(self._stream.update(bytes(8 * count)), dtype="<u8")
        return ((bits >> np.uint64(11)).astype(np.float64) + 1.0) * _TO_UNIT

    def normal(self, count: int) -> npt.NDArray[np.float64]:
        """Of mean 0 and deviation 1 (Box and Muller 1958); none is beyond 8.6."""
        import numpy as np

        out = np.empty(count)
        for at in range(0, count, _AT_ONCE):
            wanted = min(_AT_ONCE, count - at)
            half = (wanted + 1) // 2
            length = np.sqrt(-2 * np.log(self.uniform(half)))
            angle = 2 * np.pi * self.uniform(half)
            out[at : at + half] = length * np.cos(angle)
            out[at + half : at + wanted] = (length * np.sin(angle))[: wanted - half]
        return out
