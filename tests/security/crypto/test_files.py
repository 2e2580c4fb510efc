"""Sealed files: what was written is read back from any place; whatever else is done to a file is refused."""

from __future__ import annotations

import gc
import io
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from security.crypto.errors import SealError
from security.crypto.files import (
    CHUNK,
    HEADER_BYTES,
    MAGIC,
    SealedReader,
    SealedWriter,
    is_sealed,
    seal_file,
)
from security.crypto.sealing import TAG_BYTES, SealContext
from tests.security.crypto.fakes import every_bit_flipped

KEY, OTHER = bytes(range(32)), bytes(range(1, 33))
CONTEXT = SealContext("ada", "training", "train.jsonl")
SEALED = CHUNK + TAG_BYTES
LENGTHS = st.sampled_from([0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, 2 * CHUNK + 7])


class Kept(io.BytesIO):
    """Remembers what it held when it was closed."""

    content = b""

    def close(self) -> None:
        if not self.closed:
            self.content = self.getvalue()
        super().close()


def sealed(text: bytes, context: SealContext = CONTEXT, key: bytes = KEY) -> bytes:
    target = Kept()
    with SealedWriter(target, key, context) as writer:
        writer.write(text)
    return target.content


def opened(content: bytes, context: SealContext = CONTEXT, key: bytes = KEY) -> bytes:
    with SealedReader(io.BytesIO(content), key, context) as reader:
        return reader.read() or b""


