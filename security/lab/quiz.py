"""Marking a quiz: what was right, and why the rest was wrong."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

from security.lab.errors import BadParameterError
from security.lab.lesson import Answer, Lesson, Question


@dataclass(frozen=True)
class Marked:
    """One question, what was chosen (None: nothing), and what would have been right."""

    question: Question
    chosen: Answer | None
    right: Answer

    @property
    def correct(self) -> bool:
        """Whether the right one was chosen."""
        return self.chosen is self.right


def shuffled(lesson: Lesson, question: Question, seed: int) -> tuple[Answer, ...]:
    """The answers in an order that the seed decides, so that a class sees the same."""
    answers = list(question.answers)
    random.Random(f"{lesson.id}:{question.text}:{seed}").shuffle(answers)
    return tuple(answers)


def mark(lesson: Lesson, chosen: Sequence[str | None]) -> list[Marked]:
    """Mark the texts of the chosen answers, one a question, None where nothing was chosen.

    Raises:
        BadParameterError: there are more or fewer than questions, or a text is no answer of its question.
    """
    if len(chosen) != len(lesson.quiz):
        raise BadParameterError("quiz", f"it has {len(lesson.quiz)} questions; {len(chosen)} were answered.")
    marked = []
    for question, text in zip(lesson.quiz, chosen, strict=True):
        found = next((answer for answer in question.answers if answer.text == text), None)
        if text is not None and found is None:
            raise BadParameterError("quiz", f"{text!r} is no answer to {question.text!r}.")
        right = next(answer for answer in question.answers if answer.right)
        marked.append(Marked(question, found, right))
    return marked
