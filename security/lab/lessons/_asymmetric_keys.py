"""Key files that other tools read, and what the methods cost."""

from __future__ import annotations

import base64
import hashlib
import json
import random
import time
from collections.abc import Callable, Iterator
from typing import TypeAlias

from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from security.lab import pictures
from security.lab.lesson import Run
from security.lab.parameters import Choice, Chosen, Whole
from security.lab.steps import Download, Event, Outcome, Step, Table, Value
from security.lab.workings.textbook_rsa import library_key, rsa_key
from ui import plots

Key: TypeAlias = Ed25519PrivateKey | X25519PrivateKey | RSAPrivateKey | MLKEM768PrivateKey
_ED, _X, _RSA, _KEM = "Ed25519 (signatures)", "X25519", "RSA-2048", "ML-KEM-768"
_SHOWN = 64


def _drawn(kind: str, rng: random.Random) -> Key:
    if kind == _ED:
        return Ed25519PrivateKey.from_private_bytes(rng.randbytes(32))
    if kind == _X:
        return X25519PrivateKey.from_private_bytes(rng.randbytes(32))
    if kind == _KEM:
        return MLKEM768PrivateKey.from_seed_bytes(rng.randbytes(64))
    return library_key(rsa_key(2048, 65537, rng))


def _keys(chosen: Chosen, rng: random.Random) -> Iterator[Event]:
    key = _drawn(chosen.text("kind"), rng)
    public = key.public_key()
    der = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    bare = _bare(key)
    start = der.find(bare)
    yield Step(
        "A public key as a file",
        "A header says which algorithm it is; then comes the key itself (marked).",
        (Value("public key", bare), Value("file", der, "DER, SubjectPublicKeyInfo")),
        pictures.cells(
            "The public key's file; the key itself is marked.",
            [(f"the first {min(_SHOWN, len(der))} of {len(der):,} bytes", der[:_SHOWN])],
            (range(start, start + len(bare)),),
            "good",
        ),
    )
    newer = " (OpenSSL 3.5 or newer)" if isinstance(key, MLKEM768PrivateKey) else ""
    yield Step(
        "PEM: the same bytes as text",
        "PKCS#8 for the private half. It isn't protected by a password here, and it comes from the seed: for the class alone.",
        (Value("public PEM", pem.decode().strip() if len(pem) < 600 else f"{len(pem):,} characters"),),
        files=(
            Download("private.pem", private, f"openssl pkey -in FILE -text{newer}"),
            Download("public.pem", pem, f"openssl pkey -pubin -in FILE -text{newer}"),
        ),
    )
    if isinstance(key, Ed25519PrivateKey | RSAPrivateKey):
        yield from _openssh(key)
    if not isinstance(key, MLKEM768PrivateKey):
        yield _jwk(key)
    back = load_pem_private_key(private, None).public_key()
    same = back.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo) == der
    yield Outcome("works" if same else "broken", "One key in several formats; read back, it is the same key.")


def _bare(key: Key) -> bytes:
    """The public key's own bytes: of RSA, the modulus."""
    if isinstance(key, RSAPrivateKey):
        return key.public_key().public_numbers().n.to_bytes(key.key_size // 8, "big")
    return key.public_key().public_bytes_raw()


def _openssh(key: Ed25519PrivateKey | RSAPrivateKey) -> Iterator[Event]:
    line = key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)
    digest = hashlib.sha256(base64.b64decode(line.split()[1])).digest()
    yield Step(
        "OpenSSH's public line",
        "What stands in authorized_keys. Its hash is the fingerprint that ssh asks about.",
        (
            Value("line", line.decode()),
            Value("fingerprint", "SHA256:" + base64.b64encode(digest).decode().rstrip("=")),
        ),
        files=(Download("id.pub", line + b" lesson\n", "ssh-keygen -l -f FILE"),),
    )
    yield Step(
        "OpenSSH's private file",
        "The library puts a few random bytes in it, so it differs each time.",
        files=(
            Download(
                "id",
                key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()),
                "chmod 600 FILE; ssh-keygen -y -f FILE",
            ),
        ),
        measured=True,
    )


def _jwk(key: Ed25519PrivateKey | X25519PrivateKey | RSAPrivateKey) -> Step:
    from joserfc.jwk import OKPKey, RSAKey

    held = RSAKey.import_key(key) if isinstance(key, RSAPrivateKey) else OKPKey.import_key(key)
    public, private = (
        json.dumps(held.as_dict(private=which), sort_keys=True, indent=1).encode() for which in (False, True)
    )
    return Step(
        "JWK: the same key in JSON",
        "Numbers as base64url; programs on the web read it. Its thumbprint names it.",
        (Value("JWK", public.decode()), Value("thumbprint", held.thumbprint())),
        files=(
            Download("public.jwk", public),
            Download("private.jwk", private, "joserfc, or any library for JOSE"),
        ),
    )


