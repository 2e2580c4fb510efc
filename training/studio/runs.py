"""A user's training runs: begun from a config, watched, stopped, gone on with, and deleted.

What a run is and has said is read from its folder, so a page that is opened later, or after a restart,
shows the same. The queue knows only whether a process goes on.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from training import runs as folders
from training.config import TrainingConfig
from training.errors import BadConfigError, RunError
from training.jobs import ACTIVE
from training.places import Places, check_name
from training.progress import read_metrics

if TYPE_CHECKING:
    from training.jobs import Job, Jobs
    from training.safe import Safe
    from training.studio.sets import Sets

KINDS = ("run", "resume")


@dataclass(frozen=True)
class RunView:
    """A run as it is shown.

    Attributes:
        state: as a job's; "cut short" where no process goes on and the run isn't finished.
        steps: optimiser steps with loss, rate, gradient norm, label tokens a second and memory.
        evaluations: held-out losses, with samples.
        message, changes: why it failed, and the options that would help.
        ahead: jobs that come before it in the queue.
    """

    name: str
    state: str
    config: TrainingConfig
    folder: Path
    steps: list[dict[str, Any]] = field(default_factory=list)
    evaluations: list[dict[str, Any]] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    message: str = ""
    changes: Mapping[str, object] = field(default_factory=dict)
    ahead: int = 0
    has_model: bool = False
    resumable: bool = False

    @property
    def first_loss(self) -> float | None:
        """Held out, before the first step."""
        return next((one["loss"] for one in self.evaluations if one["step"] == 0), None)

    @property
    def best(self) -> dict[str, Any] | None:
        """The evaluation with the lowest loss after the first step; of a private run the last."""
        later = [one for one in self.evaluations if one["step"] > 0 and one["loss"] is not None]
        if self.config.privacy.target_epsilon:
            return later[-1] if later else None  # to choose by the held-out loss would tell of it
        return min(later, key=lambda one: one["loss"]) if later else None


class Runs:
    """The runs of every user, each user's apart."""

    def __init__(
        self, places: Callable[[str], Places], jobs: Jobs, sets: Sets, safes: Callable[[str], Safe]
    ) -> None:
        self._places, self._jobs, self._sets, self._safes = places, jobs, sets, safes

    def begin(self, user: str, config: TrainingConfig, priority: int = 0) -> Job:
        """Queue a run. The config names a set of the user's; a base that is a path must be the user's too.

        Raises:
            BadConfigError, BadDataError, RunError: it can't begin; nothing was changed.
        """
        places = self._places(user)
        self._check_free(user, config.name)
        self._sets.check_quota(user)
        ready = replace(config, dataset=str(self._sets.folder(user, config.dataset)))
        self._check_base(places, ready)
        path = places.root / "configs" / f"{config.name}.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        ready.to_yaml(path, self._safes(user))
        arguments = [str(path), "--out", str(places.runs)]
        return self._jobs.submit(user, "run", config.name, arguments, priority=priority)

    def again(self, user: str, name: str, new_name: str, changes: Mapping[str, object]) -> Job:
        """A new run with the config of `name` and some options changed, as a message advised."""
        config = self.config(user, name)
        values = config.to_dict() | dict(changes) | {"name": new_name, "dataset": Path(config.dataset).name}
        return self.begin(user, TrainingConfig.from_dict(values))

    def stop(self, user: str, name: str) -> None:
        """Ask a run to stop after the step under way and save; one that waits is taken from the queue."""
        job = self._job(user, name)
        if job is not None and job.state in ACTIVE:
            self._jobs.stop(user, job.id)

    def resume(self, user: str, name: str) -> Job:
        """Go on with a run from its newest checkpoint.

        Raises:
            RunError: it goes on already, or there is nothing to go on with.
        """
        view = self.view(user, name)
        if view.state in ACTIVE:
            raise RunError(f"{name} is under way already.")
        if not view.resumable:
            raise RunError(f"{name} has nothing to go on with. Begin a new run.")
        self._sets.check_quota(user)
        return self._jobs.submit(user, "resume", name, [str(view.folder)])

    def names(self, user: str) -> tuple[str, ...]:
        """Runs that wait, go on or have ended; the newest first."""
        found: dict[str, float] = {}
        folder = self._places(user).runs
        if folder.is_dir():
            for path in folder.iterdir():
                if (path / folders.CONFIG).is_file():
                    found[path.name] = (path / folders.CONFIG).stat().st_mtime
        for job in self._jobs.jobs(user):
            if job.kind in KINDS and (
                job.state in ACTIVE or (job.name not in found and job.state == "failed")
            ):
                found[job.name] = max(found.get(job.name, 0.0), job.submitted)
        return tuple(sorted(found, key=lambda name: -found[name]))

    def config(self, user: str, name: str) -> TrainingConfig:
        """What a run was told."""
        places = self._places(user)
        check_name("run", name)
        folder = places.runs / name
        waiting = places.root / "configs" / f"{name}.yaml"
        if not (folder / folders.CONFIG).is_file() and waiting.is_file():
            return TrainingConfig.from_yaml(waiting, self._safes(user))
        return folders.config_of(folder, self._safes(user))

    def view(self, user: str, name: str) -> RunView:
        """A run as it is now.

        Raises:
            RunError: the user has none of this name.
        """
        config = self.config(user, name)
        folder = self._places(user).runs / name
        job = self._job(user, name)
        said: dict[str, list[dict[str, Any]]] = {"step": [], "evaluation": [], "warning": []}
        for line in read_metrics(folder, self._safes(user)):
            said[line["kind"]].append(line)
        state = job.state if job is not None else _state_of(said["step"])
        has_model = (folder / folders.BEST).is_dir()
        finished = bool(said["step"]) and said["step"][-1]["step"] >= said["step"][-1]["steps"]
        begun = (folder / folders.CONFIG).is_file()
        return RunView(
            name=name,
            state=state,
            config=config,
            folder=folder,
            steps=said["step"],
            evaluations=said["evaluation"],
            warnings=[line["text"] for line in said["warning"]],
            message=job.message if job is not None else "",
            changes=job.changes if job is not None else {},
            ahead=self._jobs.ahead(user, job.id) if job is not None and job.state == "queued" else 0,
            has_model=has_model,
            resumable=begun and state not in ACTIVE and state != "done" and not finished,
        )

    def delete(self, user: str, name: str) -> None:
        """Remove a run with its checkpoints and model.

        Raises:
            RunError: it goes on, or there is none.
        """
        view = self.view(user, name)
        if view.state in ACTIVE:
            raise RunError(f"{name} is under way. Stop it first.")
        if view.folder.exists():
            shutil.rmtree(view.folder)
        (self._places(user).root / "configs" / f"{name}.yaml").unlink(missing_ok=True)
        for job in self._jobs.jobs(user):
            if job.kind in KINDS and job.name == name:
                self._jobs.forget(user, job.id)

    def _job(self, user: str, name: str) -> Job | None:
        """The newest of the run's jobs."""
        return next((job for job in self._jobs.jobs(user) if job.kind in KINDS and job.name == name), None)

    def _check_free(self, user: str, name: str) -> None:
        taken = {one.casefold() for one in self.names(user)}
        if name.casefold() in taken:
            raise BadConfigError(f"There is a run named {name} already. Resume it, or choose another name.")

    def _check_base(self, places: Places, config: TrainingConfig) -> None:
        """A path on this machine may only be one of the user's own versions or tokenizers."""
        from training import bases

        base = Path(config.base)
        inside = base.is_absolute() and base.resolve().is_relative_to(places.root.resolve())
        if not inside and (base.is_absolute() or ".." in base.parts or base.exists()):
            raise BadConfigError(f"The base {base.name} isn't there. Choose one from the list, or a hub id.")
        bases.check_base(config)
        tokenizer = Path(config.tokenizer).resolve()
        if config.tokenizer and not tokenizer.is_relative_to(places.root.resolve()):
            raise BadConfigError("The tokenizer isn't there. Choose one of your own from the list.")


def _state_of(steps: list[dict[str, Any]]) -> str:
    if steps and steps[-1]["step"] >= steps[-1]["steps"]:
        return "done"
    return "cut short"
