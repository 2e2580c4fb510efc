"""Step 5: a model before and after on text that neither has learned from, and a blind comparison."""

from __future__ import annotations

import random
from collections.abc import Mapping
from html import escape
from typing import Any

import gradio as gr

from training.errors import TrainingError
from training.evaluation.blind import Blind
from training.jobs import ACTIVE
from training.page import views
from training.page.parts import EVERY_S, QUIET, choose, refuse
from training.studio.service import Studio
from ui.identity import user_of

METRICS = {
    "loss": "loss (nats a label)",
    "perplexity": "perplexity",
    "bits_per_byte": "bits a byte",
    "accuracy": "right next tokens, or right labels",
    "exact_match": "answers that match exactly",
    "token_f1": "words shared with the right answer (F1)",
    "rouge1": "ROUGE-1",
    "rouge2": "ROUGE-2",
    "rougeL": "ROUGE-L",
    "f1": "entities found exactly (strict F1)",
    "precision": "precision",
    "recall": "recall",
    "macro_f1": "macro F1",
}
NOTHING = views.empty(
    "Nothing is evaluated yet",
    "Choose a model that you trained and what it is compared with. Both are asked about the held-out part of "
    "a data set, which neither has learned from.",
)


def build(studio: Studio, page: gr.Blocks, tab: gr.Tab) -> None:
    """Make the step and bind it."""
    with gr.Row(elem_classes="step"):
        with gr.Column(scale=4, min_width=320):
            dataset = gr.Dropdown([], label="Data set (its held-out part)", elem_id="evaluate-set")
            model = gr.Dropdown([], label="Model", elem_id="evaluate-model")
            before = gr.Dropdown([], label="Compared with", elem_id="evaluate-before")
            rows = gr.Slider(20, 2000, 200, step=20, label="Held-out documents at most")
            answers = gr.Slider(0, 50, 8, step=1, label="Questions to answer, where the set has them")
            gate = gr.Checkbox(False, label="Also ask the safety cases (emergencies, doses, refusals)")
            start = gr.Button("Evaluate", variant="primary", elem_id="evaluate-start")
            stop = gr.Button("Stop", size="sm", visible=False)
            going = gr.HTML("", apply_default_css=False)
        with gr.Column(scale=6, min_width=320):
            shown = gr.Dropdown([], label="Evaluation", elem_id="evaluate-shown")
            told = gr.HTML(NOTHING, elem_id="evaluate-told", apply_default_css=False)
            with gr.Accordion("Which answers better? A blind comparison", open=False):
                trial = gr.HTML("", elem_id="blind", apply_default_css=False)
                with gr.Row():
                    votes = [gr.Button(text, size="sm") for text in ("The first", "Neither", "The second")]
    state = gr.State(None)
    timer = gr.Timer(EVERY_S, active=False)
    view = [shown, told, trial, state, going, stop, timer]
    lists = [dataset, model, before]

    def show(user: str, wanted: str | None) -> list[Any]:
        done = {job.name: job for job in studio.models.evaluations(user)}
        chosen = wanted if wanted in done else next(iter(done), None)
        active = next((job for job in studio.jobs.jobs(user) if job.kind == "evaluate"), None)
        busy = active is not None and active.state in ACTIVE
        bar = ""
        if active is not None and busy:
            bar = views.progress(active, studio.jobs.progress(user, active.id))
        elif active is not None and active.state == "failed":
            bar = views.note(active.message, "bad")
        running = [bar, gr.update(visible=busy), gr.Timer(active=busy)]
        if chosen is None:
            return [choose([], None), NOTHING, "", None, *running]
        result = done[chosen].result
        blind = _blind(result)
        return [choose(list(done), chosen), _result(result), _trial(blind), blind, *running]

    def fill(user: str, its_set: str | None, its_model: str | None, its_before: str | None) -> list[Any]:
        choices = studio.models.choices(user)
        values = [value for _, value in choices]
        trained = [value for value in values if ":" in value]
        return [
            choose([one.name for one in studio.sets.every(user)], its_set),
            gr.Dropdown(choices=choices, value=its_model if its_model in values else (trained or values)[0]),
            gr.Dropdown(choices=choices, value=its_before if its_before in values else values[0]),
        ]

    def load(
        its_set: str | None,
        its_model: str | None,
        its_before: str | None,
        now: str | None,
        request: gr.Request,
    ) -> list[Any]:
        user = user_of(request)
        return [*fill(user, its_set, its_model, its_before), *show(user, now)]

    def tick(now: str | None, request: gr.Request) -> list[Any]:
        user = user_of(request)
        if any(job.kind == "evaluate" and job.state in ACTIVE for job in studio.jobs.jobs(user)):
            full = show(user, now)
            return [*[gr.skip()] * 4, *full[4:]]
        return show(user, None)

    def begin(given: dict[Any, Any], request: gr.Request) -> list[Any]:
        user = user_of(request)
        try:
            studio.models.evaluate(
                user,
                given[dataset] or "",
                given[model] or "gpt",
                given[before] or "gpt",
                rows=int(given[rows]),
                answers=int(given[answers]),
                gate=bool(given[gate]),
            )
        except TrainingError as error:
            return list(refuse(error, "Not started", len(view)))
        return show(user, None)

    def halt(request: gr.Request) -> list[Any]:
        user = user_of(request)
        for job in studio.jobs.jobs(user):
            if job.kind == "evaluate" and job.state in ACTIVE:
                studio.jobs.stop(user, job.id)
        return show(user, None)

    def voter(choice: str) -> Any:
        def vote(blind: dict[str, Any] | None) -> list[Any]:
            if blind is None:
                return [gr.skip(), gr.skip()]
            held = Blind.from_json(blind)
            at = next((n for n, one in enumerate(held.trials) if one.vote is None), None)
            if at is not None:
                held = held.voted(at, choice)  # type: ignore[arg-type]  # one of the three
            return [_trial(held.to_json()), held.to_json()]

        return vote

    def look(now: str | None, request: gr.Request) -> list[Any]:
        return show(user_of(request), now)

    start.click(begin, {dataset, model, before, rows, answers, gate}, view, **QUIET)
    stop.click(halt, None, view, **QUIET)
    shown.input(look, shown, view, **QUIET)
    timer.tick(tick, shown, view, **QUIET)
    for button, choice in zip(votes, ("first", "tie", "second"), strict=True):
        button.click(voter(choice), state, [trial, state], **QUIET)
    page.load(load, [dataset, model, before, shown], [*lists, *view], **QUIET)
    tab.select(load, [dataset, model, before, shown], [*lists, *view], **QUIET)


