"""What our own scripts and markup do not do: listen to other windows, embed plug-ins, load from elsewhere."""

from __future__ import annotations

import re
from pathlib import Path

import gradio
import pytest

from tests.app.served import ROOT

OURS = [
    path
    for folder in ("assistant", "security/accounts", "security/lab/page", "training/page", "ui")
    for path in sorted((ROOT / folder).rglob("*"))
    if path.suffix in (".js", ".html", ".css", ".py")
]
ASSETS = Path(gradio.__file__).parent / "templates" / "frontend" / "assets"
LISTENS = re.compile(r"""addEventListener\(\s*["'`]message["'`]|\bonmessage\s*=""")
# What Gradio's client does with a message to its window: compare it whole with one constant.
COMPARED = re.compile(r"window\.addEventListener\(`message`,(\w+)=>\{\1\.data===\w+&&\(window\.\w+=!0\)\}\)")


def test_there_is_something_to_look_at() -> None:
    assert {"chat.js", "lab.js", "frame.py", "login.html"} <= {path.name for path in OURS}


@pytest.mark.parametrize("path", OURS, ids=lambda path: path.name)
def test_our_own_files_are_plain(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert not LISTENS.search(text)
    assert not re.search(r"<\s*(object|embed|applet)\b", text, re.IGNORECASE)
    assert not re.search(r"\bdocument\.(write|domain)\b|\bnew Function\(|[?&](jsonp|callback)=", text)
    assert not re.search(r"""(src|href)=["']?(https?:)?//""", text.replace('href="https://', "href=link "))
    assert not re.search(r"url\(\s*[\"']?(https?:)?//|@import", text)


def test_gradio_takes_one_message_and_looks_at_all_of_it() -> None:
    listening = 0
    for script in sorted(ASSETS.glob("*.js")):
        text = script.read_text(encoding="utf-8")
        found = text.count("window.addEventListener(`message`")
        assert found == len(COMPARED.findall(text)), script.name
        listening += found
    assert listening == 1
