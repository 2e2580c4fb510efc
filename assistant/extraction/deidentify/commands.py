"""`deidentify`, `score-deid` and `train-deid` for `python -m assistant`: arguments in, lines out."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from assistant.extraction.deidentify.identifiers import MODES


def register(commands: Any, read: Callable[[Path | None], str]) -> None:
    """Add the three commands. `read` turns a file, or None for standard input, into text."""
    take_out = commands.add_parser("deidentify", help="take the identifiers out of a text (not anonymous!)")
    take_out.add_argument("file", nargs="?", type=Path, help="a text or PDF file; standard input if left out")
    take_out.add_argument("--mode", choices=MODES, default="mask", help="mask, surrogate, or shift dates")
    take_out.add_argument("--key-file", type=Path, help="a file with the secret key; a fresh key if left out")
    take_out.add_argument("--rules-only", action="store_true", help="without the learned head")
    take_out.add_argument("--json", action="store_true", help='print {"text", "counts", "identifiers"}')
    take_out.set_defaults(run=lambda arguments: _deidentify(arguments, read))

    score = commands.add_parser("score-deid", help="score de-identification on synthetic held-out texts")
    score.add_argument("--seed", type=int, default=1)
    score.add_argument("--count", type=int, default=300, help="texts")
    score.add_argument("--part", choices=("held_out", "development"), default="held_out")
    score.add_argument("--weights", type=Path, help="a folder from train-deid; the committed ones by default")
    score.add_argument("--rules-only", action="store_true", help="without the learned head")
    score.add_argument("--json", action="store_true")
    score.set_defaults(run=_score)

    train = commands.add_parser("train-deid", help="train the de-identification head anew")
    train.add_argument("--out", type=Path, required=True, help="folder for model.safetensors and config.json")
    train.add_argument(
        "--data", type=Path, help="folder with maccrobat/ and medquad/, texts that name nobody"
    )
    train.add_argument("--epochs", type=int, default=None)
    train.add_argument("--texts", type=int, default=None, help="synthetic texts an epoch")
    train.add_argument("--seed", type=int, default=None)
    train.set_defaults(run=_train)


def _deidentify(arguments: argparse.Namespace, read: Callable[[Path | None], str]) -> int:
    from assistant.errors import BadInputError
    from assistant.extraction.deidentify import Deidentifier

    text, key = read(arguments.file), b""
    if arguments.key_file is not None:
        try:
            key = arguments.key_file.read_bytes().strip()
        except OSError as error:
            raise BadInputError(f"{arguments.key_file} can't be read: {error.strerror or error}.") from error
        if len(key) < 16:
            raise BadInputError(f"{arguments.key_file} must hold at least 16 bytes; it holds {len(key)}.")
    done = (Deidentifier() if arguments.rules_only else Deidentifier.load()).apply(text, arguments.mode, key)
    if arguments.json:
        found = [one.as_json() for one in done.identifiers]
        print(
            json.dumps({"text": done.text, "counts": done.counts, "identifiers": found}, ensure_ascii=False)
        )
        return 0
    print(done.text)
    told = ", ".join(f"{count} {kind}" for kind, count in sorted(done.counts.items())) or "nothing"
    print(
        f"Found {told}. What was missed is still in the text: read it before you pass it on.", file=sys.stderr
    )
    return 0


def _score(arguments: argparse.Namespace) -> int:
    from assistant.extraction.deidentify import Deidentifier, evaluation
    from assistant.extraction.deidentify.head import WEIGHTS
    from assistant.extraction.deidentify.synthetic import World

    samples = World(arguments.part, arguments.seed).samples(arguments.count)
    tool = Deidentifier() if arguments.rules_only else Deidentifier.load(arguments.weights or WEIGHTS)
    result = evaluation.score(samples, tool.find)
    if arguments.json:
        print(json.dumps(result.as_json()))
        return 0
    print(f"{'':<16}{'spans':>7}{'recall':>9}{'same kind':>11}{'precision':>11}")
    for group, count in result.groups.items():
        row = count.as_json()
        shares = [row[name] for name in ("recall", "recall_same_kind", "precision")]
        shown = ["-" if share is None else f"{share:.3f}" for share in shares]
        print(f"{group:<16}{count.gold:>7}{shown[0]:>9}{shown[1]:>11}{shown[2]:>11}")
    taken = result.taken / max(1, result.innocent)
    print(f"{result.documents} texts; {taken:.2%} of the characters that identify nobody were taken out too")
    return 0


def _train(arguments: argparse.Namespace) -> int:
    from assistant.extraction.deidentify import fit

    given = {
        name: getattr(arguments, name)
        for name in ("epochs", "texts", "seed")
        if getattr(arguments, name) is not None
    }
    recipe = replace(fit.Recipe(), **given)
    print(fit.train(arguments.out, recipe, arguments.data, report=lambda line: print(line, flush=True)))
    return 0