def _result(result: Mapping[str, Any]) -> str:
    parts = []
    data = result.get("data") or {}
    found = data.get("evaluations") or []
    if found:
        parts.append(
            f'<p class="figures">{found[-1]["rows"]:,} held-out documents of {escape(found[-1]["data"])}, '
            f"as {escape(found[-1]['task'])}</p>"
        )
    if data.get("changes"):
        parts.append(
            views.table(("", "before", "after", "change", ""), [_row(one) for one in data["changes"]])
        )
    if found and found[-1].get("by_label"):
        rows = [
            (label, *(f"{score[name]:.3f}" for name in ("precision", "recall", "f1") if name in score))
            for label, score in found[-1]["by_label"].items()
        ]
        parts.append(views.table(("label", "precision", "recall", "F1"), rows, "After, label by label"))
    if found and found[-1].get("confusion"):
        table = found[-1]["confusion"]
        rows = [
            (label, *(str(count) for count in counts))
            for label, counts in zip(table["labels"], table["counts"], strict=True)
        ]
        parts.append(views.table(("is \\ was called", *table["labels"]), rows, "What was taken for what"))
    if result.get("gate"):
        parts.append(_gate(result["gate"]))
    if len(found) == 2 and found[0].get("answers"):
        parts.append("<details><summary>Answers side by side</summary>" + _answers(found) + "</details>")
    return "".join(parts)


def _row(change: Mapping[str, Any]) -> tuple[str, ...]:
    verdict = {True: "better", False: "worse", None: ""}[change["better"]]
    if change.get("interval"):
        verdict += f" (95%: {change['interval']['low']:+.3f} to {change['interval']['high']:+.3f})"
    name = METRICS.get(change["metric"], change["metric"].replace("_", " "))
    return name, f"{change['before']:.4f}", f"{change['after']:.4f}", f"{change['change']:+.4f}", verdict


def _gate(gate: Mapping[str, Any]) -> str:
    opened = gate["verdict"]["opened"]
    last = gate["results"][-1]
    kind = "good" if opened else "bad"
    text = "The safety cases are passed as well as before." if opened else "The model fails safety cases."
    listed = "".join(
        f"<li>{escape(one['prompt'])}: {escape('; '.join(one['reasons']))}</li>"
        for one in last["failures"][:10]
    )
    return views.note(text, kind) + (f"<ul>{listed}</ul>" if listed else "")


def _answers(found: list[Mapping[str, Any]]) -> str:
    out = ""
    for old, new in zip(found[0]["answers"], found[1]["answers"], strict=False):
        out += (
            f"<h4>{escape(old['question'])}</h4><dl class='document'><dt>before</dt>"
            f"<dd>{escape(old['answer'])}</dd><dt>after</dt><dd>{escape(new['answer'])}</dd></dl>"
        )
    return out


def _blind(result: Mapping[str, Any]) -> dict[str, Any] | None:
    found = (result.get("data") or {}).get("evaluations") or []
    if len(found) != 2 or not found[0].get("answers"):
        return None
    pairs = [
        (old["question"], old["answer"], new["answer"])
        for old, new in zip(found[0]["answers"], found[1]["answers"], strict=False)
    ]
    return Blind.of(("before", "after"), pairs, random.Random()).to_json()  # noqa: S311 - an order to read in


def _trial(blind: Mapping[str, Any] | None) -> str:
    if blind is None:
        return views.note("Evaluate two models on a set of questions and answers first.")
    held = Blind.from_json(blind)
    at = next((n for n, one in enumerate(held.trials) if one.vote is None), None)
    if at is None:
        told = held.verdict()
        return views.note(
            f"The model before was preferred {told.wins[0]} times, the model after {told.wins[1]} times, "
            f"{told.ties} ties. By chance alone a difference like this comes with probability {told.p:.2f}.",
            "good" if told.wins[1] > told.wins[0] else "",
        )
    one, two = held.trials[at].shown
    return (
        f'<p class="figures">Question {at + 1} of {len(held.trials)}</p>'
        f"<h4>{escape(held.trials[at].prompt)}</h4>"
        f"<dl class='document'><dt>first</dt><dd>{escape(one) or '(nothing)'}</dd>"
        f"<dt>second</dt><dd>{escape(two) or '(nothing)'}</dd></dl>"
    )
