"""A federation end to end, its clients in processes of their own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch

from security.crypto.files import is_sealed
from tests.training import tiny
from training import registry, runs
from training.__main__ import main
from training.config import LoraSettings, OptimiserSettings
from training.errors import BadConfigError, BadDataError, RunError
from training.federated.client import ClientConfig, client_round
from training.federated.compare import compare
from training.federated.config import FederationConfig, PoisonSettings, RuleSettings, SplitSettings
from training.federated.folder import create, weights_of
from training.federated.hospitals import write_set
from training.federated.processes import run_all
from training.federated.records import ClientDone, Event, RoundDone, read_rounds
from training.federated.server import federate
from training.federated.worker import Task, perform_in_private
from training.progress import read_metrics
from training.safe import PLAIN, Safe
from training.trainer import train

ROOT = Path(__file__).parents[2]
QUIET = LoraSettings(rank=4, alpha=8, dropout=0.0)
STEADY = OptimiserSettings(rate=2e-2, schedule="cosine")


def make_sets(root: Path, count: int = 3, kind: str = "text") -> list[Path]:
    """A prepared set for each of `count` clients, each with other rows."""
    made = {"text": tiny.texts, "tagged": tiny.tagged, "labelled": tiny.labelled}[kind](12 * count, 3 * count)
    folders = []
    for number in range(count):
        rows: Any = {
            split: [dict(row) for row in made.rows(split)][number::count] for split in ("train", "held_out")
        }
        folders.append(root / f"hospital-{number + 1}")
        write_set(folders[-1], folders[-1].name, kind, rows)
    return folders


def federation(base: Path, clients: list[Path] | tuple[()] = (), **changes: Any) -> FederationConfig:
    values: dict[str, Any] = {
        "name": "ward",
        "clients": tuple(map(str, clients)),
        "base": str(base),
        "rounds": 2,
        "local_steps": 3,
        "at_once": 2,
        "context": 32,
        "precision": "fp32",
        "method": "full",
        "lora": QUIET,
        "optimiser": STEADY,
    }
    return FederationConfig(**(values | changes))


def losses(folder: Path) -> list[float | None]:
    return [one.loss for one in read_rounds(folder)]


@dataclass
class Whole:
    """A federation that was never disturbed; `told` is what each client's process got to train."""

    folder: Path
    config: FederationConfig
    events: list[Event] = field(default_factory=list)
    told: dict[str, str] = field(default_factory=dict)

    def see(self, event: Event) -> None:
        self.events.append(event)
        if isinstance(event, ClientDone) and event.task == "train":
            self.told[event.name] = (self.folder / "exchange" / f"{event.name}.task").read_text()


@pytest.fixture(scope="module")
def whole(gpt: Path, tmp_path_factory: pytest.TempPathFactory) -> Whole:
    root = tmp_path_factory.mktemp("whole")
    config = federation(gpt, make_sets(root))
    made = Whole(create(root / "out", config), config)
    assert federate(made.folder, made.see).reason == "done"
    return made


def test_three_clients_learn_together(whole: Whole) -> None:
    folder, config, events = whole.folder, whole.config, whole.events
    rounds = [event for event in events if isinstance(event, RoundDone)]
    assert rounds == list(read_rounds(folder))
    assert [one.round for one in rounds] == [0, 1, 2]
    first, *_, last = rounds
    assert first.loss is not None
    assert last.loss is not None
    assert last.loss < first.loss - 0.2
    assert last.best
    assert [client.name for client in last.clients] == list(config.names)
    for client in last.clients:
        assert (client.examples or 0) >= 12  # a long row has several windows
        assert client.norm
        assert client.loss is not None
        assert not client.left_out
    shares = [client.held_out_loss for client in last.clients]
    assert min(shares) <= last.loss <= max(shares)  # type: ignore[type-var]
    tasks = [event for event in events if isinstance(event, ClientDone)]
    assert {event.name for event in tasks} == set(config.names)
    assert tasks[-1].done == tasks[-1].total


def test_its_folder_is_a_runs(whole: Whole) -> None:
    folder, config = whole.folder, whole.config
    assert registry.best_of(folder) == folder / "best"
    assert runs.config_of(folder).task == "causal"
    evaluations = [(line["kind"], line["step"], line["loss"]) for line in read_metrics(folder)]
    assert evaluations == [("evaluation", number, loss) for number, loss in enumerate(losses(folder))]
    best = safetensors.torch.load_file(folder / "best/model.safetensors")
    weights = safetensors.torch.load_file(weights_of(folder, config.rounds))
    assert all(torch.equal(best[name], value) for name, value in weights.items())
    assert not (folder / "exchange").exists()
    left = {path.suffix for path in folder.rglob("*") if path.is_file()}
    assert left <= {".json", ".jsonl", ".yaml", ".safetensors", ".jinja", ".md"}


