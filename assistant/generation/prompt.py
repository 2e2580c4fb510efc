"""From a conversation to what a chat template may be given: nothing forged, nothing too long.

The template itself is the model's own and is applied by the engines. What the messages say is the
pipeline's matter.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence

from assistant.errors import BadInputError
from assistant.types import Message


class Turns:
    """Messages as a chat template takes them, with the model's control tokens made harmless.

    A control token inside a message (`<|im_end|>`) would be read as the end of that message, and the
    text after it as a turn of its own, perhaps as the system's. A space after its first character
    leaves it readable and takes the power from it.
    """

    def __init__(self, control_tokens: Iterable[str]) -> None:
        tokens = sorted({token for token in control_tokens if len(token) > 1}, key=len, reverse=True)
        self._control = re.compile("|".join(map(re.escape, tokens))) if tokens else None

    def plain(self, text: str) -> str:
        """`text` without control tokens; breaking one up never makes another."""
        if self._control is None:
            return text
        while broken := self._control.sub(lambda found: f"{found[0][0]} {found[0][1:]}", text):
            if broken == text:
                break
            text = broken
        return text

    def as_template_input(self, messages: Sequence[Message]) -> list[dict[str, str]]:
        """Role and content of every message."""
        return [{"role": message.role, "content": self.plain(message.content)} for message in messages]


def fit(messages: Sequence[Message], limit: int, count: Callable[[Sequence[Message]], int]) -> list[Message]:
    """The conversation within `limit` tokens: the oldest turns go first, a question with its answers.

    System messages (the facts and passages) and the last question always stay.

    Args:
        messages: the whole conversation, the question last.
        limit: tokens that the prompt may have: the context less the room for the answer.
        count: tokens of a conversation, as `Engine.count`; more messages never count less.

    Raises:
        BadInputError: there is no question at the end, or facts and question alone are too long.
    """
    if not messages or messages[-1].role != "user":
        raise BadInputError("A conversation must end with the question to answer.")
    groups = _groups(messages)

    def without(dropped: int) -> list[Message]:
        gone = {index for group in groups[:dropped] for index in group}
        return [message for index, message in enumerate(messages) if index not in gone]

    dropped = bisect_left(range(len(groups) + 1), True, key=lambda n: count(without(n)) <= limit)
    if dropped > len(groups):
        needed = count(without(len(groups)))
        raise BadInputError(
            f"The question with its facts is too long for this model: {needed} tokens, and {limit} fit. "
            "Shorten the text, or choose a model with a larger context."
        )
    return without(dropped)


def leave_room(prompt: int, context: int) -> int:
    """Tokens left for an answer after a prompt of `prompt` tokens.

    Raises:
        BadInputError: none is left.
    """
    if prompt >= context:
        raise BadInputError(
            f"The conversation has {prompt} tokens and the model reads up to {context}. "
            "Shorten it, or clear it."
        )
    return context - prompt


def _groups(messages: Sequence[Message]) -> list[list[int]]:
    """Indices of the turns that may be dropped, oldest first; a group begins with a question."""
    groups: list[list[int]] = []
    for index, message in enumerate(messages[:-1]):
        if message.role == "system":
            continue
        if message.role == "user" or not groups:
            groups.append([])
        groups[-1].append(index)
    return groups
