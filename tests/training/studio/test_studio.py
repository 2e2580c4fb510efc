"""The studio as a service: each user's own sets, runs and models, with the real queue and real folders."""

from __future__ import annotations

import contextlib
import hashlib
import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import pytest
import sqlalchemy

from assistant.models.choices import Choices
from security.crypto.signatures import SigningKey
from tests.training import tiny
from training import runs as folders
from training.config import TrainingConfig
from training.corpus import PrepareSettings, QualityLimits
from training.errors import BadConfigError, BadDataError, OutOfMemoryError, RunError, TrainingError
from training.jobs import Job
from training.safe import NoKeyError, Safe
from training.studio.service import Studio
from training.trainer import train

ANN, BOB = "a" * 32, "b" * 32
LIMITS = QualityLimits(languages=(), min_variety=0.0, max_repeated=1.0)
SETTINGS = PrepareSettings(limits=LIMITS, near=False, held_out=0.2)
WAIT_S = 120


def safe_of(user: str) -> Safe:
    """Each has a key of their own, as from the vault."""
    return Safe(user, hashlib.sha256(user.encode()).digest())


def opened(tmp_path: Path, **options: Any) -> Studio:
    """A studio beside a real store of choices."""
    database = sqlalchemy.create_engine(f"sqlite:///{tmp_path / 'choices.sqlite'}")
    signer = SigningKey(b"\x07" * 32)
    return Studio.open(tmp_path / "studio", Choices(database), signer, **{"safes": safe_of} | options)


@pytest.fixture
def studio(tmp_path: Path) -> Iterator[Studio]:
    made = opened(tmp_path)
    yield made
    made.close()


def upload(folder: Path, count: int = 20) -> list[Path]:
    """Files as the page hands them over."""
    folder.mkdir(parents=True)
    paths = []
    for number, text in enumerate(tiny.sentences(count, longest=60)):
        path = folder / f"{number}.txt"
        path.write_text(f"Note {number}. {text}", "utf-8")
        paths.append(path)
    return paths


def prepared(studio: Studio, user: str, tmp_path: Path, name: str = "notes") -> Job:
    studio.start()
    job = studio.sets.prepare(user, name, upload(tmp_path / f"up-{user[0]}-{name}"), SETTINGS)
    done = studio.jobs.wait(user, job.id, WAIT_S)
    assert done.state == "done", (done.message, studio.jobs.log(user, job.id))
    return done


def test_uploads_that_were_swept_are_told_of(studio: Studio, tmp_path: Path) -> None:
    files = upload(tmp_path / "up", 2)
    files[1].unlink()
    with pytest.raises(RunError, match="Add it again"):
        studio.sets.prepare(ANN, "notes", files, SETTINGS)
    assert files[0].exists()


def test_uploads_that_are_swept_while_they_are_read_do_no_harm(tmp_path: Path) -> None:
    @contextlib.contextmanager
    def once(user: str, path: Path) -> Iterator[BinaryIO]:
        with path.open("rb") as stream:
            yield stream
        path.unlink()

    studio = opened(tmp_path, opened=once)
    job = studio.sets.prepare(ANN, "notes", upload(tmp_path / "up", 2), SETTINGS)
    assert job.state == "queued"
    studio.close()


def test_whose_account_goes_while_files_are_copied_leaves_nothing(tmp_path: Path) -> None:
    gone: set[str] = set()

    def safes(user: str) -> Safe:
        if user in gone:
            raise NoKeyError("The account is gone.")
        return safe_of(user)

    studio = opened(tmp_path, safes=safes, opened=lambda user, path: _last_look(gone, user, path))
    with pytest.raises(NoKeyError):
        studio.sets.prepare(ANN, "notes", upload(tmp_path / "up", 2), SETTINGS)
    assert studio.jobs.jobs(ANN) == ()
    assert [path for path in (tmp_path / "studio" / ANN).rglob("*") if path.is_file()] == []
    studio.close()


def _last_look(gone: set[str], user: str, path: Path) -> BinaryIO:
    """The account goes while the file is open."""
    gone.add(user)
    return path.open("rb")


