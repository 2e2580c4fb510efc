"""`evaluate --model A [--before B]`: held-out text, tasks, the gate and canaries, side by side."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from training.commands.console import DONE, STOPPED, Console
from training.errors import BadConfigError

if TYPE_CHECKING:
    from training.evaluation import Change, Evaluation, EvaluationOptions
    from training.evaluation.gate import GateResult
    from training.evaluation.options import OnProgress

_SHOWN = 3


class _StoppedError(Exception):
    """It was asked to stop."""


def register(commands: Any) -> argparse.ArgumentParser:
    """Add the parser."""
    parser: argparse.ArgumentParser = commands.add_parser("evaluate", help="a model before and after")
    parser.add_argument(
        "--model", required=True, help="gpt, bert, a folder with a model or an adapter, a GGUF file, a hub id"
    )
    parser.add_argument("--before", metavar="MODEL", help="what it is compared with")
    parser.add_argument("--data", type=Path, metavar="SET", help="a prepared set: its held-out rows")
    parser.add_argument("--rows", type=int, default=0, help="the most held-out rows; 0 means all")
    parser.add_argument("--generate", type=int, default=20, help="the most prompts to answer (sets of pairs)")
    parser.add_argument("--tokens", type=int, default=128, help="the most tokens of an answer")
    parser.add_argument("--context", type=int, default=512, help="the most tokens of an example")
    parser.add_argument("--precision", default="auto", help="auto, fp32 or bf16")
    parser.add_argument("--seed", type=int, default=0, help="of masks and resampling")
    parser.add_argument(
        "--task",
        action="append",
        default=[],
        metavar="NAME=FILE",
        help="wikitext, lambada, sst2, mrpc, cola or rte, with its file; repeatable",
    )
    parser.add_argument("--gate", action="store_true", help="ask the red-flag and refusal cases")
    parser.add_argument("--canaries", type=Path, metavar="FILE", help="measure the exposure of canaries")
    parser.add_argument("--harness", action="append", default=[], metavar="TASK", help=argparse.SUPPRESS)
    parser.set_defaults(run=run)
    return parser


def run(arguments: argparse.Namespace, console: Console) -> int:
    """Evaluate."""
    from training.evaluation import EvaluationOptions

    wanted = (arguments.data, arguments.task, arguments.gate, arguments.canaries, arguments.harness)
    if not any(wanted):
        raise BadConfigError("Nothing to evaluate on. Give --data, --task, --gate or --canaries.")
    options = EvaluationOptions(
        context=arguments.context,
        precision=arguments.precision,
        seed=arguments.seed,
        rows=arguments.rows,
        generate=arguments.generate,
        tokens=arguments.tokens,
    )
    console.listen()
    try:
        result, lines = _evaluate(arguments, options, console)
    except _StoppedError:
        console.fail("The evaluation was stopped.")
        return STOPPED
    console.end(result, "\n".join(lines))
    return DONE


def _evaluate(
    arguments: argparse.Namespace, options: EvaluationOptions, console: Console
) -> tuple[dict[str, Any], list[str]]:
    result: dict[str, Any] = {"model": arguments.model, "before": arguments.before}
    lines: list[str] = []
    for name, part in (("data", _on_data), ("tasks", _on_tasks), ("gate", _at_gate), ("canaries", _canaries)):
        found = part(arguments, options, console)
        if found is not None:
            result[name], told = found
            lines += told
    return result, lines


def _follow(console: Console, model: str) -> OnProgress:
    def follow(done: int, total: int, text: str) -> None:
        if console.stopping.is_set():
            raise _StoppedError
        console.tell(done, max(total, 1), f"{model}: {text}")

    return follow


_Found = tuple[Any, list[str]] | None


def _specs(arguments: argparse.Namespace) -> list[str]:
    """The models, before first."""
    return [spec for spec in (arguments.before, arguments.model) if spec]


def _on_data(arguments: argparse.Namespace, options: EvaluationOptions, console: Console) -> _Found:
    from training.corpus.dataset import DataSet
    from training.evaluation import compare, evaluate

    if arguments.data is None:
        return None
    data = DataSet.open(arguments.data, console.safe)
    found = [evaluate(spec, data, options, _follow(console, spec)) for spec in _specs(arguments)]
    lines = [f"{data.name}: {found[-1].rows} held-out rows, as {found[-1].task}"]
    result: dict[str, Any] = {"evaluations": [evaluation.to_json() for evaluation in found]}
    if len(found) == 2:
        changes = compare(found[0], found[1], options.seed)
        result["changes"] = [asdict(change) for change in changes]
        lines += [_in_words(change) for change in changes]
    else:
        lines += [f"  {name:<16}{value:.4f}" for name, value in found[0].metrics.items()]
    return result, lines + _answers(found)


def _in_words(change: Change) -> str:
    verdict = {True: "better", False: "worse", None: ""}[change.better]
    sure = ""
    if change.interval is not None:
        sure = f"  (95%: {change.interval.low:+.4f} to {change.interval.high:+.4f})"
    values = f"{change.before:.4f} -> {change.after:.4f}  {change.change:+.4f}"
    return f"  {change.metric:<16}{values} {verdict}{sure}".rstrip()


def _answers(found: list[Evaluation]) -> list[str]:
    lines = []
    for group in zip(*(evaluation.answers[:_SHOWN] for evaluation in found), strict=False):
        lines.append(f"  asked: {group[0].question}")
        lines += [
            f"    {evaluation.model}: {answer.answer}"
            for evaluation, answer in zip(found, group, strict=True)
        ]
    return lines


def _on_tasks(arguments: argparse.Namespace, options: EvaluationOptions, console: Console) -> _Found:
    from training.evaluation.harness import run_harness
    from training.evaluation.tasks import run_task

    if not arguments.task and not arguments.harness:
        return None
    result: dict[str, dict[str, Any]] = {}
    for given in arguments.task:
        name, _, path = given.partition("=")
        if not path:
            raise BadConfigError(f"--task takes NAME=FILE, such as wikitext=wiki.test.txt; it is {given!r}.")
        result[name] = {
            spec: run_task(name, Path(path), spec, options, _follow(console, spec))
            for spec in _specs(arguments)
        }
    if arguments.harness:
        for spec in _specs(arguments):
            for name, metrics in run_harness(spec, arguments.harness, options).items():
                result.setdefault(name, {})[spec] = metrics
    lines = [
        f"{name}, {spec}: " + ", ".join(f"{metric} {value:.4f}" for metric, value in metrics.items())
        for name, by_model in result.items()
        for spec, metrics in by_model.items()
    ]
    return result, lines


def _at_gate(arguments: argparse.Namespace, options: EvaluationOptions, console: Console) -> _Found:
    from training.evaluation.gate import gate_model, judge

    if not arguments.gate:
        return None
    results: list[GateResult] = [
        gate_model(spec, options, _follow(console, spec)) for spec in _specs(arguments)
    ]
    lines = [
        f"gate, {spec}: {result.share:.1%} of {result.total} cases passed"
        for spec, result in zip(_specs(arguments), results, strict=True)
    ]
    verdict = judge(results[0], results[-1])
    lines.append(f"gate: {'opened' if verdict.opened else 'closed'}")
    lines += [f"  {fail.prompt} ({'; '.join(fail.reasons)})" for fail in results[-1].failures]
    return {"verdict": asdict(verdict), "results": [asdict(result) for result in results]}, lines


def _canaries(arguments: argparse.Namespace, options: EvaluationOptions, console: Console) -> _Found:
    from training.canaries import measure, read_canaries
    from training.corpus.dataset import DataSet

    if arguments.canaries is None:
        return None
    kind = DataSet.open(arguments.data, console.safe).kind if arguments.data else "text"
    canaries = read_canaries(arguments.canaries)
    reports = [
        measure(spec, canaries, kind, options, on_progress=_follow(console, spec))
        for spec in _specs(arguments)
    ]
    lines = [
        f"canaries, {report.model}: exposure {report.mean:.2f} of at most {report.most:.2f} bits; "
        f"{report.given_away} of {len(canaries)} given away"
        for report in reports
    ]
    return [report.to_json() for report in reports], lines
