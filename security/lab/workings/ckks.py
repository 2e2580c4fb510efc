"""CKKS, encryption that adds and multiplies real numbers approximately, by TenSEAL (Microsoft SEAL below it).

TenSEAL draws its own randomness: ciphertexts and errors differ from run to run.

Source: Cheon, Kim, Kim and Song, "Homomorphic encryption for arithmetic of approximate numbers", ASIACRYPT
2017. The bounds of bits for 128-bit security are of the Homomorphic Encryption Standard (2018).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from security.lab.errors import LabError

MOST_BITS = {4096: 109, 8192: 218, 16384: 438}
"""How many bits all primes together may have at a degree, for 128-bit security."""


class DepthError(LabError):
    """There is no prime left for another multiplication."""


@dataclass(frozen=True)
class Setting:
    """The degree of the polynomials, and the bits of the primes whose product is the modulus.

    The first prime leaves room for the result, the last serves keys alone, and each in between pays for one
    multiplication; they have the bits of the scale.
    """

    name: str
    degree: int
    bits: tuple[int, ...]

    @property
    def scale_bits(self) -> int:
        """A number x is kept as the whole number nearest to x · 2^scale_bits."""
        return self.bits[1]

    @property
    def depth(self) -> int:
        """How many multiplications in a row it pays for."""
        return len(self.bits) - 2

    @property
    def raw_bytes(self) -> int:
        """Of a fresh ciphertext before packing: two polynomials, 8 bytes for each coefficient and prime."""
        return 2 * self.degree * (len(self.bits) - 1) * 8


SHALLOW = Setting("8192, one product", 8192, (60, 40, 60))
SETTINGS = (
    Setting("8192, scale 40", 8192, (60, 40, 40, 60)),
    Setting("8192, scale 30", 8192, (40, 30, 30, 30, 30, 40)),
    Setting("16384, scale 40", 16384, (60, 40, 40, 40, 40, 40, 40, 60)),
)


def context(setting: Setting, rotations: bool = False) -> Any:
    """A TenSEAL context with its secret key; with `rotations`, slots can be added up."""
    import tenseal

    made = tenseal.context(tenseal.SCHEME_TYPE.CKKS, setting.degree, -1, list(setting.bits), n_threads=1)
    made.global_scale = 2.0**setting.scale_bits
    if rotations:
        made.generate_galois_keys()
    return made


def public_part(own: Any) -> bytes:
    """The context without the secret key, as it goes over the line."""
    return bytes(own.serialize(save_secret_key=False))


def for_the_cloud(public: bytes) -> Any:
    """The context that the cloud computes with."""
    import tenseal

    return tenseal.context_from(public, n_threads=1)


def encrypt(own: Any, values: Sequence[float]) -> Any:
    """An encrypted vector."""
    import tenseal

    return tenseal.ckks_vector(own, list(values))


def received(theirs: Any, data: bytes) -> Any:
    """A vector that came over the line, in the receiver's context."""
    import tenseal

    return tenseal.ckks_vector_from(theirs, data)


def square(vector: Any) -> Any:
    """The square of each slot.

    Raises:
        DepthError: no prime is left.
    """
    try:
        return vector * vector
    except ValueError as error:
        if "scale out of bounds" not in str(error):
            raise
        raise DepthError(
            "No further multiplication is possible: each uses up a prime of the modulus, and none is left. "
            "Take a setting with more primes, or fewer multiplications in a row. An attacker learns nothing "
            "of it: the limit is settled before anything is encrypted, whatever the numbers are."
        ) from error


@dataclass(frozen=True)
class Level:
    """After `squarings`: the largest error, and the bytes of the ciphertext."""

    squarings: int
    error: float
    size: int


def squared_again(setting: Setting, value: float) -> Iterator[Level]:
    """Square one encrypted number again and again, decrypting after each time to see the error.

    Raises:
        DepthError: the depth is used up; it always ends so.
    """
    vector, truth = encrypt(context(setting), [value]), value
    yield Level(0, abs(float(vector.decrypt()[0]) - truth), len(vector.serialize()))
    for squarings in range(1, setting.depth + 2):
        vector, truth = square(vector), truth * truth
        yield Level(squarings, abs(float(vector.decrypt()[0]) - truth), len(vector.serialize()))