def test_files_go_although_another_reads_the_queue(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("training.jobs.store._WAIT_S", 0.1)
    studio = opened(tmp_path)
    studio.sets.prepare(ANN, "notes", upload(tmp_path / "up", 2), SETTINGS)
    root = studio.roots(ANN)
    assert root.exists()
    reader = sqlite3.connect(tmp_path / "studio" / ".jobs" / "jobs.sqlite3", isolation_level=None)
    with contextlib.closing(reader):
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM jobs").fetchone()
        with pytest.raises(RunError, match="may hold remnants"):
            studio.forget(ANN)
        assert not root.exists() and studio.jobs.jobs(ANN) == ()
        reader.execute("COMMIT")
    studio.forget(ANN)
    studio.close()


def test_uploads_become_a_set_that_only_its_owner_sees(studio: Studio, tmp_path: Path) -> None:
    prepared(studio, ANN, tmp_path)
    (one,) = studio.sets.every(ANN)
    assert (one.name, one.kind, one.train + one.held_out) == ("notes", "text", 20)
    assert studio.sets.report(ANN, "notes").funnel[0].documents == 20
    assert len(studio.sets.rows(ANN, "notes", "held_out", 3)) == 3
    assert not list((tmp_path / "up-a-notes").iterdir()), "the page's copies must not stay behind"
    assert studio.sets.every(BOB) == ()
    assert studio.jobs.jobs(BOB) == ()
    for act in (
        lambda: studio.sets.report(BOB, "notes"),
        lambda: studio.sets.delete(BOB, "notes"),
        lambda: studio.sets.again(BOB, "notes", "mine", ()),
        lambda: studio.runs.begin(BOB, tiny.config("gpt", dataset="notes")),
        lambda: studio.runs.begin(BOB, tiny.config("gpt", dataset=f"../../{ANN}/sets/notes")),
        lambda: studio.models.evaluate(BOB, "notes", "gpt", "bert", rows=1, answers=0, gate=False),
        lambda: studio.jobs.job(BOB, studio.jobs.jobs(ANN)[0].id),
    ):
        with pytest.raises(TrainingError):
            act()
    assert [one.name for one in studio.sets.every(ANN)] == ["notes"]


def test_what_was_removed_can_be_kept_anyway(studio: Studio, tmp_path: Path) -> None:
    studio.start()
    files = upload(tmp_path / "up")
    (tmp_path / "up" / "twin.txt").write_text(files[0].read_text("utf-8"), "utf-8")
    job = studio.sets.prepare(ANN, "notes", [*files, tmp_path / "up" / "twin.txt"], SETTINGS)
    assert studio.jobs.wait(ANN, job.id, WAIT_S).state == "done"
    removed = studio.sets.report(ANN, "notes").samples
    assert len(removed) == 1
    job = studio.sets.again(ANN, "notes", "kept", [removed[0].id])
    assert studio.jobs.wait(ANN, job.id, WAIT_S).state == "done"
    kept = next(one for one in studio.sets.every(ANN) if one.name == "kept")
    assert kept.train + kept.held_out == 21


def test_a_set_is_deleted_with_its_files_but_not_under_a_run(
    studio: Studio, tmp_path: Path, gpt: Path
) -> None:
    prepared(studio, ANN, tmp_path)
    studio.jobs.close()  # what is submitted now waits
    studio.runs.begin(ANN, tiny.config("gpt", dataset="notes"))
    with pytest.raises(RunError, match="run still reads notes"):
        studio.sets.delete(ANN, "notes")
    studio.runs.stop(ANN, "run")
    studio.sets.delete(ANN, "notes")
    assert studio.sets.every(ANN) == ()
    assert not list((tmp_path / "studio" / ANN / "sources").iterdir())


def test_a_name_is_not_used_twice(studio: Studio, tmp_path: Path) -> None:
    prepared(studio, ANN, tmp_path)
    with pytest.raises(BadConfigError, match="a data set named notes already"):
        studio.sets.prepare(ANN, "notes", upload(tmp_path / "more"), SETTINGS)
    assert len(list((tmp_path / "more").iterdir())) == 20, "a refused upload stays"
    studio.jobs.close()
    studio.runs.begin(ANN, tiny.config("gpt", dataset="notes"))
    with pytest.raises(BadConfigError, match="a run named RUN already"):
        studio.runs.begin(ANN, tiny.config("gpt", dataset="notes", name="RUN"))


@pytest.mark.parametrize("name", ["", "..", "a/b", "-x", ".hidden", "x" * 65, "a\0b"])
def test_a_name_can_not_leave_the_users_folder(studio: Studio, tmp_path: Path, name: str) -> None:
    with pytest.raises(BadConfigError):
        studio.sets.prepare(ANN, name, upload(tmp_path / "up"), SETTINGS)
    with pytest.raises(BadConfigError):
        studio.sets.folder(ANN, name)
    with pytest.raises(TrainingError):
        studio.runs.view(ANN, name)


def test_an_account_has_a_limit_on_disk(tmp_path: Path) -> None:
    studio = opened(tmp_path, quota=1000)
    files = upload(tmp_path / "up")
    with pytest.raises(RunError, match="an account may have"):
        studio.sets.prepare(ANN, "notes", files, SETTINGS)
    assert all(path.exists() for path in files)
    studio.close()


@pytest.mark.parametrize("base", ["/etc", "../other", "{other}/runs/secret/best"])
def test_a_base_is_no_path_of_another_user(studio: Studio, tmp_path: Path, base: str) -> None:
    prepared(studio, ANN, tmp_path)
    other = tmp_path / "studio" / BOB
    (other / "runs/secret/best").mkdir(parents=True)
    with pytest.raises(BadConfigError):
        studio.runs.begin(ANN, tiny.config(base.format(other=other), dataset="notes"))
    with pytest.raises(BadConfigError):
        studio.models.spec(ANN, base.format(other=other))
    assert studio.runs.names(ANN) == ()


def finished_run(studio: Studio, user: str, gpt: Path, name: str = "run", **changes: object) -> Path:
    """A run that was trained in this process, where the queue's processes put theirs."""
    root = Path(studio.sets._places(user).runs)
    config = tiny.config(gpt, name=name, **changes)
    folder = folders.create(root, config)
    train(config, folder, data=tiny.texts())
    return folder


def test_a_run_is_shown_from_its_folder(studio: Studio, gpt: Path) -> None:
    finished_run(studio, ANN, gpt, epochs=1, evaluate_every=3)
    assert studio.runs.names(ANN) == ("run",)
    assert studio.runs.names(BOB) == ()
    view = studio.runs.view(ANN, "run")
    assert (view.state, view.has_model, view.resumable) == ("done", True, False)
    assert [one["step"] for one in view.steps] == list(range(1, 11))
    assert view.best is not None
    assert view.first_loss is not None
    with pytest.raises(RunError, match="nothing to go on with"):
        studio.runs.resume(ANN, "run")
    with pytest.raises(RunError, match="There is no run"):
        studio.runs.view(BOB, "run")
    studio.runs.delete(ANN, "run")
    assert studio.runs.names(ANN) == ()


def test_a_run_that_was_cut_short_can_go_on(studio: Studio, gpt: Path) -> None:
    folder = finished_run(studio, ANN, gpt, epochs=1)
    lines = (folder / "metrics.jsonl").read_text("utf-8").splitlines()
    kept = [line for line in lines if json.loads(line)["step"] <= 3]
    (folder / "metrics.jsonl").write_text("\n".join(kept) + "\n", "utf-8")
    view = studio.runs.view(ANN, "run")
    assert (view.state, view.resumable) == ("cut short", True)
    job = studio.runs.resume(ANN, "run")
    assert (job.kind, job.state) == ("resume", "queued")
    with pytest.raises(RunError, match="under way already"):
        studio.runs.resume(ANN, "run")


def test_the_page_and_a_shell_write_the_same_config(studio: Studio, tmp_path: Path) -> None:
    prepared(studio, ANN, tmp_path)
    studio.jobs.close()
    wanted = tiny.config("gpt", dataset="notes", sample_prompts=("a", "b"))
    job = studio.runs.begin(ANN, wanted)
    config = TrainingConfig.from_yaml(Path(job.arguments[0]), safe_of(ANN))
    assert config.dataset == str(studio.sets.folder(ANN, "notes"))
    assert config.to_dict() | {"dataset": "notes"} == wanted.to_dict()
    again = studio.runs.again(ANN, "run", "run-2", {"batch_size": 1, "accumulation": 4})
    assert TrainingConfig.from_yaml(Path(again.arguments[0]), safe_of(ANN)).batch_size == 1
    with pytest.raises(BadDataError, match="There is no data set named"):
        studio.runs.begin(ANN, tiny.config("gpt", dataset="none", name="other"))


def test_models_are_offered_by_what_they_can_do(studio: Studio, gpt: Path) -> None:
    finished_run(studio, ANN, gpt, epochs=1, max_steps=1)
    assert ("run run", "run:run") in studio.models.choices(ANN)
    assert all(value != "run:run" for _, value in studio.models.choices(BOB))
    # An adapter alone is no base.
    assert all(value != "run:run" for _, value in studio.models.bases(ANN, "causal"))
    finished_run(studio, ANN, gpt, "whole", epochs=1, max_steps=1, method="full")
    assert ("run whole", "run:whole") in studio.models.bases(ANN, "causal")
    assert studio.models.base_path(ANN, "run:whole").endswith("runs/whole/best")
    with pytest.raises(BadConfigError, match="has no model yet"):
        studio.models.spec(BOB, "run:whole")


def test_out_of_memory_names_what_would_fit() -> None:
    error = OutOfMemoryError("The memory didn't suffice.", {"batch_size": 1})
    assert isinstance(error, TrainingError)
    assert error.changes == {"batch_size": 1}
