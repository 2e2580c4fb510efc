"""Runs of lesson 8 without an owner: mining, forks, and who has more than half of the power."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator, Sequence

from security.lab import pictures, story
from security.lab.lesson import Run
from security.lab.parameters import Chosen, Real, Whole
from security.lab.steps import Event, Outcome, Step, Table, Value
from security.lab.workings import chainsim
from security.lab.workings.consents import CONSENTS
from ui import plots

RISK = 0.001
"""What a shop is ready to lose: one payment in a thousand."""
TRIALS, _CURVE_TRIALS = 3_000, 300
_BITS = Whole("bits", "Difficulty, zero bits", 10, 1, 17, "Each bit doubles the work.")
_PEERS = Whole("peers", "Peers", 5, 2, 5)
_DELAY = Whole("delay", "Delay of a message, ticks", 8, 0, 20)
_EVERY = Whole("every", "A block every ... ticks", 20, 10, 60)
_HIGH = 10


def share_of(default: float) -> Real:
    """Mallory's share of the power, as a parameter."""
    return Real("share", "Mallory's share of the power", default, 0.05, 0.9)


def confirmations_of(default: int) -> Whole:
    """How long the shop waits, as a parameter."""
    return Whole("confirmations", "Confirmations the shop waits for", default, 1, 40)


def _mining(chosen: Chosen, _: random.Random) -> Iterator[Event]:
    bits = chosen.whole("bits")
    expected, tries, boxes, fine = 2**bits, [], [], True
    previous = bytes(32)
    for height, (kind, purpose) in enumerate(CONSENTS):
        header = previous + hashlib.sha256(f"{kind} {purpose}".encode()).digest()
        found = chainsim.mine(header, bits, 16 * expected)
        if found is None:  # one in nine millions
            yield Step(f"Block {height} was not found", values=(Value("tries", 16 * expected),))
            fine = False
            break
        again = hashlib.sha256(header + found.number.to_bytes(8, "big")).digest()
        fine = fine and again == found.hash and chainsim.leading_zero_bits(again) >= bits
        tries.append(found.tries)
        boxes.append(pictures.Box((f"{height} {purpose}", f"number {found.number}", found.hash.hex()[:12])))
        previous = found.hash
        if height == 0:
            yield Step(
                "The first block",
                f"Try numbers until the [[hash]] begins with {bits} zero bits. This is a [[proof of work]]: long to find, "
                "one hash to check.",
                (
                    Value("header", header),
                    Value("number", found.number),
                    Value("hash", found.hash),
                    Value("tries", found.tries),
                ),
            )
    yield Step(
        "The next ones, each on the hash before",
        "Whoever wants to change an old block has to do its work again, and that of all after it.",
        picture=pictures.chain("Blocks, with the numbers that were found.", boxes),
    )
    yield Step(
        "Tries beside theory",
        f"On average 2 to the {bits} = {expected:,} tries. Luck varies a lot: more than one block in three takes longer than the average.",
        (
            Value("tries in all", sum(tries)),
            Value("mean tries", round(chainsim.mean(tries or [0]), 1)),
            Value("theory", expected),
        ),
        plots.columns("Tries for each block", [str(n) for n in range(len(tries))], tries, "block"),
    )
    yield Outcome(
        "works" if fine else "broken",
        f"{len(tries)} blocks took {sum(tries):,} hashes to make and {len(tries)} to check.",
    )


def _fork(chosen: Chosen, rng: random.Random) -> Iterator[Event]:
    count = chosen.whole("peers")
    history = chainsim.peers(rng, count, _HIGH, chosen.whole("every"), chosen.whole("delay"))
    main = history.main()
    lost = len(history.blocks) - len(main)
    yield Step(
        "Hospitals mine side by side",
        "Each adds its block to the longest chain it knows, and tells the others, who hear of it later.",
        (
            Value("peers", count),
            Value("ticks", history.ticks),
            Value("blocks found", len(history.blocks) - 1),
        ),
    )
    yield Step(
        "Two at once make a fork",
        "Who finds a block before hearing of another's makes a [[fork]]. The longest chain wins (green); work on the "
        "others (red) is lost.",
        (
            Value("blocks on the longest chain", len(main) - 1),
            Value("blocks lost", lost),
            Value("changes of branch", history.changes),
        ),
        _fork_picture(history),
    )
    yield Outcome(
        "works" if history.agreed else "broken",
        "In the end all follow the same chain."
        if history.agreed
        else "They don't agree: messages take too long for the pace of the blocks.",
    )


def _fork_picture(history: chainsim.History) -> str:
    """The last blocks, from left to right by height; at most 15 fit."""
    rows, main = chainsim.lanes(history), set(history.main())
    high = max(block.height for block in history.blocks)
    low = max(0, high - 14)
    step = (pictures.WIDTH - 8) / (high - low + 1)
    wide, tall, gap = step - 14, 28.0, 18.0
    canvas = pictures.Canvas(
        f"{len(main) - 1} blocks on the longest chain, {len(history.blocks) - len(main)} on branches.",
        (max(rows) + 1) * (tall + gap) + 4,
    )
    for number, block in enumerate(history.blocks):
        if block.height < low:
            continue
        x, y = 4 + (block.height - low) * step, 8 + rows[number] * (tall + gap)
        style = "good" if number in main else "bad"
        if block.parent is not None and history.blocks[block.parent].height >= low:
            parent = rows[block.parent]
            canvas.line(x - 14, 8 + parent * (tall + gap) + tall / 2, x, y + tall / 2, style)
        name = story.HOSPITALS[block.miner] if block.miner >= 0 else "start"
        canvas.box(x, y, wide, tall, style, f"block {block.height}, {name}, tick {block.tick}")
        canvas.text(x + wide / 2, y + 18, "start" if block.miner < 0 else name.replace(". ", "")[:3], "small")
    return canvas.svg()


