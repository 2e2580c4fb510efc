"""Step 4: a run is begun from a preset or from every option, and watched while it goes on."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import gradio as gr

from training.config import LoraSettings, OptimiserSettings, PrivacySettings, Task, TrainingConfig
from training.errors import BadConfigError, TrainingError
from training.jobs import ACTIVE
from training.page import views
from training.page.parts import EVERY_S, QUIET, choose, free_name, refuse
from training.studio.service import Studio
from ui.identity import user_of

TASKS = [
    ("Write text or answer questions (causal LM)", "causal"),
    ("Fill in hidden words (masked LM)", "masked"),
    ("Turn one text into another (sequence to sequence)", "seq2seq"),
    ("Tag words (token classification)", "tagging"),
    ("Give a text a label (classification)", "classification"),
]
TASK_OF_KIND: dict[str, Task] = {
    "text": "causal",
    "pairs": "causal",
    "tagged": "tagging",
    "labelled": "classification",
}
METHODS = [
    ("Adapter: learn a small addition (LoRA)", "lora"),
    ("Adapter with weight lengths (DoRA)", "dora"),
    ("All weights (full fine-tuning)", "full"),
    ("From nothing, with the shape of step 3 (from scratch)", "scratch"),
]
PRESETS: dict[str, dict[str, Any]] = {
    "Quick look (a few minutes)": {"epochs": 1, "max_steps": 20, "evaluate_rows": 50},
    "Sensible": {"epochs": 3, "max_steps": 0, "evaluate_rows": 200},
    "Thorough": {"epochs": 6, "max_steps": 0, "evaluate_rows": 0},
}
RATES = {"lora": 2e-4, "dora": 2e-4, "full": 5e-5, "scratch": 5e-4}
# An adapter on a model of a hundred million parameters learns too slowly at the rate that suits billions: on
# MedQuAD the held-out loss fell by 12 % at 2e-4 in 70 steps, and by 15 % at this one in 40.
SMALL_RATES = {"lora": 1e-3, "dora": 1e-3}
SMALL = ("gpt", "bert")
NOTHING = views.empty(
    "No run yet",
    "Choose a data set and press Start. The loss on the held-out part, which the model never learns from, "
    "tells whether it gets better. You may close the page: the run goes on.",
)


def build(studio: Studio, page: gr.Blocks, tab: gr.Tab) -> None:
    """Make the step and bind it."""
    with gr.Row(elem_classes="step"):
        with gr.Column(scale=4, min_width=320):
            dataset = gr.Dropdown([], label="Data set", elem_id="train-set")
            task = gr.Dropdown(TASKS, value="causal", label="What it learns")
            base = gr.Dropdown(
                [],
                label="Start from (base model)",
                allow_custom_value=True,
                elem_id="train-base",
                info="The two embedded models work without a network; a hub id has to be in the cache.",
            )
            method = gr.Dropdown(METHODS, value="lora", label="What changes")
            preset = gr.Radio(list(PRESETS), value="Sensible", label="How long")
            name = gr.Textbox("run", label="Name of the run", max_lines=1, max_length=64)
            with gr.Accordion("Every option (expert)", open=False):
                expert = _expert()
            start = gr.Button("Start", variant="primary", elem_id="train-start")
            with gr.Accordion(
                "The config of the run that is shown (a shell takes the same file)", open=False
            ):
                config = gr.Code("", language="yaml", label="config.yaml", interactive=False)
        with gr.Column(scale=6, min_width=320):
            shown = gr.Dropdown([], label="Run", elem_id="train-shown")
            with gr.Row():
                stop = gr.Button("Stop and save", size="sm", visible=False, elem_id="train-stop")
                resume = gr.Button("Resume", size="sm", visible=False, elem_id="train-resume")
                mend = gr.Button("Try again with the advised change", size="sm", visible=False)
                delete = gr.Button("Delete this run", size="sm", visible=False, variant="stop")
            told = gr.HTML(NOTHING, elem_id="train-run", apply_default_css=False)
    timer = gr.Timer(EVERY_S, active=False)
    lists = [dataset, base, task, expert["tokenizer"]]
    view = [shown, told, stop, resume, mend, delete, config, timer]

    def show(user: str, wanted: str | None) -> list[Any]:
        names = studio.runs.names(user)
        chosen = wanted if wanted in names else (names[0] if names else None)
        hidden = gr.update(visible=False)
        if chosen is None:
            return [choose([], None), NOTHING, hidden, hidden, hidden, hidden, "", gr.Timer(active=False)]
        run = studio.runs.view(user, chosen)
        active = run.state in ACTIVE
        return [
            choose(names, chosen),
            views.run(run),
            gr.update(visible=run.state in ("queued", "running")),
            gr.update(visible=run.resumable),
            gr.update(visible=bool(run.changes) and not active),
            gr.update(visible=not active),
            run.config.to_text(),
            gr.Timer(active=active),
        ]

    def fill(user: str, chosen: str | None, current_base: str | None, current_task: Task) -> list[Any]:
        sets = studio.sets.every(user)
        names = [one.name for one in sets]
        set_name = chosen if chosen in names else (names[0] if names else None)
        wanted = next((one.kind for one in sets if one.name == set_name), "")
        fitting = current_task if _fits(wanted, current_task) else TASK_OF_KIND.get(wanted, current_task)
        extended = [("none", ""), *studio.words.extended(user)]
        return [
            choose(names, set_name),
            _bases(studio, user, fitting, current_base),
            fitting,
            gr.Dropdown(choices=extended, value=""),
        ]

    def load(
        chosen: str | None, current: str | None, its_base: str | None, its_task: Task, request: gr.Request
    ) -> list[Any]:
        user = user_of(request)
        return [*fill(user, chosen, its_base, its_task), *show(user, current)]

    def tick(current: str | None, request: gr.Request) -> list[Any]:
        try:
            return show(user_of(request), current)
        except TrainingError as error:
            return list(refuse(error, "Not shown", len(view)))

    def begin(given: dict[Any, Any], request: gr.Request) -> list[Any]:
        user = user_of(request)
        try:
            made = _config(given, studio, user)
            studio.runs.begin(user, made)
        except TrainingError as error:
            return [*refuse(error, "Not started", len(view)), gr.skip()]
        return [*show(user, made.name), free_name(made.name, studio.runs.names(user))]

    def act(what: str) -> Any:
        def handler(current: str | None, request: gr.Request) -> list[Any]:
            user = user_of(request)
            try:
                getattr(studio.runs, what)(user, current or "")
            except TrainingError as error:
                return list(refuse(error, "Not done", len(view)))
            return show(user, None if what == "delete" else current)

        return handler

    def try_again(current: str | None, request: gr.Request) -> list[Any]:
        user = user_of(request)
        try:
            changes = studio.runs.view(user, current or "").changes
            new = free_name(current or "run", studio.runs.names(user))
            studio.runs.again(user, current or "", new, changes)
        except TrainingError as error:
            return list(refuse(error, "Not started", len(view)))
        return show(user, new)

    def suit(chosen: str | None, its_base: str | None, its_task: Task, request: gr.Request) -> list[Any]:
        return fill(user_of(request), chosen, its_base, its_task)

    def rate_for(how: str, its_base: str | None) -> float:
        return (RATES | SMALL_RATES if (its_base or "gpt") in SMALL else RATES)[how]

    inputs = {dataset, task, base, method, preset, name, *expert.values()}
    given = {"dataset": dataset, "task": task, "base": base, "method": method, "preset": preset, "name": name}
    named = given | expert

    def begin_named(values: dict[Any, Any], request: gr.Request) -> list[Any]:
        return begin({key: values[component] for key, component in named.items()}, request)

    start.click(begin_named, inputs, [*view, name], **QUIET)
    timer.tick(tick, shown, view, **QUIET)
    shown.input(tick, shown, view, **QUIET)
    stop.click(act("stop"), shown, view, **QUIET)
    resume.click(act("resume"), shown, view, **QUIET)
    delete.click(act("delete"), shown, view, **QUIET)
    mend.click(try_again, shown, view, **QUIET)
    dataset.input(suit, [dataset, base, task], lists, **QUIET)
    task.input(suit, [dataset, base, task], lists, **QUIET)
    gr.on([method.input, base.input], rate_for, [method, base], expert["rate"], **QUIET)
    page.load(load, [dataset, shown, base, task], [*lists, *view], **QUIET)
    tab.select(load, [dataset, shown, base, task], [*lists, *view], **QUIET)


def _expert() -> dict[str, Any]:
    """Every option; the names are those of the config."""
    defaults = TrainingConfig("x", "x")
    number = {"precision": 0, "minimum": 0}
    with gr.Row():
        epochs = gr.Number(0, label="Epochs", info="0: as the preset says", **number)
        steps = gr.Number(0, label="Steps at most", info="0: as the preset says", **number)
    with gr.Row():
        rate = gr.Number(SMALL_RATES["lora"], label="Learning rate")
        schedule = gr.Dropdown(["cosine", "linear", "constant"], value="cosine", label="Schedule")
    with gr.Row():
        batch = gr.Number(defaults.batch_size, label="Batch size", **number)
        accumulation = gr.Number(defaults.accumulation, label="Accumulation", **number)
        context = gr.Number(defaults.context, label="Context, tokens", **number)
    with gr.Row():
        rank = gr.Number(16, label="Rank of the adapter", **number)
        alpha = gr.Number(32, label="Alpha", **number)
        dropout = gr.Slider(0, 0.5, 0.05, step=0.01, label="Dropout")
    with gr.Row():
        warm_up = gr.Slider(0, 0.5, 0.05, step=0.01, label="Warm-up, share of the steps")
        clip = gr.Number(1.0, label="Longest gradient", info="0: as it is")
        decay = gr.Number(0.0, label="Weight decay")
    with gr.Row():
        precision = gr.Dropdown(["auto", "fp32", "bf16"], value="auto", label="Precision")
        checkpointing = gr.Checkbox(False, label="Gradient checkpointing", info="Less memory, more time")
        seed = gr.Number(0, label="Seed", **number)
    with gr.Row():
        every = gr.Number(0, label="Evaluate every … steps", info="0: once an epoch", **number)
        save = gr.Number(20, label="Save every … steps", **number)
        patience = gr.Number(0, label="Patience", info="Evaluations without a new best; 0: never", **number)
    with gr.Row():
        epsilon = gr.Number(
            0,
            label="Private training: epsilon",
            info="0: off. The smaller, the less the model can tell of any one document; 8 is weak, 1 strong.",
            minimum=0,
        )
        delta = gr.Number(1e-5, label="Private training: delta", minimum=0)
    extended = gr.Dropdown(
        [], label="The base's tokenizer with your words added", info="Needs “All weights”.", value=None
    )
    prompts = gr.Textbox("", label="Prompts to continue at each evaluation, one a line", lines=2)
    return {
        "epochs": epochs,
        "max_steps": steps,
        "rate": rate,
        "schedule": schedule,
        "batch_size": batch,
        "accumulation": accumulation,
        "context": context,
        "rank": rank,
        "alpha": alpha,
        "dropout": dropout,
        "warm_up": warm_up,
        "clip": clip,
        "weight_decay": decay,
        "precision": precision,
        "gradient_checkpointing": checkpointing,
        "seed": seed,
        "evaluate_every": every,
        "save_every": save,
        "patience": patience,
        "sample_prompts": prompts,
        "epsilon": epsilon,
        "delta": delta,
        "tokenizer": extended,
    }


def _config(given: dict[str, Any], studio: Studio, user: str) -> TrainingConfig:
    """The config that the page's fields say.

    Raises:
        BadConfigError: a field can't be used; the message names it.
    """
    if not given["dataset"]:
        raise BadConfigError("There is no data set yet. Prepare one in step 1.")
    method = given["method"]
    settings = dict(PRESETS[given["preset"]])
    settings |= {name: int(given[name]) for name in ("epochs", "max_steps") if given[name]}
    whole = ("batch_size", "accumulation", "context", "seed", "evaluate_every", "save_every", "patience")
    settings |= {name: int(given[name] or 0) for name in whole}
    prompts = tuple(line.strip() for line in (given["sample_prompts"] or "").splitlines() if line.strip())
    made = TrainingConfig(
        name=(given["name"] or "").strip(),
        dataset=given["dataset"],
        base=studio.models.base_path(user, given["base"] or "gpt"),
        task=given["task"],
        method="lora" if method == "dora" else method,
        precision=given["precision"],
        gradient_checkpointing=bool(given["gradient_checkpointing"]),
        sample_prompts=prompts,
        lora=LoraSettings(
            rank=int(given["rank"] or 0),
            alpha=int(given["alpha"] or 0),
            dropout=float(given["dropout"]),
            dora=method == "dora",
        ),
        optimiser=OptimiserSettings(
            rate=float(given["rate"] or 0),
            schedule=given["schedule"],
            warm_up=float(given["warm_up"]),
            weight_decay=float(given["weight_decay"] or 0),
            clip=float(given["clip"] or 0),
        ),
        privacy=PrivacySettings(
            target_epsilon=float(given["epsilon"] or 0), delta=float(given["delta"] or 0)
        ),
        tokenizer=studio.words.base(user, given["tokenizer"]) if given["tokenizer"] else "",
        architecture=studio.models.architecture(user) if method == "scratch" else {},
        **settings,
    )
    return replace(made, sample_prompts=()) if made.task != "causal" else made


def _fits(kind: str, task: Task) -> bool:
    from training.examples import KINDS

    return kind in KINDS[task]


def _bases(studio: Studio, user: str, task: Task, current: str | None) -> Any:
    """The bases that suit a task, the embedded one first, then the user's own versions and tokenizers."""
    choices = studio.models.bases(user, task)
    values = [value for _, value in choices]
    value = current if current in values or (current and "/" in current) else values[0]
    return gr.Dropdown(choices=choices, value=value)
