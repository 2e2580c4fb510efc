"""The app as its user starts it: `python app.py` in a process of its own, on a free port, with new data."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

import pyotp

ROOT = Path(__file__).parent.parent.parent
PATIENCE_S = 120


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class App:
    """A running app. `lines` is all it has printed."""

    data: Path
    port: int = field(default_factory=free_port)
    environ: dict[str, str] = field(default_factory=dict)
    lines: list[str] = field(default_factory=list)
    printed: threading.Condition = field(default_factory=threading.Condition)
    ended: bool = False
    reader: threading.Thread | None = None
    process: subprocess.Popen[str] | None = None

    @property
    def url(self) -> str:
        return f"http://localhost:{self.port}"

    def start(self) -> App:
        environ = {key: value for key, value in os.environ.items() if not key.startswith("ASKLEPION_")}
        environ |= {"ASKLEPION_DATA": str(self.data), "ASKLEPION_PORT": str(self.port)} | self.environ
        # Of this start, not of one before, whose address would be taken for the sign that it is up.
        self.lines.clear()
        self.ended = False
        self.process = subprocess.Popen(
            [sys.executable, "app.py"],
            cwd=ROOT,
            env=environ,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()
        self.wait_for(r"https?://\S+\n")
        return self

    def wait_for(self, pattern: str) -> str:
        """The first match in what it prints."""
        with self.printed:
            found = self.printed.wait_for(
                lambda: re.search(pattern, "".join(self.lines)) or self.ended, timeout=PATIENCE_S
            )
        assert isinstance(found, re.Match), f"{pattern} was not printed:\n{''.join(self.lines)}"
        return found[0]

    def _read(self) -> None:
        assert self.process is not None
        assert self.process.stdout is not None
        for line in self.process.stdout:
            with self.printed:
                self.lines.append(line)
                self.printed.notify_all()
        with self.printed:
            self.ended = True
            self.printed.notify_all()

    @property
    def setup_link(self) -> str:
        found = re.search(r"http://\S+/setup\?token=\S+", "".join(self.lines))
        assert found is not None, self.lines
        return found[0]

    def stop(self) -> int:
        """End it as Ctrl-C does; returns its exit code."""
        assert self.process is not None
        assert self.process.stdout is not None
        assert self.reader is not None
        self.process.send_signal(signal.SIGINT)
        code = self.process.wait(PATIENCE_S)
        self.reader.join()
        self.process.stdout.close()
        return code


@dataclass
class Authenticator:
    """A phone: makes the codes of a secret, each time-step's only once, waiting for the next when needed."""

    secret: str
    spent: int = 0

    def code(self) -> str:
        """A code that the server has not seen. One step ahead is within its window."""
        here = int(time.time()) // 30
        step = max(here, self.spent + 1)
        assert step <= here + 1, "two codes were spent within one step; the server takes one ahead only"
        self.spent = step
        return self.code_of(step)

    def code_of(self, step: int) -> str:
        return str(pyotp.HOTP(self.secret).at(step))
