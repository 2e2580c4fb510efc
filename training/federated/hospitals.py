"""One set -> N clients that differ, each row with exactly one of them; for teaching and for tests.

For every group (label, source or topic) the clients' shares are drawn from a Dirichlet distribution (Hsu et
al. 2019): with a small alpha a hospital sees mostly a few groups, with a large one all see the same.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
import zlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from training.corpus.dataset import DESCRIPTION, SPLITS, DataSet, SetName, hash_of
from training.corpus.records import from_row, kind_named
from training.errors import BadDataError
from training.federated.config import Grouping, SplitSettings
from training.safe import PLAIN, Safe

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

Row = Mapping[str, Any]
_WORD = re.compile(r"[^\W\d_]{3,}")
_BUCKETS, _ROUNDS, _TOPICS = 256, 8, 8


def split_non_iid(
    rows: Sequence[Row], n: int, alpha: float, seed: int, groups: Sequence[str] | None = None, least: int = 1
) -> list[list[int]]:
    """The rows of each of `n` clients, by index and in order.

    A group's shares depend on the seed and its name alone, so two splits of one set are shared alike.

    Args:
        rows: of a prepared set.
        n: clients.
        alpha: of the Dirichlet distribution.
        seed: of what is drawn.
        groups: one for each row; found by `groups_of` if not given.
        least: rows that every client has; those that lack some get them from the one with the most.

    Raises:
        BadDataError: there are too few rows.
    """
    import numpy as np

    if len(rows) < n * least:
        raise BadDataError(f"{len(rows)} documents can't be split among {n} clients. Give more documents.")
    named = groups_of(rows, "auto", seed) if groups is None else groups
    members: dict[str, list[int]] = {}
    for index, group in enumerate(named):
        members.setdefault(group, []).append(index)
    clients: list[list[int]] = [[] for _ in range(n)]
    for group, indices in sorted(members.items()):
        rng = np.random.default_rng(list(hashlib.sha256(f"{seed}:{group}".encode()).digest()))
        # A gamma of a tiny shape may be 0 for all; the largest of them then takes everything.
        drawn = rng.dirichlet([alpha] * n) if alpha >= 0.01 else np.eye(n)[rng.integers(n)]
        order = rng.permutation(len(indices))
        ends = np.rint(np.cumsum(drawn) * len(indices)).astype(int)[:-1]
        for client, part in zip(clients, np.split(order, ends), strict=True):
            client.extend(indices[at] for at in part.tolist())
    while least and min(map(len, clients)) < least:
        min(clients, key=len).append(max(clients, key=len).pop())
    return [sorted(client) for client in clients]


def groups_of(rows: Sequence[Row], by: Grouping, seed: int = 0) -> list[str]:
    """The group of each row.

    "label" is a text's label, or the entity that is tagged most often; "source" the file it came from;
    "topic" a cluster of texts with like words.

    Raises:
        BadDataError: the rows have no label.
    """
    labelled = all("label" in row or "tags" in row for row in rows)
    if by == "label" and not labelled:
        raise BadDataError("The documents have no labels to be split by. Take split.by source or topic.")
    if by == "label" or (by == "auto" and labelled):
        return [_label(row) for row in rows]
    sources = [str(row.get("source", "")) for row in rows]
    if by == "source" or (by == "auto" and 2 <= len(set(sources)) <= len(rows) / 4):
        return sources
    return [f"topic {number}" for number in _topics([_text(row) for row in rows], seed)]


def split_set(
    source: DataSet, settings: SplitSettings, seed: int, folders: Sequence[Path], safe: Safe = PLAIN
) -> None:
    """Write a prepared set into each of `folders`, both splits shared alike.

    Raises:
        BadDataError: there are too few documents, or none has a label to be split by.
    """
    rows = {split: list(source.rows(split)) for split in SPLITS}
    everything = [row for split in SPLITS for row in rows[split]]
    groups = groups_of(everything, settings.by, seed)
    parts: dict[str, list[list[int]]] = {}
    at = 0
    for split in SPLITS:
        some = groups[at : at + len(rows[split])]
        at += len(some)
        least = 1 if split == "train" else 0
        parts[split] = split_non_iid(rows[split], len(folders), settings.alpha, seed, some, least)
    for number, folder in enumerate(folders):
        mine = {split: [rows[split][index] for index in parts[split][number]] for split in SPLITS}
        write_set(folder, f"{source.name} ({number + 1} of {len(folders)})", source.kind, mine, safe)


def write_set(
    folder: Path, name: str, kind: str, rows: Mapping[SetName, Iterable[Row]], safe: Safe = PLAIN
) -> None:
    """A prepared set that `DataSet.open` reads."""
    folder.mkdir(parents=True)
    counts = {}
    for split in SPLITS:
        lines = [json.dumps(dict(row), ensure_ascii=False, separators=(",", ":")) for row in rows[split]]
        counts[split] = len(lines)
        safe.write_text(folder / f"{split}.jsonl", "".join(line + "\n" for line in lines))
    described = {"name": name, "kind": kind_named(kind), "hash": hash_of(folder, safe), "counts": counts}
    safe.write_text(folder / DESCRIPTION, json.dumps(described, ensure_ascii=False))


def _label(row: Row) -> str:
    if "label" in row:
        return str(row["label"])
    kinds = Counter(tag.split("-", 1)[-1] for tag in row["tags"] if tag != "O")
    return min(kinds, key=lambda kind: (-kinds[kind], kind)) if kinds else "O"


def _text(row: Row) -> str:
    kind = "pairs" if "messages" in row else "tagged" if "tags" in row else "text"
    return from_row({"source": ""} | dict(row), kind_named(kind)).content


def _topics(texts: Sequence[str], seed: int) -> npt.NDArray[np.int64]:
    """Spherical k-means over hashed words, weighted by how rare they are."""
    import numpy as np

    counts = np.zeros((len(texts), _BUCKETS), np.float32)
    for index, text in enumerate(texts):
        for word in set(_WORD.findall(text.lower())):
            counts[index, zlib.crc32(word.encode()) % _BUCKETS] = 1
    counts *= np.log((1 + len(texts)) / (1 + counts.sum(axis=0)))
    counts /= np.maximum(np.linalg.norm(counts, axis=1, keepdims=True), 1e-9)
    some = min(_TOPICS, max(1, math.isqrt(len(texts))))
    centres = counts[np.random.default_rng(seed).choice(len(texts), some, replace=False)]
    nearest = np.zeros(len(texts), np.int64)
    for _ in range(_ROUNDS):
        nearest = (counts @ centres.T).argmax(axis=1)
        sums = np.stack([counts[nearest == number].sum(axis=0) for number in range(some)])
        centres = sums / np.maximum(np.linalg.norm(sums, axis=1, keepdims=True), 1e-9)
    return nearest
