"""What became of the documents, step by step: the funnel, what was removed and why, and what remains."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from training.corpus.problems import Note, Problem
from training.corpus.records import Record
from training.errors import BadDataError
from training.safe import PLAIN, Safe

REPORT_FILE = "report.json"
EDGES = (0, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192)
_SAMPLES_A_REASON = 5
_PROBLEMS_SHOWN = 200
_EXCERPT = 240


@dataclass(frozen=True)
class Step:
    """How much was left after a step."""

    step: str
    documents: int
    characters: int


@dataclass(frozen=True)
class Removed:
    """A document that was taken out. Its id in `PrepareSettings.keep` keeps it anyway."""

    id: str
    source: str
    step: str
    reason: str
    excerpt: str


@dataclass(frozen=True)
class Histogram:
    """How long the kept documents are, in `unit`; the last count is of all from the last edge on."""

    unit: str
    edges: tuple[int, ...]
    counts: tuple[int, ...]


@dataclass(frozen=True)
class Report:
    """What a preparation did. `problem_count` may exceed the problems that are listed."""

    kind: str
    funnel: tuple[Step, ...]
    reasons: Mapping[str, int]
    samples: tuple[Removed, ...]
    problems: tuple[Problem, ...]
    problem_count: int
    notes: tuple[str, ...]
    lengths: Histogram
    languages: Mapping[str, int]
    labels: Mapping[str, int]
    boilerplate: Mapping[str, int]
    phi: Mapping[str, int]
    counts: Mapping[str, int]
    bytes_read: int
    seconds: float

    @property
    def megabytes_per_s(self) -> float:
        """Throughput: bytes of the sources, unpacked, by the time from start to end."""
        return self.bytes_read / 1e6 / self.seconds if self.seconds > 0 else 0.0

    def told(self) -> str:
        """The funnel and the reasons in one line."""
        steps = ", ".join(f"{step.documents:,} after {step.step}" for step in self.funnel)
        reasons = "; ".join(f"{reason}: {count:,}" for reason, count in self.reasons.items())
        return f"{steps} ({reasons})" if reasons else steps

    def to_json(self) -> dict[str, Any]:
        """As report.json holds it."""
        return asdict(self) | {"megabytes_per_s": round(self.megabytes_per_s, 3)}

    def write(self, folder: Path, safe: Safe = PLAIN) -> None:
        """Write report.json into `folder`."""
        text = json.dumps(self.to_json(), ensure_ascii=False, indent=1)
        safe.write_text(folder / REPORT_FILE, text + "\n")

    @classmethod
    def open(cls, folder: Path, safe: Safe = PLAIN) -> Report:
        """The report of a prepared set.

        Raises:
            BadDataError: there is none, or it is not one of ours or of this owner.
        """
        try:
            held = json.loads(safe.read_text(folder / REPORT_FILE))
            held.pop("megabytes_per_s")
            lengths = held["lengths"]
            return cls(
                **held
                | {
                    "funnel": tuple(Step(**step) for step in held["funnel"]),
                    "samples": tuple(Removed(**one) for one in held["samples"]),
                    "problems": tuple(Problem(**one) for one in held["problems"]),
                    "notes": tuple(held["notes"]),
                    "lengths": Histogram(lengths["unit"], tuple(lengths["edges"]), tuple(lengths["counts"])),
                }
            )
        except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
            raise BadDataError(
                f"{folder.name} has no report that can be read. Prepare the set anew."
            ) from error


@dataclass
class ReportBuilder:
    """Collects what a report says while a preparation runs."""

    funnel: list[Step] = field(default_factory=list)
    reasons: Counter[str] = field(default_factory=Counter)
    samples: list[Removed] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    problem_count: int = 0
    notes: list[str] = field(default_factory=list)
    lengths: list[int] = field(default_factory=lambda: [0] * len(EDGES))
    unit: str = "words"
    languages: Counter[str] = field(default_factory=Counter)
    labels: Counter[str] = field(default_factory=Counter)
    phi: Counter[str] = field(default_factory=Counter)
    bytes_read: int = 0

    def problem(self, problem: Problem) -> None:
        """Something could not be read."""
        self.problem_count += 1
        if len(self.problems) < _PROBLEMS_SHOWN:
            self.problems.append(problem)

    def note(self, note: Note | str) -> None:
        """Something that the owner should know."""
        if len(self.notes) < _PROBLEMS_SHOWN:
            self.notes.append(str(note))

    def removed(self, id_: str, record: Record, step: str, reason: str) -> None:
        """A document went. A reason may name its evidence behind a colon; it is counted without."""
        short = reason.partition(":")[0]
        self.reasons[short] += 1
        if self.reasons[short] <= _SAMPLES_A_REASON:
            self.samples.append(Removed(id_, record.source, step, reason, record.content[:_EXCERPT]))

    def length(self, length: int) -> None:
        """A document of this length was kept."""
        self.lengths[max(at for at, edge in enumerate(EDGES) if edge <= length)] += 1

    def built(
        self, kind: str, boilerplate: Mapping[str, int], counts: Mapping[str, int], seconds: float
    ) -> Report:
        """The report."""
        return Report(
            kind=kind,
            funnel=tuple(self.funnel),
            reasons=dict(self.reasons.most_common()),
            samples=tuple(self.samples),
            problems=tuple(self.problems),
            problem_count=self.problem_count,
            notes=tuple(self.notes),
            lengths=Histogram(self.unit, EDGES, tuple(self.lengths)),
            languages=dict(self.languages.most_common()),
            labels=dict(self.labels.most_common(100)),
            boilerplate=dict(boilerplate),
            phi=dict(self.phi),
            counts=dict(counts),
            bytes_read=self.bytes_read,
            seconds=round(seconds, 3),
        )
