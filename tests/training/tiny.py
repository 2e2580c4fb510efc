"""A GPT, a BERT and a T5 of a few thousand parameters, and small sets of each kind."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import tokenizers as hf_tokenizers
import torch
import transformers

from training.config import LoraSettings, OptimiserSettings, TrainingConfig

TEMPLATE = (
    "{% for message in messages %}<s>{{ message['role'] }}\n{{ message['content'] }}</s>\n{% endfor %}"
    "{% if add_generation_prompt %}<s>assistant\n{% endif %}"
)
PROSE = (
    "asthma narrows the airways and makes breathing hard . a fever is a temperature above normal . insulin "
    "lowers sugar in the blood . the heart pumps blood through the body . rest and fluids help a cold ."
)
WORDS = PROSE.split()
SHAPE = {
    "hidden_size": 16,
    "intermediate_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "max_position_embeddings": 64,
}


def sentences(count: int, seed: int = 0, longest: int = 30) -> list[str]:
    """Texts of 3 to `longest` words."""
    rng = random.Random(seed)
    return [" ".join(rng.choices(WORDS, k=rng.randint(3, longest))) for _ in range(count)]


@dataclass(frozen=True)
class FakeSet:
    """A prepared set in memory."""

    kind: str
    train: list[dict[str, Any]]
    held_out: list[dict[str, Any]] = field(default_factory=list)
    name: str = "fake"
    hash: str = "0" * 64

    def rows(self, split: str) -> Iterator[dict[str, Any]]:
        rows = self.train if split == "train" else self.held_out
        return ({"id": str(i), "source": "here", **row} for i, row in enumerate(rows))


def texts(count: int = 24, held_out: int = 6) -> FakeSet:
    rows = [{"text": text} for text in sentences(count + held_out)]
    return FakeSet("text", rows[:count], rows[count:])


def pairs(count: int = 24, held_out: int = 6) -> FakeSet:
    asked, said = sentences(count + held_out, 1, 12), sentences(count + held_out, 2, 12)
    rows = [
        {"messages": [{"role": "user", "content": a}, {"role": "assistant", "content": b}]}
        for a, b in zip(asked, said, strict=True)
    ]
    return FakeSet("pairs", rows[:count], rows[count:])


def tagged(count: int = 24, held_out: int = 6) -> FakeSet:
    tags = {"asthma": "B-Disease", "fever": "B-Disease", "insulin": "B-Drug"}
    rows = [
        {"tokens": text.split(), "tags": [tags.get(word, "O") for word in text.split()]}
        for text in sentences(count + held_out)
    ]
    return FakeSet("tagged", rows[:count], rows[count:])


def labelled(count: int = 24, held_out: int = 6) -> FakeSet:
    rows = [
        {"text": text, "label": "long" if len(text) > 80 else "short"} for text in sentences(count + held_out)
    ]
    return FakeSet("labelled", rows[:count], rows[count:])


def config(base: Path | str, **changes: Any) -> TrainingConfig:
    """A run of a few steps on a tiny model."""
    values: dict[str, Any] = {
        "name": "run",
        "dataset": "none",
        "base": str(base),
        "epochs": 2,
        "batch_size": 2,
        "accumulation": 2,
        "context": 32,
        "precision": "fp32",
        "lora": LoraSettings(rank=4, alpha=8, dropout=0.1),
        "optimiser": OptimiserSettings(rate=5e-3),
    }
    return TrainingConfig(**(values | changes))


def make_gpt(folder: Path) -> Path:
    core = hf_tokenizers.Tokenizer(hf_tokenizers.models.BPE(unk_token=None))
    core.pre_tokenizer = hf_tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    core.decoder = hf_tokenizers.decoders.ByteLevel()
    trainer = hf_tokenizers.trainers.BpeTrainer(
        vocab_size=320,
        special_tokens=["<s>", "</s>"],
        initial_alphabet=hf_tokenizers.pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    core.train_from_iterator(sentences(50), trainer)
    tokenizer = transformers.PreTrainedTokenizerFast(
        tokenizer_object=core, bos_token="<s>", eos_token="</s>", pad_token="</s>"
    )
    tokenizer.chat_template = TEMPLATE
    tokenizer.save_pretrained(folder)
    torch.manual_seed(0)
    shape = transformers.LlamaConfig(
        vocab_size=len(tokenizer), bos_token_id=0, eos_token_id=1, num_key_value_heads=1, **SHAPE
    )
    transformers.LlamaForCausalLM(shape).save_pretrained(folder)
    return folder


def make_bert(folder: Path) -> Path:
    core = hf_tokenizers.Tokenizer(hf_tokenizers.models.WordPiece(unk_token="[UNK]"))
    core.pre_tokenizer = hf_tokenizers.pre_tokenizers.BertPreTokenizer()
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    trainer = hf_tokenizers.trainers.WordPieceTrainer(
        vocab_size=60, special_tokens=special, show_progress=False
    )
    core.train_from_iterator(sentences(50), trainer)
    core.post_processor = hf_tokenizers.processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    tokenizer = transformers.PreTrainedTokenizerFast(
        tokenizer_object=core,
        **{f"{name}_token": f"[{name.upper()}]" for name in ("pad", "unk", "cls", "sep", "mask")},
    )
    tokenizer.save_pretrained(folder)
    torch.manual_seed(0)
    shape = transformers.BertConfig(vocab_size=len(tokenizer), **SHAPE)
    transformers.BertForMaskedLM(shape).save_pretrained(folder)
    return folder


def make_t5(folder: Path) -> Path:
    core = hf_tokenizers.Tokenizer(hf_tokenizers.models.BPE(unk_token=None))
    core.pre_tokenizer = hf_tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    trainer = hf_tokenizers.trainers.BpeTrainer(
        vocab_size=320,
        special_tokens=["<pad>", "</s>"],
        initial_alphabet=hf_tokenizers.pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    core.train_from_iterator(sentences(50), trainer)
    core.post_processor = hf_tokenizers.processors.TemplateProcessing(
        single="$A </s>", special_tokens=[("</s>", 1)]
    )
    transformers.PreTrainedTokenizerFast(
        tokenizer_object=core, eos_token="</s>", pad_token="<pad>"
    ).save_pretrained(folder)
    torch.manual_seed(0)
    shape = transformers.T5Config(
        vocab_size=320,
        d_model=16,
        d_kv=8,
        d_ff=32,
        num_layers=2,
        num_heads=2,
        decoder_start_token_id=0,
        pad_token_id=0,
    )
    transformers.T5ForConditionalGeneration(shape).save_pretrained(folder)
    return folder
