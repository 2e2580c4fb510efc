"""Puts an Assistant together from the embedded weights, at once or in the background."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from assistant.errors import AssistantError
from assistant.generation.choose import EngineSettings, build_engine
from assistant.pipeline import Assistant


@dataclass(frozen=True)
class AssistantSettings:
    """What can be chosen: the engine, and a folder for what can be computed again."""

    engine: EngineSettings = field(default_factory=EngineSettings)
    cache: Path | None = None


def load_assistant(
    settings: AssistantSettings = AssistantSettings(), report: Callable[[str], None] = lambda _: None
) -> Assistant:
    """Load extractor, library and language model, verified.

    Raises:
        WeightsError: a weight file is missing or not the one on record.
        EngineError: the language model can't be loaded here.
        CorpusError: the library is damaged.
    """
    from assistant.extraction.extractor import Extractor
    from assistant.knowledge.check import Checker
    from assistant.knowledge.corpus import read_corpus
    from assistant.knowledge.encoder import SentenceEncoder
    from assistant.knowledge.index import Index

    report("the extractor")
    extractor = Extractor.load()
    report("the library")
    encoder = SentenceEncoder()
    index = Index(read_corpus(), encoder, settings.cache)
    report("the language model")
    engine = build_engine(settings.engine)
    return Assistant(extractor, index, Checker(encoder), engine)


class Warmup:
    """Loads in the background; who needs the result waits for it."""

    def __init__(self, load: Callable[[Callable[[str], None]], Assistant]) -> None:
        self._load = load
        self._done = threading.Event()
        self._assistant: Assistant | None = None
        self._error: AssistantError | None = None
        self.progress = "waiting"
        self.seconds = 0.0

    def start(self) -> None:
        """Begin, in a thread."""
        threading.Thread(target=self._run, name="warm-up", daemon=True).start()

    def get(self) -> Assistant:
        """The assistant; waits until it is loaded.

        Raises:
            AssistantError: it could not be loaded; the message says why.
        """
        self._done.wait()
        if self._assistant is None:
            raise self._error or AssistantError("The models could not be loaded; the log says why.")
        return self._assistant

    def close(self) -> None:
        """Free the models, if they are loaded."""
        if self._assistant is not None:
            self._assistant.engine.close()

    def _run(self) -> None:
        began = time.monotonic()
        try:
            self._assistant = self._load(self._report)
        except AssistantError as error:
            self._error = error
        finally:
            # Set on any error, so that nobody waits for ever; the thread's hook prints an unforeseen one.
            self.progress = ""
            self.seconds = time.monotonic() - began
            self._done.set()

    def _report(self, progress: str) -> None:
        self.progress = progress
