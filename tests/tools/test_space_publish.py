"""Onto the hub: what is sent, in which order, and what never is. The hub is a fake that remembers."""

from __future__ import annotations

import socket
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx2
import pytest

from tools.space.__main__ import main
from tools.space.build import build
from tools.space.errors import BadInputError, PublishError
from tools.space.metadata import read_metadata
from tools.space.publish import Plan, plan, publish

ROOT = Path(__file__).parent.parent.parent
SPACE = "ada/asklepion"
KEY = "QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUE="
TOKEN = "hf_abcdefghijklmnop"
ENVIRON = {"ASKLEPION_KEY": KEY, "ASKLEPION_QUOTA_GB": "5", "HF_TOKEN": TOKEN}
METADATA = read_metadata(ROOT)


class Stage(StrEnum):
    """The stages as the hub's client has them: an enumeration of text."""

    BUILDING = "BUILDING"
    APP_STARTING = "APP_STARTING"
    RUNNING = "RUNNING"
    BUILD_ERROR = "BUILD_ERROR"


@dataclass
class FakeHub:
    """Remembers what it was asked, goes through `stages`; fails with `error` if there is one."""

    stages: list[Stage] = field(default_factory=lambda: [Stage.BUILDING, Stage.APP_STARTING, Stage.RUNNING])
    host: str = "https://ada-asklepion.hf.space"
    error: Exception | None = None
    calls: list[tuple[str, tuple[Any, ...], dict[str, Any]]] = field(default_factory=list)

    def _note(self, name: str, *given: Any, **options: Any) -> None:
        self.calls.append((name, given, options))

    def create_repo(self, *given: Any, **options: Any) -> None:
        self._note("create_repo", *given, **options)

    def add_space_secret(self, *given: Any, **options: Any) -> None:
        self._note("secret", *given, **options)

    def add_space_variable(self, *given: Any, **options: Any) -> None:
        self._note("variable", *given, **options)

    def upload_folder(self, **options: Any) -> None:
        if self.error:
            raise self.error
        self._note("upload", **options)

    def get_space_runtime(self, repo_id: str) -> Any:
        return SimpleNamespace(stage=self.stages.pop(0) if len(self.stages) > 1 else self.stages[0])

    def space_info(self, repo_id: str) -> Any:
        return SimpleNamespace(host=self.host)


@dataclass
class Outside:
    """The clock and the web, as `publish` sees them."""

    status: int = 200
    fetched: list[str] = field(default_factory=list)
    slept: list[float] = field(default_factory=list)
    said: list[str] = field(default_factory=list)

    def fetch(self, address: str) -> int:
        self.fetched.append(address)
        return self.status


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("built") / "space"
    build(ROOT, out, {})
    return out


@pytest.fixture(scope="module")
def todo(folder: Path) -> Plan:
    return plan(folder, METADATA, SPACE, ENVIRON)


@pytest.fixture
def send(folder: Path, todo: Plan) -> Callable[[FakeHub, Outside], str]:
    def carry_out(hub: FakeHub, outside: Outside) -> str:
        return publish(
            folder,
            METADATA,
            todo,
            ENVIRON,
            hub=hub,
            fetch=outside.fetch,
            sleep=outside.slept.append,
            say=outside.said.append,
        )

    return carry_out


Send = Callable[[FakeHub, Outside], str]


def test_secrets_come_before_the_files_and_the_space_is_private(folder: Path, send: Send) -> None:
    hub, outside = FakeHub(), Outside()
    assert send(hub, outside) == "https://ada-asklepion.hf.space"
    assert [name for name, _, _ in hub.calls] == ["create_repo", "secret", "variable", "upload"]
    made, secret, variable, sent = hub.calls
    assert made[1] == (SPACE,)
    assert made[2] == {"repo_type": "space", "space_sdk": "gradio", "private": True, "exist_ok": True}
    assert secret[1] == (SPACE, "ASKLEPION_KEY", KEY)
    assert variable[1] == (SPACE, "ASKLEPION_QUOTA_GB", "5")
    assert secret[2] == {"description": METADATA.secrets["ASKLEPION_KEY"]}
    assert (sent[2]["repo_type"], sent[2]["folder_path"]) == ("space", str(folder))
    # Of what the Space's repository has beside ours nothing is deleted.
    assert sent[2]["delete_patterns"] == ["assistant/*", "security/*", "training/*", "ui/*"]
    assert outside.fetched == ["https://ada-asklepion.hf.space/healthz"]
    assert not any(KEY in line or TOKEN in line for line in outside.said)


