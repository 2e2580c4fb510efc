"""Private training: the bound on each document, noise, guarantee and charge, and going on exactly."""

from __future__ import annotations

import json
import math
import multiprocessing
import os
import signal
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from security.crypto.privacy import Allowance, Budget, SampledGaussian, epsilon_of, total_epsilon
from tests.training import tiny
from tests.training.test_resume import curve, stopping_at
from training import runs
from training.__main__ import main
from training.batches import Collator
from training.config import OptimiserSettings, PrivacySettings, TrainingConfig
from training.corpus.dataset import hash_of
from training.errors import BadConfigError, BadDataError, RunError
from training.examples import Encoded, encode, label_names
from training.methods import make_trainable, moving
from training.objective import Objective
from training.private import RECEIPT, SECRET, Private, clipped_sum, documents_of
from training.progress import Evaluated, Event, Outcome, StepDone, Warned, read_metrics
from training.trainer import resume, train

ON = PrivacySettings(target_epsilon=8.0, clip=0.5)


def private(base: Path, **changes: Any) -> TrainingConfig:
    return tiny.config(base, **({"privacy": ON, "context": 16} | changes))


def run(
    root: Path, config: TrainingConfig, data: tiny.FakeSet, **options: Any
) -> tuple[Outcome, list[Event], Path]:
    events: list[Event] = []
    folder = runs.create(root / "runs", config)
    budget = options.pop("budget", None) or Budget(root)
    return train(config, folder, events.append, data=data, budget=budget, **options), events, folder


class Parts:
    """What the trainer puts together: a tiny model with its documents."""

    def __init__(self, config: TrainingConfig, data: tiny.FakeSet) -> None:
        from training.bases import load_base

        labels = label_names(data)
        base = load_base(config, labels)
        self.encoded: Encoded = encode(data, "train", config, base.tokenizer, labels)
        self.tokenizer = base.tokenizer
        self.documents = documents_of(data, config, base.tokenizer, labels, len(self.encoded.examples))
        device = torch.device("cpu")
        self.model = make_trainable(base, config, device, torch.float32).eval()
        self.weights = moving(self.model)
        self.objective = Objective(self.model, config.task, torch.float32)
        self.collator = Collator(config, base.tokenizer, device)

    def batches(self, document: range, epoch: int = 0) -> Any:
        return self.collator.step(self.encoded.examples, document, epoch)


TASKS = [("causal", "gpt", tiny.texts, "full"), ("masked", "bert", tiny.texts, "lora")]
TASKS += [("tagging", "bert", tiny.tagged, "lora"), ("classification", "bert", tiny.labelled, "full")]
TASKS += [("seq2seq", "t5", tiny.pairs, "lora"), ("causal", "gpt", tiny.pairs, "lora")]


