"""Differentially private training: DP-SGD (Abadi et al. 2016), and the guarantee that it gives.

What is promised: for every document (row) of the training split, the weights after each step, and so the
model and whatever it says, are (epsilon, delta)-differentially private with respect to adding or removing
that document. All windows of a document count together. Each step draws every document by itself with the
same probability (Poisson sampling), cuts each document's gradient, of its mean loss over label tokens, to
`privacy.clip`, and adds Gaussian noise to the sum. A person who is in several documents is protected less.

Not covered, so not to be published where that matters: held-out losses (exact, of the documents set
aside); the number of documents, which the plan follows from; counts, times and memory that a run tells;
the names of labels; how the set was prepared or a tokenizer trained. Training losses are not told at all.

Noise and samples follow from a secret in the run's folder, `privacy.key`, so that a run goes on exactly: a
step that is done again after a crash draws the same, and nothing more is spent. The price is that whoever
reads the secret while the run is unfinished can take the noise away; it is deleted when the run is done.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import json
import math
import secrets
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from security.crypto.errors import CryptoError
from security.crypto.privacy import (
    Budget,
    BudgetSpentError,
    PrivacyError,
    SampledGaussian,
    SecretStream,
    epsilon_of,
    noise_for,
)
from security.crypto.privacy.noise import SECRET_BYTES
from security.crypto.private_file import create_private, is_missing, read_private
from training.config import TrainingConfig
from training.errors import BadConfigError, BadDataError, RunError

if TYPE_CHECKING:
    import torch

    from training.batches import Batch
    from training.examples import Rows
    from training.objective import Objective

SECRET, RECEIPT, LEDGER = "privacy.key", "privacy.json", "privacy.sqlite"
_NOISE, _SAMPLE = 1, 2
_FREE = ("name", "dataset")
"""Options that decide nothing of what is computed."""


@dataclass(frozen=True)
class Guarantee:
    """What is promised each document of the training split, and by which noise.

    Attributes:
        noise: the noise's standard deviation, in clipping norms.
        rate: with which probability a document is in a step.
        steps: of the whole plan.
        clip: the longest gradient of a document.
        documents: in the split.
        charge: names the entry in the budget's ledger.
    """

    epsilon: float
    delta: float
    noise: float
    rate: float
    steps: int
    clip: float
    documents: int
    unit: str = "document"
    charge: str = ""


def ledger_of(config: TrainingConfig) -> Path:
    """Where the budget of a config's data set is kept unless somebody says otherwise: beside the set."""
    return Path(config.dataset).absolute().parent / LEDGER


def documents_of(
    data: Rows, config: TrainingConfig, tokenizer: Any, labels: tuple[str, ...], examples: int
) -> list[range]:
    """Which of the training split's `examples` are of the same document; one without any is left out."""
    from training.examples import encode

    found, at = [], 0
    for row in data.rows("train"):
        count = 0
        with contextlib.suppress(BadDataError):  # no label in it; a malformed one was refused before
            count = len(encode(_One(data, row), "train", config, tokenizer, labels).examples)
        if count:
            found.append(range(at, at + count))
        at += count
    if at != examples:
        raise BadDataError(f"The data set {data.name} changed while it was read. Prepare it anew.")
    return found


@dataclass(frozen=True)
class _One:
    """A set of one row."""

    data: Rows
    row: dict[str, Any]

    @property
    def name(self) -> str:
        return self.data.name

    @property
    def kind(self) -> str:
        return self.data.kind

    @property
    def hash(self) -> str:
        return self.data.hash

    def rows(self, split: str) -> Iterator[dict[str, Any]]:
        assert split == "train"
        yield self.row


