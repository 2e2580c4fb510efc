"""The registry: what is kept and signed, what is refused, and that a changed file never reaches a loader."""

from __future__ import annotations

import json
import multiprocessing
import resource
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from security.crypto.signatures import SigningKey
from tests.training import tiny
from tests.training.finished import finished_run, lora_run
from training import runs
from training.errors import BadConfigError, RunError
from training.registry import Difference, Registry

KEY = SigningKey(bytes(range(32)))
NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)
PICKLE = b"cos\nsystem\n(S'exit 1'\ntR."


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, gpt: Path) -> Path:
    root = tmp_path_factory.mktemp("runs")
    data = root / "flu-notes"
    data.mkdir()
    described = {
        "name": "flu notes",
        "kind": "text",
        "hash": "ab" * 32,
        "counts": {"train": 24, "held_out": 6},
    }
    (data / "dataset.json").write_text(json.dumps(described))
    return lora_run(root / "runs", gpt, dataset=str(data))


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    return Registry(tmp_path / "versions", KEY, now=lambda: NOON)


def damaged(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(bytes(content))


def edited(folder: Path, **changes: object) -> None:
    path = folder / "version.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def test_a_version_tells_where_it_came_from(registry: Registry, run: Path, gpt: Path) -> None:
    version = registry.register(run, "first", note="for the ward")
    assert (version.name, version.note, version.created) == (
        "first",
        "for the ward",
        "2026-01-02T12:00:00+00:00",
    )
    assert (version.task, version.method, version.base, version.parent) == ("causal", "lora", gpt.name, "")
    assert (version.first_loss, version.best_loss, version.best_step) == (3.5, 2.25, 5)
    assert version.dataset == {
        "name": "flu notes",
        "hash": "ab" * 32,
        "counts": {"train": 24, "held_out": 6},
    }
    assert version.training == runs.config_of(run)
    assert len(version.base_hash) == 64
    assert set(version.files) == {path.name for path in (run / "best").iterdir()} - {"README.md"}
    assert registry.get("first") == version


def test_the_model_is_a_copy_that_outlives_the_run(registry: Registry, run: Path, tmp_path: Path) -> None:
    shutil.copytree(run, tmp_path / "run")
    version = registry.register(tmp_path / "run", "first")
    shutil.rmtree(tmp_path / "run")
    model = registry.open_model("first")
    assert model == version.model
    weights = (run / "best" / "adapter_model.safetensors").read_bytes()
    assert (model / "adapter_model.safetensors").read_bytes() == weights


def test_the_data_that_was_trained_on_counts_not_what_lies_there_now(
    registry: Registry, run: Path, tmp_path: Path
) -> None:
    shutil.copytree(run, tmp_path / "run")
    state = tmp_path / "run" / "checkpoints" / "step-5" / "state.json"
    state.parent.mkdir(parents=True)
    state.write_text(json.dumps({"data": "cd" * 32}))
    version = registry.register(tmp_path / "run", "first")
    assert version.dataset == {"name": "flu notes", "hash": "cd" * 32, "counts": {}}


def test_a_name_is_never_given_twice_whatever_its_case(registry: Registry, run: Path) -> None:
    before = registry.register(run, "Flu")
    for name in ("Flu", "flu"):
        with pytest.raises(RunError, match=f"There is a version named {name} already"):
            registry.register(run, name)
    assert registry.versions() == [before]


@pytest.mark.parametrize("name", ["", ".", "..", "../up", "a/b", "a b", ".hidden", "x" * 65, "a\0"])
def test_what_can_not_be_a_name_is_refused_everywhere(registry: Registry, run: Path, name: str) -> None:
    for call in (
        lambda: registry.register(run, name),
        lambda: registry.get(name),
        lambda: registry.open_model(name),
        lambda: registry.delete(name),
    ):
        with pytest.raises(BadConfigError, match="name of the version"):
            call()


def test_a_run_without_a_model_is_refused(registry: Registry, tmp_path: Path, gpt: Path) -> None:
    folder = runs.create(tmp_path / "runs", tiny.config(gpt))
    with pytest.raises(RunError, match="stopped before there was a model"):
        registry.register(folder, "first")
    with pytest.raises(RunError, match="There is no run"):
        registry.register(tmp_path, "first")
    assert registry.versions() == []


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("pytorch_model.bin", PICKLE, "is a pickle"),
        ("training_args.bin", PICKLE, "is a pickle"),
        ("optimizer.pt", PICKLE, "is a pickle"),
        ("weights.npz", b"PK", "is a pickle"),
        ("model.safetensors", PICKLE, "not what its name says"),
        ("extra.json", PICKLE, "not what its name says"),
        ("vocab.txt", b"\xff\xfe\x00", "not what its name says"),
        ("modeling.py", b"import os", "nothing that a model needs"),
        ("run.sh", b"#!/bin/sh", "nothing that a model needs"),
        ("libx.so", b"\x7fELF", "nothing that a model needs"),
        ("odd name.json", b"{}", "nothing that a model needs"),
        ("config.json", b'{"auto_map": {"AutoModel": "m.M"}}', "names code of its own"),
    ],
)
def test_a_file_that_may_not_be_part_of_a_model_is_refused_by_name(
    registry: Registry, run: Path, tmp_path: Path, name: str, content: bytes, told: str
) -> None:
    shutil.copytree(run, tmp_path / "run")
    (tmp_path / "run" / "best" / name).write_bytes(content)
    with pytest.raises(RunError, match=told) as caught:
        registry.register(tmp_path / "run", "first")
    assert name in str(caught.value)
    assert registry.versions() == []


