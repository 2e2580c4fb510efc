"""What a run is told: one validated dataclass, the same from the page, a file and the shell.

Every value is checked when the object is made, so that a run never fails late for a wrong option. A value
that can't be used is named with its range. What the data or the base model make of it is not checked here.
"""

from __future__ import annotations

import math
import re
import typing
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, is_dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar, get_args, get_origin

from training.errors import BadConfigError
from training.safe import PLAIN, Safe

Task = Literal["causal", "masked", "seq2seq", "tagging", "classification"]
Method = Literal["lora", "full", "scratch"]
Schedule = Literal["cosine", "linear", "constant"]
Precision = Literal["auto", "fp32", "bf16"]

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_Settings = TypeVar("_Settings")


@dataclass(frozen=True)
class LoraSettings:
    """A low-rank adapter.

    Attributes:
        rank, alpha, dropout: as peft has them.
        targets: "all-linear", or the names of modules, with commas between.
        dora: also learn the length of each weight's rows (slower, sometimes better at low rank).
    """

    rank: int = 16
    alpha: int = 32
    dropout: float = 0.05
    targets: str = "all-linear"
    dora: bool = False

    def __post_init__(self) -> None:
        check_types(self, "lora.")
        check_range("lora.rank", self.rank, 1, 1024)
        check_range("lora.alpha", self.alpha, 1, 8192)
        check_range("lora.dropout", self.dropout, 0.0, 0.9)
        if not self.targets.strip():
            raise BadConfigError("lora.targets must be all-linear or names of modules; it is empty.")


@dataclass(frozen=True)
class OptimiserSettings:
    """AdamW and how its rate moves.

    Attributes:
        rate: the highest learning rate.
        schedule: how it falls after the warm-up.
        warm_up: the fraction of the steps in which it rises from 0.
        weight_decay: on matrices only, never on biases and norms.
        clip: the longest gradient; 0 leaves it as it is.
    """

    rate: float = 2e-4
    schedule: Schedule = "cosine"
    warm_up: float = 0.05
    weight_decay: float = 0.0
    clip: float = 1.0

    def __post_init__(self) -> None:
        check_types(self, "optimiser.")
        check_range("optimiser.rate", self.rate, 1e-9, 1.0)
        check_range("optimiser.warm_up", self.warm_up, 0.0, 0.9)
        check_range("optimiser.weight_decay", self.weight_decay, 0.0, 1.0)
        check_range("optimiser.clip", self.clip, 0.0, 1000.0)


@dataclass(frozen=True)
class PrivacySettings:
    """Differentially private training (see `private`).

    Attributes:
        target_epsilon: what the whole run may cost each document of the training split; 0 trains without.
        delta: the chance that the guarantee fails; well below one in the number of documents.
        clip: the longest gradient of one document.
    """

    target_epsilon: float = 0.0
    delta: float = 1e-5
    clip: float = 1.0

    def __post_init__(self) -> None:
        check_types(self, "privacy.")
        check_range("privacy.target_epsilon", self.target_epsilon, 0.0, 1000.0)
        check_range("privacy.delta", self.delta, 1e-15, 0.1)
        check_range("privacy.clip", self.clip, 1e-6, 1e6)

    @property
    def on(self) -> bool:
        """Whether the run is private."""
        return self.target_epsilon > 0


