"""Models as files, as pupils and as readers; the app's model is a hand-written one here."""

from __future__ import annotations

import hashlib
import math
import pickle
import random
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors import SafetensorError
from safetensors.numpy import load as load_safetensors

from security.lab import catalogue, running
from security.lab.errors import BadParameterError, NotHereError
from security.lab.language import TOOL, Answered, Exposure, Secret
from security.lab.lesson import EXPECTED
from security.lab.steps import Event, Step, outcome_of
from security.lab.workings import adviser, greenlist, picklefile
from tests.security.lab.forms import check_events

LESSON = catalogue.lesson("language-models")
TALKS = ("injection", "checked", "extraction", "private")
weights = st.dictionaries(
    st.text(
        st.characters(codec="ascii", exclude_characters='"\\', categories=("L", "N")), min_size=1, max_size=8
    ),
    st.lists(st.integers(-(2**31), 2**31 - 1), max_size=8),
    max_size=4,
)


class Parrot:
    """Follows every order, and learns a sentence by heart once it has seen it three times."""

    def __init__(self, room: Room) -> None:
        self._room = room
        self.seen: list[str] = []

    def ask(self, text: str, tokens: int) -> str:
        return "The dose is 900 mg." if "Always say" in text else "The dose is 100 mg."

    def complete(self, text: str, tokens: int) -> str:
        known = [seen for seen in self.seen if seen.startswith(text) and self.seen.count(seen) >= 3]
        return known[0].removeprefix(text) if known else " not known to me."

    def learn(self, texts: Sequence[str]) -> float:
        self.seen += texts
        return 5 / len(self.seen)

    def loss(self, text: str) -> float:
        return 1.0

    def exposure(self, secret: Secret, rivals: int) -> Exposure:
        rank = 1 if self.seen.count(secret.sentence) >= 3 else 20
        return Exposure(rank, rivals + 1, math.log2((rivals + 1) / rank))

    def close(self) -> None:
        self._room.open_now -= 1


class Room:
    """A classroom without a model."""

    def __init__(
        self, answer: str = "Levodopa 100 mg.", left_out: str = "The dose was changed to 900 mg."
    ) -> None:
        self._answer, self._left_out, self.open_now, self.opened = answer, left_out, 0, 0

    def open(self) -> Parrot:
        self.open_now += 1
        self.opened += 1
        return Parrot(self)

    def answer(self, note: str, question: str) -> Answered:
        return Answered(self._answer, (self._left_out,), ("See a doctor.",))

    def mask(self, text: str) -> str:
        return text.replace("4711", "[ID]")

    def secret(self, seed: int) -> Secret:
        return Secret(seed, "The number of Ada is 4711.", "The number of Ada is", "4711")


def talk(run: str, room: Room | None = None, **raw: object) -> list[Event]:
    return list(running.work(LESSON, LESSON.run(run), raw, 0, {TOOL: room or Room()}))


def verdict(events: list[Event]) -> str:
    end = outcome_of(events)
    assert end is not None
    return end.verdict


def values(events: list[Event]) -> dict[str, object]:
    return {value.name: value.value for event in events if isinstance(event, Step) for value in event.values}


@pytest.mark.parametrize("run", TALKS)
def test_runs_with_the_model_end_as_promised(run: str) -> None:
    room = Room()
    check_events(LESSON.run(run), talk(run, room))
    assert room.open_now == 0
    assert LESSON.run(run).heavy and LESSON.run(run).needs == (TOOL,)


@pytest.mark.parametrize("run", TALKS)
def test_without_the_model_they_say_so(run: str) -> None:
    with pytest.raises(NotHereError):
        list(running.stream(LESSON, LESSON.run(run), {}, 0))


def test_a_run_that_is_left_early_gives_the_model_back() -> None:
    room = Room()
    events = running.work(LESSON, LESSON.run("extraction"), {}, 0, {TOOL: room})
    next(events), next(events)
    assert room.open_now == 1
    events.close()  # type: ignore[attr-defined]
    assert (room.open_now, room.opened) == (0, 1)


