"""The core of WebAuthn: a key for one site signs the server's challenge together with the page's origin.

Spelled out here to be seen; never use it. Left out: registration, attestation, CBOR, counters. Ed25519 in
place of the more usual ECDSA over P-256, which browsers offer both.
"""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

_TOUCHED_AND_CHECKED = 0x05  # flags: the person touched it, and showed a finger, a face or a PIN


@dataclass(frozen=True)
class Assertion:
    """What goes to the server: the page's words about itself, the device's, and the signature over both."""

    client: bytes
    device: bytes
    signature: bytes


def _client_data(challenge: bytes, origin: str) -> bytes:
    told = {
        "type": "webauthn.get",
        "challenge": base64.urlsafe_b64encode(challenge).rstrip(b"=").decode(),
        "origin": origin,
    }
    return json.dumps(told, separators=(",", ":")).encode()


def host(origin: str) -> str:
    """`https://name` or `https://name:port`, without the rest."""
    return origin.removeprefix("https://").split(":")[0]


class Device:
    """A phone or a key fob. It keeps one private key for each site and gives none away."""

    def __init__(self) -> None:
        self._keys: dict[str, Ed25519PrivateKey] = {}

    def register(self, site: str, seed: bytes) -> Ed25519PublicKey:
        """A key for this host; `seed` of 32 bytes stands in for the device's own randomness."""
        self._keys[site] = Ed25519PrivateKey.from_private_bytes(seed)
        return self._keys[site].public_key()

    def has(self, site: str) -> bool:
        """Whether there is a key for this host."""
        return site in self._keys

    def sign(self, site: str, challenge: bytes, origin: str) -> Assertion:
        """Sign for `site` what the browser says: the challenge, and the origin of the page it shows.

        Raises:
            KeyError: there is no key for this site.
        """
        device = hashlib.sha256(site.encode()).digest() + bytes([_TOUCHED_AND_CHECKED]) + bytes(4)
        client = _client_data(challenge, origin)
        signature = self._keys[site].sign(device + hashlib.sha256(client).digest())
        return Assertion(client, device, signature)


def browser_signs(device: Device, origin: str, challenge: bytes) -> Assertion | None:
    """What a browser does: it offers only a key of the host that it shows. None: there is none."""
    site = host(origin)
    return device.sign(site, challenge, origin) if device.has(site) else None


def refusal(public: Ed25519PublicKey, origin: str, challenge: bytes, shown: Assertion) -> str:
    """Why a server at `origin` refuses, in a few words; empty if it lets in.

    The signature comes first: nothing in an unsigned text is worth reading.
    """
    try:
        public.verify(shown.signature, shown.device + hashlib.sha256(shown.client).digest())
    except InvalidSignature:
        return "the signature doesn't fit"
    told = json.loads(shown.client)
    if told["challenge"] != json.loads(_client_data(challenge, origin))["challenge"]:
        return "another challenge was signed"
    if told["origin"] != origin:
        return "another origin was signed"
    if shown.device[:32] != hashlib.sha256(host(origin).encode()).digest():
        return "the key is another site's"
    return ""