def text_of(length: int) -> bytes:
    return (b"the quick brown fox %d. " % length * (length // 20 + 1))[:length]


def refused(content: bytes, context: SealContext = CONTEXT, key: bytes = KEY) -> None:
    with pytest.raises(SealError):
        opened(content, context, key)


@given(LENGTHS, st.lists(st.integers(1, CHUNK + 3), max_size=5))
def test_what_was_written_in_any_pieces_is_read_back(length: int, pieces: list[int]) -> None:
    text, target, at = text_of(length), Kept(), 0
    with SealedWriter(target, KEY, CONTEXT) as writer:
        for piece in pieces:
            assert writer.write(text[at : at + piece]) == len(text[at : at + piece])
            at += piece
        writer.flush()
        writer.write(text[at:])
    assert opened(target.content) == text
    assert len(target.content) == HEADER_BYTES + length + TAG_BYTES * max(1, -(-length // CHUNK))


@given(LENGTHS, st.integers(0, 2 * CHUNK + 20), st.integers(0, CHUNK))
def test_a_reader_goes_to_any_place(length: int, at: int, size: int) -> None:
    text = text_of(length)
    with io.BufferedReader(SealedReader(io.BytesIO(sealed(text)), KEY, CONTEXT)) as reader:
        assert reader.seek(0, io.SEEK_END) == length
        reader.seek(at)
        assert reader.read(size) == text[at : at + size]


def test_lines_of_text_are_read_through_the_standard_wrappers() -> None:
    text = "".join(f"línea {number}\n" for number in range(20_000))
    raw = SealedReader(io.BytesIO(sealed(text.encode())), KEY, CONTEXT)
    with io.TextIOWrapper(io.BufferedReader(raw), encoding="utf-8") as lines:
        assert list(lines) == text.splitlines(keepends=True)


def test_two_files_of_one_text_have_nothing_in_common_and_no_word_of_it() -> None:
    text = b"chest pain since Tuesday" * 9
    one, other = sealed(text), sealed(text)
    assert b"chest" not in one
    assert one[: len(MAGIC)] == other[: len(MAGIC)]
    assert one[HEADER_BYTES:] != other[HEADER_BYTES:]


def test_every_flipped_bit_is_refused() -> None:
    for changed in every_bit_flipped(sealed(b"short")):
        refused(changed)


@settings(max_examples=60)
@given(st.integers(0, HEADER_BYTES + 3 * SEALED - 1), st.integers(1, 255))
def test_a_changed_byte_of_a_long_file_is_refused(at: int, mask: int) -> None:
    changed = bytearray(LONG)
    changed[at % len(LONG)] ^= mask
    refused(bytes(changed))


LONG = sealed(text_of(2 * CHUNK + 500))


@settings(max_examples=60)
@given(st.integers(0, len(LONG) - 1))
def test_a_cut_file_is_refused(length: int) -> None:
    refused(LONG[:length])


@pytest.mark.parametrize("chunks", [0, 1, 2])
def test_a_file_cut_between_two_chunks_is_refused(chunks: int) -> None:
    refused(LONG[: HEADER_BYTES + chunks * SEALED])


@given(st.binary(min_size=1, max_size=40))
def test_bytes_behind_the_end_are_refused(more: bytes) -> None:
    refused(LONG + more)
    refused(sealed(text_of(CHUNK)) + more)


def chunks_of(content: bytes) -> list[bytes]:
    body = content[HEADER_BYTES:]
    return [body[at : at + SEALED] for at in range(0, len(body), SEALED)]


@pytest.mark.parametrize("order", [(1, 0, 2), (0, 2), (0, 0, 1, 2), (0, 1, 1), (0, 1, 2, 2)])
def test_chunks_in_another_order_dropped_or_doubled_are_refused(order: tuple[int, ...]) -> None:
    chunks = chunks_of(LONG)
    refused(LONG[:HEADER_BYTES] + b"".join(chunks[number] for number in order))


def test_a_chunk_of_another_file_is_refused() -> None:
    other = sealed(text_of(2 * CHUNK + 500))
    mixed = [chunks_of(LONG)[0], chunks_of(other)[1], chunks_of(LONG)[2]]
    refused(LONG[:HEADER_BYTES] + b"".join(mixed))
    refused(other[:HEADER_BYTES] + LONG[HEADER_BYTES:])


@pytest.mark.parametrize(
    "context",
    [
        SealContext("bob", "training", "train.jsonl"),
        SealContext("ada", "history", "train.jsonl"),
        SealContext("ada", "training", "test.jsonl"),
    ],
)
def test_another_owner_purpose_or_record_is_refused(context: SealContext) -> None:
    refused(sealed(b"text"), context)


def test_another_key_is_refused_and_a_key_of_another_length() -> None:
    refused(sealed(b"text"), key=OTHER)
    refused(sealed(b"text"), key=KEY[:-1])


@pytest.mark.parametrize("length", [0, 5, CHUNK, 2 * CHUNK])
@pytest.mark.parametrize("end", [SealedWriter.abort, SealedWriter.flush])
def test_a_file_that_was_not_ended_does_not_open(
    tmp_path: Path, length: int, end: Callable[[SealedWriter], None]
) -> None:
    path = tmp_path / "file"
    writer = SealedWriter.create(path, KEY, CONTEXT)
    writer.write(text_of(length))
    end(writer)
    writer.abort()
    with pytest.raises(SealError):
        SealedReader.open(path, KEY, CONTEXT)


def test_neither_an_error_nor_oblivion_ends_a_file(tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    with pytest.raises(KeyError), SealedWriter.create(one, KEY, CONTEXT) as writer:
        writer.write(b"text")
        raise KeyError
    forgotten = SealedWriter.create(other, KEY, CONTEXT)
    forgotten.write(b"text")
    del forgotten
    gc.collect()
    for path in (one, other):
        with pytest.raises(SealError):
            SealedReader.open(path, KEY, CONTEXT)


def test_a_closed_file_takes_and_gives_nothing(tmp_path: Path) -> None:
    path = tmp_path / "file"
    writer = SealedWriter.create(path, KEY, CONTEXT)
    writer.close()
    writer.close()
    with pytest.raises(ValueError, match="closed"):
        writer.write(b"text")
    reader = SealedReader.open(path, KEY, CONTEXT)
    reader.close()
    with pytest.raises(ValueError, match="closed"):
        reader.read(1)


def test_a_plain_file_is_sealed_in_place_once_and_for_its_owner_alone(tmp_path: Path) -> None:
    path, text = tmp_path / "train.jsonl", text_of(CHUNK + 9)
    path.write_bytes(text)
    path.chmod(0o644)
    assert not is_sealed(path)
    assert seal_file(path, KEY, CONTEXT)
    before = path.read_bytes()
    assert is_sealed(path)
    assert text[:20] not in before
    assert path.stat().st_mode & 0o777 == 0o600
    assert not seal_file(path, KEY, CONTEXT)
    assert path.read_bytes() == before
    assert opened(before) == text
    assert [found.name for found in tmp_path.iterdir()] == ["train.jsonl"]


def test_no_key_is_shown() -> None:
    writer = SealedWriter(io.BytesIO(), KEY, CONTEXT)
    assert KEY.hex() not in repr(vars(writer))
    assert repr(KEY) not in repr(vars(writer))
    writer.abort()
