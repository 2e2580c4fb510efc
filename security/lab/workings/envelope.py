"""Backups, keys in keys, and recorded sessions, for the lesson on envelope encryption.

The sealing is the app's own (`security.crypto.sealing`); AES key wrap is spelled out beside the library's.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import count

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from nacl import bindings
from nacl.exceptions import CryptoError as SodiumError

from security.crypto.errors import SealError
from security.crypto.sealing import KEY_BYTES, NONCE_BYTES, DataKey, KeyEncryptionKey, SealContext

PURPOSE = "note"
_WRAPPED_HEADER = 9


class Recorder:
    """A source of random bytes that keeps what it gave, so that a lesson can show a key the app hides."""

    def __init__(self, rng: random.Random, first: Sequence[bytes] = ()) -> None:
        self._rng, self._first, self.given = rng, list(first), list[bytes]()

    def __call__(self, length: int) -> bytes:
        self.given.append(self._first.pop(0) if self._first else self._rng.randbytes(length))
        return self.given[-1]


@dataclass(frozen=True)
class Row:
    """A row of the database: one sealed note, and its owner's wrapped key."""

    owner: str
    record: str
    wrapped: bytes
    sealed: bytes


def sealed_rows(kek: bytes, notes: Sequence[tuple[str, str]], rng: random.Random) -> list[Row]:
    """One row for each (owner, text), each owner with a data key of its own, sealed as the app does."""
    key = KeyEncryptionKey(kek, rng.randbytes)
    keys: dict[str, tuple[DataKey, bytes]] = {}
    rows = []
    for number, (owner, text) in enumerate(notes, 1):
        if owner not in keys:
            keys[owner] = key.new_data_key(owner)
        data_key, wrapped = keys[owner]
        record = f"note-{number}"
        rows.append(
            Row(owner, record, wrapped, data_key.seal(text.encode(), SealContext(owner, PURPOSE, record)))
        )
    return rows


def open_row(kek: bytes, row: Row) -> bytes | None:
    """The note, or None if the key or the row isn't right."""
    try:
        key = KeyEncryptionKey(kek).unwrap(row.wrapped, row.owner)
        return key.open(row.sealed, SealContext(row.owner, PURPOSE, row.record))
    except SealError:
        return None


def raw_data_key(kek: bytes, wrapped: bytes, owner: str) -> bytes:
    """The bytes of a data key, which the app's module keeps to itself.

    Raises:
        SealError: another key, another owner, or damage.
    """
    KeyEncryptionKey(kek).unwrap(wrapped, owner)
    header, nonce = wrapped[:_WRAPPED_HEADER], wrapped[_WRAPPED_HEADER:][:NONCE_BYTES]
    covered = header + SealContext(owner, "data-key").encode()
    return bindings.crypto_aead_xchacha20poly1305_ietf_decrypt(
        wrapped[_WRAPPED_HEADER + NONCE_BYTES :], covered, nonce, kek
    )


def rewrapped(old: bytes, new: bytes, wrapped: bytes, owner: str, rng: random.Random) -> bytes:
    """The same data key, wrapped under another key-encryption key (81 bytes).

    The app's module draws a new data key whenever it wraps one; here its source hands it the old one.
    """
    source = Recorder(rng, [raw_data_key(old, wrapped, owner)])
    return KeyEncryptionKey(new, source).new_data_key(owner)[1]


def backup(rows: Iterable[Row], key: bytes | None) -> str:
    """The dump of a night: a line of JSON for each row, and one for the key if it lies beside the data."""
    lines = [
        {"owner": r.owner, "record": r.record, "wrapped_key": r.wrapped.hex(), "sealed": r.sealed.hex()}
        for r in rows
    ]
    if key is not None:
        lines.append({"setting": "asklepion.key", "value": key.hex()})
    return "".join(json.dumps(line) + "\n" for line in lines)


@dataclass(frozen=True)
class Loot:
    """What a thief got out of a backup: candidates tried, the key among them, and the notes that open."""

    tried: int
    key: bytes | None
    notes: tuple[str, ...]


def ransack(dump: str) -> Loot:
    """Try each 32 bytes that stand anywhere in the dump, as key-encryption key and as data key."""
    lines = [json.loads(line) for line in dump.splitlines()]
    rows = [
        Row(line["owner"], line["record"], bytes.fromhex(line["wrapped_key"]), bytes.fromhex(line["sealed"]))
        for line in lines
        if "sealed" in line
    ]
    tried = 0
    for candidate in _candidates(lines):
        tried += 1
        key_id = KeyEncryptionKey(candidate).key_id
        notes = [note for row in rows if (note := _opened_by(candidate, row, key_id)) is not None]
        if notes:
            return Loot(tried, candidate, tuple(note.decode() for note in notes))
    return Loot(tried, None, ())


def _candidates(lines: Iterable[dict[str, str]]) -> Iterator[bytes]:
    for line in lines:
        for value in line.values():
            try:
                raw = bytes.fromhex(value)
            except ValueError:
                continue  # a name, not bytes
            yield from (raw[at : at + KEY_BYTES] for at in range(len(raw) - KEY_BYTES + 1))


