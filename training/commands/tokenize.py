"""`tokenize --data SET_OR_TEXT... --out DIR`: a new tokenizer or a base's with more words, measured."""

from __future__ import annotations

import argparse
import threading
from collections.abc import Callable
from concurrent.futures import Future, wait
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from training.commands.console import DONE, STOPPED, Console
from training.errors import BadConfigError

if TYPE_CHECKING:
    from training.tokenizers import Compared, OnRead, TrainTexts

_Made = TypeVar("_Made")
_NEW = ("kind", "size", "lowercase", "special")


class _StoppedError(Exception):
    """It was asked to stop."""


def register(commands: Any) -> argparse.ArgumentParser:
    """Add the parser."""
    parser: argparse.ArgumentParser = commands.add_parser("tokenize", help="text -> a tokenizer")
    parser.add_argument(
        "--data", nargs="+", type=Path, required=True, metavar="SET_OR_TEXT", help="prepared sets, text files"
    )
    parser.add_argument("--out", type=Path, required=True, help="the tokenizer's new folder")
    parser.add_argument("--kind", help="bpe (if none is given), wordpiece or unigram")
    parser.add_argument("--size", type=int, help="entries, 1000 to 50000; 8000 if none is given")
    parser.add_argument("--lowercase", action="store_true", default=None, help="drop case")
    parser.add_argument(
        "--special", help="special tokens: gpt, bert or t5; if none is given, as the kind has"
    )
    parser.add_argument(
        "--compare",
        action="append",
        default=[],
        metavar="BASE",
        help="gpt, bert, a folder, an id; repeatable",
    )
    parser.add_argument("--extend", metavar="BASE", help="add words to this tokenizer instead")
    parser.add_argument("--count", type=int, help="how many words to add; 500 if none is given")
    parser.add_argument("--sentence", default="", help="show how each cuts this")
    parser.set_defaults(run=run)
    return parser


def run(arguments: argparse.Namespace, console: Console) -> int:
    """Train or extend, save, measure."""
    from training.tokenizers import TrainTexts, load, save
    from training.tokenizers.storage import check_new

    _check_options(arguments)
    check_new(arguments.out)
    texts = TrainTexts.open(arguments.data, console.safe)
    others = {name: load(name) for name in dict.fromkeys([arguments.extend, *arguments.compare]) if name}
    console.listen()
    size = max(texts.size, 1)

    def follow(step: str, characters: int) -> None:
        if console.stopping.is_set():
            raise _StoppedError
        # When all is read, it is told at once: learning takes long and says nothing itself.
        console.tell(size if step == "learning" else min(characters, size - 1), size, step)

    try:
        tokenizer, lineage = _beside(lambda: _made(arguments, texts, others, follow), console.stopping)
    except _StoppedError:
        console.fail("It was stopped; nothing of it was kept.")
        return STOPPED
    save(tokenizer, arguments.out, lineage)
    console.tell(size, size, "done")
    _report(arguments, console, texts, {arguments.out.name: tokenizer} | others, lineage)
    return DONE


def _beside(work: Callable[[], _Made], stopping: threading.Event) -> _Made:
    """Do the work beside the main thread, which alone hears signals and would be deaf while a library learns.

    Raises:
        _StoppedError: it was asked to stop; what is under way ends with the process.
    """
    future: Future[_Made] = Future()

    def go() -> None:
        try:
            future.set_result(work())
        except BaseException as error:  # noqa: BLE001 - raised again where it is waited for
            future.set_exception(error)

    threading.Thread(target=go, daemon=True).start()
    while not wait([future], timeout=0.1).done:
        if stopping.is_set():
            raise _StoppedError
    return future.result()


def _check_options(arguments: argparse.Namespace) -> None:
    """Refuse options that would say nothing."""
    if arguments.extend is None and arguments.count is not None:
        raise BadConfigError("--count is how many words --extend adds. Give --extend too.")
    given = [name for name in _NEW if getattr(arguments, name) is not None]
    if arguments.extend is not None and given:
        raise BadConfigError(f"--{given[0]} is for a new tokenizer; --extend keeps what the base has.")


def _made(
    arguments: argparse.Namespace, texts: TrainTexts, others: dict[str, Any], follow: OnRead
) -> tuple[Any, dict[str, Any]]:
    """The tokenizer, and what it was made from."""
    from training.tokenizers import TokenizerSettings, extend, train_tokenizer

    if arguments.extend is not None:
        count = 500 if arguments.count is None else arguments.count
        tokenizer, added = extend(others[arguments.extend], texts, count, follow)
        made: dict[str, Any] = {"base": arguments.extend, "added": list(added)}
    else:
        values = {name: getattr(arguments, name) for name in _NEW}
        settings = TokenizerSettings(**{name: value for name, value in values.items() if value is not None})
        tokenizer = train_tokenizer(texts, settings, follow)
        made = {"settings": settings.to_json()}
    return tokenizer, made | {"texts": texts.lineage(), "vocabulary": len(tokenizer)}


def _report(
    arguments: argparse.Namespace,
    console: Console,
    texts: TrainTexts,
    tokenizers: dict[str, Any],
    lineage: dict[str, Any],
) -> None:
    from training.tokenizers import compare

    held_out = any(data.counts["held_out"] for data in texts.sets)
    rows = compare(tokenizers, texts.held_out if held_out else texts, arguments.sentence)
    result = {
        "folder": str(arguments.out),
        **lineage,
        "measured_on": "held_out" if held_out else "train",
        "rows": [
            {
                "name": row.name,
                "kind": row.kind,
                **row.measured.to_json(),
                "pieces": [vars(piece) for piece in row.pieces],
            }
            for row in rows
        ],
    }
    console.end(result, _in_words(rows, arguments.out, held_out))


def _in_words(rows: list[Compared], folder: Path, held_out: bool) -> str:
    wide = max(len(row.name) for row in rows)
    lines = [
        f"The tokenizer is in {folder}. Measured on {'held-out' if held_out else 'the same'} text of "
        f"{rows[0].measured.words:,} words:",
        f"{'':{wide}}  {'entries':>8} {'used':>6}  tokens/word  bytes/token  unknown",
    ]
    for row in rows:
        found = row.measured
        lines.append(
            f"{row.name:{wide}}  {found.vocabulary:>8,} {found.vocabulary_used_share:>6.1%}  "
            f"{found.fertility:>11.3f}  {found.bytes_per_token:>11.3f}  {found.unknown_rate:>7.2%}"
        )
    lines += [
        f"{row.name:{wide}}  {'|'.join(piece.text for piece in row.pieces)}" for row in rows if row.pieces
    ]
    return "\n".join(lines)
