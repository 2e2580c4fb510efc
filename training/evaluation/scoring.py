"""What a model makes of held-out rows: the loss at every label and what it would have said there.

The same examples, batches and arithmetic as in training, kept apart by row. Labels of one row may lie in
several windows; each label is counted once.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np
import torch

from training.batches import Batch, Collator
from training.errors import BadDataError
from training.evaluation.models import Loaded
from training.evaluation.options import OnProgress, unheard
from training.examples import IGNORED, Example, Ids, Rows, encode
from training.objective import Objective

_AT_ONCE = 1 << 24
"""Logits that may be in memory at once (64 MB)."""


@dataclass(frozen=True, eq=False)
class RowScore:
    """One row: its place among the held-out rows, and the sum of its labels' losses in nats.

    `targets` is what stands at its labels, `said` what the model finds likeliest there; both (labels,).
    """

    row: int
    nats: float
    targets: Ids
    said: Ids

    @property
    def labels(self) -> int:
        """How many labels it has."""
        return len(self.targets)

    @property
    def right(self) -> int:
        """At how many of them the model's likeliest is the true one."""
        return int((self.targets == self.said).sum())


@dataclass(frozen=True)
class RowsEncoded:
    """Examples, and of which row each is.

    `dropped` rows have no label within the context, `cut` ones lost some of theirs.
    """

    examples: tuple[Example, ...]
    rows: tuple[int, ...]
    dropped: int
    cut: int


class LabelScorer(Objective):
    """Reads a model at a batch's labels, by the arithmetic that it was trained by."""

    def at_labels(self, batch: Batch) -> tuple[torch.Tensor, torch.Tensor]:
        """Cross entropy in nats and the likeliest output, both (labels,), at the batch's labels."""
        batch = batch.to(self._device)
        with torch.no_grad(), self.autocast():
            if self._matrix is None:
                return _read(self._logits(batch).float(), batch.targets)
            out = self._model.base_model(input_ids=batch.ids, attention_mask=batch.mask, use_cache=False)
            hidden = out.last_hidden_state.flatten(0, 1)[batch.positions].to(self._dtype)
        matrix = self._matrix.weight.detach().to(self._dtype)
        size = max(16, _AT_ONCE // len(matrix))
        parts = []
        for at in range(0, len(hidden), size):
            logits = (hidden[at : at + size] @ matrix.T).float()
            if self._matrix.bias is not None:
                logits += self._matrix.bias.detach()
            parts.append(_read(logits, batch.targets[at : at + size]))
        losses, said = zip(*parts, strict=True)
        return torch.cat(losses), torch.cat(said)


def _read(logits: torch.Tensor, targets: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    losses = torch.nn.functional.cross_entropy(logits, targets, reduction="none")
    return losses, logits.argmax(1)


@dataclass(frozen=True)
class HeldOut:
    """A set in memory with nothing but held-out rows."""

    name: str
    kind: str
    content: Sequence[dict[str, Any]]
    hash: str = ""

    def rows(self, split: str) -> Iterator[dict[str, Any]]:
        """The rows, if `split` is held_out."""
        return iter(self.content if split == "held_out" else ())


def encode_rows(data: Rows, loaded: Loaded, limit: int = 0, split: str = "held_out") -> RowsEncoded:
    """The examples of a split, or of its first `limit` rows, with the row of each.

    Raises:
        BadConfigError: the kind of the set doesn't fit the model's task.
        BadDataError: no row has a label, a label is not one of the model's, or a row is malformed.
    """
    examples: list[Example] = []
    places: list[int] = []
    dropped = cut = 0
    config, tokenizer, labels = loaded.config, loaded.tokenizer, loaded.labels
    for place, row in enumerate(islice(data.rows(split), limit or None)):
        _check_labels(row, data, loaded)
        one = HeldOut(data.name, data.kind, (row,))
        try:
            encoded = encode(one, "held_out", config, tokenizer, labels)
        except BadDataError:
            if data.kind == "tagged":  # tokens and tags don't align; elsewhere: every label is masked
                raise
            dropped += 1
            continue
        examples += encoded.examples
        places += [place] * len(encoded.examples)
        dropped += not encoded.examples
        cut += encoded.cut
    if not examples:
        raise BadDataError(
            f"{data.name} has nothing held out with a label within {config.context} tokens: {dropped} rows "
            "were looked at. Prepare the set with a larger held-out share, or raise context."
        )
    return RowsEncoded(tuple(examples), tuple(places), dropped, cut)


def _check_labels(row: dict[str, Any], data: Rows, loaded: Loaded) -> None:
    if data.kind not in ("tagged", "labelled") or not loaded.labels:
        return
    used = set(row["tags"]) if data.kind == "tagged" else {row["label"]}
    if strange := sorted(used - set(loaded.labels)):
        raise BadDataError(
            f"{data.name} has the label {strange[0]}, which {loaded.spec} doesn't know; it knows "
            f"{', '.join(loaded.labels[:20])}. Rename the label, or give a model that was trained on it."
        )


def score_examples(
    loaded: Loaded, encoded: RowsEncoded, on_progress: OnProgress = unheard, text: str = "held-out loss"
) -> list[RowScore]:
    """The scores of each row that has examples, in the order of the rows."""
    examples = encoded.examples
    device = next(loaded.model.parameters()).device
    scorer = LabelScorer(loaded.model, loaded.task, loaded.precision)
    batches = Collator(loaded.config, loaded.tokenizer, device).held_out(examples)
    # The collator's batches hold the examples from the longest to the shortest, ties as they came.
    order = sorted(range(len(examples)), key=lambda index: -len(examples[index].ids))
    parts: list[tuple[float, Ids, Ids] | None] = [None] * len(examples)
    done = 0
    for batch in batches:
        losses, said = (value.cpu().double().numpy() for value in scorer.at_labels(batch))
        targets = batch.targets.numpy().astype(np.int32)
        within = _row_in_batch(loaded, batch)
        for line in range(len(batch.ids)):
            here = within == line
            parts[order[done + line]] = (
                float(losses[here].sum()),
                targets[here],
                said[here].astype(np.int32),
            )
        done += len(batch.ids)
        on_progress(done, len(examples), text)
    return _by_row(encoded.rows, parts)


def _row_in_batch(loaded: Loaded, batch: Batch) -> Ids:
    if loaded.task == "classification":
        return batch.positions.numpy().astype(np.int32)
    width = (batch.ids if batch.decoder is None else batch.decoder).shape[1]
    return (batch.positions // width).numpy().astype(np.int32)


def _by_row(rows: Sequence[int], parts: Sequence[tuple[float, Ids, Ids] | None]) -> list[RowScore]:
    grouped: dict[int, list[tuple[float, Ids, Ids]]] = {}
    for row, part in zip(rows, parts, strict=True):
        assert part is not None
        grouped.setdefault(row, []).append(part)
    return [
        RowScore(
            row,
            sum(part[0] for part in found),
            np.concatenate([part[1] for part in found]),
            np.concatenate([part[2] for part in found]),
        )
        for row, found in grouped.items()
    ]


def scored_bytes(loaded: Loaded, encoded: RowsEncoded) -> int:
    """UTF-8 bytes of the text that the labels spell; control tokens have none."""
    spelled: dict[int, list[int]] = {}
    for row, example in zip(encoded.rows, encoded.examples, strict=True):
        spelled.setdefault(row, []).extend(example.targets[example.targets != IGNORED].tolist())
    texts = loaded.tokenizer.batch_decode(
        list(spelled.values()), skip_special_tokens=True, clean_up_tokenization_spaces=False
    )
    return sum(len(text.encode("utf-8")) for text in texts)
