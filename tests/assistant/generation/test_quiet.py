"""Nothing that the app loads calls anybody: each load runs in a process of its own, under a watch.

The watch is an audit hook that is put in before anything else (`sitecustomize`, so in child processes too).
It sees what goes through Python's socket module; a connection that native code made by itself it would not.
"""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent.parent
WATCH = """
import os, sys

def watch(event, args):
    if event == "socket.connect":
        where = args[1]
    elif event in ("socket.getaddrinfo", "socket.gethostbyname", "socket.sendto"):
        where = args[1] if event == "socket.sendto" else args[0]
    else:
        return
    host = where[0] if isinstance(where, tuple) else where
    if isinstance(host, bytes):
        host = host.decode()
    if host not in (None, "", "localhost", "::1") and not str(host).startswith(("127.", "/", chr(0))):
        with open(os.environ["WATCH_LOG"], "a") as log:
            log.write(f"{event} {host}\\n")
        raise OSError(f"not allowed: {event} {host}")

sys.addaudithook(watch)
"""


@dataclass(frozen=True)
class Watched:
    """What a process did: its output, its calls outward, and the files that it left in its home folder."""

    code: int
    output: str
    calls: str
    files: list[str]


def watched(tmp_path: Path, program: str) -> Watched:
    home, site, log = tmp_path / "home", tmp_path / "site", tmp_path / "calls"
    home.mkdir()
    site.mkdir()
    (site / "sitecustomize.py").write_text(WATCH)
    environ = {"PATH": os.environ["PATH"], "HOME": str(home), "WATCH_LOG": str(log)}
    environ["PYTHONPATH"] = os.pathsep.join([str(site), str(ROOT)])
    done = subprocess.run(
        [sys.executable, "-c", program],
        check=False,
        env=environ,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=300,
    )
    files = [str(path.relative_to(home)) for path in home.rglob("*") if path.is_file()]
    return Watched(done.returncode, done.stdout + done.stderr, log.read_text() if log.exists() else "", files)


def test_the_watch_sees_and_forbids_a_call_outward(tmp_path: Path) -> None:
    program = "import socket; socket.create_connection(('192.0.2.1', 9), timeout=1)"
    seen = watched(tmp_path, program)
    assert seen.code != 0
    assert "192.0.2.1" in seen.calls


def test_the_watch_sees_child_processes_too(tmp_path: Path) -> None:
    child = "import socket; socket.getaddrinfo('example.invalid', 80)"
    seen = watched(tmp_path, f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}])")
    assert "example.invalid" in seen.calls


def test_openvino_imported_quietly_opens_no_socket_and_writes_nothing_at_home(tmp_path: Path) -> None:
    program = """
import sys
from assistant.generation.quiet import TELEMETRY, openvino_genai
assert openvino_genai() is openvino_genai()
assert sys.modules[TELEMETRY] is None
import openvino
print("imported", openvino.__version__)
"""
    seen = watched(tmp_path, program)
    assert seen.code == 0, seen.output
    assert "imported" in seen.output
    assert (seen.calls, seen.files) == ("", [])


def test_openvino_imported_elsewhere_with_its_telemetry_is_refused(tmp_path: Path) -> None:
    program = """
import sys, types
sys.modules["openvino_telemetry"] = types.ModuleType("openvino_telemetry")
from assistant.errors import EngineError
from assistant.generation.quiet import openvino_genai
try:
    openvino_genai()
except EngineError as error:
    print("refused:", error)
"""
    seen = watched(tmp_path, program)
    assert "refused: OpenVINO was imported with its telemetry on" in seen.output
    assert seen.code == 0


def app_environment() -> str:
    """The statements of app.py that set its environment, as they stand there."""
    lines = (ROOT / "app.py").read_text()
    kept = [
        ast.get_source_segment(lines, node)
        for node in ast.parse(lines).body
        if isinstance(node, ast.Expr) and "os.environ" in (ast.get_source_segment(lines, node) or "")
    ]
    assert kept
    return "\n".join(["import os", *filter(None, kept)])


@pytest.mark.model
def test_nothing_that_the_app_loads_calls_outward_and_the_engine_answers(tmp_path: Path) -> None:
    program = f"""
{app_environment()}
import fastapi, uvicorn
import gradio
import huggingface_hub, transformers
from assistant.generation.choose import EngineSettings, build_engine
from assistant.generation.engine import Sampling
from assistant.types import Message
with gradio.Blocks(analytics_enabled=False):
    gradio.Markdown("a page")
engine = build_engine(EngineSettings("openvino"))
pieces = list(engine.stream([Message("user", "hi")], Sampling(max_new_tokens=3)))
engine.close()
print("answered", pieces[-1].tokens)
"""
    seen = watched(tmp_path, program)
    assert seen.code == 0, seen.output
    assert "answered 3" in seen.output
    assert seen.calls == ""
