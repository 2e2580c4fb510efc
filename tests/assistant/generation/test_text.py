"""Tokens to text while they arrive: whole characters, no stop text, nothing lost."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from assistant.generation.text import TextStream


def by_bytes(tokens: list[int]) -> str:
    """A tokenizer whose every token is a byte, as byte-level BPE at its worst."""
    return bytes(tokens).decode("utf-8", "replace")


def streamed(data: bytes, stop: tuple[str, ...] = ()) -> tuple[list[str], TextStream]:
    stream = TextStream(by_bytes, stop)
    pieces = [stream.push(byte) for byte in data]
    return [*pieces, stream.finish()], stream


@given(st.text())
def test_every_text_arrives_whole(text: str) -> None:
    pieces, stream = streamed(text.encode("utf-8", "ignore"))
    assert "".join(pieces) == text.encode("utf-8", "ignore").decode().rstrip("\ufffd")
    assert stream.tokens == len(text.encode("utf-8", "ignore"))


@given(st.text(alphabet="aé😀 ", min_size=1))
def test_no_piece_holds_half_a_character(text: str) -> None:
    pieces, _ = streamed(text.encode())
    assert all("\ufffd" not in piece for piece in pieces)


def test_half_a_character_at_the_end_is_dropped() -> None:
    pieces, _ = streamed("Tremor 😀".encode()[:-1])
    assert "".join(pieces) == "Tremor "


@given(st.text(alphabet="ab", max_size=12), st.text(alphabet="ab", max_size=12))
def test_text_ends_before_the_first_stop_text(before: str, after: str) -> None:
    text = f"{before}ST{after}"
    pieces, stream = streamed(text.encode(), ("ST",))
    assert "".join(pieces) == before
    assert stream.stopped


@given(st.text(alphabet="ST ", max_size=20))
def test_what_only_begins_like_a_stop_text_is_not_lost(text: str) -> None:
    pieces, stream = streamed(text.encode(), ("STOP",))
    assert "".join(pieces) == text
    assert not stream.stopped
