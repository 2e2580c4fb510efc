"""Train the learned head on synthetic texts: `python -m assistant train-deid --out DIR [--data DIR]`.

Every epoch writes new texts. With `--data`, real texts serve in which nobody is named: case reports, health
questions, notes and abstracts. There only "no name here" is taught (in the reports also "no place outside
what is annotated"). Choices were made on the development templates; the held-out ones are only scored.
"""

from __future__ import annotations

import csv
import gzip
import json
import random
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from assistant import weights
from assistant.errors import CorpusError
from assistant.extraction import encoding
from assistant.extraction.corpora import read_brat_folder, read_iob
from assistant.extraction.deidentify import head
from assistant.extraction.deidentify.names import labelled_names
from assistant.extraction.deidentify.rendering import Gold
from assistant.extraction.deidentify.synthetic import World
from assistant.extraction.fit import average, rate_at, save
from assistant.extraction.tagger import pad

if TYPE_CHECKING:
    import torch

LABEL_OF = {
    "NAME": "NAME", "LOCATION": "LOCATION", "ZIP": "LOCATION", "STATE": "LOCATION", "DATE": "DATE",
    "PHONE": "CONTACT", "FAX": "CONTACT", "EMAIL": "CONTACT", "URL": "CONTACT", "IP": "CONTACT", "SSN": "ID",
    "MRN": "ID", "PLAN": "ID", "ACCOUNT": "ID", "LICENCE": "ID", "VEHICLE": "ID", "DEVICE": "ID", "ID": "ID",
}  # fmt: skip
T = TypeVar("T")
IGNORED, NOBODY, NOWHERE = -100, -1, -2
"""Targets beside the tags: not asked; "no name"; "no name and no place"."""


@dataclass(frozen=True)
class Recipe:
    """Everything that decides the result. `texts` are new each epoch; `tokens` is pieces in a batch."""

    epochs: int = 2
    texts: int = 8500
    tokens: int = 3072
    rate: float = 1e-3
    head_rate: float = 2e-3
    warm_up: float = 0.05
    weight_decay: float = 0.01
    word_mask: float = 0.08
    average: float = 0.99
    negatives: int = 220
    seed: int = 20

    def as_json(self) -> dict[str, object]:
        """For the card."""
        return asdict(self)


@dataclass(frozen=True)
class Example:
    """One window: piece ids, shapes, and a target for each piece (IGNORED off word starts)."""

    ids: list[int]
    shapes: list[int]
    targets: list[int]


def word_tags(encoded: encoding.Encoded, spans: Sequence[Gold]) -> list[int]:
    """The tag of each word; ages have none, since rules find them."""
    tags = [0] * len(encoded.words)
    for span in spans:
        label = LABEL_OF.get(span.kind)
        if label is None:
            continue
        inside = [
            i for i, (_, start, end) in enumerate(encoded.words) if start < span.end and span.start < end
        ]
        for order, index in enumerate(inside):
            tags[index] = head.LABELS.begin(label) + (order > 0)
    return tags


def cut(
    text: str, tokenizer: Any, tags_of: Callable[[encoding.Encoded], list[int]], rng: random.Random
) -> Iterator[Example]:
    """A text in windows of 24 to 254 pieces, so that a lone sentence is as familiar as a page."""
    encoded = encoding.encode(tokenizer, text)
    tags, shapes = tags_of(encoded), head.shapes_of(text, encoded)
    starts = [first for first, _, _ in encoded.words] + [len(encoded.ids)]
    first = 0
    while first < len(encoded.words):
        size = rng.choice((32, 64, 128, 254, 254, 254))
        last = first + 1
        while last < len(encoded.words) and starts[last + 1] - starts[first] <= size:
            last += 1
        begin, end = starts[first], min(starts[last], starts[first] + head.WINDOW)
        targets = [IGNORED] * (end - begin)
        for word in range(first, last):
            if starts[word] < end:
                targets[starts[word] - begin] = tags[word]
        yield Example(list(encoded.ids[begin:end]), shapes[begin:end], targets)
        first = last


