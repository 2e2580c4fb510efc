"""What lies on the disk in plain while somebody is here, what they may take along, and what stays of them."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

from tests.app.served import ROOT

MARKER = "Schwabing tremor ward seven"


@pytest.fixture(scope="module")
def told() -> dict[str, Any]:
    printed = subprocess.run(
        [sys.executable, "-m", "tests.app.remains"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert printed.returncode == 0, printed.stderr
    return dict(json.loads(printed.stdout.splitlines()[-1]))


@pytest.mark.parametrize("name", ["ada", "bob"])
def test_no_upload_is_on_the_disk_in_plain_nor_what_becomes_of_it(told: dict[str, Any], name: str) -> None:
    for stage in ("uploaded", "asked", "handed over", "prepared, lying in plain"):
        assert told[f"{name}: {stage}"] == [], stage
    assert told[f"{name}: reads it again"] == [200, True]


@pytest.mark.parametrize("name", ["ada", "bob"])
def test_an_upload_reaches_its_reader_and_is_gone(told: dict[str, Any], name: str) -> None:
    assert told[f"{name}: the note arrived"] and told[f"{name}: the upload is gone"]
    assert told[f"{name}: prepared"] == ["done", ""]
    assert told[f"{name}: both uploads are gone"]


def test_a_person_takes_all_of_the_own_data_along_and_nobody_elses(told: dict[str, Any]) -> None:
    status, headers = told["export"]
    assert (status, headers["cache-control"], headers["content-type"]) == (200, "no-store", "application/zip")
    assert headers["content-disposition"].startswith("attachment; filename=")
    files = told["exported"]
    assert sorted(files) == [
        "README.txt",
        "account.json",
        "conversations.json",
        "lab-results.json",
        "studio/sets/my-text.jsonl",
        "studio/studio.json",
        "trail.json",
    ]
    assert not any("bob" in content for content in files.values())
    (turn,) = json.loads(files["conversations.json"])
    assert MARKER in turn["note"] and turn["answer"]
    account = json.loads(files["account.json"])
    assert account["name"] == "ada"
    assert account["consents"][0]["edition"] == 1 and account["passkeys"][0]["name"] == "adas laptop"
    assert [one["lesson"] for one in json.loads(files["lab-results.json"])] == ["hashing"]
    studio = json.loads(files["studio/studio.json"])
    assert [one["name"] for one in studio["data sets"]] == ["my-text"]
    texts = [json.loads(line)["text"] for line in files["studio/sets/my-text.jsonl"].splitlines()]
    assert len(texts) == 2 and all(MARKER in one for one in texts)
    assert "data-exported" in [one["what"] for one in json.loads(files["trail.json"])]


def test_a_deleted_person_leaves_nothing_but_the_trail(told: dict[str, Any]) -> None:
    assert told["before"], "before, there was something"
    status, page = told["deleted"]
    assert status == 200 and "ada is deleted" in page
    assert 'role="alert"' not in page, "all of it went at once"
    assert "backups" in page and "the trail" in page
    assert told["ada: deleted"] == []
    noted = {"accounts_uncleared": 1}  # by her id alone, until she was cleared a second time
    assert told["rows of ada"] == noted and told["her folders"] == []
    assert told["her upload is gone"] and not told["her id in the queue"]
    assert told["her session"] == 401
    assert told["trail entries"] >= 1


def test_what_is_anothers_is_untouched(told: dict[str, Any]) -> None:
    assert told["bob's"] == [1, 1, 1]