@dataclass(frozen=True)
class TrainingConfig:
    """One run.

    Attributes:
        name: of the run and its folder; letters, digits, `.`, `_` and `-`.
        dataset: the folder of a prepared set.
        base: "gpt" or "bert" (the embedded models), a folder with safetensors, a GGUF file, or a hub id.
            From scratch: where the tokenizer comes from.
        tokenizer: a folder with the base's own tokenizer, extended; the model's embeddings grow to fit. Needs
            method full, since an adapter leaves them as they are.
        task, method: what is learned, and which weights move.
        epochs, max_steps: how long; 0 steps means as many as the epochs have.
        batch_size: the most examples that are computed at once.
        batch_tokens: if not 0, it decides instead of `batch_size`: the most tokens computed at once.
        accumulation: an optimiser step has this many times as much as is computed at once.
        context: the most tokens of an example.
        overlap: the fraction that a window of raw text repeats, without loss, of the one before.
        precision: "auto" takes bf16 where the machine computes in it, else fp32.
        gradient_checkpointing: less memory for about a third more time.
        evaluate_every: steps between evaluations; 0 means once an epoch.
        evaluate_rows: the most held-out rows that an evaluation reads; 0 means all.
        save_every: steps between checkpoints, besides those at evaluations; 0 means none besides.
        patience: end after this many evaluations without a new best; 0 never ends early.
        keep: checkpoints that stay on disk.
        seed: of everything that is drawn.
        sample_prompts: what a causal model continues at each evaluation.
        architecture: from scratch: the shape, with its `model_type`.
    """

    name: str
    dataset: str
    base: str = "gpt"
    tokenizer: str = ""
    task: Task = "causal"
    method: Method = "lora"
    epochs: int = 3
    max_steps: int = 0
    batch_size: int = 4
    batch_tokens: int = 0
    accumulation: int = 4
    context: int = 512
    overlap: float = 0.0625
    precision: Precision = "auto"
    gradient_checkpointing: bool = False
    evaluate_every: int = 0
    evaluate_rows: int = 0
    save_every: int = 0
    patience: int = 0
    keep: int = 2
    seed: int = 0
    sample_prompts: tuple[str, ...] = ()
    lora: LoraSettings = field(default_factory=LoraSettings)
    optimiser: OptimiserSettings = field(default_factory=OptimiserSettings)
    privacy: PrivacySettings = field(default_factory=PrivacySettings)
    architecture: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_types(self, "")
        if not _NAME.fullmatch(self.name):
            raise BadConfigError(
                "name must be 1 to 64 letters, digits, dots, dashes or underscores, a letter or digit first; "
                f"it is {self.name!r}."
            )
        for option in ("dataset", "base"):
            if not getattr(self, option).strip() or "\0" in getattr(self, option):
                raise BadConfigError(f"{option} must name something; it is {getattr(self, option)!r}.")
        for option, (least, most) in _RANGES.items():
            check_range(option, getattr(self, option), least, most)
        if 0 < self.batch_tokens < self.context:
            raise BadConfigError(
                f"batch_tokens must be 0 or at least the context, {self.context}; it is {self.batch_tokens}."
            )
        if self.tokenizer and self.method != "full":
            raise BadConfigError(
                "tokenizer needs method full: the embeddings of its new words must be learned."
            )
        if self.method == "scratch" and "model_type" not in self.architecture:
            raise BadConfigError(
                "architecture must have a model_type (such as llama or bert) when method is scratch; "
                f"it has {', '.join(sorted(self.architecture)) or 'nothing'}."
            )
        self._check_privacy()

    def _check_privacy(self) -> None:
        if not self.privacy.on:
            return
        for option, reason in (
            ("patience", "ending early would be decided by documents that no guarantee covers"),
            ("batch_tokens", "documents are drawn one by one, batch_size x accumulation of them on average"),
        ):
            if getattr(self, option):
                raise BadConfigError(
                    f"{option} must be 0 when privacy.target_epsilon is not: {reason}; it is "
                    f"{getattr(self, option)}."
                )

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> TrainingConfig:
        """From plain values, as a file or a page has them.

        Raises:
            BadConfigError: an option is unknown, missing or can't be used.
        """
        return build(cls, values, "")

    @classmethod
    def from_yaml(cls, path: Path, safe: Safe = PLAIN) -> TrainingConfig:
        """From a file.

        Raises:
            BadConfigError: it can't be read, is no YAML, or an option can't be used.
        """
        return cls.from_dict(read_yaml(path, safe))

    def to_dict(self) -> dict[str, Any]:
        """Plain values; `from_dict` reads them."""
        return asdict(self) | {"sample_prompts": list(self.sample_prompts)}

    def to_text(self) -> str:
        """YAML that `from_yaml` reads."""
        return as_yaml(self.to_dict())

    def to_yaml(self, path: Path, safe: Safe = PLAIN) -> None:
        """Write a file that `from_yaml` reads; sealed like text, since the prompts are its owner's words."""
        safe.write_text(path, self.to_text())


