"""Limits on sign-in attempts (OWASP ASVS 5.0, 6.3.1; NIST SP 800-63B-4, 3.2.2): slow, never shut.

An attempt is counted before it is looked at and taken back if it succeeds, so attempts at once can't
pass a limit together. Strangers are slowed down by the name that they type, whether it is known or
not, and by their network address. A device that has signed in to the account before is counted by
itself: what strangers do doesn't hold it up. Codes after a right password have a bound of their own, over all
addresses and sessions. Does not: shut an account, or tell a person from a program.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import secrets
from dataclasses import dataclass, field, replace
from typing import Protocol

from sqlalchemy.engine import Engine

from security.accounts.buckets import MAX_ROWS, Bucket, Buckets, Rule
from security.accounts.devices import Devices
from security.crypto.sealing import KeyEncryptionKey, RandomBytes

BY_ACCOUNT = Rule(free=5, first_s=1, cap_s=60)
BY_ADDRESS = Rule(free=10, first_s=1, cap_s=900)
# Where all visitors share one address, one of them must not shut the others out for long.
BY_SHARED_ADDRESS = Rule(free=10, first_s=1, cap_s=5)
BY_DEVICE = Rule(free=5, first_s=1, cap_s=60)
# The tenth wrong code closes the way for an hour: in no hour are there more than ten.
BY_CODE = Rule(free=9, first_s=3600, cap_s=3600)
_NEVER = Rule(free=2**31, first_s=0, cap_s=0)
_IPV6_PREFIX = 64


@dataclass(frozen=True)
class Visitor:
    """Who tries: a compared name (it may belong to nobody), an address, and what the device cookie says."""

    account: str = field(repr=False)
    address: str = field(repr=False)
    device: str | None = field(default=None, repr=False)


class Limiter(Protocol):
    """Slows down guessing. Every method blocks on the database and may raise StoreError."""

    def take(self, visitor: Visitor, now: float) -> float:
        """Count an attempt that is about to be made. 0: make it. Else the seconds to wait; not counted."""

    def take_code(self, visitor: Visitor, now: float, *, password_fits: bool) -> bool:
        """Count a code that is about to be looked at; whether it may be. The work is the same either way."""

    def take_back(self, visitor: Visitor, now: float) -> None:
        """The attempt was not made after all."""

    def succeeded(self, visitor: Visitor, now: float) -> str | None:
        """The attempt was a good one. Returns a cookie by which the device is known next time, or None."""


class Unlimited:
    """No limit beyond what the pool of workers can do: for tests that are about something else."""

    def take(self, visitor: Visitor, now: float) -> float:  # noqa: ARG002
        """Always 0."""
        return 0.0

    def take_code(self, visitor: Visitor, now: float, *, password_fits: bool) -> bool:  # noqa: ARG002
        """Always."""
        return True

    def take_back(self, visitor: Visitor, now: float) -> None:
        """Remembers nothing."""

    def succeeded(self, visitor: Visitor, now: float) -> str | None:  # noqa: ARG002
        """No cookie."""
        return None


class Limits:
    """The limiter of the app. What it stores are keyed hashes: the table tells no name and no address."""

    def __init__(
        self,
        engine: Engine,
        kek: KeyEncryptionKey,
        random: RandomBytes = secrets.token_bytes,
        max_rows: int = MAX_ROWS,
        *,
        shared_address: bool = False,
    ) -> None:
        self._by_address = BY_SHARED_ADDRESS if shared_address else BY_ADDRESS
        self._buckets = Buckets(engine, max_rows)
        self._devices = Devices(kek.derive("known devices"), random)
        self._key = kek.derive("sign-in limits")

    def take(self, visitor: Visitor, now: float) -> float:
        """As `Limiter` says. A known device is asked about itself only.

        Raises:
            StoreError: it can't be counted, so the attempt must not be made.
        """
        device = self._device(visitor, now)
        buckets = self._of_stranger(visitor) if device is None else [device]
        return self._buckets.take(buckets, now)

    def take_code(self, visitor: Visitor, now: float, *, password_fits: bool) -> bool:
        """As `Limiter` says.

        With a wrong password, or when the bound is reached, a row that is nobody's is written instead:
        neither the time nor the answer may tell that the password was right.

        Raises:
            StoreError: it can't be counted, so the code must not be looked at.
        """
        nobody, codes = Bucket(self._hash("nobody"), _NEVER), self._of_codes(visitor, now)
        counted = codes if password_fits else replace(codes, key=self._hash("nobody's codes"), rule=_NEVER)
        return self._buckets.take_or(counted, nobody, now) and password_fits

    def take_back(self, visitor: Visitor, now: float) -> None:
        """Undo one `take`.

        Raises:
            StoreError: it can't be undone.
        """
        device = self._device(visitor, now)
        self._buckets.take_back(self._of_stranger(visitor) if device is None else [device], now)

    def succeeded(self, visitor: Visitor, now: float) -> str:
        """Undo `take` and `take_code`, and no more than these: others' failures stay counted.

        Only the device's own failures are forgotten: who signs in from it has shown who that was.

        Raises:
            StoreError: it can't be undone.
        """
        device = self._device(visitor, now)
        if device is not None:
            self._buckets.clear(device)
        else:
            self._buckets.take_back(self._of_stranger(visitor), now)
        self._buckets.take_back([self._of_codes(visitor, now)], now)
        return self._devices.cookie(visitor.account, visitor.device, now)

    def _of_stranger(self, visitor: Visitor) -> list[Bucket]:
        overflow = self._hash("overflow")
        return [
            Bucket(self._hash("account", visitor.account), BY_ACCOUNT, overflow),
            Bucket(self._hash("address", network(visitor.address)), self._by_address, overflow),
        ]

    def _device(self, visitor: Visitor, now: float) -> Bucket | None:
        known = self._devices.known(visitor.account, visitor.device, now)
        return None if known is None else Bucket(self._hash("device", visitor.account, known), BY_DEVICE)

    def _of_codes(self, visitor: Visitor, now: float) -> Bucket:
        # Devices by themselves here too: else who has the password could keep its owner out.
        known = self._devices.known(visitor.account, visitor.device, now)
        return Bucket(self._hash("code", visitor.account, known or ""), BY_CODE)

    def _hash(self, *parts: str) -> bytes:
        encoded = [part.encode("utf-8", "surrogatepass") for part in parts]
        joined = b"".join(len(part).to_bytes(4, "big") + part for part in encoded)
        return hmac.digest(self._key, joined, hashlib.sha256)


def network(address: str) -> str:
    """What one subscriber has: an IPv4 address, or the /64 of an IPv6 address; "" if it is no address."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return ""
    if isinstance(parsed, ipaddress.IPv4Address):
        return str(parsed)
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(ipaddress.ip_network((parsed, _IPV6_PREFIX), strict=False))
