"""Runs of lesson 8 on one owner's log: the app's ledger, a plain table, and who changes them."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING

from security.lab import pictures, story
from security.lab.lesson import Run
from security.lab.parameters import Chosen, Whole
from security.lab.steps import Event, Outcome, Step, Value
from security.lab.workings import consents

if TYPE_CHECKING:
    from security.crypto.ledger import Entry, Inclusion, Report

_LAST = len(consents.CONSENTS) - 1
_TARGET = 3
_SEEN = 5  # entries when somebody kept the root
_ENTRY = Whole("entry", "Prove the entry", 5, 0, _LAST)
_CHANGED = Whole("entry", "Change the entry", _TARGET, 0, _LAST)


def _chain(told: str, entries: list[Entry], bad: int | None = None, changed: int | None = None) -> str:
    """Entries as boxes; `bad` is where the verification stopped."""
    boxes = [
        pictures.Box(
            (
                f"{entry.index} {entry.fields['purpose']}",
                entry.kind.removeprefix("consent."),
                f"prev {entry.previous.hex()[:8]}",
                f"hash {entry.hash.hex()[:8]}",
            ),
            "bad"
            if entry.index in (bad, changed)
            else "good"
            if bad is None or entry.index < bad
            else "quiet",
        )
        for entry in entries
    ]
    return pictures.chain(told, boxes, broken=() if bad is None else (bad,))


def _tree(told: str, entries: list[Entry], proof: Inclusion) -> str:
    """The tree over all entries: the proved leaf, the hashes of its proof, and what is computed from them."""
    from security.crypto.ledger.merkle import Tree

    tree, given = Tree([entry.hash for entry in entries]), set(proof.path)
    levels = []
    for level in range(len(entries).bit_length() - 1, -1, -1):
        row = []
        for number in range(len(entries) >> level):
            value, on_path = tree.node(level, number), proof.index >> level == number
            style = "a" if value in given else "good" if on_path else "quiet"
            name = str(number) if level == 0 else "root" if 1 << level == len(entries) else ""
            row.append(pictures.Box((name, value.hex()[:8]) if name else (value.hex()[:8],), style))
        levels.append(row)
    return pictures.tree(told, levels)


def _show(chosen: Chosen, _: random.Random) -> Iterator[Event]:
    index = chosen.whole("entry")
    held = consents.in_ledger()
    entries = list(held.ledger.entries())
    first = entries[0]
    yield Step(
        "The first consent is written",
        "An entry is encoded as bytes in exactly one way: index, time, the hash of the entry before, kind, data. "
        "The first has zeros for the entry before. SHA-256 over a zero byte and these bytes is its hash. The patient is a "
        "[[pseudonym]], whose key lies elsewhere: the ledger can't forget.",
        (
            Value("patient's pseudonym", first.fields["patient"]),
            Value("kind", first.kind),
            Value("data", first.data),
            Value("encoded", first.encoded()),
            Value("hash of entry 0", first.hash),
        ),
    )
    yield Step(
        "Each entry holds the hash of the one before",
        "That makes a [[hash chain]]: change one entry, and the link after it doesn't fit any more.",
        (Value("entries", len(entries)), Value("hash of the last entry", entries[-1].hash)),
        _chain("Eight consents; each box names the hash of the box before.", entries),
    )
    proof = held.ledger.prove(index)
    yield Step(
        "The same hashes are the leaves of a tree",
        f"To show that entry {index} is in the ledger, three hashes (blue) are enough, for eight entries. For a million "
        "it would be twenty. Whoever has the root computes upward (green) and compares.",
        (
            Value("Merkle root", proof.root),
            *(Value(f"proof, hash {number + 1}", value) for number, value in enumerate(proof.path)),
        ),
        _tree("A Merkle tree over eight entries, with the path of one.", entries, proof),
    )
    fits, step = _computed_anew(held, proof, entries)
    yield step
    grown, step = _growth(held)
    yield step
    yield Outcome(
        "works" if fits and grown else "broken",
        f"{len(entries)} consents are chained, and entry {index} is proved.",
    )


def _computed_anew(held: consents.Held, proof: Inclusion, entries: list[Entry]) -> tuple[bool, Step]:
    """Whether all fits, and the proof leads nowhere else."""
    report, accepted, index = held.ledger.verify(), _accepted(proof), proof.index
    other = (index + 1) % len(entries)
    for_other = _accepted(replace(proof, index=other, leaf=entries[other].hash))
    flipped = _accepted_flips(proof)
    step = Step(
        "Everything is computed anew",
        f"And the proof is tried where it doesn't belong: for entry {other}, and with each bit of its hashes changed in turn.",
        (
            Value("entries that fit", report.size),
            Value("the proof leads to the root", accepted),
            Value(f"the same proof for entry {other}", "accepted" if for_other else "refused"),
            Value("bits changed in turn", 256 * len(proof.path)),
            Value("of these accepted", flipped),
        ),
    )
    return report.ok and accepted and report.root == proof.root and not for_other and not flipped, step


def _accepted_flips(proof: Inclusion) -> int:
    """How many of the proofs with one bit of the path changed are accepted."""
    accepted = 0
    for place, value in enumerate(proof.path):
        for bit in range(8 * len(value)):
            changed = bytearray(value)
            changed[bit // 8] ^= 1 << bit % 8
            path = (*proof.path[:place], bytes(changed), *proof.path[place + 1 :])
            accepted += _accepted(replace(proof, path=path))
    return accepted


def _growth(held: consents.Held) -> tuple[bool, Step]:
    """Whether the ledger proves that it only grew, and a changed one doesn't."""
    before, size = held.ledger.root(_SEEN), len(held.ledger)
    path, after = held.ledger.prove_growth(_SEEN, size), held.ledger.root(size)
    false = _forged(held, _TARGET)
    true_fits = _grew(before, after, path, size)
    false_fits = _grew(before, false.ledger.root(size), false.ledger.prove_growth(_SEEN, size), size)
    step = Step(
        f"The ledger has grown from {_SEEN} to {size}",
        f"Who kept the root of {_SEEN} entries asks whether they are still the beginning. The [[consistency proof]] is a few "
        f"hashes that give both roots. A ledger in which entry {_TARGET} was changed has none that fits.",
        (
            Value(f"root of the first {_SEEN}", before),
            *(Value(f"consistency proof, hash {number + 1}", value) for number, value in enumerate(path)),
            Value("it only grew", true_fits),
            Value("the changed ledger's proof", "accepted" if false_fits else "refused"),
        ),
    )
    return true_fits and not false_fits, step


