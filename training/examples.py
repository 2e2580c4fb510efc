"""Rows of a prepared set -> examples: token ids, and what is to be said at which position.

Nothing is padded, shuffled or corrupted here. In a causal example the target of a position is the token
after it; in all others a target stands at its own position. IGNORED marks a position without one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from assistant.generation.prompt import Turns
from training.config import TrainingConfig
from training.errors import BadConfigError, BadDataError

IGNORED = -100
Ids = npt.NDArray[np.int32]
KINDS = {
    "causal": ("text", "pairs"),
    "masked": ("text",),
    "seq2seq": ("pairs",),
    "tagging": ("tagged",),
    "classification": ("labelled",),
}
_TOGETHER = 256


class Rows(Protocol):
    """A prepared data set, as far as a run needs it."""

    @property
    def name(self) -> str:
        """For people."""

    @property
    def kind(self) -> str:
        """text, pairs, tagged or labelled."""

    @property
    def hash(self) -> str:
        """Of its files."""

    def rows(self, split: str) -> Iterator[dict[str, Any]]:
        """The rows of `train` or `held_out`."""


@dataclass(frozen=True, eq=False)
class Example:
    """`targets` is as long as `ids`, but for seq2seq (the answer) and classification (one label)."""

    ids: Ids
    targets: Ids


@dataclass(frozen=True)
class Encoded:
    """`dropped` examples had no label left within the context, `cut` ones lost some of theirs."""

    examples: tuple[Example, ...]
    dropped: int
    cut: int


def windows(length: int, size: int, overlap: int) -> Iterator[tuple[int, int, int]]:
    """(start, end, first new position) of windows that cover `length` positions, each new exactly once."""
    start = done = 0
    while done < length:
        end = min(start + size, length)
        yield start, end, done
        done, start = end, end - overlap


def label_names(data: Rows) -> tuple[str, ...]:
    """The labels of a tagged or labelled set, "O" first; empty for the other kinds."""
    if data.kind not in ("tagged", "labelled"):
        return ()
    found: set[str] = set()
    for split in ("train", "held_out"):
        for row in data.rows(split):
            found.update(row["tags"] if data.kind == "tagged" else (row["label"],))
    return tuple(sorted(found, key=lambda label: (label != "O", label)))


def encode(
    data: Rows,
    split: str,
    config: TrainingConfig,
    tokenizer: Any,
    labels: tuple[str, ...] = (),
    limit: int = 0,
) -> Encoded:
    """All examples of a split, or of its first `limit` rows.

    Raises:
        BadConfigError: the kind of the set doesn't fit the task, or the model has no chat template.
        BadDataError: there are rows, but not one label is left to learn from; or a row is malformed.
    """
    if data.kind not in KINDS[config.task]:
        fitting = [task for task, kinds in KINDS.items() if data.kind in kinds]
        raise BadConfigError(
            f"task {config.task} needs a set of kind {' or '.join(KINDS[config.task])}; {data.name} is of "
            f"kind {data.kind}. Choose task {' or '.join(fitting)}, or prepare another set."
        )
    encoder = _encoder(data.kind, config, tokenizer, labels)
    examples: list[Example] = []
    dropped = cut = 0
    rows = islice(data.rows(split), limit or None)
    while group := list(islice(rows, _TOGETHER)):
        for example, was_cut in encoder(group):
            if bool((example.targets != IGNORED).any()):
                examples.append(example)
                cut += was_cut
            else:
                dropped += 1
    if not examples and (dropped or split == "train"):
        raise BadDataError(
            f"Nothing in the split {split} of {data.name} has a label to learn from: {dropped} examples have "
            f"every label masked, since their prompts fill the context of {config.context} tokens, or they "
            "are empty. Raise context, or shorten the prompts."
        )
    return Encoded(tuple(examples), dropped, cut)


_Encoder = Callable[[list[dict[str, Any]]], Iterable[tuple[Example, bool]]]


def _encoder(kind: str, config: TrainingConfig, tokenizer: Any, labels: tuple[str, ...]) -> _Encoder:
    if config.task == "causal":
        if kind == "text":
            return lambda rows: _causal_text(rows, config, tokenizer)
        if not tokenizer.chat_template:
            raise BadConfigError(
                f"The base {config.base} has no chat template, which pairs need. Choose one that is tuned to "
                "follow instructions, or a set of kind text."
            )
        plain = Turns(tokenizer.all_special_tokens).plain  # as the assistant does before it asks
        return lambda rows: (_instruction(row, config.context, tokenizer, plain) for row in rows)
    if config.task == "masked":
        if tokenizer.mask_token_id is None:
            raise BadConfigError(f"The base {config.base} has no mask token. Choose a BERT, or task causal.")
        return lambda rows: _masked_text(rows, config, tokenizer)
    if config.task == "seq2seq":
        return lambda rows: (_answer(row, config.context, tokenizer) for row in rows)
    ids = {label: index for index, label in enumerate(labels)}
    if config.task == "tagging":
        return lambda rows: _tagged(rows, config, tokenizer, ids)
    return lambda rows: _labelled(rows, config.context, tokenizer, ids)


def _plain_ids(tokenizer: Any, texts: list[str], **options: Any) -> list[list[int]]:
    return list(tokenizer(texts, return_attention_mask=False, **options)["input_ids"]) if texts else []


def _causal_text(
    rows: list[dict[str, Any]], config: TrainingConfig, tokenizer: Any
) -> Iterator[tuple[Example, bool]]:
    end = [] if tokenizer.eos_token_id is None else [tokenizer.eos_token_id]
    for ids in _plain_ids(tokenizer, [row["text"] for row in rows]):
        whole = np.array(ids if ids[-1:] == end else ids + end, dtype=np.int32)
        overlap = int(config.context * config.overlap)
        for start, stop, new in windows(len(whole) - 1, config.context, overlap):
            targets = whole[start + 1 : stop + 1]
            if new > start:
                targets = targets.copy()
                targets[: new - start] = IGNORED
            yield Example(whole[start:stop], targets), False


def _masked_text(
    rows: list[dict[str, Any]], config: TrainingConfig, tokenizer: Any
) -> Iterator[tuple[Example, bool]]:
    frame = _Frame.of(tokenizer)
    room = config.context - frame.size
    for ids in _plain_ids(tokenizer, [row["text"] for row in rows], add_special_tokens=False):
        whole = np.array(ids, dtype=np.int32)
        for start, stop, new in windows(len(whole), room, int(room * config.overlap)):
            targets = whole[start:stop].copy()
            targets[: new - start] = IGNORED
            yield frame.around(whole[start:stop], targets), False


@dataclass(frozen=True)
class _Frame:
    """The special tokens that the model has around a text, such as [CLS] and [SEP]."""

    before: list[int]
    after: list[int]

    @classmethod
    def of(cls, tokenizer: Any) -> _Frame:
        bare = tokenizer("a", add_special_tokens=False)["input_ids"]
        whole = tokenizer("a")["input_ids"]
        at = next(i for i in range(len(whole)) if whole[i : i + len(bare)] == bare)
        return cls(whole[:at], whole[at + len(bare) :])

    @property
    def size(self) -> int:
        return len(self.before) + len(self.after)

    def around(self, ids: Ids, targets: Ids) -> Example:
        framed = np.concatenate([self.before, ids, self.after]).astype(np.int32)
        spread = np.full(len(framed), IGNORED, dtype=np.int32)
        spread[len(self.before) : len(self.before) + len(ids)] = targets
        return Example(framed, spread)


def _instruction(
    row: dict[str, Any], context: int, tokenizer: Any, plain: Callable[[str], str]
) -> tuple[Example, bool]:
    """Every answer of the assistant is learned, up to the token that ends it; the rest is masked."""
    turns = [{"role": turn["role"], "content": plain(turn["content"])} for turn in row["messages"]]
    ids: list[int] = []
    learned: list[bool] = []
    done = ""
    for index, turn in enumerate(turns):
        if turn["role"] != "assistant" or not index:
            continue
        prompt = tokenizer.apply_chat_template(turns[:index], add_generation_prompt=True, tokenize=False)
        whole = tokenizer.apply_chat_template(turns[: index + 1], tokenize=False)
        if not (prompt.startswith(done) and whole.startswith(prompt)):
            raise BadConfigError("The model's chat template changes earlier turns; split them into pairs.")
        asked, said = _plain_ids(
            tokenizer, [prompt[len(done) :], whole[len(prompt) :]], add_special_tokens=False
        )
        ids += asked + said
        learned += [False] * len(asked) + _until_end(said, tokenizer.eos_token_id)
        done = whole
    targets = np.where(learned, ids, IGNORED).astype(np.int32)[1 : context + 1]
    bearing = np.flatnonzero(targets != IGNORED)
    used = int(bearing[-1]) + 1 if len(bearing) else 0  # what follows the last label is of no use
    return Example(np.array(ids[:used], np.int32), targets[:used]), len(ids) - 1 > context


def _until_end(ids: list[int], end: int | None) -> list[bool]:
    if end not in ids:
        return [True] * len(ids)
    last = len(ids) - 1 - ids[::-1].index(end)
    return [index <= last for index in range(len(ids))]


def _answer(row: dict[str, Any], context: int, tokenizer: Any) -> tuple[Example, bool]:
    asked = "\n".join(turn["content"] for turn in row["messages"][:-1])
    ids, targets = (
        np.array(tokenizer(text)["input_ids"], dtype=np.int32)
        for text in (asked, row["messages"][-1]["content"])
    )
    return Example(ids[:context], targets[:context]), max(len(ids), len(targets)) > context


def _tagged(
    rows: list[dict[str, Any]], config: TrainingConfig, tokenizer: Any, labels: dict[str, int]
) -> Iterator[tuple[Example, bool]]:
    """The first piece of a word bears its tag. Windows are cut between words."""
    frame = _Frame.of(tokenizer)
    room = config.context - frame.size
    for row in rows:
        if len(row["tokens"]) != len(row["tags"]):
            raise BadDataError(
                f"The row {row['id']} of {row['source']} has {len(row['tokens'])} tokens and "
                f"{len(row['tags'])} tags. Give each token one tag."
            )
        if not row["tokens"]:
            continue
        pieces = tokenizer(row["tokens"], is_split_into_words=True, add_special_tokens=False)
        words = pieces.word_ids()
        ids = np.array(pieces["input_ids"], dtype=np.int32)
        targets = np.full(len(ids), IGNORED, dtype=np.int32)
        before: int | None = None
        for index, word in enumerate(words):
            if word is not None and word != before:
                targets[index] = labels[row["tags"][word]]
            before = word
        start = 0
        while start < len(ids):
            stop = min(start + room, len(ids))
            while stop < len(ids) and stop > start + 1 and words[stop] == words[stop - 1]:
                stop -= 1
            yield frame.around(ids[start:stop], targets[start:stop]), False
            start = stop


def _labelled(
    rows: list[dict[str, Any]], context: int, tokenizer: Any, labels: dict[str, int]
) -> Iterator[tuple[Example, bool]]:
    texts = _plain_ids(tokenizer, [row["text"] for row in rows], truncation=True, max_length=context)
    for row, ids in zip(rows, texts, strict=True):
        label = np.array([labels[row["label"]]], dtype=np.int32)
        yield Example(np.array(ids, dtype=np.int32), label), len(ids) == context
