"""Findings in the person's own words, as HTML: colour and label, absent ones struck through.

Everything that comes from outside is escaped here; nothing else on the page builds HTML from a text.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from assistant.types import Finding

SHOWN_CHARACTERS = 6_000


@dataclass(frozen=True)
class Look:
    """How a label is shown: the word for people and the colour group (a CSS class)."""

    word: str
    group: str


LOOKS = {
    "Disease": Look("condition", "condition"),
    "Disease_disorder": Look("condition", "condition"),
    "Sign_symptom": Look("symptom", "symptom"),
    "Medication": Look("medicine", "medicine"),
    "Chemical": Look("medicine or chemical", "medicine"),
    "Dosage": Look("dose", "medicine"),
    "Frequency": Look("how often", "medicine"),
    "Administration": Look("how given", "medicine"),
    "Severity": Look("severity", "measure"),
    "Lab_value": Look("value", "measure"),
    "Diagnostic_procedure": Look("test", "measure"),
    "Therapeutic_procedure": Look("treatment", "medicine"),
    "History": Look("history", "history"),
    "Activity": Look("activity", "person"),
    "Family_history": Look("family history", "history"),
    "Age": Look("age", "person"),
    "Sex": Look("sex", "person"),
    "Duration": Look("duration", "person"),
    "Date": Look("date", "person"),
    "Biological_structure": Look("part of the body", "person"),
}
# In the page only what helps a reader; the shell's JSON has every label.
HIDDEN = frozenset(
    {"Detailed_description", "Clinical_event", "Nonbiological_location", "Distance", "Coreference"}
)
OTHER = "other"
"""The neutral colour of labels that are not the house's: those of somebody's own tagger."""
_LABEL_CHARACTERS = 40
_TITLES = {
    "condition": "Conditions",
    "symptom": "Symptoms",
    "medicine": "Medicines and treatment",
    "measure": "Tests and values",
    "history": "History",
}
_ASSERTIONS = {
    "absent": "not present",
    "possible": "possible",
    "hypothetical": "mentioned only",
    "historical": "in the past",
    "family": "in the family",
}


def look(label: str) -> Look:
    """How a label is shown; one that the house doesn't know by its own name."""
    known = LOOKS.get(label)
    if known is not None:
        return known
    return Look(" ".join(label.replace("_", " ").split())[:_LABEL_CHARACTERS] or OTHER, OTHER)


def shown(findings: Sequence[Finding]) -> list[Finding]:
    """The findings that the page marks: flat, in order, labels that help a reader."""
    flat: list[Finding] = []
    known = [finding for finding in findings if finding.label not in HIDDEN]
    # What lies inside a stretch of history says more than the stretch; of two the shorter is more exact.
    for finding in sorted(known, key=lambda f: (look(f.label).group == "history", f.end - f.start, f.start)):
        if all(finding.end <= other.start or finding.start >= other.end for other in flat):
            flat.append(finding)
    return sorted(flat, key=lambda finding: finding.start)


def marked(text: str, findings: Sequence[Finding], *, scrolls: bool = False) -> str:
    """The text with its findings marked, line breaks kept; a very long text is shown up to a limit."""
    pieces: list[str] = []
    at = 0
    limit = len(text) if len(text) <= SHOWN_CHARACTERS * 1.2 else SHOWN_CHARACTERS
    for finding in shown(findings):
        if finding.end > limit:
            break
        pieces.append(escape(text[at : finding.start]))
        pieces.append(_mark(finding))
        at = finding.end
    pieces.append(escape(text[at:limit]))
    if limit < len(text):
        more = len(text) - limit
        pieces.append(f'<span class="more">… and {more:,} more characters, read but not shown here</span>')
    # What scrolls must be reached by the keyboard.
    reached = ' tabindex="0" role="region" aria-label="Your note"' if scrolls else ""
    return f'<div class="words"{reached}>{"".join(pieces)}</div>'


def _mark(finding: Finding) -> str:
    how = look(finding.label)
    status = _ASSERTIONS.get(finding.assertion, "")
    note = f"{how.word}, {status}" if status else how.word
    words = escape(finding.text)
    inner = f"<del>{words}</del>" if finding.assertion == "absent" else words
    sure = f"{finding.confidence:.0%}"
    return (
        f'<mark class="f {how.group} {finding.assertion}" title="{escape(note)} (certainty {sure})">'
        f'{inner}<span class="tag">{escape(note)}</span></mark>'
    )


def summary(*of_texts: Sequence[Finding]) -> str:
    """What was found in one or several texts, by group: a table for the eye and the screen reader.

    Each text's findings come apart, for offsets into different texts can't be compared. A label that the
    house doesn't know is a group of its own, after the others. Empty when nothing was found.
    """
    groups: dict[tuple[str, str], dict[tuple[str, str], str]] = {}
    for finding in (finding for findings in of_texts for finding in shown(findings)):
        how = look(finding.label)
        title = how.word[:1].upper() + how.word[1:] if how.group == OTHER else _TITLES.get(how.group, "")
        key = (" ".join(finding.text.lower().split()), finding.assertion)
        groups.setdefault((how.group, title), {}).setdefault(key, " ".join(finding.text.split()))
    others = sorted(place for place in groups if place[0] == OTHER)
    rows = []
    for place in (*_TITLES.items(), *others):
        if place in groups:
            items = "".join(_item(place[0], words, status) for (_, status), words in groups[place].items())
            rows.append(f"<dt>{escape(place[1])}</dt><dd>{items}</dd>")
    if not rows:
        return ""
    count = sum(len(items) for (group, _), items in groups.items() if group != "person")
    noun = "fact" if count == 1 else "facts"
    return (
        f'<details class="facts" open><summary>{count} {noun} found</summary>'
        f"<dl>{''.join(rows)}</dl></details>"
    )


def _item(group: str, words: str, assertion: str) -> str:
    inner = f"<del>{escape(words)}</del>" if assertion == "absent" else escape(words)
    status = _ASSERTIONS.get(assertion, "")
    note = f' <span class="status">{status}</span>' if status else ""
    return f'<span class="fact {group} {assertion}">{inner}{note}</span>'