def _opened_by(candidate: bytes, row: Row, key_id: bytes) -> bytes | None:
    """The note, with the candidate as the key that wraps if the ids agree, and as the data key otherwise."""
    if key_id == row.wrapped[1:_WRAPPED_HEADER]:
        return open_row(candidate, row)
    return _opened_directly(candidate, row)


def _opened_directly(candidate: bytes, row: Row) -> bytes | None:
    try:
        return DataKey(candidate).open(row.sealed, SealContext(row.owner, PURPOSE, row.record))
    except SealError:
        return None


def seal_plainly(key: bytes, text: bytes, rng: random.Random) -> bytes:
    """Sealed with nothing bound to it: nonce (24), ciphertext, tag. The mistake that a lesson shows."""
    nonce = rng.randbytes(NONCE_BYTES)
    return nonce + bindings.crypto_aead_xchacha20poly1305_ietf_encrypt(text, b"", nonce, key)


def open_plainly(key: bytes, sealed: bytes) -> bytes | None:
    """What `seal_plainly` sealed, or None."""
    try:
        return bindings.crypto_aead_xchacha20poly1305_ietf_decrypt(
            sealed[NONCE_BYTES:], b"", sealed[:NONCE_BYTES], key
        )
    except SodiumError:
        return None


def key_wrap_rounds(kek: bytes, key: bytes) -> tuple[list[bytes], bytes]:
    """AES key wrap (RFC 3394), spelled out here to be seen: (check value after each round, wrapped key).

    `kek` has 16, 24 or 32 bytes, `key` a multiple of 8 from 16 on.
    """
    aes = Cipher(algorithms.AES(kek), modes.ECB()).encryptor()  # noqa: S305 - the standard is built of it
    check = b"\xa6" * 8
    parts = [key[at : at + 8] for at in range(0, len(key), 8)]
    checks = [check]
    for turn in range(6):
        for at, part in enumerate(parts):
            mixed = aes.update(check + part)
            step = len(parts) * turn + at + 1
            check, parts[at] = (
                bytes(a ^ b for a, b in zip(mixed[:8], step.to_bytes(8, "big"), strict=True)),
                mixed[8:],
            )
        checks.append(check)
    return checks, check + b"".join(parts)


def session_key(shared: bytes, salt: bytes) -> bytes:
    """A key for one session, from what both sides share."""
    return HKDF(SHA256(), 32, salt, b"lab/session").derive(shared)


@dataclass(frozen=True)
class Session:
    """What travels in a session, and is recorded: two public keys, a salt, one ciphertext."""

    one: bytes
    other: bytes
    salt: bytes
    ciphertext: bytes


def talk(one: X25519PrivateKey, other: X25519PrivateKey, text: bytes, salt: bytes) -> Session:
    """A session: agree on a key, encrypt one text. The key serves once, so the nonce may be zero."""
    key = session_key(one.exchange(other.public_key()), salt)
    return Session(
        one.public_key().public_bytes_raw(),
        other.public_key().public_bytes_raw(),
        salt,
        ChaCha20Poly1305(key).encrypt(bytes(12), text, salt),
    )


def replay(session: Session, private: bytes) -> bytes | None:
    """The text of a recorded session, if `private` is the secret of one of its two public keys."""
    key = X25519PrivateKey.from_private_bytes(private)
    for public in (session.one, session.other):
        try:
            shared = key.exchange(X25519PublicKey.from_public_bytes(public))
            return unlock(session_key(shared, session.salt), session)
        except InvalidTag:
            continue
    return None


def unlock(key: bytes, session: Session) -> bytes:
    """The text under a session key.

    Raises:
        InvalidTag: it is another key.
    """
    return ChaCha20Poly1305(key).decrypt(bytes(12), session.ciphertext, session.salt)


@dataclass(frozen=True)
class Group:
    """Numbers modulo a safe prime; `generator` makes the half of them that are squares."""

    prime: int
    generator: int = 4

    def raise_to(self, base: int, power: int) -> int:
        """base to the power, modulo the prime."""
        return pow(base, power, self.prime)


def toy_group(bits: int, rng: random.Random) -> Group:
    """A group with a prime of `bits` bits (8 to 32): a toy, since real ones have 2048 bits and more."""
    while True:
        half = rng.randrange(2 ** (bits - 2), 2 ** (bits - 1)) | 1
        if _is_prime(half) and _is_prime(2 * half + 1):
            return Group(2 * half + 1)


def _is_prime(number: int) -> bool:
    """Miller and Rabin with bases that are certain below 3 billion."""
    if number < 11:
        return number in {2, 3, 5, 7}
    odd, twos = number - 1, 0
    while odd % 2 == 0:
        odd, twos = odd // 2, twos + 1
    for base in (2, 3, 5, 7):
        value = pow(base, odd, number)
        if value in (1, number - 1):
            continue
        if not any((value := value * value % number) == number - 1 for _ in range(twos - 1)):
            return False
    return True


def logarithm(group: Group, public: int) -> int:
    """The power that makes `public`, by trying 1, 2, 3 ...; it is also the number of tries."""
    value = 1
    for power in count(1):
        value = value * group.generator % group.prime
        if value == public:
            return power
    raise AssertionError
