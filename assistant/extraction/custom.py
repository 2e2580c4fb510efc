"""A tagger of somebody's own: a token classifier by `transformers`, as the training studio leaves it.

It marks spans of a text with the labels that it was taught; it judges neither what is said of them nor what
another tagger marks. It reads safetensors alone and runs no code that comes with a model.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assistant import weights
from assistant.errors import EngineError
from assistant.extraction.encoding import Encoded, Window, windows
from assistant.extraction.extractor import read
from assistant.extraction.scheme import IMPOSSIBLE, Head
from assistant.extraction.tagger import OVERLAP, WINDOW
from assistant.knowledge.sentences import split
from assistant.models.folder import check_folder
from assistant.types import Finding

LABELS = "labels.json"
OUTSIDE = "O"
# A letter's loose accents belong to its word; every other mark is a word of its own.
_WORD = re.compile(r"(?:\w[\u0300-\u036f]*)+|[^\w\s]")
_TAG = re.compile(r"(?P<part>[BIESLU])-(?P<label>\S.*)")
_LEAST_ROOM = 8
_BATCH_PIECES = 2048
_PLAIN_BREAK = 1e-3
"""How much less likely than its going on is a plain label's new beginning: neighbours are one span."""


@dataclass(frozen=True)
class Tags:
    """What the classes of a model mean.

    Attributes:
        head: its labels as the layer that the best path is sought in.
        columns: for each tag of the head the model's classes that say it, none where it can't.
        plain: the tags that begin a label which the model has no beginning for.
    """

    head: Head
    columns: tuple[tuple[int, ...], ...]
    plain: frozenset[int]

    @classmethod
    def of(cls, names: Sequence[str]) -> Tags:
        """From class names: O, and B-X and I-X (or of BIOES, BILOU), or plain X.

        Raises:
            ValueError: no class, or more than one, is O; or there is no other.
        """
        outside = [index for index, name in enumerate(names) if name == OUTSIDE]
        if len(outside) != 1 or len(set(names)) != len(names) or len(names) < 2:
            raise ValueError(
                f"its labels ({', '.join(names[:4])} …) must be different, with one {OUTSIDE} for what is no "
                "finding, and B-X and I-X or X for what is"
            )
        begins: dict[str, list[int]] = {}
        goes_on: dict[str, list[int]] = {}
        for index, name in enumerate(names):
            if name == OUTSIDE:
                continue
            tag = _TAG.fullmatch(name)
            label = tag["label"] if tag else name
            begins.setdefault(label, [])
            goes_on.setdefault(label, [])
            if tag and tag["part"] in "BSU":
                begins[label].append(index)
            else:
                goes_on[label].append(index)
        head = Head("custom", tuple(begins))
        columns = [tuple(outside)]
        for label in head.labels:
            # Who never says "begins" (plain labels, the first IOB) begins with what goes on.
            columns += [tuple(begins[label] or goes_on[label]), tuple(goes_on[label])]
        plain = frozenset(head.begin(label) for label in head.labels if not begins[label])
        return cls(head, tuple(columns), plain)

    def table(self, chances: NDArray[np.float32]) -> NDArray[np.float32]:
        """(words, classes) chances -> (words, head.size) log-probabilities."""
        out = np.full((len(chances), self.head.size), IMPOSSIBLE, dtype=np.float32)
        for tag, classes in enumerate(self.columns):
            if classes:
                out[:, tag] = np.log(np.clip(chances[:, list(classes)].sum(axis=1), 1e-9, 1.0))
        out[:, sorted(self.plain)] -= _PLAIN_BREAK
        return out


