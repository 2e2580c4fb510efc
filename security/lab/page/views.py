"""Lessons, steps, quizzes and worksheets as HTML. All text is escaped here; pictures are the lesson's own
SVG."""

from __future__ import annotations

import base64
import re
from collections.abc import Sequence
from html import escape

from security.lab.glossary import MARK, TERMS
from security.lab.lesson import Kind, Lesson, Run
from security.lab.quiz import Marked
from security.lab.results import Standing
from security.lab.steps import SHOWN_BYTES, Download, Event, Outcome, Step, Table, Value, Verdict

KINDS: dict[Kind, str] = {"show": "Look", "attack": "Attack", "cure": "Cure"}
_VERDICTS: dict[Verdict, tuple[str, str]] = {
    "works": ("good", "It works"),
    "broken": ("bad", "The attack succeeds"),
    "held": ("good", "The attack fails"),
}
_LONG_HEX = 128


def words(text: str) -> str:
    """Escaped text, with the glossary's words explained where they stand."""

    def explain(found: re.Match[str]) -> str:
        term, shown = found.group(1), found.group(2) or found.group(1)
        told = TERMS.get(term.lower(), "")
        return (
            f'<span class="term" tabindex="0" role="note" aria-label="{shown}: {told}" '
            f'data-tip="{told}">{shown}</span>'
        )

    return MARK.sub(explain, escape(text))


def heading(lesson: Lesson, run: Run, seed: int) -> str:
    """What the lesson is about, and the link that shows this run to a class."""
    goals = "".join(f"<li>{words(goal)}</li>" for goal in lesson.goals)
    which = "" if run is lesson.runs[0] else f"&amp;run={run.id}"
    link = f"?lesson={lesson.id}{which}&amp;seed={seed}"
    return (
        f'<p class="kicker">{lesson.number} · {escape(lesson.topic)}</p><h2>{escape(lesson.title)}</h2>'
        f'<p class="question">{words(lesson.question)}</p><p>{words(lesson.story)}</p>'
        f"<details><summary>Afterwards you can answer</summary><ul>{goals}</ul></details>"
        f'<p class="quiet">Everybody who opens <a class="lab-link" '
        f'data-run="{lesson.id}/{run.id}" href="{link}">this link</a> sees the same '
        'numbers. <button type="button" class="lab-copy" data-copy="link">Copy the link</button></p>'
    )


def about_run(lesson: Lesson, run: Run) -> str:
    """What a run will show, before it is run."""
    cures = f' <span class="quiet">Cures: {escape(", ".join(run.cures))}.</span>' if run.cures else ""
    long = (
        ' <span class="quiet">This takes a while; the steps come as they are made.</span>'
        if run.heavy
        else ""
    )
    kind = f'<span class="tagged {run.kind}">{KINDS[run.kind]}</span>'
    about = f"{kind} {words(run.text)}{cures}{long}"
    return f'<p class="lab-about" data-run="{lesson.id}/{run.id}">{about}</p>'


def steps(events: Sequence[Event], running: str = "") -> str:
    """The steps so far. `running` is what is said while more may come."""
    if not events and not running:
        return (
            '<div class="nothing"><strong>Nothing has been run yet</strong><p>Press Run. Each '
            "step appears here with "
            "its real bytes; then change a value, or the seed, and see what stays the same.</p></div>"
        )
    items = "".join(
        _step(number + 1, event) for number, event in enumerate(events) if isinstance(event, Step)
    )
    ends = "".join(_outcome(event) for event in events if isinstance(event, Outcome))
    bar = f'<p class="note" role="status">{escape(running)}</p>' if running else ""
    show = (
        ""
        if running
        else '<p class="lab-tools"><button type="button" class="lab-project">'
        "Projector: one step at a time</button></p>"
    )
    return f'{show}<ol class="lab-steps">{items}</ol>{ends}{bar}'


def _step(number: int, step: Step) -> str:
    here = ' <span class="tagged measured">measured here</span>' if step.measured else ""
    text = "".join(f"<p>{words(part)}</p>" for part in step.text.split("\n") if part.strip())
    values = "".join(_value(value) for value in step.values)
    return (
        f'<li class="lab-step"><h4><span class="count">{number}</span>{words(step.title)}{here}</h4>{text}'
        + (f'<div class="picture">{step.picture}</div>' if step.picture else "")
        + (f"<dl>{values}</dl>" if values else "")
        + (_table(step.table) if step.table is not None else "")
        + "".join(_file(file) for file in step.files)
        + "</li>"
    )


def _value(value: Value) -> str:
    note = f'<span class="quiet">{words(value.note)}</span>' if value.note else ""
    if not isinstance(value.value, bytes):
        return f"<dt>{words(value.name)}</dt><dd><code>{escape(value.shown())}</code> {note}</dd>"
    shown = value.shown()
    size = f'<span class="quiet">{len(value.value):,} bytes</span>'
    if len(shown) > _LONG_HEX:
        rest = shown[: 2 * SHOWN_BYTES]
        cut = " (the beginning)" if len(shown) > len(rest) else ""
        body = (
            f"<details><summary><code>{shown[:_LONG_HEX]}…</code> {size}</summary>"
            f"<code>{rest}</code>{cut}</details>"
        )
    else:
        body = f"<code>{shown or 'empty'}</code> {size}"
    return f"<dt>{words(value.name)}</dt><dd>{body} {note}</dd>"


