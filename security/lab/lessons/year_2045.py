"""2045: a table-top exercise on a program that copies itself over a shared ledger."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator

from security.crypto.signatures import SignatureError, SigningKey
from security.lab import pictures, story
from security.lab.lesson import Lesson, Run, program
from security.lab.lessons import _year_2045_cards as cards
from security.lab.lessons import _year_2045_pictures as drawn
from security.lab.lessons import _year_2045_words as words
from security.lab.parameters import Choice, Chosen
from security.lab.steps import Download, Event, Outcome, Step, Table, Value
from security.lab.workings import outbreak
from security.lab.workings.outbreak import Decisions, Hour

CONTEXT = "lesson-checkpoint"
_TOLD = (0, 3, 6, 9, 12, 24, 36, 48)


def _decisions(default: Decisions) -> tuple[Choice, ...]:
    """One choice a decision, in the order of the night."""
    return (
        Choice("code", "Prepared: which code the peers run", default.code, outbreak.CODE),
        Choice("network", "Prepared: the network", default.network, outbreak.NETWORK),
        Choice("backups", "Prepared: the backups", default.backups, outbreak.BACKUPS),
        Choice("meets", "The team meets", default.meets, outbreak.MEETS),
        Choice("links", "Then: links between hospitals", default.links, outbreak.LINKS_CHOICE),
        Choice("keys", "Then: Northgate's stolen key", default.keys, outbreak.KEYS),
        Choice("ledger", "Then: the ledger", default.ledger, outbreak.LEDGER),
    )


_NOTHING = Decisions()
_HALF = Decisions(outbreak.CODE[1], "flat", "offline", "hour 6", "keep", "revoke", "keep")
_WHOLE = Decisions(outbreak.CODE[2], "segmented", "offline", "hour 6", "cut for a day", "revoke", outbreak.LEDGER[1])  # fmt: skip
_NAMES = ("code", "network", "backups", "meets", "links", "keys", "ledger")


def _chosen(chosen: Chosen) -> Decisions:
    return Decisions(**{name: chosen.text(name) for name in _NAMES})


def _night(decisions: Decisions, rng: random.Random) -> tuple[list[Hour], Step]:
    """The course, and the step that shows it."""
    hours = outbreak.course(decisions, rng)
    rows = tuple(
        (
            str(hours[at].hour),
            str(hours[at].copies),
            *(str(hours[at].count(state)) for state in ("works", "runs it", "locked", "sets up anew")),
        )
        for at in _TOLD
    )
    away = sum(hour.count("locked") + hour.count("sets up anew") for hour in hours)
    met = decisions.meets != "never"
    return hours, Step(
        "Forty-eight hours",
        ("The upright line is the meeting. " if met else "Nobody meets. ")
        + "While a hospital is locked or set up anew, it works on paper.",
        (
            Value(
                "most hospitals that ran it at once",
                max(h.count("runs it") + h.count("locked") for h in hours),
            ),
            Value("hours on paper, all hospitals", away),
            Value("hospitals working at the end", outbreak.working(decisions, hours[-1])),
            Value("copies that the followed ledger hands out at the end", hours[-1].copies),
        ),
        drawn.by_hospital(hours, decisions.hour),
        Table(("hour", "copies", "works", "runs it", "locked", "sets up anew"), rows, "hospitals by state"),
    )


def _show(chosen: Chosen, rng: random.Random) -> Iterator[Event]:
    decisions, luck = _chosen(chosen), random.Random()
    luck.setstate(rng.getstate())
    yield Step(
        "The evening of the exercise",
        cards.PREMISE,
        table=Table(
            ("role", "wants", "may"),
            tuple((card.role, card.wants, card.may) for card in cards.CARDS),
            "role cards",
        ),
        files=(
            Download("role-cards.md", cards.role_cards().encode(), "cut it into cards"),
            Download("events.md", cards.timeline().encode(), "the teacher reads it aloud"),
            Download("debrief.md", cards.debrief().encode()),
        ),
    )
    yield Step(
        "What the table hears, and decides",
        "The decisions below are those of the settings. Change them, and run the night again with the same luck.",
        tuple(Value(name, getattr(decisions, name)) for name in _NAMES),
        table=Table(
            ("hour", "what happens", "to decide"),
            tuple((str(one.hour), one.text, one.decide) for one in cards.INJECTS),
        ),
    )
    hours, night = _night(decisions, rng)
    yield night
    yield Step(
        "Stored is not run",
        "All peers store the record, as the ledger wants it: that can't be undone. Whether it runs is each peer's own decision, and that can.",
        picture=drawn.copies(hours),
    )
    left = outbreak.working(_NOTHING, outbreak.course(_NOTHING, luck)[-1])
    kept = outbreak.working(decisions, hours[-1])
    yield Step(
        "What is real today",
        "No part of this is a forecast; the chances in it are made up and in plain sight.",
        (Value("working without any decision, same luck", left),),
        table=Table(("what", "how real"), cards.FACTS),
    )
    yield Outcome(
        "works" if kept > left and kept >= outbreak.ENOUGH else "broken",
        f"{kept} of 5 hospitals work at hour 48, and {outbreak.ENOUGH} are needed; with no decision at all it would be {left}.",
    )


def _links(records: list[bytes]) -> list[bytes]:
    """Each block's hash covers the one before."""
    chain = [b"\0" * 32]
    for record in records:
        chain.append(hashlib.sha256(chain[-1] + record).digest())
    return chain[1:]


