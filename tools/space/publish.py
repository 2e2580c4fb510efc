"""The built folder onto the hub: repository, secrets and variables, files, and a look whether it came up.

Does not: attach storage or choose hardware, which may cost money; the Space's settings do. A secret that is
not in the environment stays as the Space has it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from tools.space.build import FOLDERS
from tools.space.errors import BadInputError, PublishError
from tools.space.metadata import Metadata
from tools.space.rules import SpaceFile, check_folder

HEALTH = "/healthz"
WAIT_S = 1800.0
POLL_S = 10.0
_SPACE = re.compile(r"[A-Za-z0-9][\w.-]{0,95}/[A-Za-z0-9][\w.-]{0,95}")
_HOST = re.compile(r"https://[a-z0-9-]+\.hf\.space")
_TRUE = frozenset({"1", "ON", "YES", "TRUE"})
_UP = "RUNNING"
_FAILED = frozenset(
    {"BUILD_ERROR", "RUNTIME_ERROR", "CONFIG_ERROR", "NO_APP_FILE", "STOPPED", "PAUSED", "DELETING"}
)


class HubApi(Protocol):
    """What is used of `huggingface_hub.HfApi`."""

    def create_repo(
        self, repo_id: str, *, repo_type: str, space_sdk: str, private: bool, exist_ok: bool
    ) -> Any:
        """Make the Space, or find it."""

    def add_space_secret(self, repo_id: str, key: str, value: str, *, description: str) -> Any:
        """Set a secret."""

    def add_space_variable(self, repo_id: str, key: str, value: str, *, description: str) -> Any:
        """Set a variable."""

    def upload_folder(
        self,
        *,
        repo_id: str,
        repo_type: str,
        folder_path: str,
        delete_patterns: list[str],
        commit_message: str,
    ) -> Any:
        """Make the repository's files those of the folder, in one commit."""

    def get_space_runtime(self, repo_id: str) -> Any:
        """The stage that the Space is in."""

    def space_info(self, repo_id: str) -> Any:
        """Where the Space answers."""


@dataclass(frozen=True)
class Plan:
    """What would be done; values of secrets are not in it."""

    space: str
    private: bool
    files: tuple[SpaceFile, ...]
    secrets: Mapping[str, bool]
    """Each secret, and whether the environment has it."""
    variables: Mapping[str, str]

    def text(self) -> str:
        """The plan for a person."""
        total = sum(file.size for file in self.files)
        lines = [f"Space {self.space} ({'private' if self.private else 'public'})"]
        lines += [
            f"secret {name}: {'set from the environment' if here else 'left as the Space has it'}"
            for name, here in self.secrets.items()
        ]
        lines += [f"variable {name}={value}" for name, value in self.variables.items()]
        lines += [f"{file.size:>11,}  {'LFS' if file.lfs else '   '}  {file.path}" for file in self.files]
        return "\n".join([*lines, f"{total:>11,}       {len(self.files)} files in all"])


def plan(
    folder: Path, metadata: Metadata, space: str, environ: Mapping[str, str], *, private: bool = True
) -> Plan:
    """What `publish` would do. Touches no network.

    Raises:
        BadInputError: `space` can't be the name of one.
        UnfitFolderError: the folder breaks a rule.
    """
    if not _SPACE.fullmatch(space):
        raise BadInputError(f"The Space must be USER/NAME; it is {space!r}.")
    files = check_folder(folder, environ)
    known = {name: bool(environ.get(name)) for name in metadata.secrets}
    variables = {name: environ[name] for name in metadata.variables if environ.get(name)}
    return Plan(space, private, files, known, variables)


def publish(
    folder: Path,
    metadata: Metadata,
    todo: Plan,
    environ: Mapping[str, str],
    *,
    hub: HubApi,
    fetch: Callable[[str], int],
    sleep: Callable[[float], None],
    say: Callable[[str], None],
) -> str:
    """Carry out `todo`; returns the address at which the Space answers.

    Secrets come first, so that the app's first start has them. `fetch` gives the status of an address.

    Raises:
        BadInputError: this machine is told to stay offline.
        PublishError: the hub refused, the build failed, or the app does not answer; no secret is in it.
    """
    if environ.get("HF_HUB_OFFLINE", "").upper() in _TRUE:
        raise BadInputError("HF_HUB_OFFLINE is set, so nothing is sent. Unset it to publish.")
    import httpx2  # the hub client's own: a lost connection is an error of this, and not of the client's

    try:
        _send(folder, metadata, todo, environ, hub)
        say("Sent. The Space is being built; the first time takes some minutes.")
        _wait(todo.space, hub, sleep, say)
        address = str(hub.space_info(todo.space).host)
        if not _HOST.fullmatch(address):
            raise PublishError(f"The hub names {address!r} as the Space's address, which is not on hf.space.")
        status = fetch(address + HEALTH)
    except (httpx2.HTTPError, OSError, ValueError) as error:
        raise PublishError(_without_secrets(str(error), metadata, environ)) from None
    if status != 200:
        raise PublishError(f"{address}{HEALTH} answered {status} instead of 200. Look into the Space's log.")
    return address


def _send(folder: Path, metadata: Metadata, todo: Plan, environ: Mapping[str, str], hub: HubApi) -> None:
    hub.create_repo(
        todo.space, repo_type="space", space_sdk=metadata.front["sdk"], private=todo.private, exist_ok=True
    )
    for name, here in todo.secrets.items():
        if here:
            hub.add_space_secret(todo.space, name, environ[name], description=metadata.secrets[name])
    for name, value in todo.variables.items():
        hub.add_space_variable(todo.space, name, value, description=metadata.variables[name])
    hub.upload_folder(
        repo_id=todo.space,
        repo_type="space",
        folder_path=str(folder),
        # What an earlier version had and this has not; files that are none of ours stay.
        delete_patterns=[f"{part}/*" for part in FOLDERS],
        commit_message="Publish the app",
    )


def _wait(space: str, hub: HubApi, sleep: Callable[[float], None], say: Callable[[str], None]) -> None:
    waited, before = 0.0, ""
    while True:
        stage = str(getattr(hub.get_space_runtime(space).stage, "value", "")) or "unknown"
        if stage != before:
            say(f"{stage} after {waited:.0f} s")
            before = stage
        if stage == _UP:
            return
        if stage in _FAILED:
            raise PublishError(
                f"The Space is in the stage {stage}. Its log says why: https://huggingface.co/spaces/{space}"
            )
        if waited >= WAIT_S:
            raise PublishError(f"The Space is still {stage} after {waited:.0f} s. Look into its log.")
        sleep(POLL_S)
        waited += POLL_S


def _without_secrets(text: str, metadata: Metadata, environ: Mapping[str, str]) -> str:
    reason = text.strip().split("\n", 1)[0]
    for name in (*metadata.secrets, "HF_TOKEN"):
        if environ.get(name):
            reason = reason.replace(environ[name], "...")
    return f"The hub did not take the Space: {reason[:200].rstrip('.')}. Try again, or check HF_TOKEN."
