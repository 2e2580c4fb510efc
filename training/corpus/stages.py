"""The second pass over the documents, which sifts them, and the last, which writes the splits."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

from training.corpus.dataset import SPLITS
from training.corpus.duplicates import digest_of, tokens_of
from training.corpus.quality import Facts, fault
from training.corpus.records import Record, from_row
from training.corpus.report import Step
from training.corpus.selection import KEPT, WHY, Selection
from training.corpus.shelf import Shelf
from training.corpus.staging import as_line


def sift(shelf: Shelf, removed: BinaryIO, count_tokens: Callable[[str], int] | None) -> None:
    """Take boilerplate out and set aside what breaks a rule; the rest goes on with its signature.

    Args:
        shelf: what was read.
        removed: where rows go that break a rule.
        count_tokens: the length of a text; in words if it is None.
    """
    settings, builder = shelf.settings, shelf.builder
    lengths = count_tokens or (lambda text: len(text.split()))
    trimmed = characters = 0
    for number, row in enumerate(shelf.staged.rows()):
        shelf.tell("cleaning", number, len(shelf.staged), number)
        record = from_row(row, shelf.set_kind)
        if settings.boilerplate and record.kind in ("text", "labelled"):
            record = replace(record, text=shelf.boilerplate.without(record.text))
            row["text"] = record.text
        trimmed += len(record.content)
        facts = Facts(record, settings.limits)
        stays = row["id"] in settings.keep
        reason = _fault(facts, judged=settings.quality and not stays)
        if reason is not None:
            builder.removed(row["id"], record, "quality", reason)
            removed.write(as_line(row | {"step": "quality", "reason": reason}))
            continue
        characters += len(record.content)
        builder.languages[facts.language] += 1
        shelf.clean.append(row)
        _mark(shelf, record, number, stays=stays, length=lengths(record.content))
    shelf.signatures.flush()
    if settings.boilerplate:
        builder.funnel.append(Step("boilerplate", len(shelf.staged), trimmed))
    if settings.quality:
        builder.funnel.append(Step("quality", len(shelf.clean), characters))


def _fault(facts: Facts, *, judged: bool) -> str | None:
    if any(not text.strip() for text in facts.record.texts):
        return "no text"  # nothing that could be kept, whatever the settings
    return fault(facts) if judged else None


def _mark(shelf: Shelf, record: Record, number: int, *, stays: bool, length: int) -> None:
    content = record.content
    tokens = tokens_of(content)
    digest = digest_of(tokens)
    marks = shelf.marks
    marks.high.append(int.from_bytes(digest[:8]))
    marks.low.append(int.from_bytes(digest[8:]))
    marks.key.append(int.from_bytes(hashlib.blake2b(content.encode(), digest_size=8).digest()))
    marks.group.append(shelf.staged_groups[number])
    marks.cut.append(shelf.staged_cuts[number])
    marks.characters.append(len(content))
    marks.length.append(length)
    marks.stays.append(stays)
    shelf.signatures.add(tokens)


def write_splits(shelf: Shelf, selection: Selection, folder: Path, removed: BinaryIO) -> dict[str, int]:
    """Write train.jsonl and held_out.jsonl into `folder`, and the duplicates to `removed`."""
    builder, marks = shelf.builder, shelf.marks
    counts: dict[str, int] = dict.fromkeys(SPLITS, 0)
    with ExitStack() as stack:
        files = {split: stack.enter_context(shelf.safe.create(folder / f"{split}.jsonl")) for split in SPLITS}
        for number in range(len(shelf.clean)):
            shelf.tell("writing", number, len(shelf.clean), number)
            if selection.state[number] != KEPT:
                _set_aside(shelf, selection, number, removed)
                continue
            split = SPLITS[int(selection.held_out[number])]
            files[split].write(shelf.clean.line(number))
            counts[split] += 1
            builder.length(marks.length[number])
            if shelf.kind == "labelled":
                builder.labels[shelf.clean.row(number)["label"]] += 1
    return counts


def _set_aside(shelf: Shelf, selection: Selection, number: int, removed: BinaryIO) -> None:
    row = shelf.clean.row(number)
    twin = shelf.clean.row(int(selection.like[number]))
    step = WHY[int(selection.state[number])]
    reason = f"{step}: of {twin['id']} in {twin['source']}"
    shelf.builder.removed(row["id"], from_row(row, shelf.set_kind), step, reason)
    removed.write(as_line(row | {"step": step, "reason": reason}))
