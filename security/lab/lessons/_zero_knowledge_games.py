"""The games of the lesson on zero-knowledge proofs: the cave, the colouring, the simulator."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Sequence

from security.lab import pictures
from security.lab.lesson import Run
from security.lab.parameters import Choice, Chosen, Whole
from security.lab.steps import Event, Outcome, Step, Table, Value
from security.lab.workings import colouring, schnorr, tiny_schnorr
from ui import plots

_LIARS = 2_000


def _near(found: int, count: int, chance: float) -> bool:
    """Whether a count of lucky ones is within five standard deviations, and one, of what chance says."""
    return abs(found - count * chance) <= 5 * math.sqrt(count * chance * (1 - chance)) + 1


def _cave_picture(rounds: Sequence[tuple[str, str]]) -> str:
    """The cave with its door, and a liar's rounds: the way he took, the way he was asked for."""
    caught = next((at for at, (taken, asked) in enumerate(rounds) if taken != asked), None)
    told = "A ring-shaped cave with a door at the back, and a liar's rounds one by one."
    canvas = pictures.Canvas(told, 262)
    canvas.raw('<circle class="edge" cx="200" cy="128" r="84" fill="none"/>')
    canvas.box(190, 26, 20, 36, "warn")
    canvas.text(200, 17, "door", "small")
    canvas.text(94, 132, "left", "strong")
    canvas.text(312, 132, "right", "strong")
    canvas.box(172, 196, 56, 30)
    canvas.text(200, 215, "mouth", "small")
    canvas.text(200, 252, "Tom waits here and calls a way", "small")
    canvas.text(370, 36, "A liar's rounds", "strong", "start")
    for at, (taken, asked) in enumerate(rounds[:7]):
        fine = taken == asked
        y = 62 + 26 * at
        canvas.dot(378, y - 4, 6, "good" if fine else "bad")
        canvas.text(394, y, f"{at + 1}. in {taken}, called {asked}", "small", "start")
    if caught is not None:
        canvas.text(370, 252, f"caught in round {caught + 1}", "bad strong", "start")
    else:
        canvas.text(370, 252, f"lucky {len(rounds)} times", "strong", "start")
    return canvas.svg()


def _passes(taken: str, asked: str, knows_word: bool) -> bool:
    """Whether somebody who went in by one way can come out by the other asked for."""
    return taken == asked or knows_word


def _cave(chosen: Chosen, rng: random.Random) -> Iterator[Event]:
    rounds = chosen.whole("rounds")
    ways = ("left", "right")
    yield Step(
        "A cave with two ways and a door",
        "At the back, a door opens to a secret word only. Rosa says that she knows the word. She goes in by a way that Tom "
        "doesn't see; then Tom calls the way by which she must come out. With the word she always can. Tom is the "
        "[[verifier]], Rosa the [[prover]].",
    )
    honest = sum(_passes(rng.choice(ways), rng.choice(ways), True) for _ in range(rounds))
    yield Step(
        "Rosa plays",
        "She opens the door when she has to. Tom never hears the word.",
        (Value("rounds", rounds), Value("rounds that Rosa passed", honest)),
    )
    film = [(rng.choice(ways), rng.choice(ways)) for _ in range(rounds)]
    yield Step(
        "A liar plays",
        "He has no word and must guess beforehand which way Tom will call.",
        (Value("rounds he was lucky in", sum(_passes(taken, asked, False) for taken, asked in film)),),
        _cave_picture(film),
    )
    luck = [next((at for at in range(rounds) if rng.getrandbits(1)), rounds) for _ in range(_LIARS)]
    left = [sum(lasted >= at for lasted in luck) for at in range(rounds + 1)]
    points = [(at, 100 * left[at] / _LIARS) for at in range(rounds + 1)]
    truth = [(at, 100 * 0.5**at) for at in range(rounds + 1)]
    curve = plots.lines(
        "Liars not yet caught",
        [plots.Line("played", points, "a"), plots.Line("2 to the -n", truth, "b")],
        "round",
        "%",
    )
    values = (
        Value("liars", _LIARS),
        Value("not caught at all", left[rounds]),
        Value("chance of a liar", 0.5**rounds),
    )
    yield Step("And two thousand liars play", "Each round halves them: [[soundness]].", values, curve)
    works = honest == rounds and _near(left[rounds], _LIARS, 0.5**rounds)
    yield Outcome(
        "works" if works else "broken",
        f"Rosa passed all {rounds} rounds; of {_LIARS:,} liars {left[rounds]:,} did, where chance says {_LIARS * 0.5**rounds:.6g}. "
        "Tom is convinced and still doesn't know the word.",
    )


