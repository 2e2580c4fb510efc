"""Each user is answered by the model of their choice: at once, rolled back, side by side, no other."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from assistant import weights
from assistant.errors import AssistantError, EngineError
from assistant.extraction.extractor import Extractor
from assistant.generation.engine import Sampling
from assistant.models.choices import Choice
from assistant.models.loading import load_engine
from assistant.models.serving import Models
from assistant.pipeline import Assistant
from assistant.session import WARMING_UP, ChatService
from assistant.types import Done, Finding, Message
from tests.assistant.extraction.written import WrittenScorer
from tests.assistant.fakes import TREMOR, EverySentenceCites, MemoryStore, ScriptedEngine, Shelf

HOUSE = ScriptedEngine.name


class Base:
    """The house's assistant, ready or still loading."""

    def __init__(self) -> None:
        self.progress = ""
        self.engine = ScriptedEngine()
        tags = {"clinical": {"tremor": "B-Sign_symptom"}}
        self.assistant = Assistant(
            Extractor(WrittenScorer(tags)), Shelf(TREMOR), EverySentenceCites(), self.engine
        )

    def get(self) -> Assistant:
        return self.assistant


class Chosen:
    """Choices in a dict, each on the top of those before."""

    def __init__(self) -> None:
        self.made: dict[str, list[Choice]] = {}

    def current(self, user: str) -> Choice:
        return self.made.get(user, [Choice()])[-1]

    def choose(self, user: str, generator: Path | None = None, tagger: Path | None = None) -> None:
        names = [path.stem if path else "" for path in (generator, tagger)]
        self.made.setdefault(user, [Choice()]).append(Choice(generator, tagger, *names))

    def roll_back(self, user: str) -> None:
        self.made[user].pop()


class Built:
    """Builds scripted engines that bear their version's name; `gates` hold them before each word."""

    def __init__(self) -> None:
        self.engines: list[ScriptedEngine] = []
        self.gates: dict[str, threading.Semaphore] = {}
        self.error: AssistantError | None = None

    def __call__(self, path: Path, name: str) -> ScriptedEngine:
        if self.error is not None:
            raise self.error
        engine = ScriptedEngine(f"A tremor is often first, says {name}.")
        engine.name = name
        engine.gate = self.gates.get(name)
        self.engines.append(engine)
        return engine

    def of(self, name: str) -> ScriptedEngine:
        return next(engine for engine in self.engines if engine.name == name)


class GeneTagger:
    """Marks one word."""

    labels = ("Gene",)

    def findings(self, text: str) -> tuple[Finding, ...]:
        at = text.find("BRCA1")
        return (Finding(at, at + 5, "BRCA1", "Gene", "present", 0.9),) if at >= 0 else ()


class Room:
    """A service over models that are fakes, and everything they were given."""

    def __init__(self, most: int = 2, verify: Callable[[Path], None] | None = None) -> None:
        self.base, self.chosen, self.built, self.store = Base(), Chosen(), Built(), MemoryStore()
        self.models = Models(
            self.base, self.chosen, most, self.built, lambda path, name: GeneTagger(), verify
        )
        numbers = iter(range(1000))
        self.service = ChatService(self.models, self.store, lambda: f"t{next(numbers)}", lambda _: None)

    def answered(self, user: str) -> Done:
        """The end of the answer that is under way."""
        for _ in self.service.follow(user):
            pass
        done = self.store.kept[user][-1].done
        assert done is not None, self.store.kept[user][-1].error
        return done

    def asked(self, user: str, text: str = "What is a tremor?") -> Done:
        self.service.ask(user, text)
        return self.answered(user)

    def refused(self, user: str) -> str:
        """What the page says instead of an answer."""
        self.service.ask(user, "What is a tremor?")
        for _ in self.service.follow(user):
            pass
        turn = self.store.kept[user][-1]
        assert turn.done is None
        return turn.error


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Path]:
    paths = {name: tmp_path / f"{name}.gguf" for name in ("one", "two", "three")}
    for path in paths.values():
        path.write_bytes(b"GGUF")
    return paths


def test_without_a_choice_the_house_answers_and_nothing_is_loaded() -> None:
    room = Room()
    assert room.asked("ada").model == HOUSE
    assert room.built.engines == []


def test_a_choice_answers_at_once_and_says_its_name_and_a_roll_back_too(files: dict[str, Path]) -> None:
    room = Room()
    room.asked("ada")
    room.chosen.choose("ada", files["one"])
    done = room.asked("ada")
    assert done.model == "one"
    assert "says one." in done.answer
    room.chosen.choose("ada", files["two"])
    assert room.asked("ada").model == "two"
    room.chosen.roll_back("ada")
    assert room.asked("ada").model == "one"
    room.chosen.roll_back("ada")
    assert room.asked("ada").model == HOUSE
    assert [engine.name for engine in room.built.engines] == ["one", "two"]


