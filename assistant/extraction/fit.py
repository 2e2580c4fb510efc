"""Train the extractor: `python -m assistant train-ner --data DIR --out DIR`.

One encoder, a head for each convention of annotation; each corpus teaches the heads whose conventions
it follows, and which corpus a window came from. Windows are cut anew each epoch, so context varies in
length. Chosen on development parts only; the test parts of these corpora are not read.
"""

from __future__ import annotations

import math
import random
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assistant import weights
from assistant.extraction import encoding, tagger
from assistant.extraction.corpora import Document, read_brat_folder, read_iob
from assistant.extraction.scheme import Head

if TYPE_CHECKING:
    import torch

CLINICAL = (
    "Sign_symptom", "Disease_disorder", "Medication", "Dosage", "Severity", "Lab_value",
    "Diagnostic_procedure", "Therapeutic_procedure", "Biological_structure", "Detailed_description",
    "Clinical_event", "Nonbiological_location", "Date", "Duration", "Age", "Sex", "Administration",
    "Distance", "Activity", "Frequency", "Coreference",
)  # fmt: skip
HEADS = (
    Head("abstracts", ("Disease", "Chemical")),
    Head("genetics", ("Disease",)),
    Head("joint", ("Disease",)),
    Head("clinical", CLINICAL),
    Head("history", ("History", "Family_history")),
)
IGNORED = -100


@dataclass(frozen=True)
class Recipe:
    """Everything that decides the result. `tokens` is pieces in a batch, `rates` for encoder and heads."""

    epochs: int = 12
    tokens: int = 2048
    rate: float = 2.5e-4
    head_rate: float = 1e-3
    warm_up: float = 0.1
    weight_decay: float = 0.01
    word_mask: float = 0.05
    average: float = 0.995
    seed: int = 20
    held_out: int = 22
    include_development: bool = False

    def as_json(self) -> dict[str, object]:
        """For the card."""
        return asdict(self)


@dataclass(frozen=True)
class Source:
    """A corpus ready to train on: documents and the heads it teaches."""

    name: str
    documents: tuple[Document, ...]
    heads: tuple[str, ...]


def split_brat(folder: Path, held_out: int, seed: int) -> tuple[list[Document], list[Document]]:
    """(training, development) by whole documents, shuffled by `seed`."""
    documents = read_brat_folder(folder)
    random.Random(seed).shuffle(documents)  # noqa: S311 - nothing secret; must repeat
    return documents[held_out:], documents[:held_out]


def sources(data: Path, recipe: Recipe) -> list[Source]:
    """The three corpora of `data` (`ner/*.tsv`, `maccrobat/`)."""
    parts = ["train", "devel"] if recipe.include_development else ["train"]
    read = {
        name: [read_iob(data / "ner" / f"{name}-{part}.tsv") for part in parts]
        for name in ("bc5cdr", "ncbi-disease")
    }
    training, development = split_brat(data / "maccrobat", recipe.held_out, recipe.seed)
    if recipe.include_development:
        training = training + development
    return [
        Source("bc5cdr", tuple(read["bc5cdr"]), ("abstracts", "joint")),
        Source("ncbi-disease", tuple(read["ncbi-disease"]), ("genetics", "joint")),
        Source("maccrobat", tuple(training), ("clinical", "history")),
    ]


@dataclass(frozen=True)
class Example:
    """One window: piece ids, and for each head it teaches the tag of each piece (IGNORED off word starts)."""

    ids: list[int]
    tags: dict[str, list[int]]
    style: int


