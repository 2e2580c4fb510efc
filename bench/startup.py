"""From `python app.py` to an answered GET /login, beside what `import gradio` alone takes.

Alternating, each time a new process; the app gets a new data folder and a free port. One round is not
counted, so the files are in the disk cache. Rooms and models load later and are not waited for.
"""

from __future__ import annotations

import http.client
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time

from bench.report import ROOT, Row, hand_over

RUNS = 5
TARGET = 1.3
PATIENCE_S = 120


def seconds_to_login() -> float:
    """One start of the app.

    Raises:
        RuntimeError: it ended, or did not answer within PATIENCE_S.
    """
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    with tempfile.TemporaryDirectory() as data:
        environ = {key: value for key, value in os.environ.items() if not key.startswith("ASKLEPION_")}
        environ |= {"ASKLEPION_PORT": str(port), "ASKLEPION_DATA": data}
        began = time.perf_counter()
        app = subprocess.Popen(
            [sys.executable, "app.py"],
            cwd=ROOT,
            env=environ,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            while not _answers(port):
                if app.poll() is not None or time.perf_counter() - began > PATIENCE_S:
                    raise RuntimeError(f"The app did not answer on port {port}; its exit code: {app.poll()}.")
                time.sleep(0.01)
            return time.perf_counter() - began
        finally:
            app.terminate()
            app.wait(PATIENCE_S)


def _answers(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", "/login")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def seconds_to_import_gradio() -> float:
    """One `python -c "import gradio"`, from start to exit."""
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", "import gradio"], cwd=ROOT, check=True, capture_output=True)
    return time.perf_counter() - began


def compare() -> list[Row]:
    """Medians of RUNS, and the ratio."""
    login, bare = [], []
    for number in range(RUNS + 1):
        rounds = (seconds_to_login(), seconds_to_import_gradio())
        if number:
            login.append(rounds[0])
            bare.append(rounds[1])
    ours, theirs = statistics.median(login), statistics.median(bare)
    return [
        Row(
            "python app.py until GET /login is 200",
            ours,
            "s",
            f"median of {RUNS}, {_range(login)}; the door, no room yet",
        ),
        Row('python -c "import gradio"', theirs, "s", f"median of {RUNS}, {_range(bare)}"),
        Row("ratio", ours / theirs, "times", f"the target is at most {TARGET}"),
    ]


def _range(seconds: list[float]) -> str:
    return f"{min(seconds):.2f} to {max(seconds):.2f}"


if __name__ == "__main__":
    hand_over(compare())
