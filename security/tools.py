"""What the lab's runs may need of the app, put together for the page and for the shell.

The lab itself knows neither the assistant nor training. Nothing is loaded before a run asks for it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from assistant.pipeline import Assistant
    from security.lab.language import Answered


def lab_tools(assistant: Callable[[], Assistant]) -> Mapping[str, Any]:
    """The tools by name; `assistant` is called at each answer, and may wait until its models are loaded."""
    from security.lab.language import TOOL
    from training.classroom import Classroom

    return {TOOL: Classroom(lambda note, question: answer_once(assistant(), note, question))}


def answer_once(assistant: Assistant, note: str, question: str) -> Answered:
    """The whole answer as the page gives it, with what was left out of it.

    Raises:
        AssistantError: the words can't be used, or the model failed.
    """
    from assistant.pipeline import Question
    from assistant.types import Checked, Done, Triaged
    from security.lab.language import Answered

    text = ""
    left_out: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    for event in assistant.answer(Question(question, note)):
        if isinstance(event, Triaged) and event.triage.level != "routine":
            warnings = (event.triage.advice,)
        elif isinstance(event, Checked):
            left_out = tuple(check.text for check in event.sentences if check.kind == "unsupported")
        elif isinstance(event, Done):
            text = event.answer
    return Answered(text, left_out, warnings)