class Private:
    """The private side of one run: its plan (as `batches.Plan`, but of documents), its noise, its charge."""

    by_tokens = False

    def __init__(self, config: TrainingConfig, documents: Sequence[range], data: str, processes: int) -> None:
        """Solve for the noise; nothing is drawn, written or charged.

        Args:
            config: with `privacy.target_epsilon` above 0.
            documents: the examples of each, from `documents_of`.
            data: the hash of the set.
            processes: that share the run.

        Raises:
            BadConfigError: the target can't be reached, or several processes share the run.
        """
        if processes > 1:
            raise BadConfigError(
                f"Private training runs in one process; there are {processes}. Start it without accelerate "
                "launch, or set privacy.target_epsilon to 0."
            )
        self._config, self._documents, self._data = config, documents, data
        wanted = config.batch_size * config.accumulation
        self.steps_in_epoch = -(-len(documents) // wanted)
        whole = self.steps_in_epoch * config.epochs
        self.steps = min(whole, config.max_steps) if config.max_steps else whole
        settings = config.privacy
        rate = min(1.0, wanted / len(documents))
        self._expected = rate * len(documents)
        try:
            noise = noise_for(settings.target_epsilon, settings.delta, rate, self.steps)
        except PrivacyError as error:
            raise BadConfigError(f"privacy.target_epsilon can't be reached. {error}") from error
        spent = epsilon_of(noise, rate, self.steps, settings.delta)
        self._key = b""
        self.guarantee = Guarantee(
            spent, settings.delta, noise, rate, self.steps, settings.clip, len(documents)
        )

    def begin(self, folder: Path, step: int, model: Any, budget: Budget | None = None) -> None:
        """Before anything is drawn: find or make the secret, and charge the whole plan once.

        Args:
            folder: of the run.
            step: how many are done.
            model: to be trained.
            budget: what is charged, if not the ledger beside the set.

        Raises:
            BadConfigError: the model can't be trained so, or not enough of the data set's budget is left; the
                folder is as it was.
            RunError: the secret of a run that has begun is gone, or secret or ledger can't be used.
        """
        if step >= self.steps:
            return
        check_model(model)
        place = folder / SECRET
        try:
            fresh = is_missing(place)
            if fresh and step:
                raise RunError(
                    f"The secret of the private run {self._config.name} is gone ({place}), so its noise "
                    "can't be drawn again. Begin a new run."
                )
            if fresh:
                create_private(place, secrets.token_bytes(SECRET_BYTES))
            try:
                self._key = self._key_from(read_private(place))
                self._charge(folder, budget or Budget(ledger_of(self._config)))
            except CryptoError:
                if fresh:
                    place.unlink(missing_ok=True)
                raise
        except BudgetSpentError as error:
            raise BadConfigError(
                f"privacy.target_epsilon {self._config.privacy.target_epsilon:g} can't be spent. {error}"
            ) from error
        except CryptoError as error:
            raise RunError(str(error)) from error

    def _key_from(self, secret: bytes) -> bytes:
        """Another for every set and config, so that no noise is ever used for two different sums."""
        if len(secret) != SECRET_BYTES:
            raise RunError(f"The secret {SECRET} of the run {self._config.name} is damaged. Begin a new run.")
        plan = {name: value for name, value in self._config.to_dict().items() if name not in _FREE}
        text = json.dumps([self._data, plan], sort_keys=True)
        return hmac.digest(secret, text.encode(), "sha256")

    def _charge(self, folder: Path, budget: Budget) -> None:
        held, promised = folder / RECEIPT, self.guarantee
        charge = hashlib.sha256(b"charge" + self._key).hexdigest()[:32]
        self.guarantee = replace(promised, charge=charge)
        text = json.dumps(asdict(self.guarantee))
        if held.exists() and held.read_text("utf-8") == text:
            return
        mechanism = SampledGaussian(promised.noise, promised.rate, promised.steps)
        budget.charge(self._data, mechanism, f"run {self._config.name}", key=charge)
        held.write_text(text, "utf-8")

    def epoch(self, number: int) -> list[list[int]]:
        """The documents of each step of an epoch (from 0), by index; some steps may have none."""
        first = number * self.steps_in_epoch
        return [self._drawn(step) for step in range(first, first + self.steps_in_epoch)]

    def _drawn(self, step: int) -> list[int]:
        draws = SecretStream(self._key, _SAMPLE, step).uniform(len(self._documents))
        return [index for index, draw in enumerate(draws.tolist()) if draw <= self.guarantee.rate]

    def examples_of(self, document: int) -> range:
        """Of the training split, by index."""
        return self._documents[document]

    def fill_gradients(
        self,
        step: int,
        documents: Iterable[Sequence[Batch]],
        objective: Objective,
        weights: Mapping[str, torch.nn.Parameter],
    ) -> None:
        """Set the gradient of every weight: the noisy sum of cut gradients over the expected documents.

        Dividing by how many were drawn would need a guarantee of its own.

        Args:
            step: from 0; where in the noise.
            documents: what each drawn document is made of.
            objective: of the model.
            weights: that move.
        """
        import torch

        total = clipped_sum(documents, objective, weights, self.guarantee.clip)
        stream = SecretStream(self._key, _NOISE, step)
        deviation = self.guarantee.noise * self.guarantee.clip
        for name, weight in weights.items():
            drawn = torch.from_numpy(stream.normal(weight.numel()) * deviation)
            noisy = total[name].double() + drawn.view_as(weight).to(weight.device)
            weight.grad = (noisy / self._expected).to(weight.dtype)

    def epsilon_after(self, step: int) -> float:
        """What the steps so far cost, at the guarantee's delta."""
        promised = self.guarantee
        return epsilon_of(promised.noise, promised.rate, step, promised.delta) if step else 0.0

    def finish(self, folder: Path) -> None:
        """The run is done and will draw nothing more, so nobody needs the secret."""
        (folder / SECRET).unlink(missing_ok=True)

    def notes(self) -> tuple[str, ...]:
        """What a person should know before the first step."""
        promised = self.guarantee
        said = [
            f"Private training: each document of the training split is protected with epsilon "
            f"{promised.epsilon:.2f} at delta {promised.delta:g}, by noise {promised.noise:.3f}, sampling "
            f"rate {promised.rate:.4g} and gradients cut to {promised.clip:g} over {promised.steps} steps. "
            "The whole is charged to the data set's budget.",
            "Not covered by the guarantee: held-out losses, which are exact; counts, times and names of "
            "labels; how the set was prepared. Training losses are not told, and the last model counts as "
            "the best.",
        ]
        if promised.delta * promised.documents >= 1:
            said.append(
                f"privacy.delta {promised.delta:g} is large for {promised.documents} documents: below "
                f"{0.1 / promised.documents:.1g} would be a guarantee worth its name."
            )
        return tuple(said)


def clipped_sum(
    documents: Iterable[Sequence[Batch]],
    objective: Objective,
    weights: Mapping[str, torch.nn.Parameter],
    clip: float,
) -> dict[str, torch.Tensor]:
    """The sum over documents of the gradient of the mean loss over each one's labels, cut to length `clip`.

    One document at a time, so that memory doesn't grow with the sample. A gradient that is no number counts
    as 0, or one document could break the bound.
    """
    import torch

    total = {name: torch.zeros_like(weight) for name, weight in weights.items()}
    for batches in documents:
        labels = sum(batch.labels for batch in batches)
        for batch in batches:
            (objective.loss_sum(batch) / labels).backward()  # type: ignore[no-untyped-call]
        norm = _length(weight.grad for weight in weights.values())
        if math.isfinite(norm):
            scale = min(1.0, clip / max(norm, 1e-30))
            for name, weight in weights.items():
                if weight.grad is not None:
                    total[name].add_(weight.grad, alpha=scale)
        for weight in weights.values():
            weight.grad = None
    return total


def _length(gradients: Iterable[torch.Tensor | None]) -> float:
    import torch

    squares = [
        torch.linalg.vector_norm(one, dtype=torch.float64).square() for one in gradients if one is not None
    ]
    return float(torch.stack(squares).sum().sqrt()) if squares else 0.0


def check_model(model: Any) -> None:
    """Return if nothing in the model passes from one document to another but by the weights.

    Raises:
        BadConfigError: it keeps statistics of what it has seen.
    """
    from torch.nn.modules.batchnorm import _NormBase

    for name, module in model.named_modules():
        if isinstance(module, _NormBase) and module.track_running_stats:
            raise BadConfigError(
                f"The base keeps statistics of its examples ({name}, batch normalisation), which no noise "
                "covers. Choose another base, or set privacy.target_epsilon to 0."
            )
