"""What an estimate is asked for: a shape and how it would be trained. The same for the page and the shell."""

from __future__ import annotations

from dataclasses import dataclass, field

from training.architectures.parameters import parts
from training.architectures.shapes import Family, Shape
from training.config import LoraSettings, Method, Precision, Task, TrainingConfig
from training.errors import BadConfigError

_RANGES = {
    "batch": (1, 4096),
    "length": (8, 1_048_576),
    "answer": (0, 1_048_576),
    "accumulation": (1, 4096),
    "labels": (2, 100_000),
    "examples": (0, 10_000_000_000),
    "tokens": (1, 1_048_576),
}
USUAL_TASK: dict[Family, Task] = {"gpt": "causal", "bert": "masked", "t5": "seq2seq"}


@dataclass(frozen=True)
class DesignRequest:
    """One design.

    Attributes:
        shape, task, method, lora: what is trained, and how.
        batch, length: examples computed at once, and the most tokens in each; of T5 the question's.
        answer: of T5: the most tokens of the answer; 0 for as many as `length`.
        accumulation: how often that much is computed before a step.
        precision: "auto" is bf16 where the hardware has it.
        checkpointing: keep the layers' inputs alone, and compute the rest again.
        labels: of tagging and classification.
        fresh: what the pretrained base lacks: "head", "pooler", both or nothing.
        examples, tokens: in an epoch, and how many tokens each has on average.

    Raises:
        BadConfigError: a value is out of its range, or the family can't do the task.
    """

    shape: Shape
    task: Task = "causal"
    method: Method = "lora"
    batch: int = 4
    length: int = 512
    answer: int = 0
    accumulation: int = 4
    precision: Precision = "auto"
    checkpointing: bool = False
    lora: LoraSettings = field(default_factory=LoraSettings)
    labels: int = 2
    fresh: frozenset[str] = frozenset({"head"})
    examples: int = 0
    tokens: int = 256

    def __post_init__(self) -> None:
        for name, (least, most) in _RANGES.items():
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
                raise BadConfigError(
                    f"{name} must be a whole number from {least} to {most}; it is {value!r}."
                )
        if self.shape.positions == "learned" and self.length > self.shape.context:
            raise BadConfigError(
                f"length must be at most the shape's context, {self.shape.context}; it is {self.length}."
            )
        parts(self.shape, self.task, self.labels)

    @property
    def adapter(self) -> LoraSettings | None:
        """The adapter, if one is trained."""
        return self.lora if self.method == "lora" else None

    @property
    def answer_length(self) -> int:
        """Tokens that T5's decoder reads; 0 where there is none."""
        if self.shape.family != "t5" or self.task == "tagging":
            return 0
        return (self.answer or self.length) if self.task == "seq2seq" else self.length

    @classmethod
    def of_config(
        cls,
        config: TrainingConfig,
        shape: Shape,
        *,
        labels: int = 2,
        fresh: frozenset[str] = frozenset({"head"}),
        examples: int = 0,
        tokens: int = 256,
    ) -> DesignRequest:
        """What a run would be, whose base has `shape`; its context is cut to what the shape allows.

        Raises:
            BadConfigError: the family can't do the task.
        """
        length = config.context if shape.family == "t5" else min(config.context, shape.context)
        batch = max(1, config.batch_tokens // length) if config.batch_tokens else config.batch_size
        return cls(
            shape=shape,
            task=config.task,
            method=config.method,
            batch=min(batch, 4096),
            length=length,
            accumulation=config.accumulation,
            precision=config.precision,
            checkpointing=config.gradient_checkpointing,
            lora=config.lora,
            labels=labels,
            fresh=fresh,
            examples=examples,
            tokens=tokens,
        )
