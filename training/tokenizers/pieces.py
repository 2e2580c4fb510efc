"""A sentence as a tokenizer cuts it: each piece with its id and its place, and a coloured view of them."""

from __future__ import annotations

import html
import re
from collections import Counter
from dataclasses import dataclass
from typing import Any

from training.tokenizers import cores
from training.tokenizers.texts import whole_characters

_COLOURS = 6
_BYTE = re.compile(r"<0x([0-9A-F]{2})>")
_SHOWN = str.maketrans({"\n": "↵", "\t": "⇥", "\r": "␍"})


@dataclass(frozen=True)
class Piece:
    """A piece of a sentence.

    Attributes:
        text: what it covers of the sentence; for a part of a character that character, with its own bytes in
            hex behind it; for a special token that the tokenizer adds, the token.
        id: in the vocabulary.
        start, end: where in the sentence, in code points. Together the pieces cover the sentence: what the
            tokenizer drops (spaces, mostly) belongs to the piece after it. Pieces that are parts of one
            character overlap in it; an added special token covers nothing.
        unknown: not in the vocabulary.
        special: a special token.
    """

    text: str
    id: int
    start: int
    end: int
    unknown: bool
    special: bool


def pieces(tokenizer: Any, sentence: str) -> tuple[Piece, ...]:
    """The pieces of a sentence, special tokens included. A sentence may give none but those."""
    sentence = whole_characters(sentence)
    encoding = tokenizer([sentence], verbose=False).encodings[0]
    unknown, specials = cores.unknown_id(tokenizer), set(tokenizer.all_special_ids)
    byte_level = cores.is_byte_level(tokenizer)
    shared = Counter(span for span in encoding.offsets if span[0] < span[1])
    last = max((index for index, (start, end) in enumerate(encoding.offsets) if start < end), default=-1)
    found: list[Piece] = []
    done = 0
    rows = zip(encoding.ids, encoding.tokens, encoding.offsets, encoding.special_tokens_mask, strict=True)
    for index, (number, token, (from_, to), added) in enumerate(rows):
        is_unknown = number == unknown and not added
        special = not is_unknown and bool(added or number in specials)
        if from_ >= to:  # it covers nothing
            found.append(Piece(token, number, done, done, is_unknown, special))
            continue
        text = sentence[from_:to]
        if not special and not is_unknown:
            text = _shown(token, text, byte_level, shared[from_, to] > 1)
        start, end = min(from_, done), len(sentence) if index == last else to
        text = sentence[start:from_] + text + sentence[to:end]
        done = max(done, end)
        found.append(Piece(text, number, start, end, is_unknown, special))
    return tuple(found)


def _shown(token: str, covered: str, byte_level: bool, shared: bool) -> str:
    """What to show of a piece that covers `covered`, perhaps with others."""
    single = _BYTE.fullmatch(token)
    raw = cores.bytes_of(token) if byte_level else bytes.fromhex(single[1]) if single else None
    if raw is not None:
        try:
            raw.decode()
        except UnicodeDecodeError:
            return f"{covered}⟨{raw.hex(' ').upper()}⟩"
        return covered
    return token.removeprefix("##").replace("▁", " ") if shared else covered


def html_view(tokenizer: Any, sentence: str) -> str:
    """The pieces as spans in six colours in turn, each with its id as its title.

    The text is escaped. To a screen reader it is a list of pieces. The classes are `pieces`, `piece` with
    `p0` to `p5`, and `piece unk`; the page's style sheet gives them colours and keeps spaces.
    """
    found = pieces(tokenizer, sentence)
    spans = "".join(_span(piece, index) for index, piece in enumerate(found))
    counted = f"{len(found)} piece{'' if len(found) == 1 else 's'}"
    return f'<div class="pieces" role="list" aria-label="{counted}">{spans}</div>'


def _span(piece: Piece, index: int) -> str:
    look = "unk" if piece.unknown else f"p{index % _COLOURS}"
    kind = ", unknown" if piece.unknown else ", special" if piece.special else ""
    text = piece.text.translate(_SHOWN)
    shown = html.escape("␣" * len(text) if text.isspace() else text)
    return f'<span class="piece {look}" role="listitem" title="{piece.id}{kind}">{shown}</span>'
