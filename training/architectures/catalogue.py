"""Pretrained bases worth knowing, with their shapes, and which family is for what."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from training.architectures.parameters import count
from training.architectures.request import USUAL_TASK
from training.architectures.shapes import Family, Shape
from training.errors import BadConfigError

Needs = Literal["nothing", "network", "network and accepted licence"]


@dataclass(frozen=True)
class Pretrained:
    """One base.

    Attributes:
        id: as `TrainingConfig.base` takes it.
        licence: of the weights, as their makers state it.
        needs: to be had the first time; "nothing" is embedded.
        lacks: which parts a task finds missing ("head": the masked-word head).
        advice: one line.
    """

    id: str
    title: str
    shape: Shape
    licence: str
    needs: Needs
    advice: str
    lacks: frozenset[str] = frozenset()

    @property
    def family(self) -> Family:
        """Of its shape."""
        return self.shape.family

    @property
    def parameters(self) -> int:
        """Of the model for its usual task."""
        return count(self.shape, USUAL_TASK[self.family]).model


def _llama(
    layers: int, hidden: int, heads: int, keys: int, forward: int, vocabulary: int, context: int
) -> Shape:
    return Shape(
        layers=layers,
        hidden_size=hidden,
        heads=heads,
        key_value_heads=keys,
        feed_forward_size=forward,
        vocabulary=vocabulary,
        context=context,
    )


def _qwen(layers: int, hidden: int, heads: int, keys: int, forward: int, *, tied: bool = True) -> Shape:
    return Shape(
        layers=layers,
        hidden_size=hidden,
        heads=heads,
        key_value_heads=keys,
        feed_forward_size=forward,
        vocabulary=151_936 if tied else 152_064,
        context=32_768,
        tied=tied,
        query_bias=True,
    )


def _bert(layers: int, hidden: int, vocabulary: int) -> Shape:
    return Shape(
        family="bert",
        positions="learned",
        layers=layers,
        hidden_size=hidden,
        heads=12,
        feed_forward_size=4 * hidden,
        vocabulary=vocabulary,
        context=512,
        dropout=0.1,
    )


def _t5(layers: int, hidden: int, heads: int, forward: int, *, gated: bool) -> Shape:
    return Shape(
        family="t5",
        positions="relative",
        layers=layers,
        hidden_size=hidden,
        heads=heads,
        head_size=64,
        feed_forward_size=forward,
        vocabulary=32_128,
        context=512,
        tied=not gated,
        gated=gated,
        dropout=0.1,
    )


_SMOL = "HuggingFaceTB/SmolLM2-"
_MISTRAL = Shape(
    layers=32,
    hidden_size=4096,
    heads=32,
    key_value_heads=8,
    feed_forward_size=14_336,
    vocabulary=32_768,
    context=32_768,
    tied=False,
)

CATALOGUE: tuple[Pretrained, ...] = (
    Pretrained(
        "gpt",
        "SmolLM2 135M Instruct, embedded",
        _llama(30, 576, 9, 3, 1536, 49_152, 8192),
        "Apache-2.0",
        "nothing",
        "The base of the assistant: small enough to adapt on two cores.",
    ),
    Pretrained(
        "bert",
        "all-MiniLM-L6-v2, embedded",
        _bert(6, 384, 30_522),
        "Apache-2.0",
        "nothing",
        "Tags and classifies fast on a CPU; made for sentence vectors.",
        frozenset({"head"}),
    ),
    Pretrained(
        "emilyalsentzer/Bio_ClinicalBERT",
        "Bio_ClinicalBERT",
        _bert(12, 768, 28_996),
        "MIT",
        "network",
        "Went on from BioBERT with hospital notes: the first choice for tagging notes.",
    ),
    Pretrained(
        "dmis-lab/biobert-base-cased-v1.2",
        "BioBERT 1.2",
        _bert(12, 768, 28_996),
        "not stated on the hub; see its authors' page",
        "network",
        "Went on from BERT with PubMed abstracts: for biomedical literature, with upper case kept.",
    ),
    Pretrained(
        "microsoft/BiomedNLP-BiomedBERT-base-uncased-abstract-fulltext",
        "BiomedBERT (PubMedBERT)",
        _bert(12, 768, 30_522),
        "MIT",
        "network",
        "Trained on PubMed from the start, with a medical vocabulary: strong on terms, lower case only.",
    ),
    Pretrained(
        _SMOL + "135M-Instruct",
        "SmolLM2 135M Instruct",
        _llama(30, 576, 9, 3, 1536, 49_152, 8192),
        "Apache-2.0",
        "network",
        "The embedded one with its weights unrounded.",
    ),
    Pretrained(
        _SMOL + "360M-Instruct",
        "SmolLM2 360M Instruct",
        _llama(32, 960, 15, 5, 2560, 49_152, 8192),
        "Apache-2.0",
        "network",
        "A step up that a laptop still adapts.",
    ),
    Pretrained(
        _SMOL + "1.7B-Instruct",
        "SmolLM2 1.7B Instruct",
        _llama(24, 2048, 32, 32, 8192, 49_152, 8192),
        "Apache-2.0",
        "network",
        "The largest of the kind; an adapter fits a card of 16 GB.",
    ),
    Pretrained(
        "Qwen/Qwen2.5-0.5B-Instruct",
        "Qwen2.5 0.5B Instruct",
        _qwen(24, 896, 14, 2, 4864),
        "Apache-2.0",
        "network",
        "Small, and in many languages; a third of it is vocabulary.",
    ),
    Pretrained(
        "Qwen/Qwen2.5-1.5B-Instruct",
        "Qwen2.5 1.5B Instruct",
        _qwen(28, 1536, 12, 2, 8960),
        "Apache-2.0",
        "network",
        "A good balance for a card of 16 GB, with a small cache.",
    ),
    Pretrained(
        "Qwen/Qwen2.5-7B-Instruct",
        "Qwen2.5 7B Instruct",
        _qwen(28, 3584, 28, 4, 18_944, tied=False),
        "Apache-2.0",
        "network",
        "Writes well; an adapter needs a card of 24 GB and short texts, or more.",
    ),
    Pretrained(
        "meta-llama/Llama-3.2-1B-Instruct",
        "Llama 3.2 1B Instruct",
        _llama(16, 2048, 32, 8, 8192, 128_256, 131_072),
        "Llama 3.2 Community License",
        "network and accepted licence",
        "Long context at a small size.",
    ),
    Pretrained(
        "meta-llama/Llama-3.2-3B-Instruct",
        "Llama 3.2 3B Instruct",
        _llama(28, 3072, 24, 8, 8192, 128_256, 131_072),
        "Llama 3.2 Community License",
        "network and accepted licence",
        "Between the small ones and 7B in quality and cost.",
    ),
    Pretrained(
        "mistralai/Mistral-7B-Instruct-v0.3",
        "Mistral 7B Instruct 0.3",
        _MISTRAL,
        "Apache-2.0",
        "network and accepted licence",
        "Widely adapted to medicine; needs a card of 24 GB or more.",
    ),
    Pretrained(
        "google-t5/t5-small",
        "T5 small",
        _t5(6, 512, 8, 2048, gated=False),
        "Apache-2.0",
        "network",
        "From one form of a text to another, on a CPU.",
    ),
    Pretrained(
        "google-t5/t5-base",
        "T5 base",
        _t5(12, 768, 12, 3072, gated=False),
        "Apache-2.0",
        "network",
        "The usual size for summaries.",
    ),
    Pretrained(
        "google/flan-t5-small",
        "FLAN-T5 small",
        _t5(8, 512, 6, 1024, gated=True),
        "Apache-2.0",
        "network",
        "T5 that follows instructions: needs fewer examples.",
    ),
    Pretrained(
        "google/flan-t5-base",
        "FLAN-T5 base",
        _t5(12, 768, 12, 2048, gated=True),
        "Apache-2.0",
        "network",
        "T5 that follows instructions, large enough for summaries.",
    ),
)


def base_of(name: str) -> tuple[Shape, frozenset[str]]:
    """The shape of a base and what it lacks: of the catalogue, a folder, or a hub id in the local cache.

    No weights are read, and nothing is fetched.

    Raises:
        BadConfigError: it isn't there, or of a kind that is not known here.
    """
    for known in CATALOGUE:
        if known.id == name:
            return known.shape, known.lacks
    config = _config(name)
    made_as = " ".join(getattr(config, "architectures", None) or ())
    lacks: set[str] = set()
    if config.model_type == "bert":
        lacks |= {"head"} if not any(kind in made_as for kind in ("MaskedLM", "PreTraining")) else set()
        lacks |= {"pooler"} if any(kind in made_as for kind in ("MaskedLM", "TokenClass")) else set()
    return Shape.of_config(config), frozenset(lacks)


def _config(name: str) -> Any:
    from transformers import AutoConfig

    path = Path(name).expanduser()
    try:
        if path.is_file() and path.suffix == ".gguf":
            return AutoConfig.from_pretrained(path.parent, gguf_file=path.name, local_files_only=True)
        source = str(path) if path.is_dir() else name
        return AutoConfig.from_pretrained(source, local_files_only=True, trust_remote_code=False)
    except (OSError, ValueError, LookupError) as error:
        known = ", ".join(base.id for base in CATALOGUE[:5])
        raise BadConfigError(
            f"The base {name} has no config here that can be read. Give one of the catalogue ({known} ...), "
            "a folder with a config.json, or a hub id that is in the local cache."
        ) from error


@dataclass(frozen=True)
class Advice:
    """Which family is for what.

    Attributes:
        goals: what a person wants, in one word each.
        tasks: the trainer's tasks for it.
    """

    family: Family
    goals: tuple[str, ...]
    tasks: tuple[str, ...]
    why: str
    instead: str


ADVICE: tuple[Advice, ...] = (
    Advice(
        "gpt",
        ("generate", "explain", "chat", "answer", "continue"),
        ("causal",),
        "A decoder sees what came before and says the next word, so it writes: explanations and answers.",
        "To find or label what stands in a text it is slow, and may say what does not stand there.",
    ),
    Advice(
        "bert",
        ("extract", "tag", "classify", "search", "compare", "de-identify", "check"),
        ("masked", "tagging", "classification"),
        "An encoder sees both sides of every word, so it reads: spans, labels, vectors for search. It is "
        "small and quick, and can only point at what is there.",
        "It writes nothing. Where the answer must be worded, let a decoder do that.",
    ),
    Advice(
        "t5",
        ("translate", "summarise", "simplify", "convert", "normalise"),
        ("seq2seq",),
        "An encoder-decoder reads all of one text and then writes another: summaries, versions in plain "
        "words, forms filled from notes.",
        "It needs pairs of texts to learn from. With instructions instead of pairs, take a decoder.",
    ),
)


def advise(goal: str) -> str:
    """Which family to take for a goal ("explain", "extract", "summarise" ...) or a trainer's task, and why.

    Raises:
        BadConfigError: the goal is not in the table.
    """
    word = goal.strip().lower()
    for advice in ADVICE:
        if word in advice.goals or word in advice.tasks:
            return f"{advice.family.upper()}. {advice.why} {advice.instead}"
    known = ", ".join(word for advice in ADVICE for word in advice.goals)
    raise BadConfigError(f"There is no advice for the goal {goal!r}. There is for: {known}.")
