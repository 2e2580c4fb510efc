"""Clients' tasks in processes of their own, some at a time; a process gets a task's path and nothing else.

They are forked from a clean process that has loaded the libraries, so one starts in a tenth of a second and
holds nothing of the server or of another client. When the server dies, so do they.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from multiprocessing.connection import wait
from pathlib import Path
from typing import Any

from training.errors import BadConfigError, BadDataError, OutOfMemoryError, RunError
from training.federated.worker import Task, perform_in_private
from training.safe import PLAIN, Safe

_LIBRARIES = [
    "torch",
    "safetensors.torch",
    "transformers.models.auto.modeling_auto",
    "transformers.models.auto.tokenization_auto",
    "transformers.modeling_gguf_pytorch_utils",
    "transformers.modeling_utils",
    "peft",
    "training.lora",
    "training.objective",
    "training.federated.worker",
]
_LOOK_S = 0.2
_ERRORS: dict[str, type[Exception]] = {"BadConfigError": BadConfigError, "BadDataError": BadDataError}


class StoppedError(Exception):
    """It was asked to stop while clients were at work; what they were doing is done again later."""


def run_all(
    tasks: Mapping[str, Task],
    at_once: int,
    on_done: Callable[[str], None] = lambda _: None,
    stop: Callable[[], bool] = lambda: False,
    safe: Safe = PLAIN,
) -> None:
    """Do the tasks, by client; all replies are there when this returns.

    `safe`, which opens the clients' sets and seals why one can't do its task, goes to each process through a
    pipe.

    Raises:
        StoppedError: `stop` said so.
        BadConfigError, BadDataError, RunError: a client can't do its task; the message names it.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(_LIBRARIES)
    waiting = list(tasks)
    running: dict[str, Any] = {}
    try:
        while waiting or running:
            if stop():
                raise StoppedError
            while waiting and len(running) < at_once:
                name = waiting.pop(0)
                process = context.Process(target=_in_process, args=(str(_written(tasks[name])), safe))
                process.start()
                running[name] = process
            wait([process.sentinel for process in running.values()], timeout=_LOOK_S)
            for name in [name for name, process in running.items() if not process.is_alive()]:
                process = running.pop(name)
                process.join()
                _check(name, tasks[name], process.exitcode, safe)
                on_done(name)
    finally:
        _end(list(running.values()))


def _end(processes: Sequence[Any]) -> None:
    for process in processes:
        process.kill()
    for process in processes:
        process.join()


def _written(task: Task) -> Path:
    for left in (task.reply, task.error):
        Path(left).unlink(missing_ok=True)
    path = Path(task.error).with_suffix(".task")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(asdict(task)), "utf-8")
    return path


def _check(name: str, task: Task, code: int | None, safe: Safe) -> None:
    error = Path(task.error)
    if error.exists():
        held = json.loads(safe.read_text(error))
        message = f"{name}: {held['message']}"
        if held["kind"] == "OutOfMemoryError":
            raise OutOfMemoryError(message, held["changes"])
        raise _ERRORS.get(held["kind"], RunError)(message)
    if code or not Path(task.reply).exists():
        how = f"was ended by signal {-code}" if code and code < 0 else f"ended with code {code}"
        raise RunError(
            f"{name}: its process {how} during {task.kind!r} and sent nothing. What was done up to the last "
            "round is kept; go on with it when the cause is mended."
        )


def _in_process(path: str, safe: Safe) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # whoever is at the keyboard means the server
    threading.Thread(target=_follow_server, daemon=True).start()
    sys.exit(perform_in_private(Path(path), safe))


def _follow_server() -> None:
    server = multiprocessing.parent_process()
    if server is not None:
        server.join()
        os._exit(1)