def _deletion(rng: random.Random) -> Step:
    """One record taken out of a chain of five."""
    records = [f"prescription {number}, {rng.randbytes(4).hex()}".encode() for number in range(5)]
    records[2] = b"the program: " + rng.randbytes(16).hex().encode()
    before, after = _links(records), _links([*records[:2], b"", *records[3:]])
    changed = [at for at in range(5) if before[at] != after[at]]
    boxes = [
        pictures.Box(
            (f"block {at}", before[at].hex()[:8]), "bad" if at == 2 else "warn" if at in changed else "good"
        )
        for at in range(5)
    ]
    return Step(
        "Why not delete it?",
        "Each block's [[hash]] covers the one before. Whoever empties one record has another chain from there on, and the other peers don't follow. Nothing in this is peculiar to evil programs: the same holds for a patient's name.",
        (
            Value("last hash as it stands", before[-1]),
            Value("last hash without the record", after[-1]),
            Value("blocks that change", len(changed)),
        ),
        pictures.chain("Emptying block 2 changes it and all blocks after it.", boxes, broken=(1,)),
    )


def _spread(chosen: Chosen, rng: random.Random) -> Iterator[Event]:
    decisions = _chosen(chosen)
    yield _deletion(rng)
    hours, night = _night(decisions, rng)
    yield night
    yield Step("Copies, and hospitals that run it", picture=drawn.copies(hours))
    yield _verdict(decisions, hours)


def _verdict(decisions: Decisions, hours: list[Hour]) -> Outcome:
    kept = outbreak.working(decisions, hours[-1])
    held = kept >= outbreak.ENOUGH
    return Outcome(
        "held" if held else "broken",
        f"{kept} of 5 hospitals work together at hour 48; {outbreak.ENOUGH} are needed. "
        + (
            "The copies weren't hunted down; they were made worthless, or left behind by consent."
            if held
            else "Too few hospitals work together: a door stayed open, records stayed locked, or the ledger is in two halves."
        ),
    )


def _agreement(decisions: Decisions, rng: random.Random) -> Iterator[Event]:
    """Hospitals sign a state without the record; the thief has one key and votes too."""
    keys = [SigningKey(rng.randbytes(32)) for _ in outbreak.HOSPITALS]
    clean = hashlib.sha256(b"all prescriptions up to block 41").digest()
    other = hashlib.sha256(b"all prescriptions, and the program").digest()
    forked = {"keep": 0, "fork, five agree": 5, "fork, three agree": 3}[decisions.ledger]
    agree = 0 if decisions.meets == "never" else forked
    rows, votes = [], 0
    for at, (name, key) in enumerate(zip(outbreak.HOSPITALS, keys, strict=True)):
        stolen = at == outbreak.FIRST
        # Northgate's old key is in the program's hands; the hospital gets a new one once it is revoked.
        state = other if stolen and decisions.keys == "keep" else clean
        signs = sum(1 for before in range(at)) < agree
        vote = key.sign(state, CONTEXT) if signs else b""
        try:
            key.verify_key.verify(clean, vote, CONTEXT)
            votes += 1
            rows.append((name, "signs the checkpoint"))
        except SignatureError:
            rows.append((name, "signs another state" if vote else "doesn't sign"))
    yield Step(
        "A checkpoint, by consent",
        "The hospitals go on from a state without the record, and sign it: a [[hard fork]] with names under it. Four of five outvote one that lies. It forgets the record for those who agree; a peer that keeps its old disk keeps the record.",
        (Value("hash of the state", clean), Value("valid signatures", votes)),
        pictures.chain(
            "The old chain ends at a signed checkpoint, and a new one begins.",
            [
                pictures.Box(("block 41", "clean"), "good"),
                pictures.Box(
                    ("checkpoint", f"{votes} of 5 sign"), "good" if votes >= outbreak.ENOUGH else "bad"
                ),
                pictures.Box(("block 42", "new"), "good" if votes >= outbreak.ENOUGH else "quiet"),
            ],
            broken=() if votes >= outbreak.ENOUGH else (1,),
        ),
        Table(("hospital", "vote"), tuple(rows)),
    )


def _defence(chosen: Chosen, rng: random.Random) -> Iterator[Event]:
    decisions = _chosen(chosen)
    yield _deletion(rng)
    hours, night = _night(decisions, rng)
    yield night
    yield Step("Copies, and hospitals that run it", picture=drawn.copies(hours))
    yield from _agreement(decisions, rng)
    yield Step(
        "Which decision did what", table=Table(("decision", "what it does", "what it costs"), words.EFFECTS)
    )
    yield _verdict(decisions, hours)


LESSON = Lesson(
    id="2045",
    number=16,
    topic="Machines that speak",
    title="2045",
    question="A self-aware malicious program copies itself over a blockchain. What can be done?",
    story=f"{cards.PREMISE} {story.DOCTOR} calls the crisis team. You are the team.",
    goals=words.GOALS,
    runs=(
        Run(
            "show",
            "show",
            "Play the night",
            "Cards, events, and your decisions; then 48 hours go by. Change a decision and play again.",
            _show,
            _decisions(_HALF),
        ),
        Run(
            "spread",
            "attack",
            "Nobody decides",
            "Whatever lies on the ledger runs, the network is flat, the backups are within reach, nobody meets.",
            _spread,
            _decisions(_NOTHING),
        ),
        Run(
            "defence",
            "cure",
            "Six plain measures",
            "Signed code with a [[quorum]], a segmented network, offline backups, cut links, a revoked key, a checkpoint by consent.",
            _defence,
            _decisions(_WHOLE),
            ("spread",),
        ),
    ),
    quiz=words.QUIZ,
    code=program("2045"),
    uses=words.USES,
    not_covered=words.NOT_COVERED,
    sources=words.SOURCES,
    teacher=words.TEACHER,
)