def test_it_waits_for_the_space_and_says_where_it_is(send: Send) -> None:
    outside = Outside()
    send(FakeHub(stages=[Stage.BUILDING, Stage.BUILDING, Stage.APP_STARTING, Stage.RUNNING]), outside)
    assert outside.slept == [10.0, 10.0, 10.0]
    assert outside.said[1:] == ["BUILDING after 0 s", "APP_STARTING after 20 s", "RUNNING after 30 s"]


@pytest.mark.parametrize(
    ("hub", "outside", "named"),
    [
        (FakeHub(stages=[Stage.BUILDING, Stage.BUILD_ERROR]), Outside(), "stage BUILD_ERROR"),
        (FakeHub(stages=[Stage.BUILDING]), Outside(), "still BUILDING after 1800 s"),
        (FakeHub(), Outside(status=502), "answered 502 instead of 200"),
        (FakeHub(host="https://evil.example.org"), Outside(), "not on hf.space"),
        (FakeHub(host="http://ada-asklepion.hf.space"), Outside(), "not on hf.space"),
    ],
)
def test_a_space_that_does_not_come_up_is_said(
    send: Send, hub: FakeHub, outside: Outside, named: str
) -> None:
    with pytest.raises(PublishError, match=named):
        send(hub, outside)
    # The token goes with the request for the health: to no other address.
    assert outside.fetched == [] or "502" in named


@pytest.mark.parametrize("kind", [httpx2.ConnectError, OSError, ValueError])
def test_a_refusal_is_told_without_the_secrets(send: Send, kind: type[Exception]) -> None:
    with pytest.raises(
        PublishError, match=r"did not take the Space: no: \.\.\. and \.\.\. it is\."
    ) as refused:
        send(FakeHub(error=kind(f"no: {TOKEN} and {KEY} it is\nRequest ID 1")), Outside())
    assert refused.value.__suppress_context__


@pytest.mark.parametrize("value", ["1", "true", "ON"])
def test_a_machine_that_is_to_stay_offline_sends_nothing(folder: Path, todo: Plan, value: str) -> None:
    hub, outside = FakeHub(), Outside()
    with pytest.raises(BadInputError, match="HF_HUB_OFFLINE"):
        publish(
            folder,
            METADATA,
            todo,
            ENVIRON | {"HF_HUB_OFFLINE": value},
            hub=hub,
            fetch=outside.fetch,
            sleep=outside.slept.append,
            say=outside.said.append,
        )
    assert (hub.calls, outside.fetched) == ([], [])


@pytest.mark.parametrize(
    "name", ["asklepion", "a/b/c", "../x", "ada/", "/x", "ada/x y", "-a/x", "https://x/y"]
)
def test_what_is_no_name_of_a_space_is_refused(folder: Path, name: str) -> None:
    with pytest.raises(BadInputError, match="USER/NAME"):
        plan(folder, METADATA, name, {})


def test_the_dry_run_says_everything_but_the_secrets_and_opens_no_connection(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a connection was opened")

    monkeypatch.setattr(socket, "socket", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    assert main(["publish", "--out", str(folder), "--space", SPACE, "--dry-run"], ENVIRON) == 0
    said = capsys.readouterr().out
    lines = said.splitlines()
    assert lines[:4] == [
        "Space ada/asklepion (private)",
        "secret ASKLEPION_KEY: set from the environment",
        "secret ASKLEPION_SETUP_TOKEN: left as the Space has it",
        "variable ASKLEPION_QUOTA_GB=5",
    ]
    files = [path for path in folder.rglob("*") if path.is_file()]
    for path in files:
        name = path.relative_to(folder).as_posix()
        (line,) = [line for line in lines if line.endswith(f"  {name}")]
        assert line.split()[0] == f"{path.stat().st_size:,}"
    assert lines[-1].split() == [
        f"{sum(p.stat().st_size for p in files):,}",
        str(len(files)),
        "files",
        "in",
        "all",
    ]
    assert KEY not in said
    assert TOKEN not in said


def test_publishing_needs_a_token(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["publish", "--out", str(folder), "--space", SPACE], {}) == 2
    assert "HF_TOKEN" in capsys.readouterr().err


def test_the_real_client_has_what_is_used_of_it() -> None:
    import inspect

    from huggingface_hub import HfApi

    for name, options in {
        "create_repo": {"repo_type", "space_sdk", "private", "exist_ok"},
        "add_space_secret": {"description"},
        "add_space_variable": {"description"},
        "upload_folder": {"repo_id", "repo_type", "folder_path", "delete_patterns", "commit_message"},
        "get_space_runtime": set(),
        "space_info": set(),
    }.items():
        assert options <= set(inspect.signature(getattr(HfApi, name)).parameters)
