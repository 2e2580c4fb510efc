"""Lesson 5, its demonstrations: one password stored in every way, and what slowness costs."""

from __future__ import annotations

import hmac
import random
import time
from collections.abc import Iterator

from security.crypto.passwords import PasswordHasher
from security.lab import pictures, story
from security.lab.errors import BadParameterError
from security.lab.parameters import Chosen, Text, Whole
from security.lab.steps import Event, Outcome, Step, Table, Value
from security.lab.workings import stored_passwords as ways
from ui import plots

PASSWORD = Text(
    "password", "An invented password", "Levodopa2024", most=72, least=1, hint="Never a real one."
)
COST = Whole("cost", "bcrypt's cost", 5, 4, 8, "One more doubles the work; this app uses 12.")
MOST = Whole("most", "Highest cost", 8, 5, 11, "From 4 up to this.")
_APP_COST = 12
_LEAK = (
    "A server that cuts or changes a password without a word lets another one in; see the run on 72 bytes."
)


def to_bytes(password: str) -> bytes:
    """UTF-8, if bcrypt can take it as it is.

    Raises:
        BadParameterError: over 72 bytes, or with a zero character.
    """
    raw = password.encode()
    if len(raw) > ways.BCRYPT_BYTES:
        raise BadParameterError("password", f"it has {len(raw)} bytes, and bare bcrypt takes 72.", _LEAK)
    if b"\0" in raw:
        raise BadParameterError("password", "it has a zero character, at which many libraries stop.", _LEAK)
    return raw


def show(chosen: Chosen, rng: random.Random) -> Iterator[Event]:
    """One password, six ways to store it, two users who chose it."""
    password, cost = to_bytes(chosen.text("password")), chosen.whole("cost")
    salts = rng.randbytes(ways.SALT_BYTES), rng.randbytes(ways.SALT_BYTES)
    pepper = rng.randbytes(32)
    rows = {method: _both(method, password, salts, cost) for method in ways.METHODS}
    yield from _fast(rows, salts[0])
    yield from _slow(rows, salts[0], cost)
    apart = ways.told_apart(rows)
    yield Step(
        "What a thief sees of two users with one password",
        f"{story.PATIENT} and {story.STUDENT} chose the same password. Where the two cells are equal, the thief "
        "knows it at once, and breaking one breaks both. The [[salt]] makes them differ; it is stored beside the "
        "hash and need not be secret.",
        tuple(Value(f"{method}: told apart", differ) for method, differ in apart.items()),
        _columns(rows),
    )
    known = [_fits(method, password, salts[0], cost, rows[method][0]) for method in ways.METHODS]
    wrong = [_fits(method, password + b"!", salts[0], cost, rows[method][0]) for method in ways.METHODS]
    yield Step(
        "Sign in",
        "The server doesn't look the password up. It computes the same again, with the stored salt and cost, and compares "
        "in constant time.",
        (Value("right password fits", all(known)), Value("wrong password fits", any(wrong))),
    )
    yield from _peppered(chosen.text("password"), password, pepper, cost)
    salted = all(differ for method, differ in apart.items() if method not in ("plain", "SHA-256"))
    done = all(known) and not any(wrong) and salted and not apart["SHA-256"]
    yield Outcome(
        "works" if done else "broken",
        "Every way recognises the right password. With a salt, equal passwords look different; only bcrypt, scrypt "
        "and Argon2id also make each guess expensive.",
    )


def _both(method: str, password: bytes, salts: tuple[bytes, bytes], cost: int) -> tuple[bytes, bytes]:
    return ways.stored(method, password, salts[0], cost), ways.stored(method, password, salts[1], cost)


def _fits(method: str, password: bytes, salt: bytes, cost: int, kept: bytes) -> bool:
    if method == "bcrypt" and len(password) > ways.BCRYPT_BYTES:
        return False  # the library refuses it, and so does the server
    return hmac.compare_digest(ways.stored(method, password, salt, cost), kept)


def _fast(rows: dict[str, tuple[bytes, bytes]], salt: bytes) -> Iterator[Event]:
    yield Step(
        "1. As it is",
        "Whoever reads the table can sign in here, and wherever else the password was used.",
        (Value("plain", rows["plain"][0].decode()),),
    )
    yield Step(
        "2. SHA-256",
        "A [[hash]] can't be turned back. But it is made to be fast, and equal passwords have equal hashes.",
        (Value("SHA-256", rows["SHA-256"][0]),),
    )
    yield Step(
        "3. SHA-256 with a salt",
        "Sixteen random bytes for each user, stored in the open: SHA-256(salt, password).",
        (Value("salt", salt), Value("salted SHA-256", rows["salted SHA-256"][0])),
    )


def _slow(rows: dict[str, tuple[bytes, bytes]], salt: bytes, cost: int) -> Iterator[Event]:
    yield Step(
        "4. bcrypt",
        f"A [[password hash]]: slow on purpose. The [[work factor]] {cost} means 2^{cost} = {2**cost} rounds, twice. "
        f"The class uses {cost} so that it need not wait; this app uses {_APP_COST}. bcrypt has a base64 of its own.",
        (
            Value("bcrypt's salt", ways.bcrypt64(salt), "the same 16 bytes in bcrypt's letters"),
            Value("bcrypt", rows["bcrypt"][0].decode()),
        ),
    )
    yield Step(
        "5. scrypt",
        "Needs memory as well as time, so that a chip with thousands of small cores gains little: 1 MiB here, for the "
        "class; in earnest N = 2^17 (128 MiB).",
        (Value("scrypt", rows["scrypt"][0], "N = 1024, r = 8, p = 1"),),
    )
    yield Step(
        "6. Argon2id",
        "The winner of the Password Hashing Competition. Memory (KiB), passes and lanes are part of the stored form: 1 MiB, "
        "two passes and one lane here, for the class. RFC 9106 recommends 2 GiB and one pass, or 64 MiB and three, four "
        "lanes each.",
        (Value("Argon2id", rows["Argon2id"][0].decode()),),
    )