def test_two_users_are_answered_by_their_own_at_the_same_time(files: dict[str, Path]) -> None:
    room = Room()
    room.built.gates = {"one": threading.Semaphore(0), "two": threading.Semaphore(0)}
    room.chosen.choose("ada", files["one"])
    room.chosen.choose("bob", files["two"])
    for user, name in (("ada", "one"), ("bob", "two")):
        room.service.ask(user, "What is a tremor?")
        # Its engine is built in the answer's thread.
        next(page for page in room.service.follow(user) if "A tremor" in page["turns"][0]["html"])
        assert room.built.of(name).said_first.wait(20)
    assert room.asked("eve").model == HOUSE  # while both are in the middle of theirs
    for gate in room.built.gates.values():
        gate.release(100)
    assert (room.answered("ada").model, room.answered("bob").model) == ("one", "two")


def test_two_who_chose_the_same_share_it(files: dict[str, Path]) -> None:
    room = Room()
    for user in ("ada", "bob"):
        room.chosen.choose(user, files["one"])
        assert room.asked(user).model == "one"
    assert len(room.built.engines) == 1


def begin(room: Room, user: str, name: str) -> None:
    """Ask, and come back in the middle of the answer."""
    room.service.ask(user, "What is a tremor?")
    next(page for page in room.service.follow(user) if "A tremor" in page["turns"][-1]["html"])
    assert room.built.of(name).said_first.wait(20)


def test_a_roll_back_in_the_middle_of_an_answer_lets_it_end_by_the_old_model(files: dict[str, Path]) -> None:
    room = Room(most=1)
    gate = room.built.gates["one"] = threading.Semaphore(0)
    room.chosen.choose("ada", files["one"])
    begin(room, "ada", "one")
    room.chosen.roll_back("ada")
    gate.release(100)
    done = room.answered("ada")
    assert (done.model, done.stopped) == ("one", False)
    assert "says one." in done.answer
    assert room.asked("ada").model == HOUSE


def test_a_model_is_not_given_up_while_it_answers_and_another_waits(files: dict[str, Path]) -> None:
    room = Room(most=1)
    gate = room.built.gates["one"] = threading.Semaphore(0)
    room.chosen.choose("ada", files["one"])
    room.chosen.choose("bob", files["two"])
    begin(room, "ada", "one")
    room.service.ask("bob", "What is a tremor?")
    next(page for page in room.service.follow("bob") if "two is warming up" in page["turns"][0]["html"])
    assert not room.built.of("one").closed
    gate.release(100)
    assert "says one." in room.answered("ada").answer
    assert room.answered("bob").model == "two"
    assert room.built.of("one").closed


def test_who_waits_for_a_place_can_stop(files: dict[str, Path]) -> None:
    room = Room(most=1)
    gate = room.built.gates["one"] = threading.Semaphore(0)
    room.chosen.choose("ada", files["one"])
    room.chosen.choose("bob", files["two"])
    begin(room, "ada", "one")
    room.service.ask("bob", "What is a tremor?")
    room.service.stop("bob")
    for _ in room.service.follow("bob"):
        pass
    assert "Stopped" in room.store.kept["bob"][0].error
    gate.release(100)
    assert room.answered("ada").model == "one"


def test_the_longest_unused_is_closed_and_comes_back_when_asked(files: dict[str, Path]) -> None:
    room = Room(most=2)
    for name in ("one", "two", "one", "three"):
        room.chosen.choose("ada", files[name])
        assert room.asked("ada").model == name
    assert [engine.name for engine in room.built.engines if engine.closed] == ["two"]
    assert not room.base.engine.closed
    room.chosen.choose("ada", files["two"])
    assert room.asked("ada").model == "two"


@pytest.mark.parametrize("why", ["missing", "broken", "unsigned"])
def test_a_model_that_cannot_be_used_says_what_to_do_and_nobody_answers_for_it(
    files: dict[str, Path], why: str
) -> None:
    def verify(path: Path) -> None:
        if why == "unsigned":
            raise EngineError(f"{path.name} bears no signature of this installation.")

    room = Room(verify=verify)
    room.chosen.choose("ada", files["one"])
    if why == "missing":
        files["one"].unlink()
    if why == "broken":
        room.built.error = EngineError("The file ends before its contents do.")
    said = room.refused("ada")
    assert "one, which you chose," in said
    assert "Choose another in Training, or go back to the house's model." in said
    assert {"missing": "no longer there", "broken": "ends before", "unsigned": "no signature"}[why] in said
    assert room.built.engines == []
    assert room.base.engine.prompts == []
    assert room.asked("bob").model == HOUSE


