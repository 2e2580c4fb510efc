"""A user's models: bases to start from, evaluations, versions, and what of them answers in the assistant.

A model is named by a value: "gpt", "bert", a hub id, "run:NAME" or "version:NAME"; only the user's own runs
and versions become paths here.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from training import runs as folders
from training.errors import BadConfigError
from training.places import Places, check_name
from training.studio.words import OWN

if TYPE_CHECKING:
    from training.config import Task
    from training.jobs import Job, Jobs
    from training.studio.sets import Sets

GPT, BERT = ("SmolLM2 135M Instruct (embedded GPT)", "gpt"), ("MiniLM L6 (embedded BERT)", "bert")
_EMBEDDED: dict[str, list[tuple[str, str]]] = {
    "causal": [GPT],
    "masked": [BERT],
    "tagging": [BERT],
    "classification": [BERT],
    "seq2seq": [("FLAN-T5 small (hub, needs a network once)", "google/flan-t5-small")],
}
_HUB: dict[str, list[tuple[str, str]]] = {
    "causal": [
        ("SmolLM2 360M Instruct (hub)", "HuggingFaceTB/SmolLM2-360M-Instruct"),
        ("Qwen2.5 0.5B Instruct (hub)", "Qwen/Qwen2.5-0.5B-Instruct"),
    ],
    "masked": [("Bio_ClinicalBERT (hub)", "emilyalsentzer/Bio_ClinicalBERT")],
    "tagging": [("Bio_ClinicalBERT (hub)", "emilyalsentzer/Bio_ClinicalBERT")],
    "classification": [("Bio_ClinicalBERT (hub)", "emilyalsentzer/Bio_ClinicalBERT")],
    "seq2seq": [],
}
RUN, VERSION = "run:", "version:"


class Models:
    """The models of every user, each user's apart."""

    def __init__(self, places: Callable[[str], Places], jobs: Jobs, sets: Sets) -> None:
        self._places, self._jobs, self._sets = places, jobs, sets

    def bases(self, user: str, task: Task) -> list[tuple[str, str]]:
        """(for people, value) of what a run for `task` can start from, the embedded one first."""
        tokenizers = self._places(user).tokenizers
        own = sorted(path.name for path in tokenizers.iterdir()) if tokenizers.is_dir() else []
        made = [(f"tokenizer {name}, for a model from scratch", OWN + name) for name in own if name[0] != "."]
        return [*_EMBEDDED[task], *self._finished(user, merged_only=True), *made, *_HUB[task]]

    def base_path(self, user: str, value: str) -> str:
        """What a config is given for a choice of `bases`.

        Raises:
            BadConfigError: it isn't there.
        """
        if value.startswith(OWN):
            folder = self._places(user).tokenizers / check_name("tokenizer", value.removeprefix(OWN))
            if not folder.is_dir():
                raise BadConfigError(f"There is no tokenizer named {folder.name}.")
            return str(folder)
        return self.spec(user, value)

    def choices(self, user: str) -> list[tuple[str, str]]:
        """(for people, value) of what can be evaluated."""
        return [GPT, BERT, *self._finished(user)]

    def spec(self, user: str, value: str) -> str:
        """What a command is given for a choice: a path of the user's own, or a name as it is.

        Raises:
            BadConfigError: there is no such run or version.
        """
        places = self._places(user)
        for start, root, inside in ((RUN, places.runs, folders.BEST), (VERSION, places.versions, "model")):
            if value.startswith(start):
                folder = root / check_name("model", value.removeprefix(start)) / inside
                if not folder.is_dir():
                    raise BadConfigError(f"{value.removeprefix(start)} has no model yet.")
                return str(folder)
        if Path(value).is_absolute() or ".." in Path(value).parts:
            raise BadConfigError("Choose a model from the list, or give a hub id.")
        return value

    def _finished(self, user: str, merged_only: bool = False) -> list[tuple[str, str]]:
        places = self._places(user)
        found: list[tuple[float, str, str]] = []
        for start, root, inside, word in (
            (VERSION, places.versions, "model", "version"),
            (RUN, places.runs, folders.BEST, "run"),
        ):
            for folder in root.iterdir() if root.is_dir() else ():
                model = folder / inside
                adapter = (model / "adapter_config.json").is_file()
                if model.is_dir() and not folder.name.startswith(".") and not (adapter and merged_only):
                    found.append((model.stat().st_mtime, f"{word} {folder.name}", start + folder.name))
        return [(shown, value) for _, shown, value in sorted(found, reverse=True)]

    def architecture(self, user: str) -> dict[str, Any]:
        """The shape that was kept in the design step.

        Raises:
            BadConfigError: none was.
        """
        path = self._places(user).root / "architecture.json"
        if not path.is_file():
            raise BadConfigError("A model from scratch needs a shape. Keep one in step 3, Design.")
        shape: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return shape

    def keep_architecture(self, user: str, shape: dict[str, Any]) -> None:
        """The shape of the next model from scratch."""
        path = self._places(user).root / "architecture.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(shape), encoding="utf-8")

    def evaluate(
        self, user: str, dataset: str, model: str, before: str, *, rows: int, answers: int, gate: bool
    ) -> Job:
        """Begin to evaluate `model` beside `before` on what a set holds out.

        Raises:
            BadConfigError, BadDataError, RunError: set or model aren't there, or one is under way.
        """
        arguments = ["--data", str(self._sets.folder(user, dataset)), "--model", self.spec(user, model)]
        if before != model:
            arguments += ["--before", self.spec(user, before)]
        arguments += ["--rows", str(rows), "--generate", str(answers)]
        if gate:
            arguments.append("--gate")
        taken = {job.name for job in self._jobs.jobs(user) if job.kind == "evaluate"}
        stem = f"{(model.partition(':')[2] or model).replace('/', '-')[:30]}-on-{dataset}"[:58]
        name = next(
            name for n in range(1, 10_000) if (name := stem if n == 1 else f"{stem}-{n}") not in taken
        )
        return self._jobs.submit(user, "evaluate", name, arguments)

    def evaluations(self, user: str) -> list[Job]:
        """What was evaluated, the newest first."""
        return [job for job in self._jobs.jobs(user) if job.kind == "evaluate" and job.state == "done"]