def _table(table: Table) -> str:
    head = "".join(f'<th scope="col">{words(name)}</th>' for name in table.headings)
    rows = "".join(
        "<tr>" + "".join(f"<td>{words(cell)}</td>" for cell in row) + "</tr>" for row in table.rows
    )
    caption = f"<caption>{words(table.caption)}</caption>" if table.caption else ""
    return (
        f'<div class="scroll" tabindex="0" role="group" aria-label="Table"><table class="list">{caption}'
        f"<thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>"
    )


def _file(file: Download) -> str:
    reads = (
        f' <span class="quiet">Read it with <code>{escape(file.reads)}</code></span>' if file.reads else ""
    )
    return (
        f'<p class="lab-file">{download(file.name, file.data)} <span '
        f'class="quiet">{len(file.data):,} bytes</span>{reads}</p>'
    )


def download(name: str, data: bytes, text: str = "", kind: str = "application/octet-stream") -> str:
    """A link that carries its file: nothing of it is kept on the server."""
    coded = base64.b64encode(data).decode()
    return f'<a download="{escape(name)}" href="data:{kind};base64,{coded}">{escape(text or name)}</a>'


def _outcome(outcome: Outcome) -> str:
    style, title = _VERDICTS[outcome.verdict]
    return f'<div class="outcome {style}" role="status"><strong>{title}.</strong> {words(outcome.text)}</div>'


def refused(events: Sequence[Event], message: str) -> str:
    """The steps that there are, and why there are no more."""
    kept = steps(events, " ").replace('<p class="note" role="status"> </p>', "") if events else ""
    return f'{kept}<p class="note bad" role="alert">{escape(message)}</p>'


def marked(found: Sequence[Marked]) -> str:
    """A marked quiz: every answer explained."""
    right = sum(one.correct for one in found)
    rows = []
    for one in found:
        if one.chosen is None:
            told = f"Not answered. The answer: {words(one.right.text)}. {words(one.right.why)}"
        elif one.correct:
            told = f"{words(one.right.text)}. {words(one.right.why)}"
        else:
            told = (
                f"You chose: {words(one.chosen.text)}. {words(one.chosen.why)} "
                f"<br>Right: {words(one.right.text)}. {words(one.right.why)}"
            )
        sign = "right" if one.correct else "not right"
        style = "good" if one.correct else "warn"
        rows.append(
            f'<li class="note {style}"><strong>{words(one.question.text)}</strong> '
            f"<em>{sign}</em><br>{told}</li>"
        )
    return (
        f'<p class="score" role="status">{right} of {len(found)} right</p><ul '
        f'class="answers">{"".join(rows)}</ul>'
    )


def code(lesson: Lesson) -> str:
    """The program, to read, copy and take along."""
    name = f"{lesson.id.replace('-', '_')}.py"
    return (
        "<p>This program does the same with the same libraries, and runs by itself: <code>python "
        f"{escape(name)}</code></p>"
        '<p class="lab-tools"><button type="button" class="lab-copy" data-copy="code">Copy the '
        "program</button> "
        f"{download(name, lesson.code.encode(), f'Save {name}', 'text/x-python')}</p>"
        f'<pre class="lab-code" tabindex="0" aria-label="The '
        f'program"><code>{escape(lesson.code)}</code></pre>'
    )


def around(lesson: Lesson) -> str:
    """Where the app uses it, what isn't covered, and the sources."""
    uses = "".join(f"<li>{words(use.text)} <code>{escape(use.where)}</code></li>" for use in lesson.uses)
    without = "".join(f"<li>{words(text)}</li>" for text in lesson.not_covered)
    sources = "".join(f"<li>{escape(text)}</li>" for text in lesson.sources)
    return (
        f"<h4>Where this app uses it</h4><ul>{uses}</ul><h4>Not covered</h4><ul>{without}</ul>"
        f"<h4>Sources</h4><ul>{sources}</ul>"
    )


def glossary() -> str:
    """All words, in order."""
    rows = "".join(f"<dt>{escape(term)}</dt><dd>{escape(told)}</dd>" for term, told in TERMS.items())
    return f'<dl class="glossary">{rows}</dl>'


def standings(found: Sequence[Standing], teacher: bool) -> str:
    """Results in a table."""
    if not found:
        text = (
            "When somebody has checked a quiz, the result stands here."
            if teacher
            else "Answer a quiz, and your result stands here."
        )
        return f'<div class="nothing"><strong>No results yet</strong><p>{text}</p></div>'
    rows = tuple(
        (
            one.name.replace("[[", "[ ["),  # a name may not look like a mark of the glossary
            one.lesson,
            str(one.attempts),
            f"{one.first} of {one.total}",
            f"{one.best} of {one.total}",
        )
        for one in found
    )
    return _table(Table(("Name", "Lesson", "Attempts", "At first", "At best"), rows))
