"""A preparation with a key: the same set, and at no moment a word of the text in a file."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.training.corpus.makers import texts
from training.corpus import Extras, PrepareSettings, Progress, QualityLimits, prepare
from training.corpus.dataset import DataSet
from training.corpus.report import Report
from training.errors import BadDataError
from training.safe import Safe

WORDS = "Zebulon Quartermain had the purple fever"
SAFE, OTHER = Safe("ann", bytes(range(32))), Safe("ann", bytes(range(1, 33)))
SETTINGS = PrepareSettings(limits=QualityLimits(languages=(), min_variety=0.0, max_repeated=1.0))


def given(folder: Path) -> Path:
    """Plain files, one of them in an archive, of more than a few blocks of what is put aside."""
    folder.mkdir()
    for number, text in enumerate(texts(1, 600)):
        (folder / f"{number}.txt").write_text(f"{WORDS} {number}. {text}\n" * 2, "utf-8")
    shutil.make_archive(str(folder / "packed"), "zip", folder, "3.txt")
    (folder / "3.txt").unlink()
    return folder


def test_no_word_is_in_a_file_at_any_moment(tmp_path: Path) -> None:
    plain = given(tmp_path / "notes")
    sealed = tmp_path / "sealed" / "notes"
    shutil.copytree(plain, sealed)
    for path in sealed.iterdir():
        assert SAFE.seal(path)
    seen: dict[str, int] = {}

    def look(progress: Progress) -> None:
        if progress.step == "reading" and progress.done < progress.total:
            return
        for path in (tmp_path / "sealed").rglob("*"):
            if path.is_file() and path.parent != sealed:
                content = path.read_bytes()
                assert WORDS.encode() not in content, path
                seen[path.name] = max(seen.get(path.name, 0), len(content))

    report = prepare([sealed], tmp_path / "sealed" / "set", SETTINGS, look, Extras(safe=SAFE))
    assert min(seen["staged.jsonl"], seen["clean.jsonl"], seen["signatures"]) > 1 << 14
    assert seen["train.jsonl"] > 1 << 14
    folder = tmp_path / "sealed" / "set"
    assert not any(WORDS.encode() in path.read_bytes() for path in folder.iterdir())

    alike = prepare([plain], tmp_path / "set", SETTINGS)
    assert (alike.funnel, alike.counts) == (report.funnel, report.counts)
    assert alike.bytes_read == report.bytes_read
    assert DataSet.open(folder, SAFE).hash == DataSet.open(tmp_path / "set").hash
    assert list(DataSet.open(folder, SAFE).removed()) == list(DataSet.open(tmp_path / "set").removed())
    assert Report.open(folder, SAFE) == report


def test_sources_that_another_sealed_are_named(tmp_path: Path) -> None:
    folder = given(tmp_path / "notes")
    for path in folder.iterdir():
        OTHER.seal(path)
    with pytest.raises(BadDataError, match=r"No document could be read.*doesn't open"):
        prepare([folder], tmp_path / "set", SETTINGS, extras=Extras(safe=SAFE))
