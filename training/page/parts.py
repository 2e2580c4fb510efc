"""What the steps of the page share: how a refusal is shown, names that are free, and what is listened to."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import gradio as gr

QUIET: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
SHOWN: dict[str, Any] = QUIET | {"show_progress": "minimal"}
"""For what may take seconds."""
ALERT_S = 20
EVERY_S = 1.5


def refuse(error: Exception, title: str, count: int) -> Any:
    """Say why, and leave `count` outputs as they are."""
    gr.Warning(str(error), duration=ALERT_S, title=title)
    return gr.skip() if count == 1 else [gr.skip()] * count


def free_name(stem: str, taken: Iterable[str]) -> str:
    """`stem`, or with a number behind it."""
    every = {name.casefold() for name in taken}
    if stem.casefold() not in every:
        return stem
    return next(f"{stem}-{n}" for n in range(2, 10_000) if f"{stem}-{n}".casefold() not in every)


def choose(names: Iterable[str], current: str | None, label: str | None = None) -> Any:
    """A list of choices that keeps what was chosen, as long as it is there, and else takes the first."""
    every = list(names)
    value = current if current in every else (every[0] if every else None)
    options: dict[str, Any] = {} if label is None else {"label": label}
    return gr.Dropdown(choices=every, value=value, interactive=True, **options)
