"""Attacks on notes at rest, for the lesson on envelope encryption, and the same against the mends."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable, Iterator, Sequence

from security.crypto.errors import SealError
from security.crypto.sealing import KEY_BYTES, KeyEncryptionKey, SealContext
from security.lab import pictures, story
from security.lab.parameters import Chosen
from security.lab.steps import Download, Event, Outcome, Step, Table, Value
from security.lab.workings import envelope

PLACES = ("beside the data, in the backup", "elsewhere")
BOUND = ("owner and record", "owner alone")
_WARD = "ward-b"
_OTHER = "Karl Winter, 71. Allergic to penicillin. Takes no levodopa."


def stolen(chosen: Chosen, rng: random.Random) -> Iterator[Event]:
    yield from _theft(rng, chosen.whole("patients"), chosen.text("key") == PLACES[0])


def elsewhere(chosen: Chosen, rng: random.Random) -> Iterator[Event]:
    yield from _theft(rng, chosen.whole("patients"), False)


def _theft(rng: random.Random, patients: int, beside: bool) -> Iterator[Event]:
    kek = rng.randbytes(KEY_BYTES)
    notes = [
        (f"user-{204817 + at}", story.NOTE if not at else f"Note of patient {at}: well.")
        for at in range(patients)
    ]
    dump = envelope.backup(envelope.sealed_rows(kek, notes, rng), kek if beside else None)
    yield Step(
        f"{story.ATTACKER} takes the backup",
        "A dump of the database, as a nightly job writes it. Who has how many notes, and how long, she can read.",
        (Value("bytes", len(dump)), Value("lines", dump.count("\n"))),
        files=(Download("backup.jsonl", dump.encode(), "head -c 400 FILE"),),
    )
    found = sum(word in dump.lower() for word in ("levodopa", "tremor", "rosa"))
    yield Step(
        "She searches for words",
        "Levodopa, tremor, Rosa: nothing. All of it is [[ciphertext]].",
        (Value("words found", found),),
    )
    loot = envelope.ransack(dump)
    yield Step(
        "She tries everything in it as a key",
        "Each 32 bytes that stand anywhere in the dump, as [[key-encryption key]] and as [[data key]].",
        (Value("candidates tried", loot.tried), Value("a key found", loot.key is not None)),
        pictures.chain(
            "Whether the backup holds its own key.",
            (
                pictures.Box(("backup", f"{patients} notes"), "quiet"),
                pictures.Box(
                    ("key", "in the backup" if loot.key else "not there"), "bad" if loot.key else "good"
                ),
                pictures.Box(
                    ("wrapped keys", "open" if loot.key else "closed"), "bad" if loot.key else "good"
                ),
                pictures.Box(("notes", f"{len(loot.notes)} open"), "bad" if loot.notes else "good"),
            ),
            broken=() if loot.key else (0,),
        ),
    )
    if loot.notes:
        yield Step(
            "She reads",
            "The key lay under the mat.",
            (Value("key found", loot.key or b""), Value("first note", loot.notes[0])),
        )
        yield Outcome("broken", f"All {len(loot.notes)} notes are open: a key beside the data locks nothing.")
        return
    yield Outcome(
        "held", f"{loot.tried:,} candidates, none opens anything. What is left is guessing 256 bits."
    )


def _swap(
    notes: Sequence[bytes], sealed: list[bytes], opened: Callable[[int, bytes], bytes | None]
) -> Iterator[Event]:
    """Put the first row's bytes into the second row, and open both as the doctor does."""
    before = hashlib.sha256(b"".join(sealed)).digest()
    yield Step(
        "Two rows of one ward",
        "",
        table=Table(
            ("row", "patient", "sealed"),
            tuple(
                (f"note-{at}", note.decode().split(",")[0], blob.hex()[:24] + "…")
                for at, (note, blob) in enumerate(zip(notes, sealed, strict=True), 1)
            ),
        ),
        values=(Value("SHA-256 of both rows", before),),
    )
    sealed[1] = sealed[0]
    read = opened(2, sealed[1])
    fooled = read == notes[0]
    yield Step(
        f"{story.ATTACKER} copies row 1 over row 2",
        "She may write to the database, and has no key. Then the doctor opens row 2.",
        (Value("row 2 opens", read is not None), Value("it says", read.decode() if read else "refused")),
        pictures.chain(
            "The sealed note of row 1 in row 2.",
            (
                pictures.Box(("row 1", "Rosa's note"), "quiet"),
                pictures.Box(("row 2", "Rosa's note"), "warn"),
                pictures.Box(
                    ("the doctor", "reads Rosa's" if fooled else "is warned"), "bad" if fooled else "good"
                ),
            ),
            ("copy", "open"),
            broken=() if fooled else (1,),
        ),
    )


def swapped(_: Chosen, rng: random.Random) -> Iterator[Event]:
    key, notes = rng.randbytes(KEY_BYTES), [story.NOTE.encode(), _OTHER.encode()]
    sealed = [envelope.seal_plainly(key, note, rng) for note in notes]

    def opened(_row: int, blob: bytes) -> bytes | None:
        return envelope.open_plainly(key, blob)

    yield Step(
        "Sealed with nothing bound",
        "Each note is encrypted and has a [[tag]], but the [[associated data]] is empty: nothing says where the note belongs.",
    )
    yield from _swap(notes, sealed, opened)
    fooled = opened(2, sealed[1]) == notes[0]
    yield Outcome(
        "broken" if fooled else "held",
        "Karl Winter would get Rosa's levodopa. Every tag is right, for no byte was changed.",
    )


def bound(chosen: Chosen, rng: random.Random) -> Iterator[Event]:
    record_too, notes = chosen.text("bound") == BOUND[0], [story.NOTE.encode(), _OTHER.encode()]
    key, _ = KeyEncryptionKey(rng.randbytes(KEY_BYTES), rng.randbytes).new_data_key(_WARD)

    def place(row: int) -> SealContext:
        return SealContext(_WARD, envelope.PURPOSE, f"note-{row}" if record_too else "")

    def opened(row: int, blob: bytes) -> bytes | None:
        try:
            return key.open(blob, place(row))
        except SealError:
            return None

    sealed = [key.seal(note, place(row)) for row, note in enumerate(notes, 1)]
    yesterday = key.seal(b"Karl Winter, 71. No allergies known.", place(2))
    yield Step(
        "The place is bound to the note",
        "The app's own module: owner, purpose and record are [[associated data]].",
        (Value("bound to row 2", place(2).encode()),),
    )
    yield from _swap(notes, sealed, opened)
    fooled = opened(2, sealed[1]) is not None
    yield Step(
        "What this doesn't stop",
        "Yesterday's note of the same row, put back, opens: it belongs there. Against that, bind a version too, or keep a signed log.",
        (Value("yesterday's note opens", opened(2, yesterday) is not None),),
    )
    yield Outcome(
        "broken" if fooled else "held",
        "The owner is the same for both rows: bind the record too."
        if fooled
        else "The copied note doesn't open in a row where it doesn't belong.",
    )
