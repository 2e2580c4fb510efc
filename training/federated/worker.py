"""A client's process: one task from a file, with the client's own paths and no others, and one reply.

join      what is its set (kind, labels, hash), and its public key
promise   what private training is going to cost its documents
train     a round
held-out  the loss of the weights on what it holds out
leave     nothing more will be asked
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from security.crypto.errors import CryptoError
from security.crypto.private_file import create_private, read_private
from security.crypto.secure_sum import KEY_BYTES, Party
from training.errors import OutOfMemoryError, RunError, TrainingError
from training.federated import client as work
from training.federated import messages, secure
from training.federated.client import ClientConfig
from training.federated.messages import Message
from training.safe import PLAIN, Safe, print_without_words

KEY, SESSIONS = "sum.key", "sessions.txt"


@dataclass(frozen=True)
class Task:
    """What a client is asked.

    Attributes:
        kind: as at the head of this module.
        data: the folder of its set.
        client: its config, as `asdict` makes it.
        weights: the file of the weights to begin with; "" where none are needed.
        reply, error: the files that it may write.
        parties, context: of a secure sum, public keys in hex; without, it answers openly.
        threads: that it may compute with; 0 leaves it to torch.
    """

    kind: str
    data: str
    client: dict[str, Any]
    reply: str
    error: str
    weights: str = ""
    parties: tuple[str, ...] = ()
    context: str = ""
    threads: int = 0


def perform_in_private(path: Path, safe: Safe) -> int:
    """`perform` in a process of its own, whose exit code this returns: of sealed text it prints no word."""
    try:
        perform(path, safe)
    except Exception as error:  # whatever it is, what it says may quote a text, and the log is plain
        if safe.key is None:
            raise
        print_without_words(type(error), error, error.__traceback__)
        return 1
    return 0


def perform(path: Path, safe: Safe = PLAIN) -> None:
    """Do the task in `path`, on the set that `safe` opens.

    Why it can't be done goes into its error file, through `safe` too.
    """
    values = json.loads(path.read_text("utf-8"))
    task = Task(**values | {"parties": tuple(values["parties"])})
    if task.threads:
        import torch

        torch.set_num_threads(task.threads)
    config = ClientConfig.from_dict(task.client)
    try:
        messages.write(Path(task.reply), _answer(task, config, safe))
    except (TrainingError, CryptoError) as error:
        _write_error(task, error, safe)
    except (RuntimeError, MemoryError) as error:
        from training.watch import is_out_of_memory, out_of_memory

        if not is_out_of_memory(error):
            raise
        _write_error(task, out_of_memory(config.training, "a client's process"), safe)


def _answer(task: Task, config: ClientConfig, safe: Safe) -> Message:
    from training.corpus.dataset import DataSet

    folder = Path(config.folder)
    if task.kind == "leave":
        work.leave(folder)
        (folder / KEY).unlink(missing_ok=True)
        return Message()
    data = DataSet.open(Path(task.data), safe)
    if task.kind == "join":
        return Message(values=_introduction(data, folder, bool(task.context)))
    if task.kind == "promise":
        return Message(values=asdict(work.guarantee(config, data)))
    weights = messages.read(Path(task.weights)).tensors
    if task.kind == "held-out":
        found = work.held_out(weights, config, data)
        if not task.context:
            return Message(values=asdict(found))
        numbers = [found.loss, float(found.labels)]
        return messages.of_masked(secure.hidden_numbers(numbers, *_secretly(task, folder)))
    update = work.client_round(weights, config, data)
    if not task.context:
        return messages.of_update(update)
    masked = secure.hidden_update(update, *_secretly(task, folder))
    return messages.of_masked(masked, {"epsilon": update.metrics["epsilon"]})


def _introduction(data: Any, folder: Path, secretly: bool) -> dict[str, Any]:
    from training.examples import label_names

    key = _party(folder).public.hex() if secretly else ""
    held = {"name": data.name, "kind": data.kind, "hash": data.hash, "counts": dict(data.counts)}
    return held | {"labels": label_names(data), "key": key}


def _party(folder: Path) -> Party:
    create_private(folder / KEY, secrets.token_bytes(KEY_BYTES))
    return Party(read_private(folder / KEY))


def _secretly(task: Task, folder: Path) -> tuple[Party, list[bytes], str]:
    """Whose key, with whom and in which session: one that was never before, whatever the server says."""
    sessions = folder / SESSIONS
    if sessions.exists() and task.context in sessions.read_text("utf-8").splitlines():
        raise RunError(f"Something was sent in the session {task.context} already; a second would betray it.")
    with sessions.open("a", encoding="utf-8") as stream:
        stream.write(task.context + "\n")
    return _party(folder), [bytes.fromhex(key) for key in task.parties], task.context


def _write_error(task: Task, error: Exception, safe: Safe) -> None:
    changes: Mapping[str, object] = error.changes if isinstance(error, OutOfMemoryError) else {}
    held = {"kind": type(error).__name__, "message": str(error), "changes": dict(changes)}
    safe.write_text(Path(task.error), json.dumps(held))
