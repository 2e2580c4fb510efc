"""What a federation is told: one validated dataclass, the same from the page, a file and the shell.

Options that a client's training shares with any run mean what they mean in `TrainingConfig`, and are checked
there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args

from training.config import (
    LoraSettings,
    OptimiserSettings,
    PrivacySettings,
    Schedule,
    Task,
    TrainingConfig,
    as_yaml,
    build,
    check_range,
    check_types,
    read_yaml,
)
from training.errors import BadConfigError
from training.safe import PLAIN, Safe

Rule = Literal["mean", "median", "trimmed", "krum"]
Attack = Literal["sign-flip", "scale", "label-noise"]
Grouping = Literal["auto", "label", "source", "topic"]
_MOST_EPOCHS = 1000
_SHARED = (
    "base", "task", "method", "batch_size", "accumulation", "context", "overlap", "precision",
    "gradient_checkpointing", "seed", "lora", "optimiser", "privacy",
)  # fmt: skip


@dataclass(frozen=True)
class SplitSettings:
    """One set, split among clients that differ (see `hospitals`).

    Attributes:
        dataset: the folder of a prepared set; empty where each client has its own.
        clients: how many.
        alpha: of the Dirichlet distribution; 0.1 makes them very different, 100 nearly alike.
        by: what they differ in; "auto" takes the label where there is one, else the source, else the topic.
    """

    dataset: str = ""
    clients: int = 3
    alpha: float = 0.5
    by: Grouping = "auto"

    def __post_init__(self) -> None:
        check_types(self, "split.")
        check_range("split.clients", self.clients, 2, 100)
        check_range("split.alpha", self.alpha, 1e-3, 1e6)


@dataclass(frozen=True)
class RuleSettings:
    """How updates become one (see `rules`).

    Attributes:
        rule: "mean" is weighted by examples; the others count every client once.
        trim: the share that "trimmed" leaves out at each end.
        poisoned: how many clients "krum" must withstand.
        keep: how many updates "krum" averages; more than one is multi-Krum.
    """

    rule: Rule = "mean"
    trim: float = 0.2
    poisoned: int = 1
    keep: int = 1

    def __post_init__(self) -> None:
        check_types(self, "aggregation.")
        check_range("aggregation.trim", self.trim, 0.0, 0.49)
        check_range("aggregation.poisoned", self.poisoned, 0, 48)
        check_range("aggregation.keep", self.keep, 1, 100)


@dataclass(frozen=True)
class PoisonSettings:
    """Clients that do harm, to see what a rule withstands.

    Attributes:
        clients: their numbers, from 1.
        kind: "sign-flip" sends the update times -strength, "scale" times strength; "label-noise" trains with
            that share of the labels wrong.
        strength: as `kind` says.
    """

    clients: tuple[int, ...] = ()
    kind: Attack = "sign-flip"
    strength: float = 1.0

    def __post_init__(self) -> None:
        if not all(isinstance(one, int) and not isinstance(one, bool) for one in self.clients):
            raise BadConfigError(
                f"poison.clients must be numbers of clients, from 1; it is {self.clients!r}."
            )
        if self.kind not in get_args(Attack):
            raise BadConfigError(
                f"poison.kind must be one of {', '.join(get_args(Attack))}; it is {self.kind!r}."
            )
        if not isinstance(self.strength, int | float) or isinstance(self.strength, bool):
            raise BadConfigError(f"poison.strength must be a number; it is {self.strength!r}.")
        check_range("poison.strength", self.strength, 0.0, 1.0 if self.kind == "label-noise" else 1e6)


@dataclass(frozen=True)
class FederationConfig:
    """One federation.

    Attributes:
        name: of the federation and its folder, as a run's.
        clients: the folders of prepared sets, one for each client; or
        split: one set that is split among them.
        rounds: how often the clients' updates are put together.
        local_steps: optimiser steps of each client in a round; 0 means `local_epochs` instead.
        local_epochs: passes of each client over its own text in a round.
        algorithm: "fedavg" (McMahan et al. 2017), or "fedprox" (Li et al. 2020), which pulls each client
            back to the weights that its round began with, by `mu`.
        aggregation: the rule.
        secure: the server sees the sum of the updates alone; with the mean only.
        poison: clients that do harm.
        at_once: how many clients compute at the same time on this machine.
        base, task, method, batch_size, accumulation, context, overlap, precision, gradient_checkpointing,
            seed, lora, optimiser: of each client's training, as in `TrainingConfig`.
        privacy: of each client's documents: what all rounds together may cost each of them.
    """

    name: str
    clients: tuple[str, ...] = ()
    split: SplitSettings = field(default_factory=SplitSettings)
    rounds: int = 5
    local_steps: int = 0
    local_epochs: int = 1
    algorithm: Literal["fedavg", "fedprox"] = "fedavg"
    mu: float = 0.01
    aggregation: RuleSettings = field(default_factory=RuleSettings)
    secure: bool = False
    poison: PoisonSettings = field(default_factory=PoisonSettings)
    at_once: int = 1
    base: str = "gpt"
    task: Task = "causal"
    method: Literal["lora", "full"] = "lora"
    batch_size: int = 4
    accumulation: int = 1
    context: int = 512
    overlap: float = 0.0625
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    gradient_checkpointing: bool = False
    seed: int = 0
    lora: LoraSettings = field(default_factory=LoraSettings)
    optimiser: OptimiserSettings = field(default_factory=lambda: OptimiserSettings(schedule=_CONSTANT))
    privacy: PrivacySettings = field(default_factory=PrivacySettings)

    def __post_init__(self) -> None:
        for group, kind in _GROUPS.items():
            if not isinstance(getattr(self, group), kind):
                raise BadConfigError(f"{group} must be a group of options; it is {getattr(self, group)!r}.")
        check_types(_Own(**{name: getattr(self, name) for name in _Own.__dataclass_fields__}), "")
        for option, (least, most) in _RANGES.items():
            check_range(option, getattr(self, option), least, most)
        if bool(self.clients) == bool(self.split.dataset):
            given = "both are given" if self.clients else "neither is"
            raise BadConfigError(
                f"Give either clients, a prepared set for each, or split.dataset, one set for all; {given}."
            )
        if not 2 <= self.size <= 100:
            raise BadConfigError(f"A federation must have from 2 to 100 clients; it has {self.size}.")
        self.training("none")  # checks what it shares with a run
        self._check_length()
        self._check_rule()
        strange = [one for one in self.poison.clients if not 1 <= one <= self.size]
        if strange:
            raise BadConfigError(f"poison.clients must be from 1 to {self.size}; {strange[0]} is not.")

    def _check_length(self) -> None:
        if not self.local_steps and self.rounds * self.local_epochs > _MOST_EPOCHS:
            raise BadConfigError(
                f"rounds x local_epochs must be at most {_MOST_EPOCHS}; it is "
                f"{self.rounds * self.local_epochs}. Take fewer rounds."
            )

    def _check_rule(self) -> None:
        rule, size = self.aggregation, self.size
        if self.secure and rule.rule != "mean":
            raise BadConfigError(
                f"aggregation.rule must be mean when secure is on: {rule.rule} compares single updates, and "
                "a secure sum keeps those from the server. Choose one of the two."
            )
        if self.secure and size < 3:
            raise BadConfigError(
                "secure needs at least 3 clients: of a sum of two each can work out the other's; there are 2."
            )
        if rule.rule == "krum" and size < 2 * rule.poisoned + 3:
            raise BadConfigError(
                f"Krum withstands aggregation.poisoned {rule.poisoned} among at least "
                f"{2 * rule.poisoned + 3} clients; there are {size}. Lower it, or take more clients."
            )
        if rule.rule == "krum" and rule.keep > size - rule.poisoned:
            raise BadConfigError(
                f"aggregation.keep must be at most the {size - rule.poisoned} clients that are not poisoned; "
                f"it is {rule.keep}."
            )

    @property
    def size(self) -> int:
        """How many clients."""
        return len(self.clients) or self.split.clients

    @property
    def names(self) -> tuple[str, ...]:
        """Of the clients."""
        return tuple(f"client-{number}" for number in range(1, self.size + 1))

    def training(self, dataset: str) -> TrainingConfig:
        """What a client's whole training would be as a run on `dataset`."""
        shared = {name: getattr(self, name) for name in _SHARED}
        epochs = _MOST_EPOCHS if self.local_steps else min(self.rounds * self.local_epochs, _MOST_EPOCHS)
        steps = self.rounds * self.local_steps
        return TrainingConfig(self.name, dataset, epochs=epochs, max_steps=steps, **shared)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> FederationConfig:
        """From plain values, as a file or a page has them.

        Raises:
            BadConfigError: an option is unknown, missing or can't be used.
        """
        return build(cls, values, "")

    @classmethod
    def from_yaml(cls, path: Path, safe: Safe = PLAIN) -> FederationConfig:
        """From a file.

        Raises:
            BadConfigError: it can't be read, is no YAML, or an option can't be used.
        """
        return cls.from_dict(read_yaml(path, safe))

    def to_dict(self) -> dict[str, Any]:
        """Plain values; `from_dict` reads them."""
        poison = asdict(self.poison) | {"clients": list(self.poison.clients)}
        return asdict(self) | {"clients": list(self.clients), "poison": poison}

    def to_text(self) -> str:
        """YAML that `from_yaml` reads."""
        return as_yaml(self.to_dict())


_CONSTANT: Schedule = "constant"
_GROUPS: dict[str, type[Any]] = {
    "split": SplitSettings,
    "aggregation": RuleSettings,
    "poison": PoisonSettings,
    "lora": LoraSettings,
    "optimiser": OptimiserSettings,
    "privacy": PrivacySettings,
}
_RANGES: dict[str, tuple[float, float]] = {
    "rounds": (1, 10_000),
    "local_steps": (0, 100_000),
    "local_epochs": (1, 1000),
    "mu": (0.0, 1000.0),
    "at_once": (1, 64),
}


@dataclass(frozen=True)
class _Own:
    """The plain options that no run has, for their types."""

    clients: tuple[str, ...]
    rounds: int
    local_steps: int
    local_epochs: int
    algorithm: Literal["fedavg", "fedprox"]
    mu: float
    secure: bool
    at_once: int
    method: Literal["lora", "full"]
