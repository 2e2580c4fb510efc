"""A user's federations: begun from a config, watched, stopped and gone on with."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from training.errors import BadConfigError, RunError
from training.jobs import ACTIVE
from training.places import Places, check_name

if TYPE_CHECKING:
    from training.federated.config import FederationConfig
    from training.jobs import Job, Jobs
    from training.safe import Safe
    from training.studio.sets import Sets


@dataclass(frozen=True)
class FederationView:
    """A federation as it is shown: its rounds so far, its job, and a comparison if one was made."""

    name: str
    job: Job | None
    rounds: list[dict[str, Any]]
    comparison: list[dict[str, Any]]


class Federations:
    """The federations of every user, each user's apart."""

    def __init__(
        self, places: Callable[[str], Places], jobs: Jobs, sets: Sets, safes: Callable[[str], Safe]
    ) -> None:
        self._places, self._jobs, self._sets, self._safes = places, jobs, sets, safes

    def begin(self, user: str, config: FederationConfig, *, compare: bool) -> Job:
        """Queue a federation. The config names sets of the user's, by name; its base is embedded or a hub id.

        Raises:
            BadConfigError, BadDataError, RunError: it can't begin; nothing was changed.
        """
        places = self._places(user)
        check_name("federation", config.name)
        if config.name.casefold() in {name.casefold() for name in self.names(user)}:
            raise BadConfigError(f"There is a federation named {config.name} already. Choose another name.")
        if Path(config.base).is_absolute() or ".." in Path(config.base).parts:
            raise BadConfigError("Choose a base from the list, or give a hub id.")
        self._sets.check_quota(user)
        split = config.split
        if split.dataset:
            split = replace(split, dataset=str(self._sets.folder(user, split.dataset)))
        clients = tuple(str(self._sets.folder(user, name)) for name in config.clients)
        ready = replace(config, split=split, clients=clients)
        path = self._config(user, config.name)
        path.parent.mkdir(parents=True, exist_ok=True)
        self._safes(user).write_text(path, ready.to_text())
        arguments = [str(path), "--out", str(places.federations)] + (["--compare"] if compare else [])
        return self._jobs.submit(user, "federate", config.name, arguments)

    def names(self, user: str) -> tuple[str, ...]:
        """The newest first."""
        folder = self._places(user).federations
        found = [path for path in folder.iterdir() if path.name[0] != "."] if folder.is_dir() else []
        times = {path.name: path.stat().st_mtime for path in found}
        for job in self._jobs.jobs(user):
            if job.kind == "federate" and (job.state in ACTIVE or job.state == "failed"):
                times.setdefault(job.name, job.submitted)
        return tuple(sorted(times, key=lambda name: -times[name]))

    def view(self, user: str, name: str) -> FederationView:
        """A federation as it is now.

        Raises:
            BadConfigError: the name can't be one.
        """
        from training.federated.records import ROUNDS

        path = self._places(user).federations / check_name("federation", name) / ROUNDS
        lines = path.read_text(encoding="utf-8").splitlines(keepends=True) if path.is_file() else []
        rounds = [json.loads(line) for line in lines if line.endswith("\n")]
        job = self._job(user, name)
        comparison = job.result.get("comparison", []) if job is not None else []
        return FederationView(name, job, rounds, comparison)

    def stop(self, user: str, name: str) -> None:
        """Ask it to stop; the last whole round stays."""
        job = self._job(user, name)
        if job is not None and job.state in ACTIVE:
            self._jobs.stop(user, job.id)

    def resume(self, user: str, name: str) -> Job:
        """Go on after the last whole round.

        Raises:
            RunError: it goes on already, or isn't known.
        """
        job = self._job(user, name)
        if job is None or job.state == "done" or job.state in ACTIVE:
            raise RunError(f"{name} has nothing to go on with.")
        place = self._places(user).federations / name
        kept = [argument for argument in job.arguments if argument != "--resume"]
        return self._jobs.submit(user, "federate", name, kept + (["--resume"] if place.is_dir() else []))

    def delete(self, user: str, name: str) -> None:
        """Remove a federation.

        Raises:
            RunError: it goes on.
        """
        job = self._job(user, name)
        if job is not None and job.state in ACTIVE:
            raise RunError(f"{name} is under way. Stop it first.")
        place = self._places(user).federations / check_name("federation", name)
        if place.is_dir():
            shutil.rmtree(place)
        self._config(user, name).unlink(missing_ok=True)
        for one in self._jobs.jobs(user):
            if one.kind == "federate" and one.name == name:
                self._jobs.forget(user, one.id)

    def _config(self, user: str, name: str) -> Path:
        return self._places(user).root / "configs" / f"federation-{name}.yaml"

    def _job(self, user: str, name: str) -> Job | None:
        jobs = self._jobs.jobs(user)
        return next((job for job in jobs if job.kind == "federate" and job.name == name), None)
