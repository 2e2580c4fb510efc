"""Weight files: the ones on record are used, anything else is refused by name."""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

import pytest

from assistant.errors import WeightsError
from assistant.weights import (
    BERT_FILES,
    GPT,
    INSTALL_HINT,
    WeightFile,
    bert_folder,
    gpt_file,
    locate,
    sha256_of,
    verified,
)

CONTENT = b"weights" * 200_000  # more than one piece is read
ON_RECORD = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def weight(tmp_path: Path) -> Path:
    path = tmp_path / "model.safetensors"
    path.write_bytes(CONTENT)
    return path


def refusal(path: Path, sha256: str = ON_RECORD) -> str:
    with pytest.raises(WeightsError) as caught:
        verified(path, sha256)
    return str(caught.value)


def test_the_file_on_record_is_accepted(weight: Path) -> None:
    assert verified(weight, ON_RECORD) == weight
    assert sha256_of(weight) == ON_RECORD


def test_a_missing_file_is_named_with_the_command_that_brings_it(tmp_path: Path) -> None:
    told = refusal(tmp_path / "gone.gguf")
    assert "gone.gguf" in told
    assert INSTALL_HINT in told


def test_a_folder_in_the_place_of_the_file_counts_as_missing(tmp_path: Path) -> None:
    (tmp_path / "model.safetensors").mkdir()
    assert "missing" in refusal(tmp_path / "model.safetensors")


@pytest.mark.parametrize("place", [0, len(CONTENT) // 2, len(CONTENT) - 1])
def test_one_changed_bit_anywhere_is_refused_with_both_digests(weight: Path, place: int) -> None:
    changed = bytearray(CONTENT)
    changed[place] ^= 1
    weight.write_bytes(changed)
    told = refusal(weight)
    assert "model.safetensors" in told
    assert ON_RECORD[:16] in told
    assert hashlib.sha256(changed).hexdigest()[:16] in told


@pytest.mark.parametrize("place", [0, 31, 63])
def test_every_digit_of_the_digest_on_record_counts(weight: Path, place: int) -> None:
    other = "1" if ON_RECORD[place] == "0" else "0"
    assert "refused" in refusal(weight, ON_RECORD[:place] + other + ON_RECORD[place + 1 :])


@pytest.mark.parametrize("content", [b"", CONTENT[:-1], CONTENT + b"\0"])
def test_a_file_cut_or_continued_is_refused(weight: Path, content: bytes) -> None:
    weight.write_bytes(content)
    assert "refused" in refusal(weight)


@pytest.mark.skipif(not Path("/proc/self/mem").exists(), reason="needs a file whose reading fails")
def test_a_file_that_can_not_be_read_is_refused_in_the_family() -> None:
    assert "mem can't be read" in refusal(Path("/proc/self/mem"))


def test_a_package_that_is_not_installed_is_named_with_the_command_that_brings_it() -> None:
    with pytest.raises(WeightsError) as caught:
        locate(WeightFile("asklepion_weights_of_nowhere", "x.gguf", ON_RECORD))
    assert "asklepion_weights_of_nowhere" in str(caught.value)
    assert INSTALL_HINT in str(caught.value)


def test_a_package_is_found_without_running_its_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "asklepion_hostile_weights"
    package.mkdir()
    (package / "__init__.py").write_text("raise SystemExit('this code ran')")
    (package / "model.bin").write_bytes(CONTENT)
    monkeypatch.syspath_prepend(tmp_path)
    path = locate(WeightFile("asklepion_hostile_weights", "model.bin", ON_RECORD))
    assert verified(path, ON_RECORD) == package / "model.bin"
    assert "asklepion_hostile_weights" not in sys.modules


def test_a_folder_without_code_is_no_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "asklepion_bare_folder").mkdir()
    (tmp_path / "asklepion_bare_folder" / "model.bin").write_bytes(CONTENT)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(WeightsError, match="asklepion_bare_folder"):
        locate(WeightFile("asklepion_bare_folder", "model.bin", ON_RECORD))


@pytest.mark.model
def test_the_embedded_weights_are_the_ones_on_record() -> None:
    assert gpt_file().name == GPT.path
    assert {path.name for path in bert_folder().iterdir()} >= {Path(item.path).name for item in BERT_FILES}
