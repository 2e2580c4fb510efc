"""An authenticator in software: makes credentials and signs, as it should or as the test wants it wrong."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
from dataclasses import dataclass, field
from typing import Any

import cbor2
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa

PRESENT, VERIFIED, BACKUP_ELIGIBLE, BACKED_UP, ATTESTED = 0x01, 0x04, 0x08, 0x10, 0x40
ES256, EDDSA, RS256 = -7, -8, -257


def encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


@dataclass
class Credential:
    """One passkey: the private key, and what an authenticator remembers beside it."""

    algorithm: int = ES256
    id: bytes = field(default_factory=lambda: secrets.token_bytes(32))
    handle: bytes = b""
    counter: int = 0

    def __post_init__(self) -> None:
        self.key: Any
        if self.algorithm == ES256:
            self.key = ec.generate_private_key(ec.SECP256R1())
        elif self.algorithm == EDDSA:
            self.key = ed25519.Ed25519PrivateKey.generate()
        else:
            self.key = rsa.generate_private_key(65537, 2048)

    def cose(self) -> dict[int, Any]:
        """The public key as COSE has it."""
        public = self.key.public_key()
        if self.algorithm == ES256:
            numbers = public.public_numbers()
            made = {
                1: 2,
                3: ES256,
                -1: 1,
                -2: numbers.x.to_bytes(32, "big"),
                -3: numbers.y.to_bytes(32, "big"),
            }
        elif self.algorithm == EDDSA:
            made = {1: 1, 3: EDDSA, -1: 6, -2: public.public_bytes_raw()}
        else:
            n = public.public_numbers().n
            made = {1: 3, 3: RS256, -1: n.to_bytes((n.bit_length() + 7) // 8, "big"), -2: b"\x01\x00\x01"}
        return made

    def sign(self, data: bytes) -> bytes:
        if self.algorithm == ES256:
            return bytes(self.key.sign(data, ec.ECDSA(hashes.SHA256())))
        if self.algorithm == EDDSA:
            return bytes(self.key.sign(data))
        return bytes(self.key.sign(data, padding.PKCS1v15(), hashes.SHA256()))


@dataclass
class SoftwareAuthenticator:
    """Holds credentials. What it says of itself and of where it is can be set wrong."""

    origin: str
    rp: str | None = None
    flags: int = PRESENT | VERIFIED
    counting: bool = True
    credentials: list[Credential] = field(default_factory=list)

    def create(
        self,
        options: str,
        *,
        credential: Credential | None = None,
        cose: dict[int, Any] | None = None,
        **changes: Any,
    ) -> str:
        """Answer navigator.credentials.create, as JSON. `changes` go into what the browser says."""
        asked = json.loads(options)
        made = credential or Credential()
        made.handle = decoded(asked["user"]["id"])
        self.credentials.append(made)
        key = cbor2.dumps(made.cose() if cose is None else cose)
        attested = bytes(16) + len(made.id).to_bytes(2, "big") + made.id + key
        data = self._data(changes.pop("rp", asked["rp"]["id"]), made, ATTESTED) + attested
        attestation = {"fmt": "none", "attStmt": {}, "authData": data} | changes.pop("attestation", {})
        response = {
            "clientDataJSON": encoded(self._client("webauthn.create", asked["challenge"], changes)),
            "attestationObject": encoded(cbor2.dumps(attestation)),
            "transports": ["internal", "hybrid", "a new one"],
        }
        return json.dumps(
            {"id": encoded(made.id), "rawId": encoded(made.id), "type": "public-key", "response": response}
        )

    def get(self, options: str, *, credential: Credential | None = None, **changes: Any) -> str:
        """Answer navigator.credentials.get, as JSON."""
        asked = json.loads(options)
        used = credential or self.credentials[-1]
        if self.counting:
            used.counter += 1
        data = self._data(changes.pop("rp", asked["rpId"]), used, 0)
        handle = changes.pop("handle", used.handle)
        client = self._client("webauthn.get", asked["challenge"], changes)
        response = {
            "clientDataJSON": encoded(client),
            "authenticatorData": encoded(data),
            "signature": encoded(used.sign(data + hashlib.sha256(client).digest())),
        }
        if handle is not None:
            response["userHandle"] = encoded(handle)
        return json.dumps(
            {"id": encoded(used.id), "rawId": encoded(used.id), "type": "public-key", "response": response}
        )

    def _data(self, rp: str, used: Credential, more: int) -> bytes:
        told = hashlib.sha256((self.rp or rp).encode()).digest()
        return told + bytes([self.flags | more]) + used.counter.to_bytes(4, "big")

    def _client(self, kind: str, challenge: str, changes: dict[str, Any]) -> bytes:
        said = {"type": kind, "challenge": challenge, "origin": self.origin, "crossOrigin": False}
        return json.dumps(said | changes).encode()
