"""A lesson on paper: a page of its own that a browser prints, with or without the answers."""

from __future__ import annotations

from html import escape

from security.lab.glossary import plain
from security.lab.lesson import Lesson
from security.lab.page.views import KINDS
from security.lab.quiz import shuffled

_STYLE = """
body{font:12pt/1.5 Georgia,serif;max-width:18cm;margin:1.5cm auto;padding:0 1em}
h1{font-size:20pt}h2{font-size:14pt}li{break-inside:avoid;margin:.3em 0}
.lines{height:1.6cm;border-bottom:1px dotted #777}
"""


def worksheet(lesson: Lesson, seed: int, *, answers: bool) -> str:
    """A page of its own to print, with or without the answers."""
    items = []
    for question in lesson.quiz:
        options = "".join(
            f"<li>{'<b>✓</b> ' if answers and answer.right else ''}{_paper(answer.text)}"
            + (f" <i>{_paper(answer.why)}</i>" if answers else "")
            + "</li>"
            for answer in shuffled(lesson, question, seed)
        )
        items.append(f'<li><p>{_paper(question.text)}</p><ol type="a">{options}</ol></li>')
    runs = "".join(
        f"<li>{KINDS[run.kind]}: {_paper(run.title)}. {_paper(run.text)}"
        + ("" if answers else '<div class="lines"></div>')
        + "</li>"
        for run in lesson.runs
    )
    goals = "".join(f"<li>{_paper(goal)}</li>" for goal in lesson.goals)
    notes = f"<h2>For the teacher</h2><p>{_paper(lesson.teacher)}</p>" if answers and lesson.teacher else ""
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(lesson.title)}</title>'
        f"<style>{_STYLE}</style></head><body>"
        f"<p>{lesson.number} · {escape(lesson.topic)} · seed {seed}</p><h1>{escape(lesson.title)}</h1>"
        f"<p><i>{_paper(lesson.question)}</i></p><p>{_paper(lesson.story)}</p>"
        f"<h2>Afterwards you can answer</h2><ul>{goals}</ul>"
        f"<h2>Run it, and write down what you see</h2><ol>{runs}</ol>"
        f"<h2>Questions</h2><ol>{''.join(items)}</ol>{notes}</body></html>"
    )


def _paper(text: str) -> str:
    """Escaped, without the marks of the glossary: paper has no tooltips."""
    return escape(plain(text))