def test_a_clients_process_gets_only_its_own_paths(whole: Whole) -> None:
    """What it is told names its own set and place, and no other client's."""
    sets = whole.config.clients
    assert sorted(whole.told) == list(whole.config.names)
    for number, text in enumerate((whole.told[name] for name in whole.config.names), start=1):
        assert sets[number - 1] in text
        for other in {1, 2, 3} - {number}:
            assert sets[other - 1] not in text
            assert f"client-{other}" not in text


def test_identical_clients_are_one_run(gpt: Path, tmp_path: Path) -> None:
    """The mean of equal updates is each of them, so a federation of them is one local training."""
    data = make_sets(tmp_path, 1)[0]
    config = federation(gpt, [data, data], method="lora")
    folder = create(tmp_path / "out", config)
    federate(folder)
    run = config.training(str(data))
    alone = runs.create(tmp_path / "alone", run)
    train(run, alone)
    together = safetensors.torch.load_file(weights_of(folder, 2))
    best = safetensors.torch.load_file(alone / "best/adapter_model.safetensors")
    begun = safetensors.torch.load_file(weights_of(folder, 0))
    for name, value in together.items():
        assert torch.allclose(value, best[name.replace(".default", "")], atol=1e-6)
    assert any(not torch.allclose(value, begun[name], atol=1e-3) for name, value in together.items())


def test_the_sum_of_a_secure_federation_is_that_of_an_open_one(
    whole: Whole, gpt: Path, tmp_path: Path
) -> None:
    open_folder, config = whole.folder, whole.config
    folder = create(tmp_path, FederationConfig.from_dict(config.to_dict() | {"secure": True}))
    federate(folder)
    assert losses(folder) == pytest.approx(losses(open_folder), abs=1e-4)
    for record in read_rounds(folder):
        for client in record.clients:  # the server knows nothing of one alone
            assert (client.loss, client.held_out_loss, client.norm, client.examples) == (None,) * 4
    assert not list(folder.rglob("sum.key"))  # nobody needs it any more


SCRIPT = """
import os, signal, sys
from pathlib import Path
from training.federated.processes import run_all
from training.federated.records import ClientDone
from training.federated.server import federate
from training.federated.worker import Task, perform_in_private

seen = []

def die(event):
    if isinstance(event, ClientDone):
        seen.append(event)
        if (event.round, event.task, sum(one.round == event.round for one in seen)) == (2, *WHEN):
            os.kill(os.getpid(), signal.SIGKILL)

if __name__ == "__main__":
    federate(Path(sys.argv[1]), die)
"""


