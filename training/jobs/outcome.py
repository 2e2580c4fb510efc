"""What came of a job, by its report, its exit code and its last words, in plain ones."""

from __future__ import annotations

import json
import signal
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from training.commands.console import STOPPED
from training.errors import BadDataError
from training.jobs.job import Job, Outcome, Progress, State
from training.jobs.process import LOG, Ended
from training.safe import PLAIN, Safe

PROGRESS = "progress.jsonl"
REPORT = "report.json"
SEALED = "sealed"
"""A result that is sealed has this one name in it."""
_TAIL = 1 << 18
_LONGEST_LINE = 300
_LARGEST_REPORT = 64 << 20
_GO_ON = "It can be resumed from what it saved last, or started again."


@dataclass(frozen=True)
class Report:
    """What a command says of its own end."""

    ok: bool
    message: str
    changes: Mapping[str, object]
    result: Mapping[str, Any]


def outcome(folder: Path, ended: Ended, stopping: bool, safe: Safe = PLAIN) -> Outcome:
    """What came of the job in `folder`, whose process `ended`; `stopping` if it had been asked to."""
    report = read_report(folder, safe)
    code = ended.code
    if report is None:
        return _without_report(folder, code, stopping)
    stopped = code == STOPPED or (code is None and _says_stopped(report, stopping))
    state: State = "stopped" if stopped else "done" if report.ok else "failed"
    return Outcome(state, report.message, report.changes, report.result)


def sealed(came: Outcome, safe: Safe, identity: str) -> Outcome:
    """As the queue keeps it: with a key, message and result, which may quote a text, are one sealed value."""
    if safe.key is None or not (came.message or came.result):
        return came
    value = safe.seal_value({"message": came.message, "result": dict(came.result)}, identity)
    return Outcome(came.state, "", came.changes, {SEALED: value})


def opened(job: Job, safe: Safe) -> Job:
    """A job with what `sealed` sealed to be read.

    Raises:
        BadDataError: it was changed, or is another's.
    """
    value = safe.open_value(str(job.result[SEALED]), job.id)
    if not isinstance(value, dict):
        raise BadDataError(f"What came of {job.name} can't be read. Start it again.")
    return replace(job, message=str(value["message"]), result=dict(value["result"]))


def _says_stopped(report: Report, stopping: bool) -> bool:
    # The exit code of another's child is lost.
    return report.result.get("reason") == "stopped" if report.ok else stopping


def _without_report(folder: Path, code: int | None, stopping: bool) -> Outcome:
    if stopping and code in (None, -signal.SIGTERM, -signal.SIGKILL):
        return Outcome("stopped", f"It was ended before it could save and say so. {_GO_ON}", {}, {})
    if code == STOPPED:
        return Outcome("stopped", "", {}, {})
    said = last_line(folder)
    words = f' Its last line was: "{said}"' if said else " It had said nothing."
    return Outcome("failed", _how(code) + words, {}, {})


def _how(code: int | None) -> str:
    if code is None:
        return (
            "It was cut short: its process is gone without a report. The machine may have been restarted or "
            f"its memory may have run out. {_GO_ON}"
        )
    if code == -signal.SIGKILL:
        return (
            "The system killed it (signal 9), most likely because the memory ran out: take smaller batches, "
            f"shorter texts or a smaller model. {_GO_ON}"
        )
    if code in (-signal.SIGSEGV, -signal.SIGBUS, -signal.SIGILL, -signal.SIGABRT):
        return (
            f"It crashed ({_name(-code)}, signal {-code}): a fault in a library or in the machine, not in "
            f"your text. {_GO_ON}"
        )
    if code < 0:
        return f"It was ended from outside ({_name(-code)}, signal {-code}). {_GO_ON}"
    if code == 0:
        return "It ended without a report, so that what came of it is unknown. Start it again."
    return f"It ended with an error (exit code {code})."


def _name(number: int) -> str:
    known = {int(signal.SIGSEGV): "segmentation fault", int(signal.SIGABRT): "abort"}
    try:
        return known.get(number) or signal.Signals(number).name
    except ValueError:
        return "unnamed"


def read_report(folder: Path, safe: Safe = PLAIN) -> Report | None:
    """The report in `folder`; None if there is none, or none that can be read."""
    path = folder / REPORT
    try:
        if path.stat().st_size > _LARGEST_REPORT:
            return None
        with safe.open(path) as stream:
            content = json.loads(stream.read())
        return Report(
            content["ok"] is True,
            # Half a character can't be kept.
            str(content["message"]).encode("utf-8", "replace").decode(),
            dict(content.get("changes") or {}),
            dict(content.get("result") or {}),
        )
    except (OSError, ValueError, KeyError, TypeError, RecursionError, BadDataError):
        return None


def read_progress(folder: Path) -> Progress | None:
    """The last whole line of the progress file in `folder`."""
    for line in reversed(_tail(folder / PROGRESS).split(b"\n")[:-1]):
        try:
            content = json.loads(line)
            left = content.get("seconds_left")
            return Progress(
                float(content["done"]),
                float(content["total"]),
                str(content["text"]),
                None if left is None else float(left),
            )
        except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError):
            continue
    return None


def read_log(folder: Path, lines: int) -> str:
    """The last `lines` lines of the log in `folder`; of a line written over and over, its last state."""
    text = _tail(folder / LOG).decode("utf-8", "replace").replace("\r\n", "\n").rstrip("\n")
    shown = [line.rstrip("\r").rpartition("\r")[2] for line in text.split("\n")]
    return "\n".join(shown[-lines:]) if lines > 0 else ""


def last_line(folder: Path) -> str:
    """The last line of the log that isn't blank, cut to a length that fits a sentence."""
    lines = (line.strip() for line in reversed(read_log(folder, 20).split("\n")))
    line = next(filter(None, lines), "")
    return line if len(line) <= _LONGEST_LINE else line[: _LONGEST_LINE - 1] + "…"


def _tail(path: Path) -> bytes:
    """The end of a file, beginning with a whole line; nothing if there is no file."""
    try:
        with path.open("rb") as stream:
            size = stream.seek(0, 2)
            stream.seek(max(0, size - _TAIL))
            content = stream.read(_TAIL)
    except OSError:
        return b""
    return content if size <= _TAIL else content.partition(b"\n")[2]