def _x25519(key: X25519PrivateKey) -> tuple[bytes, bytes, bytes]:
    """One side has `key`; the other makes a pair for this once. What is sent, and both sides' secret."""
    once = X25519PrivateKey.generate()
    sent = once.public_key()
    return sent.public_bytes_raw(), once.exchange(key.public_key()), key.exchange(sent)


def _mlkem(key: MLKEM768PrivateKey) -> tuple[bytes, bytes, bytes]:
    secret, wrapped = key.public_key().encapsulate()
    return wrapped, secret, key.decapsulate(wrapped)


def _rsa(key: RSAPrivateKey) -> tuple[bytes, bytes, bytes]:
    scheme = padding.OAEP(padding.MGF1(SHA256()), SHA256(), None)
    secret = random.SystemRandom().randbytes(32)
    wrapped = key.public_key().encrypt(secret, scheme)
    return wrapped, secret, key.decrypt(wrapped, scheme)


def _timed(key_of: Callable[[], Key], times: int) -> tuple[tuple[str, str], tuple[int, int, int], bool]:
    """Milliseconds for a key pair and for one exchange; bytes of public key, of what is sent, and of the
    secret; whether both sides had the same each time."""
    start = time.perf_counter()
    key = key_of()
    made = time.perf_counter() - start
    same, sent, mine = True, b"", b""
    start = time.perf_counter()
    for _ in range(times):
        sent, mine, theirs = _exchange(key)
        same = same and mine == theirs
    each = (time.perf_counter() - start) / times
    return (f"{1000 * made:.3f}", f"{1000 * each:.3f}"), (len(_bare(key)), len(sent), len(mine)), same


def _exchange(key: Key) -> tuple[bytes, bytes, bytes]:
    if isinstance(key, X25519PrivateKey):
        return _x25519(key)
    if isinstance(key, MLKEM768PrivateKey):
        return _mlkem(key)
    assert isinstance(key, RSAPrivateKey)
    return _rsa(key)


_WAYS: tuple[tuple[str, Callable[[], Key]], ...] = (
    ("X25519", X25519PrivateKey.generate),
    ("RSA-2048", lambda: generate_private_key(65537, 2048)),
    ("RSA-3072", lambda: generate_private_key(65537, 3072)),
    ("ML-KEM-768", MLKEM768PrivateKey.generate),
)
_STRENGTH = {"X25519": "128", "RSA-2048": "112", "RSA-3072": "128", "ML-KEM-768": "192, also quantum"}


def _sizes(chosen: Chosen, _: random.Random) -> Iterator[Event]:
    found = {name: _timed(make, chosen.whole("times")) for name, make in _WAYS}
    rows = tuple(
        (name, *(f"{size:,}" for size in sizes), _STRENGTH[name]) for name, (_, sizes, _) in found.items()
    )
    bars = [(name, float(sizes[0] + sizes[1])) for name, (_, sizes, _) in found.items()]
    yield Step(
        "What travels",
        "Public key one way, a one-time key or a wrapped secret the other way. Strength is an estimate by NIST, in bits.",
        picture=plots.bars("Bytes that travel for one shared secret", bars),
        table=Table(
            ("method", "public key", "sent back", "secret", "strength"), rows, "Bytes; of RSA the modulus."
        ),
    )
    times = tuple((name, *timed) for name, (timed, _, _) in found.items())
    yield Step(
        "What it takes on this machine",
        "An RSA key pair is found by trying numbers, so its time varies much.",
        table=Table(
            ("method", "key pair, ms", "one secret, both sides, ms"),
            times,
            "The key pair once, the secret on average.",
        ),
        measured=True,
    )
    works = all(same for _, _, same in found.values())
    yield Outcome(
        "works" if works else "broken",
        "Each time both sides had the same secret. Curves are small and quick; ML-KEM is quick and large; RSA keys are slow to make.",
    )


RUNS = (
    Run(
        "keys",
        "show",
        "Take keys along",
        "A key pair as PEM, OpenSSH line and JWK, to be read by openssl and ssh-keygen.",
        _keys,
        (Choice("kind", "Kind", _ED, (_ED, _X, _RSA, _KEM)),),
    ),
    Run(
        "sizes",
        "show",
        "Sizes and times",
        "What each method sends, and how long this machine takes.",
        _sizes,
        (Whole("times", "Exchanges to average over", 5, 1, 50),),
        heavy=True,
    ),
)
