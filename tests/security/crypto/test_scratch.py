"""A sealed file for one process: it behaves as bytes do, and is of no use to anybody else."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from security.crypto.errors import SealError
from security.crypto.scratch import BLOCK, SealedScratch

SIZES = st.one_of(st.integers(0, 50), st.integers(BLOCK - 2, BLOCK + 2), st.integers(2 * BLOCK, 3 * BLOCK))
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("append"), SIZES, st.integers(0, 255)),
        st.tuples(st.just("read"), st.integers(0, 5 * BLOCK), SIZES),
        st.tuples(st.just("truncate"), st.floats(0, 1), st.just(0)),
    ),
    max_size=20,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(STEPS)
def test_it_is_as_bytes_are(tmp_path: Path, steps: list[tuple[str, float, int]]) -> None:
    held = bytearray()
    with SealedScratch(tmp_path / "scratch") as scratch:
        for what, one, other in steps:
            if what == "append":
                piece = bytes((other + number) % 256 for number in range(int(one)))
                scratch.append(piece)
                held += piece
            elif what == "truncate":
                scratch.truncate(int(one * len(held)))
                del held[int(one * len(held)) :]
            else:
                assert scratch.read(int(one), other) == held[int(one) : int(one) + other]
            assert len(scratch) == len(held)
        assert scratch.read(0, len(held)) == held


def test_nothing_of_it_is_on_the_disk(tmp_path: Path) -> None:
    path = tmp_path / "scratch"
    scratch = SealedScratch(path)
    scratch.append(b"chest pain " * BLOCK)
    content = path.read_bytes()
    assert len(content) > BLOCK
    assert b"chest" not in content
    assert path.stat().st_mode & 0o777 == 0o600
    scratch.close()
    assert "hidden" in repr(scratch)


def test_what_was_written_twice_at_one_place_was_sealed_twice_apart(tmp_path: Path) -> None:
    path = tmp_path / "scratch"
    with SealedScratch(path) as scratch:
        scratch.append(b"a" * BLOCK)
        first = path.read_bytes()
        scratch.truncate(0)
        scratch.append(b"a" * BLOCK)
        assert path.read_bytes() != first


def test_a_change_by_somebody_else_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "scratch"
    with SealedScratch(path) as scratch:
        scratch.append(b"a" * 3 * BLOCK)
        changed = bytearray(path.read_bytes())
        changed[5] ^= 1
        path.write_bytes(changed)
        assert scratch.read(BLOCK, 3) == b"aaa"
        with pytest.raises(SealError):
            scratch.read(0, 1)
