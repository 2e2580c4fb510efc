"""The Assistant's tab: components and their bindings. What happens is in `session.py`, looks in `page/`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import gradio as gr

from assistant.errors import AssistantError, UnreadableError
from assistant.safety import DISCLAIMER
from assistant.session import ChatService
from ui.identity import user_of

STATIC = Path(__file__).parent / "page" / "static"
CSS = STATIC / "chat.css"
THREAD = """
<div class="thread" role="log" aria-label="Conversation" aria-live="off"></div>
<div class="empty"></div>
<p class="notice" role="alert" hidden></p>
<div class="live sr" aria-live="polite"></div>
<dialog aria-label="Source"><div class="dialog-body"></div>
<button type="button" class="close" data-act="close">Close</button></dialog>
"""
QUIET: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
ALERT_S = 20
# Answers run in the service; a handler only follows one, so many may follow at once.
FOLLOWING: dict[str, Any] = {"concurrency_limit": 40, **QUIET}


def build_tab(service: ChatService, page: gr.Blocks) -> None:
    """Make the chat and bind it to a service."""
    thread = gr.HTML(
        value={"turns": [], "empty": "", "busy": False},
        html_template=THREAD,
        js_on_load=(STATIC / "chat.js").read_text(encoding="utf-8"),
        apply_default_css=False,
        elem_id="thread",
    )
    with gr.Column(elem_id="composer"):
        box = gr.MultimodalTextbox(
            placeholder="Ask a question, or paste a note",
            label="Your question or note",
            show_label=False,
            file_types=[".txt", ".md", ".csv", ".pdf"],
            sources=["upload"],
            lines=1,
            max_lines=10,
            max_plain_text_length=1_000_000,
            autofocus=True,
            elem_id="ask",
        )
        with gr.Row(elem_id="under"):
            gr.HTML(f'<p class="disclaimer">{DISCLAIMER}</p>', apply_default_css=False)
            clear = gr.Button("Clear conversation", size="sm", elem_id="clear", min_width=150, scale=0)

    def follow(user: str, begin: Callable[[], object], given: dict[str, Any] | None = None) -> Iterator[Any]:
        try:
            begin()
        except AssistantError as error:
            # What was typed stays in the box. A raised gr.Error would cover the thread with its own.
            gr.Warning(str(error), duration=ALERT_S, title="Not sent")
            kept: Any = {"text": given.get("text") or "", "files": []} if given else None
            yield gr.skip(), gr.MultimodalTextbox(value=kept) if kept else gr.skip()
            return
        yield service.page(user), gr.MultimodalTextbox(value=None, submit_btn=False, stop_btn=True)
        for shown in service.follow(user):
            yield shown, gr.skip()
        yield gr.skip(), gr.MultimodalTextbox(submit_btn=True, stop_btn=False)

    def ask(message: dict[str, Any] | None, request: gr.Request) -> Iterator[Any]:
        given = message or {"text": "", "files": []}
        yield from follow(user_of(request), lambda: _ask(service, user_of(request), given), given)

    def example(request: gr.Request, event: gr.EventData) -> Iterator[Any]:
        yield from follow(user_of(request), lambda: service.example(user_of(request), int(event.index)))

    def retry(request: gr.Request, event: gr.EventData) -> Iterator[Any]:
        yield from follow(user_of(request), lambda: service.retry(user_of(request), str(event.turn)))

    def edit(request: gr.Request, event: gr.EventData) -> Any:
        try:
            text = service.edit(user_of(request), str(event.turn))
        except AssistantError as error:
            gr.Warning(str(error), duration=ALERT_S, title="Not changed")
            return gr.skip(), gr.skip()
        return service.page(user_of(request)), gr.MultimodalTextbox(value={"text": text, "files": []})

    def load(request: gr.Request) -> Iterator[Any]:
        user = user_of(request)
        if service.page(user)["busy"]:
            yield from follow(user, lambda: None)
        else:
            yield service.page(user), gr.skip()

    def stop(request: gr.Request) -> None:
        service.stop(user_of(request))

    def clear_all(request: gr.Request) -> Any:
        service.clear(user_of(request))
        return service.page(user_of(request))

    page.load(load, None, [thread, box], **FOLLOWING)
    box.submit(ask, box, [thread, box], **FOLLOWING)
    thread.example(example, None, [thread, box], **FOLLOWING)
    thread.retry(retry, None, [thread, box], **FOLLOWING)
    box.stop(stop, None, None, **FOLLOWING)
    thread.edit(edit, None, [thread, box], **QUIET)
    clear.click(clear_all, None, thread, **QUIET)


def _ask(service: ChatService, user: str, given: dict[str, Any]) -> None:
    files = [Path(path) for path in given.get("files") or []]
    try:
        service.ask(
            user, given.get("text") or "", files[0] if files else None, files[0].name if files else ""
        )
    except UnreadableError:
        files.clear()  # what is in the way may pass: the copy stays for another try, until it is swept
        raise
    finally:
        # Read or refused: the copy that the upload made must not stay behind.
        for path in files:
            path.unlink(missing_ok=True)
