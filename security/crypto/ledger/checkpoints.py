"""Signed checkpoints: what the ledger was at a moment, kept by somebody else.

Does: signs (name of the ledger, size, root, time) with the installation's key, writes that as a text of one
line that can be mailed, printed or stored elsewhere, and reads it back only with a good signature. Does
not: deliver them. A checkpoint that lies beside the ledger, in the same hands, shows nothing.

What is signed, under the context "ledger-checkpoint", all integers big-endian:

    "asklepion/v1/ledger-checkpoint" | length of the name (4) | name, UTF-8 | size (8)
    | milliseconds since 1970 (8) | root (32)
"""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass

from security.crypto.ledger.entries import MOST_INDEX, MOST_TIME, milliseconds
from security.crypto.ledger.errors import CheckpointError
from security.crypto.ledger.merkle import HASH_BYTES
from security.crypto.signatures import SignatureError, SigningKey, VerifyKey

CONTEXT = "ledger-checkpoint"
MOST_TEXT = 4_096
_PREFIX = b"asklepion/v1/ledger-checkpoint"


@dataclass(frozen=True)
class Checkpoint:
    """The ledger `name` had `size` entries with this `root` at `time` (milliseconds since 1970); the
    signature (64 bytes) says so."""

    name: str
    size: int
    root: bytes
    time: int
    signature: bytes

    def verify(self, key: VerifyKey) -> None:
        """Return if `key`'s other half signed this.

        Raises:
            CheckpointError: it didn't.
        """
        try:
            key.verify(_message(self.name, self.size, self.root, self.time), self.signature, CONTEXT)
        except SignatureError as error:
            raise CheckpointError(
                "The checkpoint's signature is wrong: it was changed, or another key signed it.",
                size=self.size,
                key=key.key_id.hex(),
            ) from error

    def to_text(self) -> str:
        """One line of JSON."""
        return json.dumps(
            {
                "ledger": self.name,
                "size": self.size,
                "root": base64.b64encode(self.root).decode("ascii"),
                "time": self.time,
                "signature": base64.b64encode(self.signature).decode("ascii"),
            }
        )

    @classmethod
    def from_text(cls, text: str, key: VerifyKey) -> Checkpoint:
        """What `to_text` wrote, its signature checked.

        Raises:
            CheckpointError: it is no checkpoint, or the signature is wrong.
        """
        try:
            if len(text) > MOST_TEXT:
                raise ValueError
            row = json.loads(text)
            name, size, time = row["ledger"], row["size"], row["time"]
            root = base64.b64decode(row["root"], validate=True)
            signature = base64.b64decode(row["signature"], validate=True)
        except (ValueError, TypeError, KeyError, RecursionError, binascii.Error):
            raise CheckpointError(
                "This is no checkpoint. It is one line of JSON, as it was handed out."
            ) from None
        # type(), for True is an int too.
        if not (type(size) is type(time) is int and isinstance(name, str)):
            raise CheckpointError("A checkpoint's name is text, its size and time are whole numbers.")
        found = cls(name, size, root, time, signature)
        found.verify(key)
        return found


def sign(name: str, size: int, root: bytes, now: float, key: SigningKey) -> Checkpoint:
    """A checkpoint of the ledger `name`, which has `size` entries and this root; `now` in Unix seconds.

    Raises:
        CheckpointError: a part is out of its bounds.
        EntryError: `now` is no time.
    """
    time = milliseconds(now)
    return Checkpoint(name, size, root, time, key.sign(_message(name, size, root, time), CONTEXT))


def _message(name: str, size: int, root: bytes, time: int) -> bytes:
    try:
        encoded = name.encode("utf-8")
    except UnicodeEncodeError:
        raise CheckpointError("A ledger's name must be text.") from None
    if not (0 <= size <= MOST_INDEX and 0 <= time <= MOST_TIME and len(root) == HASH_BYTES and encoded):
        raise CheckpointError("A checkpoint's name, size, time or root is out of bounds.", size=size)
    return b"".join(
        (
            _PREFIX,
            len(encoded).to_bytes(4, "big"),
            encoded,
            size.to_bytes(8, "big"),
            time.to_bytes(8, "big"),
            root,
        )
    )
