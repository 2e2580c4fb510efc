"""Texts with findings marked as `{chest pain|absent}` or `{aspirin|historical|Medication}`."""

import re

_MARK = re.compile(r"\{([^{}|]+)\|([a-z]+)(?:\|(\w+))?\}")


def marked(case: str) -> tuple[str, list[tuple[int, int, str]], list[str]]:
    """The bare text, its spans (Sign_symptom unless another label is given), and their assertions."""
    text, at = "", 0
    spans, assertions = [], []
    for mark in _MARK.finditer(case):
        text += case[at : mark.start()]
        spans.append((len(text), len(text) + len(mark[1]), mark[3] or "Sign_symptom"))
        text += mark[1]
        assertions.append(mark[2])
        at = mark.end()
    return text + case[at:], spans, assertions
