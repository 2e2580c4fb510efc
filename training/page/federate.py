"""Federated learning: several hospitals train one model, and none hands over its text."""

from __future__ import annotations

from html import escape
from typing import Any

import gradio as gr

from training.config import LoraSettings, PrivacySettings
from training.errors import TrainingError
from training.federated.config import FederationConfig, PoisonSettings, RuleSettings, SplitSettings
from training.jobs import ACTIVE
from training.page import views
from training.page.parts import EVERY_S, QUIET, choose, free_name, refuse
from training.studio.federations import FederationView
from training.studio.service import Studio
from ui import plots
from ui.identity import user_of

RULES = [
    ("Mean, by the number of documents (FedAvg)", "mean"),
    ("Median of each weight", "median"),
    ("Mean without the extremes (trimmed)", "trimmed"),
    ("The update nearest to the others (Krum)", "krum"),
]
TASKS = [
    ("Write text or answer questions", "causal"),
    ("Fill in hidden words", "masked"),
    ("Tag words", "tagging"),
    ("Give a text a label", "classification"),
]
ATTACKS = [
    ("does no harm", ""),
    ("sends the opposite", "sign-flip"),
    ("sends it enlarged", "scale"),
    ("learns from wrong labels", "label-noise"),
]
NOTHING = views.empty(
    "No federation yet",
    "Choose a data set that is divided among hospitals, or one set for each. Every hospital trains in a "
    "process of its own on its own text; only changes of weights travel, and with secure aggregation the "
    "server sees nothing but their sum.",
)


def build(studio: Studio, page: gr.Blocks, tab: gr.Tab) -> None:
    """Make the step and bind it."""
    with gr.Row(elem_classes="step"):
        with gr.Column(scale=4, min_width=320):
            sets = gr.Dropdown(
                [],
                multiselect=True,
                label="Data sets",
                info="One is divided among the hospitals; of several each belongs to one hospital.",
            )
            task = gr.Dropdown(TASKS, value="masked", label="What is learned")
            with gr.Row():
                clients = gr.Slider(2, 10, 3, step=1, label="Hospitals")
                alpha = gr.Slider(0.05, 10, 0.5, step=0.05, label="Alike", info="Small: very different text")
            with gr.Row():
                rounds = gr.Slider(1, 20, 3, step=1, label="Rounds")
                steps = gr.Slider(1, 100, 5, step=1, label="Steps of each in a round")
            rule = gr.Dropdown(RULES, value="mean", label="How updates become one")
            mu = gr.Slider(
                0, 1, 0, step=0.01, label="Pull towards the shared model (FedProx)", info="0: FedAvg"
            )
            secure = gr.Checkbox(False, label="Secure aggregation: the server sees the sum alone (mean only)")
            attack = gr.Dropdown(ATTACKS, value="", label="Hospital 1")
            epsilon = gr.Number(0, minimum=0, label="Privacy of each document: epsilon", info="0: off")
            compare = gr.Checkbox(
                True, label="Compare with all text in one place, and with each hospital alone"
            )
            name = gr.Textbox("federation", label="Name", max_lines=1, max_length=64)
            start = gr.Button("Start", variant="primary", elem_id="federate-start")
        with gr.Column(scale=6, min_width=320):
            shown = gr.Dropdown([], label="Federation", elem_id="federate-shown")
            with gr.Row():
                stop = gr.Button("Stop", size="sm", visible=False)
                resume = gr.Button("Resume", size="sm", visible=False)
                delete = gr.Button("Delete", size="sm", visible=False, variant="stop")
            told = gr.HTML(NOTHING, elem_id="federate-told", apply_default_css=False)
    timer = gr.Timer(EVERY_S, active=False)
    view = [shown, told, stop, resume, delete, timer]

    def show(user: str, wanted: str | None) -> list[Any]:
        names = studio.federations.names(user)
        chosen = wanted if wanted in names else (names[0] if names else None)
        hidden = gr.update(visible=False)
        if chosen is None:
            return [choose([], None), NOTHING, hidden, hidden, hidden, gr.Timer(active=False)]
        one = studio.federations.view(user, chosen)
        state = one.job.state if one.job is not None else "done"
        active = state in ACTIVE
        return [
            choose(names, chosen),
            _told(studio, user, one),
            gr.update(visible=active),
            gr.update(visible=state in ("stopped", "failed", "cancelled")),
            gr.update(visible=not active),
            gr.Timer(active=active),
        ]

    def load(chosen: list[str] | None, current: str | None, request: gr.Request) -> list[Any]:
        user = user_of(request)
        names = [one.name for one in studio.sets.every(user)]
        kept = [one for one in chosen or [] if one in names] or names[:1]
        return [gr.Dropdown(choices=names, value=kept), *show(user, current)]

    def tick(current: str | None, request: gr.Request) -> list[Any]:
        try:
            return show(user_of(request), current)
        except TrainingError as error:
            return list(refuse(error, "Not shown", len(view)))

    def begin(given: dict[Any, Any], request: gr.Request) -> list[Any]:
        user = user_of(request)
        chosen = given[sets] or [""]
        one = len(chosen) == 1
        try:
            config = FederationConfig(
                name=(given[name] or "").strip(),
                clients=() if one else tuple(chosen),
                split=SplitSettings(chosen[0] if one else "", int(given[clients]), float(given[alpha])),
                rounds=int(given[rounds]),
                local_steps=int(given[steps]),
                algorithm="fedprox" if given[mu] else "fedavg",
                mu=float(given[mu]) or 0.01,
                aggregation=RuleSettings(given[rule]),
                secure=bool(given[secure]),
                poison=PoisonSettings((1,), given[attack]) if given[attack] else PoisonSettings(),
                base="gpt" if given[task] == "causal" else "bert",
                task=given[task],
                context=256,
                lora=LoraSettings(),
                privacy=PrivacySettings(target_epsilon=float(given[epsilon] or 0)),
            )
            studio.federations.begin(user, config, compare=bool(given[compare]))
        except TrainingError as error:
            return [*refuse(error, "Not started", len(view)), gr.skip()]
        return [*show(user, config.name), free_name(config.name, studio.federations.names(user))]

    def act(what: str) -> Any:
        def handler(current: str | None, request: gr.Request) -> list[Any]:
            user = user_of(request)
            try:
                getattr(studio.federations, what)(user, current or "")
            except TrainingError as error:
                return list(refuse(error, "Not done", len(view)))
            return show(user, None if what == "delete" else current)

        return handler

    inputs = {sets, task, clients, alpha, rounds, steps, rule, mu, secure, attack, epsilon, compare, name}
    start.click(begin, inputs, [*view, name], **QUIET)
    timer.tick(tick, shown, view, **QUIET)
    shown.input(tick, shown, view, **QUIET)
    for button, what in ((stop, "stop"), (resume, "resume"), (delete, "delete")):
        button.click(act(what), shown, view, **QUIET)
    page.load(load, [sets, shown], [sets, *view], **QUIET)
    tab.select(load, [sets, shown], [sets, *view], **QUIET)