def negatives(data: Path, count: int, tokenizer: Any, rng: random.Random) -> list[Example]:
    """Windows of real medical text in which nobody is named: about `count` texts of each collection.

    Raises:
        CorpusError: a collection is missing from `data` or can't be read.
    """
    out: list[Example] = []

    def add(text: str, tags_of: Callable[[encoding.Encoded], list[int]]) -> None:
        out.extend(cut(text, tokenizer, tags_of, rng))

    for document in _some(read_brat_folder(data / "maccrobat"), count // 3, rng):
        places = [(span.start, span.end) for span in document.spans if span.label == "Nonbiological_location"]
        add(document.text, partial(_nobody, places=places))
    for answer in _some(_answers(data / "medquad" / "medquad.jsonl.gz"), count, rng):
        add(answer[:2500], partial(_nobody, anywhere=True))
    for note in _some(_notes(data / "mts-dialog" / "TrainingSet.csv"), count * 2, rng):
        add(note, partial(_nobody, anywhere=True, unknown=list(labelled_names(note))))
    abstracts = read_iob(data / "ner" / "bc5cdr-train.tsv").text.split("\n")
    start = rng.randrange(max(1, len(abstracts) - count))
    add("\n".join(abstracts[start : start + count]), partial(_nobody, anywhere=True))
    return out


def _some(texts: list[T], count: int, rng: random.Random) -> list[T]:
    return rng.sample(texts, min(count, len(texts)))


def _nobody(
    encoded: encoding.Encoded,
    places: Sequence[tuple[int, int]] = (),
    anywhere: bool = False,
    unknown: Sequence[tuple[int, int]] = (),
) -> list[int]:
    """Targets of a text that names nobody; places may be where `places` says, or anywhere."""

    def target(start: int, end: int) -> int:
        if any(low < end and start < high for low, high in unknown):
            return IGNORED
        return NOBODY if anywhere or any(low < end and start < high for low, high in places) else NOWHERE

    return [target(start, end) for _, start, end in encoded.words]


def _answers(path: Path) -> list[str]:
    try:
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            return [json.loads(line)["answer"] for line in lines]
    except (OSError, ValueError, KeyError) as error:
        raise CorpusError(f"{path} can't be read: {error}.") from error


def _notes(path: Path) -> list[str]:
    try:
        with path.open(encoding="utf-8", newline="") as lines:
            return [row["section_text"] for row in csv.DictReader(lines)]
    except (OSError, ValueError, KeyError) as error:
        raise CorpusError(f"{path} can't be read: {error}.") from error


def batches(examples: list[Example], tokens: int, rng: random.Random) -> list[list[Example]]:
    """Length-sorted batches of at most `tokens` pieces with padding, in random order."""
    rng.shuffle(examples)
    examples.sort(key=lambda example: len(example.ids))
    out: list[list[Example]] = []
    batch: list[Example] = []
    for example in examples:
        if batch and (len(batch) + 1) * (len(example.ids) + 2) > tokens:
            out.append(batch)
            batch = []
        batch.append(example)
    if batch:
        out.append(batch)
    rng.shuffle(out)
    return out


def loss_of(logits: torch.Tensor, batch: Sequence[Example]) -> torch.Tensor:
    """Mean over the words: cross entropy where the tag is known, else -log of the chance of what may be."""
    import torch

    target = torch.full(logits.shape[:2], IGNORED)
    for row, example in enumerate(batch):
        target[row, 1 : len(example.targets) + 1] = torch.tensor(example.targets)
    chances = torch.log_softmax(logits.float(), dim=-1)
    known = target >= 0
    total = -chances[known].gather(1, target[known][:, None]).sum()
    for code, barred in ((NOBODY, ("NAME",)), (NOWHERE, ("NAME", "LOCATION"))):
        gone = {head.LABELS.begin(label) + inside for label in barred for inside in (0, 1)}
        may = [tag for tag in range(head.LABELS.size) if tag not in gone]
        total = total - chances[target == code][:, may].logsumexp(dim=-1).sum()
    return total / (target != IGNORED).sum().clamp(min=1)


def train(out: Path, recipe: Recipe, data: Path | None = None, report: Callable[[str], None] = print) -> Path:
    """Train and write `out/model.safetensors` and `out/config.json`; returns the weight file.

    Raises:
        CorpusError: the texts for negatives can't be read.
        WeightsError: the base is missing or not the one on record.
    """
    import torch

    torch.manual_seed(recipe.seed)
    rng = random.Random(recipe.seed)  # noqa: S311 - nothing secret; must repeat
    base = weights.bert_folder()
    tokenizer = encoding.load_tokenizer(base)
    world = World("training", recipe.seed)
    network = head.build_network(base)
    trained = {name: value for name, value in network.named_parameters() if value.requires_grad}
    optimizer = torch.optim.AdamW(
        [
            {"params": [v for n, v in trained.items() if not n.startswith("tags.")], "lr": recipe.rate},
            {"params": [v for n, v in trained.items() if n.startswith("tags.")], "lr": recipe.head_rate},
        ],
        weight_decay=recipe.weight_decay,
    )
    shadow = {name: value.detach().clone() for name, value in trained.items()}
    began, step = time.monotonic(), 0
    for epoch in range(1, recipe.epochs + 1):
        rows = batches(_examples(world, recipe, data, tokenizer, rng), recipe.tokens, rng)
        steps = step + len(rows) * (recipe.epochs - epoch + 1)
        network.train()
        running = 0.0
        for batch in rows:
            for group, peak in zip(optimizer.param_groups, (recipe.rate, recipe.head_rate), strict=True):
                group["lr"] = peak * rate_at(step, steps, recipe.warm_up)
            step += 1
            loss = _forward(network, batch, tokenizer, recipe.word_mask)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            torch.nn.utils.clip_grad_norm_(list(trained.values()), 1.0)
            optimizer.step()
            average(shadow, trained, min(recipe.average, step / (step + 10)))
            running += loss.item()
            if step % 25 == 0:
                left = (time.monotonic() - began) / step * (steps - step)
                at = f"epoch {epoch}/{recipe.epochs} step {step}/{steps}"
                report(f"{at} loss {loss.item():.4f} left {left:.0f} s")
        report(f"epoch {epoch} mean loss {running / len(rows):.4f} after {time.monotonic() - began:.0f} s")
        save(shadow, out, (head.LABELS,))
    return out / "model.safetensors"


def _examples(
    world: World, recipe: Recipe, data: Path | None, tokenizer: Any, rng: random.Random
) -> list[Example]:
    out: list[Example] = []
    texts = world.samples(recipe.texts)
    for sample in texts:
        # Half the texts stand behind others, so that a long page is no sign of a page that names nobody.
        page, spans = sample.text, list(sample.spans)
        while rng.random() < 0.5 and len(page) < 1500 and (more := next(texts, None)) is not None:
            page += rng.choice(("\n", "\n\n", " "))
            spans += [Gold(one.start + len(page), one.end + len(page), one.kind) for one in more.spans]
            page += more.text
        out.extend(cut(page, tokenizer, partial(word_tags, spans=tuple(spans)), rng))
    if data is not None:
        out.extend(negatives(data, recipe.negatives, tokenizer, rng))
    return out


def _forward(
    network: torch.nn.Module, batch: Sequence[Example], tokenizer: Any, word_mask: float
) -> torch.Tensor:
    """The loss of a batch in bfloat16, a share of its pieces hidden so that context must count."""
    import torch

    ids, mask = pad([example.ids for example in batch], tokenizer)
    shapes = head.pad_shapes([example.shapes for example in batch], ids.shape[1])
    hidden = (torch.rand(ids.shape) < word_mask) & (ids > 999)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        logits = network(ids.masked_fill(hidden, tokenizer.token_to_id("[MASK]")), mask, shapes)
    return loss_of(logits, batch)
