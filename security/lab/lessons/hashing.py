"""Hash functions: fingerprints, birthdays, extensions, and what "unique" means."""

from __future__ import annotations

import hashlib
import hmac
import random
from collections.abc import Iterator

from security.lab import pictures, story
from security.lab.lesson import Lesson, Run, program
from security.lab.lessons import _hashing_shows as shows
from security.lab.lessons import _hashing_words as words
from security.lab.parameters import Choice, Chosen, File, Text, Whole
from security.lab.steps import Download, Event, Outcome, Step, Table, Value
from security.lab.workings import hashing, sha256
from ui import plots

_ORDER = f"patient={story.RECORD_NUMBER}&drug=levodopa&dose=100".encode()
_LONGEST_SECRET = 64
_TEXT = Text("text", "The text", story.PRESCRIPTION, most=500, least=1)
_ALGORITHM = Choice("algorithm", "Hash function", "SHA-256", hashing.NAMES)
_SECRET = Whole("secret", "Length of the secret, in bytes", 16, 1, _LONGEST_SECRET)
_DOSE = Whole("dose", "Dose that Mallory wants, in mg", 900, 1, 5000)
_MACS = ("HMAC-SHA-256", "BLAKE2b with a key", "SHA3-256, secret first", "SHA-256, secret first")


def _prescription(series: str, number: int) -> bytes:
    dose = 50 + 25 * (number % 37)
    return f"{story.PATIENT}: levodopa {dose} mg, three times a day. No. {series}-{number}".encode()


