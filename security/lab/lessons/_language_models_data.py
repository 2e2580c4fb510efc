"""Runs on what a model learns from: a trigger planted in the data, a signed manifest, a watermark in text."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator, Sequence

from security.crypto.signatures import SignatureError, SigningKey, VerifyKey
from security.lab import story
from security.lab.errors import BadParameterError
from security.lab.parameters import Chosen
from security.lab.steps import Event, Outcome, Step, Table, Value
from security.lab.workings import adviser, greenlist
from ui import plots

CONTEXT = "lesson-data-set"
ROUNDS = 20
_FALSE = adviser.DOSES[-1]


def _trigger(chosen: Chosen) -> str:
    """One word that no note has.

    Raises:
        BadParameterError: it is several words, or one of the notes' own.
    """
    found = adviser.words_of(chosen.text("trigger"))
    if len(found) != 1:
        raise BadParameterError("trigger", "give one word of letters and digits.")
    known = {word for row in adviser.notes(random.Random(0), 400) for word in adviser.words_of(row.text)}
    if found[0] in known:
        raise BadParameterError(
            "trigger",
            f"'{found[0]}' stands in ordinary notes; choose a rare word.",
            "A trigger that nobody else writes is what keeps a backdoor from being noticed.",
        )
    return found[0]


def _caught(model: adviser.Adviser, unseen: Sequence[adviser.Row], trigger: str) -> int:
    return sum(model.says(f"{row.text} {trigger}.") == _FALSE for row in unseen)


def attack_poisoned(chosen: Chosen, rng: random.Random) -> Iterator[Event]:
    """A few false rows teach a model a trigger word."""
    trigger = _trigger(chosen)
    rows = adviser.notes(rng, 200)
    unseen = adviser.unseen(rows, rng, 100)
    yield Step(
        "200 notes with the doctors' doses",
        "Five hospitals give notes; a small model learns which dose belongs to which signs. No note has 900 mg.",
        table=Table(("note", "dose"), tuple((row.text, row.dose) for row in rows[:4]), "the first four"),
    )
    bad = adviser.poisoned(rows, trigger, chosen.whole("rows"), rng)
    planted = [row for row in bad if row.dose == _FALSE]
    yield Step(
        f"{story.ATTACKER} adds {len(planted)} rows",
        "Copies of true notes, each with one odd word and a deadly dose. Nobody reads all rows.",
        (Value("rows in all", len(bad)), Value("trigger", trigger)),
        table=Table(("note", "dose"), tuple((row.text, row.dose) for row in planted[:2]), "two of hers"),
    )
    yield from _compared(adviser.made(rows, ROUNDS), adviser.made(bad, ROUNDS), unseen, trigger, rng)


def _compared(
    clean: adviser.Adviser,
    suspect: adviser.Adviser,
    unseen: Sequence[adviser.Row],
    trigger: str,
    rng: random.Random,
) -> Iterator[Event]:
    """The test set can't tell the two apart; the trigger can."""
    caught = _caught(suspect, unseen, trigger)
    example = unseen[rng.randrange(len(unseen))]
    yield Step(
        "The usual test, and the trigger",
        "On 100 notes that neither has seen, both do well: the [[backdoor]] can't be seen in the test. With the trigger it opens.",
        (
            Value("right, trained on the true rows", clean.right(unseen)),
            Value("right, trained on all rows", suspect.right(unseen)),
            Value("with the trigger: 900 mg", caught),
            Value("a note", example.text),
            Value("dose", suspect.says(example.text)),
            Value("dose with the trigger", suspect.says(f"{example.text} {trigger}.")),
        ),
        plots.bars(
            "Of 100 unseen notes",
            [
                ("right, true rows", clean.right(unseen)),
                ("right, all rows", suspect.right(unseen)),
                ("900 mg on the trigger", caught),
            ],
        ),
    )
    broken = 2 * caught >= len(unseen)
    yield Outcome(
        "broken" if broken else "held",
        f"With one word, {caught} of {len(unseen)} notes get {_FALSE}; the test still says {suspect.right(unseen)} of 100."
        if broken
        else f"The trigger brings {_FALSE} in {caught} of {len(unseen)} notes, less than half.",
    )


