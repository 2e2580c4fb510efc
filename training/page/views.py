"""What the studio's page shows, as HTML: progress, lists, reports, runs. All text is escaped here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING, Any

from ui import plots

if TYPE_CHECKING:
    from training.corpus.report import Report
    from training.jobs import Job, Progress
    from training.studio.runs import RunView

STATES = {
    "queued": "waiting",
    "running": "under way",
    "stopping": "stopping",
    "done": "done",
    "stopped": "stopped, can go on",
    "failed": "failed",
    "cancelled": "cancelled",
    "cut short": "cut short, can go on",
}
STEPS = {
    "reading": "read",
    "repair": "text repaired",
    "de-identification": "identifiers replaced",
    "boilerplate": "boilerplate cut",
    "quality": "rules passed",
    "exact duplicates": "exact duplicates out",
    "near duplicates": "near duplicates out",
}


def duration(seconds: float | None) -> str:
    """How long, in words for a glance."""
    if seconds is None:
        return ""
    whole = round(seconds)
    if whole < 1:
        return "under 1 s"
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s" if whole < 600 else f"{whole // 60} min"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def size(count: float) -> str:
    """Bytes for people."""
    for unit in ("B", "kB", "MB"):
        if count < 1000:
            return f"{count:.0f} {unit}"
        count /= 1000
    return f"{count:.2f} GB"


def note(text: str, kind: str = "") -> str:
    """A sentence on its own: "", "good", "bad" or "warn"."""
    role = ' role="alert"' if kind == "bad" else ""
    return f'<p class="note {kind}"{role}>{escape(text)}</p>' if text else ""


def empty(title: str, text: str) -> str:
    """What an empty place teaches."""
    return f'<div class="nothing"><strong>{escape(title)}</strong><p>{escape(text)}</p></div>'


def progress(job: Job, at: Progress | None, ahead: int = 0) -> str:
    """One job under way, with the time that is left."""
    if job.state == "queued":
        before = f"{ahead} before it" if ahead else "next"
        return _bar(job.name, None, f"waiting for its turn, {before}")
    if at is None or not at.total:
        return _bar(job.name, None, "starting")
    share = min(1.0, at.done / at.total)
    left = f", {duration(at.seconds_left)} left" if at.seconds_left is not None else ""
    return _bar(job.name, share, f"{at.text}, {share:.0%}{left}")


def _bar(name: str, share: float | None, text: str) -> str:
    value = "" if share is None else f' value="{share:.4f}"'
    return (
        f'<div class="job"><span class="job-name">{escape(name)}</span>'
        f'<progress max="1"{value} aria-label="{escape(name)}"></progress>'
        f'<span class="job-text">{escape(text)}</span></div>'
    )


def table(header: Sequence[str], rows: Sequence[Sequence[str]], caption: str = "") -> str:
    """A plain table; cells are escaped; a cell that is a number stands to the right."""
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in header)
    body = "".join(
        "<tr>" + "".join(f"<td{_right(cell)}>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows
    )
    shown = f"<caption>{escape(caption)}</caption>" if caption else ""
    return (
        f'<div class="scroll" tabindex="0"><table class="list">{shown}<thead><tr>{head}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )


def _right(cell: str) -> str:
    return ' class="num"' if cell[:1].isdigit() or cell[:2] in ("-0", "+0") else ""


def report(name: str, told: Report) -> str:
    """What a preparation did."""
    funnel = [(STEPS.get(step.step, step.step), float(step.documents)) for step in told.funnel]
    edges = [f"{edge:,}" for edge in told.lengths.edges]
    parts = [
        f"<h3>{escape(name)}</h3>",
        f'<p class="figures">{told.counts.get("train", 0):,} documents to learn from, '
        f"{told.counts.get('held_out', 0):,} held out · {size(told.bytes_read)} read in "
        f"{duration(told.seconds)} ({told.megabytes_per_s:.1f} MB/s)</p>",
        '<div class="plots">',
        plots.bars("Documents left after each step", funnel),
        plots.columns("Length of the documents", edges, told.lengths.counts, told.lengths.unit),
        "</div>",
    ]
    if told.reasons:
        parts.append(_counts("Why documents were removed", told.reasons))
    if told.phi:
        parts.append(_counts("Identifiers that were found and replaced", told.phi))
        parts.append(
            note(
                "De-identification finds most identifiers and never all of them: the text is not anonymous. "
                "Look at it before you share it.",
                "warn",
            )
        )
    if told.labels:
        parts.append(_counts("Labels", told.labels))
    if told.boilerplate:
        parts.append(_counts("Boilerplate lines that were cut", told.boilerplate))
    if told.problems:
        listed = "".join(f"<li>{escape(str(problem))}</li>" for problem in told.problems[:20])
        parts.append(
            f"<details open><summary>{told.problem_count:,} things could not be read</summary>"
            f"<ul>{listed}</ul></details>"
        )
    if told.notes:
        listed = "".join(f"<li>{escape(one)}</li>" for one in told.notes[:20])
        parts.append(f"<details><summary>Notes on the files</summary><ul>{listed}</ul></details>")
    return "".join(parts)


def _counts(title: str, counts: Mapping[str, int]) -> str:
    return plots.bars(title, [(name, float(count)) for name, count in list(counts.items())[:12]])


def document(row: Mapping[str, Any]) -> str:
    """One document of a set, as it is learned from."""
    if "messages" in row:
        turns = "".join(
            f"<dt>{escape(str(turn['role']))}</dt><dd>{escape(str(turn['content'])[:600])}</dd>"
            for turn in row["messages"]
        )
        return f'<dl class="document">{turns}</dl>'
    if "tokens" in row:
        words = " ".join(
            f'<mark title="{escape(tag)}">{escape(token)}</mark>' if tag != "O" else escape(token)
            for token, tag in zip(row["tokens"][:80], row["tags"][:80], strict=False)
        )
        return f'<p class="document">{words}</p>'
    label = f"<strong>{escape(str(row['label']))}</strong> " if "label" in row else ""
    return f'<p class="document">{label}{escape(str(row.get("text", ""))[:600])}</p>'


def run(view: RunView) -> str:
    """A run: where it stands, its plots, what it said."""
    steps, best = view.steps, view.best
    parts = [f'<h3>{escape(view.name)} <span class="state {view.state.replace(" ", "-")}">']
    parts.append(f"{escape(STATES.get(view.state, view.state))}</span></h3>")
    if view.state == "queued":
        parts.append(note("Waiting for its turn" + (f", {view.ahead} before it." if view.ahead else ".")))
    if steps:
        parts.append(_standing(view))
    elif view.state in ("running", "stopping"):
        parts.append(note("Loading the model and measuring the loss before the first step…"))
    if view.first_loss is not None and best is not None:
        change = best["loss"] / view.first_loss - 1
        kind = "good" if change < 0 else "warn"
        parts.append(
            note(
                f"Held-out loss {view.first_loss:.3f} before, {best['loss']:.3f} at its best (after step "
                f"{best['step']}): {change:+.1%}. {_judged(change)}",
                kind,
            )
        )
    parts.append(note(view.message, "bad" if view.state == "failed" else ""))
    parts += [note(text, "warn") for text in view.warnings[-4:]]
    if steps or view.evaluations:
        parts.append(_plots(view))
    samples = [one for one in view.evaluations if one.get("samples")]
    if samples:
        parts.append(_samples(samples))
    return "".join(parts)


def _judged(change: float) -> str:
    if change < 0:
        return "The model predicts text that it has not learned from better than before."
    return "It did not get better at text that it has not learned from: more data or a lower rate may help."


def _standing(view: RunView) -> str:
    last = view.steps[-1]
    share = last["step"] / max(1, last["steps"])
    text = f"step {last['step']:,} of {last['steps']:,}, epoch {last['epoch']:.2f}"
    if view.state in ("running", "stopping"):
        text += f", {duration(last['seconds_left'])} left"
    recent = view.steps[-10:]
    pace = sum(one["label_tokens_a_second"] or 0 for one in recent) / len(recent)
    figures = f"{pace:,.0f} label tokens/s · {size(last['memory'])} of memory at most"
    return _bar(view.name, share, text) + f'<p class="figures">{figures}</p>'


def _plots(view: RunView) -> str:
    def of(name: str) -> list[tuple[float, float]]:
        return [(one["step"], one[name]) for one in view.steps if one[name] is not None]

    held_out = [(one["step"], one["loss"]) for one in view.evaluations if one["loss"] is not None]
    return (
        '<div class="plots">'
        + plots.lines(
            "Loss", [plots.Line("training", of("loss"), "a"), plots.Line("held out", held_out, "b")]
        )
        + plots.lines("Learning rate", [plots.Line("rate", of("rate"), "a")])
        + plots.lines("Length of the gradient", [plots.Line("gradient norm", of("gradient_norm"), "a")])
        + plots.lines(
            "Label tokens a second", [plots.Line("label tokens/s", of("label_tokens_a_second"), "a")]
        )
        + "</div>"
    )


def _samples(evaluations: Sequence[Mapping[str, Any]]) -> str:
    out = []
    for number, (prompt, _) in enumerate(evaluations[0]["samples"]):
        said = "".join(
            f"<dt>after step {one['step']}</dt><dd>{escape(one['samples'][number][1]) or '(nothing)'}</dd>"
            for one in evaluations
        )
        out.append(f"<h4>{escape(prompt)}</h4><dl class='document'>{said}</dl>")
    return f"<details><summary>What it says at each evaluation</summary>{''.join(out)}</details>"
