"""Step 3: a shape for a model of one's own, or a pretrained base; parameters, memory and time, at once."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from typing import Any

import gradio as gr

from training.architectures.accelerators import Accelerator, measure_here
from training.architectures.catalogue import ADVICE, CATALOGUE
from training.architectures.design import Design, Verdict, estimate
from training.architectures.request import USUAL_TASK, DesignRequest
from training.architectures.shapes import PRESETS, Shape
from training.config import LoraSettings
from training.errors import BadConfigError, TrainingError
from training.page import views
from training.page.parts import QUIET, refuse
from training.studio.service import Studio
from ui.identity import user_of

METHODS = [("Adapter (LoRA)", "lora"), ("All weights", "full"), ("From nothing (from scratch)", "scratch")]
SHAPES = [(name, f"shape:{name}") for name in PRESETS]
OWN = ("My own shape (set below)", "own")


def build(studio: Studio, page: gr.Blocks, tab: gr.Tab) -> None:
    """Make the step and bind it."""
    bases = [(one.title, f"base:{one.id}") for one in CATALOGUE]
    with gr.Row(elem_classes="step"):
        with gr.Column(scale=4, min_width=320):
            model = gr.Dropdown(
                [*bases, *SHAPES, OWN], value=bases[0][1], label="Model", elem_id="design-model"
            )
            method = gr.Dropdown(METHODS, value="lora", label="What changes")
            with gr.Accordion("My own shape", open=False):
                own = _shape_fields()
            batch = gr.Slider(1, 64, 4, step=1, label="Batch size")
            length = gr.Slider(32, 4096, 512, step=32, label="Tokens of an example (context)")
            rank = gr.Slider(1, 256, 16, step=1, label="Rank of the adapter")
            precision = gr.Radio(["auto", "fp32", "bf16"], value="auto", label="Precision")
            checkpointing = gr.Checkbox(False, label="Gradient checkpointing: less memory, more time")
            examples = gr.Number(1000, precision=0, minimum=0, label="Examples in an epoch")
            tokens = gr.Number(256, precision=0, minimum=1, label="Tokens of an example on average")
            keep = gr.Button("Keep this shape for a run from scratch", elem_id="design-keep")
        with gr.Column(scale=6, min_width=320):
            told = gr.HTML("", elem_id="design-told", apply_default_css=False)
            with gr.Accordion("GPT, BERT or T5?", open=False):
                gr.HTML(_advice(), apply_default_css=False)
    fields = {
        "model": model,
        "method": method,
        "batch": batch,
        "length": length,
        "rank": rank,
        "precision": precision,
        "checkpointing": checkpointing,
        "examples": examples,
        "tokens": tokens,
        **own,
    }

    def show(values: dict[Any, Any]) -> str:
        try:
            return _told(estimate(_request({key: values[one] for key, one in fields.items()}), _here()))
        except BadConfigError as error:
            return views.note(str(error), "bad")

    def keep_it(values: dict[Any, Any], request: gr.Request) -> str:
        try:
            shape = _shape({key: values[one] for key, one in fields.items()})
            studio.models.keep_architecture(user_of(request), shape.to_architecture())
        except TrainingError as error:
            refuse(error, "Not kept", 1)
            return show(values)
        gr.Info("Kept. In step 4 choose “From nothing” and one of your tokenizers as the base.")
        return show(values)

    inputs = set(fields.values())
    for field in fields.values():
        field.change(show, inputs, told, trigger_mode="always_last", **QUIET)
    keep.click(keep_it, inputs, told, **QUIET)
    page.load(show, inputs, told, **QUIET)
    tab.select(show, inputs, told, **QUIET)


def _shape_fields() -> dict[str, Any]:
    first = PRESETS["gpt-small"]
    family = gr.Dropdown(
        [
            ("GPT: writes on (decoder)", "gpt"),
            ("BERT: reads both ways (encoder)", "bert"),
            ("T5: both", "t5"),
        ],
        value="gpt",
        label="Family",
    )
    positions = gr.Dropdown(["rotary", "learned", "relative"], value="rotary", label="Positions")
    with gr.Row():
        layers = gr.Slider(1, 48, first.layers, step=1, label="Layers")
        hidden = gr.Slider(64, 4096, first.hidden_size, step=64, label="Hidden size")
    with gr.Row():
        heads = gr.Slider(1, 64, first.heads, step=1, label="Heads")
        keys = gr.Slider(0, 64, first.key_value_heads, step=1, label="Key-value heads", info="0: as heads")
    forward = gr.Slider(64, 16384, first.feed_forward_size, step=64, label="Feed-forward size")
    vocabulary = gr.Number(first.vocabulary, precision=0, label="Vocabulary")
    context = gr.Number(first.context, precision=0, label="Longest context")
    return {
        "family": family,
        "positions": positions,
        "layers": layers,
        "hidden_size": hidden,
        "heads": heads,
        "key_value_heads": keys,
        "feed_forward_size": forward,
        "vocabulary": vocabulary,
        "context": context,
    }


_WHOLE = ("layers", "hidden_size", "heads", "key_value_heads", "feed_forward_size", "vocabulary", "context")


def _shape(values: dict[str, Any]) -> Shape:
    kind, _, name = values["model"].partition(":")
    if kind == "base":
        return next(one.shape for one in CATALOGUE if one.id == name)
    if kind == "shape":
        return PRESETS[name]
    whole: dict[str, Any] = {name: int(values[name] or 0) for name in _WHOLE}
    return Shape(
        family=values["family"],
        positions=values["positions"],
        dropout=0.0 if values["family"] == "gpt" else 0.1,
        **whole,
    )


def _request(values: dict[str, Any]) -> DesignRequest:
    shape = _shape(values)
    kind, _, name = values["model"].partition(":")
    made = DesignRequest(
        shape=shape,
        task=USUAL_TASK[shape.family],
        method="scratch" if kind != "base" and values["method"] == "lora" else values["method"],
        batch=int(values["batch"]),
        length=min(int(values["length"]), shape.context) if shape.family != "t5" else int(values["length"]),
        precision=values["precision"],
        checkpointing=bool(values["checkpointing"]),
        lora=LoraSettings(rank=int(values["rank"])),
        examples=int(values["examples"] or 0),
        tokens=max(1, int(values["tokens"] or 1)),
    )
    lacks = next((one.lacks for one in CATALOGUE if kind == "base" and one.id == name), None)
    return made if lacks is None else replace(made, fresh=lacks)


@lru_cache(maxsize=1)
def _here() -> Accelerator:
    """This machine, measured once; a second of work."""
    return measure_here(0.6)


def _told(design: Design) -> str:
    numbers, memory, answering = design.parameters, design.memory, design.inference
    adapter = f", and {numbers.adapter:,} in the adapter" if numbers.adapter else ""
    share = numbers.moving / (numbers.model + numbers.adapter)
    size = views.size
    cells = [
        (
            "embeddings",
            numbers.embeddings,
            "weights",
            memory.weights + memory.adapter,
            "weights",
            answering.weights,
        ),
        ("attention", numbers.attention, "gradients", memory.gradients, "keys and values", answering.cache),
        ("feed-forward", numbers.feed_forward, "AdamW", memory.optimiser, "at work", answering.activations),
        ("norms", numbers.norms, "activations", memory.activations, "the program", answering.fixed),
        ("head", numbers.head, "at its peak", memory.peak, "at its peak", answering.peak),
    ]
    rows = [(a, f"{b:,}", c, size(d), e, size(f)) for a, b, c, d, e, f in cells]
    parts = [
        f"<h3>{numbers.model:,} parameters{adapter}</h3>",
        f'<p class="figures">{numbers.moving:,} of them are trained ({share:.1%})</p>',
        views.table(("parameters", "", "memory to train", "", "memory to answer", ""), rows),
        views.table(
            ("hardware", "verdict", "memory", "an epoch"), [_row(one) for one in reversed(design.verdicts)]
        ),
        views.note(
            "Hardware from the makers' data sheets, at a quarter to a half of their peak, which is an "
            "assumption; this machine was measured. Memory was within 15 percent of the measured peak on CPU."
        ),
    ]
    return "".join(parts)


def _row(verdict: Verdict) -> tuple[str, str, str, str]:
    changes = ", ".join(f"{name} {value}" for name, value in verdict.changes.items())
    kind = f"fits if {changes}" if verdict.kind == "fits if" else verdict.kind
    low, high = verdict.seconds
    time = f"{views.duration(low)} to {views.duration(high)}" if high else "—"
    memory = f"{views.size(verdict.memory.peak)} of {views.size(verdict.accelerator.memory)}"
    return verdict.accelerator.name, kind, memory, time


def _advice() -> str:
    rows = [(", ".join(one.goals), one.family.upper(), one.why, one.instead) for one in ADVICE]
    return views.table(("you want to", "take", "since", "but"), rows)