def _birthday(chosen: Chosen, rng: random.Random) -> Iterator[Event]:
    bits, series = chosen.whole("bits"), rng.randbytes(3).hex()
    expected = hashing.expected_tries(bits)
    yield Step(
        f"A hash of {bits} bits",
        f"Somebody signs only {bits} bits of SHA-256, to save room. {story.ATTACKER} writes prescriptions that differ in dose and number, and keeps all hashes.",
        (Value("values", 2**bits), Value("first text", _prescription(series, 0).decode())),
    )
    # After so many tries, no collision is as likely as no six in 175 throws of a die.
    found = hashing.collide(lambda number: _prescription(series, number), bits, 8 * 2 ** -(-bits // 2))
    if found.pair is None:
        yield Step("No collision", "", (Value("tries", found.tries),))
        yield Outcome("held", f"No two of {found.tries:,} prescriptions share a hash.")
        return
    one, other = (_prescription(series, number) for number in found.pair)
    short = f"{hashing.truncated(one, bits):0{-(-bits // 4)}x}"
    yield Step(
        "Two prescriptions, one hash",
        "A [[collision]], found by trying. A signature of the one holds for the other.",
        (Value("one", one.decode()), Value("other", other.decode()), Value(f"{bits} bits of both", short)),
        pictures.cells(
            "Both full hashes; they agree in the first bits.",
            [("one", hashlib.sha256(one).digest()), ("other", hashlib.sha256(other).digest())],
            [range(bits // 8)] * 2,
        ),
    )
    most = max(3 * expected, 1.1 * found.tries)
    curve = [(round(most * at / 60), round(hashing.chance(most * at / 60, bits), 4)) for at in range(1, 61)]
    here = (found.tries, round(hashing.chance(found.tries, bits), 4))
    yield Step(
        "How many tries?",
        f"Theory says the square root of pi/2 times 2 to the {bits}: every new hash may meet every earlier one. That is the [[birthday bound]]. The dot is this run.",
        (Value("tries", found.tries), Value("expected", round(expected)), Value("all values", 2**bits)),
        plots.lines(
            "Chance that two share a hash",
            [plots.Line("theory", curve), plots.Line("this run", [here], "dots")],
            "tries",
            "chance",
        ),
    )
    real = one != other and hashing.truncated(one, bits) == hashing.truncated(other, bits)
    yield Outcome(
        "broken" if real else "held",
        f"A collision after {found.tries:,} tries; {bits} bits are worth {bits / 2:g} against it.",
    )


def _extension(chosen: Chosen, rng: random.Random) -> Iterator[Event]:
    secret, more = rng.randbytes(chosen.whole("secret")), f"&dose={chosen.whole('dose')}".encode()

    def tag_of(message: bytes) -> bytes:
        return hashlib.sha256(secret + message).digest()

    yield from _forging(tag_of, more, f"SHA-256 of secret and order, a secret of {len(secret)} bytes")


def _forging(tag_of: hashing.Hash, more: bytes, how: str) -> Iterator[Event]:
    """The attack against any way of making tags of 32 bytes; the forger sees one order and its tag."""
    tag = tag_of(_ORDER)
    yield Step(
        "An order with a tag",
        f"The pharmacy's [[tag]]: {how}.",
        (Value("order", _ORDER.decode()), Value("tag", tag)),
    )
    whole = _ORDER + sha256.padding(_LONGEST_SECRET + len(_ORDER))
    yield Step(
        "SHA-256 is a chain",
        "The message is filled up to blocks of 64 bytes ([[padding]]), and each block is mixed into a state by the [[compression function]]. The last state is the hash. It is spelled out here to be seen; never use it.",
        (
            Value("state at the start", sha256.to_bytes(sha256.start())),
            Value("spelled out equals hashlib", sha256.sha256(whole) == hashlib.sha256(whole).digest()),
        ),
    )
    sent, forged = hashing.forge(
        _ORDER, tag, more, lambda message, new: hmac.compare_digest(tag_of(message), new), _LONGEST_SECRET
    )
    yield Step(
        "Mallory goes on from the tag",
        "She takes the tag for the state, adds her words, and guesses the secret's length: one order sent for each length. This is [[length extension]].",
        (Value("appended", more.decode()), Value("orders sent", sent), Value("accepted", forged is not None)),
        _chain(tag, more, forged),
    )
    if forged is None:
        yield Outcome("held", f"All {sent} forged orders are refused.")
        return
    dose = [part for part in forged.message.split(b"&") if part.startswith(b"dose=")][-1]
    at = len(_ORDER)
    yield Step(
        "The pharmacy accepts",
        "Marked: the filling bytes that SHA-256 had put behind the order; now they are part of it. The last dose counts.",
        (
            Value("length guessed", forged.guess),
            Value("forged tag", forged.tag),
            Value("dose read", dose.decode()),
        ),
        pictures.cells(
            "The forged order in bytes.",
            [("forged order", forged.message)],
            [range(at, at + len(forged.glue))],
            "warn",
        ),
    )
    won = dose == more[1:] and hmac.compare_digest(tag_of(forged.message), forged.tag)
    yield Outcome(
        "broken" if won else "held", f"Without the secret: an order for {dose.decode()} with a right tag."
    )


def _chain(tag: bytes, more: bytes, forged: hashing.Forged | None) -> str:
    last = sha256.extended(tag, 16 + len(_ORDER), more)[1] if forged is None else forged.tag
    boxes = [
        pictures.Box(("secret, order", "hashed"), "quiet"),
        pictures.Box(("the tag", tag.hex()[:8] + "…"), "warn"),
        pictures.Box(("go on with", more.decode())),
        pictures.Box(("forged tag", last.hex()[:8] + "…"), "good" if forged is None else "bad"),
    ]
    return pictures.chain(
        "The tag is taken for a state, and the chain goes on.", boxes, broken=(1,) if forged is None else ()
    )


def _md5(chosen: Chosen, _: random.Random) -> Iterator[Event]:
    true, false = hashing.forms(story.PATIENT, chosen.whole("true"), chosen.whole("false"))
    one, other = (hashlib.md5(data, usedforsecurity=False).digest() for data in (true, false))
    yield Step(
        "Two blocks with one MD5",
        "Published in 2004: 128 bytes each, different in six bits. Finding such a pair takes seconds on a laptop today; for SHA-1 the first one took about 2 to the 63 hashes (2017).",
        (Value("bits that differ", len(hashing.changed_bits(*hashing.PAIR))),),
        pictures.cells(
            "The two blocks; marked where they differ.",
            [("first", hashing.PAIR[0]), ("second", hashing.PAIR[1])],
            [hashing.DIFFER] * 2,
        ),
    )
    yield Step(
        "The blocks become logos of a form",
        "Whatever is appended to both, their MD5 stays equal, for the chain is in the same state. Both forms hold both lines; the reader shows one, by a bit of the logo.",
        (
            Value("the first form shows", hashing.displayed(true)),
            Value("the second form shows", hashing.displayed(false)),
            Value("MD5 of the first", one),
            Value("MD5 of the second", other),
        ),
        files=(Download("first.form", true, "md5sum FILE"), Download("second.form", false, "md5sum FILE")),
    )
    won = one == other and true != false and hashing.displayed(true) != hashing.displayed(false)
    yield Outcome(
        "broken" if won else "held",
        "One MD5, two doses: a signature over MD5 signs both."
        if won
        else "One MD5, but both forms show the same dose.",
    )


def _long(chosen: Chosen, rng: random.Random) -> Iterator[Event]:
    bits, tries, series = chosen.whole("bits"), chosen.whole("tries"), rng.randbytes(3).hex()
    short = hashing.collide(lambda number: _prescription(series, number), 28, tries)
    yield Step(
        "The attack on 28 bits again",
        "",
        (Value("tries on 28 bits", short.tries), Value("collision in 28 bits", short.pair is not None)),
    )
    found = hashing.collide(lambda number: _prescription(series, number), bits, tries)
    sizes = tuple(sorted({28, 64, 128, 256, bits}))
    yield Step(
        f"The same on {bits} bits",
        "The same prescriptions, the same search. The picture: the work for a collision, as a power of two.",
        (
            Value("tries", found.tries),
            Value("collision", found.pair is not None),
            Value("expected tries", hashing.expected_tries(bits)),
        ),
        plots.bars("Powers of two to a collision", [(f"{size} bits", size / 2) for size in sizes]),
        Table(
            ("bits", "expected tries", "years at 10^12 a second"),
            tuple(
                (
                    str(size),
                    f"{hashing.expected_tries(size):.2g}",
                    f"{hashing.expected_tries(size) / 1e12 / 31_557_600:.2g}",
                )
                for size in sizes
            ),
        ),
    )
    forms = hashing.forms(story.PATIENT, 100, 900)
    one, other = (hashlib.sha256(data).digest() for data in forms)
    yield Step(
        "The two MD5 forms under SHA-256",
        "They have one MD5; SHA-256 tells them apart.",
        (Value("first form", one), Value("second form", other)),
    )
    held = found.pair is None and one != other
    yield Outcome(
        "held" if held else "broken",
        f"{found.tries:,} tries, no collision."
        if held
        else f"A collision after {found.tries:,} tries: {bits} bits are too few.",
    )


def _hmac(chosen: Chosen, rng: random.Random) -> Iterator[Event]:
    key, kind = rng.randbytes(chosen.whole("secret")), chosen.text("mac")
    more = f"&dose={chosen.whole('dose')}".encode()
    makers: dict[str, hashing.Hash] = {
        _MACS[0]: lambda message: hmac.digest(key, message, "sha256"),
        _MACS[1]: lambda message: hashlib.blake2b(message, key=key, digest_size=32).digest(),
        _MACS[2]: lambda message: hashlib.sha3_256(key + message).digest(),
        _MACS[3]: lambda message: hashlib.sha256(key + message).digest(),
    }
    inside, tag = hashing.hmac_parts(key, _ORDER)
    yield Step(
        "HMAC hashes twice",
        "[[HMAC]] hashes key and order, and then key and that hash. What could be extended, the inner hash, is never shown.",
        (
            Value("inner hash, never shown", inside),
            Value("outer hash, the tag", tag),
            Value("the library agrees", hmac.digest(key, _ORDER, "sha256") == tag),
        ),
        pictures.chain(
            "HMAC: a hash in a hash.",
            [
                pictures.Box(("key, order",)),
                pictures.Box(("inner hash", "hidden"), "good"),
                pictures.Box(("key, inner",)),
                pictures.Box(("tag", tag.hex()[:8] + "…")),
            ],
        ),
    )
    for event in _forging(makers[kind], more, kind):
        if isinstance(event, Outcome) and kind in _MACS[1:3]:
            yield _another_function()
        yield event


def _another_function() -> Step:
    return Step(
        "Another function",
        "Mallory's step is SHA-256's and can't fit this tag, so these refusals prove nothing. The reasons are others: "
        "SHA3-256 shows 32 bytes of a state of 200, and BLAKE2b marks its last block.",
    )


_BITS = Whole("bits", "Bits of the hash", 28, 16, 36)
LESSON = Lesson(
    id="hashing",
    number=4,
    topic="Hash functions",
    title="Fingerprints of a record",
    question="Does a hash give a globally unique code?",
    story=words.STORY,
    goals=words.GOALS,
    runs=(
        Run(
            "avalanche",
            "show",
            "Change one letter",
            "Hash a prescription, change one letter, and count the bits that change.",
            shows.avalanche,
            (_TEXT, _ALGORITHM),
        ),
        Run(
            "identity",
            "show",
            "Same file, same name",
            "Compare copies by their hash, store equal files once, and count pigeons.",
            shows.identity,
            (
                Text("text", "The record", story.NOTE, most=500, least=1),
                Whole("bits", "Bits of the short hash", 6, 1, 8),
            ),
        ),
        Run(
            "file",
            "show",
            "Hash your own file",
            "All five hash functions over a file of yours, and a list that sha256sum reads.",
            shows.file,
            (
                File("file", "Your file", default=shows.EXAMPLE),
                Text("name", "Its name", "record.txt", most=100, least=1),
            ),
        ),
        Run(
            "birthday",
            "attack",
            "Find a collision",
            "Two prescriptions with one short hash, found while you watch.",
            _birthday,
            (_BITS,),
        ),
        Run(
            "md5",
            "attack",
            "Two forms, one MD5",
            "Why MD5 is no longer a hash to sign: two documents, two doses, one MD5.",
            _md5,
            (
                Whole("true", "The true dose, in mg", 100, 1, 5000),
                Whole("false", "The false dose, in mg", 900, 1, 5000),
            ),
        ),
        Run(
            "length-extension",
            "attack",
            "Extend a secret order",
            "A tag made of SHA-256 with the secret in front is forged without the secret.",
            _extension,
            (_SECRET, _DOSE),
        ),
        Run(
            "long",
            "cure",
            "Use all 256 bits",
            "The same search against the whole hash finds nothing.",
            _long,
            (
                Whole("bits", "Bits of the hash", 256, 16, 256),
                Whole("tries", "Tries", 60_000, 1000, 500_000),
            ),
            ("birthday", "md5"),
        ),
        Run(
            "hmac",
            "cure",
            "Use HMAC",
            "The same forgery against a tag that was made to be one.",
            _hmac,
            (Choice("mac", "How the tag is made", _MACS[0], _MACS), _SECRET, _DOSE),
            ("length-extension",),
        ),
    ),
    quiz=words.QUIZ,
    code=program("hashing"),
    uses=words.USES,
    not_covered=words.NOT_COVERED,
    sources=words.SOURCES,
    teacher=words.TEACHER,
)
