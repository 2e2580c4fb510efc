"""The studio's files at rest: a user's words are in no file, their owner reads them, and nobody else does."""

from __future__ import annotations

import base64
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from security.crypto.files import is_sealed
from tests.training import tiny
from tests.training.studio.test_studio import ANN, BOB, SETTINGS, opened, safe_of, upload
from training.config import TrainingConfig
from training.corpus.dataset import DataSet
from training.errors import BadDataError, RunError
from training.jobs import Job
from training.progress import METRICS, read_metrics
from training.safe import KEY_VARIABLE, PLAIN, NoKeyError, Safe
from training.studio.service import Studio
from training.tokenizers import TokenizerSettings

MARKER = "Zebulon Quartermain had the purple fever in Wolverhampton"
WORD = "Quartermain"
STEPS = 40
"""Enough to be killed between the first and the last, however slowly this process looks."""
WAIT_S = 1800
"""No test of speed: what ended is known by its end, however busy the machine is."""
SHAPE = {"model_type": "llama", "num_key_value_heads": 1, **tiny.SHAPE}


def forms(text: str) -> list[bytes]:
    """As it may lie in a file: plain, wide, escaped, in base64 at each of three offsets."""
    found = [
        text.encode(),
        text.encode("utf-16-le"),
        text.encode("utf-16-be"),
        json.dumps(text)[1:-1].encode(),
    ]
    for offset in range(3):
        whole = base64.b64encode(b"\0" * offset + text.encode())
        found.append(whole[4:-4])
    return found


def holding(folder: Path, *texts: str) -> list[str]:
    """Files under `folder` that hold one of `texts` in some form."""
    wanted = [form for text in texts for form in forms(text)]
    return [
        str(path)
        for path in folder.rglob("*")
        if path.is_file() and any(form in path.read_bytes() for form in wanted)
    ]


def marked(folder: Path) -> list[Path]:
    """Uploads, most with the marker, one of them twice and one of them removed by the rules."""
    paths = upload(folder)
    for number, path in enumerate(paths):
        path.write_text(f"{MARKER} on day {number}. {path.read_text('utf-8')}", "utf-8")
    (folder / "twin.txt").write_text(paths[0].read_text("utf-8"), "utf-8")
    (folder / "short.txt").write_text(WORD, "utf-8")
    shutil.make_archive(str(folder / "packed"), "zip", folder, "3.txt")
    paths[3].unlink()
    return sorted(path for path in folder.iterdir() if path.is_file())


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("sealed")


@pytest.fixture(scope="module")
def studio(place: Path) -> Iterator[Studio]:
    """With a temp folder of its own, for what the jobs put there."""
    (place / "temp").mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TMPDIR", str(place / "temp"))
        patch.setenv("OMP_NUM_THREADS", "1")  # a tiny model; more would only wait for each other
        made = opened(place)
    made.start()
    yield made
    made.close()


def ended(studio: Studio, job: Job, state: str = "done") -> Job:
    found = studio.jobs.wait(ANN, job.id, WAIT_S)
    assert found.state == state, (found.message, studio.jobs.log(ANN, job.id))
    return found


@pytest.fixture(scope="module")
def worked(studio: Studio, place: Path) -> Studio:
    """A set, a tokenizer, and a run from scratch that was killed once and resumed."""
    ended(studio, studio.sets.prepare(ANN, "notes", marked(place / "up"), SETTINGS))
    ended(studio, studio.words.train(ANN, "own", "notes", TokenizerSettings(kind="bpe", size=1000)))
    config = tiny.config(
        studio.models.base_path(ANN, "own:own"),
        dataset="notes",
        method="scratch",
        architecture=SHAPE,
        max_steps=STEPS,
        epochs=50,
        context=16,
        evaluate_every=STEPS,
        save_every=4,
        sample_prompts=(MARKER,),
    )
    job = studio.runs.begin(ANN, config)
    while not studio.runs.view(ANN, "run").steps:
        assert studio.jobs.wait(ANN, job.id, 0.05).state in ("queued", "running"), studio.jobs.log(
            ANN, job.id
        )
    (one,) = studio.jobs._store.under_way()
    assert one.process is not None
    process = Path("/proc") / str(one.process.pid)
    key = safe_of(ANN).to_hand()[:32]
    for name in ("cmdline", "environ"):
        told = (process / name).read_bytes()
        assert key not in told
        assert key.hex().encode() not in told
    os.kill(one.process.pid, signal.SIGKILL)
    ended(studio, job, "failed")
    killed = studio.runs.view(ANN, "run")
    assert killed.resumable
    assert len(killed.steps) < STEPS
    ended(studio, studio.runs.resume(ANN, "run"))
    return studio


