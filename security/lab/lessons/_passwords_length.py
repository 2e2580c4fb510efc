"""Lesson 5, bcrypt's 72 bytes and its zero byte, and how this app stays clear of both."""

from __future__ import annotations

import base64
import hashlib
import hmac
import random
from collections.abc import Iterator

from security.crypto.errors import StoredHashError
from security.crypto.passwords import MAX_TYPED, PasswordHasher, normalise
from security.lab import pictures, story
from security.lab.parameters import Chosen, Text
from security.lab.steps import Event, Outcome, Step, Table, Value
from security.lab.workings import stored_passwords as ways

_LONG = "Rosa walks slowly through the old garden and counts every red tulip there: "
PHRASE = Text("phrase", "How both pass phrases begin", _LONG, most=200, hint="72 bytes or more for the trap.")
HERS = Text("hers", f"How {story.PATIENT}'s ends", "forty-one", most=40)
OTHER = Text("other", f"How {story.ATTACKER}'s ends", "none at all", most=40)
_COST = 4
_FROM = 64  # the picture begins here, shortly before the cut
_PAIRS = 10_000  # 39 of them begin with a zero byte on average; fewer than two never happens


def truncation(chosen: Chosen, rng: random.Random) -> Iterator[Event]:
    """Two pass phrases that differ behind byte 72, for a server of the old style."""
    hers, other, salt = _phrases(chosen, rng)
    yield _both(hers, other)
    kept = ways.by_bcrypt(ways.cut_at_nul(ways.cut_at_72(hers)), salt, _COST)
    opened = hmac.compare_digest(kept, ways.by_bcrypt(ways.cut_at_nul(ways.cut_at_72(other)), salt, _COST))
    yield Step(
        "A server of the old style",
        "bcrypt mixes 18 words of 4 bytes into its key: 72 bytes. Many libraries cut longer passwords off without a word. "
        "The cut is spelled out here to be seen; never use it.",
        (
            Value("stored", kept.decode()),
            Value("bytes that count", len(ways.cut_at_72(hers))),
            Value("bytes typed", len(hers)),
            Value("the other phrase opens", opened and hers != other),
        ),
    )
    yield Step("bcrypt 5 refuses", _refused(other, salt), (Value("refused", len(other) > ways.BCRYPT_BYTES),))
    yield from _zeros(rng, salt)
    if opened and hers != other:
        yield Outcome(
            "broken", "The other phrase opens the account: only the first 72 bytes were ever looked at."
        )
    else:
        yield Outcome(
            "held", "The two differ within the first 72 bytes, or not at all; nothing was gained by the cut."
        )


def _phrases(chosen: Chosen, rng: random.Random) -> tuple[bytes, bytes, bytes]:
    begin = chosen.text("phrase")
    return (
        (begin + chosen.text("hers")).encode(),
        (begin + chosen.text("other")).encode(),
        rng.randbytes(ways.SALT_BYTES),
    )


def _both(hers: bytes, other: bytes) -> Step:
    shared = next(
        (at for at, (a, b) in enumerate(zip(hers, other, strict=False)) if a != b), min(len(hers), len(other))
    )
    rows = [(story.PATIENT, hers[_FROM : _FROM + 32]), (story.ATTACKER, other[_FROM : _FROM + 32])]
    lost = [range(ways.BCRYPT_BYTES - _FROM, len(row)) for _, row in rows]
    return Step(
        "Two long pass phrases",
        f"They begin alike. The picture starts at byte {_FROM}; what is marked lies behind byte {ways.BCRYPT_BYTES}.",
        (
            Value("first phrase", hers.decode()),
            Value("second phrase", other.decode()),
            Value("equal bytes at the start", shared),
        ),
        pictures.cells("The bytes of both phrases around the 72nd.", rows, lost),
    )


def _refused(password: bytes, salt: bytes) -> str:
    try:
        ways.by_bcrypt(password, salt, _COST)
    except ValueError:
        return "The library of today raises a ValueError for more than 72 bytes: an error that is seen in place of a hole that isn't."
    return "This one has 72 bytes or fewer: the library takes it."