class CustomTagger:
    """Text -> findings by a model of a folder. Load once; safe to share between threads."""

    def __init__(self, folder: Path, name: str = "") -> None:
        """Load the model; takes seconds.

        Args:
            folder: config.json, safetensors and the tokenizer's files; labels.json names the classes where
                config.json doesn't. A LoRA run's comes merged.
            name: for people; the folder's if empty.

        Raises:
            EngineError: it isn't there, is no token classifier, is damaged or comes as a pickle.
        """
        self.name = name or folder.name
        check_folder(folder, self.name)
        self._tokenizer, self._model = _load(folder, self.name)
        try:
            self._tags = Tags.of(_names(folder, self._model.config))
            self._before, self._after = _frame(self._tokenizer)
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise EngineError(f"The tagger {self.name} can't be used: {error}.") from error
        longest = getattr(self._model.config, "max_position_embeddings", None) or WINDOW * 2
        most = min(longest, self._tokenizer.model_max_length) - len(self._before) - len(self._after)
        if most < _LEAST_ROOM:
            raise EngineError(
                f"The tagger {self.name} can't be used: it reads {max(0, most)} pieces at once."
            )
        self._room = min(most, WINDOW)
        self._lock = threading.Lock()

    @property
    def labels(self) -> tuple[str, ...]:
        """Every label a finding can have."""
        return self._tags.head.labels

    def findings(self, text: str) -> tuple[Finding, ...]:
        """What it marks, flat and in the text's order, without assertion.

        It is shown a sentence at a time, in words and single punctuation marks, as it was taught; a sentence
        that is longer than it can read, in overlapping windows.
        """
        with self._lock:  # a tokenizer of `transformers` can't be asked by two at once
            sentences = list(self._encoded(text))
            tables = self._tables(sentences)
        return tuple(
            finding
            for encoded, table in zip(sentences, tables, strict=True)
            for finding in read(text, encoded, self._tags.head, table)
        )

    def _encoded(self, text: str) -> Iterator[Encoded]:
        """Each sentence in pieces and words, offsets into the whole text."""
        found = [
            words
            for start, end in split(text)
            if (words := [match.span() for match in _WORD.finditer(text, start, end)])
        ]
        if not found:
            return
        pieces = self._tokenizer(
            [[text[start:end] for start, end in words] for words in found],
            is_split_into_words=True,
            add_special_tokens=False,
        )
        for row, words in enumerate(found):
            first: list[tuple[int, int, int]] = []
            before: int | None = None
            for index, word in enumerate(pieces.word_ids(row)):
                if word is not None and word != before:
                    first.append((index, *words[word]))
                before = word
            if first:
                yield Encoded(tuple(pieces["input_ids"][row]), tuple(first))

    def _tables(self, sentences: Sequence[Encoded]) -> list[NDArray[np.float32]]:
        """For each sentence its (words, tags) log-probabilities, read in batches of like length."""
        tables = [
            np.full((len(encoded.words), self._tags.head.size), IMPOSSIBLE, np.float32)
            for encoded in sentences
        ]
        plan: list[tuple[int, Window, list[int], list[int]]] = []
        for row, encoded in enumerate(sentences):
            starts = [first for first, _, _ in encoded.words] + [len(encoded.ids)]
            for window in windows(encoded, self._room, min(OVERLAP, self._room // 4)):
                begin = starts[window.first]
                ids = list(encoded.ids[begin : starts[window.last]][: self._room])
                places = [len(self._before) + at - begin for at in starts[window.keep : window.keep_end]]
                plan.append((row, window, ids, places))
        plan.sort(key=lambda job: len(job[2]))
        start = 0
        while start < len(plan):
            # Sorted by length, so the last of a batch decides how many pieces it has.
            stop = start + 1
            while stop < len(plan) and (stop + 1 - start) * len(plan[stop][2]) <= _BATCH_PIECES:
                stop += 1
            batch = plan[start:stop]
            chances = self._chances([ids for _, _, ids, _ in batch])
            for at, (row, window, _, places) in enumerate(batch):
                tables[row][window.keep : window.keep_end] = self._tags.table(chances[at, places])
            start = stop
        return tables

    def _chances(self, rows: list[list[int]]) -> NDArray[np.float32]:
        """(rows, longest + frame, classes): how likely each class of each piece is."""
        import torch

        framed = [[*self._before, *ids, *self._after] for ids in rows]
        longest = max(map(len, framed))
        ids = torch.full((len(framed), longest), self._tokenizer.pad_token_id or 0, dtype=torch.long)
        mask = torch.zeros((len(framed), longest), dtype=torch.long)
        for index, row in enumerate(framed):
            ids[index, : len(row)] = torch.tensor(row)
            mask[index, : len(row)] = 1
        with torch.inference_mode():
            logits = self._model(input_ids=ids, attention_mask=mask).logits
        chances: NDArray[np.float32] = torch.softmax(logits.float(), dim=-1).numpy()
        return chances


def _load(folder: Path, name: str) -> tuple[Any, Any]:
    import torch
    from safetensors import SafetensorError
    from transformers import AutoModelForTokenClassification, AutoTokenizer

    weights.quiet_loading()
    options = {"local_files_only": True, "trust_remote_code": False}
    wrong = (OSError, ValueError, LookupError, ImportError, RuntimeError, TypeError, SafetensorError)
    try:
        tokenizer = AutoTokenizer.from_pretrained(folder, **options)
        model, loading = AutoModelForTokenClassification.from_pretrained(
            folder, dtype=torch.float32, use_safetensors=True, output_loading_info=True, **options
        )
    except wrong as error:
        reason = str(error).strip().split("\n", 1)[0][:200].rstrip(".")
        raise EngineError(f"The tagger {name} can't be loaded: {reason}.") from error
    if loading["missing_keys"]:
        raise EngineError(
            f"The tagger {name} is no token classifier: it lacks {min(loading['missing_keys'])}."
        )
    if not tokenizer.is_fast:
        raise EngineError(f"The tagger {name} can't be used: its tokenizer doesn't tell pieces by words.")
    return tokenizer, model.eval()


def _names(folder: Path, config: Any) -> list[str]:
    """The names of the classes in their order: of labels.json, else of config.json."""
    beside = folder / LABELS
    if not beside.is_file():
        return [str(config.id2label[index]) for index in range(config.num_labels)]
    names = json.loads(beside.read_text(encoding="utf-8"))
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise ValueError(f"{LABELS} is no list of names")
    if len(names) != config.num_labels:
        raise ValueError(f"{LABELS} names {len(names)} labels, and the model has {config.num_labels}")
    return names


def _frame(tokenizer: Any) -> tuple[list[int], list[int]]:
    """The special tokens before and after a text."""
    bare = tokenizer("a", add_special_tokens=False)["input_ids"]
    whole = tokenizer("a")["input_ids"]
    at = next((i for i in range(len(whole)) if whole[i : i + len(bare)] == bare), None)
    if at is None:
        raise ValueError("its tokenizer changes a text when it frames it")
    return whole[:at], whole[at + len(bare) :]
