"""A model's card, written from its record: README.md with the front matter that the hub reads.

It tells what was trained, on how much, how to do it again, and what came of it. It never quotes the text that
was trained on, names the data set only where that was chosen, and shows no path of this machine.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from training.version import Version

_HUB_NAMES = {
    "gpt": "HuggingFaceTB/SmolLM2-135M-Instruct",
    "bert": "sentence-transformers/all-MiniLM-L6-v2",
}
_LICENCES = {"gpt": "apache-2.0", "bert": "apache-2.0"}
_PIPELINES = {
    "causal": "text-generation",
    "masked": "fill-mask",
    "seq2seq": "text2text-generation",
    "tagging": "token-classification",
    "classification": "text-classification",
}
_TASKS = {
    "causal": "writes text",
    "masked": "restores words that were hidden",
    "seq2seq": "turns one text into another",
    "tagging": "marks spans of text with labels",
    "classification": "puts a text into a class",
}
_METHODS = {
    "lora": "a low-rank adapter on a frozen base",
    "full": "all weights of the base trained on",
    "scratch": "all weights trained from random ones",
}
_HUB_ID = re.compile(r"[\w.-]+/[\w.-]+")
_LIMITS = (
    "This model is no medical device. It has not been evaluated by clinicians and must not decide what is "
    "done for a patient.",
    "What it says can be wrong and can sound sure; it was measured on the held-out part of its own data set "
    "only, and other text can be very different.",
    "A model can repeat text that it was trained on. Unless its evaluations say otherwise, how much this one "
    "memorised was not measured.",
)


@dataclass(frozen=True)
class CardChoices:
    """What the card may tell.

    Attributes:
        name_dataset: the data set's name; a name can say whose text it was.
        licence: of the weights as the hub spells it; by default that of an embedded base, else "other".
    """

    name_dataset: bool = False
    licence: str = ""


def card(version: Version, form: str, choices: CardChoices) -> str:
    """The card of `version`, exported in `form` ("adapter", "merged" or "gguf")."""
    parts = [
        _front_matter(version, form, choices),
        f"# {version.name}\n",
        _what(version, form),
        "## Trained on\n",
        _data(version, choices),
        "## How\n",
        _how(version),
        "## Results\n",
        _results(version),
        "## Limits\n",
        "\n".join(f"- {limit}" for limit in _LIMITS) + "\n",
    ]
    return "\n".join(parts)


def hub_name(version: Version) -> str:
    """What others know the base by: a hub id, or no more than the name of its folder."""
    if version.base in _HUB_NAMES:
        return _HUB_NAMES[version.base]
    return version.base


def _front_matter(version: Version, form: str, choices: CardChoices) -> str:
    import yaml

    held: dict[str, Any] = {
        "license": choices.licence or _LICENCES.get(version.base, "other"),
        "library_name": "peft" if form == "adapter" else "transformers",
        "pipeline_tag": _PIPELINES[version.task],
        "tags": [
            "asklepion",
            "medical",
            *(["lora"] if version.method == "lora" else []),
            *version.tags,
        ],
    }
    if _HUB_ID.fullmatch(hub_name(version)):
        held["base_model"] = hub_name(version)
        held["base_model_relation"] = "adapter" if form == "adapter" else "finetune"
    if choices.name_dataset and version.dataset.get("name"):
        held["datasets"] = [str(version.dataset["name"])]
    return f"---\n{yaml.safe_dump(held, sort_keys=False, allow_unicode=True)}---\n"


def _what(version: Version, form: str) -> str:
    base = f" of {hub_name(version)}" if version.base else ""
    lines = [f"A model that {_TASKS[version.task]}: {_METHODS[version.method]}{base}."]
    if form == "adapter":
        lines.append("These files are the adapter alone; peft puts it onto the base.")
    elif version.method == "lora":
        lines.append("The adapter has been added into the base's weights.")
    if version.base == "gpt" and version.method != "scratch":
        lines.append(
            "It was trained on the base as a GGUF in Q4_1, read as float32, so the base's own weights differ "
            "a little."
        )
    if version.note:
        lines += ["", *(f"> {line}" for line in version.note.splitlines())]
    return "\n".join(lines) + "\n"


def _data(version: Version, choices: CardChoices) -> str:
    counts = version.dataset.get("counts") or {}
    named = f"{version.dataset['name']}: " if choices.name_dataset and version.dataset.get("name") else ""
    sizes = ", ".join(f"{count} documents {_SPLITS.get(split, split)}" for split, count in counts.items())
    lines = [f"- {named}{sizes or 'a set whose size is not on record'}"]
    if version.dataset.get("hash"):
        lines.append(f"- SHA-256 of the set: `{version.dataset['hash']}`")
    if version.base_hash:
        lines.append(f"- SHA-256 of the base's weights: `{version.base_hash}`")
    if version.parent:
        lines.append(f"- Begun from the version {version.parent}")
    return "\n".join(lines) + "\n"


_SPLITS = {"train": "to train on", "held_out": "held out"}


def _how(version: Version) -> str:
    import yaml

    config = dict(version.config)
    hidden = {"dataset": "DATASET", "base": hub_name(version) or "TOKENIZER", "sample_prompts": []}
    if version.base in _HUB_NAMES:
        hidden["base"] = version.base
    config |= {name: value for name, value in hidden.items() if name in config}
    return (
        "With a prepared set in the folder DATASET and this as config.yaml:\n\n"
        "```\npython -m training run config.yaml --out runs\n```\n\n"
        f"```yaml\n{yaml.safe_dump(config, sort_keys=False, allow_unicode=True)}```\n"
    )


def _results(version: Version) -> str:
    rows = []
    if version.best_loss is not None:
        before = "" if version.first_loss is None else f"{version.first_loss:.4f}"
        rows.append(f"| held-out loss | {before} | {version.best_loss:.4f} (step {version.best_step}) |")
    for number, evaluation in enumerate(version.evaluations, start=1):
        name = str(evaluation.get("name", f"evaluation {number}"))
        rows += [f"| {_cell(name)}, {_cell(what)} | | {value} |" for what, value in _numbers(evaluation)]
    if not rows:
        return "Nothing was held out, so nothing was measured.\n"
    return "\n".join(["| what | before | after |", "| --- | --- | --- |", *rows]) + "\n"


def _numbers(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Numbers alone: a text in an evaluation can be one that was trained on."""
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield from _numbers(value, f"{prefix}{name}.")
        elif isinstance(value, int | float) and not isinstance(value, bool):
            yield f"{prefix}{name}", f"{value:.4g}" if isinstance(value, float) else str(value)


def _cell(text: str) -> str:
    return text.replace("|", "/").replace("\n", " ")
