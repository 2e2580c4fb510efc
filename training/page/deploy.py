"""Step 6: versions: kept from runs, compared, used in the assistant and taken back, exported, deleted."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import gradio as gr

from assistant.errors import AssistantError
from training.errors import TrainingError
from training.jobs import ACTIVE
from training.page import views
from training.page.parts import EVERY_S, QUIET, SHOWN, choose, free_name, refuse
from training.studio.service import Studio
from ui.identity import user_of

FORMS = [
    ("Adapter: the small addition (peft)", "adapter"),
    ("Whole model (safetensors)", "merged"),
    ("One file for llama.cpp and OpenVINO (GGUF)", "gguf"),
]
NOTHING = views.empty(
    "No version yet",
    "A version is a run's best model, kept under a name, with where it came from, signed so that a change "
    "is noticed. Keep one, and let it answer you in the Assistant.",
)


def build(studio: Studio, page: gr.Blocks, tab: gr.Tab) -> None:
    """Make the step and bind it."""
    with gr.Row(elem_classes="step"):
        with gr.Column(scale=4, min_width=320):
            run = gr.Dropdown([], label="Run", elem_id="deploy-run")
            name = gr.Textbox(
                "", label="Name of the version", max_lines=1, max_length=64, elem_id="deploy-name"
            )
            note = gr.Textbox("", label="Note (optional)", max_length=500)
            keep = gr.Button("Keep as a version", variant="primary", elem_id="deploy-keep")
            with gr.Accordion("Export", open=False):
                form = gr.Dropdown(FORMS, value="merged", label="Form")
                export = gr.Button("Export the version that is shown", size="sm")
                ready = gr.Dropdown([], label="Ready to download")
                fetch = gr.Button("Prepare the download", size="sm")
                file = gr.File(label="Download", visible=False, interactive=False)
        with gr.Column(scale=6, min_width=320):
            standing = gr.HTML("", elem_id="deploy-standing", apply_default_css=False)
            with gr.Row():
                back = gr.Button("Go back to the one before", size="sm", visible=False, elem_id="deploy-back")
                house = gr.Button("Use the house's own models", size="sm", visible=False)
            shown = gr.Dropdown([], label="Version", elem_id="deploy-shown")
            told = gr.HTML(NOTHING, elem_id="deploy-told", apply_default_css=False)
            with gr.Row():
                use = gr.Button(
                    "Use in the assistant", variant="primary", visible=False, elem_id="deploy-use"
                )
                delete = gr.Button("Delete this version", size="sm", variant="stop", visible=False)
            with gr.Accordion("Compare with another version", open=False):
                other = gr.Dropdown([], label="The other")
                differences = gr.HTML("", apply_default_css=False)
    timer = gr.Timer(EVERY_S, active=False)
    view = [standing, back, house, shown, told, use, delete, other, ready, timer]

    def show(user: str, wanted: str | None) -> list[Any]:
        said = studio.versions.settle(user)
        names = [version.name for version in studio.versions.every(user)]
        chosen = wanted if wanted in names else (names[0] if names else None)
        now = studio.versions.standing(user)
        exports = [
            (f"{version}, {what}", f"{version}.{what}") for version, what in studio.versions.exports(user)
        ]
        busy = any(job.kind == "export" and job.state in ACTIVE for job in studio.jobs.jobs(user))
        in_use = bool(now.generator or now.tagger)
        return [
            _standing(studio, user, said),
            gr.update(visible=in_use),
            gr.update(visible=in_use),
            choose(names, chosen),
            _version(studio, user, chosen) if chosen else NOTHING,
            gr.update(visible=chosen is not None),
            gr.update(visible=chosen is not None),
            choose([one for one in names if one != chosen], None),
            gr.Dropdown(choices=exports, value=exports[0][1] if exports else None),
            gr.Timer(active=busy),
        ]

    def runs_with_models(user: str, current: str | None) -> list[Any]:
        names = [one for one in studio.runs.names(user) if studio.runs.view(user, one).has_model]
        chosen = current if current in names else (names[0] if names else None)
        taken = [version.name for version in studio.versions.every(user)]
        return [choose(names, chosen), free_name(chosen, taken) if chosen else ""]

    def load(current_run: str | None, current: str | None, request: gr.Request) -> list[Any]:
        user = user_of(request)
        return [*runs_with_models(user, current_run), *show(user, current)]

    def look(current: str | None, request: gr.Request) -> list[Any]:
        try:
            return show(user_of(request), current)
        except (TrainingError, AssistantError) as error:
            return list(refuse(error, "Not shown", len(view)))

    def suit(current_run: str | None, request: gr.Request) -> str:
        taken = [version.name for version in studio.versions.every(user_of(request))]
        return free_name(current_run or "version", taken)

    def keep_it(its_run: str | None, its_name: str, its_note: str, request: gr.Request) -> list[Any]:
        user = user_of(request)
        try:
            studio.versions.keep(user, its_run or "", its_name.strip(), its_note.strip())
        except TrainingError as error:
            return [*refuse(error, "Not kept", len(view)), gr.skip()]
        taken = [version.name for version in studio.versions.every(user)]
        return [*show(user, its_name.strip()), free_name(its_name.strip(), taken)]

    def act(what: str, title: str) -> Any:
        def handler(current: str | None, request: gr.Request) -> list[Any]:
            user = user_of(request)
            try:
                do = getattr(studio.versions, what)
                do(user) if what in ("roll_back", "house") else do(user, current or "")
            except (TrainingError, AssistantError) as error:
                return list(refuse(error, title, len(view)))
            return show(user, None if what == "delete" else current)

        return handler

    def export_it(current: str | None, what: str, request: gr.Request) -> list[Any]:
        user = user_of(request)
        try:
            studio.versions.export(user, current or "", what)
        except TrainingError as error:
            return list(refuse(error, "Not exported", len(view)))
        return show(user, current)

    def fetch_it(which: str | None, request: gr.Request) -> Any:
        version, _, what = (which or "").rpartition(".")
        folder = Path(os.environ["GRADIO_TEMP_DIR"])
        try:
            path = studio.versions.packed(user_of(request), version, what, folder)
        except TrainingError as error:
            return refuse(error, "Not ready", 1)
        return gr.File(value=str(path), visible=True)

    def differ(current: str | None, its_other: str | None, request: gr.Request) -> Any:
        if not current or not its_other:
            return ""
        try:
            rows = studio.versions.compare(user_of(request), current, its_other)
        except TrainingError as error:
            return refuse(error, "Not compared", 1)
        cells = [(one.what, _cell(one.left), _cell(one.right)) for one in rows]
        return views.table(("", current, its_other), cells) if cells else views.note("They are alike.")

    keep.click(keep_it, [run, name, note], [*view, name], **SHOWN)
    run.input(suit, run, name, **QUIET)
    shown.input(look, shown, view, **QUIET)
    use.click(act("use", "Not used"), shown, view, **QUIET)
    back.click(act("roll_back", "Not done"), shown, view, **QUIET)
    house.click(act("house", "Not done"), shown, view, **QUIET)
    delete.click(act("delete", "Not deleted"), shown, view, **QUIET)
    export.click(export_it, [shown, form], view, **QUIET)
    fetch.click(fetch_it, ready, file, **SHOWN)
    other.input(differ, [shown, other], differences, **QUIET)
    timer.tick(look, shown, view, **QUIET)
    page.load(load, [run, shown], [run, name, *view], **QUIET)
    tab.select(load, [run, shown], [run, name, *view], **QUIET)


def _standing(studio: Studio, user: str, said: str) -> str:
    now = studio.versions.standing(user)
    parts = [views.note(said, "good" if "from now on" in said else "bad") if said else ""]
    answers = now.generator or "the house's own model"
    marks = f"{now.tagger}, beside the house's own tagger" if now.tagger else "the house's own tagger"
    parts.append(views.note(f"In the assistant {answers} answers you, and facts are marked by {marks}."))
    for job in studio.jobs.jobs(user):
        if job.kind == "export" and job.state in ACTIVE:
            parts.append(views.progress(job, studio.jobs.progress(user, job.id)))
    return "".join(parts)


def _version(studio: Studio, user: str, name: str) -> str:
    version = studio.versions.registry(user).get(name)
    chain = " ← ".join(one.name for one in studio.versions.registry(user).lineage(name))
    data = version.dataset
    rows = [
        ("comes from", chain),
        ("trained for", f"{version.task}, by {version.method}"),
        ("data set", f"{data.get('name', '')} ({str(data.get('hash', ''))[:12]}…)"),
        ("held-out loss", _losses(version.first_loss, version.best_loss)),
        ("kept", version.created.replace("T", " ")[:16] + " UTC"),
        ("note", version.note),
        ("signed", "yes, and checked whenever it is loaded"),
    ]
    return views.table(("", name), [(what, value) for what, value in rows if value])


def _losses(first: float | None, best: float | None) -> str:
    if first is None or best is None:
        return ""
    return f"{first:.3f} before, {best:.3f} after ({best / first - 1:+.1%})"


def _cell(value: object) -> str:
    return "—" if value is None else f"{value:.4f}" if isinstance(value, float) else str(value)
