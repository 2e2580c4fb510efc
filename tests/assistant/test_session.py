"""The chat as a service: one conversation a user, answers that outlive a page, nothing lost or shared."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from assistant.conversations import StoreError
from assistant.errors import AssistantError, BadInputError, EngineError
from assistant.examples import EXAMPLES
from assistant.page.turns import Turn
from assistant.pipeline import Assistant
from assistant.session import ChatService
from tests.assistant.fakes import TREMOR, EverySentenceCites, MemoryStore, ScriptedEngine, Shelf, WordFacts


class Loaded:
    """An assistant that is ready, or an error in its place."""

    def __init__(self, engine: ScriptedEngine, error: AssistantError | None = None) -> None:
        self.progress = ""
        self.error = error
        self.assistant = Assistant(
            WordFacts(tremor="Sign_symptom"), Shelf(TREMOR), EverySentenceCites(), engine
        )

    def get(self) -> Assistant:
        if self.error is not None:
            raise self.error
        return self.assistant


def a_service(
    engine: ScriptedEngine | None = None,
    store: MemoryStore | None = None,
    error: AssistantError | None = None,
) -> tuple[ChatService, ScriptedEngine, MemoryStore]:
    engine, store = engine or ScriptedEngine(), store or MemoryStore()
    numbers = iter(range(10_000))
    return (
        ChatService(Loaded(engine, error), store, lambda: f"t{next(numbers)}", lambda _: None),
        engine,
        store,
    )


def last_page(service: ChatService, user: str) -> str:
    pages = list(service.follow(user))
    return "".join(turn["html"] for turn in pages[-1]["turns"])


def test_an_answer_arrives_and_is_kept() -> None:
    service, _, store = a_service()
    service.ask("ada", "What is a tremor?")
    html = last_page(service, "ada")
    assert "A tremor is often first." in html
    assert 'data-passage="1"' in html
    assert store.kept["ada"][0].done is not None


def test_users_do_not_see_each_other() -> None:
    service, _, _ = a_service()
    service.ask("ada", "What is a tremor?")
    last_page(service, "ada")
    assert service.page("bob")["turns"] == []


def test_a_second_question_while_one_is_answered_is_refused_and_the_first_goes_on() -> None:
    service, engine, _ = a_service()
    engine.gate = threading.Semaphore(0)
    service.ask("ada", "What is a tremor?")
    assert engine.said_first.wait(20)
    with pytest.raises(BadInputError, match="under way"):
        service.ask("ada", "Another one about tremor?")
    engine.gate.release(100)
    assert last_page(service, "ada").count("You asked") == 1


def test_stop_keeps_the_words_said_and_a_new_question_may_follow() -> None:
    service, engine, store = a_service()
    engine.gate = threading.Semaphore(0)
    service.ask("ada", "What is a tremor?")
    assert engine.said_first.wait(20)
    service.stop("ada")
    engine.gate.release()
    assert "Stopped by you" in last_page(service, "ada")
    done = store.kept["ada"][0].done
    assert done is not None
    assert done.stopped
    engine.gate = None
    service.ask("ada", "And a tremor in sleep?")
    assert "It comes slowly." in last_page(service, "ada")


def test_an_answer_goes_on_without_a_page_and_a_new_page_follows_it() -> None:
    service, engine, _ = a_service()
    engine.gate = threading.Semaphore(0)
    service.ask("ada", "What is a tremor?")
    first = service.follow("ada")
    next(first)
    first.close()
    assert engine.said_first.wait(20)
    assert service.page("ada")["busy"]
    engine.gate.release(100)
    assert "It comes slowly." in last_page(service, "ada")


def test_after_a_crash_the_question_is_there_and_says_it_was_interrupted() -> None:
    store = MemoryStore()
    store.kept["ada"] = (Turn("t1", "What is a tremor?", answer="A tre"),)
    service, _, _ = a_service(store=store)
    page = service.page("ada")
    assert not page["busy"]
    assert "interrupted" in page["turns"][0]["html"]
    service.retry("ada", "t1")
    html = last_page(service, "ada")
    assert "It comes slowly." in html
    assert html.count("You asked") == 1


def test_edit_takes_the_words_back_and_clear_forgets() -> None:
    service, _, store = a_service()
    service.ask("ada", "What is a tremor?")
    turn = list(service.follow("ada"))[-1]["turns"][0]["id"]
    assert service.edit("ada", turn) == "What is a tremor?"
    assert service.page("ada")["turns"] == []
    service.ask("ada", "What is a tremor?")
    last_page(service, "ada")
    service.clear("ada")
    assert service.page("ada")["turns"] == []
    assert "ada" not in store.kept


def test_who_is_forgotten_is_nowhere_and_an_answer_under_way_keeps_nothing() -> None:
    service, engine, store = a_service()
    engine.gate = threading.Semaphore(0)
    service.ask("ada", "What is a tremor?")
    service.ask("bob", "What is asthma?")
    assert engine.said_first.wait(20)
    service.forget("ada")
    assert "ada" not in service._open and "ada" not in store.kept
    engine.gate.release(100)
    assert "asthma" in last_page(service, "bob")
    for thread in [one for one in threading.enumerate() if one.name == "answer"]:
        thread.join(20)
    assert "ada" not in store.kept and "bob" in store.kept
    assert "ada" not in service._open, "nor does the end of the answer bring it back"
    service.forget("nobody")


def test_clear_ends_an_answer_under_way_and_a_new_question_may_follow_at_once() -> None:
    service, engine, store = a_service()
    engine.gate = threading.Semaphore(0)
    service.ask("ada", "What is a tremor?")
    assert engine.said_first.wait(20)
    service.clear("ada")
    assert service.page("ada")["turns"] == []
    assert not service.page("ada")["busy"]
    service.ask("ada", "And a tremor in sleep?")
    engine.gate.release(100)
    html = last_page(service, "ada")
    assert "in sleep" in html
    assert html.count("You asked") == 1
    assert [turn.question for turn in store.kept["ada"]] == ["And a tremor in sleep?"]


def test_the_history_reaches_the_model_but_only_of_this_user() -> None:
    service, engine, _ = a_service()
    for user, text in (
        ("ada", "What is a tremor of the hand?"),
        ("bob", "Bob asks about a tremor."),
        ("ada", "Why a tremor?"),
    ):
        service.ask(user, text)
        last_page(service, user)
    said = "\n".join(message.content for message in engine.prompts[-1])
    assert "tremor of the hand" in said
    assert "Bob" not in said


@pytest.mark.parametrize("bad", [("", None), ("x" * 300_000, None)])
def test_bad_questions_leave_nothing_behind(bad: tuple[str, Path | None]) -> None:
    service, _, store = a_service()
    with pytest.raises(BadInputError):
        service.ask("ada", *bad)
    assert service.page("ada")["turns"] == []
    assert store.kept == {}


def test_a_binary_file_is_refused(tmp_path: Path) -> None:
    service, _, store = a_service()
    (tmp_path / "x.txt").write_bytes(b"\x7fELF\x00\x01")
    with pytest.raises(BadInputError, match=r"x\.txt"):
        service.ask("ada", "What is this?", tmp_path / "x.txt")
    assert store.kept == {}


def test_an_upload_that_is_not_what_it_says_is_refused(tmp_path: Path) -> None:
    service, _, store = a_service()
    (tmp_path / "x.html").write_bytes(b"a tremor of the hand")
    with pytest.raises(BadInputError, match=r"x\.html"):
        service.ask("ada", "What is this?", tmp_path / "x.html")
    assert store.kept == {}


@pytest.mark.parametrize("error", [EngineError("The model could not be loaded. Install it again.")])
def test_a_model_that_cannot_be_loaded_says_so_in_the_page(error: AssistantError) -> None:
    service, _, _ = a_service(error=error)
    service.ask("ada", "What is a tremor?")
    assert "Install it again" in last_page(service, "ada")
    assert not service.page("ada")["busy"]


def test_a_full_disk_does_not_stop_the_answer_and_is_said() -> None:
    service, _, store = a_service()
    store.error = StoreError("The conversation could not be saved; is the disk full?")
    service.ask("ada", "What is a tremor?")
    html = last_page(service, "ada")
    assert "It comes slowly." in html
    assert "disk full" in service.page("ada")["notice"]


def test_a_conversation_that_cannot_be_opened_is_said_and_can_be_cleared() -> None:
    class Unreadable(MemoryStore):
        def load(self, user: str) -> tuple[Turn, ...]:
            raise StoreError("The earlier conversation can't be opened.")

    store = Unreadable()
    store.kept["ada"] = (Turn("t1", "Old"),)
    service, _, _ = a_service(store=store)
    page = service.page("ada")
    assert page["turns"] == []
    assert "can't be opened" in page["notice"]
    assert "ada" in store.kept
    service.clear("ada")
    assert store.kept == {}
    assert service.page("ada")["notice"] == ""


def test_every_example_of_the_course_can_be_asked() -> None:
    service, engine, _ = a_service()
    for index, example in enumerate(EXAMPLES):
        service.example("ada", index)
        assert example.question.split()[0] in last_page(service, "ada")
    assert len(EXAMPLES) == 7
    assert len(engine.prompts) == 6  # a greeting needs no model
    with pytest.raises(BadInputError):
        service.example("ada", 7)