def _told(studio: Studio, user: str, one: FederationView) -> str:
    parts = [f"<h3>{escape(one.name)}</h3>"]
    if one.job is not None and one.job.state in ACTIVE:
        parts.append(views.progress(one.job, studio.jobs.progress(user, one.job.id)))
    elif one.job is not None and one.job.message:
        parts.append(views.note(one.job.message, "bad" if one.job.state == "failed" else ""))
    if one.rounds:
        parts.append(_plots(one.rounds))
        parts.append(_clients(one.rounds[-1]))
    if one.comparison:
        rows = [(row["name"], str(row["steps"]), _number(row["loss"])) for row in one.comparison]
        parts.append(views.table(("", "steps", "held-out loss"), rows, "Beside the alternatives"))
    return "".join(parts)


def _plots(rounds: list[dict[str, Any]]) -> str:
    together = [(one["round"], one["loss"]) for one in rounds if one["loss"] is not None]
    lines = [plots.Line("all hospitals", together, "b")]
    for at, client in enumerate(rounds[-1]["clients"]):
        own = [
            (one["round"], one["clients"][at]["held_out_loss"]) for one in rounds if len(one["clients"]) > at
        ]
        lines.append(
            plots.Line(client["name"], [(x, y) for x, y in own if y is not None], "a" if at % 2 else "c")
        )
    return '<div class="plots">' + plots.lines("Held-out loss", lines, "round") + "</div>"


def _clients(last: dict[str, Any]) -> str:
    rows = [
        (
            client["name"] + (" (does harm)" if client["poisoned"] else ""),
            "" if client["examples"] is None else str(client["examples"]),
            _number(client["loss"]),
            _number(client["norm"]),
            "left out" if client["left_out"] else "",
        )
        for client in last["clients"]
    ]
    header = ("", "examples", "loss in training", "length of the update", "")
    return views.table(header, rows, f"Round {last['round']} of {last['rounds']}")


def _number(value: float | None) -> str:
    return "—" if value is None else f"{value:.4f}"
