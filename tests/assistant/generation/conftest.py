"""The two real engines, loaded once, and a tiny one with random weights to break and to close."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator
from pathlib import Path

import pytest

from assistant import weights
from assistant.generation.engine import Engine
from assistant.generation.openvino_engine import OpenVinoEngine
from assistant.generation.transformers_engine import TransformersEngine

TEMPLATE = "{% for message in messages %}{{ message['role'] }} {{ message['content'] }} {% endfor %}assistant"


@pytest.fixture(scope="package")
def gguf() -> Path:
    return weights.gpt_file()


@pytest.fixture(scope="package")
def openvino(gguf: Path) -> Iterator[OpenVinoEngine]:
    engine = OpenVinoEngine(gguf, "SmolLM2")
    yield engine
    engine.close()


@pytest.fixture(scope="package")
def loaded(gguf: Path) -> Iterator[tuple[TransformersEngine, str]]:
    """The engine by `transformers`, and what its loading printed."""
    printed = io.StringIO()
    with contextlib.redirect_stderr(printed), contextlib.redirect_stdout(printed):
        engine = TransformersEngine(gguf, "SmolLM2", device="cpu")
    yield engine, printed.getvalue()
    engine.close()


@pytest.fixture(params=("openvino", "transformers"))
def engine(request: pytest.FixtureRequest) -> Engine:
    if request.param == "openvino":
        return request.getfixturevalue("openvino")
    return request.getfixturevalue("loaded")[0]


@pytest.fixture(scope="package")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a Llama of 2 layers and 64 words that makes no sense; its maker wants no word twice."""
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import GenerationConfig, LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    folder = tmp_path_factory.mktemp("tiny")
    words = {"<unk>": 0, "<end>": 1} | {f"w{number}": number for number in range(2, 64)}
    core = Tokenizer(models.WordLevel(words, unk_token="<unk>"))
    core.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=core, unk_token="<unk>", eos_token="<end>")
    tokenizer.chat_template = TEMPLATE
    tokenizer.save_pretrained(folder)
    shape = LlamaConfig(
        vocab_size=64,
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=2,
        max_position_embeddings=8192,
        eos_token_id=1,
    )
    model = LlamaForCausalLM(shape)
    model.generation_config = GenerationConfig(eos_token_id=1, no_repeat_ngram_size=1)
    model.save_pretrained(folder)
    return folder


@pytest.fixture(params=("openvino", "transformers"))
def spare(request: pytest.FixtureRequest) -> Iterator[Engine]:
    """An engine of one's own, to close or to break."""
    made: Engine
    if request.param == "openvino":
        made = OpenVinoEngine(request.getfixturevalue("gguf"), "spare")
    else:
        made = TransformersEngine(request.getfixturevalue("tiny"), "spare", device="cpu")
    yield made
    made.close()
