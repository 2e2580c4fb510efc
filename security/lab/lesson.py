"""What a lesson is: words, runs, questions and a program. It is data; `work` of each run is its one
function."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

from security.lab.errors import NoSuchLessonError
from security.lab.parameters import Chosen, Parameter
from security.lab.steps import Event, Verdict

PROGRAMS = Path(__file__).parent / "programs"
Kind = Literal["show", "attack", "cure"]
EXPECTED: dict[Kind, Verdict] = {"show": "works", "attack": "broken", "cure": "held"}
Work: TypeAlias = Callable[[Chosen, random.Random], Iterator[Event]]


@dataclass(frozen=True)
class Run:
    """One thing to run.

    Attributes:
        id: lower-case letters, digits and dashes, unique in its lesson.
        kind: "show" demonstrates, "attack" breaks something that the lesson showed or warns of, "cure"
            repeats an attack against the mend. With its default parameters a run ends as `EXPECTED` says.
        title: what the button says.
        text: one or two sentences on what will happen and what to look at.
        work: yields steps and, last, one Outcome. Pure: all that is random comes from the
            `random.Random`, whose `randbytes` is real bytes but never a secret. Heavy libraries are
            imported in it.
        parameters: what can be set.
        cures: for a cure, the ids of the attacks that it defeats.
        seconds, megabytes: where it is stopped. A default run takes under 2 s unless `heavy`.
        heavy: takes longer; the page shows steps as they come.
        needs: names of tools that the app hands in (`Chosen.tool`); such a run works inside the app.
    """

    id: str
    kind: Kind
    title: str
    text: str
    work: Work
    parameters: tuple[Parameter, ...] = ()
    cures: tuple[str, ...] = ()
    seconds: float = 20.0
    megabytes: int = 2048
    heavy: bool = False
    needs: tuple[str, ...] = ()


@dataclass(frozen=True)
class Answer:
    """One answer of a question, and why it is right or wrong."""

    text: str
    why: str
    right: bool = False


@dataclass(frozen=True)
class Question:
    """A question with exactly one right answer."""

    text: str
    answers: tuple[Answer, ...]


@dataclass(frozen=True)
class Use:
    """Where this app uses it: what, and the module or the page where it can be seen."""

    text: str
    where: str


@dataclass(frozen=True)
class Lesson:
    """One topic of the course.

    Attributes:
        id: lower-case letters, digits and dashes.
        number: its place in the course.
        topic: the heading it stands under in the list.
        title, question: the lecture's.
        story: what happens to the people of `story` in this lesson, in two to four sentences.
        goals: what one can answer afterwards.
        runs: the first is the default run and of kind "show"; at least one attack and one cure follow.
        quiz: at least four questions.
        code: a short program with the same libraries that runs by itself. It prints lines `name: value`;
            at least one name is that of a value in the default run (seed 0), and those must say the same.
        uses, not_covered, sources: as their names say; sources are papers, RFCs and standards.
        teacher: notes for the teacher; hints for a discussion.
    """

    id: str
    number: int
    topic: str
    title: str
    question: str
    story: str
    goals: tuple[str, ...]
    runs: tuple[Run, ...]
    quiz: tuple[Question, ...]
    code: str
    uses: tuple[Use, ...]
    not_covered: tuple[str, ...]
    sources: tuple[str, ...]
    teacher: str = ""

    def run(self, name: str = "") -> Run:
        """The run of this id; the default one without a name.

        Raises:
            NoSuchLessonError: there is none.
        """
        if not name:
            return self.runs[0]
        for run in self.runs:
            if run.id == name:
                return run
        there = ", ".join(run.id for run in self.runs)
        raise NoSuchLessonError(f"The lesson {self.id} has no run {name!r}; it has {there}.")


def program(lesson: str) -> str:
    """The text of `programs/LESSON.py`, with underscores for dashes."""
    return (PROGRAMS / f"{lesson.replace('-', '_')}.py").read_text(encoding="utf-8")


def seeded(lesson: str, run: str, seed: int) -> random.Random:
    """The source of a run's randomness: the same on every machine, for a text as seed is hashed by
    SHA-512."""
    return random.Random(f"{lesson}:{run}:{seed}")
