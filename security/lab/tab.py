"""The Security lab tab: one renderer for all lessons. Components and bindings only."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import gradio as gr

from security.lab import catalogue, running, story
from security.lab.errors import LabError
from security.lab.glossary import plain
from security.lab.lesson import Lesson, Run
from security.lab.page import fields, views
from security.lab.page.worksheet import worksheet
from security.lab.quiz import shuffled
from security.lab.results import as_csv
from security.lab.service import Lab
from security.lab.steps import Event, Step
from ui.identity import person_of

_STATIC = Path(__file__).parent / "page" / "static"
CSS = _STATIC / "lab.css"
HEAD = f"<script>{(_STATIC / 'lab.js').read_text(encoding='utf-8')}</script>"
ROOM = "lab"
TEACHERS = frozenset({"administrator", "teacher"})
WAITING = 64
UNDER_WAY = "Under way"
NO_LINK = "It names no lesson, run or seed that there is. Choose a lesson from the list."
_QUIET: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
# Gradio numbers the functions of a form without a lock, and counts renderings for all users together: two
# forms that are made at the same moment take each other's buttons away. So they are made one at a time. A
# form may still be made twice in a row, so its functions have keys: the first one's button then still works.
_ONE_FORM: dict[str, Any] = {"concurrency_limit": 1, "concurrency_id": "forms", "show_progress": "hidden"}


def build_tab(lab: Lab, page: gr.Blocks, rooms: gr.Tabs, tab: gr.Tab) -> None:
    """Make the lab and bind it. A link with `?lesson=ID&run=RUN&seed=N` opens the room at that run."""
    first = catalogue.every()[0]
    # These decide what is shown, and not the two lists: while a link is opened, a list still sends the value
    # of the lesson before, which its new choices don't have. Empty until the page has loaded.
    current, asked, wanted = gr.State(""), gr.State(""), gr.State("")
    with gr.Row(elem_id="lab", elem_classes="step"):
        with gr.Column(scale=2, min_width=240, elem_id="lab-list"):
            lesson = gr.Radio(
                [(f"{one.number} {one.title}", one.id) for one in catalogue.every()],
                value=first.id,
                label="Lessons",
                elem_id="lab-lessons",
            )
            seed = gr.Number(
                0,
                precision=0,
                minimum=0,
                maximum=running.MOST_SEED,
                label="Seed: the same for the whole class",
            )
        with gr.Column(scale=7, min_width=320):
            head = gr.HTML(
                views.heading(first, first.runs[0], 0), apply_default_css=False, elem_id="lab-head"
            )
            run = gr.Radio(
                _runs(first), value=_name(first, first.runs[0]), label="What to run", elem_id="lab-runs"
            )
            out = gr.HTML(views.steps([]), apply_default_css=False, elem_id="lab-out", render=False)
            _build_run(lab, current, seed, out)
            out.render()
            with gr.Accordion("Questions", open=True):
                _build_quiz(lab, asked, seed)
            with gr.Accordion("Show me the code", open=False, elem_id="lab-code"):
                code = gr.HTML(views.code(first), apply_default_css=False)
            with gr.Accordion("In this app, not covered, sources", open=False):
                around = gr.HTML(views.around(first), apply_default_css=False)
            with gr.Accordion("For the class: worksheet, results", open=False) as shelf:
                sheet = gr.HTML("", apply_default_css=False, elem_id="lab-class")
            with gr.Accordion("The story, and all words", open=False):
                gr.HTML(f"<p>{story.BEGINNING}</p>{views.glossary()}", apply_default_css=False)

    def show(name: str, number: float) -> Any:
        one = catalogue.lesson(name)
        name = _name(one, one.runs[0])
        choices = gr.Radio(choices=_runs(one), value=name)
        told = [
            views.heading(one, one.runs[0], int(number or 0)),
            views.code(one),
            views.around(one),
            views.steps([]),
        ]
        return [choices, name, one.id, *told]

    def told(name: str, number: float) -> str:
        one, which = _find(name) if name else (first, first.runs[0])
        return views.heading(one, which, int(number or 0))

    def class_view(name: str, number: float, request: gr.Request) -> str:
        return _class_view(lab, name, number, request)

    lesson.input(show, [lesson, seed], [run, current, asked, head, code, around, out], **_QUIET)
    run.input(
        lambda name, number: [name, told(name, number), views.steps([])],
        [run, seed],
        [current, head, out],
        **_QUIET,
    )
    seed.change(told, [current, seed], head, **_QUIET)
    # In two steps: a state that the load itself sets tells of its change twice, and a form is made each time.
    arrived = page.load(_arrive, None, [rooms, lesson, run, wanted, seed, head, code, around], **_QUIET)
    arrived.then(lambda name: [name, name.partition("/")[0]], wanted, [current, asked], **_QUIET)
    gr.on([shelf.expand, asked.change, seed.change], class_view, [lesson, seed], sheet, **_QUIET)
    tab.select(lab.warm, None, None, **_QUIET)


def _name(lesson: Lesson, run: Run) -> str:
    return f"{lesson.id}/{run.id}"


def _runs(lesson: Lesson) -> list[tuple[str, str]]:
    return [(f"{views.KINDS[run.kind]}: {run.title}", _name(lesson, run)) for run in lesson.runs]


def _find(name: str) -> tuple[Lesson, Run]:
    lesson, _, run = name.partition("/")
    one = catalogue.lesson(lesson)
    return one, one.run(run)


def _arrive(request: gr.Request) -> Any:
    """The lesson, run and seed that the link names; without a link the first lesson, in its room."""
    asked = request.query_params
    first = catalogue.every()[0]
    start = [gr.skip(), gr.skip(), _name(first, first.runs[0]), *[gr.skip()] * 4]
    if "lesson" not in asked:
        return [gr.skip(), *start]
    try:
        one = catalogue.lesson(asked["lesson"])
        run = one.run(asked.get("run", ""))
        seed = running.check_seed(asked.get("seed", "0"))
    except LabError:
        # Not the error's own words: a toast shows HTML, and they repeat what the link says.
        gr.Warning(NO_LINK, title="This link shows nothing")
        return [gr.Tabs(selected=ROOM), *start]
    return [
        gr.Tabs(selected=ROOM),
        one.id,
        gr.Radio(choices=_runs(one), value=_name(one, run)),
        _name(one, run),
        seed,
        views.heading(one, run, seed),
        views.code(one),
        views.around(one),
    ]


def _build_run(lab: Lab, current: gr.State, seed: gr.Number, out: gr.HTML) -> None:
    """The form of the chosen run, made anew for each, and what comes of it."""

    @gr.render(inputs=[current], triggers=[current.change], **_ONE_FORM)
    def form(name: str) -> None:
        if not name:
            return
        lesson, chosen = _find(name)
        gr.HTML(views.about_run(lesson, chosen), apply_default_css=False)
        with gr.Row(elem_classes="lab-fields"):
            inputs = [fields.component(parameter) for parameter in chosen.parameters]
        with gr.Row(elem_classes="lab-buttons"):
            start = gr.Button("Run", variant="primary", elem_classes="lab-run")
            stop = gr.Button("Stop", variant="stop")
            reset = gr.Button("Reset")

        def work(request: gr.Request, number: Any, *given: Any) -> Iterator[str]:
            user = person_of(request).id

            def values() -> dict[str, Any]:
                pairs = zip(chosen.parameters, given, strict=True)
                return {p.name: fields.value(p, one, lambda path: lab.opened(user, path)) for p, one in pairs}

            yield from _run(lab, lesson, chosen, number, values)

        under_way = start.click(
            work,
            [seed, *inputs],
            out,
            concurrency_limit=WAITING,
            concurrency_id="lab",
            trigger_mode="once",
            key="lab-run",
            **_QUIET,
        )
        stop.click(_stopped, out, out, cancels=[under_way], key="lab-stop", **_QUIET)
        again: list[Any] = [
            None if isinstance(parameter.default, bytes) else parameter.default
            for parameter in chosen.parameters
        ]
        reset.click(
            lambda: [*again, 0, views.steps([])],
            None,
            [*inputs, seed, out],
            cancels=[under_way],
            key="lab-reset",
            **_QUIET,
        )


def _stopped(shown: str | None) -> Any:
    """What stands there when a run is stopped; nothing changes if none was under way."""
    return views.refused([], "Stopped. Press Run to begin anew.") if UNDER_WAY in (shown or "") else gr.skip()


def _run(
    lab: Lab, lesson: Lesson, run: Run, seed: Any, values: Callable[[], dict[str, Any]]
) -> Iterator[str]:
    events: list[Event] = []
    began = time.monotonic()
    yield views.steps([], f"{UNDER_WAY}.")
    try:
        for event in lab.stream(lesson, run, values(), running.check_seed(0 if seed is None else int(seed))):
            if event is not None:
                events.append(event)
            if event is None or (run.heavy and isinstance(event, Step)):
                yield views.steps(
                    events, f"{UNDER_WAY}, {time.monotonic() - began:.0f} s; more steps will come."
                )
    except LabError as error:
        yield views.refused(events, str(error))
        return
    yield views.steps(events)


def _build_quiz(lab: Lab, asked: gr.State, seed: gr.Number) -> None:
    """The questions of the chosen lesson, in the order that the seed decides."""

    @gr.render(inputs=[asked, seed], triggers=[asked.change, seed.change], **_ONE_FORM)
    def quiz(name: str, number: Any) -> None:
        if not name:
            return
        one = catalogue.lesson(name)
        radios = [
            gr.Radio(
                [answer.text for answer in shuffled(one, question, int(number or 0))],
                label=f"{at}. {plain(question.text)}",
                elem_classes="lab-question",
            )
            for at, question in enumerate(one.quiz, 1)
        ]
        check = gr.Button("Check my answers", elem_classes="lab-check")
        told = gr.HTML("", apply_default_css=False, elem_classes="lab-marked")

        def mark(request: gr.Request, *chosen: str | None) -> str:
            person = person_of(request)
            try:
                return views.marked(lab.marked(one, chosen, person.id, person.name))
            except LabError as error:
                return views.refused([], str(error))

        check.click(mark, radios, told, key="lab-check", **_QUIET)


def _class_view(lab: Lab, name: str, seed: Any, request: gr.Request) -> str:
    person, one, number = person_of(request), catalogue.lesson(name), int(seed or 0)
    teacher = person.role in TEACHERS
    kind = "text/html"
    sheet = worksheet(one, number, answers=False).encode()
    links = views.download(f"{one.id}-worksheet.html", sheet, "Worksheet to print", kind)
    if teacher:
        solved = worksheet(one, number, answers=True).encode()
        links += " · " + views.download(f"{one.id}-answers.html", solved, "with answers and notes", kind)
    try:
        found = lab.standings(person.id, teacher=teacher)
    except LabError as error:
        return f"<p>{links}</p>{views.refused([], str(error))}"
    if teacher and found:
        links += " · " + views.download("results.csv", as_csv(found).encode(), "Results as CSV", "text/csv")
    title = "Results of the class" if teacher else "Your results"
    return f"<p>{links}</p><h4>{title}</h4>{views.standings(found, teacher)}"
