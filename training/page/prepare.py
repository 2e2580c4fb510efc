"""Step 1: files become a data set; its report, what was removed and why, and its documents."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gradio as gr

from training.corpus import PrepareSettings, QualityLimits
from training.errors import TrainingError
from training.jobs import ACTIVE
from training.page import views
from training.page.parts import EVERY_S, QUIET, choose, free_name, refuse
from training.studio.service import Studio
from ui.identity import user_of

KINDS = [
    ("Decide by the files", "auto"),
    ("Plain text", "text"),
    ("Questions and answers", "pairs"),
    ("Tagged words (CoNLL, brat)", "tagged"),
    ("Texts with a label", "labelled"),
]
STEPS = [
    ("Repair broken characters", "repair"),
    ("Cut boilerplate lines", "boilerplate"),
    ("Remove exact duplicates", "exact"),
    ("Remove near duplicates", "near"),
    ("Remove what fails the quality rules", "quality"),
]
MODES = [
    ("Leave the text as it is", "off"),
    ("Mask: [NAME], [DATE] …", "mask"),
    ("Replace by others, the same each time", "surrogate"),
    ("Mask names, shift all dates alike", "shift"),
]
NO_MODEL = "Rules only: a hundred times as fast, but most names and places stay"
TYPES = [
    *(".txt", ".md", ".html", ".htm", ".pdf", ".docx", ".csv", ".tsv"),
    *(".jsonl", ".json", ".conll", ".iob", ".ann", ".zip"),
]
NOTHING = views.empty(
    "No data set yet",
    "Add files on the left: notes, articles, web pages, tables of questions and answers, tagged words, or a "
    "zip of them. They are cleaned, duplicates go, and a part is held out to measure what the model learns.",
)


def build(studio: Studio, page: gr.Blocks, tab: gr.Tab) -> None:
    """Make the step and bind it."""
    with gr.Row(elem_classes="step"):
        with gr.Column(scale=4, min_width=320):
            files = gr.File(
                file_count="multiple",
                file_types=TYPES,
                label="Your files",
                height=170,
                elem_id="prepare-files",
            )
            name = gr.Textbox(label="Name of the data set", value="my-text", max_lines=1, max_length=64)
            kind = gr.Dropdown(KINDS, value="auto", label="What it is")
            deidentify = gr.Dropdown(
                MODES,
                value="off",
                label="Identifiers (names, dates, numbers of people)",
                info="Finds most of them, never all: the result is not anonymous.",
            )
            rules_only = gr.Checkbox(False, label=NO_MODEL)
            with gr.Accordion("Cleaning and the held-out part", open=False):
                steps = gr.CheckboxGroup(STEPS, value=[step for _, step in STEPS], label="Steps")
                held_out = gr.Slider(
                    0,
                    0.5,
                    0.1,
                    step=0.01,
                    label="Held out",
                    info="The share of documents that the model never learns from, to measure it by.",
                )
                near = gr.Slider(
                    0.5, 1, 0.7, step=0.05, label="Near duplicates: similarity from which one goes"
                )
                shortest = gr.Number(20, precision=0, minimum=0, label="Shortest text, in characters")
                english = gr.Checkbox(True, label="English only")
                seed = gr.Number(0, precision=0, minimum=0, label="Seed of the split")
            start = gr.Button("Prepare", variant="primary", elem_id="prepare-start")
        with gr.Column(scale=6, min_width=320):
            going = gr.HTML("", elem_id="prepare-progress", apply_default_css=False)
            stop = gr.Button("Stop", size="sm", visible=False, elem_id="prepare-stop")
            shown = gr.Dropdown([], label="Data set", elem_id="prepare-shown")
            told = gr.HTML(NOTHING, elem_id="prepare-report", apply_default_css=False)
            with gr.Accordion(
                "Removed documents: keep some anyway", open=False, visible=False
            ) as removed_box:
                removed = gr.CheckboxGroup([], label="Tick what should stay", elem_id="prepare-removed")
                again = gr.Button("Prepare again, keeping these", size="sm")
            with gr.Accordion("Look at documents", open=False, visible=False) as look_box:
                split = gr.Radio(
                    [("To learn from", "train"), ("Held out", "held_out")], value="train", label="Part"
                )
                documents = gr.HTML("", apply_default_css=False)
            delete = gr.Button("Delete this data set and its files", size="sm", visible=False, variant="stop")
    timer = gr.Timer(EVERY_S, active=False)
    view = [shown, told, removed_box, removed, look_box, documents, delete]
    watched = [going, stop, timer]

    def show(user: str, wanted: str | None) -> list[Any]:
        names = [one.name for one in studio.sets.every(user)]
        chosen = wanted if wanted in names else (names[0] if names else None)
        if chosen is None:
            hidden = gr.update(visible=False)
            return [choose([], None), NOTHING, hidden, gr.skip(), hidden, "", hidden]
        report = studio.sets.report(user, chosen)
        options = [(f"{one.reason} — {one.excerpt[:120]}", one.id) for one in report.samples]
        return [
            choose(names, chosen),
            views.report(chosen, report),
            gr.update(visible=bool(options)),
            gr.CheckboxGroup(choices=options, value=[]),
            gr.update(visible=True),
            "".join(views.document(row) for row in studio.sets.rows(user, chosen, "train", 5)),
            gr.update(visible=True),
        ]

    def watch(user: str) -> list[Any]:
        jobs = [job for job in studio.jobs.jobs(user) if job.kind == "prepare"]
        active = [job for job in jobs if job.state in ACTIVE]
        if active:
            ahead = studio.jobs.ahead(user, active[0].id) if active[0].state == "queued" else 0
            bar = views.progress(active[0], studio.jobs.progress(user, active[0].id), ahead)
            return [bar, gr.update(visible=True), gr.Timer(active=True)]
        text = views.note(jobs[0].message, "bad") if jobs and jobs[0].state == "failed" else ""
        return [text, gr.update(visible=False), gr.Timer(active=False)]

    def load(request: gr.Request, current: str | None) -> list[Any]:
        user = user_of(request)
        return [*watch(user), *show(user, current)]

    def tick(request: gr.Request, current: str | None) -> list[Any]:
        user = user_of(request)
        state = watch(user)
        done = state[1].get("visible") is False
        newest = next((job.name for job in studio.jobs.jobs(user) if job.kind == "prepare"), current)
        return [*state, *(show(user, newest) if done else [gr.skip()] * len(view))]

    def begin(given: dict[Any, Any], request: gr.Request) -> list[Any]:
        user = user_of(request)
        try:
            limits = QualityLimits(
                min_characters=int(given[shortest] or 0), languages=("en",) if given[english] else ()
            )
            switches: dict[str, Any] = {step: step in given[steps] for _, step in STEPS}
            settings = PrepareSettings(
                kind=given[kind],
                seed=int(given[seed] or 0),
                held_out=given[held_out],
                near_similarity=given[near],
                split_similarity=min(0.6, given[near]),
                limits=limits,
                **switches,
            )
            paths = [Path(path) for path in given[files] or []]
            how = given[deidentify] + (
                "-by-rules" if given[rules_only] and given[deidentify] != "off" else ""
            )
            studio.sets.prepare(user, (given[name] or "").strip(), paths, settings, how)
        except TrainingError as error:
            return [*refuse(error, "Not prepared", len(watched)), gr.skip(), gr.skip()]
        taken = [one.name for one in studio.sets.every(user)] + [given[name]]
        return [*watch(user), None, free_name(given[name], taken)]

    def keep(current: str | None, ids: list[str], request: gr.Request) -> list[Any]:
        user = user_of(request)
        try:
            new = free_name(f"{current}-kept", [one.name for one in studio.sets.every(user)])
            studio.sets.again(user, current or "", new, ids)
        except TrainingError as error:
            return list(refuse(error, "Not prepared", len(watched)))
        return watch(user)

    def halt(request: gr.Request) -> list[Any]:
        user = user_of(request)
        for job in studio.jobs.jobs(user):
            if job.kind == "prepare" and job.state in ACTIVE:
                studio.jobs.stop(user, job.id)
        return watch(user)

    def choose_set(current: str | None, request: gr.Request) -> list[Any]:
        try:
            return show(user_of(request), current)
        except TrainingError as error:
            return list(refuse(error, "Not shown", len(view)))

    def look(current: str | None, part: str, request: gr.Request) -> Any:
        try:
            rows = studio.sets.rows(user_of(request), current or "", part, 5)
        except TrainingError as error:
            return refuse(error, "Not shown", 1)
        return "".join(views.document(row) for row in rows) or views.note("This part is empty.")

    def remove(current: str | None, request: gr.Request) -> list[Any]:
        try:
            studio.sets.delete(user_of(request), current or "")
        except TrainingError as error:
            return list(refuse(error, "Not deleted", len(view)))
        return show(user_of(request), None)

    inputs = {files, name, kind, deidentify, rules_only, steps, held_out, near, shortest, english, seed}
    start.click(begin, inputs, [*watched, files, name], **QUIET)
    stop.click(halt, None, watched, **QUIET)
    timer.tick(tick, shown, [*watched, *view], **QUIET)
    shown.input(choose_set, shown, view, **QUIET)
    split.change(look, [shown, split], documents, **QUIET)
    again.click(keep, [shown, removed], watched, **QUIET)
    delete.click(remove, shown, view, **QUIET)
    page.load(load, shown, [*watched, *view], **QUIET)
    tab.select(load, shown, [*watched, *view], **QUIET)