def tag_words(encoded: encoding.Encoded, document: Document, head: Head) -> list[int]:
    """The tag of each word under a head; of nested spans of one head the longer wins."""
    tags = [0] * len(encoded.words)
    starts = {start: index for index, (_, start, _) in enumerate(encoded.words)}
    spans = [span for span in document.spans if span.label in head.labels]
    for span in sorted(spans, key=lambda span: span.end - span.start):
        first = starts.get(span.start)
        if first is None:
            continue
        last = first
        while last < len(encoded.words) and encoded.words[last][1] < span.end:
            last += 1
        tags[first:last] = [head.begin(span.label)] + [head.begin(span.label) + 1] * (last - first - 1)
        if last < len(tags) and tags[last] and tags[last] % 2 == 0:
            tags[last] -= 1  # the rest of a span that was cut into starts anew
    return tags


class Cutter:
    """Cuts documents into windows, differently each time."""

    def __init__(self, source: Source, tokenizer: Any) -> None:
        heads = [head for head in HEADS if head.name in source.heads]
        self._style = tagger.STYLES.index(source.name)
        self._documents = []
        for document in source.documents:
            encoded = encoding.encode(tokenizer, document.text)
            self._documents.append(
                (encoded, {head.name: tag_words(encoded, document, head) for head in heads})
            )

    def cut(self, rng: random.Random) -> Iterator[Example]:
        """Windows of 24 to 254 pieces, so that a lone sentence is as familiar as a page."""
        for encoded, tags in self._documents:
            starts = [first for first, _, _ in encoded.words] + [len(encoded.ids)]
            first = 0
            while first < len(encoded.words):
                size = rng.choice((24, 48, 96, 128, 192, 254))
                last = first + 1
                while last < len(encoded.words) and starts[last + 1] - starts[first] <= size:
                    last += 1
                yield self._example(encoded, tags, starts, (first, last))
                first = last

    def _example(
        self, encoded: encoding.Encoded, tags: dict[str, list[int]], starts: list[int], span: tuple[int, int]
    ) -> Example:
        first, last = span
        ids = list(encoded.ids[starts[first] : starts[last]])[: tagger.WINDOW]
        spread: dict[str, list[int]] = {}
        for name, words in tags.items():
            row = [IGNORED] * len(ids)
            for word in range(first, last):
                if starts[word] - starts[first] < len(ids):
                    row[starts[word] - starts[first]] = words[word]
            spread[name] = row
        return Example(ids, spread, self._style)


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


def loss_of(logits: dict[str, torch.Tensor], batch: Sequence[Example]) -> torch.Tensor:
    """Sum over the heads of the mean cross entropy over the words that a head is taught in this batch."""
    import torch

    total = next(iter(logits.values())).new_zeros((), dtype=torch.float32)
    for head in HEADS:
        values = logits[head.name]
        target = torch.full(values.shape[:2], IGNORED)
        for row, example in enumerate(batch):
            if head.name in example.tags:
                tags = example.tags[head.name]
                target[row, 1 : len(tags) + 1] = torch.tensor(tags)
        if bool((target != IGNORED).any()):
            total = total + torch.nn.functional.cross_entropy(
                values.flatten(0, 1).float(), target.flatten(), ignore_index=IGNORED, reduction="sum"
            )
    style = torch.full(logits["style"].shape[:2], IGNORED)
    for row, example in enumerate(batch):
        style[row, 1 : len(example.ids) + 1] = example.style
    total = total + 0.1 * torch.nn.functional.cross_entropy(
        logits["style"].flatten(0, 1).float(), style.flatten(), ignore_index=IGNORED, reduction="sum"
    )
    return total / max(1, sum(len(example.ids) for example in batch))