_RANGES: dict[str, tuple[float, float]] = {
    "epochs": (1, 1000),
    "max_steps": (0, 10_000_000),
    "batch_size": (1, 4096),
    "batch_tokens": (0, 10_000_000),
    "accumulation": (1, 4096),
    "context": (8, 1_048_576),
    "overlap": (0.0, 0.9),
    "evaluate_every": (0, 10_000_000),
    "evaluate_rows": (0, 10_000_000),
    "save_every": (0, 10_000_000),
    "patience": (0, 1000),
    "keep": (1, 1000),
    "seed": (0, 2**32 - 1),
}


def read_yaml(path: Path, safe: Safe = PLAIN) -> dict[str, Any]:
    """The options of a config's file. Raises BadConfigError: it can't be read, or has none."""
    import yaml

    try:
        values = yaml.safe_load(safe.read_text(path))
    except OSError as error:
        raise BadConfigError(f"The config {path} can't be read: {error.strerror}.") from error
    except (UnicodeDecodeError, yaml.YAMLError) as error:
        reason = str(error).split("\n", 1)[0]
        raise BadConfigError(f"The config {path.name} is not YAML: {reason}.") from error
    if not isinstance(values, dict):
        raise BadConfigError(f"The config {path.name} must have options with values, one a line.")
    return values


def as_yaml(values: Mapping[str, Any]) -> str:
    """What `read_yaml` reads, in the order given."""
    import yaml

    return str(yaml.safe_dump(values, sort_keys=False, width=1000))


def check_range(option: str, value: float, least: float, most: float) -> None:
    """Return if an option is within its range. Raises BadConfigError otherwise, NaN included."""
    if not least <= value <= most:  # NaN fails it too
        raise BadConfigError(f"{option} must be from {least:g} to {most:g}; it is {value}.")


def check_types(settings: Any, prefix: str) -> None:
    """Return if each option of a dataclass is of its type. Raises BadConfigError, which names the option."""
    hints = typing.get_type_hints(type(settings))
    for option in fields(settings):
        wanted, value = hints[option.name], getattr(settings, option.name)
        name = prefix + option.name
        if get_origin(wanted) is Literal:
            if value not in get_args(wanted):
                raise BadConfigError(f"{name} must be one of {', '.join(get_args(wanted))}; it is {value!r}.")
        elif not _fits(value, wanted):
            raise BadConfigError(f"{name} must be {_WORDS.get(wanted, 'a list of texts')}; it is {value!r}.")


_WORDS = {int: "a whole number", float: "a number", bool: "true or false", str: "a text"}
_WORDS |= {
    LoraSettings: "a group of options",
    OptimiserSettings: "a group of options",
    PrivacySettings: "a group of options",
    dict[str, Any]: "options",
}


def _fits(value: Any, wanted: Any) -> bool:
    if wanted in (int, float):
        kinds = (int,) if wanted is int else (int, float)
        return isinstance(value, kinds) and not isinstance(value, bool) and math.isfinite(value)
    if get_origin(wanted) is tuple:
        return isinstance(value, tuple) and all(isinstance(item, str) for item in value)
    return isinstance(value, get_origin(wanted) or wanted)


def build(cls: type[_Settings], values: Mapping[str, Any], prefix: str) -> _Settings:
    """A dataclass of options from plain values, groups within groups. Raises BadConfigError."""
    assert is_dataclass(cls)
    hints = typing.get_type_hints(cls)
    unknown = [str(name) for name in values if name not in hints]
    if unknown:
        raise BadConfigError(
            f"{prefix}{unknown[0]} is not an option. There are: {', '.join(prefix + name for name in hints)}."
        )
    missing = [name for name in ("name", "dataset") if name in hints and name not in values]
    if missing:
        raise BadConfigError(f"{prefix}{missing[0]} is missing. Give it a value.")
    return cls(**{name: _plain(value, hints[name], prefix + name) for name, value in values.items()})


def _plain(value: Any, wanted: Any, name: str) -> Any:
    if is_dataclass(wanted) and isinstance(value, Mapping):
        return build(typing.cast(type[Any], wanted), value, f"{name}.")
    if wanted is float and isinstance(value, str):  # YAML 1.1 reads 2e-4, without a dot, as a text
        try:
            return float(value)
        except ValueError:
            return value
    return tuple(value) if get_origin(wanted) is tuple and isinstance(value, list) else value
