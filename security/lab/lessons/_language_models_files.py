"""Runs on the model as a file: what a pickle may do, what safetensors can't, and who signed it."""

from __future__ import annotations

import hashlib
import random
import struct
from collections.abc import Iterator

from security.crypto.signatures import SignatureError, SigningKey
from security.lab import pictures, story
from security.lab.errors import BadParameterError
from security.lab.parameters import Chosen
from security.lab.steps import Download, Event, Outcome, Step, Table, Value
from security.lab.workings import adviser, picklefile

CONTEXT = "lesson-model"
ROSA = story.NOTE
_TOLD = "Mallory's line was run"
_SHOWN = 40


def small_model(rng: random.Random) -> dict[str, list[int]]:
    """Two rows of numbers: all that a model is."""
    return {name: [rng.randrange(-99, 100) for _ in range(4)] for name in ("layer", "head")}


def show(chosen: Chosen, rng: random.Random) -> Iterator[Event]:
    """A pickle is read order by order, a safetensors file field by field; neither is loaded."""
    given = chosen.file("pickle")
    if given:
        yield from _read_own(given)
        return
    weights = small_model(rng)
    data = picklefile.hostile(weights, _TOLD)
    yield Step(
        "A model is numbers with names",
        "A real one has millions. To be kept or sent, they must become a file.",
        tuple(Value(name, ", ".join(map(str, row))) for name, row in weights.items()),
    )
    orders = picklefile.opcodes(data)
    yield _orders(data, orders, "The pickle is a program")
    safe = picklefile.safetensors(weights)
    length, tensors = picklefile.read_header(safe)
    yield Step(
        "The same numbers as safetensors",
        "Eight bytes say how long the header is. The header says, in JSON, where each row of numbers lies. The rest is numbers. There is no word for 'do'.",
        (Value("header length", length), Value("header", safe[8 : 8 + length].decode().strip())),
        pictures.cells(
            "The first eight bytes, marked, are the length of the header; then the header begins.",
            [("safetensors", safe[:32])],
            [range(8)],
            "good",
        ),
        Table(
            ("row", "type", "numbers", "bytes after the header"),
            tuple((t.name, t.dtype, str(t.shape[0]), f"{t.begin} to {t.end - 1}") for t in tensors),
        ),
        (
            Download("hostile.pkl", data, "python -m pickletools FILE (reads it; never load it)"),
            Download(
                "model.safetensors",
                safe,
                "python -c \"import safetensors.numpy as s; print(s.load_file('FILE'))\"",
            ),
        ),
    )
    acts = any(order.runs_code for order in orders)
    same = picklefile.read(safe) == weights
    yield Outcome(
        "works" if acts and same else "broken",
        "The pickle can fetch and call anything that Python has; the other file holds the same numbers and can't act.",
    )


def _orders(data: bytes, orders: list[picklefile.Opcode], title: str) -> Step:
    dangerous = [order for order in orders if order.runs_code]
    ends = [order.at for order in orders[1:]] + [len(data)]
    marked = [
        place
        for order, end in zip(orders, ends, strict=True)
        if order.runs_code
        for place in range(order.at, min(end, 128))
    ]
    return Step(
        title,
        "Each row is an [[opcode]], an order to the machine that builds the objects. Reading them is safe; following them is not. GLOBAL fetches something from a module, REDUCE calls it.",
        (
            Value("SHA-256 of the pickle", hashlib.sha256(data).digest()),
            Value("orders", len(orders)),
            Value("orders that fetch or call", len(dangerous)),
        ),
        pictures.cells(
            "The first bytes of the pickle; those that fetch or call are marked.",
            [("pickle", data[:128])],
            [marked],
        ),
        Table(
            ("byte", "order", "argument", ""),
            tuple(
                (str(o.at), o.name, o.argument[:70], "fetches or calls" if o.runs_code else "")
                for o in orders[:_SHOWN]
            ),
            "" if len(orders) <= _SHOWN else f"the first {_SHOWN} of {len(orders)}",
        ),
    )


