"""The upload folder: what the app needs, the README and requirements of a Space, and nothing else."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path

from tools.space.errors import BadInputError, UnfitFolderError
from tools.space.metadata import Metadata, read_metadata
from tools.space.rules import ATTRIBUTES, SpaceFile, attributes, check_folder, listed

FOLDERS = ("assistant", "security", "training", "ui")
MODULES = ("app.py", "app_settings.py", "personal_data.py")
PARTS = ("LICENSE", *MODULES, *FOLDERS)
REQUIREMENTS = ("requirements.txt", "requirements-weights.txt", "requirements-space.txt")
README = "README.md"
# The wheels for CPUs alone: the ones on PyPI bring some 3 GB of CUDA that cpu-basic has no use for.
TORCH_INDEX = "https://download.pytorch.org/whl/cpu"
_GIT_S = 60


def build(root: Path, out: Path, environ: Mapping[str, str]) -> tuple[SpaceFile, ...]:
    """Build the folder of the repository at `root` in `out`, in place of an earlier one; returns its files.

    Only files known to git are copied, as they are in the working tree.

    Raises:
        BadInputError: space.yaml or the requirements can't be used, or `out` holds something else.
        UnfitFolderError: what was built breaks a rule; `out` is as it was.
    """
    metadata = read_metadata(root)
    requirements = space_requirements(root, metadata)
    _check_out(root, out)
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=".space-") as made:
        folder = Path(made) / "space"
        for name in _tracked(root):
            if (root / name).is_symlink():
                raise UnfitFolderError(f"{name} is a link, which may point outside. Replace it by a file.")
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(root / name, folder / name)
        (folder / README).write_text(readme(metadata), "utf-8")
        (folder / REQUIREMENTS[0]).write_text(requirements, "utf-8")
        (folder / ATTRIBUTES).write_text(attributes(listed(folder)), "utf-8")
        files = check_folder(folder, environ)
        if out.exists():
            shutil.rmtree(out)
        folder.rename(out)
    return files


def space_requirements(root: Path, metadata: Metadata) -> str:
    """One requirements.txt for the builder's plain `pip install -r`, every line pinned.

    Raises:
        BadInputError: a file is missing, a line has no pin, or gradio is not the version of space.yaml.
    """
    lines = []
    for name in REQUIREMENTS:
        try:
            text = (root / name).read_text("utf-8")
        except OSError as error:
            raise BadInputError(f"{root / name} can't be read ({error.strerror}).") from error
        lines += [line for line in map(str.strip, text.splitlines()) if line and not line.startswith("#")]
    unpinned = [line for line in lines if "==" not in line]
    if unpinned:
        raise BadInputError(f"These requirements have no pin (==): {', '.join(unpinned)}.")
    version = metadata.front["sdk_version"]
    if f"gradio=={version}" not in lines:
        raise BadInputError(
            f"sdk_version is {version}, but requirements.txt has another gradio. Make them one."
        )
    lines = [f"{line}+cpu" if line.startswith("torch==") else line for line in lines]
    return "\n".join([f"--extra-index-url {TORCH_INDEX}", *lines, ""])


def readme(metadata: Metadata) -> str:
    """The Space's README: front matter, and what whoever runs it has to know."""
    tables = "\n".join(
        f"## {title}\n\n" + "".join(f"- `{name}`: {text}\n" for name, text in table.items())
        for title, table in (
            ("Secrets", metadata.secrets),
            ("Variables", metadata.variables),
            ("Hardware", metadata.hardware),
        )
    )
    return f"""{metadata.front_matter()}
# {metadata.front["title"]}

A medical assistant that marks facts, explains them from a small library and ties every sentence to its
evidence, behind a password and a second factor. It explains and informs; it is no medical device, makes
mistakes and replaces no doctor. **Put no real patient's text on a Space.** Whoever runs the machine can read
what runs on it.

1. Set both secrets below in the Space's settings.
2. Attach storage at `/data`. Without it everything, the administrator too, is lost at each restart, and
   whoever has the set-up token can create a new one.
3. Open `/setup?token=` followed by your `ASKLEPION_SETUP_TOKEN` in a tab of its own. It works until there is
   an administrator.

{tables}"""


def _tracked(root: Path) -> list[str]:
    """The files of PARTS that git knows. One that it doesn't know may be a secret, or be missing later."""
    names = _git_lists(root)
    if "app.py" not in names:
        raise BadInputError(f"{root} is no git checkout of the app; git tells which files may leave.")
    strange = _git_lists(root, "--others", "--exclude-standard")
    if strange:
        raise BadInputError(f"git does not know {strange[0]}. Add it, or move it away, and build again.")
    gone = [name for name in names if not (root / name).exists()]
    if gone:
        raise BadInputError(f"git knows {gone[0]}, but it is not there. Restore it, or tell git.")
    return names


def _git_lists(root: Path, *options: str) -> list[str]:
    command = ["git", "-C", str(root), "ls-files", "-z", *options, "--", *PARTS]
    try:
        ended = subprocess.run(command, capture_output=True, text=True, check=False, timeout=_GIT_S)  # noqa: S603
    except OSError as error:
        raise BadInputError(
            f"git can't be run ({error.strerror}); it tells which files may leave."
        ) from error
    return [name for name in ended.stdout.split("\0") if name] if ended.returncode == 0 else []


def _check_out(root: Path, out: Path) -> None:
    if out.resolve() == root.resolve() or out.resolve() in root.resolve().parents:
        raise BadInputError(f"{out} holds the repository. Choose another folder for --out.")
    if out.exists() and not (out.is_dir() and (not any(out.iterdir()) or _is_build(out))):
        raise BadInputError(
            f"{out} holds something else than an earlier build. Choose another folder for --out."
        )


def _is_build(folder: Path) -> bool:
    return (
        all((folder / name).is_file() for name in (README, ATTRIBUTES, "app.py"))
        and not (folder / ".git").exists()
    )
