"""`python -m tools.space build | try | publish`. Exit code 2: what was given can't be used; 1: it failed."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from tools.space.build import build
from tools.space.errors import BadInputError, SpaceError
from tools.space.metadata import read_metadata
from tools.space.publish import HubApi, plan, publish
from tools.space.rules import SpaceFile
from tools.space.trial import SETTLE_S, attempt

ROOT = Path(__file__).parent.parent.parent
OUT = Path("build/space")
_HEALTH_S = 30


def main(arguments: Sequence[str] | None = None, environ: Mapping[str, str] | None = None) -> int:
    """The shell's entrance; returns the exit code."""
    given = os.environ if environ is None else environ
    options = _parser().parse_args(arguments)
    try:
        if options.command == "build":
            print(_sizes(build(ROOT, options.out, given)))
        elif options.command == "try":
            _try(options.out, options.port, options.settle, given)
        else:
            _publish(options, given)
    except BadInputError as error:
        print(error, file=sys.stderr)
        return 2
    except SpaceError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tools.space", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    builder = commands.add_parser("build", help="make the folder that is uploaded")
    trial = commands.add_parser("try", help="start that folder as a Space does, sign in, measure")
    publisher = commands.add_parser("publish", help="upload it; HF_TOKEN and the secrets come from variables")
    for command in (builder, trial, publisher):
        command.add_argument("--out", type=Path, default=OUT, help="the folder; build/space if left out")
    trial.add_argument("--port", type=int, default=7860)
    trial.add_argument("--settle", type=float, default=SETTLE_S, help="seconds without growth of its memory")
    publisher.add_argument("--space", required=True, help="USER/NAME")
    publisher.add_argument("--public", action="store_true", help="a new Space is private without it")
    publisher.add_argument("--dry-run", action="store_true", help="print what would be done, send nothing")
    return parser


def _sizes(files: Sequence[SpaceFile]) -> str:
    lines = [f"{file.size:>11,}  LFS  {file.path}" for file in files if file.lfs]
    return "\n".join([*lines, f"{sum(file.size for file in files):>11,}       {len(files)} files in all"])


def _try(folder: Path, port: int, settle: float, environ: Mapping[str, str]) -> None:
    found = attempt(folder, port, environ, settle)
    print(
        f"/login after {found.login_s:.2f} s, the rooms after {found.rooms_s:.1f} s, at most "
        f"{found.peak_bytes / 1e9:.2f} GB of memory; a question in a shell "
        f"{found.answer_s:.1f} s; as user {found.uid} ({found.how})."
    )


def _publish(options: argparse.Namespace, environ: Mapping[str, str]) -> None:
    metadata = read_metadata(ROOT)
    todo = plan(options.out, metadata, options.space, environ, private=not options.public)
    print(todo.text())
    if options.dry_run:
        return
    token = environ.get("HF_TOKEN", "")
    if not token:
        raise BadInputError("HF_TOKEN must hold a token with the right to write to the Space.")

    def fetch(address: str) -> int:
        # The hub's proxy wants the owner's token for a private Space; a public one has no business with it.
        return _status(address, {} if options.public else {"authorization": f"Bearer {token}"})

    address = publish(
        options.out, metadata, todo, environ, hub=_hub(token), fetch=fetch, sleep=time.sleep, say=print
    )
    print(f"The Space answers at {address}")


def _hub(token: str) -> HubApi:
    from huggingface_hub import HfApi

    api: HubApi = HfApi(token=token)
    return api


def _status(address: str, headers: Mapping[str, str]) -> int:
    """The status of an address. No redirect is followed."""
    import httpx2

    return httpx2.get(address, headers=headers, timeout=_HEALTH_S, follow_redirects=False).status_code


if __name__ == "__main__":
    sys.exit(main())
