"""The lesson of the how-to, as a module, and small runs that misbehave."""

from __future__ import annotations

import re
import sys
import types
from pathlib import Path

from security.lab.lesson import Lesson

HOW_TO = Path(__file__).parents[3] / "docs" / "new-lesson.md"


def source() -> str:
    """The text of the lesson in the how-to."""
    found = re.search(r"```python\n(.*?)```", HOW_TO.read_text(encoding="utf-8"), re.DOTALL)
    assert found is not None
    return found.group(1)


def _load() -> Lesson:
    module = types.ModuleType("tests.security.lab.checksum")
    sys.modules[module.__name__] = module
    exec(compile(source(), str(HOW_TO), "exec"), module.__dict__)
    lesson: Lesson = module.LESSON
    return lesson


LESSON = _load()