def test_a_model_is_verified_before_each_loading_and_not_at_each_answer(files: dict[str, Path]) -> None:
    seen: list[Path] = []
    room = Room(verify=seen.append)
    room.chosen.choose("ada", files["one"])
    room.asked("ada")
    room.asked("ada")
    assert seen == [files["one"]]


def test_a_file_that_was_replaced_is_loaded_and_verified_anew(files: dict[str, Path]) -> None:
    seen: list[Path] = []
    room = Room(verify=seen.append)
    room.chosen.choose("ada", files["one"])
    room.asked("ada")
    files["one"].write_bytes(b"GGUF, another")
    os.utime(files["one"], ns=(1, 1))
    room.asked("ada")
    assert len(room.built.engines) == len(seen) == 2


def test_the_page_says_that_the_chosen_model_warms_up(files: dict[str, Path]) -> None:
    room = Room()
    room.base.progress = "the extractor"
    assert room.models.progress_for("ada") == WARMING_UP
    room.base.progress = ""
    assert room.models.progress_for("ada") == ""
    room.chosen.choose("ada", files["one"])
    assert room.models.progress_for("ada") == "The model one is warming up…"
    room.asked("ada")
    assert room.models.progress_for("ada") == ""


def test_a_tagger_marks_beside_the_house_and_is_named_in_the_end(tmp_path: Path) -> None:
    room = Room()
    (tmp_path / "genes").mkdir()
    room.chosen.choose("ada", tagger=tmp_path / "genes")
    done = room.asked("ada", "Is BRCA1 why I have a tremor?")
    assert (done.model, done.notices) == (HOUSE, ("Facts marked by genes too.",))
    found = room.store.kept["ada"][0].extracted[0].findings
    assert [(finding.text, finding.label) for finding in found] == [
        ("BRCA1", "Gene"),
        ("tremor", "Sign_symptom"),
    ]
    assert room.asked("bob", "Is BRCA1 why I have a tremor?").notices == ()
    assert len(room.store.kept["bob"][0].extracted[0].findings) == 1


def test_generator_and_tagger_of_one_user_work_together(files: dict[str, Path], tmp_path: Path) -> None:
    room = Room(most=1)
    (tmp_path / "genes").mkdir()
    room.chosen.choose("ada", files["one"], tmp_path / "genes")
    done = room.asked("ada")
    assert (done.model, done.notices) == ("one", ("Facts marked by genes too.",))


def test_closing_frees_the_chosen_models_and_leaves_the_house_alone(files: dict[str, Path]) -> None:
    room = Room()
    room.chosen.choose("ada", files["one"])
    room.asked("ada")
    room.models.close()
    assert room.built.of("one").closed
    assert not room.base.engine.closed
    assert "closing" in room.refused("ada")


def a_folder(folder: Path, *files: str) -> Path:
    folder.mkdir()
    for name in files:
        (folder / name).write_bytes(b"{}")
    return folder


@pytest.mark.parametrize(
    ("files", "why"),
    [
        ((), "no config.json"),
        (("config.json",), "no weights in safetensors"),
        (("config.json", "pytorch_model.bin"), r"pickle \(pytorch_model\.bin\)"),
        (("config.json", "adapter_config.json", "adapter_model.safetensors"), "adapter alone"),
        (("config.json", "model.safetensors"), "can't be loaded"),
    ],
)
def test_a_folder_that_holds_no_whole_model_is_refused(
    tmp_path: Path, files: tuple[str, ...], why: str
) -> None:
    with pytest.raises(EngineError, match=why):
        load_engine(a_folder(tmp_path / "it", *files), "it")


def test_a_gguf_that_is_none_is_refused(files: dict[str, Path]) -> None:
    with pytest.raises(EngineError, match=r"one\.gguf ends before"):
        load_engine(files["one"], "one")


@pytest.mark.model
def test_a_gguf_is_served_on_this_machine_under_its_versions_name() -> None:
    engine = load_engine(weights.gpt_file(), "asthma-v1")
    pieces = list(
        engine.stream([Message("user", "What is asthma?")], Sampling(max_new_tokens=8, temperature=0))
    )
    engine.close()
    assert engine.name == "asthma-v1"
    assert "asthma" in "".join(piece.text for piece in pieces).lower()
