"""Lesson 5, guessing from a stolen table: a dictionary against a fast hash, and against a slow one."""

from __future__ import annotations

import hashlib
import random
from collections import Counter
from collections.abc import Iterator

from security.lab.errors import BadParameterError
from security.lab.parameters import Chosen, File, Text, Whole
from security.lab.steps import Download, Event, Outcome, Step, Table, Value
from security.lab.workings import guessing
from security.lab.workings import stored_passwords as ways
from ui import plots

MINE = Text("mine", "One more password to attack", "", most=60, hint="An invented one, never a real one.")
OWN_LIST = File("list", "A word list of your own", 20_000, hint="One guess a line, tried first.")
BUDGET = Whole("budget", "The thief's budget, in hashes", 2_500_000, 1_000, 50_000_000, "One SHA-256 is 1.")
RULES = Whole("rules", "How many rules she uses", 4, 0, 4, "the word; capital; word+year; Capital+year")
COST = Whole("cost", "bcrypt's cost", 5, 4, 8)
_HALF = 0.5  # a table is called broken if the thief gets at least half of it


def _students(chosen: Chosen, rng: random.Random) -> list[ways.Account]:
    everyone = guessing.a_class(rng)
    mine = chosen.text("mine")
    if "\0" in mine or len(mine.encode()) > ways.BCRYPT_BYTES:
        raise BadParameterError(
            "mine", "give up to 72 bytes without a zero.", "bcrypt reads no further than that."
        )
    return [*everyone, ways.Account("You", mine, "yours")] if mine else everyone


def _guesses(chosen: Chosen) -> list[tuple[str, str]]:
    try:
        own = chosen.file("list").decode("utf-8").split("\n")
    except UnicodeDecodeError as error:
        raise BadParameterError(
            "list",
            "the file isn't text in UTF-8.",
            "A guess in another encoding is another guess: bytes are hashed.",
        ) from error
    own = [word.rstrip("\r") for word in own if word.rstrip("\r")]
    kept = [word for word in own if "\0" not in word and len(word.encode()) <= ways.BCRYPT_BYTES]
    return list(guessing.candidates(chosen.whole("rules"), kept))


def dictionary(chosen: Chosen, rng: random.Random) -> Iterator[Event]:
    """A word list with rules against unsalted SHA-256."""
    people = _students(chosen, rng)
    table = {one.name: hashlib.sha256(one.password.encode()).digest() for one in people}
    lines = "".join(f"{name}:{hashed.hex()}\n" for name, hashed in table.items())
    twice = len(table) - len(set(table.values()))
    yield Step(
        "Mallory steals the table",
        f"{len(table)} students, SHA-256, no salt. Equal hashes show equal passwords before she has guessed anything.",
        (Value("rows", len(table)), Value("rows that repeat another", twice)),
        table=Table(
            ("name", "SHA-256"), tuple((name, hashed.hex()[:24] + "…") for name, hashed in table.items())
        ),
        files=(Download("students.txt", lines.encode(), "john --format=raw-sha256 FILE"),),
    )
    guesses = _guesses(chosen)
    yield _list_step(guesses)
    got = guessing.by_dictionary(table, guesses, chosen.whole("budget"))
    yield _harvest(people, got, "Each guess is hashed once and compared with all rows at once.")
    yield _verdict(people, got)


def slow(chosen: Chosen, rng: random.Random) -> Iterator[Event]:
    """The same thief, list and budget, against bcrypt with a salt for each."""
    people, cost, budget = _students(chosen, rng), chosen.whole("cost"), chosen.whole("budget")
    table = {}
    for one in people:
        salt = rng.randbytes(ways.SALT_BYTES)
        table[one.name] = (salt, ways.by_bcrypt(one.password.encode(), salt, cost))
    price = ways.blocks_of(cost)
    yield Step(
        "A class like it, stored with bcrypt",
        f"Salt and [[work factor]] {cost}. A guess must be computed for each row anew, and costs {price:,} runs of Blowfish "
        "in place of one SHA-256. We count one run as one hash.",
        (
            Value("work for one guess", price),
            Value("guesses that the budget pays for", budget // price),
            Value("of these for each row", budget // price // len(table)),
            Value("at the app's cost 12", budget // ways.blocks_of(12)),
        ),
        table=Table(
            ("name", "bcrypt"), tuple((name, kept.decode()[:32] + "…") for name, (_, kept) in table.items())
        ),
    )
    guesses = _guesses(chosen)
    yield _list_step(guesses)
    got = guessing.by_slow_guessing(table, guesses, budget, cost)
    yield _harvest(
        people, got, "The likeliest guess for everybody first: that is how she spends her budget best."
    )
    yield _whole_list(people, guesses, cost)
    yield _verdict(people, got)


def _whole_list(people: list[ways.Account], guesses: list[tuple[str, str]], cost: int) -> Step:
    listed = {guess for guess, _ in guesses}
    tries, dearer = len(guesses) * len(people), ways.blocks_of(12) / ways.blocks_of(cost)
    return Step(
        "It held for this budget only",
        f"The whole list on all rows is {tries:,} guesses, and then every password on the list falls. A good graphics card makes "
        "over 100,000 guesses a second at cost 5: the default budget lasts it a thousandth of a second, the whole list a second "
        f"or two. At the app's cost 12 the work is {dearer:.0f} times that of cost {cost}.",
        (
            Value("work for the whole list on all rows", tries * ways.blocks_of(cost), "at most"),
            Value("passwords that then fall", sum(one.password in listed for one in people)),
            Value("the same at cost 12", tries * ways.blocks_of(12), "at most"),
        ),
    )


def _list_step(guesses: list[tuple[str, str]]) -> Step:
    counts = Counter(rule for _, rule in guesses)
    examples = {rule: guess for guess, rule in reversed(guesses)}
    rows = tuple((rule, examples[rule], f"{counts[rule]:,}") for rule in counts)
    return Step(
        "Her list",
        "A [[dictionary attack]] tries what people choose, the likeliest first: words, and rules that change them.",
        (Value("guesses on the list", len(guesses)),),
        table=Table(("rule", "first guess", "guesses"), rows),
    )


def _harvest(people: list[ways.Account], got: guessing.Cracked, how: str) -> Step:
    rules = Counter(rule for _, rule in got.found.values())
    bars = [
        *((rule, float(count)) for rule, count in sorted(rules.items(), key=lambda pair: (-pair[1], pair[0])))
    ]
    bars.append(("not found", float(len(people) - len(got.found))))
    rows = tuple(
        (one.name, got.found[one.name][0] if one.name in got.found else "–", one.manner) for one in people
    )
    return Step(
        "What she finds",
        how,
        (
            Value("guesses tried", got.guesses),
            Value("work spent", got.work),
            Value("passwords found", len(got.found)),
            Value("of", len(people)),
        ),
        plots.bars("Passwords found, by the rule that found them", bars),
        Table(("name", "found", "how it was chosen"), rows),
    )


def _verdict(people: list[ways.Account], got: guessing.Cracked) -> Outcome:
    share = len(got.found) / len(people)
    told = f"{len(got.found)} of {len(people)} passwords found with {got.work:,} units of work. "
    if share >= _HALF:
        return Outcome(
            "broken", told + "Half the class or more: the table is broken. Random words were not on any list."
        )
    weak = (
        "The weakest fell all the same: no hash saves a favourite password." if got.found else "Nobody fell."
    )
    return Outcome("held", told + "Less than half of the class: it held, for this budget. " + weak)
