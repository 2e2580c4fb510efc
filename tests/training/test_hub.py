"""Onto the hub: what is sent, to whom, and what never is. The hub is a fake that remembers."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.training.finished import lora_run
from training.errors import BadConfigError, RunError
from training.export import export, open_source, push

TOKEN = "hf_abcdefghij"


@dataclass
class FakeHub:
    """Remembers what it was asked; fails with `error` if there is one."""

    error: Exception | None = None
    calls: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    def create_repo(self, **options: Any) -> None:
        self.calls.append(("create_repo", options))

    def upload_folder(self, **options: Any) -> None:
        if self.error:
            raise self.error
        self.calls.append(("upload_folder", options))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, gpt: Path) -> Path:
    root = tmp_path_factory.mktemp("hub")
    return export(open_source(lora_run(root, gpt)), "adapter", root / "out")


def test_the_model_and_its_card_are_sent_and_private(folder: Path) -> None:
    hub = FakeHub()
    assert push(folder, "me/model", TOKEN, api=hub, environ={}) == "https://huggingface.co/me/model"
    (made, how), (sent, what) = hub.calls
    assert (made, how) == ("create_repo", {"repo_id": "me/model", "private": True, "exist_ok": True})
    assert (sent, what["repo_id"], what["folder_path"]) == ("upload_folder", "me/model", str(folder))
    assert set(what["allow_patterns"]) == {path.name for path in folder.iterdir()}
    assert "README.md" in what["allow_patterns"]


def test_public_is_a_choice(folder: Path) -> None:
    hub = FakeHub()
    push(folder, "me/model", TOKEN, private=False, api=hub, environ={"HF_HUB_OFFLINE": "0"})
    assert hub.calls[0][1]["private"] is False


def test_a_gguf_is_sent_without_what_lies_beside_it(gpt: Path, tmp_path: Path) -> None:
    file = export(open_source(lora_run(tmp_path / "runs", gpt)), "gguf", tmp_path / "out" / "m.gguf")
    (file.parent / "notes.txt").write_text("private")
    hub = FakeHub()
    push(file, "me/model", TOKEN, api=hub, environ={})
    assert hub.calls[1][1]["allow_patterns"] == ["m.gguf"]
    (file.parent / "bad.gguf").write_bytes(b"cos\nsystem")
    with pytest.raises(RunError, match="not a GGUF"):
        push(file.parent / "bad.gguf", "me/model", TOKEN, api=hub, environ={})


@pytest.mark.parametrize("value", ["1", "true", "ON", "yes"])
def test_a_machine_that_is_to_stay_offline_sends_nothing(folder: Path, value: str) -> None:
    hub = FakeHub()
    with pytest.raises(RunError, match="HF_HUB_OFFLINE is set"):
        push(folder, "me/model", TOKEN, api=hub, environ={"HF_HUB_OFFLINE": value})
    assert hub.calls == []


def test_what_is_no_exported_model_does_not_leave(folder: Path, tmp_path: Path) -> None:
    hub = FakeHub()
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "metrics.jsonl").write_text("{}")
    for place in (tmp_path / "run", tmp_path / "nothing"):
        with pytest.raises(RunError):
            push(place, "me/model", TOKEN, api=hub, environ={})
    assert hub.calls == []


@pytest.mark.parametrize("repo", ["", "model", "a/b/c", "../x/y", "me/mo del", "me/"])
def test_what_is_no_repository_is_refused(folder: Path, repo: str) -> None:
    with pytest.raises(BadConfigError, match="OWNER/NAME"):
        push(folder, repo, TOKEN, api=FakeHub(), environ={})


def test_no_token_is_said(folder: Path) -> None:
    with pytest.raises(BadConfigError, match="needs a token"):
        push(folder, "me/model", " ", api=FakeHub(), environ={})


@pytest.mark.parametrize(
    "error",
    [
        httpx2.ConnectError(f"no route, Bearer {TOKEN}"),
        OSError(f"403 for {TOKEN}\nmore"),
        ValueError(f"bad {TOKEN}"),
    ],
)
def test_a_refusal_is_one_sentence_without_the_token(folder: Path, error: Exception) -> None:
    with pytest.raises(RunError, match="The hub did not take the model") as caught:
        push(folder, "me/model", TOKEN, api=FakeHub(error), environ={})
    assert TOKEN not in str(caught.value)
    assert "\n" not in str(caught.value)
    assert caught.value.__cause__ is None
