"""Marking a quiz and keeping results: right and wrong, whose is whose, a safe CSV."""

from __future__ import annotations

import csv
import io
import threading
from pathlib import Path

import pytest
from sqlalchemy import create_engine, literal
from sqlalchemy.engine import Engine

from security.lab.errors import BadParameterError, LabError
from security.lab.quiz import mark, shuffled
from security.lab.results import Attempt, Results, Standing, as_csv
from security.lab.service import Lab
from tests.security.lab.sample import LESSON


@pytest.fixture
def engine(tmp_path: Path) -> Engine:
    return create_engine(f"sqlite:///{tmp_path / 'lab.db'}")


def right_answers() -> list[str | None]:
    return [next(a.text for a in question.answers if a.right) for question in LESSON.quiz]


def wrong_answers() -> list[str | None]:
    return [next(a.text for a in question.answers if not a.right) for question in LESSON.quiz]


def test_right_wrong_and_missing_answers_are_told_apart() -> None:
    given = right_answers()
    given[0] = None
    given[1] = wrong_answers()[1]
    marked = mark(LESSON, given)
    assert [one.correct for one in marked] == [False, False, *[True] * (len(given) - 2)]
    assert marked[0].chosen is None and marked[0].right.right
    assert marked[1].chosen is not None and marked[1].chosen.why


def test_an_answer_of_another_quiz_is_refused() -> None:
    with pytest.raises(BadParameterError, match="no answer"):
        mark(LESSON, ["something else", *right_answers()[1:]])
    with pytest.raises(BadParameterError, match="questions"):
        mark(LESSON, right_answers()[1:])


def test_the_order_of_answers_is_the_seeds() -> None:
    question = LESSON.quiz[0]
    assert shuffled(LESSON, question, 3) == shuffled(LESSON, question, 3)
    assert sorted(a.text for a in shuffled(LESSON, question, 3)) == sorted(a.text for a in question.answers)
    orders = {tuple(a.text for a in shuffled(LESSON, question, seed)) for seed in range(20)}
    assert len(orders) > 1


def test_a_student_sees_their_own_results_and_a_teacher_all(engine: Engine) -> None:
    ticks = iter(range(100))
    lab = Lab(Results(engine), lambda: float(next(ticks)))
    lab.marked(LESSON, wrong_answers(), "u1", "ada")
    lab.marked(LESSON, right_answers(), "u1", "ada")
    lab.marked(LESSON, wrong_answers(), "u2", "ben")
    total = len(LESSON.quiz)
    mine = lab.standings("u1", teacher=False)
    assert [(one.name, one.attempts, one.first, one.best, one.total) for one in mine] == [
        ("ada", 2, 0, total, total)
    ]
    assert [one.name for one in lab.standings("u2", teacher=False)] == ["ben"]
    assert [one.name for one in lab.standings("u2", teacher=True)] == ["ada", "ben"]


@pytest.mark.parametrize("name", ["=cmd()", "+1", "-1", "@sum", "\tx"])
def test_a_spreadsheet_does_not_run_a_name(name: str) -> None:
    told = as_csv([Standing(name, "checksum", 1, 1, 1, 4)])
    rows = list(csv.reader(io.StringIO(told)))
    assert rows[1][0] == f"'{name}"


@pytest.mark.parametrize("sign", [";", ", ", "\t", "|  "])
def test_nor_a_part_of_a_name_where_it_splits_at_another_sign(sign: str) -> None:
    told = as_csv([Standing(f"Ada{sign}=cmd()", "checksum", 1, 1, 1, 4)])
    assert list(csv.reader(io.StringIO(told)))[1][0] == f"Ada{sign}'=cmd()"


def test_a_database_that_fails_is_said_in_a_sentence(tmp_path: Path) -> None:
    engine = create_engine(f"sqlite:///{tmp_path / 'lab.db'}")
    results = Results(engine)
    with engine.begin() as connection:
        connection.exec_driver_sql("DROP TABLE lab_standings")
    with pytest.raises(LabError, match="could not be saved"):
        results.record(Attempt("u", "ada", "checksum", 1, 4, 0))
    with pytest.raises(LabError, match="could not be read"):
        results.of("u")


def test_who_is_deleted_meanwhile_does_not_come_back(engine: Engine) -> None:
    results = Results(engine, lambda user: literal(user) == "here")
    for user in ("gone", "here"):
        results.record(Attempt(user, user, "checksum", 1, 4, 0))
    assert [one.name for one in results.of()] == ["here"]


def test_many_attempts_take_one_row_and_never_change_the_first(engine: Engine) -> None:
    results = Results(engine)

    def attempts() -> None:
        for right in (0, 3, 1, 2):
            results.record(Attempt("u", "ada", "checksum", right, 4, 0))

    results.record(Attempt("u", "ada", "checksum", 1, 4, 0))
    threads = [threading.Thread(target=attempts) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results.of() == [Standing("ada", "checksum", 17, 1, 3, 4)]
