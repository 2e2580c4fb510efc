"""Files -> a prepared data set: read, repair, clean, judge, drop duplicates, split. One document at a time.

The text is on the disk, in two passes over files of our own; memory holds a few numbers for each document.
The set's folder appears whole or not at all, and an existing one is never touched.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from training.corpus.dataset import DESCRIPTION, REMOVED, hash_of
from training.corpus.problems import EmptySetError
from training.corpus.reading import Deidentify, read_all
from training.corpus.report import Report, ReportBuilder
from training.corpus.selection import selected
from training.corpus.settings import PrepareSettings
from training.corpus.shelf import Progress, Shelf
from training.corpus.sources import Source, find_sources
from training.corpus.stages import sift, write_splits
from training.errors import BadDataError
from training.safe import PLAIN, Safe


@dataclass(frozen=True)
class Extras:
    """What a caller may lend: de-identification, a token counter for the lengths, and the clock.

    deidentify: a text -> the text without identifiers, and how many of each sort were taken out. It sees
        each text before anything of it is kept. Tagged sentences are not given to it.
    count_tokens: a text -> its length in tokens; without it lengths are in words.
    now: seconds since the epoch.
    safe: opens what is read, and seals all that is written, what is put aside on the way included.
    """

    deidentify: Deidentify | None = None
    count_tokens: Callable[[str], int] | None = None
    now: Callable[[], float] = time.time
    safe: Safe = PLAIN


def prepare(
    inputs: Sequence[Path],
    out: Path,
    settings: PrepareSettings,
    on_progress: Callable[[Progress], None] | None = None,
    extras: Extras | None = None,
) -> Report:
    """Make a data set of files and folders in the new folder `out`.

    `on_progress` is called every few hundred documents; what it raises ends the preparation, and nothing is
    left of it.

    Raises:
        BadDataError: `out` exists, no file can be used, the kinds of the files don't go together, or no
            document can be held out.
        EmptySetError: nothing is left after cleaning; it carries the report.
    """
    extras = extras or Extras()
    _refuse_existing(out)
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        work = Path(tempfile.mkdtemp(prefix=f".{out.name}.", dir=out.parent))
    except OSError as error:
        raise _unwritable(out, error) from error
    try:
        return _prepared(inputs, out, work, settings, on_progress or _silent, extras)
    except OSError as error:
        raise _unwritable(out, error) from error
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _prepared(
    inputs: Sequence[Path],
    out: Path,
    work: Path,
    settings: PrepareSettings,
    on_progress: Callable[[Progress], None],
    extras: Extras,
) -> Report:
    began = extras.now()
    builder = ReportBuilder(unit="words" if extras.count_tokens is None else "tokens")
    (work / "unpacked").mkdir()
    sources, problems = find_sources(inputs, work / "unpacked", extras.safe)
    for problem in problems:
        builder.problem(problem)
    folder = work / "set"
    folder.mkdir()
    with ExitStack() as stack:
        shelf = stack.enter_context(Shelf(work, settings, builder, on_progress, extras.safe))
        read_all(shelf, sources, extras.deidentify)
        shutil.rmtree(work / "unpacked")
        if len(shelf.staged) == 0:
            raise _nothing_read(builder)
        removed = stack.enter_context(extras.safe.create(folder / REMOVED))
        sift(shelf, removed, extras.count_tokens)
        counts = write_splits(shelf, selected(shelf), folder, removed)
    report = builder.built(shelf.set_kind, shelf.boilerplate.removed, counts, extras.now() - began)
    if not counts["train"]:
        raise EmptySetError(
            f"Nothing is left after cleaning: {report.told()}. Loosen the rule that takes most, or keep "
            "documents by their id.",
            report,
        )
    report.write(folder, extras.safe)
    _describe(folder, out, sources, settings, report, extras)
    _publish(folder, out)
    return report


def _silent(progress: Progress) -> None:
    """Tell nobody."""
    del progress


def _describe(
    folder: Path,
    out: Path,
    sources: Sequence[Source],
    settings: PrepareSettings,
    report: Report,
    extras: Extras,
) -> None:
    description = {
        "name": out.name,
        "kind": report.kind,
        "seed": settings.seed,
        "hash": hash_of(folder, extras.safe),
        "counts": dict(report.counts),
        "sources": [source.name for source in sources],
        "settings": settings.to_json(),
        "created": datetime.fromtimestamp(extras.now(), UTC).isoformat(timespec="seconds"),
    }
    text = json.dumps(description, ensure_ascii=False, indent=1)
    extras.safe.write_text(folder / DESCRIPTION, text + "\n")


def _publish(folder: Path, out: Path) -> None:
    """Give the finished folder its name, once all of it is on the disk."""
    for path in folder.iterdir():
        with path.open("rb") as handle:
            os.fsync(handle.fileno())
    _refuse_existing(out)
    folder.rename(out)


def _refuse_existing(out: Path) -> None:
    if os.path.lexists(out):
        raise BadDataError(f"There is a {out.name} already, and it was left as it is. Choose another name.")


def _unwritable(out: Path, error: OSError) -> BadDataError:
    return BadDataError(
        f"The data set {out.name} can't be written: {error.strerror or error}. Nothing was left behind."
    )


def _nothing_read(builder: ReportBuilder) -> BadDataError:
    shown = " ".join(str(problem) for problem in builder.problems[:5]) or "The folder holds no file."
    more = builder.problem_count - 5
    return BadDataError(
        f"No document could be read. {shown}" + (f" And {more:,} more like these." if more > 0 else "")
    )