def test_no_file_holds_the_words(worked: Studio, place: Path) -> None:
    assert holding(place / "studio", MARKER, "had the purple fever in") == []
    assert holding(place / "temp", MARKER, "purple fever") == []
    assert not list((place / "up").iterdir()) or holding(place / "up", MARKER) == []
    folder = place / "studio" / ANN / "sets" / "notes"
    assert all(is_sealed(path) for path in folder.iterdir())
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o600}


def test_the_search_finds_words_that_are_there(tmp_path: Path) -> None:
    for number, form in enumerate(forms(MARKER)):
        (tmp_path / str(number)).write_bytes(b"xx" + form + b"yy")
    (tmp_path / "coded").write_bytes(base64.b64encode(f"before {MARKER} after".encode()))
    assert len(holding(tmp_path, MARKER)) == len(forms(MARKER)) + 1


def test_the_owner_reads_everything(worked: Studio) -> None:
    (one,) = worked.sets.every(ANN)
    assert one.train + one.held_out == 20
    assert any(MARKER in row["text"] for row in worked.sets.rows(ANN, "notes", "train", 20))
    report = worked.sets.report(ANN, "notes")
    assert report.funnel[0].documents == 22
    assert any(MARKER in sample.excerpt for sample in report.samples)
    done = {job.kind: job for job in worked.jobs.jobs(ANN) if job.state == "done"}
    assert MARKER in json.dumps(done["prepare"].result)
    view = worked.runs.view(ANN, "run")
    assert (view.state, view.has_model) == ("done", True)
    assert [line["step"] for line in view.steps] == list(range(1, STEPS + 1)), "resumed where it was killed"
    assert all(sample[0] == MARKER for line in view.evaluations for sample in line["samples"])


def test_a_version_says_where_it_came_from_without_the_words(worked: Studio, place: Path) -> None:
    version = worked.versions.keep(ANN, "run", "first")
    assert version.dataset["name"] == "notes"
    assert version.best_loss is not None
    assert holding(place / "studio" / ANN / "versions", MARKER) == []


def test_another_user_and_a_shell_without_the_key_read_nothing(worked: Studio, place: Path) -> None:
    folder = place / "studio" / ANN
    for safe in (safe_of(BOB), PLAIN, Safe(BOB, safe_of(ANN).key)):
        with pytest.raises(BadDataError):
            DataSet.open(folder / "sets" / "notes", safe)
        with pytest.raises(BadDataError):
            list(read_metrics(folder / "runs" / "run", safe))
        with pytest.raises(BadDataError):
            TrainingConfig.from_yaml(folder / "runs" / "run" / "config.yaml", safe)


def test_a_set_whose_parts_were_exchanged_is_refused(worked: Studio, place: Path, tmp_path: Path) -> None:
    folder = tmp_path / "set"
    shutil.copytree(place / "studio" / ANN / "sets" / "notes", folder)
    assert DataSet.open(folder, safe_of(ANN)).counts
    (folder / "train.jsonl").replace(folder / "kept")
    (folder / "held_out.jsonl").replace(folder / "train.jsonl")
    (folder / "kept").replace(folder / "held_out.jsonl")
    with pytest.raises(BadDataError, match="doesn't open"):
        DataSet.open(folder, safe_of(ANN))


def test_a_shell_works_on_a_sealed_set_with_a_key_from_a_descriptor(
    worked: Studio, place: Path, tmp_path: Path
) -> None:
    reading, writing = os.pipe()
    os.write(writing, safe_of(ANN).to_hand())
    os.close(writing)
    command = [sys.executable, "-m", "training", "budget", str(place / "studio" / ANN / "sets" / "notes")]
    command += ["--budget", str(tmp_path / "ledger"), "--json"]
    environ = os.environ | {KEY_VARIABLE: str(reading)}
    with_key = subprocess.run(command, env=environ, pass_fds=[reading], capture_output=True, check=True)
    os.close(reading)
    assert json.loads(with_key.stdout)["data"] == worked.sets.open(ANN, "notes").hash
    without = subprocess.run(command, capture_output=True, text=True, check=False)
    assert without.returncode == 2
    assert "sealed under its owner's key" in without.stderr


