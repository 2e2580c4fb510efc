"""Each user's own Assistant: the house's, with the generator or tagger in it that the user has chosen.

Chosen models are loaded when first asked, shared by all who chose the same, and a few of each kind stay in
memory. One that can't be used is an error: nobody is answered by another model than the one they chose.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Protocol, TypeVar

from assistant.errors import AssistantError, EngineError
from assistant.extraction.custom import CustomTagger
from assistant.extraction.extractor import Extractor, MarksSpans
from assistant.generation.engine import Engine, Sampling
from assistant.generation.grounding import GROUNDED_SAMPLING
from assistant.models.choices import Choice
from assistant.models.loading import load_engine
from assistant.models.pool import Pool
from assistant.pipeline import Assistant, Question
from assistant.session import WARMING_UP, Ready
from assistant.types import Done, Event

WAY_OUT = "Choose another in Training, or go back to the house's model."
Loaded = TypeVar("Loaded")
_Key = tuple[Path, str, tuple[tuple[str, int, int], ...]]


class Chooses(Protocol):
    """What is needed of a store of choices."""

    def current(self, user: str) -> Choice:
        """What holds now for a user."""


class Models:
    """Gives each user the Assistant of their choice. Safe to share between threads."""

    def __init__(
        self,
        base: Ready,
        choices: Chooses,
        most: int = 2,
        build_engine: Callable[[Path, str], Engine] = load_engine,
        build_tagger: Callable[[Path, str], MarksSpans] = CustomTagger,
        verify: Callable[[Path], None] | None = None,
    ) -> None:
        """Load nothing yet.

        Args:
            base: the house's Assistant; its extractor, library and checks serve everybody.
            choices: who has chosen what.
            most: generators, and taggers, that are in memory beside the house's own.
            build_engine: loads a generator from (place, name for people).
            build_tagger: the same for a tagger.
            verify: called with a place before it is loaded; raises AssistantError to refuse it.
        """
        self._base = base
        self._choices = choices
        self._build_engine = build_engine
        self._build_tagger = build_tagger
        self._verify = verify
        self._engines: Pool[_Key, Engine] = Pool(most, lambda engine: engine.close())
        self._taggers: Pool[_Key, MarksSpans] = Pool(most, lambda _: None)

    def progress_for(self, user: str) -> str:
        """What the user waits for before an answer can begin, for people; empty when nothing.

        Raises:
            EngineError: a chosen model is missing.
            StoreError: the choice can't be read.
        """
        if self._base.progress:
            return WARMING_UP
        choice = self._choices.current(user)
        tagger, name = choice.tagger, choice.tagger_name
        if tagger is not None and not self._taggers.holds(_key(tagger, name)):
            return f"The tagger {name} is warming up…"
        generator, name = choice.generator, choice.generator_name
        if generator is not None and not self._engines.holds(_key(generator, name)):
            return f"The model {name} is warming up…"
        return ""

    @contextmanager
    def assistant_for(self, user: str, stop: threading.Event | None = None) -> Iterator[Assistant]:
        """The user's Assistant; it stays whole as long as the block runs, whatever is chosen meanwhile.

        Raises:
            EngineError: a chosen model is missing, refused or broken; or `stop` was set while it waited.
            AssistantError: the house's own can't be loaded, or the choice can't be read.
        """
        choice = self._choices.current(user)
        base = self._base.get()
        with ExitStack() as held:
            # Always the tagger first, so that no two who wait for a place wait for each other.
            tagger = engine = None
            if choice.tagger is not None:
                key = _key(choice.tagger, choice.tagger_name)
                tagger = held.enter_context(
                    self._taggers.lend(key, lambda: self._load(key, self._build_tagger), stop)
                )
            if choice.generator is not None:
                wanted = _key(choice.generator, choice.generator_name)
                engine = held.enter_context(
                    self._engines.lend(wanted, lambda: self._load(wanted, self._build_engine), stop)
                )
            yield _variant(base, engine, tagger, choice.tagger_name)

    def forget(self, folder: Path) -> None:
        """Free the models that came from this folder; one that answers now, when it has answered."""
        for pool in (self._engines, self._taggers):
            pool.drop(lambda key: key[0].is_relative_to(folder))

    def close(self) -> None:
        """Free the chosen models. The house's own is its owner's to close."""
        self._engines.close()
        self._taggers.close()

    def _load(self, key: _Key, build: Callable[[Path, str], Loaded]) -> Loaded:
        path, name, _ = key
        try:
            if self._verify is not None:
                self._verify(path)
            return build(path, name)
        except AssistantError as error:
            raise EngineError(
                f"The model {name}, which you chose, can't be used. {error} {WAY_OUT}"
            ) from error


class _WithTagger(Assistant):
    """An Assistant that says in the end whose facts they are."""

    def __init__(self, base: Assistant, facts: Extractor, engine: Engine, tagger_name: str) -> None:
        super().__init__(facts, base._passages, base._checker, engine, base._clock)
        self._tagger_name = tagger_name

    def answer(
        self, question: Question, stop: threading.Event | None = None, sampling: Sampling = GROUNDED_SAMPLING
    ) -> Iterator[Event]:
        """See `Assistant.answer`."""
        for event in super().answer(question, stop, sampling):
            if isinstance(event, Done):
                yield replace(event, notices=(*event.notices, f"Facts marked by {self._tagger_name} too."))
            else:
                yield event


def _variant(
    base: Assistant, engine: Engine | None, tagger: MarksSpans | None, tagger_name: str
) -> Assistant:
    if tagger is not None:
        facts = base._facts
        if not isinstance(facts, Extractor):
            raise EngineError(f"The tagger {tagger_name} can't be used with this extractor. {WAY_OUT}")
        return _WithTagger(base, facts.with_custom(tagger), engine or base.engine, tagger_name)
    if engine is not None:
        return Assistant(base._facts, base._passages, base._checker, engine, base._clock)
    return base


def _key(path: Path, name: str) -> _Key:
    """A model's place, name and the state of its files: one that was replaced is loaded anew.

    Raises:
        EngineError: it is missing.
    """
    try:
        files = sorted(path.iterdir()) if path.is_dir() else [path]
        found = [(file.name, file.stat()) for file in files]
    except OSError as error:
        raise EngineError(
            f"The model {name}, which you chose, is no longer there ({error.strerror}: {path}). {WAY_OUT}"
        ) from error
    return path, name, tuple((file, stat.st_size, stat.st_mtime_ns) for file, stat in found)