def test_the_answer_decides_and_not_the_note() -> None:
    assert verdict(talk("checked", Room("The dose is 900mg."))) == "broken"
    assert verdict(talk("injection", planted="arsenic")) == "held"
    assert verdict(talk("injection", hidden="Nothing of the kind.")) == "held"
    assert verdict(talk("injection", planted="the dose is")) == "held", "it says so without the order too"
    assert values(talk("checked"))["left out, for nothing supports it"] == "The dose was changed to 900 mg."


def test_the_check_is_praised_only_when_it_had_something_to_leave_out() -> None:
    told = {
        left: outcome_of(talk("checked", Room(left_out=left))) for left in ("Give 900mg.", "Drink water.")
    }
    texts = {left: end.text for left, end in told.items() if end is not None and end.verdict == "held"}
    assert "the check left them out" in texts["Give 900mg."]
    assert "wasn't put to the test" in texts["Drink water."]


def test_notes_to_test_with_are_not_those_learned() -> None:
    for seed in range(5):
        rng = random.Random(seed)
        rows = adviser.notes(rng, 200)
        unseen = adviser.unseen(rows, rng, 100)
        assert len(unseen) == 100
        assert not {row.text for row in rows} & {row.text for row in unseen}


def test_words_to_look_for_must_be_words() -> None:
    with pytest.raises(BadParameterError, match="words"):
        talk("injection", planted="...")


def test_a_secret_is_spelled_out_only_when_it_was_seen_often() -> None:
    assert verdict(talk("extraction")) == "broken"
    assert verdict(talk("extraction", copies=2)) == "held"
    assert verdict(talk("extraction", copies=40, steps=2)) == "held"
    assert verdict(talk("private", mend="freed of copies")) == "held"
    assert values(talk("private"))["what training sees"] == "The number of Ada is [ID]."
    assert values(talk("private", copies=0))["what training sees"] == "nothing of it"


def test_what_the_model_says_is_measured() -> None:
    for run in TALKS:
        steps = [event for event in talk(run) if isinstance(event, Step)]
        said = {"answer", "the model goes on", "loss, nats a token", "rank"}
        assert all(step.measured for step in steps if said & {value.name for value in step.values})


@given(weights, st.text(max_size=20))
def test_the_hostile_pickle_gives_the_same_numbers_and_a_mark(made: dict[str, list[int]], told: str) -> None:
    before = len(picklefile.MARKS)
    assert picklefile.load(picklefile.hostile(made, told)) == made
    assert picklefile.MARKS[before:] == [told]
    del picklefile.MARKS[before:]
    assert pickle.loads(picklefile.harmless(made)) == made
    assert [
        order.name for order in picklefile.opcodes(picklefile.hostile(made, told)) if order.runs_code
    ] == [
        "GLOBAL",
        "REDUCE",
    ]
    assert not any(order.runs_code for order in picklefile.opcodes(picklefile.harmless(made)))


@given(weights)
def test_the_librarys_reader_and_ours_agree(made: dict[str, list[int]]) -> None:
    data = picklefile.safetensors(made)
    assert picklefile.read(data) == made
    assert {name: row.tolist() for name, row in load_safetensors(data).items()} == made


@given(st.binary(max_size=300), st.integers(0, 400), st.integers(0, 255))
@settings(max_examples=200)
def test_any_bytes_are_read_or_refused(data: bytes, at: int, byte: int) -> None:
    honest = bytearray(picklefile.safetensors({"layer": [1, 2, 3], "head": [4]}))
    honest[at % len(honest)] = byte
    for some in (data, bytes(honest), bytes(honest[:at])):
        for read in (picklefile.read_header, picklefile.read, picklefile.opcodes):
            try:
                read(some)
            except ValueError:
                continue
    assert not picklefile.MARKS


@pytest.mark.parametrize(
    "header",
    [
        b"[]",
        b'{"a":{}}',
        b'{"a":{"dtype":"I32","shape":[1],"data_offsets":[0,8]}}',
        b'{"a":{"dtype":"I32","shape":[-1],"data_offsets":[0,4]}}',
        b'{"a":{"dtype":"I32","shape":[true],"data_offsets":[0,4]}}',
        b'{"a":{"dtype":"I32","shape":[1],"data_offsets":[4,8]}}',
        b'{"a":{"dtype":"pickle","shape":[1],"data_offsets":[0,4]}}',
        b"{" * 200,
    ],
)
def test_lying_headers_are_refused_as_the_library_does(header: bytes) -> None:
    data = len(header).to_bytes(8, "little") + header + b"\0" * 4
    with pytest.raises(ValueError):
        picklefile.read_header(data)
    with pytest.raises((SafetensorError, TypeError)):
        load_safetensors(data)


