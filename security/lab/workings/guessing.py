"""A class of made-up students, the passwords such people choose, and a thief who guesses in that order.

The words are of this lesson's own making, in the style of lists that have leaked; no real list is used.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from security.lab.workings.stored_passwords import Account, blocks_of, by_bcrypt


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


FAVOURITES = _words(
    """
    password letmein qwerty iloveyou welcome hospital nurse doctor student abc123 123456 sunshine dragon
    monkey
    """
)
WORDS = _words(
    """
    amber anchor apple april aspirin august autumn avenue badger bakery banana basket beach bicycle
    birthday biscuit blanket blossom bottle bread breeze bridge brother butter butterfly button cactus
    camera candle captain caramel castle cherry chicken chocolate christmas cinema circle cloud clover
    coffee comet concert cookie copper coral cottage cotton cousin crystal daisy dancer daughter
    december diamond dinner dolphin easter elephant emerald engine evening family farmer father feather
    festival fiddle finger flamingo flower football forest fortune freedom friday friend galaxy garden
    ginger giraffe goldfish grandma granite guitar hammer hamster harbour harmony hazel hedgehog helmet
    honey horizon hunter iceland icecream island ivory jacket jasmine jungle justice kettle kitchen
    kitten ladder lantern lavender lemon library lighthouse lily lobster lucky maple marble march market
    marmalade meadow melody midnight mirror monday morning mother mountain muffin museum music napkin
    nature needle november nutmeg ocean october olive onion orange orchid otter oyster palace pancake
    panda paper parrot peach peanut pebble pencil penguin pepper piano picnic pigeon pillow pirate
    planet pocket poppy potato princess pumpkin puppy purple puzzle rabbit radio rainbow raven ribbon
    river robin rocket rose sailor salmon sandwich saturday school september shadow shoulder silver
    sister skeleton sparrow spider spring squirrel stadium starlight station strawberry summer sunday
    sunflower swallow teacher thunder tiger toast tomato tractor treasure tulip turtle umbrella unicorn
    vacation valley vanilla velvet village violet walnut water weekend whisper willow window winter
    wizard yellow zebra
    """
)
_YEARS = tuple(str(year) for year in range(2025, 2000, -1))
_RARE = _words(
    """
    aorta basalt cobalt dusk ermine fjord gneiss heron ibex juniper krill larch mica newt obelisk plinth
    quartz rivet sextant thistle umber vole wicket xylem yarrow zither
    """
)
_NAMES = _words(
    """
    Lena Amir Bea Chidi Dora Emil Fatima Gus Hana Ivo Juno Kofi Lucia Mats Nora Omar Petra Quinn Rana
    Sven
    """
)
RULES = ("the word", "capital letter", "word and year", "capital and year")
MANNERS = ("a favourite", *RULES, "four random words")
_CHOSEN = ((0, 3), (1, 4), (2, 3), (3, 3), (4, 3), (5, 4))  # manner, how many students


def one_like(manner: str, rng: random.Random) -> str:
    """A password chosen in one of `MANNERS`."""
    word = rng.choice(WORDS)
    match manner:
        case "a favourite":
            return rng.choice(FAVOURITES[:2])  # two, so that three students share one
        case "the word":
            return word
        case "capital letter":
            return word.capitalize()
        case "word and year":
            return word + rng.choice(_YEARS)
        case "capital and year":
            return word.capitalize() + rng.choice(_YEARS)
        case _:
            return "-".join(rng.choice(_RARE) for _ in range(4)) + str(rng.randrange(1000, 10_000))


def a_class(rng: random.Random) -> list[Account]:
    """Twenty students, 16 of whom choose as people do; the names' order tells nothing."""
    manners = [MANNERS[manner] for manner, count in _CHOSEN for _ in range(count)]
    rng.shuffle(manners)
    return [
        Account(name, one_like(manner, rng), manner) for name, manner in zip(_NAMES, manners, strict=True)
    ]


def candidates(rules: int, first: Iterable[str] = ()) -> Iterator[tuple[str, str]]:
    """Guesses with the rule each came from, the likeliest first: `first`, favourites, then the first
    `rules` of RULES applied to each word."""
    yield from ((word, "your list") for word in first)
    yield from ((word, "a favourite") for word in FAVOURITES)
    if rules > 0:
        yield from ((word, RULES[0]) for word in WORDS)
    if rules > 1:
        yield from ((word.capitalize(), RULES[1]) for word in WORDS)
    if rules > 2:
        yield from ((word + year, RULES[2]) for year in _YEARS for word in WORDS)
    if rules > 3:
        yield from ((word.capitalize() + year, RULES[3]) for year in _YEARS for word in WORDS)


@dataclass
class Cracked:
    """What the thief got: the password and the rule for each name, and the work that was paid for."""

    found: dict[str, tuple[str, str]] = field(default_factory=dict)
    guesses: int = 0
    work: int = 0


def by_dictionary(table: Mapping[str, bytes], guesses: Iterable[tuple[str, str]], budget: int) -> Cracked:
    """Unsalted SHA-256: one hash of a guess is compared with every row at once; a hash costs 1."""
    rows: dict[bytes, list[str]] = {}
    for name, hashed in table.items():
        rows.setdefault(hashed, []).append(name)
    result = Cracked()
    for guess, rule in guesses:
        if result.work >= budget:
            break
        result.guesses, result.work = result.guesses + 1, result.work + 1
        for name in rows.get(hashlib.sha256(guess.encode()).digest(), ()):
            result.found.setdefault(name, (guess, rule))
    return result


def by_slow_guessing(
    table: Mapping[str, tuple[bytes, bytes]], guesses: Sequence[tuple[str, str]], budget: int, cost: int
) -> Cracked:
    """Salted bcrypt, (salt, hash) a row: each guess is hashed for each row anew, at `blocks_of(cost)`.

    The thief spends the budget well: the likeliest guess for everybody first, then the next.
    """
    result, price = Cracked(), blocks_of(cost)
    for guess, rule in guesses:
        for name, (salt, hashed) in table.items():
            if name in result.found:
                continue
            if result.work + price > budget:
                return result
            result.guesses, result.work = result.guesses + 1, result.work + price
            if by_bcrypt(guess.encode(), salt, cost) == hashed:
                result.found[name] = (guess, rule)
    return result