@pytest.mark.parametrize(("task", "base", "make", "method"), TASKS)
def test_each_document_moves_the_sum_by_at_most_the_clip(
    request: pytest.FixtureRequest, task: str, base: str, make: Any, method: str
) -> None:
    """Against gradients of one document at a time, by autograd.grad, of the model's mean loss over labels."""
    path = request.getfixturevalue(base)
    parts = Parts(private(path, task=task, method=method, context=64 if task == "causal" else 16), make(6, 2))
    with torch.no_grad():
        for weight in parts.weights.values():  # an adapter begins at 0, where half of it has no gradient
            weight.add_(torch.randn_like(weight), alpha=0.05)
    alone = []
    for document in parts.documents:
        batches = parts.batches(document)
        loss = sum(parts.objective.loss_sum(batch) for batch in batches) / sum(
            batch.labels for batch in batches
        )
        grads = torch.autograd.grad(loss, tuple(parts.weights.values()), allow_unused=True)
        alone.append(
            [
                torch.zeros_like(weight) if grad is None else grad
                for weight, grad in zip(parts.weights.values(), grads, strict=True)
            ]
        )
    lengths = [math.sqrt(sum(float(one.square().sum()) for one in grads)) for grads in alone]
    clip = sorted(lengths)[len(lengths) // 2]  # some are cut, some are not
    expected = [
        sum(grads[index] * min(1.0, clip / length) for grads, length in zip(alone, lengths, strict=True))
        for index in range(len(parts.weights))
    ]
    found = clipped_sum((parts.batches(one) for one in parts.documents), parts.objective, parts.weights, clip)
    for mine, other in zip(found.values(), expected, strict=True):
        torch.testing.assert_close(mine, other, rtol=1e-4, atol=1e-6)
    for document in parts.documents:
        one = clipped_sum([parts.batches(document)], parts.objective, parts.weights, clip)
        assert math.sqrt(sum(float(value.square().sum()) for value in one.values())) <= clip * (1 + 1e-5)
    assert all(weight.grad is None for weight in parts.weights.values())


def test_windows_of_a_document_count_together(gpt: Path) -> None:
    data = tiny.FakeSet("text", [{"text": text} for text in tiny.sentences(8, longest=30)])
    parts = Parts(private(gpt), data)
    assert len(parts.documents) == 8 < len(parts.encoded.examples)
    assert [index for document in parts.documents for index in document] == list(
        range(len(parts.encoded.examples))
    )
    for row, document in zip(data.train, parts.documents, strict=True):
        alone = encode(tiny.FakeSet("text", [row]), "train", private(gpt), parts.tokenizer).examples
        assert [one.ids.tolist() for one in alone] == [
            parts.encoded.examples[index].ids.tolist() for index in document
        ]


def test_a_document_without_a_label_is_none(gpt: Path) -> None:
    rows = tiny.pairs(4, 0).train
    long = {"messages": [{"role": "user", "content": "word " * 99}, {"role": "assistant", "content": "x"}]}
    parts = Parts(private(gpt, context=64), tiny.FakeSet("pairs", [rows[0], long, rows[1]]))
    assert parts.documents == [range(0, 1), range(1, 2)]


def test_a_gradient_that_is_no_number_counts_as_nothing(gpt: Path) -> None:
    parts = Parts(private(gpt, method="full"), tiny.texts(3, 0))
    whole = clipped_sum([parts.batches(parts.documents[0])], parts.objective, parts.weights, 1.0)

    class Broken:
        """Says no number of the second document."""

        def __init__(self) -> None:
            self.calls = 0

        def loss_sum(self, batch: Any) -> torch.Tensor:
            self.calls += 1
            loss = parts.objective.loss_sum(batch)
            return loss if self.calls == 1 else loss * math.inf

    data = [parts.batches(parts.documents[0])[:1], parts.batches(parts.documents[1])[:1]]
    found = clipped_sum(data, Broken(), parts.weights, 1.0)  # type: ignore[arg-type]
    one = clipped_sum(data[:1], parts.objective, parts.weights, 1.0)
    assert whole.keys() == found.keys()
    for name, value in found.items():
        assert torch.equal(value, one[name])


def begun(tmp_path: Path, config: TrainingConfig, documents: int, data: str = "d") -> Private:
    made = Private(config, [range(index, index + 1) for index in range(documents)], data, 1)
    tmp_path.mkdir(exist_ok=True)
    made.begin(tmp_path, 0, torch.nn.Linear(1, 1), Budget(tmp_path / "ledger", Allowance(99.0, 1e-5)))
    return made


def test_the_noise_has_the_deviation_that_was_accounted_for(gpt: Path, tmp_path: Path) -> None:
    """With no document drawn, the gradient is noise alone, over how many are expected."""
    made = begun(tmp_path, private(gpt, batch_size=5, accumulation=2), 40)
    weights = {"a": torch.nn.Parameter(torch.zeros(200, 300)), "b": torch.nn.Parameter(torch.zeros(7))}
    drawn = []
    for step in range(3):
        made.fill_gradients(step, [], None, weights)  # type: ignore[arg-type]
        grad = weights["a"].grad
        assert grad is not None
        drawn.append(grad.clone())
        expected = made.guarantee.noise * 0.5 / 10
        assert float(grad.std()) == pytest.approx(expected, rel=0.015)
        assert float(grad.mean()) == pytest.approx(0, abs=0.02 * expected)
    together = torch.corrcoef(torch.stack([one.flatten() for one in drawn]))
    assert float((together - torch.eye(3)).abs().max()) < 0.02
    made.fill_gradients(1, [], None, weights)  # type: ignore[arg-type]
    assert torch.equal(weights["a"].grad, drawn[1])  # type: ignore[arg-type]


def test_each_document_is_drawn_by_itself_with_the_same_probability(gpt: Path, tmp_path: Path) -> None:
    made = begun(tmp_path, private(gpt, batch_size=5, accumulation=2, epochs=60), 100)
    steps = [step for epoch in range(60) for step in made.epoch(epoch)]
    assert (made.steps, len(steps), made.guarantee.rate) == (600, 600, 0.1)
    sizes = torch.tensor([float(len(step)) for step in steps])
    assert float(sizes.mean()) == pytest.approx(10, abs=0.5)
    assert float(sizes.var()) == pytest.approx(9, abs=2)  # binomial, so no batch of a fixed size
    times = torch.bincount(torch.tensor([one for step in steps for one in step]), minlength=100).float()
    assert float(times.mean()) == pytest.approx(60, abs=3)
    assert float(times.var()) == pytest.approx(54, abs=30)
    other = begun(tmp_path / "other", private(gpt, batch_size=5, accumulation=2, epochs=60), 100)
    assert other.epoch(0) != made.epoch(0)


def test_no_noise_is_used_for_another_set_or_config(gpt: Path, tmp_path: Path) -> None:
    first = begun(tmp_path, private(gpt), 40)
    assert begun(tmp_path, private(gpt, name="moved", dataset="elsewhere"), 40).epoch(0) == first.epoch(0)
    for other in (begun(tmp_path, private(gpt, seed=1), 40), begun(tmp_path, private(gpt), 40, "other")):
        assert other.epoch(0) != first.epoch(0)


@pytest.mark.parametrize("method", ["lora", "full"])
def test_the_guarantee_is_the_accountant_s_and_is_charged(gpt: Path, tmp_path: Path, method: str) -> None:
    config = private(gpt, method=method, max_steps=5)
    outcome, events, folder = run(tmp_path, config, tiny.texts())
    entry, *more = Budget(tmp_path).entries("0" * 64)
    assert not more
    assert isinstance(entry.mechanism, SampledGaussian)
    noise = entry.mechanism.noise
    assert entry.mechanism == SampledGaussian(noise, 4 / 24, 5)
    assert outcome.epsilon == epsilon_of(noise, 4 / 24, 5, 1e-5) == total_epsilon([entry.mechanism], 1e-5)
    assert 0.98 * 8 < outcome.epsilon <= 8
    assert outcome.delta == 1e-5
    assert entry.what == "run run"
    receipt = json.loads((folder / RECEIPT).read_text())
    assert (receipt["noise"], receipt["epsilon"], receipt["unit"]) == (noise, outcome.epsilon, "document")
    said = [event.text for event in events if isinstance(event, Warned)]
    assert any(f"epsilon {outcome.epsilon:.2f} at delta 1e-05" in text for text in said)
    assert any(text.startswith("Not covered by the guarantee: held-out losses") for text in said)


def test_what_is_computed_from_the_sample_is_not_told(gpt: Path, tmp_path: Path) -> None:
    _, events, folder = run(tmp_path, private(gpt, max_steps=4), tiny.texts())
    steps = [event for event in events if isinstance(event, StepDone)]
    assert len(steps) == 4
    assert all(math.isnan(event.loss) and event.label_tokens == 0 for event in steps)
    lines = [line for line in read_metrics(folder) if line["kind"] == "step"]
    assert [line["loss"] for line in lines] == [None] * 4
    assert [line["label_tokens_a_second"] for line in lines] == [None] * 4


def test_the_last_model_is_the_best_whatever_the_held_out_loss(gpt: Path, tmp_path: Path) -> None:
    rate = OptimiserSettings(rate=0.5, schedule="constant")  # it gets worse
    config = private(gpt, method="full", max_steps=6, evaluate_every=2, optimiser=rate)
    outcome, events, _ = run(tmp_path, config, tiny.texts())
    losses = [event.loss for event in events if isinstance(event, Evaluated)][1:]
    assert losses[-1] > min(losses)
    assert (outcome.best_step, outcome.best_loss) == (6, losses[-1])


def test_with_little_noise_it_learns_about_as_well_as_without(gpt: Path, tmp_path: Path) -> None:
    common: dict[str, Any] = {"context": 32, "method": "full", "epochs": 30, "batch_size": 8}
    common |= {"max_steps": 20, "optimiser": OptimiserSettings(rate=2e-2)}
    plain, _, _ = run(tmp_path / "plain", tiny.config(gpt, **common), tiny.texts(32))
    loose = PrivacySettings(target_epsilon=1000.0, clip=1.0)
    easy = tmp_path / "easy"
    budget = Budget(easy / "ledger")
    budget.allow("0" * 64, 1000.0, 1e-5)
    config = private(gpt, privacy=loose, **common)
    noisy, _, _ = run(easy, config, tiny.texts(32), budget=budget)
    assert plain.first_loss == noisy.first_loss is not None
    assert plain.best_loss is not None
    assert noisy.best_loss is not None
    learned = plain.first_loss - plain.best_loss
    assert learned > 0.5
    assert plain.first_loss - noisy.best_loss > 0.7 * learned


@pytest.mark.parametrize("method", ["lora", "full"])
def test_a_stopped_private_run_goes_on_exactly_and_costs_once(
    gpt: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    monkeypatch.setattr("secrets.token_bytes", lambda count: bytes(range(count)))
    config = private(gpt, method=method, evaluate_every=5)
    _, _, whole = run(tmp_path / "whole", config, tiny.texts())
    assert not (whole / SECRET).exists()
    budget = Budget(tmp_path)
    folder = runs.create(tmp_path / "stopped", config)
    outcome = train(config, folder, *stopping_at(4), data=tiny.texts(), budget=budget)
    assert (outcome.reason, outcome.steps) == ("stopped", 4)
    assert outcome.epsilon is not None
    assert outcome.epsilon < 8 * 0.95
    assert (folder / SECRET).stat().st_mode & 0o077 == 0
    done = resume(folder, data=tiny.texts(), budget=budget)
    assert done.reason == "done"
    assert not (folder / SECRET).exists()
    assert len(budget.entries("0" * 64)) == 1
    assert curve(folder) == curve(whole)
    name = next((whole / "best").glob("*.safetensors")).name
    assert (folder / "best" / name).read_bytes() == (whole / "best" / name).read_bytes()
    again = resume(folder, data=tiny.texts(), budget=budget)  # nothing is left to do, and nothing is drawn
    assert (again.reason, again.epsilon) == ("done", done.epsilon)


def train_until_killed(config: TrainingConfig, folder: Path, ledger: Path) -> None:
    def note(event: Event) -> None:
        if isinstance(event, StepDone) and event.step == 3:
            os.kill(os.getpid(), signal.SIGKILL)

    train(config, folder, note, data=tiny.texts(), budget=Budget(ledger))


def test_a_private_run_that_was_killed_before_a_checkpoint_goes_on_exactly(gpt: Path, tmp_path: Path) -> None:
    """The steps that are done again draw the same noise, so what was seen of them says nothing more."""
    config = private(gpt, max_steps=6)
    folder = runs.create(tmp_path / "runs", config)
    child = multiprocessing.get_context("fork").Process(
        target=train_until_killed, args=(config, folder, tmp_path)
    )
    child.start()
    child.join(60)
    assert child.exitcode == -signal.SIGKILL
    norms = [line["gradient_norm"] for line in read_metrics(folder) if line["kind"] == "step"]
    assert len(norms) == 3
    resume(folder, data=tiny.texts(), budget=Budget(tmp_path))
    again = [line["gradient_norm"] for line in read_metrics(folder) if line["kind"] == "step"]
    assert again[:3] == pytest.approx(norms, rel=1e-6)
    assert len(Budget(tmp_path).entries("0" * 64)) == 1


def test_a_run_whose_secret_is_gone_doesn_t_go_on(gpt: Path, tmp_path: Path) -> None:
    config = private(gpt)
    folder = runs.create(tmp_path / "runs", config)
    train(config, folder, *stopping_at(2), data=tiny.texts(), budget=Budget(tmp_path))
    (folder / SECRET).unlink()
    with pytest.raises(RunError, match=r"secret of the private run run is gone .* Begin a new run"):
        resume(folder, data=tiny.texts(), budget=Budget(tmp_path))


def test_a_refused_run_leaves_nothing_behind(gpt: Path, tmp_path: Path) -> None:
    budget = Budget(tmp_path)
    budget.allow("0" * 64, 5.0, 1e-5)
    config = private(gpt)
    folder = runs.create(tmp_path / "runs", config)
    with pytest.raises(BadConfigError, match=r"target_epsilon 8 can't be spent.* epsilon 5\.00 of 5 is left"):
        train(config, folder, data=tiny.texts(), budget=budget)
    assert [path.name for path in folder.iterdir()] == ["config.yaml"]
    assert budget.entries("0" * 64) == ()


def a_set(root: Path) -> Path:
    """Eight documents on disk."""
    folder = root / "sets" / "small"
    folder.mkdir(parents=True)
    texts = tiny.sentences(10)
    for split, some in (("train", texts[:8]), ("held_out", texts[8:])):
        rows = [json.dumps({"id": str(i), "source": "s", "text": text}) for i, text in enumerate(some)]
        (folder / f"{split}.jsonl").write_text("\n".join(rows) + "\n")
    about = {"name": "small", "kind": "text", "hash": hash_of(folder), "counts": {"train": 8, "held_out": 2}}
    (folder / "dataset.json").write_text(json.dumps(about))
    return folder


def test_from_a_shell(gpt: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The ledger beside the set is charged; a run that it refuses is as if it had never been."""
    folder = a_set(tmp_path)
    config = private(gpt, dataset=str(folder), max_steps=3)
    config.to_yaml(tmp_path / "config.yaml")
    begin = ["run", str(tmp_path / "config.yaml"), "--out", str(tmp_path / "runs"), "--json"]
    assert main([*begin, "--name", "one"]) == 0
    result = json.loads(capsys.readouterr().out)
    budget = Budget(folder.parent)
    assert budget.path == folder.parent / "privacy.sqlite"
    assert result["epsilon"] == budget.spent(hash_of(folder)) <= 8
    assert result["delta"] == 1e-5
    assert main([*begin, "--name", "two"]) == 2
    assert "of 10 is left at delta 1e-05" in capsys.readouterr().err
    assert [path.name for path in (tmp_path / "runs").iterdir()] == ["one"]
    other = tmp_path / "other.sqlite"
    assert main([*begin[:-1], "--name", "two", "--budget", str(other)]) == 0
    assert f"protected with epsilon {result['epsilon']:.2f} at delta 1e-05" in capsys.readouterr().out
    assert [entry.what for entry in Budget(other).entries(hash_of(folder))] == ["run two"]


def test_the_budget_from_a_shell(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = a_set(tmp_path)
    assert main(["budget", str(folder), "--allow", "3"]) == 0
    assert "Epsilon 0.00 of 3 is spent at delta 1e-05; at least 3.00 is left." in capsys.readouterr().out
    mechanism = SampledGaussian(2.0, 0.1, 10)
    Budget(folder.parent).charge(hash_of(folder), mechanism, "run one")
    assert main(["budget", str(folder), "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["spent"] == total_epsilon([mechanism], 1e-5) == result["entries"][0]["epsilon"]
    assert (result["allowed"], result["entries"][0]["what"]) == (3.0, "run one")
    assert main(["budget", str(folder), "--allow", "-1"]) == 2
    assert "allowed epsilon must be 0 or above" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"patience": 2}, "patience must be 0 when privacy.target_epsilon is not"),
        ({"batch_tokens": 64}, "batch_tokens must be 0 when privacy.target_epsilon is not"),
    ],
)
def test_what_can_t_be_private_is_refused(gpt: Path, changes: dict[str, Any], words: str) -> None:
    with pytest.raises(BadConfigError, match=words):
        private(gpt, **changes)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"target_epsilon": -1.0}, "privacy.target_epsilon must be from 0 to 1000"),
        ({"delta": 0.0}, "privacy.delta must be from 1e-15 to 0.1"),
        ({"clip": 0.0}, "privacy.clip must be from 1e-06"),
        ({"clip": math.nan}, "privacy.clip must be a number"),
        ({"noise": 1.0}, "privacy.noise is not an option"),
    ],
)
def test_an_option_out_of_range_is_named(settings: dict[str, float], words: str) -> None:
    with pytest.raises(BadConfigError, match=words):
        TrainingConfig.from_dict({"name": "a", "dataset": "b", "privacy": settings})


def test_several_processes_and_an_epsilon_out_of_reach_are_refused(gpt: Path) -> None:
    documents = [range(index, index + 1) for index in range(8)]
    with pytest.raises(BadConfigError, match="runs in one process; there are 2"):
        Private(private(gpt), documents, "d", 2)
    tight = replace(private(gpt, epochs=1000), privacy=PrivacySettings(1e-6, 1e-12))
    with pytest.raises(BadConfigError, match=r"privacy\.target_epsilon can't be reached\. No noise makes"):
        Private(tight, documents, "d", 1)


def test_a_model_that_keeps_statistics_is_refused(gpt: Path, tmp_path: Path) -> None:
    made = Private(private(gpt), [range(1)] * 8, "d", 1)
    model = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.BatchNorm1d(2))
    with pytest.raises(BadConfigError, match=r"keeps statistics of its examples \(1, batch normalisation\)"):
        made.begin(tmp_path, 0, model, Budget(tmp_path))
    assert list(tmp_path.iterdir()) == []


def test_a_set_that_changes_while_it_is_read_is_noticed(gpt: Path) -> None:
    from training.bases import load_base

    config = private(gpt)
    with pytest.raises(BadDataError, match="changed while it was read"):
        documents_of(tiny.texts(4), config, load_base(config, ()).tokenizer, (), 1)
