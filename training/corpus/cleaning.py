"""Repairs to a text that change how it is written and never what it says.

Not done: spelling, expansion of abbreviations, joining of lines that a page broke.
"""

from __future__ import annotations

import functools
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ftfy import TextFixerConfig

# Controls, soft hyphens, zero-width spaces, byte-order marks and marks that turn the direction of a text.
# Joiners (U+200C, U+200D) stay: some scripts need them.
_UNSEEN = re.compile(
    "[\x00-\x08\x0e-\x1f\x7f-\x9f\xad\u200b\u2060\ufeff\u200e\u200f\u202a-\u202e\u2066-\u2069]"
)
_BREAKS = re.compile("\r\n|[\r\x0b\x0c\x85\u2028\u2029]")
_SPACES = re.compile("[\xa0\u1680\u2000-\u200a\u202f\u205f\u3000]")
_LINE_ENDS = re.compile(r"[ \t]+$", re.MULTILINE)
_BLANK_LINES = re.compile(r"\n{3,}")
# What Word's symbol fonts leave behind where a list had bullets.
_BULLETS = re.compile("[\uf0b7\uf0a7\uf0d8\uf0fc]")


def repaired(text: str) -> str:
    """`text` with mojibake undone, in Unicode's composed form, without what can't be seen.

    Applying it twice gives what applying it once gives.
    """
    text = _BREAKS.sub("\n", text)
    if not text.isascii() or "&" in text or "\x1b" in text:
        text = _fixed(text)
        text = _BULLETS.sub("•", _SPACES.sub(" ", _BREAKS.sub("\n", text)))
    text = _UNSEEN.sub("", text)
    return _BLANK_LINES.sub("\n\n", _LINE_ENDS.sub("", text)).strip()


def _fixed(text: str) -> str:
    import ftfy

    return ftfy.fix_text(text, _config())


@functools.cache
def _config() -> TextFixerConfig:
    import ftfy

    # Curly quotes are no damage, and letter spacing or ligatures from a PDF are.
    return ftfy.TextFixerConfig(uncurl_quotes=False, normalization="NFC", explain=False)
