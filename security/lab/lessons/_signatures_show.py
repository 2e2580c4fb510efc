"""Runs of lesson 7 that show: Ed25519 step by step, four kinds of signature, a model file."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from typing import TypeAlias

from security.lab import pictures, story
from security.lab.lesson import Run
from security.lab.parameters import Choice, Chosen, Text, Whole
from security.lab.steps import Event, Outcome, Step, Table, Value
from security.lab.workings import certificates, ed25519, primes, weightfile

MESSAGE = Text("message", "The prescription", story.PRESCRIPTION, most=500)
_KINDS = ("Ed25519", "ECDSA P-256", "RSA-PSS 2048", "ML-DSA-65")
_KIND = Choice("kind", "Kind", _KINDS[0], _KINDS, "RSA takes some seconds: its primes have to be found.")
_EXPONENT = 65_537
_WEIGHTS = 12
Signing: TypeAlias = tuple[bytes, Callable[[bytes], bytes], Callable[[bytes, bytes], bool]]
"""A public key, a function that signs, and one that says whether a signature fits a message."""


def _show(chosen: Chosen, rng: random.Random) -> Iterator[Event]:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    message, seed = chosen.text("message").encode(), rng.randbytes(32)
    trace = ed25519.sign(seed, message)
    yield Step(
        "A seed becomes a key pair",
        "SHA-512 of 32 secret bytes: the first half, with five bits fixed by rule, is the secret number a; the second half "
        "will make r. The [[public key]] is the point A = a B. From A nobody finds a.",
        (
            Value("seed", seed, "secret"),
            Value("a", _as_bytes(trace.scalar), "secret, little-endian"),
            Value("prefix", trace.prefix, "secret"),
            Value("public key A", trace.public),
        ),
    )
    yield Step(
        "The message chooses a number",
        "r is a hash of the prefix and the message, so no random source is needed and no r comes twice. R = r B may be seen.",
        (Value("r", _as_bytes(trace.r), "secret"), Value("R", trace.big_r)),
    )
    yield Step(
        "All is hashed together",
        "k ties R, the public key and the message: change one of them, and k is another number.",
        (Value("k", _as_bytes(trace.k)),),
    )
    yield Step(
        "The signature",
        "S = r + k a, modulo L, the order of B. The secret a is in it, hidden by r. R and S together are the [[signature]]: 64 bytes.",
        (Value("S", _as_bytes(trace.s)), Value("signature", trace.signature)),
        _flow(trace),
    )
    own = Ed25519PrivateKey.from_private_bytes(seed).sign(message)
    fits = ed25519.verify(trace.public, message, trace.signature)
    false = ed25519.verify(trace.public, message + b".", trace.signature)
    yield Step(
        "Everybody can check",
        "Whoever has A computes k and compares S B with R + k A. The steps above were spelled out to be seen; the library "
        "makes the same bytes.",
        (
            Value("S B = R + k A", fits),
            Value("the same with a dot added", false),
            Value("as the library signs", own == trace.signature),
        ),
    )
    fine = fits and not false and own == trace.signature
    yield Outcome("works" if fine else "broken", "Signed with a secret number, checked without it.")


def _as_bytes(number: int) -> bytes:
    return number.to_bytes(32, "little")


def _flow(trace: ed25519.Trace) -> str:
    """From the seed to the signature, downward; red is secret, green may be seen."""
    canvas = pictures.Canvas("How seed, message and points become an Ed25519 signature.", 280)
    wide, tall = 150.0, 44.0
    places = {
        "a": (75, 84),
        "prefix": (325, 84),
        "A": (75, 158),
        "r": (325, 158),
        "R": (565, 158),
        "k": (325, 232),
    }
    places |= {"seed": (200, 10), "message": (565, 84), "S": (565, 232)}
    arrows = "seed-a seed-prefix a-A prefix-r message-r r-R R-k A-k k-S R-S"
    for arrow in arrows.split():
        (x1, y1), (x2, y2) = (places[end] for end in arrow.split("-"))
        if y1 == y2:
            side = wide / 2 if x2 > x1 else -wide / 2
            canvas.arrow(x1 + side, y1 + tall / 2, x2 - side, y2 + tall / 2)
        else:
            canvas.arrow(x1 + (x2 - x1) * 0.2, y1 + tall, x2 - (x2 - x1) * 0.2, y2)
    shown = {
        "a": trace.scalar, "r": trace.r, "k": trace.k, "S": trace.s,
    }  # fmt: skip
    under = {name: _as_bytes(number).hex()[:12] for name, number in shown.items()}
    under |= {"seed": "32 bytes", "prefix": trace.prefix.hex()[:12], "A": trace.public.hex()[:12]}
    under |= {"R": trace.big_r.hex()[:12], "message": "any length"}
    titles = {"A": "A = a B", "R": "R = r B", "S": "S = r + k a mod L", "k": "k", "a": "a", "r": "r"}
    for name, (x, y) in places.items():
        style = "bad" if name in ("seed", "a", "prefix", "r") else "good"
        canvas.box(x - wide / 2, y, wide, tall, style)
        canvas.text(x, y + 18, titles.get(name, name), "strong")
        canvas.text(x, y + 35, under[name], "small mono")
    return canvas.svg()


def _ed25519(rng: random.Random) -> Signing:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    key = Ed25519PrivateKey.from_private_bytes(rng.randbytes(32))
    public = key.public_key()
    return public.public_bytes_raw(), key.sign, _checking(public.verify, InvalidSignature)


def _mldsa(rng: random.Random) -> Signing:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA65PrivateKey

    key = MLDSA65PrivateKey.from_seed_bytes(rng.randbytes(32))
    public = key.public_key()
    return public.public_bytes_raw(), key.sign, _checking(public.verify, InvalidSignature)


def _checking(
    verify: Callable[[bytes, bytes], None], wrong: type[Exception]
) -> Callable[[bytes, bytes], bool]:
    def fits(signature: bytes, message: bytes) -> bool:
        try:
            verify(signature, message)
        except wrong:
            return False
        return True

    return fits


def _ecdsa(rng: random.Random) -> Signing:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key, how = certificates.private_key(rng), ec.ECDSA(hashes.SHA256(), deterministic_signing=True)
    point = key.public_key().public_bytes(
        serialization.Encoding.X962, serialization.PublicFormat.CompressedPoint
    )
    check = ec.ECDSA(hashes.SHA256())
    fits = _checking(
        lambda signature, message: key.public_key().verify(signature, message, check), InvalidSignature
    )
    return point, lambda message: key.sign(message, how), fits


def _rsa(rng: random.Random) -> Signing:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import padding, rsa

    p, q = (primes.prime(1024, rng, _EXPONENT) for _ in range(2))
    d = pow(_EXPONENT, -1, (p - 1) * (q - 1))
    public = rsa.RSAPublicNumbers(_EXPONENT, p * q)
    numbers = rsa.RSAPrivateNumbers(
        p, q, d, rsa.rsa_crt_dmp1(d, p), rsa.rsa_crt_dmq1(d, q), rsa.rsa_crt_iqmp(p, q), public
    )
    key, sha = numbers.private_key(), hashes.SHA256()
    # Without salt the signature repeats, for the class; RFC 8017 advises one as long as the hash.
    how = padding.PSS(padding.MGF1(sha), 0)
    fits = _checking(
        lambda signature, message: key.public_key().verify(signature, message, how, sha), InvalidSignature
    )
    return (p * q).to_bytes(256, "big"), lambda message: key.sign(message, how, sha), fits


_MADE: dict[str, Callable[[random.Random], Signing]] = dict(
    zip(_KINDS, (_ed25519, _ecdsa, _rsa, _mldsa), strict=True)
)


def _kinds(chosen: Chosen, rng: random.Random) -> Iterator[Event]:
    kind, message = chosen.text("kind"), chosen.text("message").encode()
    public, sign, fits = _MADE[kind](rng)
    yield Step(
        f"A key pair for {kind}",
        values=(Value("public key", public), Value("bytes of the public key", len(public))),
    )
    signature = sign(message)
    again = sign(message)
    yield Step(
        "Sign",
        "RSA-PSS is run without its salt here, so that the class sees the same bytes; a real one draws 32 bytes. ML-DSA mixes in fresh randomness. Ed25519 and ECDSA by RFC 6979 repeat their own. Both ways are good.",
        (Value("signature", signature), Value("the same the next time", again == signature)),
        measured=kind == "ML-DSA-65",
    )
    checked = fits(signature, message) and fits(again, message)
    bits = [rng.randrange(8 * len(signature)) for _ in range(16)]
    passed = sum(fits(_flipped(signature, bit), message) for bit in bits)
    changed = fits(signature, message + b" ")
    yield Step(
        "Check",
        "Sixteen times another bit of the signature is flipped; once a space is added to the message.",
        (
            Value("fits", checked),
            Value("flipped ones that pass", passed),
            Value("longer message passes", changed),
        ),
    )
    yield _sizes()
    fine = checked and not passed and not changed
    yield Outcome("works" if fine else "broken", f"A signature of {kind} fits its message and nothing else.")


def _flipped(data: bytes, bit: int) -> bytes:
    return data[: bit // 8] + bytes([data[bit // 8] ^ 1 << bit % 8]) + data[bit // 8 + 1 :]


def _sizes() -> Step:
    from ui import plots

    sizes = (
        ("Ed25519", 32, 64),
        ("ECDSA P-256", 33, 72),
        ("RSA-PSS 2048", 256, 256),
        ("ML-DSA-65", 1952, 3309),
    )
    rests = ("discrete logarithm", "discrete logarithm", "factoring", "lattices")
    rows = tuple((name, str(key), str(size), on) for (name, key, size), on in zip(sizes, rests, strict=True))
    return Step(
        "What they cost in bytes",
        "The first three fall to a large quantum computer (Shor 1994). ML-DSA doesn't, as far as anybody knows, and is fifty "
        "times as long.",
        picture=plots.bars("Bytes of a signature", [(name, size) for name, _, size in sizes]),
        table=Table(("kind", "public key", "signature", "rests on"), rows, "Bytes; ECDSA's varies by a few."),
    )


def _model_file(chosen: Chosen, rng: random.Random) -> Iterator[Event]:
    from security.crypto.signatures import SigningKey

    weights = [round(rng.uniform(-1, 1), 3) for _ in range(_WEIGHTS)]
    data, place = weightfile.write({"dose": weights}), chosen.whole("weight")
    key = SigningKey(rng.randbytes(32))
    signature = key.sign(data, "model-version")
    yield Step(
        "A model file is signed",
        "The app's own module signs all its bytes, and a context with them: what a signature is for.",
        (Value("bytes", len(data)), Value("key id", key.verify_key.key_id), Value("signature", signature)),
    )
    false = weightfile.changed(data, place, weights[place] + 0.5)
    start = weightfile.body_start(data)
    marked = [at - start for at in range(start, len(data)) if data[at] != false[at]]
    rows = [("signed", data[start:]), ("delivered", false[start:])]
    yield Step(
        "One weight is changed",
        "The file loads and answers as before, but for one patient in a thousand. Nobody sees that by looking.",
        (Value("before", weights[place]), Value("after", round(weightfile.numbers(false)[place], 3))),
        pictures.cells("The numbers of the file; the changed bytes are marked.", rows, [[], marked]),
    )
    found = {
        "the file as signed": _verifies(key.verify_key, data, signature, "model-version"),
        "the changed file": _verifies(key.verify_key, false, signature, "model-version"),
        "as a checkpoint of a ledger": _verifies(key.verify_key, data, signature, "ledger-checkpoint"),
    }
    yield Step(
        "The signature is checked before loading",
        "And a signature for one purpose is worth nothing for another.",
        tuple(Value(name, fits) for name, fits in found.items()),
    )
    yield Outcome(
        "works" if list(found.values()) == [True, False, False] else "broken", "The changed weight is found."
    )


def _verifies(key: object, data: bytes, signature: bytes, context: str) -> bool:
    from security.crypto.signatures import SignatureError, VerifyKey

    assert isinstance(key, VerifyKey)
    try:
        key.verify(data, signature, context)
    except SignatureError:
        return False
    return True


RUNS = (
    Run(
        "show",
        "show",
        "Sign a prescription",
        "Ed25519 step by step: from a seed to 64 bytes that everybody can check. Change the message and see which values stay.",
        _show,
        (MESSAGE,),
    ),
    Run(
        "kinds",
        "show",
        "Four kinds of signature",
        "The same prescription by an elliptic curve, by RSA, and by ML-DSA against quantum computers. Compare the sizes.",
        _kinds,
        (_KIND, MESSAGE),
    ),
    Run(
        "model-file",
        "show",
        "Sign a model file",
        "The app signs its models with this very module. One weight is changed.",
        _model_file,
        (Whole("weight", "Change the weight", 3, 0, _WEIGHTS - 1),),
    ),
)  # fmt: skip