def test_a_link_and_a_folder_in_the_model_are_refused(registry: Registry, run: Path, tmp_path: Path) -> None:
    shutil.copytree(run, tmp_path / "run")
    (tmp_path / "secret.txt").write_text("not yours")
    (tmp_path / "run" / "best" / "vocab.txt").symlink_to(tmp_path / "secret.txt")
    with pytest.raises(RunError, match="nothing that a model needs"):
        registry.register(tmp_path / "run", "first")
    (tmp_path / "run" / "best" / "vocab.txt").unlink()
    (tmp_path / "run" / "best" / "more.json").mkdir()
    with pytest.raises(RunError, match="nothing that a model needs"):
        registry.register(tmp_path / "run", "first")


def test_any_file_that_was_changed_is_named_and_never_opened(registry: Registry, run: Path) -> None:
    for number, name in enumerate(registry.register(run, "first").files):
        version = registry.register(run, f"again-{number}")
        registry.open_model(version.name)
        damaged(version.model / name)
        with pytest.raises(RunError, match=f"{name} was changed after it was signed"):
            registry.open_model(version.name)
        (version.model / name).unlink()
        with pytest.raises(RunError, match=f"{name} is missing"):
            registry.verify(version.name)


def test_a_link_to_the_very_same_content_is_refused(registry: Registry, run: Path, tmp_path: Path) -> None:
    weights = registry.register(run, "first").model / "adapter_model.safetensors"
    weights.rename(tmp_path / "elsewhere")
    weights.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(RunError, match=r"adapter_model\.safetensors was changed"):
        registry.open_model("first")


def test_a_file_that_was_added_is_named(registry: Registry, run: Path) -> None:
    version = registry.register(run, "first")
    (version.model / "adapter_model.bin").write_bytes(PICKLE)
    with pytest.raises(RunError, match=r"adapter_model\.bin was put there"):
        registry.open_model("first")


@pytest.mark.parametrize(
    "changes",
    [
        {"note": "better"},
        {"tags": ["approved"]},
        {"best_loss": 0.1},
        {"evaluations": [{"name": "qa", "f1": 1.0}]},
        {"base_hash": "0" * 64},
        {"config": {}},
        {"files": {}},
        {"more": 1},
        {"signature": ""},
        {"signature": None},
        {"signature": "!"},
        {"signer": "0" * 16},
        {"format": 2},
    ],
)
def test_a_record_that_was_changed_is_refused_and_not_signed_anew(
    registry: Registry, run: Path, changes: dict[str, object]
) -> None:
    version = registry.register(run, "first")
    edited(version.folder, **changes)
    content = (version.folder / "version.json").read_bytes()
    for call in (
        lambda: registry.get("first"),
        lambda: registry.open_model("first"),
        lambda: registry.tag("first", "approved"),
        lambda: registry.record("first", {"name": "qa"}),
    ):
        with pytest.raises(RunError, match="first"):
            call()
    assert (version.folder / "version.json").read_bytes() == content
    assert registry.versions() == []
    assert [name for name, _ in registry.refused()] == ["first"]


@pytest.mark.parametrize("content", ["", "[]", "{", "null", "\ud800", "[" * 100_000])
def test_a_record_that_is_none_is_refused(registry: Registry, run: Path, content: str) -> None:
    version = registry.register(run, "first")
    (version.folder / "version.json").write_bytes(content.encode("utf-8", "surrogatepass"))
    with pytest.raises(RunError, match="record"):
        registry.get("first")
    registry.delete("first")
    assert not version.folder.exists()


def test_a_signed_folder_under_another_name_is_refused(registry: Registry, run: Path) -> None:
    version = registry.register(run, "first")
    shutil.copytree(version.folder, registry.folder / "second")
    with pytest.raises(RunError, match="its record is that of first"):
        registry.open_model("second")


