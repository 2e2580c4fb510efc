"""Choices of models: each user's own, taken back one by one, kept over a restart."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, create_engine, text

from assistant.conversations import StoreError
from assistant.errors import BadInputError
from assistant.models.choices import KEPT_CHOICES, Choice, Choices

A, B, TAGS = Path("/models/a.gguf"), Path("/models/b"), Path("/models/tags")


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Engine]:
    engine = create_engine(f"sqlite:///{tmp_path / 'app.db'}")
    yield engine
    engine.dispose()


def test_who_has_chosen_nothing_has_the_houses_own(database: Engine) -> None:
    choices = Choices(database)
    assert choices.current("ada") == Choice(None, None, "", "")
    with pytest.raises(BadInputError, match="no choice to take back"):
        choices.roll_back("ada")


def test_each_is_chosen_alone_and_taken_back_in_turn(database: Engine) -> None:
    choices = Choices(database)
    assert choices.choose("ada", generator=A, generator_name="asthma-v1") == Choice(A, None, "asthma-v1", "")
    choices.choose("ada", tagger=TAGS)
    assert choices.current("ada") == Choice(A, TAGS, "asthma-v1", "tags")
    choices.choose("ada", generator=None)
    assert choices.current("ada") == Choice(None, TAGS, "", "tags")
    assert choices.roll_back("ada") == choices.current("ada") == Choice(A, TAGS, "asthma-v1", "tags")
    assert choices.roll_back("ada") == Choice(A, None, "asthma-v1", "")
    assert choices.roll_back("ada") == choices.current("ada") == Choice()


def test_choices_are_ones_own_and_outlive_the_app(database: Engine) -> None:
    choices = Choices(database)
    choices.choose("ada", generator=A)
    choices.choose("bob", generator=B)
    again = Choices(database)
    assert (again.current("ada").generator, again.current("bob").generator) == (A, B)
    again.roll_back("ada")
    assert again.current("bob") == Choice(B, None, "b", "")


def test_a_version_is_in_use_by_its_name_and_only_while_it_is_chosen(database: Engine) -> None:
    choices = Choices(database)
    choices.choose("ada", generator=A, generator_name="asthma-v1", tagger=TAGS)
    assert choices.in_use("ada", "asthma-v1")
    assert choices.in_use("ada", "tags")
    assert not choices.in_use("bob", "asthma-v1")
    assert not choices.in_use("ada", "")
    choices.choose("ada", generator=None)
    assert not choices.in_use("ada", "asthma-v1")


def test_choosing_the_same_again_leaves_the_way_back_as_it_was(database: Engine) -> None:
    choices = Choices(database)
    choices.choose("ada", generator=A)
    choices.choose("ada", generator=B)
    choices.choose("ada", generator=B)
    assert choices.roll_back("ada").generator == A


def test_a_place_is_kept_whole_wherever_the_app_is_started(
    database: Engine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    assert Choices(database).choose("ada", tagger=Path("tags")).tagger == tmp_path / "tags"


steps = st.lists(st.sampled_from([A, B, None, "back"]), max_size=12)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=15)
@given(steps)
def test_it_goes_back_as_a_stack_does(tmp_path: Path, steps: list[Path | str | None]) -> None:
    engine = create_engine("sqlite://")
    choices = Choices(engine)
    stack: list[Path | None] = [None]
    for step in steps:
        if isinstance(step, str):
            if len(stack) > 1:
                choices.roll_back("ada")
                stack.pop()
        else:
            choices.choose("ada", generator=step)
            if step != stack[-1]:
                stack.append(step)
        assert choices.current("ada").generator == stack[-1]
    engine.dispose()


def test_only_the_last_ones_are_kept(database: Engine) -> None:
    choices = Choices(database)
    for number in range(KEPT_CHOICES + 5):
        choices.choose("ada", generator=Path(f"/models/{number}.gguf"))
    with database.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM assistant_choices")).scalar() == KEPT_CHOICES
    assert choices.current("ada").generator_name == str(KEPT_CHOICES + 4)


def test_two_windows_that_choose_at_once_lose_nothing(database: Engine) -> None:
    choices = Choices(database)
    with ThreadPoolExecutor(2) as windows:
        done = [
            windows.submit(choices.choose, "ada", generator=A),
            windows.submit(choices.choose, "ada", tagger=TAGS),
        ]
        for one in done:
            one.result()
    assert choices.current("ada") == Choice(A, TAGS, "a", "tags")


def test_a_database_that_refuses_says_what_still_holds(database: Engine) -> None:
    choices = Choices(database)
    choices.choose("ada", generator=A)
    with database.begin() as connection:
        connection.execute(
            text(
                "CREATE TRIGGER no BEFORE INSERT ON assistant_choices BEGIN SELECT RAISE(ABORT, 'full'); END"
            )
        )
        connection.execute(
            text(
                "CREATE TRIGGER nor BEFORE DELETE ON assistant_choices BEGIN SELECT RAISE(ABORT, 'full'); END"
            )
        )
    with pytest.raises(StoreError, match="before it still holds"):
        choices.choose("ada", generator=B)
    with pytest.raises(StoreError, match="It still holds"):
        choices.roll_back("ada")
    assert choices.current("ada").generator == A


def test_a_damaged_database_is_no_reason_to_answer_by_another_model(tmp_path: Path, database: Engine) -> None:
    choices = Choices(database)
    choices.choose("ada", generator=A)
    database.dispose()
    (tmp_path / "app.db").write_bytes(b"this is no database" * 500)
    with pytest.raises(StoreError, match="can't be read"):
        choices.current("ada")
