"""Settings on a Hugging Face Space, which SPACE_HOST tells of."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from app_settings import LOST_AT_RESTART, Settings, SettingsError

HOST = "ada-asklepion.hf.space"


@pytest.fixture
def made() -> Iterator[list[Path]]:
    folders: list[Path] = []
    yield folders
    for folder in folders:
        shutil.rmtree(folder)


def test_a_space_has_its_own_defaults(tmp_path: Path) -> None:
    settings = Settings.from_env({"SPACE_HOST": HOST}, disk=tmp_path)
    assert (settings.host, settings.port, settings.data) == ("0.0.0.0", 7860, tmp_path)
    assert settings.public_url == f"https://{HOST}"
    assert settings.frame_ancestors == ("https://huggingface.co",)
    assert settings.notice == ""


def test_what_is_given_goes_before(tmp_path: Path) -> None:
    given = {
        "SPACE_HOST": HOST,
        "ASKLEPION_HOST": "127.0.0.1",
        "ASKLEPION_DATA": str(tmp_path / "mine"),
        "ASKLEPION_PUBLIC_URL": "https://door.example.org",
    }
    settings = Settings.from_env(given, disk=tmp_path)
    assert (settings.host, settings.data) == ("127.0.0.1", tmp_path / "mine")
    assert settings.public_url == "https://door.example.org"


def test_without_storage_it_says_that_everything_will_be_lost(tmp_path: Path, made: list[Path]) -> None:
    for _ in range(2):
        settings = Settings.from_env({"SPACE_HOST": HOST}, disk=tmp_path / "none")
        made.append(settings.data)
        assert settings.notice == LOST_AT_RESTART
        assert settings.data.stat().st_mode & 0o777 == 0o700
    assert made[0] != made[1]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_storage_that_cant_be_written_to_is_none(tmp_path: Path, made: list[Path]) -> None:
    tmp_path.chmod(0o555)
    made.append(Settings.from_env({"SPACE_HOST": HOST}, disk=tmp_path).data)
    assert made[0] != tmp_path


def test_elsewhere_nothing_changes(tmp_path: Path) -> None:
    settings = Settings.from_env({"HOME": str(tmp_path)}, disk=tmp_path)
    assert (settings.host, settings.data) == ("127.0.0.1", tmp_path / ".asklepion")
    assert (settings.public_url, settings.frame_ancestors, settings.notice) == (None, (), "")


@pytest.mark.parametrize("host", ["evil.example/x", "https://a.hf.space", "a b.hf.space", "nodots", "a;b.c"])
def test_a_host_that_is_none_is_named(host: str) -> None:
    with pytest.raises(SettingsError, match="SPACE_HOST"):
        Settings.from_env({"SPACE_HOST": host})