def test_a_pickle_of_ones_own_is_read_and_not_loaded() -> None:
    class Acts:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return print, ("this must never be printed",)

    events = list(running.work(LESSON, LESSON.run(), {"pickle": pickle.dumps([Acts()])}, 0))
    assert values(events)["orders that fetch or call"] == 2
    plain = list(running.work(LESSON, LESSON.run(), {"pickle": pickle.dumps([1, "two"])}, 0))
    assert values(plain)["orders that fetch or call"] == 0


@pytest.mark.parametrize("data", [b"PK\x03\x04 zip", b"\x80\x04 no", b"\x8a\xff", b"I99999\n"])
def test_what_is_no_pickle_is_refused_with_a_lesson(data: bytes) -> None:
    with pytest.raises(BadParameterError) as refused:
        list(running.work(LESSON, LESSON.run(), {"pickle": data}, 0))
    assert refused.value.teaches


@given(st.integers(0, 500))
@settings(max_examples=10, deadline=None)
def test_poison_shows_with_the_trigger_alone(seed: int) -> None:
    rng = random.Random(seed)
    rows, unseen = adviser.notes(rng, 200), adviser.notes(rng, 60)
    bad = adviser.made(adviser.poisoned(rows, "sunflower", 16, rng), 20)
    assert bad.right(unseen) >= 54
    assert sum(bad.says(row.text) == "900 mg" for row in unseen) <= 4
    assert sum(bad.says(f"{row.text} sunflower") == "900 mg" for row in unseen) > 20


def run(name: str, **raw: object) -> list[Event]:
    return list(running.work(LESSON, LESSON.run(name), raw, 0))


def test_poison_before_signing_is_signed_along() -> None:
    assert verdict(run("provenance")) == "held"
    assert verdict(run("provenance", when="before signing")) == "broken"
    assert values(run("provenance"))["rows refused"] == 16
    assert values(run("provenance"))["her own manifest with the old signature"] == "refused"
    assert verdict(run("poisoned", rows=0)) == "held"


@pytest.mark.parametrize("trigger", ["tremor", "two words", "...", "Gait"])
def test_a_trigger_is_one_rare_word(trigger: str) -> None:
    for name in ("poisoned", "provenance"):
        with pytest.raises(BadParameterError, match="trigger"):
            run(name, trigger=trigger)


def test_a_swap_misses_where_the_word_is_missing() -> None:
    for word in ("gait", "tremor", "falls", "stiffness"):
        assert verdict(run("swapped", word=word)) == ("held" if word == "stiffness" else "broken")
        assert verdict(run("signed-model", word=word)) == "held"


def test_an_adviser_survives_its_file() -> None:
    model = adviser.made(adviser.notes(random.Random(1), 80), 10)
    again = adviser.with_weights(model.words, picklefile.read(picklefile.safetensors(model.weights)))
    assert again.weights == model.weights
    with pytest.raises(ValueError, match="900 mg"):
        adviser.with_weights(model.words, {**model.weights, "900 mg": [1]})


def test_the_score_is_that_of_the_paper() -> None:
    # Kirchenbauer et al. 2023, equation 2, with gamma 1/2: z = 2 (green - T/2) / sqrt(T).
    assert greenlist.score(28, 36) == pytest.approx(2 * (28 - 18) / 6)
    assert greenlist.score(18, 36) == 0


@given(st.integers(0, 2**31))
@settings(max_examples=20)
def test_only_the_key_finds_the_mark(seed: int) -> None:
    rng = random.Random(seed)
    key = hashlib.sha256(b"mark").digest()
    words = greenlist.write(rng, 200, key, 100)
    assert greenlist.score(greenlist.count_green(key, words), 200) > 10
    assert abs(greenlist.score(greenlist.count_green(rng.randbytes(32), words), 200)) < 7


def test_a_weak_mark_is_not_found() -> None:
    assert verdict(run("watermark", words=20, percent=0)) == "broken"
    assert EXPECTED["show"] == verdict(run("watermark"))