def test_another_installations_version_is_refused_and_said_to_be_that(registry: Registry, run: Path) -> None:
    registry.register(run, "first")
    other = Registry(registry.folder, SigningKey(bytes(32)))
    with pytest.raises(RunError, match="signed by another installation"):
        other.open_model("first")


def test_tags_and_evaluations_are_added_and_signed(registry: Registry, run: Path) -> None:
    registry.register(run, "first")
    registry.tag("first", "candidate")
    registry.tag("first", "candidate")
    registry.tag("first", "best")
    registry.record("first", {"name": "qa", "after": {"f1": 0.5, "loss": float("nan")}, "cases": (1, 2)})
    version = registry.verify("first")
    assert version.tags == ("candidate", "best")
    assert version.evaluations == ({"name": "qa", "after": {"f1": 0.5, "loss": None}, "cases": [1, 2]},)
    with pytest.raises(BadConfigError, match="A tag must be"):
        registry.tag("first", "Not A Tag")
    with pytest.raises(BadConfigError, match="not PosixPath"):
        registry.record("first", {"where": Path("x")})
    assert registry.verify("first") == version


def test_the_newest_comes_first(tmp_path: Path, run: Path) -> None:
    clock = iter(NOON + timedelta(days=day) for day in (0, 2, 1))
    registry = Registry(tmp_path, KEY, now=lambda: next(clock))
    for name in ("a", "b", "c"):
        registry.register(run, name)
    assert [version.name for version in registry.versions()] == ["b", "c", "a"]


def test_what_is_in_use_is_not_deleted(registry: Registry, run: Path) -> None:
    registry.register(run, "first")
    with pytest.raises(RunError, match="in use in the assistant"):
        registry.delete("first", in_use=lambda name: name == "first")
    registry.open_model("first")
    registry.delete("first", in_use=lambda name: name == "other")
    with pytest.raises(RunError, match="There is no version named first"):
        registry.get("first")
    with pytest.raises(RunError, match="There is no version named first"):
        registry.delete("first")
    registry.register(run, "first")


def test_lineage_goes_down_to_the_base(registry: Registry, run: Path, gpt: Path, tmp_path: Path) -> None:
    whole = finished_run(tmp_path / "runs", tiny.config(gpt, method="full", name="whole"))
    registry.register(whole, "one")
    model = registry.open_model("one")
    registry.register(lora_run(tmp_path / "runs", model, "two"), "two")
    assert registry.get("two").parent == "one"
    assert [(step.name, step.kind) for step in registry.lineage("two")] == [
        ("two", "version"),
        ("one", "version"),
        (gpt.name, "base"),
    ]
    assert all(len(step.hash) == 64 for step in registry.lineage("two"))
    with pytest.raises(RunError, match="two is an adapter on one and needs it"):
        registry.delete("one")
    registry.delete("two")
    registry.delete("one")


def test_a_comparison_lists_what_differs_and_nothing_else(
    registry: Registry, run: Path, gpt: Path, tmp_path: Path
) -> None:
    registry.register(run, "one")
    other = lora_run(tmp_path / "runs", gpt, "other", epochs=7, dataset=runs.config_of(run).dataset)
    registry.register(other, "two")
    assert registry.compare("one", "one") == ()
    assert registry.compare("one", "two") == (Difference("config.epochs", 2, 7),)
    registry.record("two", {"name": "qa", "metrics": {"f1": 0.5}})
    assert Difference("evaluation.qa.metrics.f1", None, 0.5) in registry.compare("one", "two")


def test_what_a_crash_left_is_not_a_version_and_is_removed(registry: Registry, run: Path) -> None:
    version = registry.register(run, "first")
    version.folder.rename(registry.folder / ".part-first")
    assert registry.versions() == []
    registry.register(run, "first")
    assert sorted(path.name for path in registry.folder.iterdir()) == [".lock", "first", "signer.pub"]


def test_when_the_disk_gives_out_nothing_half_written_stays(registry: Registry, run: Path) -> None:
    registry.register(run, "first")
    # A limit on what may be written to one file stands in for the full disk.
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (3000, hard))
    try:
        with pytest.raises(RunError, match=r"can't be kept.*Nothing was changed"):
            registry.register(run, "second")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert [version.name for version in registry.versions()] == ["first"]
    assert not list(registry.folder.glob(".part-*"))


def _record(folder: Path, number: int) -> None:
    Registry(folder, KEY).record("first", {"name": f"n{number}"})


def test_no_evaluation_is_lost_when_processes_record_at_once(registry: Registry, run: Path) -> None:
    registry.register(run, "first")
    context = multiprocessing.get_context("fork")
    processes = [context.Process(target=_record, args=(registry.folder, number)) for number in range(6)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
    assert {one["name"] for one in registry.verify("first").evaluations} == {f"n{n}" for n in range(6)}