def _map_picture(rounds: Sequence[colouring.Round]) -> str:
    """The wards, round by round: closed boxes grey, the two opened ones in their colours."""
    count = len(rounds)
    each = pictures.WIDTH / count
    canvas = pictures.Canvas(
        "The wards as a graph, in each round two of them opened with their colours.", 236
    )
    for number, played in enumerate(rounds):
        spots = [(each * number + 24 + x * (each - 48), 30 + y * 190) for x, y in colouring.PLACES]
        canvas.text(each * (number + 0.5), 16, f"round {number + 1}", "small")
        for edge in colouring.EDGES:
            (x1, y1), (x2, y2) = spots[edge[0]], spots[edge[1]]
            canvas.line(x1, y1, x2, y2, "good" if edge == played.edge else "quiet")
        shown = dict(zip(played.edge, played.colours, strict=True))
        for node, (x, y) in enumerate(spots):
            style = colouring.COLOURS[shown[node]] if node in shown else "quiet"
            canvas.dot(x, y, 13 if node in shown else 9, style)
            canvas.text(x, y + 4.5, str(shown[node] + 1) if node in shown else "", "small strong")
            beside = -22 if x < each * (number + 0.3) else 22
            canvas.text(x + beside, y + 4.5, colouring.NODES[node], "small")
    return canvas.svg()


def _caught_in(rng: random.Random, rounds: int) -> int:
    """In which round a liar is caught on the map that has no colouring; `rounds` if in none."""
    for number in range(rounds):
        first, second = rng.choice(colouring.MORE_EDGES)
        if colouring.TRUE[first] == colouring.TRUE[second]:
            return number
    return rounds


def _colouring(chosen: Chosen, rng: random.Random) -> Iterator[Event]:
    rounds = chosen.whole("rounds")
    yield Step(
        "Six wards, three night teams",
        "Wards joined by a line share a lift, so they must not have the same team. Ines has a plan and wants to be paid for it; "
        "the hospital wants to know first that it is one. The plan stays hidden.",
        (Value("wards", len(colouring.NODES)), Value("lines", len(colouring.EDGES))),
    )
    played = [colouring.play(colouring.TRUE, colouring.EDGES, rng) for _ in range(rounds)]
    first = played[0]
    rows = tuple((colouring.NODES[at], box.hex()[:24] + "…") for at, box in enumerate(first.boxes))
    yield Step(
        "Ines renames the teams at random and locks each in a box",
        "A box is a [[commitment]]: SHA-256 over 32 random bytes and the team. Here are the boxes of round 1.",
        table=Table(("ward", "box"), rows),
    )
    line = f"{colouring.NODES[first.edge[0]]}-{colouring.NODES[first.edge[1]]}"
    values = (
        Value("line asked for", line),
        Value("its two teams", f"{first.colours[0] + 1} and {first.colours[1] + 1}"),
        Value("opened box", first.boxes[first.edge[0]]),
        Value("its random bytes", first.nonces[0]),
    )
    yield Step(
        "The hospital points at one line; its two boxes are opened",
        "Two different teams, at random: that says nothing about the plan, for the names change in each round.",
        values,
        _map_picture(played[:3]),
    )
    honest = sum(one.accepted() for one in played)
    yield Step("All rounds", values=(Value("rounds", rounds), Value("rounds that Ines passed", honest)))
    yield from _liar_with_a_map(honest, rounds, rng)


def _liar_with_a_map(honest: int, rounds: int, rng: random.Random) -> Iterator[Event]:
    """The map that has no plan, and the end: Ines passed `honest` of the rounds before."""
    lines = colouring.MORE_EDGES
    wrong = colouring.wrong_lines(colouring.TRUE, lines)
    chance = (1 - wrong / len(lines)) ** rounds
    luck = [_caught_in(rng, rounds) for _ in range(500)]
    points = [(at, sum(lasted >= at for lasted in luck) / 5) for at in range(rounds + 1)]
    truth = [(at, 100 * (1 - wrong / len(lines)) ** at) for at in range(rounds + 1)]
    passed = sum(lasted == rounds for lasted in luck)
    yield Step(
        "One more line, and no plan exists",
        "With a line from A to D four wards are all joined. Mallory sells a plan with one clash and hopes that nobody asks for it.",
        (
            Value("lines that clash", wrong),
            Value("chance of a liar", chance),
            Value("of 500 liars not caught", passed),
        ),
        plots.lines(
            "Liars not yet caught",
            [plots.Line("played", points, "a"), plots.Line("(1 - 1/13) to the n", truth, "b")],
            "round",
            "%",
        ),
    )
    works = honest == rounds and _near(passed, 500, chance)
    yield Outcome(
        "works" if works else "broken",
        f"Ines passed {honest} of {rounds} rounds; a liar passes with a chance of {chance:.3g}. Every statement with a short proof "
        "can be put as such a map, so all of them have proofs that show nothing.",
    )


