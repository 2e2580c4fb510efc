"""The embedded model for the security lab: small, bounded, one copy at a time, forgotten when it is closed.

Meets `security.lab.language.Classroom` with the studio's own parts: bases, adapters, objective, canaries.
How the assistant answers is handed in by whoever builds the app, for training doesn't know it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from assistant.errors import AssistantError
from security.lab.errors import LabError, NotHereError
from security.lab.language import CONTEXT, MOST_STEPS, MOST_TEXTS, MOST_TOKENS, Answered, Exposure, Secret
from training.canaries import Canary, exposure_of
from training.config import OptimiserSettings, TrainingConfig
from training.errors import TrainingError

if TYPE_CHECKING:
    from training.batches import Batch
    from training.examples import Example

_RIVALS = 255
_RATE = 2e-3


def _config(base: str) -> TrainingConfig:
    return TrainingConfig(
        name="lab",
        dataset="lab",
        base=base,
        context=CONTEXT,
        batch_size=8,
        optimiser=OptimiserSettings(rate=_RATE, schedule="constant", warm_up=0.0),
    )


class Classroom:
    """Opens copies of the model, and passes on what the assistant says."""

    def __init__(self, answer: Callable[[str, str], Answered], base: str = "gpt") -> None:
        self._answer, self._base = answer, base
        self._free = threading.Semaphore(1)

    def open(self) -> Model:
        """A copy of its own for one run.

        Raises:
            NotHereError: another run has one open, or it can't be loaded.
        """
        if not self._free.acquire(blocking=False):
            raise NotHereError("Another run uses the language model just now. Try again in a minute.")
        try:
            return Model(_config(self._base), self._free.release)
        except TrainingError as error:
            self._free.release()
            raise NotHereError(f"The language model can't be loaded: {error}") from error
        except BaseException:
            self._free.release()
            raise

    def answer(self, note: str, question: str) -> Answered:
        """As the assistant's page would.

        Raises:
            LabError: it refuses the words, or the models can't be loaded.
        """
        try:
            return self._answer(note, question)
        except AssistantError as error:
            raise LabError(str(error)) from error

    def mask(self, text: str) -> str:
        """By the rules alone, without the learned head, so that it is the same everywhere."""
        from assistant.extraction.deidentify import Deidentifier

        return Deidentifier().apply(text, "mask").text

    def secret(self, seed: int) -> Secret:
        """The record number of a made-up person."""
        canary = Canary.make(seed)
        sentence = canary.sentence()
        return Secret(seed, sentence, sentence.partition(f" {canary.secret}")[0], canary.secret)


class Model:
    """Meets `security.lab.language.LanguageModel`. Not for two threads at once."""

    def __init__(self, config: TrainingConfig, on_close: Callable[[], None]) -> None:
        """Load it.

        Raises:
            TrainingError: it isn't there, or isn't the one on record.
        """
        from training import bases, methods, optimiser
        from training.batches import Collator
        from training.objective import Objective

        self._config, self._on_close, self._steps = config, on_close, 0
        device = methods.choose_device()
        self._precision = methods.choose_precision(config, device)
        base = bases.load_base(config)
        self._tokenizer = base.tokenizer
        # An adapter changes nothing before its first step: one half of it begins at zero.
        self._model: Any = methods.make_trainable(base, config, device, self._precision)
        self._model.eval()
        self._weights = methods.moving(self._model)
        self._optimiser = optimiser.build(self._weights, config.optimiser)
        self._objective = Objective(self._model, "causal", self._precision)
        self._collator = Collator(config, base.tokenizer, device)

    def ask(self, text: str, tokens: int) -> str:
        """In the chat form; see `LanguageModel`."""
        return self._say(text, tokens, chat=True)

    def complete(self, text: str, tokens: int) -> str:
        """The text that goes on; see `LanguageModel`."""
        return self._say(text, tokens, chat=False)

    def learn(self, texts: Sequence[str]) -> float:
        """One optimiser step; see `LanguageModel`.

        Raises:
            LabError: more texts or steps than a run may have.
        """
        if self._steps >= MOST_STEPS or not 1 <= len(texts) <= MOST_TEXTS:
            raise LabError(f"A run has at most {MOST_STEPS} steps on 1 to {MOST_TEXTS} texts.")
        from training import optimiser

        self._steps += 1
        batches = self._batches(texts)
        labels = sum(batch.labels for batch in batches)
        total = 0.0
        for batch in batches:
            share = self._objective.loss_sum(batch) / labels
            share.backward()  # type: ignore[no-untyped-call]
            total += share.item()
        optimiser.clip(self._weights.values(), self._config.optimiser.clip)
        self._optimiser.step()
        self._optimiser.zero_grad(set_to_none=True)
        return total

    def loss(self, text: str) -> float:
        """See `LanguageModel`."""
        import torch

        batches = self._batches([text])
        with torch.no_grad():
            total = sum(self._objective.loss_sum(batch).item() for batch in batches)
        return total / sum(batch.labels for batch in batches)

    def exposure(self, secret: Secret, rivals: int) -> Exposure:
        """See `LanguageModel` and `canaries`."""
        from training.evaluation.models import Loaded

        loaded = Loaded("lab", self._model, self._tokenizer, (), self._config, self._precision)
        found = exposure_of(loaded, Canary.make(secret.seed), candidates=max(1, min(rivals, _RIVALS)))
        return Exposure(found.rank, found.among, found.bits)

    def close(self) -> None:
        """Free the weights, and let the next run have its turn."""
        done, self._on_close = self._on_close, _nothing
        self._model = self._objective = self._optimiser = self._weights = None  # type: ignore[assignment]
        done()

    def _say(self, text: str, tokens: int, *, chat: bool) -> str:
        from training.sampling import continuation

        most = max(1, min(tokens, MOST_TOKENS))
        with self._objective.autocast():
            return continuation(self._model, self._tokenizer, text, most, chat=chat)

    def _batches(self, texts: Sequence[str]) -> list[Batch]:
        return self._collator.step(examples := self._examples(texts), range(len(examples)), 0)

    def _examples(self, texts: Sequence[str]) -> Sequence[Example]:
        from training.evaluation.scoring import HeldOut
        from training.examples import encode

        rows = [{"text": text} for text in texts]
        data = HeldOut("lab", "text", rows)
        return encode(data, "held_out", self._config, self._tokenizer).examples


def _nothing() -> None:
    """Closed already."""