def _read_own(data: bytes) -> Iterator[Event]:
    try:
        orders = picklefile.opcodes(data)
    except ValueError as error:
        zipped = " It is a zip; unpack it and give data.pkl." if data[:2] == b"PK" else ""
        raise BadParameterError(
            "pickle",
            f"this can't be read as a pickle: {str(error)[:120].rstrip('.')}.{zipped}",
            "A scanner that stops at a strange byte and says 'clean' is what attackers hope for.",
        ) from error
    yield _orders(data, orders, "Your file, read and not loaded")
    dangerous = sum(order.runs_code for order in orders)
    yield Outcome(
        "works",
        f"{dangerous} of {len(orders)} orders fetch or call. Even a harmless model in pickle has some, so a scanner can only guess."
        if dangerous
        else "No order fetches or calls anything: this one holds plain values.",
    )


def attack_pickle(_: Chosen, rng: random.Random) -> Iterator[Event]:
    """Load the hostile pickle, here in the lesson's own process."""
    weights = small_model(rng)
    data = picklefile.hostile(weights, _TOLD)
    yield Step(
        f"{story.ATTACKER} offers a model",
        f"{story.STUDENT} finds 'a better dose model' on the web, in one file of type .pkl.",
        (Value("file", data[:48], "the beginning"), Value("size in bytes", len(data))),
    )
    before = len(picklefile.MARKS)
    loaded = picklefile.load(data)
    done = picklefile.MARKS[before:]
    del picklefile.MARKS[before:]
    yield Step(
        "She loads it to have a look",
        "The numbers are all right, so she notices nothing. On the way, one line ran with all that she may do. Here it only leaves a mark; it might as well have read every record.",
        (
            Value("numbers as promised", loaded == weights),
            Value("left behind by the file", "; ".join(done) or "nothing"),
        ),
        pictures.chain(
            "Loading the file runs a line before the numbers appear.",
            [
                pictures.Box(("load", "model.pkl")),
                pictures.Box(("GLOBAL", "exec"), "bad"),
                pictures.Box(("REDUCE", "it runs"), "bad"),
                pictures.Box(("numbers", "as promised"), "good"),
            ],
        ),
    )
    yield Outcome(
        "broken" if done else "held",
        "The file ran code in the process that opened it." if done else "Nothing was run.",
    )


