"""A federation's folder: who has which place in it, and how it begins.

It looks like a run's (config.yaml, metrics.jsonl, best/), so that what takes a run takes it, with

federation.yaml   what the federation was told
rounds.jsonl      a line a round
global/           the newest weights, to go on from, and the first
clients/NAME/     the client's own place; the server doesn't look into it
exchange/         the messages of the task under way
data/             no text: what the clients' sets are together
"""

from __future__ import annotations

import hashlib
import json
import secrets
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from training import runs
from training.config import TrainingConfig
from training.errors import BadDataError, RunError, TrainingError
from training.federated.config import FederationConfig
from training.safe import PLAIN, Safe

FEDERATION, CLIENTS, EXCHANGE, DATA = "federation.yaml", "clients", "exchange", "data"
_GLOBAL, _BIRTH, _LABELS = "global", "federation.json", "labels.json"


@dataclass(frozen=True)
class Birth:
    """What was drawn and found when the federation was made.

    Attributes:
        identity: 32 hexadecimal digits that no other federation has.
        source: the hash of the set that was split; "" where each client has its own.
    """

    identity: str
    source: str


def create(root: Path, config: FederationConfig, safe: Safe = PLAIN) -> Path:
    """Make the folder of a new federation; one set is split here.

    Raises:
        RunError: there is one of this name, or the folder can't be made.
        BadDataError: there is no such set, or it can't be split.
    """
    folder = runs.create(root, config.training(str(root.absolute() / config.name / DATA)))
    source = ""
    try:
        if config.split.dataset:
            from training.corpus.dataset import DataSet
            from training.federated.hospitals import split_set

            whole = DataSet.open(Path(config.split.dataset).expanduser(), safe)
            source = whole.hash
            places = [data_of(config, folder, number) for number in range(1, config.size + 1)]
            split_set(whole, config.split, config.seed, places, safe)
        birth = {"identity": secrets.token_hex(16), "source": source}
        (folder / _BIRTH).write_text(json.dumps(birth), "utf-8")
        (folder / FEDERATION).write_text(config.to_text(), "utf-8")
    except TrainingError:
        shutil.rmtree(folder)
        raise
    return folder


def config_of(folder: Path) -> FederationConfig:
    """What the federation in `folder` was told.

    Raises:
        RunError: there is none.
        BadConfigError: its config can't be used.
    """
    if not (folder / FEDERATION).is_file():
        raise RunError(f"There is no federation in {folder}. Give the folder of one.")
    return FederationConfig.from_yaml(folder / FEDERATION)


def birth_of(folder: Path) -> Birth:
    """What was drawn and found when it was made."""
    return Birth(**json.loads((folder / _BIRTH).read_text("utf-8")))


def data_of(config: FederationConfig, folder: Path, client: int) -> Path:
    """The set of a client, numbered from 1."""
    if config.split.dataset:
        return place_of(config, folder, client) / DATA
    return Path(config.clients[client - 1]).expanduser().absolute()


def place_of(config: FederationConfig, folder: Path, client: int) -> Path:
    """A client's own place."""
    return folder / CLIENTS / config.names[client - 1]


def remember_training(folder: Path, training: TrainingConfig, labels: Sequence[str]) -> None:
    """What every client was told, as it fits the base; `config.yaml` then says the same."""
    training.to_yaml(folder / runs.CONFIG)
    (folder / _LABELS).write_text(json.dumps(list(labels), ensure_ascii=False), "utf-8")


def training_of(folder: Path) -> tuple[TrainingConfig, tuple[str, ...]]:
    """What `remember_training` kept."""
    return runs.config_of(folder), tuple(json.loads((folder / _LABELS).read_text("utf-8")))


def weights_of(folder: Path, number: int) -> Path:
    """The file of the weights after a round."""
    return folder / _GLOBAL / f"round-{number}.safetensors"


def newest_round(folder: Path) -> int | None:
    """The last whole round; 0 before the first, None before that."""
    found = [path.stem[6:] for path in (folder / _GLOBAL).glob("round-*.safetensors")]
    return max(map(int, found), default=None)


def remember_sets(config: FederationConfig, folder: Path, sets: Sequence[Mapping[str, Any]]) -> None:
    """Describe in data/ what the clients' sets are together; no text of theirs.

    Raises:
        BadDataError: they are of different kinds.
        RunError: they are not those that the federation began with.
    """
    kinds = sorted({one["kind"] for one in sets})
    if len(kinds) > 1:
        raise BadDataError(
            f"The clients' sets are of different kinds: {', '.join(kinds)}. Give sets of one kind."
        )
    described = {
        "name": f"{config.name}, {len(sets)} clients",
        "kind": kinds[0],
        "hash": hashlib.sha256("".join(str(one["hash"]) for one in sets).encode()).hexdigest(),
        "counts": {split: sum(one["counts"][split] for one in sets) for split in ("train", "held_out")},
    }
    path = folder / DATA / "dataset.json"
    if path.exists() and json.loads(path.read_text("utf-8"))["hash"] != described["hash"]:
        raise RunError(
            f"A client's set has changed since the federation {config.name} began, so it can't go on as it "
            "was. Begin a new one."
        )
    path.parent.mkdir(exist_ok=True)
    part = path.with_name(".dataset.part")
    part.write_text(json.dumps(described, ensure_ascii=False), "utf-8")
    part.replace(path)