def _zeros(rng: random.Random, salt: bytes) -> Iterator[Event]:
    """The 'mend' that made it worse: the raw digest as bcrypt's password."""
    number = rng.randrange(10**6)
    zeros = []
    for at in range(_PAIRS):
        guess = f"guess {number + at}"
        if hashlib.sha256(guess.encode()).digest()[0] == 0:
            zeros.append(guess)
    pair = zeros[:2]
    digests = [hashlib.sha256(guess.encode()).digest() for guess in pair]
    hashes = [ways.by_bcrypt(ways.cut_at_nul(each), salt, _COST) for each in digests]
    yield Step(
        "A mend that opens another hole",
        "Hash first, then bcrypt: a digest is short. But a raw digest can begin with a zero byte, where a library in C stops reading. "
        "One password in 256 is then as good as an empty one.",
        (
            Value("one password", pair[0]),
            Value("another", pair[1]),
            Value("same stored hash", hashes[0] == hashes[1]),
            Value("of so many tried, begin with a zero", f"{len(zeros)} of {_PAIRS}"),
        ),
        pictures.cells(
            "Two SHA-256 values that begin with zero.", list(zip(pair, digests, strict=True)), [[0], [0]]
        ),
    )
    repeated = [ways.by_bcrypt(each, salt, _COST) for each in (b"ab", b"ab\0ab")]
    yield Step(
        "Even a library that reads zeros",
        "bcrypt repeats the password, with a zero after it, until 72 bytes are full. So ab and ab-zero-ab are one password to it.",
        (Value("ab and ab-zero-ab are the same", repeated[0] == repeated[1]),),
    )


def prehash(chosen: Chosen, rng: random.Random) -> Iterator[Event]:
    """The app's own module on the same two phrases and on odd passwords."""
    hers, other, _ = _phrases(chosen, rng)
    pepper = rng.randbytes(32)
    yield _both(hers, other)
    short = [_prehashed(each, pepper) for each in (hers, other)]
    yield Step(
        "First a keyed hash, as letters",
        "base64 of HMAC-SHA-384 with the [[pepper]]: always 64 letters, never a zero, and every byte typed counts. Then bcrypt.",
        (
            Value("first, before bcrypt", short[0].decode()),
            Value("second, before bcrypt", short[1].decode()),
            Value("letters", len(short[0])),
            Value("zero bytes", short[0].count(0)),
        ),
        pictures.cells("What bcrypt is given.", [("first", short[0][:32]), ("second", short[1][:32])]),
    )
    app = PasswordHasher(pepper, rounds=_COST)
    kept = app.hash(hers.decode())
    yield Step(
        "Stored by this app",
        "The class uses cost 4; the app uses 12.",
        (Value("stored", kept),),
        measured=True,
    )
    own, opened = app.verify(hers.decode(), kept), app.verify(other.decode(), kept)
    yield Step("Sign in", "", (Value("her phrase opens", own), Value("the other phrase opens", opened)))
    yield _odd(app)
    thief = PasswordHasher(rng.randbytes(32), rounds=_COST)
    yield Step(
        "A thief without the pepper",
        "She has the table and even guesses the right phrase. Without the key file she can't see that it is right.",
        (Value("right guess, another pepper", thief.verify(hers.decode(), kept)),),
    )
    if own and opened == (normalise(hers.decode()) == normalise(other.decode())):
        yield Outcome("held", "Every byte counts, whatever the length: only her phrase opens the account.")
    else:
        yield Outcome("broken", "The other phrase opened the account, or hers didn't.")


def _prehashed(password: bytes, pepper: bytes) -> bytes:
    typed = normalise(password.decode()).encode()
    return base64.b64encode(hmac.digest(pepper, typed, "sha384"))


def _odd(app: PasswordHasher) -> Step:
    def same(one: str, other: str) -> str:
        return "yes" if app.verify(other, app.hash(one)) else "no"

    rows = (
        ("72 letters, and 73", same("a" * 72, "a" * 73), "no cut"),
        ("ab, and ab-zero-ab", same("ab", "ab\0ab"), "no zero reaches bcrypt"),
        ("a zero first, and nothing", same("\0x", ""), "no zero reaches bcrypt"),
        (
            "é as one sign, and as two",
            same("caf\u00e9", "cafe\u0301"),
            "NFKC: another keyboard, one password",
        ),
        ("upper and lower case", same("Levodopa", "levodopa"), "case counts"),
        (
            f"{MAX_TYPED + 1:,} letters, twice",
            same("a" * (MAX_TYPED + 1), "a" * (MAX_TYPED + 1)),
            "too long to be anybody's",
        ),
        ("a stored form cut short", _read(app, app.hash("x")[:-1]), "read strictly, not guessed at"),
    )
    return Step(
        "Odd passwords",
        "Each pair: is it one password to this app?",
        table=Table(("pair", "same", "why"), rows),
    )


def _read(app: PasswordHasher, kept: str) -> str:
    try:
        app.verify("x", kept)
    except StoredHashError:
        return "refused"
    return "read"