def test_a_killed_federation_goes_on_from_its_last_whole_round(whole: Whole, tmp_path: Path) -> None:
    """Killed when two of three clients have trained in round 2."""
    folder = create(tmp_path, whole.config)
    script = tmp_path / "script.py"
    script.write_text(SCRIPT.replace("WHEN", '("train", 2)'))
    environ = os.environ | {"PYTHONPATH": str(ROOT), "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
    ended = subprocess.run(
        [sys.executable, str(script), str(folder)], env=environ, capture_output=True, timeout=300, check=False
    )
    assert ended.returncode == -signal.SIGKILL, ended.stderr.decode()
    assert len(losses(folder)) == 2
    assert federate(folder).reason == "done"
    assert losses(folder) == pytest.approx(losses(whole.folder), abs=1e-6)


def test_it_stops_when_asked_and_its_name_stays_its_own(whole: Whole, tmp_path: Path) -> None:
    folder = create(tmp_path, whole.config)
    stopped = federate(folder, stop=lambda: True)
    assert (stopped.reason, stopped.rounds, stopped.best) == ("stopped", 0, None)
    with pytest.raises(RunError, match="There is a run named ward already"):
        create(tmp_path, whole.config)


def test_a_robust_rule_withstands_a_poisoned_client(gpt: Path, tmp_path: Path) -> None:
    """Clients with the same text, one of which pulls hard the other way."""
    data = make_sets(tmp_path, 1)[0]
    poison = PoisonSettings((2,), "sign-flip", 20.0)
    ends = {}
    for rule, count in (("mean", 3), ("krum", 5)):
        config = federation(
            gpt,
            [data] * count,
            rounds=1,
            poison=poison,
            aggregation=RuleSettings(rule),
            name=rule,  # type: ignore[arg-type]
            optimiser=OptimiserSettings(rate=2e-3),
        )
        folder = create(tmp_path / "out", config)
        federate(folder)
        last = list(read_rounds(folder))[-1]
        assert [client.name for client in last.clients if client.poisoned] == ["client-2"]
        assert last.clients[1].norm == pytest.approx(20 * (last.clients[0].norm or 0), rel=1e-4)
        ends[rule] = last
    before = losses(tmp_path / "out/krum")[0]
    assert before is not None
    assert (ends["krum"].loss or 9) < before < (ends["mean"].loss or 0)
    assert ends["krum"].clients[1].left_out


def test_tagging_clients_need_not_know_all_labels(bert: Path, tmp_path: Path) -> None:
    sets = make_sets(tmp_path, 3, "tagged")
    other = [{"id": "1", "source": "here", "tokens": ["rest"], "tags": ["B-Advice"]}]
    write_set(tmp_path / "other", "other", "tagged", {"train": other * 4, "held_out": []})
    config = federation(bert, [*sets[:2], tmp_path / "other"], task="tagging", rounds=1, algorithm="fedprox")
    folder = create(tmp_path / "out", config)
    federate(folder)
    labels = json.loads((folder / "best/labels.json").read_text())
    assert labels == ["O", "B-Advice", "B-Disease", "B-Drug"]
    record = list(read_rounds(folder))[-1]
    assert record.clients[2].held_out_loss is None  # it holds nothing out
    assert (record.loss or 9) < (losses(folder)[0] or 0)


def test_what_cannot_be_federated_is_named(gpt: Path, tmp_path: Path) -> None:
    sets = make_sets(tmp_path, 2)
    (tmp_path / "labelled").mkdir()
    mixed = make_sets(tmp_path / "labelled", 1, "labelled")
    with pytest.raises(BadDataError, match="different kinds: labelled, text"):
        federate(create(tmp_path / "mixed", federation(gpt, [sets[0], *mixed])))
    with pytest.raises(BadDataError, match=r"client-2: .*is no prepared data set"):
        federate(create(tmp_path / "none", federation(gpt, [sets[0], tmp_path / "nowhere"])))
    with pytest.raises(BadConfigError, match="can't be loaded"):
        federate(create(tmp_path / "task", federation(gpt, sets, task="masked")))


def test_compared_with_all_text_together_and_each_alone(
    whole: Whole,
) -> None:
    folder = whole.folder
    told: list[tuple[int, int, str]] = []
    rows = compare(folder, lambda *one: told.append(one))
    assert [row.kind for row in rows] == ["before", "federated", "central", "alone", "alone", "alone"]
    assert [row.steps for row in rows] == [0, 18, 18, 6, 6, 6]
    before, federated, central, *alone = [row.loss for row in rows if row.loss is not None]
    assert max(federated, central, *alone) < before
    assert central < min(alone)
    assert told[-1][:2] == (told[-1][1],) * 2
    assert [row["loss"] for row in json.loads((folder / "comparison.json").read_text())] == [
        row.loss for row in rows
    ]


def test_from_a_shell(bert: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made = tiny.labelled(24, 6)
    write_set(tmp_path / "all", "all", "labelled", {s: list(made.rows(s)) for s in ("train", "held_out")})  # type: ignore[misc]
    config = federation(
        bert,
        split=SplitSettings(str(tmp_path / "all"), 2, 0.5),
        rounds=1,
        task="classification",
        local_steps=0,
    )
    path = tmp_path / "ward.yaml"
    path.write_text(config.to_text())
    assert main(["federate", str(path), "--out", str(tmp_path / "out"), "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["rounds"] == 1
    assert Path(result["best"]).is_dir()
    counts = [record.examples for record in list(read_rounds(tmp_path / "out/ward"))[-1].clients]
    assert sum(counts) == 24  # type: ignore[arg-type]
    assert main(["federate", str(path), "--out", str(tmp_path / "out")]) == 1
    assert "There is a run named ward already" in capsys.readouterr().err
    assert main(["federate", str(path), "--out", str(tmp_path / "out"), "--resume"]) == 0
    assert "Done after 1 rounds" in capsys.readouterr().out
    path.write_text(config.to_text().replace(str(tmp_path / "all"), str(bert)).replace("ward", "other"))
    assert main(["federate", str(path), "--out", str(tmp_path / "out")]) == 2
    assert not (tmp_path / "out/other").exists()


def test_a_client_round_is_a_function_of_weights_config_and_data(gpt: Path, tmp_path: Path) -> None:
    """As Flower would call it: no server, no folder of a federation."""
    run = federation(gpt, split=SplitSettings("all"), method="lora", lora=LoraSettings(4, 8, 0.1)).training(
        "none"
    )
    from training.bases import load_base
    from training.methods import make_trainable, moving

    model = make_trainable(load_base(run), run, torch.device("cpu"), torch.float32)
    weights = {name: one.detach().clone() for name, one in moving(model).items()}
    updates = [
        client_round(
            weights, ClientConfig(run, (), str(tmp_path / f"{mu}{at}"), steps=4, mu=mu), tiny.texts(8)
        )
        for at, mu in enumerate((0.0, 0.0, 50.0))
    ]
    assert all(torch.equal(updates[0].delta[name], updates[1].delta[name]) for name in weights)
    assert updates[0].examples >= 8
    far, near = (sum(float(one.square().sum()) for one in updates[at].delta.values()) ** 0.5 for at in (0, 2))
    assert near < 0.9 * far  # FedProx stays nearer to where it began


def test_an_unpacked_base_says_the_same(gpt: Path, tmp_path: Path) -> None:
    from training.bases import load_base
    from training.federated.unpacked import is_packed, unpack

    run = federation(gpt, split=SplitSettings("all")).training("none")
    base = load_base(run)
    again = load_base(replace(run, base=unpack(base, tmp_path / "base")))
    ours, theirs = base.model.state_dict(), again.model.state_dict()
    assert all(torch.equal(value, theirs[name]) for name, value in ours.items())
    text = "asthma </s> insulin"
    assert again.tokenizer(text)["input_ids"] == base.tokenizer(text)["input_ids"]
    assert again.tokenizer.chat_template == base.tokenizer.chat_template
    assert not is_packed(run)
    assert is_packed(replace(run, base="gpt"))


def test_a_sealed_set_is_split_trained_on_and_compared_without_a_plain_file(
    gpt: Path, tmp_path: Path
) -> None:
    safe, found = Safe("ann", bytes(range(32))), set()
    made = tiny.texts(12, 3)
    words = "the purple fever of Wolverhampton"
    rows: Any = {
        split: [row | {"text": f"{words} {row['text']}"} for row in made.rows(split)]
        for split in ("train", "held_out")
    }
    write_set(tmp_path / "all", "all", "text", rows, safe)
    split = SplitSettings(str(tmp_path / "all"), 2, 0.5)
    config = federation(gpt, split=split, rounds=1, local_steps=1)
    folder = create(tmp_path / "out", config, safe)
    with pytest.raises(BadDataError, match="sealed under its owner's key"):
        federate(folder)

    def look(*_: object) -> None:
        for path in tmp_path.rglob("*.jsonl"):
            if path.name != "rounds.jsonl" and path.name != "metrics.jsonl":
                found.add(path.parent.parent.name)
                assert is_sealed(path)

    assert federate(folder, look, safe=safe).reason == "done"
    assert len(compare(folder, look, safe=safe)) == 5
    assert {"client-1", "client-2", "comparison"} <= found, "each was looked at"
    left = [path for path in tmp_path.rglob("*") if path.is_file() and words.encode() in path.read_bytes()]
    assert left == []


def sealed_task(tmp_path: Path, safe: Safe, **changes: Any) -> Task:
    """Of a client whose set is sealed."""
    made = tiny.texts(4, 2)
    rows: Any = {split: [dict(row) for row in made.rows(split)] for split in ("train", "held_out")}
    write_set(tmp_path / "set", "set", "text", rows, safe)
    training = tiny.config("gpt", dataset=str(tmp_path / "set"))
    client = ClientConfig(training, (), str(changes.pop("folder", tmp_path / "place")))
    places = {"reply": str(tmp_path / "told" / "reply"), "error": str(tmp_path / "told" / "a.error")}
    return Task(
        **{"kind": "train", "data": str(tmp_path / "set"), "client": asdict(client)} | places | changes
    )


def test_why_a_client_cannot_go_on_is_told_to_the_server_alone(tmp_path: Path) -> None:
    safe = Safe("ann", bytes(range(32)))
    task = sealed_task(tmp_path, safe, weights=str(tmp_path / "Quartermain"))
    with pytest.raises(RunError, match=r"one: The message .*Quartermain is missing"):
        run_all({"one": task}, 1, safe=safe)
    assert is_sealed(Path(task.error))


def test_an_unforeseen_error_of_a_client_prints_no_word_of_what_is_sealed(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    safe = Safe("ann", bytes(range(32)))
    (tmp_path / "file").write_text("no folder")
    task = sealed_task(tmp_path, safe, kind="leave", folder=tmp_path / "file" / "Quartermain")
    path = tmp_path / "a.task"
    path.write_text(json.dumps(asdict(task)))
    assert perform_in_private(path, safe) == 1
    printed = capfd.readouterr()
    assert "NotADirectoryError" in printed.err and "worker.py" in printed.err
    assert "Quartermain" not in printed.out + printed.err
    with pytest.raises(NotADirectoryError, match="Quartermain"):
        perform_in_private(path, PLAIN)