def test_what_lies_plain_from_before_is_sealed_when_its_owner_comes(place: Path, tmp_path: Path) -> None:
    old = opened(tmp_path, safes=lambda _: PLAIN)
    old.start()
    job = old.sets.prepare(ANN, "notes", marked(tmp_path / "up"), SETTINGS)
    assert old.jobs.wait(ANN, job.id, WAIT_S).state == "done"
    before = old.sets.open(ANN, "notes").hash
    run = tmp_path / "studio" / ANN / "runs" / "old"
    run.mkdir(parents=True)
    tiny.config("gpt", name="old", sample_prompts=(MARKER,)).to_yaml(run / "config.yaml")
    line = {"kind": "evaluation", "step": 0, "loss": 1.0, "samples": [[MARKER, MARKER]]}
    (run / METRICS).write_text(json.dumps(line) + "\n", "utf-8")
    left = tmp_path / "studio" / ANN / "sets" / ".killed.x" / "unpacked" / "0"
    left.mkdir(parents=True)
    (left / "1.txt").write_text(MARKER, "utf-8")
    (job.folder / "log.txt").write_text(MARKER, "utf-8")  # as an evaluation's was
    old.close()
    assert len(holding(tmp_path / "studio", MARKER)) > 5, "before, they are there"
    times = {path: path.stat().st_mtime_ns for path in run.iterdir()}

    new = opened(tmp_path)
    assert [one.name for one in new.sets.every(ANN)] == ["notes"]
    assert holding(tmp_path / "studio", MARKER) == []
    assert {path: path.stat().st_mtime_ns for path in run.iterdir()} == times, "lists keep their order"
    assert new.sets.open(ANN, "notes").hash == before
    assert new.sets.report(ANN, "notes").funnel[0].documents == 22
    assert new.runs.view(ANN, "old").evaluations[0]["samples"] == [[MARKER, MARKER]]
    assert MARKER in json.dumps(new.jobs.jobs(ANN)[0].result)
    again = new.sets.again(ANN, "notes", "kept", ())
    new.start()
    assert new.jobs.wait(ANN, again.id, WAIT_S).state == "done"
    assert new.sets.open(ANN, "kept").hash == before, "sealed uploads are read as the plain ones were"
    new.close()


def test_where_the_account_is_gone_nothing_is_opened(tmp_path: Path) -> None:
    def gone(user: str) -> Safe:
        raise NoKeyError(f"The account {user[:1]} is gone.")

    studio = opened(tmp_path, safes=gone)
    files = upload(tmp_path / "up")
    with pytest.raises(NoKeyError):
        studio.sets.prepare(ANN, "notes", files, SETTINGS)
    assert all(path.exists() for path in files)
    assert studio.sets.every(ANN) == ()
    studio.close()


def test_an_upload_that_pretends_to_be_sealed_is_a_file_like_any_other(
    studio: Studio, tmp_path: Path
) -> None:
    files = upload(tmp_path / "up")
    files[0].write_bytes(b"ASKSEAL\x01" + bytes(200))
    job = ended(studio, studio.sets.prepare(ANN, "pretended", files, SETTINGS))
    assert job.result["problem_count"] == 1
    assert "not a text file" in job.result["problems"][0]["reason"]
    studio.sets.delete(ANN, "pretended")


def test_files_that_cannot_be_kept_stay_with_the_page(tmp_path: Path) -> None:
    studio = opened(tmp_path)
    files = upload(tmp_path / "up", 3)
    (tmp_path / "studio" / ANN / "sources" / "notes" / "files").parent.mkdir(parents=True)
    lost = [*files, tmp_path / "up" / "gone.txt"]
    lost[-1].symlink_to(tmp_path / "up")  # a folder can't be read as a file
    with pytest.raises(RunError, match="can't be read or kept"):
        studio.sets.prepare(ANN, "notes", lost, SETTINGS)
    assert all(path.exists() for path in files)
    assert not (tmp_path / "studio" / ANN / "sources" / "notes" / "files").exists()
    studio.close()
