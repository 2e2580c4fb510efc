"""What the lesson on hash functions shows, before anything is attacked."""

from __future__ import annotations

import hashlib
import random
from collections import Counter
from collections.abc import Iterator

from security.lab import pictures, story
from security.lab.errors import BadParameterError
from security.lab.parameters import Chosen
from security.lab.steps import Download, Event, Outcome, Step, Table, Value
from security.lab.workings import hashing
from ui import plots

EXAMPLE = (story.NOTE + "\n").encode()
_FLIPS = 512


def _one_letter(text: str, rng: random.Random) -> str:
    """The text with one letter or digit changed; with the last character changed where there is none."""
    places = [at for at, letter in enumerate(text) if letter.isascii() and letter.isalnum()] or [
        len(text) - 1
    ]
    place = rng.choice(places)
    letter = "y" if text[place] == "x" else "x"
    if text[place].isascii() and text[place].isdigit():
        letter = str((int(text[place]) + 1) % 10)
    return text[:place] + letter + text[place + 1 :]


def _grid(bits: int, changed: list[int]) -> str:
    """The bits of a hash, 32 to a row, the changed ones marked."""
    size, hot = 19.0, set(changed)
    canvas = pictures.Canvas(
        f"{bits} bits of the hash; {len(changed)} of them changed.", bits // 32 * size + 8
    )
    for bit in range(bits):
        x, y = 16 + bit % 32 * size, 4 + bit // 32 * size
        canvas.box(x, y, size - 3, size - 3, "bad" if bit in hot else "", f"bit {bit}")
    return canvas.svg()


