"""Sealed lines: records are read back in order; one that was changed, moved or brought in is refused."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from security.crypto.errors import SealError
from security.crypto.sealed_lines import SealedLines, are_sealed_lines, read_lines
from security.crypto.sealing import SealContext

KEY, OTHER = bytes(range(32)), bytes(range(1, 33))
CONTEXT = SealContext("ada", "training", "metrics.jsonl")
RECORDS = [b'{"step": 0}', b"", b'{"step": 1}', b"a\nb"]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    lines = SealedLines.create(tmp_path / "metrics.jsonl", KEY, CONTEXT, RECORDS[:2])
    for record in RECORDS[2:]:
        lines.append(record)
    return tmp_path / "metrics.jsonl"


def read(path: Path, key: bytes = KEY, context: SealContext = CONTEXT) -> list[bytes]:
    return list(read_lines(path, key, context))


def test_records_are_read_back_and_none_can_be_seen(path: Path) -> None:
    assert read(path) == RECORDS
    assert are_sealed_lines(path)
    assert b"step" not in path.read_bytes()
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_last_line_that_was_cut_short_is_left_out(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-5])
    assert read(path) == RECORDS[:-1]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.data())
def test_every_changed_byte_is_refused(path: Path, data: st.DataObject) -> None:
    whole = path.read_bytes()
    at = data.draw(st.integers(0, len(whole) - 2))
    changed = bytearray(whole)
    changed[at] ^= data.draw(st.integers(1, 255))
    place = path.with_name("changed")
    place.write_bytes(changed)
    with pytest.raises(SealError):
        read(place)


@pytest.mark.parametrize("order", [(0, 2, 1, 3, 4), (0, 2, 3, 4), (0, 1, 1, 2, 3, 4), (1, 2, 3, 4)])
def test_lines_in_another_order_left_out_or_doubled_are_refused(path: Path, order: tuple[int, ...]) -> None:
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[number] for number in order))
    with pytest.raises(SealError):
        read(path)


def test_a_line_of_another_file_is_refused(path: Path) -> None:
    SealedLines.create(path.with_name("other"), KEY, CONTEXT, RECORDS)
    lines = path.read_bytes().splitlines(keepends=True)
    lines[1] = path.with_name("other").read_bytes().splitlines(keepends=True)[1]
    path.write_bytes(b"".join(lines))
    with pytest.raises(SealError):
        read(path)


def test_another_key_owner_or_record_is_refused(path: Path) -> None:
    for key, context in (
        (OTHER, CONTEXT),
        (KEY, SealContext("bob", "training", "metrics.jsonl")),
        (KEY, SealContext("ada", "training", "rounds.jsonl")),
    ):
        with pytest.raises(SealError):
            read(path, key, context)
