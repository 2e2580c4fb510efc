"""OpenVINO's reader opens a GGUF for writing: what happens with one that this user may not write to."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest

from assistant.errors import EngineError
from assistant.generation.gguf_copy import openable


@pytest.fixture
def gguf(tmp_path: Path) -> Path:
    path = tmp_path / "model.gguf"
    path.write_bytes(b"GGUF and more")
    return path


@pytest.fixture
def locked(gguf: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The same for a user who may only read; root may always write, so the answer of the system is set."""
    real = os.access
    monkeypatch.setattr(os, "access", lambda path, mode: mode != os.W_OK and real(path, mode))
    return gguf


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "tmp"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def test_a_file_that_may_be_written_to_is_used_as_it_is(gguf: Path, temporary: Path) -> None:
    with openable(gguf) as path:
        assert path == gguf
        assert list(temporary.iterdir()) == []


def test_else_a_private_copy_is_there_for_as_long_as_it_is_read(locked: Path, temporary: Path) -> None:
    with openable(locked) as path:
        assert path.is_relative_to(temporary)
        assert (path.name, path.read_bytes()) == (locked.name, locked.read_bytes())
        assert path.parent.stat().st_mode & 0o777 == 0o700
    assert list(temporary.iterdir()) == []


def test_an_error_of_the_reader_leaves_no_copy(locked: Path, temporary: Path) -> None:
    with pytest.raises(RuntimeError, match="reader"), openable(locked):
        raise RuntimeError("reader")
    assert list(temporary.iterdir()) == []


def test_no_room_for_the_copy_is_said(locked: Path, temporary: Path) -> None:
    locked.unlink()
    with pytest.raises(EngineError, match="set TMPDIR"), openable(locked):
        pass
    assert list(temporary.iterdir()) == []
