"""Run folders: never of two runs, and the best model is whole whatever happens."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.training import tiny
from training import runs
from training.errors import RunError


def test_a_name_is_never_used_twice_whatever_its_case(tmp_path: Path) -> None:
    config = tiny.config("gpt", name="Asthma")
    folder = runs.create(tmp_path / "runs", config)
    assert runs.config_of(folder) == config
    for name in ("Asthma", "asthma"):
        with pytest.raises(RunError, match=f"There is a run named {name} already"):
            runs.create(tmp_path / "runs", tiny.config("gpt", name=name))


def test_a_place_that_cannot_hold_runs_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(RunError, match="can't be made"):
        runs.create(tmp_path / "file" / "runs", tiny.config("gpt"))


class Saved:
    """Writes its text where a model would write its weights."""

    def __init__(self, text: str) -> None:
        self._text = text

    def save_pretrained(self, folder: Path, **_: Any) -> None:
        folder.mkdir(exist_ok=True)
        (folder / self._text).write_text(self._text)


def test_the_best_is_replaced_whole(tmp_path: Path) -> None:
    for text in ("first", "second"):
        runs.save_best(tmp_path, Saved(text), Saved("tokenizer"), ("O",))
    assert sorted(path.name for path in (tmp_path / "best").iterdir()) == [
        "labels.json",
        "second",
        "tokenizer",
    ]
    assert [path.name for path in tmp_path.iterdir()] == ["best"]


def test_a_crash_between_the_two_renames_is_made_good(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs.save_best(tmp_path, Saved("first"), Saved("tokenizer"))
    real, calls = Path.rename, [0]

    def fragile(path: Path, target: Path) -> Path:
        calls[0] += 1
        if calls[0] == 2:
            raise KeyboardInterrupt
        return real(path, target)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(Path, "rename", fragile)
        runs.save_best(tmp_path, Saved("second"), Saved("tokenizer"))
    assert not (tmp_path / "best").exists()
    runs.recover_best(tmp_path)
    assert (tmp_path / "best" / "second").exists()
    runs.save_best(tmp_path, Saved("third"), Saved("tokenizer"))
    assert [path.name for path in tmp_path.iterdir()] == ["best"]
