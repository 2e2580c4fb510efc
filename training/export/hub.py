"""An exported model onto the Hugging Face hub: only what `export` wrote, private unless told otherwise."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from training.errors import BadConfigError, RunError
from training.model_files import CARD, model_files

_REPO = re.compile(r"[\w-][\w.-]{0,95}/[\w-][\w.-]{0,95}")
_TRUE = {"1", "ON", "YES", "TRUE"}


class HubApi(Protocol):
    """What is used of `huggingface_hub.HfApi`."""

    def create_repo(self, *, repo_id: str, private: bool, exist_ok: bool) -> Any:
        """Make the repository, or find it."""

    def upload_folder(
        self, *, repo_id: str, folder_path: str, allow_patterns: list[str], commit_message: str
    ) -> Any:
        """Send the named files of a folder in one commit."""


def push(
    exported: Path,
    repo: str,
    token: str,
    *,
    private: bool = True,
    api: HubApi | None = None,
    environ: Mapping[str, str] | None = None,
) -> str:
    """Send what `export` wrote (a folder, or a GGUF file) to `repo`; returns its address.

    Args:
        exported: the folder or file; its files are checked once more before anything leaves.
        repo: OWNER/NAME on the hub.
        token: with the right to write there; it is in no message.
        private: make a new repository private; one that is there stays as it is.
        api: what talks to the hub.
        environ: where HF_HUB_OFFLINE is looked up.

    Raises:
        BadConfigError: repository or token can't be such.
        RunError: this machine is told to stay offline, a file may not leave, or the hub refused.
    """
    if not _REPO.fullmatch(repo):
        raise BadConfigError(f"The repository must be OWNER/NAME; it is {repo!r}.")
    if not token.strip():
        raise BadConfigError("The hub needs a token with the right to write. Give one.")
    given = os.environ if environ is None else environ
    if given.get("HF_HUB_OFFLINE", "").upper() in _TRUE:
        raise RunError(
            "HF_HUB_OFFLINE is set, so nothing is sent to the hub. Unset it if this model may leave the "
            "machine."
        )
    folder, names = _to_be_sent(exported)
    hub = api or _hub(token)
    import httpx2  # the hub client's own: a lost connection is an error of this, and not of the client's

    try:
        hub.create_repo(repo_id=repo, private=private, exist_ok=True)
        hub.upload_folder(
            repo_id=repo, folder_path=str(folder), allow_patterns=names, commit_message="Add the model"
        )
    except (httpx2.HTTPError, OSError, ValueError) as error:
        reason = str(error).replace(token, "...").strip().split("\n", 1)[0][:200].rstrip(".")
        raise RunError(f"The hub did not take the model: {reason}. Try again, or check the token.") from None
    return f"https://huggingface.co/{repo}"


def _to_be_sent(exported: Path) -> tuple[Path, list[str]]:
    if exported.is_file() and exported.suffix == ".gguf":
        from assistant.errors import EngineError
        from assistant.generation.gguf_check import check_gguf

        try:
            check_gguf(exported)
        except EngineError as error:
            raise RunError(str(error)) from error
        return exported.parent, [exported.name]
    if not exported.is_dir():
        raise RunError(f"There is no exported model in {exported}. Export one first.")
    names = [path.name for path in model_files(exported)]
    return exported, [*names, *([CARD] if (exported / CARD).is_file() else [])]


def _hub(token: str) -> HubApi:
    from huggingface_hub import HfApi

    api: HubApi = HfApi(token=token)
    return api
