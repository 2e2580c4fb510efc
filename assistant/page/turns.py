"""One exchange as it stands, and its HTML: question, facts, answer with citation chips, sources, state.

`Turn.after` folds the pipeline's events; the page and its tests need nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from html import escape

from assistant.page.findings import marked, summary
from assistant.types import (
    Checked,
    Done,
    Event,
    Extracted,
    Passage,
    Retrieved,
    SentenceCheck,
    Timings,
    Token,
    Triage,
    Triaged,
)


@dataclass(frozen=True)
class Turn:
    """A question and as much of its answer as there is."""

    id: str
    question: str
    note: str = ""
    note_name: str = ""
    triage: Triage = field(default_factory=Triage)
    extracted: tuple[Extracted, ...] = ()
    passages: tuple[Passage, ...] | None = None
    answer: str = ""
    checks: tuple[SentenceCheck, ...] = ()
    done: Done | None = None
    status: str = "Reading…"
    error: str = ""

    def after(self, event: Event) -> Turn:
        """The turn once an event has happened."""
        match event:
            case Triaged():
                return replace(self, triage=event.triage)
            case Extracted():
                return replace(self, extracted=(*self.extracted, event), status="Looking it up…")
            case Retrieved():
                return replace(self, passages=event.passages, status="Thinking…")
            case Token():
                return replace(self, answer=self.answer + event.text, status="Answering…")
            case Checked():
                return replace(self, checks=event.sentences)
            case Done():
                return replace(self, done=event, status="")

    def failed(self, message: str) -> Turn:
        """The turn when it could not be finished."""
        return replace(self, error=message, status="")

    @property
    def finished(self) -> bool:
        """Whether nothing more will come."""
        return self.done is not None or bool(self.error)


def html(turn: Turn, device: str = "") -> str:
    """The whole turn. Every text in it is escaped."""
    return (
        f'<article class="turn" data-turn="{escape(turn.id)}">'
        f"{_question(turn)}{_banner(turn)}{_answer(turn)}{_sources(turn)}{_foot(turn, device)}</article>"
    )


def _question(turn: Turn) -> str:
    found = {event.text: event.findings for event in turn.extracted}
    parts = ['<section class="asked"><h3 class="sr">You asked</h3>']
    if turn.question:
        parts.append(marked(turn.question, found.get(turn.question, ())))
    if turn.note:
        name = escape(turn.note_name or "Note")
        parts.append(
            f'<div class="note"><div class="note-name">{name}</div>'
            f"{marked(turn.note, found.get(turn.note, ()), scrolls=True)}</div>"
        )
    parts.append(summary(*(event.findings for event in turn.extracted)))
    parts.append("</section>")
    return "".join(parts)


def _banner(turn: Turn) -> str:
    if turn.triage.level == "routine" or not turn.triage.advice:
        return ""
    title = "This may be an emergency" if turn.triage.level == "emergency" else "See a doctor soon"
    reasons = (
        f'<p class="why">Because of: {escape(", ".join(turn.triage.reasons))}</p>'
        if turn.triage.reasons
        else ""
    )
    return (
        f'<section class="banner {turn.triage.level}" role="alert"><h3>{title}</h3>'
        f"<p>{escape(turn.triage.advice)}</p>{reasons}</section>"
    )


def _answer(turn: Turn) -> str:
    if turn.error:
        return f'<section class="answer"><p class="error" role="alert">{escape(turn.error)}</p></section>'
    body = _said(turn)
    if not body and not turn.finished:
        waiting = f'<p class="waiting"><span class="dots"></span>{escape(turn.status)}</p>'
        return f'<section class="answer">{waiting}</section>'
    caret = "" if turn.finished else '<span class="caret"></span>'
    return (
        f'<section class="answer"><h3 class="sr">Answer</h3><div class="said">{body}{caret}</div>'
        f"{_left_out(turn)}</section>"
    )


def _said(turn: Turn) -> str:
    """The checked sentences; what stands between and after them (checks run behind the stream) as it is.

    A finished answer is what `Done` says; the sentences that nothing supports stand apart, in `_left_out`.
    """
    answer, checks = turn.answer, turn.checks
    if turn.done is not None:
        answer = turn.done.answer
        checks = tuple(check for check in checks if check.kind != "unsupported")
    pieces: list[str] = []
    reached = 0
    for check in checks:
        text = check.text.strip()
        at = answer.find(text, reached)
        if at >= 0:
            pieces.append(escape(answer[reached:at]))
            reached = at + len(text)
        else:
            pieces.append(" ")
        pieces.append(_sentence(check))
    return ("".join(pieces) + escape(answer[reached:])).strip()


def _left_out(turn: Turn) -> str:
    """The sentences that were generated and that nothing supports, for who wants to see them."""
    lost = [check.text.strip() for check in turn.checks if check.kind == "unsupported"]
    if turn.done is None or not lost:
        return ""
    title = f"{len(lost)} sentences left out, because nothing supports them"
    if len(lost) == 1:
        title = "1 sentence left out, because nothing supports it"
    items = "".join(f'<li class="unsupported">{escape(text)}</li>' for text in lost)
    return (
        f'<details class="left-out"><summary>{title}</summary>'
        f"<p>The model wrote this, and neither the library nor your text says so. Don't rely on it.</p>"
        f"<ul>{items}</ul></details>"
    )


def _sentence(check: SentenceCheck) -> str:
    chips = "".join(
        f'<button type="button" class="chip" data-passage="{number}" aria-label="Show source {number}">'
        f"{number}</button>"
        for number in check.citations
    )
    text = escape(check.text.strip())
    if check.kind == "unsupported":
        why = "Neither the library nor your text supports this sentence. Don't rely on it."
        return (
            f'<span class="s unsupported" title="{why}">{text}</span>'
            f'<span class="unsupported-tag" title="{why}">unsupported</span>'
        )
    if check.kind == "finding":
        mark = '<span class="from-text" title="This is in your text">your text</span>'
        return f'<span class="s">{text}</span>{mark}'
    return f'<span class="s">{text}</span>{chips}'


def _sources(turn: Turn) -> str:
    if not turn.passages or (turn.done is None and not turn.answer):
        return ""
    cited = {number for check in turn.checks for number in check.citations}
    items = "".join(_source(passage, passage.id in cited) for passage in turn.passages)
    noun = "passage" if len(turn.passages) == 1 else "passages"
    return (
        f'<details class="sources"><summary>{len(turn.passages)} {noun} read, {len(cited)} cited</summary>'
        f"<ol>{items}</ol></details>"
    )


def _source(passage: Passage, cited: bool) -> str:
    mark = ' <span class="status">cited</span>' if cited else ""
    return (
        f'<li data-source="{passage.id}"><h4>{escape(passage.title)}{mark}</h4><p>{escape(passage.text)}</p>'
        f'<p class="origin">{escape(passage.source)}</p></li>'
    )


def _foot(turn: Turn, device: str) -> str:
    if not turn.finished:
        return ""
    buttons = (
        '<button type="button" data-act="retry">Retry</button>'
        '<button type="button" data-act="edit">Edit</button>'
    )
    if turn.answer and not turn.error:
        buttons += '<button type="button" data-act="copy">Copy</button>'
    return f'<footer class="foot"><div class="acts">{buttons}</div>{_state(turn.done, device)}</footer>'


def _state(done: Done | None, device: str) -> str:
    if done is None:
        return ""
    stopped = "Stopped by you. " if done.stopped else ""
    notices = "".join(f" {escape(notice)}" for notice in done.notices)
    if done.model == "rules":
        return f'<p class="state">{stopped}Answered by a rule, not by the model.{notices}</p>'
    where = escape(f"{done.model} on {device}" if device else done.model)
    separator = " ·" if notices else ""
    return f'<p class="state">{stopped}{where} · {_speed(done.timings)}{separator}{notices}</p>'


def _speed(timings: Timings) -> str:
    speed = f"{timings.tokens_per_s:.0f} tokens/s · " if timings.tokens_per_s else ""
    return f"{speed}first word after {timings.first_token_s:.1f} s"