def _grey(counts: list[list[int]], most: int) -> list[list[int]]:
    return [[255 - 255 * count // most for count in row] for row in counts]


def _simulator(chosen: Chosen, rng: random.Random) -> Iterator[Event]:
    group = tiny_schnorr.GROUPS[int(chosen.text("order"))]
    count = chosen.whole("count")
    secret = rng.randrange(1, group.order)
    public = group.public(secret)
    yield Step(
        "A group so small that everything can be counted",
        f"Powers of {group.generator} modulo {group.prime}. Whoever wants the secret here simply tries all; that isn't the point.",
        (Value("order of the group", group.order), Value("secret", secret), Value("public key", public)),
    )
    real, made = group.every_real(secret), group.every_simulated(public)
    shown = sorted(set(real) | set(made))[:8]
    rows = tuple((str(a), str(c), str(s), str(real[(a, c, s)]), str(made[(a, c, s)])) for a, c, s in shown)
    same = real == made
    sound = all(group.accepts(public, triple) for triple in made)
    yield Step(
        "All conversations, counted",
        "With the secret: every nonce with every challenge. Without: every challenge with every response, and the "
        "[[commitment]] made to fit. That recipe is the [[simulator]].",
        (
            Value("different transcripts with the secret", len(real)),
            Value("different transcripts without", len(made)),
            Value("the two lists are the same", same),
            Value("the check accepts all made-up ones", sound),
        ),
        table=Table(
            ("commitment", "challenge", "response", "with", "without"), rows, f"The first of {len(real)}"
        ),
    )
    yield _drawn(group, secret, count, rng)
    strangers = schnorr.hashed_point("a key of nobody")
    fake = schnorr.simulate(strangers, rng)
    large = schnorr.accepts(strangers, fake)
    yield _in_the_real_group(strangers, fake, large)
    yield Outcome(
        "works" if same and sound and large else "broken",
        "What the verifier gets to see could have been made without the secret, with exactly the same chances. So it tells "
        "nothing about the secret: that is zero knowledge.",
    )


def _drawn(group: tiny_schnorr.Tiny, secret: int, count: int, rng: random.Random) -> Step:
    """Conversations drawn with the secret, and without it."""
    public = group.public(secret)
    grids = [
        tiny_schnorr.grid(tiny_schnorr.drawn_real(group, secret, count, rng), group.order),
        tiny_schnorr.grid(tiny_schnorr.drawn_simulated(group, public, count, rng), group.order),
    ]
    most = max(1, *(number for grid in grids for row in grid for number in row))
    return Step(
        f"{count:,} of each, drawn at random",
        "Rows are challenges, columns responses; darker is more often. Which of the two had the secret?",
        (Value("most often", most),),
        pictures.pixels(
            "Two grids of grey squares, how often each pair of challenge and response came; they look alike.",
            [
                (name, _grey(grid, most))
                for name, grid in zip(("with the secret", "without it"), grids, strict=True)
            ],
        ),
    )


def _in_the_real_group(strangers: bytes, fake: schnorr.Transcript, large: bool) -> Step:
    """The simulator with a public key of nobody's, and whether the check accepts what it made."""
    values = (
        Value("public key of nobody", strangers, "made from a hash; nobody knows its secret"),
        Value("commitment", fake.commitment, "worked out last"),
        Value("challenge", schnorr.scalar_bytes(fake.challenge), "chosen first"),
        Value("response", schnorr.scalar_bytes(fake.response)),
        Value("accepted", large),
    )
    return Step(
        "And in the real group",
        "The simulator works there too. It is no cheating in a real conversation: there the commitment must be said before the "
        "[[challenge]] is known.",
        values,
    )


CAVE = Run(
    "cave",
    "show",
    "The cave",
    "The picture that explains it: a door, a word, and a liar's chance of one half.",
    _cave,
    (Whole("rounds", "Rounds", 10, 1, 40),),
)
COLOURING = Run(
    "colouring",
    "show",
    "Night teams on a map",
    "A proof that a plan exists, by boxes of which two are opened in each round.",
    _colouring,
    (Whole("rounds", "Rounds", 80, 3, 300),),
)
SIMULATOR = Run(
    "simulator",
    "show",
    "Why nothing is learned",
    "All conversations with the secret, all made up without it: the two lists are the same.",
    _simulator,
    (
        Choice("order", "Order of the small group", "11", ("5", "11", "23")),
        Whole("count", "Conversations to draw", 4_000, 1, 20_000),
    ),
)