def _grew(before: bytes, after: bytes, path: Sequence[bytes], size: int) -> bool:
    from security.crypto.ledger import ProofError, merkle

    try:
        merkle.verify_consistency(_SEEN, size, before, after, path)
    except ProofError:
        return False
    return True


def _accepted(proof: Inclusion) -> bool:
    from security.crypto.ledger import ProofError

    try:
        proof.verify(proof.root)
    except ProofError:
        return False
    return True


def _flipped(kind: str) -> str:
    return "consent.refused" if kind == "consent.given" else "consent.given"


def _tamper(chosen: Chosen, _: random.Random) -> Iterator[Event]:
    index = chosen.whole("entry")
    with closing(consents.in_table()) as table:
        kind, purpose = table.execute(
            "SELECT kind, purpose FROM consents WHERE number = ?", (index,)
        ).fetchone()
        yield Step(
            "A plain table holds the consents",
            "A good database with good backups, and an administrator's password that Mallory has found.",
            (Value("entry", f"{index}: {kind}, {purpose}"),),
        )
        table.execute("UPDATE consents SET kind = ? WHERE number = ?", (_flipped(kind), index))
        table.commit()
        yield Step("One UPDATE changes it", values=(Value("now", f"{index}: {_flipped(kind)}, {purpose}"),))
        sound = table.execute("PRAGMA integrity_check").fetchone()[0]
        count = table.execute("SELECT count(*), max(number) FROM consents").fetchone()
    unnoticed = sound == "ok" and count == (_LAST + 1, _LAST)
    yield Step(
        "What the database can check",
        "The file is sound, no row is missing, every type is right. Nothing remembers what the row said before.",
        (Value("integrity_check", sound), Value("rows", count[0])),
    )
    yield Outcome(
        "broken" if unnoticed else "held",
        f"Nobody can see that {story.PATIENT} never said this about the {purpose}.",
    )


def _change(index: int, kind: str) -> str:
    return f"UPDATE ledger_entries SET kind = '{_flipped(kind)}' WHERE position = {index}"  # noqa: S608


def _cure_chain(chosen: Chosen, _: random.Random) -> Iterator[Event]:
    from security.crypto.ledger import entries as forms

    index = chosen.whole("entry")
    copy = consents.in_ledger()
    kind = next(copy.ledger.entries(index, index + 1)).kind
    yield Step(
        "A copy of the ledger",
        "The app's own module, with Rosa's consents.",
        (Value("entry", f"{index}: {kind}"),),
    )
    refused = _refuses(copy, _change(index, kind))
    yield Step(
        "The database refuses an UPDATE",
        "A trigger guards against accidents. Whoever owns the database drops it, and so does Mallory.",
        (Value("refused", refused),),
    )
    consents.seize(copy, _change(index, kind))
    entries, report = list(copy.ledger.entries()), copy.ledger.verify()
    now = entries[index]
    anew = forms.make(now.index, now.time, now.kind, now.data, now.previous).hash
    yield Step(
        "The hash doesn't fit any more",
        "The verification computes each hash anew and stops at the first that differs.",
        (
            Value("stored hash", now.hash),
            Value("computed hash", anew),
            Value("first bad entry", -1 if report.first_bad is None else report.first_bad),
            Value("what is wrong", report.reason),
        ),
        _chain("The chain, with the changed entry marked.", entries, report.first_bad, index),
    )
    yield Outcome(
        "held" if report.first_bad == index else "broken",
        f"The change of entry {index} is found, and where it is.",
    )


