"""Which of the clean documents stay, and on which side of the split: decided on numbers, not on text."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.corpus.clusters import Clusters
from training.corpus.neighbours import Neighbours
from training.corpus.records import from_row
from training.corpus.report import Step
from training.corpus.shelf import Shelf
from training.corpus.split import divide

KEPT, EXACT, NEAR = 0, 1, 2
WHY = {EXACT: "exact duplicate", NEAR: "near duplicate"}


@dataclass(frozen=True)
class Selection:
    """For each clean document: KEPT, EXACT or NEAR; the number of its twin; whether it is held out."""

    state: NDArray[np.uint8]
    like: NDArray[np.int64]
    held_out: NDArray[np.bool_]


def selected(shelf: Shelf) -> Selection:
    """Choose among the clean documents.

    Of duplicates the longest stays; what the documents say decides between equals, and not their order.

    Raises:
        BadDataError: no document can be held out.
    """
    size = len(shelf.clean)
    selection = Selection(np.zeros(size, np.uint8), np.arange(size), np.zeros(size, np.bool_))
    settings, characters = shelf.settings, _array(shelf, "characters")
    ranked = np.lexsort((_array(shelf, "key"), -characters.astype(np.int64)))
    if settings.exact:
        _drop_exact(shelf, selection, ranked)
        _tell(shelf, selection, characters, "exact duplicates")
    together = Clusters(size)
    if size and (settings.near or settings.held_out):
        together = _drop_near(shelf, selection, ranked)
    if settings.near:
        _tell(shelf, selection, characters, "near duplicates")
    if size:
        _hold_out(shelf, selection, together)
    return selection


def _drop_exact(shelf: Shelf, selection: Selection, ranked: NDArray[np.int64]) -> None:
    high, low = _array(shelf, "high")[ranked], _array(shelf, "low")[ranked]
    order = np.lexsort((np.arange(len(ranked)), low, high))
    first = 0
    for at, position in enumerate(order):
        head = order[first]
        if at == 0 or high[position] != high[head] or low[position] != low[head]:
            first = at
        elif not shelf.marks.stays[ranked[position]]:
            selection.state[ranked[position]] = EXACT
            selection.like[ranked[position]] = ranked[head]


def _drop_near(shelf: Shelf, selection: Selection, ranked: NDArray[np.int64]) -> Clusters:
    """Mark near duplicates, and return which documents are too alike to be split apart."""
    settings = shelf.settings
    members = ranked[selection.state[ranked] == KEPT]
    neighbours = Neighbours(
        shelf.signatures,
        lambda number: from_row(shelf.clean.row(number), shelf.set_kind).content,
        len(shelf.clean),
        settings.near_similarity,
        settings.split_similarity,
    )
    neighbours.find(members, lambda done, total: shelf.tell("duplicates", done, total, 0))
    if settings.near:
        for number, twin in neighbours.superfluous(members, lambda one: bool(shelf.marks.stays[one])).items():
            selection.state[number] = NEAR
            selection.like[number] = twin
    return neighbours.loose


def _hold_out(shelf: Shelf, selection: Selection, together: Clusters) -> None:
    settings = shelf.settings
    kept = np.flatnonzero(selection.state == KEPT)
    together.join_equal(_array(shelf, "group"), kept)
    also = together.copy()
    also.join_equal(_array(shelf, "cut"), kept)
    split = divide(kept, _array(shelf, "key"), together, also, settings.held_out, settings.seed)
    selection.held_out[:] = split.held_out
    if split.separated:
        shelf.builder.note(
            "Parts of one long text are on both sides of the split, since there is too little besides it."
        )
    asked, got = round(settings.held_out * len(kept)), int(split.held_out.sum())
    if got < asked // 2:
        shelf.builder.note(
            f"{got:,} of {len(kept):,} documents are held out where {asked:,} were asked for: the others "
            "are alike or of one group and had to stay together."
        )


def _tell(shelf: Shelf, selection: Selection, characters: NDArray[np.uint64], step: str) -> None:
    kept = selection.state == KEPT
    shelf.builder.funnel.append(Step(step, int(kept.sum()), int(characters[kept].sum())))


def _array(shelf: Shelf, name: str) -> NDArray[np.uint64]:
    """One of the marks as an array, without copying it."""
    return np.frombuffer(getattr(shelf.marks, name), dtype=np.uint64)
