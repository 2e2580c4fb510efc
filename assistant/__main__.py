"""The assistant from a shell: extract, ask, deidentify, and training and scoring of its heads.

Exit codes: 0 done, 1 something here is broken (weights, engine), 2 what was given can't be used.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import TextIO

from assistant.documents import MAX_BYTES, read_note, within_limit
from assistant.errors import AssistantError, BadInputError, CorpusError
from assistant.types import Checked, Done, Extracted, Finding, Passage, Retrieved, Token, Triage, Triaged


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code."""
    arguments = _parser().parse_args(argv)
    try:
        code: int = arguments.run(arguments)
    except (BadInputError, CorpusError) as error:
        print(f"{arguments.command}: {error}", file=sys.stderr)
        return 2
    except AssistantError as error:
        print(f"{arguments.command}: {error}", file=sys.stderr)
        return 1
    except BrokenPipeError:
        # The reader (head, less) has what it wanted.
        sys.stderr.close()
        return 0
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m assistant", description="Extract, ask and score on your own machine."
    )
    commands = parser.add_subparsers(dest="command", required=True)

    extract = commands.add_parser("extract", help="mark the medical facts of a text")
    extract.add_argument("file", nargs="?", type=Path, help="a text or PDF file; standard input if left out")
    extract.add_argument("--json", action="store_true", help='print {"findings": [...]}')
    extract.set_defaults(run=_extract)

    ask = commands.add_parser("ask", help="ask a question, with or without a note")
    ask.add_argument("question")
    ask.add_argument("--note", type=Path, help="a text or PDF file that the question is about")
    ask.add_argument("--json", action="store_true", help="print the whole result as one JSON object")
    ask.set_defaults(run=_ask)

    score = commands.add_parser("score-ner", help="strict entity scores on a two-column IOB file")
    score.add_argument("file", type=Path, help="token TAB tag, blank line between sentences")
    score.add_argument(
        "--map",
        action="append",
        default=[],
        metavar="OURS=FILES",
        help="count our label as one of the file's; repeatable",
    )
    score.add_argument(
        "--weights", type=Path, help="a folder from train-ner; the committed weights by default"
    )
    score.set_defaults(run=_score)

    train = commands.add_parser("train-ner", help="train the extractor anew")
    train.add_argument("--data", type=Path, required=True, help="folder with ner/*.tsv and maccrobat/")
    train.add_argument("--out", type=Path, required=True, help="folder for model.safetensors and config.json")
    train.add_argument("--epochs", type=int, default=None)
    train.add_argument("--seed", type=int, default=None)
    train.set_defaults(run=_train)

    split = commands.add_parser("split-maccrobat", help="write the held-out MACCROBAT documents as IOB")
    split.add_argument("--data", type=Path, required=True, help="folder with maccrobat/")
    split.add_argument("--label", action="append", required=True, help="a label to write; repeatable")
    split.add_argument("--out", type=Path, required=True, help="the TSV file to write")
    split.set_defaults(run=_split)

    from assistant.extraction.deidentify import commands as deidentify

    deidentify.register(commands, _read)
    return parser


def _read(path: Path | None, stdin: TextIO | None = None) -> str:
    if path is not None:
        return read_note(path)
    stream = (stdin or sys.stdin).buffer
    content = stream.read(MAX_BYTES + 1)
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise BadInputError("What came on standard input is not UTF-8 text. Give a file instead.") from error
    if "\0" in text:
        raise BadInputError("What came on standard input is a binary file. Give text, or a PDF as a file.")
    if not text.strip():
        raise BadInputError("There is no text. Name a file, or send text on standard input.")
    return within_limit(text, "Standard input")


def _extract(arguments: argparse.Namespace) -> int:
    from assistant.extraction.extractor import Extractor

    findings = Extractor.load().findings(_read(arguments.file))
    if arguments.json:
        print(json.dumps({"findings": [finding.as_json() for finding in findings]}, ensure_ascii=False))
        return 0
    for finding in findings:
        where = f"{finding.start}-{finding.end}"
        shown = " ".join(finding.text.split())
        print(f"{where:>13}  {finding.label:<22} {finding.assertion:<12} {finding.confidence:.2f}  {shown}")
    print(f"{len(findings)} findings", file=sys.stderr)
    return 0


