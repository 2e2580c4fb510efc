"""The Training tab: the six steps in order. Components and bindings are in `page/`, the work in `studio/`."""

from __future__ import annotations

from pathlib import Path

import gradio as gr

from training.page import deploy, design, evaluate, federate, prepare, tokenize, train
from training.studio.service import Studio

CSS = Path(__file__).parent / "page" / "static" / "studio.css"
_STEPS = (
    ("1 Prepare", prepare),
    ("2 Tokenize", tokenize),
    ("3 Design", design),
    ("4 Train", train),
    ("5 Evaluate", evaluate),
    ("6 Deploy", deploy),
    ("Federated", federate),
)


def build_tab(studio: Studio, page: gr.Blocks) -> None:
    """Make the steps and bind them to the studio."""
    with gr.Tabs(elem_id="steps"):
        for title, step in _STEPS:
            with gr.Tab(title) as tab:
                step.build(studio, page, tab)
