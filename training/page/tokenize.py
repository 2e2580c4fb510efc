"""Step 2: a tokenizer of one's own, and several side by side on a sentence and on the user's text."""

from __future__ import annotations

from html import escape
from typing import Any

import gradio as gr

from training.errors import TrainingError
from training.jobs import ACTIVE
from training.page import views
from training.page.parts import EVERY_S, QUIET, SHOWN, choose, free_name, refuse
from training.studio.service import Studio
from training.tokenizers.settings import SIZES, TokenizerSettings
from ui.identity import user_of

KINDS = [
    ("BPE, on bytes: nothing is ever unknown (GPT)", "bpe"),
    ("WordPiece (BERT)", "wordpiece"),
    ("Unigram (T5)", "unigram"),
]
WAYS = [
    ("Train a new one", "new"),
    ("Add words to the embedded GPT's", "gpt"),
    ("Add words to the embedded BERT's", "bert"),
]
SENTENCE = "Levodopa 100 mg t.i.d. for bradykinesia; denies orthostatic hypotension."
ABOUT = views.note(
    "A model reads pieces, not letters. Fewer pieces a word mean shorter texts and faster training. A "
    "tokenizer of your own is for a model from scratch; a pretrained one keeps what it was trained with."
)


def build(studio: Studio, page: gr.Blocks, tab: gr.Tab) -> None:
    """Make the step and bind it."""
    with gr.Row(elem_classes="step"):
        with gr.Column(scale=4, min_width=320):
            gr.HTML(ABOUT, apply_default_css=False)
            dataset = gr.Dropdown([], label="Text to learn from (data set)", elem_id="tokenize-set")
            way = gr.Dropdown(WAYS, value="new", label="What to make")
            kind = gr.Dropdown(KINDS, value="bpe", label="Kind")
            size = gr.Slider(*SIZES, value=8000, step=500, label="Entries of the vocabulary")
            lowercase = gr.Checkbox(False, label="Drop case")
            count = gr.Slider(50, 5000, 500, step=50, label="Words to add at most", visible=False)
            name = gr.Textbox("my-tokenizer", label="Name", max_lines=1, max_length=64)
            start = gr.Button("Make the tokenizer", variant="primary", elem_id="tokenize-start")
            going = gr.HTML("", apply_default_css=False)
        with gr.Column(scale=6, min_width=320):
            shown = gr.CheckboxGroup([], label="Compare", elem_id="tokenize-shown")
            sentence = gr.Textbox(SENTENCE, label="A sentence", max_length=2000, elem_id="tokenize-sentence")
            look = gr.Button("Show the pieces", size="sm", elem_id="tokenize-look")
            told = gr.HTML("", elem_id="tokenize-told", apply_default_css=False)
            with gr.Row():
                which = gr.Dropdown([], label="One of yours", visible=False)
                delete = gr.Button("Delete it", size="sm", variant="stop", visible=False)
    timer = gr.Timer(EVERY_S, active=False)
    lists = [dataset, shown, which, delete]

    def fill(user: str, chosen_set: str | None, chosen: list[str] | None) -> list[Any]:
        choices = studio.words.choices(user)
        values = [value for _, value in choices]
        kept = [value for value in chosen or [] if value in values] or values[:2]
        own = studio.words.names(user)
        return [
            choose([one.name for one in studio.sets.every(user)], chosen_set),
            gr.CheckboxGroup(choices=choices, value=kept),
            gr.Dropdown(choices=list(own), value=own[0] if own else None, visible=bool(own)),
            gr.update(visible=bool(own)),
        ]

    def watch(user: str) -> list[Any]:
        jobs = [job for job in studio.jobs.jobs(user) if job.kind == "tokenize"]
        if jobs and jobs[0].state in ACTIVE:
            return [views.progress(jobs[0], studio.jobs.progress(user, jobs[0].id)), gr.Timer(active=True)]
        text = ""
        if jobs and jobs[0].state == "failed":
            text = views.note(jobs[0].message, "bad")
        elif jobs and jobs[0].state == "done":
            text = views.note(f"{jobs[0].name} is ready.", "good")
        return [text, gr.Timer(active=False)]

    def load(chosen_set: str | None, chosen: list[str] | None, request: gr.Request) -> list[Any]:
        user = user_of(request)
        return [*fill(user, chosen_set, chosen), *watch(user)]

    def tick(chosen_set: str | None, chosen: list[str] | None, request: gr.Request) -> list[Any]:
        user = user_of(request)
        jobs = [job for job in studio.jobs.jobs(user) if job.kind == "tokenize"]
        if jobs and jobs[0].state in ACTIVE:
            return [*([gr.skip()] * len(lists)), *watch(user)]
        made = [f"own:{jobs[0].name}"] if jobs and jobs[0].state == "done" else []
        return [*fill(user, chosen_set, [*(chosen or []), *made]), *watch(user)]

    def begin(given: dict[Any, Any], request: gr.Request) -> list[Any]:
        user = user_of(request)
        try:
            text, its_name = given[dataset] or "", (given[name] or "").strip()
            if given[way] == "new":
                settings = TokenizerSettings(given[kind], int(given[size]), bool(given[lowercase]))
                studio.words.train(user, its_name, text, settings)
            else:
                studio.words.extend(user, its_name, text, given[way], int(given[count]))
        except TrainingError as error:
            return [*refuse(error, "Not started", 2), gr.skip()]
        return [*watch(user), free_name(its_name, [*studio.words.names(user), its_name])]

    def show(values: list[str], words: str, text: str | None, request: gr.Request) -> Any:
        try:
            return _side_by_side(studio, user_of(request), values, words, text)
        except TrainingError as error:
            return refuse(error, "Not shown", 1)

    def suit(what: str) -> list[Any]:
        new = gr.update(visible=what == "new")
        return [new, new, new, gr.update(visible=what != "new")]

    def remove(own: str | None, chosen_set: str | None, request: gr.Request) -> list[Any]:
        try:
            studio.words.delete(user_of(request), own or "")
        except TrainingError as error:
            return list(refuse(error, "Not deleted", len(lists)))
        return fill(user_of(request), chosen_set, None)

    start.click(begin, {dataset, way, kind, size, lowercase, count, name}, [going, timer, name], **QUIET)
    way.input(suit, way, [kind, size, lowercase, count], **QUIET)
    look.click(show, [shown, sentence, dataset], told, **SHOWN)
    sentence.submit(show, [shown, sentence, dataset], told, **SHOWN)
    delete.click(remove, [which, dataset], lists, **QUIET)
    timer.tick(tick, [dataset, shown], [*lists, going, timer], **QUIET)
    page.load(load, [dataset, shown], [*lists, going, timer], **QUIET)
    tab.select(load, [dataset, shown], [*lists, going, timer], **QUIET)


def _side_by_side(studio: Studio, user: str, values: list[str], sentence: str, text: str | None) -> str:
    if not values or not sentence.strip():
        return views.note("Tick at least one tokenizer and give a sentence.")
    rows = studio.words.compare(user, values, sentence, text)
    shown = "".join(
        f"<h4>{escape(row.name)}: {len(row.pieces)} pieces</h4>{studio.words.view(user, value, sentence)}"
        for value, row in zip(values, rows, strict=True)
    )
    table = views.table(
        ("", "entries", "used", "pieces a word", "letters a piece", "unknown"),
        [
            (
                row.name,
                f"{row.measured.vocabulary:,}",
                f"{row.measured.vocabulary_used_share:.1%}",
                f"{row.measured.fertility:.2f}",
                f"{row.measured.characters_per_token:.2f}",
                f"{row.measured.unknown_rate:.2%}",
            )
            for row in rows
        ],
        f"On held-out text of {text}" if text else "On the sentence",
    )
    return shown + table