def _refuses(held: consents.Held, statement: str) -> bool:
    from sqlalchemy.exc import DBAPIError

    try:
        with held.engine.begin() as connection:
            connection.exec_driver_sql(statement)
    except DBAPIError:
        return True
    return False


def _forged(held: consents.Held, index: int) -> consents.Held:
    def change(entry: Entry) -> tuple[str, str]:
        return _flipped(entry.kind) if entry.index == index else entry.kind, str(entry.fields["purpose"])

    return consents.rewritten(held, change)


def _rewrite(chosen: Chosen, _: random.Random) -> Iterator[Event]:
    index = chosen.whole("entry")
    true = consents.in_ledger()
    false = _forged(true, index)
    yield Step(
        "Mallory computes the whole chain anew",
        "She changes one entry, then every hash after it. There is no secret in a hash.",
        (Value("root before", true.ledger.root()), Value("root after", false.ledger.root())),
        _chain("The chain after the rewriting; every link fits.", list(false.ledger.entries()), None, index),
    )
    report = false.ledger.verify()
    yield Step(
        "The verification", values=(Value("entries that fit", report.size), Value("found", not report.ok))
    )
    yield Outcome(
        "broken" if report.ok else "held",
        "The false ledger is perfect in itself. The chain alone doesn't help.",
    )


def _cure_checkpoint(chosen: Chosen, rng: random.Random) -> Iterator[Event]:
    from security.crypto.signatures import SigningKey

    index = chosen.whole("entry")
    key = SigningKey(rng.randbytes(32))
    true = consents.in_ledger()
    kept = true.ledger.checkpoint(key, consents.FIRST_TIME + 30 * consents.APART_S)
    yield Step(
        "A signed checkpoint goes out of the house",
        f"Size, root and time, signed by the ledger's key (see lesson 7). {story.HOSPITALS[1]} keeps it.",
        (Value("size", kept.size), Value("root", kept.root), Value("signature", kept.signature)),
    )
    false = _forged(true, index)
    report = false.ledger.verify([kept], key.verify_key)
    yield Step("Mallory rewrites everything, as before", values=(Value("root now", false.ledger.root()),))
    yield Step(
        "The verification, with the checkpoint",
        "Eight entries must have the root that was signed. Which of them is false it can't say: only that the history "
        "up to the checkpoint is another one.",
        (Value("found", not report.ok), Value("what is wrong", report.reason)),
    )
    short = _shortened(true, kept.size - 2)
    lost = short.ledger.verify([kept], key.verify_key)
    yield Step("She cuts off the last two entries instead", values=(Value("what is wrong", lost.reason),))
    yield Outcome("broken" if report.ok or lost.ok else "held", _held_by(report))


def _held_by(report: Report) -> str:
    if report.ok:
        return "The rewriting wasn't found."
    return "Both are found, by one line that somebody else keeps. After the last checkpoint nothing protects yet."


def _shortened(held: consents.Held, size: int) -> consents.Held:
    kept = list(held.ledger.entries(0, size))
    return consents.in_ledger((entry.kind, str(entry.fields["purpose"])) for entry in kept)


SHOW = Run(
    "show",
    "show",
    "Write Rosa's consents",
    "Eight consents go into the app's own ledger. See how each holds the hash of the one before, and how few hashes prove one entry, or that the ledger only grew.",
    _show,
    (_ENTRY,),
)
RUNS = (
    Run(
        "tamper", "attack", "Change a row", "A plain table, and somebody with the password.", _tamper, (_CHANGED,)
    ),
    Run(
        "chain",
        "cure",
        "Chain the entries",
        "The same change in a copy of the ledger. See where the verification stops.",
        _cure_chain,
        (_CHANGED,),
        ("tamper",),
    ),
    Run(
        "rewrite",
        "attack",
        "Rewrite everything",
        "Mallory computes all hashes anew, so that the chain fits again.",
        _rewrite,
        (_CHANGED,),
    ),
    Run(
        "checkpoint",
        "cure",
        "Keep a checkpoint elsewhere",
        "A signed [[checkpoint]] lies in another house. The same rewriting, and a cut-off end.",
        _cure_checkpoint,
        (_CHANGED,),
        ("rewrite",),
    ),
)  # fmt: skip
