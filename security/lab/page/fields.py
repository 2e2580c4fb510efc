"""A component for each parameter, and its value back as a run takes it."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

import gradio as gr

from security.lab.errors import BadParameterError
from security.lab.parameters import Choice, File, Parameter, Real, Text, Whole

_SLIDER = 10_000


def component(parameter: Parameter) -> gr.components.Component:
    """What a person sets it with."""
    told: dict[str, Any] = {"label": parameter.label, "info": parameter.hint or None}
    if isinstance(parameter, Whole):
        if parameter.most - parameter.least <= _SLIDER:
            return gr.Slider(parameter.least, parameter.most, parameter.default, step=1, **told)
        return gr.Number(
            parameter.default, precision=0, minimum=parameter.least, maximum=parameter.most, **told
        )
    if isinstance(parameter, Real):
        step = 10.0 ** math.floor(math.log10((parameter.most - parameter.least) / 99))
        return gr.Slider(parameter.least, parameter.most, parameter.default, step=step, **told)
    if isinstance(parameter, Choice):
        return gr.Dropdown(list(parameter.options), value=parameter.default, **told)
    if isinstance(parameter, Text):
        return gr.Textbox(
            parameter.default,
            lines=3 if parameter.lines else 1,
            max_lines=12 if parameter.lines else 1,
            max_length=parameter.most,
            **told,
        )
    return gr.File(label=f"{parameter.label} (without one, an example)", type="filepath", height=120)


def value(parameter: Parameter, given: Any, opened: Callable[[Path], BinaryIO]) -> Any:
    """What the component handed over, ready for `parse`; `opened` opens a file for who uploaded it.

    Raises:
        BadParameterError: a file is larger than a lesson takes, or can't be read.
    """
    if not isinstance(parameter, File):
        return parameter.default if given is None else given
    if given is None:
        return parameter.default
    try:
        with opened(Path(given)) as stream:
            data = stream.read(parameter.most + 1)
    except OSError as error:
        raise BadParameterError(parameter.name, "the file can't be read; upload it again.") from error
    return parameter.parse(data)
