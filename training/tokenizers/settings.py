"""What a new tokenizer is told: one validated dataclass, the same from the page and the shell."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args

from training.errors import BadConfigError

Kind = Literal["bpe", "wordpiece", "unigram"]
Style = Literal["gpt", "bert", "t5"]
SIZES = (1_000, 50_000)
"""The least and the most entries of a vocabulary that is trained here."""

_FITTING: dict[Kind, Style] = {"bpe": "gpt", "wordpiece": "bert", "unigram": "t5"}


@dataclass(frozen=True)
class TokenizerSettings:
    """A tokenizer that is to be trained.

    Attributes:
        kind: byte-level BPE (nothing is ever unknown), WordPiece as BERT has it, or Unigram as T5 has it.
        size: entries of the vocabulary, special tokens included; a small text may give fewer.
        lowercase: whether case is dropped; WordPiece then drops accents too.
        special: which special tokens it has; None means those that fit the kind.
    """

    kind: Kind = "bpe"
    size: int = 8_000
    lowercase: bool = False
    special: Style | None = None

    def __post_init__(self) -> None:
        for option, choices in (("kind", get_args(Kind)), ("special", (None, *get_args(Style)))):
            if getattr(self, option) not in choices:
                names = ", ".join(name for name in choices if name)
                raise BadConfigError(f"{option} must be one of {names}; it is {getattr(self, option)!r}.")
        least, most = SIZES
        whole = isinstance(self.size, int) and not isinstance(self.size, bool)
        if not whole or not least <= self.size <= most:
            raise BadConfigError(f"size must be a whole number from {least} to {most}; it is {self.size!r}.")
        if not isinstance(self.lowercase, bool):
            raise BadConfigError(f"lowercase must be true or false; it is {self.lowercase!r}.")
        if self.style == "gpt" and self.kind != "bpe":
            raise BadConfigError(
                f"The special tokens of a gpt have none for what is unknown, which {self.kind} needs. Choose "
                "special bert or t5, or kind bpe."
            )

    @property
    def style(self) -> Style:
        """The special tokens it gets."""
        return self.special or _FITTING[self.kind]

    def to_json(self) -> dict[str, Any]:
        """Plain values, for a lineage."""
        return asdict(self) | {"special": self.style}
