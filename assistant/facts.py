"""Findings -> sentences: what a text says of the patient, in fixed forms. Pure rules; no model.

The answer to a question about a note begins with these, since what was extracted needs no retelling by a
generator that could get it wrong. They state what is written, never what it means.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from assistant.knowledge.lexical import stems
from assistant.staging import stage_of
from assistant.types import Finding

EACH = 14


@dataclass(frozen=True)
class Kind:
    """A group of labels, what it is called, and the words of a question that ask for it."""

    name: str
    labels: tuple[str, ...]
    asked_by: re.Pattern[str]


KINDS = (
    Kind(
        "conditions",
        ("Disease_disorder", "Disease"),
        re.compile(r"(?i)\b(?:diseases?|conditions?|diagnos\w+|illness\w*|disorders?|problems?)\b"),
    ),
    Kind(
        "symptoms",
        ("Sign_symptom",),
        re.compile(r"(?i)\b(?:symptoms?|signs?|complain\w*|highlight|findings?)\b"),
    ),
    Kind(
        "medicines",
        ("Medication", "Chemical"),
        re.compile(
            r"(?i)\b(?:medic\w+|drugs?|pills?|tablets?|prescri\w+|therap\w+|treatments?|takes?|taking)\b"
        ),
    ),
    Kind(
        "values", ("Lab_value",), re.compile(r"(?i)\b(?:values?|labs?|results?|tests?|levels?|measure\w*)\b")
    ),
)
STATUS = {
    "absent": "Not present",
    "possible": "Possible",
    "hypothetical": "To watch for",
    "historical": "In the past",
    "family": "In the family",
}
_STAGE = re.compile(r"(?i)\b(?:stages?|hoehn|yahr|classify|how far)\b")
_PARTICULAR = re.compile(r"(?i)^\W*(?:does|do|did|is|are|was|were|has|have|any)\b")
_LABELS = {label for kind in KINDS for label in kind.labels}


def facts_in_words(findings: Sequence[Finding]) -> str:
    """One sentence for each kind of fact, then one each for what is denied, past, feared or of a relative."""
    said = [_list(kind.name.capitalize(), _of(findings, kind.labels, "present")) for kind in KINDS]
    said += [_list(title, _of(findings, tuple(_LABELS), status)) for status, title in STATUS.items()]
    return " ".join(filter(None, said))


def from_the_text(question: str, note: str, findings: Sequence[Finding]) -> str:
    """What the note itself answers to the question: sentences for a person, or "" when it says nothing."""
    if not note:
        return ""
    said: list[str] = []
    if _STAGE.search(question):
        stage = stage_of(note)
        if stage is not None:
            return stage.sentence()
    about = _asked_about(question, findings) if _PARTICULAR.match(question) else []
    if about:
        return " ".join(_stated(finding) for finding in about)
    kinds = [kind for kind in KINDS if kind.asked_by.search(question)] or list(KINDS[:3])
    for kind in kinds:
        present = _of(findings, kind.labels, "present", doses=kind.name == "medicines")
        said.append(_list(f"Your text names these {kind.name}", present))
    wanted = tuple(label for kind in kinds for label in kind.labels)
    said += [
        _list(f"{title} by your text", _of(findings, wanted, status)) for status, title in STATUS.items()
    ]
    return " ".join(filter(None, said))


def _list(title: str, items: Sequence[str]) -> str:
    return f"{title}: {', '.join(items)}." if items else ""


def _of(
    findings: Sequence[Finding], labels: Sequence[str], assertion: str, *, doses: bool = False
) -> list[str]:
    """Their words without repetition, the first of them when there are many; medicines with their dose."""
    known: dict[str, str] = {}
    ordered = sorted(findings, key=lambda finding: finding.start)
    for at, finding in enumerate(ordered):
        if finding.label not in labels or finding.assertion != assertion:
            continue
        text = " ".join(finding.text.split())
        following = ordered[at + 1] if at + 1 < len(ordered) else None
        dosed = doses and following is not None and following.label == "Dosage"
        shown = f"{text} ({' '.join(following.text.split())})" if dosed and following else text
        if text.lower() not in known or dosed:
            known[text.lower()] = shown if dosed else known.get(text.lower(), shown)
    return list(known.values())[:EACH]


def _asked_about(question: str, findings: Sequence[Finding]) -> list[Finding]:
    """The findings of the note that a yes-or-no question names, each said once."""
    asked = set(stems(question))
    named: dict[tuple[str, ...], Finding] = {}
    for finding in findings:
        words = tuple(stems(finding.text))
        if finding.label in _LABELS and words and set(words) <= asked:
            known = named.get(words)
            # The question's own words are findings too; what the note says comes later and counts.
            if known is None or finding.assertion in ("absent", "historical", "family"):
                named[words] = finding
    return list(named.values())


def _stated(finding: Finding) -> str:
    text = " ".join(finding.text.split())
    status = STATUS.get(finding.assertion)
    return f"Your text names {text}." if status is None else f"{status} by your text: {text}."