def _peppered(typed: str, password: bytes, pepper: bytes, cost: int) -> Iterator[Event]:
    tag = hmac.digest(pepper, password, "sha384")
    yield Step(
        "And a pepper",
        "A [[pepper]] is one secret key for all users, kept outside the table: in a key file or a security module. Who "
        "steals the table alone can't even begin to guess.",
        (Value("pepper", pepper, "not in the table"), Value("HMAC-SHA-384(pepper, password)", tag)),
    )
    hasher = PasswordHasher(pepper, rounds=cost)
    kept = hasher.hash(typed)
    yield Step(
        "This app's own module",
        "bcrypt over the peppered value. The app draws its salt from the operating system: another one each time.",
        (
            Value("stored", kept),
            Value("right password", hasher.verify(typed, kept)),
            Value("wrong password", hasher.verify(typed + "!", kept)),
        ),
        measured=True,
    )


def _columns(rows: dict[str, tuple[bytes, bytes]]) -> str:
    told = "The stored forms of two users with one password, side by side."
    canvas = pictures.Canvas(told, 34 + 34 * len(rows), width=450)
    for at, who in enumerate((story.PATIENT, story.STUDENT)):
        canvas.text(195 + at * 172, 18, who, "small strong")
    for number, (method, both) in enumerate(rows.items()):
        y, equal = 28 + 34 * number, both[0] == both[1]
        canvas.text(2, y + 18, method, "small", "start")
        for at, kept in enumerate(both):
            canvas.box(112 + at * 172, y, 166, 28, "bad" if equal else "good")
            canvas.text(195 + at * 172, y + 18, _ending(kept, method), "mono")
    return canvas.svg()


def _ending(kept: bytes, method: str) -> str:
    # The beginning of bcrypt's and Argon2id's form is settings and salt: the end tells more.
    text = kept.decode() if method in ("plain", "bcrypt", "Argon2id") else kept.hex()
    return text if len(text) <= 16 else "… " + text[-14:]


def cost(chosen: Chosen, rng: random.Random) -> Iterator[Event]:
    """bcrypt's cost against time, counted and measured."""
    salt, most = rng.randbytes(ways.SALT_BYTES), chosen.whole("most")
    costs = range(4, most + 1)
    works = {each: ways.blocks_of(each) for each in costs}
    yield Step(
        "Count the work",
        "Each step of the cost doubles the rounds. A round expands a key with 521 runs of the cipher Blowfish.",
        tuple(Value(f"cost {each}: Blowfish runs", works[each]) for each in costs),
        plots.columns(
            "Blowfish runs for one guess", [str(each) for each in costs], list(works.values()), "cost"
        ),
    )
    kept = {each: ways.by_bcrypt(story.RECORD_NUMBER.encode(), salt, each) for each in costs}
    taken = {each: _milliseconds(salt, each) for each in costs}
    rate = 1000 / taken[most]
    yield Step(
        "Measure it here",
        "Milliseconds for one hash on this machine. A user waits for one; a thief pays for each guess.",
        (
            *(Value(f"cost {each}: ms", round(taken[each], 3)) for each in costs),
            Value(f"guesses a second at cost {most}", round(rate, 1)),
            Value(
                f"ms at the app's cost {_APP_COST}, by doubling",
                round(taken[most] * 2 ** (_APP_COST - most), 1),
            ),
        ),
        plots.lines("Time for one hash", [plots.Line("ms", list(taken.items()))], "cost", "milliseconds"),
        measured=True,
    )
    yield Step(
        "Choose",
        "As slow as sign-in can bear, commonly a tenth to half a second, and slower when machines get faster. The cost is stored with each hash, so a "
        "server can hash anew at the next sign-in.",
        table=_choices(most),
    )
    again = all(ways.by_bcrypt(story.RECORD_NUMBER.encode(), salt, each) == kept[each] for each in (4, most))
    doubles = all(1.9 < works[each + 1] / works[each] < 2.1 for each in list(costs)[:-1])
    yield Outcome(
        "works" if again and doubles else "broken",
        "One step of the cost doubles the work of every guess, and of every sign-in.",
    )


def _milliseconds(salt: bytes, each: int) -> float:
    """The quickest of three, as other work on the machine only ever adds."""
    times = []
    for _ in range(3):
        begun = time.perf_counter()
        ways.by_bcrypt(story.RECORD_NUMBER.encode(), salt, each)
        times.append(time.perf_counter() - begun)
    return 1000 * min(times)


def _choices(most: int) -> Table:
    kinds = (
        ("4 digits", 10**4),
        ("8 small letters", 26**8),
        ("4 words of 7,776", 7776**4),
        ("6 words of 7,776", 7776**6),
    )
    rows = []
    for name, size in kinds:
        fast, slow = f"{size:.1e}", f"{size * ways.blocks_of(most):.1e}"
        rows.append((name, fast, slow))
    return Table(
        ("a password of", "work with SHA-256", f"work with bcrypt {most}"),
        tuple(rows),
        "One SHA-256 and one Blowfish run counted as 1 each. Four digits stay weak whatever the hash.",
    )