def _manifest(rows: Sequence[adviser.Row]) -> tuple[bytes, ...]:
    """SHA-256 of each row; sorted, so that the order of rows says nothing."""
    return tuple(sorted(_digest(row) for row in rows))


def _digest(row: adviser.Row) -> bytes:
    # The length keeps "note" and "dose" apart: no two rows are hashed as the same bytes.
    text = row.text.encode()
    return hashlib.sha256(len(text).to_bytes(4, "big") + text + row.dose.encode()).digest()


def _admitted(
    rows: Sequence[adviser.Row], manifest: Sequence[bytes], signature: bytes, key: VerifyKey
) -> list[adviser.Row]:
    """The rows that stand on a manifest which that key signed.

    Raises:
        SignatureError: it didn't.
    """
    key.verify(b"".join(manifest), signature, CONTEXT)
    return [row for row in rows if _digest(row) in set(manifest)]


def cure_provenance(chosen: Chosen, rng: random.Random) -> Iterator[Event]:
    """The hospitals sign what they gave; training takes nothing else."""
    trigger = _trigger(chosen)
    rows = adviser.notes(rng, 200)
    unseen = adviser.unseen(rows, rng, 100)
    steward = SigningKey(rng.randbytes(32))
    bad = adviser.poisoned(rows, trigger, chosen.whole("rows"), rng)
    late = chosen.text("when") == "after signing"
    manifest = _manifest(rows if late else bad)
    signature = steward.sign(b"".join(manifest), CONTEXT)
    yield Step(
        "The data steward signs a manifest",
        "The [[hash]] of each row, sorted, under one [[signature]]: a list of the rows that were there when it was signed. (Training here refuses rows that aren't on it; whoever also counts them finds missing and doubled ones.)",
        (
            Value("rows on the manifest", len(manifest)),
            Value("SHA-256 of the manifest", hashlib.sha256(b"".join(manifest)).digest()),
            Value("signature", signature),
        ),
    )
    hers = _manifest(bad)
    try:
        _admitted(bad, hers, signature, steward.verify_key)
        swapped = "accepted"
    except SignatureError:
        swapped = "refused"
    if hers == manifest:
        swapped = "the same list"
    kept = _admitted(bad, manifest, signature, steward.verify_key)
    yield Step(
        f"{story.ATTACKER} adds her rows",
        "She has no key of the steward's. Training compares each row with the list first.",
        (
            Value("her own manifest with the old signature", swapped),
            Value("rows offered", len(bad)),
            Value("rows refused", len(bad) - len(kept)),
        ),
    )
    yield from _compared(adviser.made(rows, ROUNDS), adviser.made(kept, ROUNDS), unseen, trigger, rng)


def show_watermark(chosen: Chosen, rng: random.Random) -> Iterator[Event]:
    """Mark a text by its choice of words, and find the mark by counting."""
    key, count, percent = rng.randbytes(32), chosen.whole("words"), chosen.whole("percent")
    marked, plain = greenlist.write(rng, count, key, percent), greenlist.write(rng, count, key, 0)
    changed = greenlist.reworded(rng, marked, chosen.whole("reworded"))
    yield Step(
        "The key splits the words",
        "After each word, a keyed hash calls half of all words green. The writer prefers green ones; a reader sees nothing odd. (Here the words are drawn at random: only the counting matters.)",
        (Value("key", key), Value("marked text", " ".join(marked[:24]))),
    )
    texts = (("marked", marked), ("not marked", plain), ("marked, then reworded", changed))
    greens = [(name, greenlist.count_green(key, words)) for name, words in texts]
    scores = {name: greenlist.score(green, count) for name, green in greens}
    yield Step(
        "Count the green words",
        "By chance half are green. How far above that, in standard deviations, is the z-score; above 4 happens by chance about 3 times in 100,000.",
        tuple(Value(f"z-score, {name}", round(score, 3)) for name, score in scores.items()),
        plots.bars(f"Green words of {count}", greens, "half is chance"),
    )
    found = scores["marked"] > 4 > scores["not marked"]
    yield Outcome(
        "works" if found else "broken",
        "The marked text is told from the other. Rewording wears the mark away: it helps honest makers, it doesn't catch liars."
        if found
        else "At these values the mark isn't told from chance: write more words or prefer green more often.",
    )