def avalanche(chosen: Chosen, rng: random.Random) -> Iterator[Event]:
    text, name = chosen.text("text"), chosen.text("algorithm")
    before = hashing.hash_of(name, text.encode())
    yield Step(
        f"{name} of the text",
        f"A [[hash]] of {8 * len(before)} bits, for any input. The same text gives it again, everywhere.",
        (Value("text", text), Value(f"{name} before", before)),
    )
    other = _one_letter(text, rng)
    after = hashing.hash_of(name, other.encode())
    yield Step("One letter changes", "", (Value("changed text", other), Value(f"{name} after", after)))
    changed = hashing.changed_bits(before, after)
    bits = 8 * len(before)
    yield Step(
        "How many bits changed?",
        f"Marked: the bits that changed, {len(changed)} of {bits}. About half do, without a pattern: the [[avalanche]].",
        (Value("bits changed", len(changed)), Value("share", len(changed) / bits)),
        _grid(bits, changed),
    )
    flips = [
        len(hashing.changed_bits(before, hashing.hash_of(name, flipped)))
        for flipped in hashing.each_bit_flipped(text.encode(), _FLIPS)
    ]
    mean, least = sum(flips) / len(flips), min(flips)
    yield Step(
        "Each bit of the text flipped in turn",
        "Whichever bit of the text flips, about half of the hash changes. No flip leaves the hash alone, and none is smaller for being smaller in the text.",
        (Value("flips tried", len(flips)), Value("changed on average", mean), Value("fewest changed", least)),
        _histogram(flips, bits // 32),
    )
    good = least > bits // 4 and abs(mean - bits / 2) < bits / 20
    yield Outcome(
        "works" if good else "broken",
        f"One letter changed {len(changed)} of {bits} bits: nearby texts have unrelated hashes.",
    )


def _histogram(flips: list[int], width: int) -> str:
    groups = Counter(count // width for count in flips)
    places = range(min(groups), max(groups) + 1)
    names = [str(place * width) for place in places]
    return plots.columns(
        "Bits of the hash that change", names, [groups[place] for place in places], "bits changed"
    )


def identity(chosen: Chosen, rng: random.Random) -> Iterator[Event]:
    record, bits = chosen.text("text").encode(), chosen.whole("bits")
    spoiled = bytearray(record)
    odd = rng.randrange(len(story.HOSPITALS))
    bit = rng.randrange(8 * len(record))
    spoiled[bit // 8] ^= 0x80 >> bit % 8
    copies = [bytes(spoiled) if at == odd else record for at in range(len(story.HOSPITALS))]
    hashes = [hashing.hash_of("SHA-256", copy) for copy in copies]
    rows = tuple((name, value.hex()[:16] + "…") for name, value in zip(story.HOSPITALS, hashes, strict=True))
    found = [at for at, value in enumerate(hashes) if hashes.count(value) == 1]
    yield Step(
        "Five hospitals compare their copies",
        f"They send 32 bytes each in place of the record. {story.HOSPITALS[odd]}'s copy has one flipped bit.",
        (
            Value("SHA-256 of the record", hashes[odd - 1]),
            Value("the odd one", ", ".join(story.HOSPITALS[at] for at in found)),
        ),
        table=Table(("hospital", "SHA-256"), rows),
    )
    store = {hashing.hash_of("SHA-256", copy): copy for copy in copies}
    yield Step(
        "The hash is the file's name",
        "A store that names files by their hash keeps equal ones once. Git does so, by default still with SHA-1, for which collisions have been made; it refuses the known kind and can use SHA-256.",
        (
            Value("uploaded", len(copies)),
            Value("kept", len(store)),
            Value("git's name of the record (SHA-1)", hashing.git_name(record)),
        ),
        files=(Download("record.txt", record, "git hash-object FILE"),),
    )
    step, crowded = _pigeonhole(bits)
    yield step
    yield Step(
        "So is SHA-256 unique?",
        "By counting, no: texts of 33 bytes alone are 256 times as many as hashes. In practice, yes: were a billion billion records hashed, this is the chance that any two share one.",
        (Value("files hashed", 10**18), Value("chance of a collision", hashing.chance(1e18, 256))),
    )
    good = found == [odd] and len(store) == 2 and crowded
    yield Outcome(
        "works" if good else "broken",
        "Equal files have equal hashes, a changed one stands out; unique is a hope of great size, not a law.",
    )


def _pigeonhole(bits: int) -> tuple[Step, bool]:
    holes = Counter(hashing.truncated(b"record %d" % number, bits) for number in range(2**bits + 1))
    fullest, shared = holes.most_common(1)[0][1], sum(1 for count in holes.values() if count > 1)
    step = Step(
        "More records than hashes",
        f"A hash cut to {bits} bits has {2**bits} values. One record more than that, and two must share one: the [[pigeonhole principle]].",
        (
            Value("values", 2**bits),
            Value("records", 2**bits + 1),
            Value("values shared", shared),
            Value("records in the fullest", fullest),
        ),
        _pigeons(bits, holes),
    )
    return step, fullest > 1


def _pigeons(bits: int, holes: Counter[int]) -> str:
    wide = min(16, 2**bits)
    size = 620 / 16
    canvas = pictures.Canvas(
        "How many records fall on each value of the short hash.", 28 * (2**bits // wide) + 8
    )
    for value in range(2**bits):
        x, y = 10 + value % wide * size, 4 + value // wide * 28
        canvas.box(x, y, size - 4, 24, "bad" if holes[value] > 1 else "", f"value {value}")
        if holes[value]:
            canvas.text(x + (size - 4) / 2, y + 17, str(holes[value]), "small")
    return canvas.svg()


def _plain_name(name: str) -> str:
    if (
        not name.strip()
        or name.startswith(("-", "."))
        or name == "SHA256SUMS"
        or any(letter in "/\\" or not letter.isprintable() for letter in name)
    ):
        raise BadParameterError(
            "name",
            "give a plain file name without slashes, line breaks or a dot or dash in front, and not that of the list, SHA256SUMS.",
            "A list of hashes is read by a program: a name such as ../../etc/passwd, or one with a line break, would let its author choose what that program opens.",
        )
    return name


def file(chosen: Chosen, _: random.Random) -> Iterator[Event]:
    data, name = chosen.file("file"), _plain_name(chosen.text("name"))
    found = {algorithm: hashing.hash_of(algorithm, data) for algorithm in hashing.NAMES}
    yield Step(
        "Five hash functions, one file",
        "All have been looked at by many for years, and none is known to be broken.",
        (
            Value("bytes of the file", len(data)),
            *(Value(algorithm, value) for algorithm, value in found.items()),
        ),
        pictures.cells(
            "The first 16 bytes of each hash.",
            [(algorithm, value[:16]) for algorithm, value in found.items()],
        ),
    )
    pieces = hashlib.sha256()
    for at in range(0, len(data), 4096):
        pieces.update(data[at : at + 4096])
    yield Step(
        "In pieces",
        "A hash needs no more memory for a film than for a note: it takes the file piece by piece.",
        (
            Value("pieces of 4096 bytes", -(-len(data) // 4096)),
            Value("the same hash", pieces.digest() == found["SHA-256"]),
        ),
    )
    line = f"{found['SHA-256'].hex()}  {name}\n"
    files = [Download("SHA256SUMS", line.encode(), "sha256sum -c FILE")]
    if data == EXAMPLE:
        files.append(Download(name, data, "sha256sum FILE"))
    yield Step(
        "Take the list along",
        "Put it beside the file and run the command. It tells accidents; against an attacker the list itself must be signed, or come another way.",
        (Value("SHA256SUMS", line.strip()),),
        files=tuple(files),
    )
    yield Outcome(
        "works" if pieces.digest() == found["SHA-256"] else "broken",
        "Anybody can compute these again and must get the same.",
    )