def train(data: Path, out: Path, recipe: Recipe, report: Callable[[str], None] = print) -> Path:
    """Train and write `out/model.safetensors` and `out/config.json`; returns the weight file.

    Raises:
        CorpusError: a corpus can't be read.
        WeightsError: the base is missing or not the one on record.
    """
    import torch

    torch.manual_seed(recipe.seed)
    rng = random.Random(recipe.seed)  # noqa: S311 - nothing secret; must repeat
    base = weights.bert_folder()
    tokenizer = encoding.load_tokenizer(base)
    cutters = [Cutter(source, tokenizer) for source in sources(data, recipe)]
    network = tagger.build_network(HEADS, base)
    trained = {name: value for name, value in network.named_parameters() if tagger.kept(name)}
    for name, value in network.named_parameters():
        value.requires_grad = name in trained
    optimizer = _optimizer(trained, recipe)
    plan = [
        batches([example for cutter in cutters for example in cutter.cut(rng)], recipe.tokens, rng)
        for _ in range(recipe.epochs)
    ]
    steps = sum(len(epoch) for epoch in plan)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: rate_at(step, steps, recipe.warm_up))
    shadow = {name: value.detach().clone() for name, value in trained.items()}
    began, step = time.monotonic(), 0
    for epoch, rows in enumerate(plan, start=1):
        network.train()
        running = 0.0
        for batch in rows:
            step += 1
            loss = _forward(network, batch, tokenizer, recipe.word_mask)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            torch.nn.utils.clip_grad_norm_(list(trained.values()), 1.0)
            optimizer.step()
            schedule.step()
            average(shadow, trained, min(recipe.average, step / (step + 10)))
            running += loss.item()
            if step % 50 == 0:
                left = (time.monotonic() - began) / step * (steps - step)
                at = f"epoch {epoch}/{recipe.epochs} step {step}/{steps}"
                report(f"{at} loss {loss.item():.4f} left {left:.0f} s")
        report(f"epoch {epoch} mean loss {running / len(rows):.4f} after {time.monotonic() - began:.0f} s")
        save(shadow, out)
    return out / "model.safetensors"


def _optimizer(trained: dict[str, torch.nn.Parameter], recipe: Recipe) -> torch.optim.Optimizer:
    """AdamW with a rate for the encoder and one for the heads, which start from nothing."""
    import torch

    encoder = [value for name, value in trained.items() if name.startswith("encoder.")]
    heads = [value for name, value in trained.items() if not name.startswith("encoder.")]
    groups = [{"params": encoder, "lr": recipe.rate}, {"params": heads, "lr": recipe.head_rate}]
    return torch.optim.AdamW(groups, weight_decay=recipe.weight_decay)


def _forward(
    network: torch.nn.Module, batch: Sequence[Example], tokenizer: Any, word_mask: float
) -> torch.Tensor:
    """The loss of a batch in bfloat16, a share of its pieces hidden so that context must count."""
    import torch

    ids, mask = tagger.pad([example.ids for example in batch], tokenizer)
    hidden = (torch.rand(ids.shape) < word_mask) & (ids > 999)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        logits = network(ids.masked_fill(hidden, tokenizer.token_to_id("[MASK]")), mask)
    return loss_of(logits, batch)


def average(shadow: dict[str, torch.Tensor], trained: dict[str, torch.nn.Parameter], keep: float) -> None:
    """Move the running average of the weights, which is what is saved, towards the weights."""
    import torch

    with torch.no_grad():
        for name, value in trained.items():
            shadow[name].lerp_(value, 1 - keep)


def rate_at(step: int, steps: int, warm_up: float) -> float:
    """The share of the peak rate: a ramp, then a cosine to a fiftieth."""
    ramp = max(1, int(steps * warm_up))
    if step < ramp:
        return (step + 1) / ramp
    return 0.5 * (1 + math.cos(math.pi * (step - ramp) / max(1, steps - ramp))) * 0.98 + 0.02


def save(state: dict[str, torch.Tensor], out: Path, heads: tuple[Head, ...] = HEADS) -> None:
    """Write weights (float16) and config together; each is replaced whole."""
    import safetensors.torch
    import torch

    out.mkdir(parents=True, exist_ok=True)
    part = out / "model.safetensors.part"
    safetensors.torch.save_file(
        {name: value.to(torch.float16).contiguous() for name, value in state.items()}, part
    )
    part.replace(out / "model.safetensors")
    tagger.Heads(heads, weights.sha256_of(out / "model.safetensors")).write(out / "config.json")