def _ask(arguments: argparse.Namespace) -> int:
    from assistant.build import load_assistant
    from assistant.pipeline import Question

    question = Question(arguments.question, read_note(arguments.note) if arguments.note else "")
    assistant = load_assistant()
    stop = threading.Event()
    signal.signal(signal.SIGINT, lambda *_: stop.set())
    findings: tuple[Finding, ...] = ()
    passages: tuple[Passage, ...] = ()
    triage, done, checks = Triage(), None, Checked(())
    for event in assistant.answer(question, stop):
        match event:
            case Triaged():
                triage = event.triage
                if triage.advice and not arguments.json:
                    print(f"{triage.level.upper()}: {triage.advice}\n", flush=True)
            case Extracted():
                findings = event.findings  # the note's come last, and are what offsets refer to
            case Retrieved():
                passages = event.passages
            case Token() if not arguments.json:
                print(event.text, end="", flush=True)
            case Checked():
                checks = event
            case Done():
                done = event
    assistant.engine.close()
    assert done is not None  # the pipeline always ends with it
    if arguments.json:
        print(json.dumps(_as_json(done, findings, passages, triage), ensure_ascii=False))
        return 0
    _print_support(done, passages, checks)
    return 0


def _as_json(
    done: Done, findings: Sequence[Finding], passages: Sequence[Passage], triage: Triage
) -> dict[str, object]:
    return {
        "answer": done.answer,
        "findings": [finding.as_json() for finding in findings],
        "passages": [passage.as_json() for passage in passages],
        "triage": {"level": triage.level, "reasons": list(triage.reasons)},
        "model": done.model,
        "timings": {"first_token_s": done.timings.first_token_s, "tokens_per_s": done.timings.tokens_per_s},
    }


def _print_support(done: Done, passages: Sequence[Passage], checks: Checked) -> None:
    print("\n")
    for passage in passages:
        print(f"[{passage.id}] {passage.title} ({passage.source})")
    for sentence in checks.sentences:
        if sentence.kind == "unsupported":
            print(f"Not supported by the library or your text: {sentence.text.strip()}")
    timings = done.timings
    print(
        f"{done.model}, {timings.tokens_per_s} tokens/s, first token after {timings.first_token_s} s",
        file=sys.stderr,
    )


def _renames(pairs: Sequence[str]) -> dict[str, str]:
    renames = {}
    for pair in pairs:
        ours, equals, theirs = pair.partition("=")
        if not (ours and equals and theirs):
            raise BadInputError(
                f"--map takes OURS=FILES, for example Disease_disorder=Disease; it was {pair!r}."
            )
        renames[ours] = theirs
    return renames


def _score(arguments: argparse.Namespace) -> int:
    from assistant.extraction import scoring
    from assistant.extraction.corpora import read_iob
    from assistant.extraction.extractor import Extractor
    from assistant.extraction.tagger import WEIGHTS

    renames = _renames(arguments.map)
    document = read_iob(arguments.file)
    extractor = Extractor.load(arguments.weights or WEIGHTS)
    unknown = sorted(set(renames) - set(extractor.labels))
    if unknown:
        raise BadInputError(
            f"--map: the extractor has no label {unknown[0]}. It has: {', '.join(extractor.labels)}."
        )
    print(json.dumps(scoring.score(document, extractor.layers, renames)))
    return 0


def _train(arguments: argparse.Namespace) -> int:
    from dataclasses import replace

    from assistant.extraction import fit

    recipe = fit.Recipe()
    given = {
        name: getattr(arguments, name) for name in ("epochs", "seed") if getattr(arguments, name) is not None
    }
    print(
        fit.train(
            arguments.data,
            arguments.out,
            replace(recipe, **given),
            report=lambda line: print(line, flush=True),
        )
    )
    return 0


def _split(arguments: argparse.Namespace) -> int:
    from assistant.extraction import corpora, fit

    recipe = fit.Recipe()
    _, held_out = fit.split_brat(arguments.data / "maccrobat", recipe.held_out, recipe.seed)
    try:
        arguments.out.write_text(corpora.as_iob(held_out, set(arguments.label)), encoding="utf-8")
    except OSError as error:
        raise BadInputError(f"{arguments.out} can't be written: {error.strerror or error}.") from error
    print(f"{len(held_out)} documents: {', '.join(document.name for document in held_out)}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
