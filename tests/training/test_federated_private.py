"""A private federation: what each document is promised, what is charged to which set, and once."""

from __future__ import annotations

from pathlib import Path

import pytest

from security.crypto.privacy import Budget
from tests.training import tiny
from tests.training.test_federated import federation, losses, make_sets
from training.config import PrivacySettings
from training.corpus.dataset import DataSet
from training.errors import BadConfigError
from training.federated.compare import compare
from training.federated.config import SplitSettings
from training.federated.folder import create
from training.federated.hospitals import write_set
from training.federated.records import read_rounds
from training.federated.server import federate

ON = PrivacySettings(target_epsilon=8.0, clip=0.5)


def test_each_client_keeps_its_promise_and_its_set_is_charged_once(gpt: Path, tmp_path: Path) -> None:
    sets = make_sets(tmp_path, 2)
    folder = create(tmp_path / "out", federation(gpt, sets, privacy=ON))
    ledger = Budget(tmp_path / "ledger.sqlite")
    stopped = federate(folder, stop=lambda: len(losses(folder)) == 2, ledger=ledger.path)
    assert stopped.reason == "stopped"
    hashes = [DataSet.open(one).hash for one in sets]
    spent = [ledger.spent(one) for one in hashes]
    assert all(0 < one <= 8.0 for one in spent)  # the whole plan, before its first step
    assert federate(folder, ledger=ledger.path).reason == "done"
    assert [ledger.spent(one) for one in hashes] == spent
    rounds = list(read_rounds(folder))
    assert [one.best for one in rounds] == [
        False,
        True,
        True,
    ]  # held-out text that isn't protected chooses none
    first, last = rounds[1].clients[0], rounds[2].clients[0]
    assert first.epsilon is not None
    assert last.epsilon is not None
    assert 0 < first.epsilon < last.epsilon <= 8.0
    assert rounds[2].epsilon == max(client.epsilon or 0 for client in rounds[2].clients)
    assert (first.loss, last.loss) == (None, None)  # a private run doesn't tell
    assert not list(folder.rglob("privacy.key"))  # nothing more is drawn
    with pytest.raises(BadConfigError, match="without protection"):
        compare(folder)


def test_of_a_split_set_each_document_pays_once(gpt: Path, tmp_path: Path) -> None:
    made = tiny.texts(30, 6)
    write_set(tmp_path / "all", "all", "text", {"train": list(made.rows("train")), "held_out": []})
    config = federation(gpt, split=SplitSettings(str(tmp_path / "all"), 2, 100.0), privacy=ON, rounds=1)
    folder = create(tmp_path / "out", config)
    outcome = federate(folder)
    assert outcome.epsilon is not None
    assert outcome.epsilon <= 8.0
    assert outcome.best is not None  # nothing is held out, so the last is the best
    spent = Budget(tmp_path / "privacy.sqlite").spent(DataSet.open(tmp_path / "all").hash)
    assert outcome.epsilon <= spent < 1.6 * outcome.epsilon  # of the dearest client, not of both
    again = create(tmp_path / "again", config)
    with pytest.raises(BadConfigError, match=r"target_epsilon 8 can't be spent"):
        federate(again)
