"""Starts the built folder the way a Space does, walks through its door, and measures. Linux only.

As on a Space: `python app.py` on 0.0.0.0, the SPACE_ variables, a HOME and code that can't be written to, one
folder that can. As root it runs as nobody. Does not: install the requirements (this Python's are used), cap
memory or cores, or stand behind TLS as the hub's proxy does.
"""

from __future__ import annotations

import base64
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tools.space.dropped import NOBODY, Dropped, dropped
from tools.space.errors import TrialError
from tools.space.rules import check_folder
from tools.space.visitor import Visitor

SPACE_HOST = "someone-asklepion.hf.space"
PATIENCE_S = 180
SETTLE_S = 20
QUESTION = "What is asthma?"
_STOP_S = 30
_NEW_TAB = 'target="_blank" rel="noopener"'


@dataclass(frozen=True)
class Trial:
    """What one start showed."""

    login_s: float
    """From the start of the process until /login answered."""
    rooms_s: float
    """Until somebody who is signed in got the page itself."""
    peak_bytes: int
    """The most memory that the process has held (VmHWM), once it grew no more."""
    answer_s: float
    """What `python -m assistant ask` took afterwards, models loaded anew and all."""
    uid: int
    how: str
    """As whom it ran."""


def space_environ(data: Path, home: Path, port: int, environ: Mapping[str, str]) -> dict[str, str]:
    """The environment of a Space: nothing of this shell's but PATH, and new secrets."""
    return {
        "PATH": environ.get("PATH", os.defpath),
        "LANG": "C.UTF-8",
        "SYSTEM": "spaces",
        "SPACE_ID": "someone/asklepion",
        "SPACE_HOST": SPACE_HOST,
        "SPACE_AUTHOR_NAME": "someone",
        "SPACE_REPO_NAME": "asklepion",
        "HOME": str(home),
        "TMPDIR": str(data / "tmp"),
        "PYTHONDONTWRITEBYTECODE": "1",
        "ASKLEPION_DATA": str(data),
        "ASKLEPION_PORT": str(port),
        "ASKLEPION_KEY": base64.b64encode(secrets.token_bytes(32)).decode("ascii"),
        "ASKLEPION_SETUP_TOKEN": secrets.token_urlsafe(32),
    }


def attempt(folder: Path, port: int, environ: Mapping[str, str], settle_s: float = SETTLE_S) -> Trial:
    """Start it, sign in, measure, stop it. What it wrote is deleted.

    Raises:
        UnfitFolderError: the folder breaks a rule.
        TrialError: it did not start, or answered otherwise than it must; the message says what it printed.
    """
    check_folder(folder, environ)
    _check_port(port)
    with tempfile.TemporaryDirectory(prefix="space-") as made:
        root = Path(made)
        root.chmod(0o755)
        code, home, data = root / "app", root / "home", root / "data"
        shutil.copytree(folder, code)
        home.mkdir()
        data.mkdir()
        (data / "tmp").mkdir()
        way = dropped()
        if os.geteuid() == 0:
            for path in (data, data / "tmp"):
                os.chown(path, NOBODY, NOBODY)
        _close_to_writing(code, home)
        given = space_environ(data, home, port, environ)
        with (root / "printed").open("w+b") as printed:
            began = time.perf_counter()
            process = _start(code, given, printed, way)
            try:
                login_s, rooms_s = _walk(process, port, given["ASKLEPION_SETUP_TOKEN"], began)
                peak, uid = _settled(process.pid, settle_s)
            except TrialError as error:
                raise TrialError(f"{error}{_said(root / 'printed', given)}") from error
            finally:
                _stop(process)
        _check_secrets(root / "printed", given)
        answer_s = _ask(code, given, way)
        return Trial(login_s, rooms_s, peak, answer_s, uid, way.how)


