"""`design`: parameters, memory and time of a shape, before anything is trained."""

from __future__ import annotations

import argparse
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from training.commands.console import DONE, Console
from training.config import LoraSettings, Method, Precision, Task, TrainingConfig
from training.errors import BadConfigError

if TYPE_CHECKING:
    from training.architectures import Design, DesignRequest, Shape

_SHAPE = {
    "layers": "layers",
    "hidden": "hidden_size",
    "heads": "heads",
    "key_value_heads": "key_value_heads",
    "feed_forward": "feed_forward_size",
    "vocabulary": "vocabulary",
    "positions": "positions",
    "decoder_layers": "decoder_layers",
}
_FIRST = {"gpt": "gpt-small", "bert": "bert-small", "t5": "t5-small"}


def register(commands: Any) -> argparse.ArgumentParser:
    """Add the parser."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "design", help="a model's parameters, memory and time before it is trained"
    )
    begin = parser.add_mutually_exclusive_group()
    begin.add_argument(
        "--base", help="a pretrained model: gpt, bert, of the catalogue, a folder, a cached hub id"
    )
    begin.add_argument("--preset", metavar="NAME", help="a shape to begin with, such as gpt-small")
    begin.add_argument(
        "--family", choices=("gpt", "bert", "t5"), help="begin with the small shape of a family"
    )
    for option in (
        "layers",
        "hidden",
        "heads",
        "key-value-heads",
        "feed-forward",
        "vocabulary",
        "decoder-layers",
    ):
        parser.add_argument(f"--{option}", type=int, metavar="N")
    parser.add_argument("--positions", choices=("rotary", "learned", "relative"))
    parser.add_argument(
        "--task", choices=get_args(Task), help="what is learned; the family's usual one if left out"
    )
    parser.add_argument("--method", choices=get_args(Method), help="lora with a base, else scratch")
    parser.add_argument("--rank", type=int, default=16, help="of the adapter")
    parser.add_argument("--dora", action="store_true")
    parser.add_argument("--batch", type=int, default=4, help="examples computed at once")
    parser.add_argument("--accumulation", type=int, default=4)
    parser.add_argument("--context", type=int, default=512, help="tokens of an example")
    parser.add_argument("--precision", choices=get_args(Precision), default="auto")
    parser.add_argument("--checkpointing", action="store_true", help="less memory, more time")
    parser.add_argument("--labels", type=int, default=2, help="of tagging and classification")
    parser.add_argument("--examples", type=int, default=0, help="of the set, to tell the time of an epoch")
    parser.add_argument("--tokens", type=int, default=256, help="of an example, on average")
    parser.add_argument("--measure", action="store_true", help="measure this machine too, for a second")
    parser.add_argument("--goal", help="which family to take for: explain, extract, summarise ...")
    parser.add_argument("--config", type=Path, metavar="OUT.yaml", help="write a config with this design")
    parser.add_argument("--dataset", default="sets/mine", help="for that config: the prepared set")
    parser.add_argument("--name", default="designed", help="for that config: the run's name")
    parser.set_defaults(run=run)
    return parser


def run(arguments: argparse.Namespace, console: Console) -> int:
    """Estimate, and say it."""
    from training.architectures import advise, estimate, measure_here

    if arguments.goal:
        text = advise(arguments.goal)
        console.end({"advice": text}, text)
        return DONE
    request = request_of(arguments)
    written = config_of(arguments, request) if arguments.config else None
    design = estimate(request, measure_here() if arguments.measure else None)
    if written is not None:
        try:
            written.to_yaml(arguments.config)
        except OSError as error:
            raise BadConfigError(
                f"The config {arguments.config} can't be written: {error.strerror}."
            ) from error
    console.end(result_of(design), in_words(design))
    return DONE


def request_of(arguments: argparse.Namespace) -> DesignRequest:
    """What the options ask for.

    Raises:
        BadConfigError: an option can't be used.
    """
    from training.architectures import USUAL_TASK, DesignRequest

    shape, lacks = _shape(arguments)
    return DesignRequest(
        shape=shape,
        task=arguments.task or USUAL_TASK[shape.family],
        method=_method(arguments),
        batch=arguments.batch,
        length=arguments.context,
        accumulation=arguments.accumulation,
        precision=arguments.precision,
        checkpointing=arguments.checkpointing,
        lora=LoraSettings(rank=arguments.rank, alpha=2 * arguments.rank, dora=arguments.dora),
        labels=arguments.labels,
        fresh=lacks,
        examples=arguments.examples,
        tokens=arguments.tokens,
    )


def _method(arguments: argparse.Namespace) -> Method:
    method: Method = arguments.method or ("lora" if arguments.base else "scratch")
    if arguments.base and method == "scratch":
        raise BadConfigError(
            "--method must be lora or full with --base. Leave --base out to train from scratch."
        )
    return method


def _shape(arguments: argparse.Namespace) -> tuple[Shape, frozenset[str]]:
    from training.architectures import PRESETS, base_of

    given = {
        field: getattr(arguments, option)
        for option, field in _SHAPE.items()
        if getattr(arguments, option) is not None
    }
    if arguments.base:
        if given:
            raise BadConfigError(f"--base has a shape of its own. Leave out {', '.join(sorted(given))}.")
        return base_of(arguments.base)
    name = arguments.preset or _FIRST[arguments.family or "gpt"]
    if name not in PRESETS:
        raise BadConfigError(f"--preset must be one of {', '.join(PRESETS)}; it is {name!r}.")
    shape = PRESETS[name]
    if given.get("positions") == "learned" and shape.positions == "rotary":
        given = {"key_value_heads": 0, "dropout": 0.1} | given
    if "heads" in given and "key_value_heads" not in given:
        given["key_value_heads"] = 0
    if arguments.context > shape.context:
        given["context"] = arguments.context
    return replace(shape, **given), frozenset({"head"})


def config_of(arguments: argparse.Namespace, request: DesignRequest) -> TrainingConfig:
    """The same as a run's config.

    Raises:
        BadConfigError: an option can't be used.
    """
    scratch = request.method == "scratch"
    return TrainingConfig(
        name=arguments.name,
        dataset=arguments.dataset,
        base=arguments.base
        or {"gpt": "gpt", "bert": "bert", "t5": "google-t5/t5-small"}[request.shape.family],
        task=request.task,
        method=request.method,
        batch_size=request.batch,
        accumulation=request.accumulation,
        context=request.length,
        precision=request.precision,
        gradient_checkpointing=request.checkpointing,
        lora=request.lora,
        architecture=request.shape.to_architecture() if scratch else {},
    )


def result_of(design: Design) -> dict[str, Any]:
    """Plain values; bytes, operations and seconds."""
    return {
        "shape": asdict(design.request.shape),
        "parameters": asdict(design.parameters) | {"model": design.parameters.model},
        "precision": "bf16" if design.bf16 else "fp32",
        "memory": asdict(design.memory),
        "inference": asdict(design.inference),
        "flops_a_batch": design.flops,
        "accelerators": [
            {
                "name": verdict.accelerator.name,
                "source": verdict.accelerator.source,
                "verdict": verdict.kind,
                "changes": verdict.changes,
                "precision": "bf16" if verdict.bf16 else "fp32",
                "memory": verdict.accelerator.memory,
                "peak": verdict.memory.peak,
                "peak_with_changes": verdict.changed,
                "seconds_an_epoch": list(verdict.seconds),
            }
            for verdict in design.verdicts
        ],
    }


def in_words(design: Design) -> str:
    """A table for a person."""
    numbers, memory, inference = design.parameters, design.memory, design.inference
    groups = ("embeddings", "attention", "feed_forward", "norms", "head", "adapter")
    lines = [
        f"{numbers.model:,} parameters, {numbers.moving:,} of them"
        f"{' (with the adapter)' if numbers.adapter else ''} trained",
        "  " + ", ".join(f"{group.replace('_', '-')} {getattr(numbers, group):,}" for group in groups),
        f"Training on a CPU in {'bf16' if design.bf16 else 'fp32'}: {_size(memory.peak)} at most",
        "  "
        + ", ".join(
            f"{name} {_size(getattr(memory, name))}"
            for name in ("fixed", "weights", "gradients", "optimiser", "activations", "passing", "holes")
        ),
        f"Answering on a CPU: {_size(inference.peak)}, of which cache {_size(inference.cache)}",
        f"{design.flops / 1e12:,.2f} TFLOP a batch",
        "",
        f"{'on':<13} {'memory':>8} {'needs':>8}  {'in':<4}  {'an epoch':<17}  verdict",
    ]
    for verdict in design.verdicts:
        changes = ", ".join(f"{option} {value}" for option, value in verdict.changes.items())
        lines.append(
            f"{verdict.accelerator.name:<13} {_size(verdict.accelerator.memory):>8} "
            f"{_size(verdict.memory.peak):>8}  {'bf16' if verdict.bf16 else 'fp32'}  "
            f"{_time(verdict.seconds):<17}  {verdict.kind} {changes}".rstrip()
        )
    lines.append("Of accelerators by the makers' data sheets; of a GPU nothing here was measured.")
    return "\n".join(lines)


def _size(count: float) -> str:
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.0f} MB"


def _time(seconds: tuple[float, float]) -> str:
    if not seconds[1]:
        return "-"
    unit, name = next(
        (u, n) for u, n in ((86400, "days"), (3600, "h"), (60, "min"), (1, "s")) if seconds[1] >= u or u == 1
    )
    return f"{seconds[0] / unit:.1f} to {seconds[1] / unit:.1f} {name}"
