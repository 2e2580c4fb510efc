"""Files of users, under whatever name, are stored where we say and come back as files, never as pages."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from typing import Any

import pytest

from tests.app.served import ROOT


@pytest.fixture(scope="module")
def found() -> dict[str, Any]:
    printed = subprocess.run(
        [sys.executable, "-m", "tests.app.downloads"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert printed.returncode == 0, printed.stderr
    return dict(json.loads(printed.stdout.splitlines()[-1]))


def test_what_could_run_is_handed_out_as_a_file_to_keep(found: dict[str, Any]) -> None:
    for case in ("page", "picture", "program", "quoted"):
        answer = found["files"][case]
        headers = answer["headers"]
        assert answer["status"] == 200
        assert answer["same"], f"{case} was handed out whole, not run"
        assert headers["content-disposition"].startswith("attachment; filename"), case
        assert headers["content-type"] == "application/octet-stream", case


def test_opened_as_a_page_a_file_can_do_nothing(found: dict[str, Any]) -> None:
    stored = [answer["headers"] for answer in found["files"].values() if answer["stored"]]
    assert len(stored) == len(found["files"])
    for headers in stored:
        policy = headers["content-security-policy"].split("; ")
        assert {"default-src 'none'", "object-src 'none'", "base-uri 'none'"} <= set(policy)
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cross-origin-resource-policy"] == "same-origin"
        assert headers["content-type"].partition(";")[0] == "application/octet-stream"


def test_no_name_leads_out_of_the_upload_folder(found: dict[str, Any]) -> None:
    files = found["files"]
    assert files["text"]["stored"]
    for case, answer in files.items():
        assert answer["inside"] or not answer["stored"], case
    assert found["outside"] == []


def test_a_name_is_told_whole_and_writes_no_header(found: dict[str, Any]) -> None:
    stored = {case: answer["headers"] for case, answer in found["files"].items() if answer["stored"]}
    assert {"quoted", "broken", "unicode"} <= set(stored)
    for case, headers in stored.items():
        told = headers["content-disposition"]
        assert re.fullmatch(r"attachment; filename\*=UTF-8''[A-Za-z0-9%._-]+", told), case
        assert "set-cookie" not in headers
    assert stored["climbing"]["content-disposition"].endswith("''climbing.txt")
    assert stored["unicode"]["content-disposition"].endswith("''Gr%C3%B6%C3%9Fe%20%E6%B0%B4.txt")


def test_gradios_page_has_no_base_and_may_get_none(found: dict[str, Any]) -> None:
    assert not found["front"]["base"]
    parts = found["front"]["policy"].split("; ")
    assert {"base-uri 'none'", "object-src 'none'", "frame-ancestors 'self'"} <= set(parts)
