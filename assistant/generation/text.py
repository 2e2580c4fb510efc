"""Tokens to text while they arrive: whole characters only, stop texts cut off.

Knows no engine: it is handed a `decode` function. It doesn't choose tokens and doesn't time them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

REPLACEMENT = "�"


class TextStream:
    """Turns token ids into text that may be shown at once.

    A token can be a part of a character (byte-level BPE), and the text of a token can depend on the
    token before it (SentencePiece drops a leading space). So each new tail is decoded together with
    the tokens of the last piece shown, and the difference is what is new; a tail that ends inside a
    character is held back. Text that could be the beginning of a stop text is held back as well.
    """

    def __init__(self, decode: Callable[[list[int]], str], stop: Sequence[str] = ()) -> None:
        self._decode = decode
        self._stop = tuple(stop)
        self._shown: list[int] = []  # the tokens of the last piece: context for the next ones
        self._fresh: list[int] = []  # tokens whose text is not out yet
        self._held = ""
        self.tokens = 0
        self.stopped = False

    def push(self, token: int) -> str:
        """Take one token; the text that is now certain, often one word, sometimes nothing."""
        if self.stopped:
            return ""
        self.tokens += 1
        self._fresh.append(token)
        before = self._decode(self._shown) if self._shown else ""
        after = self._decode(self._shown + self._fresh)
        if after.endswith(REPLACEMENT) or len(after) <= len(before):
            return ""
        self._shown, self._fresh = self._fresh, []
        return self._release(after[len(before) :])

    def finish(self) -> str:
        """What was held back, without the half of a character that may be left. Call it once, at the end."""
        if self.stopped:
            return ""
        before = self._decode(self._shown) if self._shown else ""
        after = self._decode(self._shown + self._fresh) if self._fresh else before
        text = self._release(after[len(before) :].rstrip(REPLACEMENT))
        rest, self._held, self._fresh = self._held, "", []
        return text if self.stopped else text + rest

    def _release(self, text: str) -> str:
        """`text` after what is held, up to a stop text or to what could become one."""
        text = self._held + text
        self._held = ""
        ends = [at for at in (text.find(stop) for stop in self._stop) if at >= 0]
        if ends:
            self.stopped = True
            return text[: min(ends)]
        keep = max((_overlap(text, stop) for stop in self._stop), default=0)
        if keep:
            text, self._held = text[:-keep], text[-keep:]
        return text


def _overlap(text: str, stop: str) -> int:
    """Length of the longest end of `text` that is a beginning of `stop`."""
    for size in range(min(len(text), len(stop) - 1), 0, -1):
        if text.endswith(stop[:size]):
            return size
    return 0