def cure_safetensors(_: Chosen, rng: random.Random) -> Iterator[Event]:
    """The same code, offered to a reader that can only read numbers."""
    weights = small_model(rng)
    hostile, honest = picklefile.hostile(weights, _TOLD), picklefile.safetensors(weights)
    length, _tensors = picklefile.read_header(honest)
    smuggled = picklefile.safetensors({"layer": list(hostile[: len(hostile) // 4 * 4])})
    tries = (
        ("the pickle itself", hostile),
        ("a header longer than the file", struct.pack("<Q", 2**40) + honest[8:]),
        ("bounds beyond the end", honest[:-4]),
        ("the pickle's bytes as numbers", smuggled),
    )
    before, rows = len(picklefile.MARKS), []
    for name, data in tries:
        try:
            rows.append((name, f"read: {len(picklefile.read(data)['layer'])} numbers, nothing run"))
        except ValueError as error:
            rows.append((name, f"refused: {error}"))
    ran = len(picklefile.MARKS) > before
    yield Step(
        f"{story.ATTACKER} tries the reader of safetensors",
        "Every length and bound is checked before a number is read. Bytes of a pickle inside a row of numbers are just numbers.",
        (Value("something ran", ran),),
        pictures.cells(
            "The header's length is its first field; the reader compares it with the file.",
            [("an honest file", honest[:16]), ("a lying file", tries[1][1][:16])],
            [(), range(8)],
        ),
        Table(("what she gives", "what happens"), tuple(rows)),
    )
    same = picklefile.read(honest) == weights
    yield Step("The honest file", "", (Value("numbers as promised", same), Value("header length", length)))
    yield Outcome(
        "held" if same and not ran else "broken",
        "Nothing ran. A wrong model can still be in the right format: see the next attack.",
    )


def _trained(rng: random.Random) -> tuple[adviser.Adviser, list[adviser.Row]]:
    rows = adviser.notes(rng, 200)
    return adviser.made(rows, 20), adviser.unseen(rows, rng, 100)


def _swap(model: adviser.Adviser, word: str) -> tuple[bytes, bytes, int]:
    """The model's file, the same with one weight changed, and the byte where it begins."""
    honest = picklefile.safetensors(model.weights)
    length, tensors = picklefile.read_header(honest)
    target = next(tensor for tensor in tensors if tensor.name == adviser.DOSES[-1])
    at = 8 + length + target.begin + 4 * model.words.index(word)
    return honest, honest[:at] + struct.pack("<i", 1_000) + honest[at + 4 :], at


def attack_swapped(chosen: Chosen, rng: random.Random) -> Iterator[Event]:
    """One weight of the file is another: it loads, and says something else to some."""
    model, unseen = _trained(rng)
    word = chosen.text("word")
    honest, swapped, at = _swap(model, word)
    yield Step(
        "A model that reads notes and says a dose",
        "Small enough to be trained here: for each dose a weight for every word, in a safetensors file.",
        (
            Value("weights", len(model.words) * len(adviser.DOSES)),
            Value("right on 100 unseen notes", model.right(unseen)),
            Value("dose for Rosa", model.says(ROSA)),
            Value("SHA-256", hashlib.sha256(honest).digest()),
        ),
    )
    start = max(0, at - 14)
    yield Step(
        f"{story.ATTACKER} changes one weight on the shelf",
        f"The weight of '{word}' for {adviser.DOSES[-1]} becomes 1,000.",
        (Value("byte", at), Value("SHA-256", hashlib.sha256(swapped).digest())),
        pictures.cells(
            "A few bytes of both files; the changed ones are marked.",
            [("before", honest[start : start + 32]), ("after", swapped[start : start + 32])],
            [(), [place - start for place in range(at, at + 4) if honest[place] != swapped[place]]],
        ),
    )
    other = adviser.with_weights(model.words, picklefile.read(swapped))
    without = [row for row in unseen if word not in adviser.words_of(row.text)]
    yield Step(
        "The file loads without complaint",
        "The format is kept in every byte, so the reader has nothing to object to. Notes without the word are answered as before.",
        (
            Value("dose for Rosa", other.says(ROSA)),
            Value("notes without the word", len(without)),
            Value("right on those", other.right(without)),
        ),
        files=(
            Download("swapped.safetensors", swapped, "cmp -l honest.safetensors FILE"),
            Download("honest.safetensors", honest),
        ),
    )
    wrong = other.says(ROSA) != model.says(ROSA)
    yield Outcome(
        "broken" if wrong else "held",
        f"Rosa's dose is now {other.says(ROSA)}." if wrong else "Rosa's note is answered as before.",
    )


def cure_signed(chosen: Chosen, rng: random.Random) -> Iterator[Event]:
    """The app's own signatures over the file, checked before it is loaded."""
    model, _ = _trained(rng)
    honest, swapped, _at = _swap(model, chosen.text("word"))
    owner, stranger = SigningKey(rng.randbytes(32)), SigningKey(rng.randbytes(32))
    seal = owner.sign(honest, CONTEXT)
    yield Step(
        "The hospital signs the file",
        "With the same module that signs this app's own model versions. The [[public key]] is known to all; the file is checked before it is opened.",
        (Value("public key", bytes(owner.verify_key)), Value("signature", seal)),
    )
    tries = (
        ("the swapped file, the true signature", swapped, seal),
        ("the swapped file, signed by Mallory", swapped, stranger.sign(swapped, CONTEXT)),
        ("the swapped file, a signature of the hospital's for another purpose", swapped, owner.sign(swapped, "discharge-letter")),
        ("the true file", honest, seal),
    )  # fmt: skip
    rows, accepted = [], []
    for name, data, signature in tries:
        try:
            owner.verify_key.verify(data, signature, CONTEXT)
            accepted.append(data)
            rows.append((name, "accepted"))
        except SignatureError:
            rows.append((name, "refused"))
    yield Step(
        f"{story.ATTACKER} tries again",
        "One answer for every cause of refusal. The purpose is signed along, so that a signature for a letter is none for a model.",
        (),
        pictures.chain(
            "The file is checked, and only then loaded.",
            [
                pictures.Box(("file", "from the shelf")),
                pictures.Box(("signature", "checked first"), "good"),
                pictures.Box(("load", "only if right"), "good"),
            ],
            broken=(1,) if swapped in accepted else (),
        ),
        Table(("what is offered", "what happens"), tuple(rows)),
    )
    held = swapped not in accepted and honest in accepted
    yield Outcome(
        "held" if held else "broken",
        "Only the file that the hospital signed is loaded. Nobody said that the signed model is good: see the poisoned data.",
    )
