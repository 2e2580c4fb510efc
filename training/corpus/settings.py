"""What can be set about a preparation. Every step is a switch; every threshold has a range."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from training.corpus.language import LANGUAGES
from training.corpus.records import KINDS
from training.errors import BadConfigError

AUTO = "auto"
ROLES = ("text", "label", "prompt", "completion", "group")


@dataclass(frozen=True)
class QualityLimits:
    """Thresholds that leave clinical text alone: shorthand, figures and tables pass.

    min_characters: shorter texts go (plain text only: an answer or a labelled sentence may be one word).
    max_symbols: the largest share of visible characters that are neither letters nor figures.
    max_repeated: the largest share of a text that may be sentences or lines said before in it.
    min_variety: the smallest size under compression, as a share; an English note is near 0.5.
    languages: codes of the languages to keep; empty keeps all. Texts too terse to tell are kept.
    """

    min_characters: int = 20
    max_symbols: float = 0.6
    max_repeated: float = 0.6
    min_variety: float = 0.1
    languages: tuple[str, ...] = ("en",)
    spam: bool = True
    offensive: bool = True

    def __post_init__(self) -> None:
        _check_whole("min_characters", self.min_characters, 0, 10_000)
        _check_share("max_symbols", self.max_symbols)
        _check_share("max_repeated", self.max_repeated)
        _check_share("min_variety", self.min_variety)
        unknown = [code for code in self.languages if code not in LANGUAGES]
        if unknown:
            raise BadConfigError(f"languages must be among {', '.join(LANGUAGES)}; {unknown[0]!r} is not.")


@dataclass(frozen=True)
class PrepareSettings:
    """How files become a data set.

    kind: "auto" takes the one kind that all files have; "text" takes the words of every kind.
    held_out: the share of documents set aside for evaluation; 0 sets none aside.
    longest: characters; a longer text is cut at a paragraph.
    columns: which column or key of tables and JSON Lines is the text, label, prompt, completion or group.
    boilerplate_share: a line that this share of the documents hold is boilerplate.
    near_similarity: Jaccard similarity of word pairs from which a document counts as a near duplicate.
    split_similarity: documents this similar are never on both sides of the split.
    keep: ids of documents that stay whatever a rule says of them.

    Raises:
        BadConfigError: an option is out of its range.
    """

    kind: str = AUTO
    seed: int = 0
    held_out: float = 0.1
    longest: int = 100_000
    columns: Mapping[str, str] = field(default_factory=dict)
    repair: bool = True
    boilerplate: bool = True
    boilerplate_share: float = 0.5
    exact: bool = True
    near: bool = True
    near_similarity: float = 0.7
    split_similarity: float = 0.6
    quality: bool = True
    limits: QualityLimits = field(default_factory=QualityLimits)
    keep: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        if self.kind not in (AUTO, *KINDS):
            raise BadConfigError(f"kind must be {AUTO} or one of {', '.join(KINDS)}; it is {self.kind!r}.")
        _check_whole("seed", self.seed, 0, 2**32 - 1)
        _check_whole("longest", self.longest, 500, 1_000_000)
        _check_share("held_out", self.held_out, 0.0, 0.5)
        _check_share("boilerplate_share", self.boilerplate_share, 0.05)
        _check_share("near_similarity", self.near_similarity, 0.5)
        _check_share("split_similarity", self.split_similarity, 0.5, self.near_similarity)
        strange = [role for role in self.columns if role not in ROLES]
        if strange:
            raise BadConfigError(f"columns can name {', '.join(ROLES)}; {strange[0]!r} is none of them.")
        odd = [one for one in sorted(self.keep) if not re.fullmatch(r"[0-9a-f]{16}", one)]
        if odd:
            raise BadConfigError(f"keep holds ids of 16 hexadecimal digits; {odd[0]!r} is none.")

    def to_json(self) -> dict[str, Any]:
        """As JSON holds it."""
        return asdict(self) | {
            "columns": dict(self.columns),
            "keep": sorted(self.keep),
            "limits": asdict(self.limits) | {"languages": list(self.limits.languages)},
        }


def _check_whole(option: str, value: int, low: int, high: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise BadConfigError(f"{option} must be a whole number from {low:,} to {high:,}; it is {value!r}.")


def _check_share(option: str, value: float, low: float = 0.0, high: float = 1.0) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise BadConfigError(f"{option} must be a number from {low:g} to {high:g}; it is {value!r}.")
