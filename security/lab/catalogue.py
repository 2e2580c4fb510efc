"""All lessons: every module in `lessons/` that has a `LESSON`. Adding a lesson is adding its file."""

from __future__ import annotations

import functools
import importlib
import pkgutil

from security.lab import lessons
from security.lab.errors import NoSuchLessonError
from security.lab.lesson import Lesson


@functools.cache
def every() -> tuple[Lesson, ...]:
    """In the order of the course."""
    found: list[Lesson] = []
    for module in pkgutil.iter_modules(lessons.__path__):
        if not module.name.startswith("_"):
            lesson = importlib.import_module(f"{lessons.__name__}.{module.name}").LESSON
            assert isinstance(lesson, Lesson)
            found.append(lesson)
    return tuple(sorted(found, key=lambda lesson: (lesson.number, lesson.id)))


def lesson(name: str) -> Lesson:
    """The lesson of this id.

    Raises:
        NoSuchLessonError: there is none.
    """
    for one in every():
        if one.id == name:
            return one
    raise NoSuchLessonError(
        f"There is no lesson {name!r}. `python -m security lab list` shows them: "
        f"{', '.join(one.id for one in every())}."
    )