def _check_port(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise TrialError(
                f"Port {port} is in use. Stop what uses it, or choose another: --port."
            ) from error


def _close_to_writing(*folders: Path) -> None:
    for folder in folders:
        for path in (folder, *folder.rglob("*")):
            path.chmod(0o555 if path.is_dir() else 0o444)


def _start(code: Path, environ: Mapping[str, str], printed: Any, way: Dropped) -> subprocess.Popen[bytes]:
    return subprocess.Popen(  # noqa: S603  # this Python, and the file that was built
        [*way.prefix, sys.executable, "app.py"],
        cwd=code,
        env=dict(environ),
        stdout=printed,
        stderr=subprocess.STDOUT,
        **way.options,
    )


def _walk(process: subprocess.Popen[bytes], port: int, token: str, began: float) -> tuple[float, float]:
    """To the door, through it, and into the rooms; the seconds until each."""
    visitor = Visitor(port, SPACE_HOST)

    def until(path: str, wanted: str) -> float:
        while True:
            if process.poll() is not None:
                raise TrialError(f"The app ended with exit code {process.returncode}.")
            answer = visitor.try_get(path)
            if answer is not None and answer.status == 200 and wanted in answer.text:
                return time.perf_counter() - began
            if time.perf_counter() - began > PATIENCE_S:
                raise TrialError(f"{path} did not answer as it must within {PATIENCE_S} s.")
            time.sleep(0.02)

    login_s = until("/login", "")
    visitor.expect("GET", "/healthz", 200)
    visitor.expect("GET", "/", 303)
    Visitor(port, "elsewhere.example.org").expect("GET", "/healthz", 421)
    visitor.set_up(token)
    page = visitor.expect("GET", "/login", 200)
    if _NEW_TAB not in page.text or "frame-ancestors 'self' https://huggingface.co" not in page.policy:
        raise TrialError("The sign-in page is not made for the frame of a Space.")
    visitor.sign_in()
    return login_s, until("/", "window.gradio_config")


def _ask(code: Path, environ: Mapping[str, str], way: Dropped) -> float:
    """One question in a shell of the same kind: that the models load there, which the pages don't tell."""
    began = time.perf_counter()
    try:
        ended = subprocess.run(  # noqa: S603  # this Python, and what was built
            [*way.prefix, sys.executable, "-m", "assistant", "ask", QUESTION, "--json"],
            cwd=code,
            env=dict(environ),
            check=False,
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            **way.options,
        )
    except subprocess.TimeoutExpired as error:
        raise TrialError(f"The models did not answer within {PATIENCE_S} s.") from error
    if ended.returncode or '"answer"' not in ended.stdout:
        raise TrialError(f"The models do not answer there: {ended.stderr.strip()[-500:]}")
    return time.perf_counter() - began


def _settled(pid: int, settle_s: float) -> tuple[int, int]:
    """Peak memory and user, once the peak has not grown for `settle_s` (the models load behind the pages)."""
    began = grown = time.perf_counter()
    peak, uid = _of_process(pid)
    while (now := time.perf_counter()) - grown < settle_s and now - began < PATIENCE_S:
        time.sleep(0.5)
        found, uid = _of_process(pid)
        if found > peak:
            peak, grown = found, now
    return peak, uid


def _of_process(pid: int) -> tuple[int, int]:
    """Peak memory and user of a process (proc(5))."""
    lines = Path(f"/proc/{pid}/status").read_text("ascii").splitlines()
    fields = dict(line.split(":", 1) for line in lines if ":" in line)
    return int(fields["VmHWM"].split()[0]) * 1024, int(fields["Uid"].split()[0])


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGINT)
    try:
        process.wait(_STOP_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _said(printed: Path, environ: Mapping[str, str]) -> str:
    """The end of what the app printed, without its secrets."""
    text = printed.read_text("utf-8", "replace")[-2000:]
    for name in ("ASKLEPION_KEY", "ASKLEPION_SETUP_TOKEN"):
        text = text.replace(environ[name], f"<{name}>")
    return f" It printed:\n{text}" if text.strip() else " It printed nothing."


def _check_secrets(printed: Path, environ: Mapping[str, str]) -> None:
    text = printed.read_text("utf-8", "replace")
    for name in ("ASKLEPION_KEY", "ASKLEPION_SETUP_TOKEN"):
        if environ[name] in text:
            raise TrialError(f"The app printed the value of {name}, which a Space would keep in its log.")
