"""The lab's language model: bounded, one at a time, forgotten. The page's tests attack the real weights."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from assistant.errors import BadInputError, EngineError
from security.lab.errors import LabError, NotHereError
from security.lab.language import MOST_STEPS, MOST_TEXTS, Answered, Classroom
from tests.training.tiny import PROSE
from training import classroom


def nothing(note: str, question: str) -> Answered:
    return Answered(f"{note} {question}")


@pytest.fixture
def room(gpt: Path) -> Classroom:
    return classroom.Classroom(nothing, str(gpt))


def test_one_run_at_a_time(room: Classroom) -> None:
    model = room.open()
    with pytest.raises(NotHereError, match="Another run"):
        room.open()
    model.close()
    model.close()
    room.open().close()
    with closing(room.open()), pytest.raises(NotHereError):
        room.open()


def test_a_model_that_is_not_there_leaves_the_turn_free(tmp_path: Path) -> None:
    lost = classroom.Classroom(nothing, str(tmp_path / "nowhere"))
    for _ in range(2):
        with pytest.raises(NotHereError, match="can't be loaded"):
            lost.open()


def test_what_is_learned_is_gone_with_the_copy(room: Classroom) -> None:
    text = PROSE.partition(" . ")[0]
    losses = []
    for steps in (12, 0):
        with closing(room.open()) as model:
            before = model.loss(text)
            for _ in range(steps):
                model.learn([text])
            losses.append((before, model.loss(text)))
    (first, learned), (again, same) = losses
    assert first == again == same
    assert learned < first


def test_learning_repeats_and_is_bounded(room: Classroom) -> None:
    rows = []
    for _ in range(2):
        with closing(room.open()) as model:
            rows.append([model.learn(["a fever is high", "the heart pumps"]) for _ in range(MOST_STEPS)])
            with pytest.raises(LabError, match="at most"):
                model.learn(["one more"])
    assert rows[0] == rows[1]
    with closing(room.open()) as model:
        for texts in ([], ["a"] * (MOST_TEXTS + 1)):
            with pytest.raises(LabError, match="at most"):
                model.learn(texts)


def test_it_says_a_bounded_text(room: Classroom) -> None:
    with closing(room.open()) as model:
        assert model.complete("a fever", 8) == model.complete("a fever", 8)
        assert len(model.ask("a", 1_000)) < 1_000
        model.complete("a", 0)


def test_a_secret_stands_out_once_it_is_learned(room: Classroom) -> None:
    secret = room.secret(7)
    assert secret == room.secret(7) != room.secret(8)
    assert secret.sentence == f"{secret.beginning} {secret.secret}."
    with closing(room.open()) as model:
        before = model.exposure(secret, 15)
        for _ in range(MOST_STEPS):
            model.learn([secret.sentence] * 4)
        after = model.exposure(secret, 15)
    assert before.among == after.among == 16
    assert after.rank <= before.rank and after.bits >= before.bits


def test_the_rules_take_the_secret_out(room: Classroom) -> None:
    for seed in range(20):
        secret = room.secret(seed)
        assert secret.secret not in room.mask(secret.sentence)


def test_the_assistant_is_handed_in(room: Classroom) -> None:
    assert room.answer("A note.", "Which?").text == "A note. Which?"

    def refuses(note: str, question: str) -> Answered:
        raise (EngineError if note else BadInputError)("It can't.")

    for note in ("", "a note"):
        with pytest.raises(LabError, match="can't"):
            classroom.Classroom(refuses).answer(note, "Why?")