def _odds(share: float, confirmations: int) -> tuple[float, float]:
    return chainsim.rosenfeld(share, confirmations), chainsim.nakamoto(share, confirmations)


def one_race(rng: random.Random, share: float, confirmations: int) -> Step:
    race = chainsim.race(rng, share, confirmations)
    lines = [
        plots.Line("honest", _few(race.honest), "a"),
        plots.Line("Mallory's", _few(race.false), "b"),
    ]
    return Step(
        "One race",
        f"Mallory pays {story.PHARMACIST}'s shop on the honest chain, and mines another in secret where she never paid. "
        "When hers is longer and the goods are out, she publishes it: a [[double spend]]. She begins with one block in hand, as "
        "Rosenfeld assumes.",
        (
            Value("blocks found", len(race.honest) - 1),
            Value("honest chain", race.honest[-1]),
            Value("Mallory's chain", race.false[-1]),
            Value("she wins this one", race.won),
        ),
        plots.lines("Length of both chains", lines, "block", "length"),
    )


def _few(lengths: Sequence[int]) -> list[tuple[float, float]]:
    step = max(1, len(lengths) // 100)
    kept = sorted({*range(0, len(lengths), step), len(lengths) - 1})
    return [(at, lengths[at]) for at in kept]


def _many_races(share: float, confirmations: int, won: int) -> Step:
    exact, poisson = _odds(share, confirmations)
    return Step(
        f"{TRIALS:,} races",
        "Beside them the theory: Nakamoto's formula of 2008, and Rosenfeld's of 2014, which leaves out one "
        "approximation. From one half on she always wins in the end.",
        (
            Value("won", won),
            Value("rate", won / TRIALS),
            Value("rate by Nakamoto", poisson),
            Value("rate by Rosenfeld", exact),
        ),
    )


def _curve(rng: random.Random, confirmations: int) -> Step:
    shares = [n / 100 for n in range(5, 61, 5)]
    dots = [(s, chainsim.wins(rng, s, confirmations, _CURVE_TRIALS) / _CURVE_TRIALS) for s in shares]
    fine = [n / 100 for n in range(5, 61)]
    lines = [
        plots.Line("Nakamoto", [(s, chainsim.nakamoto(s, confirmations)) for s in fine], "a"),
        plots.Line("Rosenfeld", [(s, chainsim.rosenfeld(s, confirmations)) for s in fine], "c"),
        plots.Line("simulated", dots, "dots"),
    ]
    return Step(
        "Every share",
        f"How often she wins against {confirmations} confirmations. Dots are {_CURVE_TRIALS} races each.",
        picture=plots.lines("Double spends that succeed", lines, "share of the power", "rate"),
    )


def _take_back(chosen: Chosen, rng: random.Random) -> Iterator[Event]:
    share, confirmations = chosen.real("share"), chosen.whole("confirmations")
    yield one_race(rng, share, confirmations)
    won = chainsim.wins(rng, share, confirmations, TRIALS)
    yield _many_races(share, confirmations, won)
    yield _curve(rng, confirmations)
    yield verdict(won)


def verdict(won: int) -> Outcome:
    """One criterion for attacks and cures: whether more than one race in a thousand is won."""
    text = f"She wins {won:,} of {TRIALS:,} races; the shop bears one in a thousand."
    return Outcome("broken" if won / TRIALS > RISK else "held", text)


def _cure_confirmations(chosen: Chosen, rng: random.Random) -> Iterator[Event]:
    share, confirmations = chosen.real("share"), chosen.whole("confirmations")
    yield one_race(rng, share, confirmations)
    won = chainsim.wins(rng, share, confirmations, TRIALS)
    yield _many_races(share, confirmations, won)
    rows = []
    for part in (0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.5):
        found = chainsim.needed(part, RISK)
        rows.append((f"{part:.0%}", "never" if found is None else str(found)))
    yield Step(
        "How long to wait for one in a thousand",
        "Six [[confirmation|confirmations]], the old rule of thumb, are for ten percent. Against half of the power or more "
        "waiting doesn't help; then only names outside the chain do, as in the run on [[finality]].",
        table=Table(("her share", "confirmations"), tuple(rows), "By Rosenfeld's formula."),
    )
    yield verdict(won)


RUNS = (
    Run(
        "mining",
        "show",
        "Mine",
        "Proof of work for eight blocks. Count the tries beside the theory, then add a bit.",
        _mining,
        (_BITS,),
        seconds=30,
    ),
    Run(
        "fork",
        "show",
        "Five hospitals, one chain",
        "Peers mine at once and hear of each other late. See the branches, and which of them lives.",
        _fork,
        (_PEERS, _DELAY, _EVERY),
    ),
    Run(
        "double-spend",
        "attack",
        "Take a payment back",
        "Mallory has a fifth of the power, and the shop waits for six confirmations, as the old rule says. Does she win more than one race in a thousand?",
        _take_back,
        (share_of(0.2), confirmations_of(6)),
    ),
    Run(
        "majority",
        "attack",
        "More than half",
        "Mallory has the greater part of the power and takes a payment back.",
        _take_back,
        (share_of(0.55), confirmations_of(6)),
    ),
    Run(
        "confirmations",
        "cure",
        "Wait longer",
        "She still has a fifth of the power, and the shop waits longer. See what remains for her.",
        _cure_confirmations,
        (share_of(0.2), confirmations_of(18)),
        ("double-spend",),
    ),
)
