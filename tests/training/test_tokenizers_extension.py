"""A base with words added: what it gains, that all else stays, and the rows that a model gets for them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import tokenizers as hf_tokenizers
import torch
import transformers

from tests.training import medical, tiny
from tests.training.medical import KINDS, TEXTS
from training import runs
from training.errors import BadConfigError, BadDataError
from training.tokenizers import (
    TokenizerSettings,
    compare,
    extend,
    grow_embeddings,
    load,
    measure,
    pieces,
    save,
    train_tokenizer,
)
from training.trainer import train


@pytest.fixture(scope="module")
def trained() -> dict[str, Any]:
    return medical.trained()


PLAIN = tiny.sentences(80, 5)


@pytest.mark.parametrize("kind", KINDS)
def test_words_are_added_and_all_else_stays(kind: Any, tmp_path: Path) -> None:
    base = train_tokenizer(PLAIN, TokenizerSettings(kind, 1000))
    extended, added = extend(base, TEXTS, 40)
    assert len(added) == 40
    assert len(extended) == len(base) + 40
    assert {token: extended.get_vocab()[token] for token in base.get_vocab()} == base.get_vocab()
    assert measure(extended, TEXTS).tokens < 0.8 * measure(base, TEXTS).tokens
    others = [word for word in tiny.WORDS if word not in {entry.strip(" ,") for entry in added}]
    assert len(others) > 20
    assert extended(others)["input_ids"] == base(others)["input_ids"]
    assert extended.decode(extended(TEXTS[0])["input_ids"]) == base.decode(base(TEXTS[0])["input_ids"])
    assert extended.special_tokens_map == base.special_tokens_map
    assert extended.chat_template == base.chat_template
    save(extended, tmp_path / "extended", {})
    assert load(tmp_path / "extended")(TEXTS)["input_ids"] == extended(TEXTS)["input_ids"]


def test_the_word_that_saves_most_comes_first() -> None:
    base = train_tokenizer(PLAIN, TokenizerSettings("bpe", 1000))
    texts = ["a zyxwvut", "a zyxwvut", "a zyxwvut", *["a qqq"] * 4, "a kkjjhhgg", "a 777777 777777"]
    _, added = extend(base, texts, 10)
    assert added == (" zyxwvut", " qqq")  # one word comes once, one is a number


def test_words_are_added_twice_over() -> None:
    base = train_tokenizer(PLAIN, TokenizerSettings("bpe", 1000))
    once, first = extend(base, TEXTS, 5)
    twice, second = extend(once, TEXTS, 5)
    assert not set(first) & set(second)
    assert len(twice) == len(base) + 10
    model = tiny_llama(len(base))
    assert grow_embeddings(model, twice) == 10


def test_a_longer_word_that_begins_with_a_new_one_loses_nothing() -> None:
    base = train_tokenizer([*PLAIN, "abcdefghijklmnopqrstuvwxyz"], TokenizerSettings("wordpiece", 1000))
    extended, added = extend(base, ["hepatitis"] * 3, 1)
    assert added == ("hepatitis",)
    assert [piece.text for piece in pieces(extended, "hepatitisx")[1:-1]] == ["hepatitis", "x"]
    bpe = train_tokenizer(PLAIN, TokenizerSettings("bpe", 1000))
    longer, added = extend(bpe, ["a hepatitis"] * 3, 1)
    assert added == (" hepatitis",)
    assert longer("a hepatitisx")["input_ids"] == bpe("a hepatitisx")["input_ids"]


def test_a_token_beside_the_vocabulary_keeps_its_id() -> None:
    base = train_tokenizer(PLAIN, TokenizerSettings("wordpiece", 1000))
    base.add_tokens(["<note>"])
    extended, _ = extend(base, TEXTS, 5)
    assert extended("<note> a")["input_ids"] == base("<note> a")["input_ids"]
    assert extended.convert_tokens_to_ids("<note>") == len(base) - 1


def test_what_cannot_be_extended_is_said() -> None:
    base = train_tokenizer(PLAIN, TokenizerSettings("bpe", 1000))
    with pytest.raises(BadConfigError, match=r"count must be from 1 to 20000; it is 0\."):
        extend(base, TEXTS, 0)
    with pytest.raises(BadDataError, match="It fits as it is"):
        extend(base, PLAIN, 10)
    with pytest.raises(BadDataError, match="There is no text"):
        extend(base, [" "], 10)
    core = hf_tokenizers.Tokenizer(hf_tokenizers.models.BPE({"a": 0}, []))
    without = transformers.PreTrainedTokenizerFast(tokenizer_object=core)
    with pytest.raises(BadConfigError, match="has no word boundaries to go by"):
        extend(without, TEXTS, 10)


def tiny_llama(vocabulary: int, tied: bool = False) -> Any:
    torch.manual_seed(0)
    shape = transformers.LlamaConfig(
        vocab_size=vocabulary, tie_word_embeddings=tied, num_key_value_heads=1, **tiny.SHAPE
    )
    return transformers.LlamaForCausalLM(shape)


def tiny_bert(vocabulary: int) -> Any:
    torch.manual_seed(0)
    model = transformers.BertForMaskedLM(transformers.BertConfig(vocab_size=vocabulary, **tiny.SHAPE))
    torch.nn.init.normal_(model.get_output_embeddings().bias)
    return model


MODELS: list[tuple[str, Callable[[int], Any]]] = [
    ("bpe", tiny_llama),
    ("bpe", lambda size: tiny_llama(size, tied=True)),
    ("wordpiece", tiny_bert),
    ("unigram", tiny_llama),
    ("bpe", lambda size: tiny_llama(size + 64)),  # with rows to spare
]


@pytest.mark.parametrize(("kind", "make"), MODELS)
def test_a_new_row_is_the_mean_of_the_pieces_rows(kind: Any, make: Callable[[int], Any]) -> None:
    base = train_tokenizer(PLAIN, TokenizerSettings(kind, 1000))
    extended, added = extend(base, TEXTS, 12)
    model = make(len(base))
    before = {name: value.clone() for name, value in matrices(model).items()}
    tied = model.get_output_embeddings().weight is model.get_input_embeddings().weight
    assert grow_embeddings(model, extended) == 12
    assert (model.get_output_embeddings().weight is model.get_input_embeddings().weight) == tied
    for name, value in matrices(model).items():
        assert value.shape[0] >= len(extended)
        assert torch.equal(value[: len(base)], before[name][: len(base)])
        for index, word in enumerate(added):
            parts = base(word, add_special_tokens=False)["input_ids"]
            assert len(parts) >= 3
            assert torch.allclose(value[len(base) + index], before[name][parts].mean(dim=0), atol=1e-6)
    model(input_ids=torch.tensor([extended(TEXTS[0], truncation=True, max_length=60)["input_ids"]]))


def matrices(model: Any) -> dict[str, torch.Tensor]:
    head = model.get_output_embeddings()
    bias = {} if head.bias is None else {"bias": head.bias.detach()}
    return {
        "in": model.get_input_embeddings().weight.detach(),
        "out": head.weight.detach(),
        **bias,
    }


def test_a_model_that_fits_stays_as_it_is(trained: dict[str, Any]) -> None:
    model = tiny_llama(len(trained["bpe"]))
    assert grow_embeddings(model, trained["bpe"]) == 0
    assert model.get_input_embeddings().weight.shape[0] == len(trained["bpe"])


@pytest.mark.model
def test_the_embedded_models_tokenizers() -> None:
    gpt, bert = load("gpt"), load("bert")
    assert (len(gpt), len(bert)) == (49152, 30522)
    for base in (gpt, bert):
        extended, added = extend(base, TEXTS, 30)
        assert len(added) == 30
        assert measure(extended, TEXTS).tokens < measure(base, TEXTS).tokens
        assert extended(tiny.PROSE)["input_ids"] == base(tiny.PROSE)["input_ids"]
    mine = train_tokenizer(TEXTS, TokenizerSettings("bpe", 1000))
    ours, theirs = (row.measured for row in compare({"mine": mine, "gpt": gpt}, TEXTS[:50]))
    assert ours.fertility < theirs.fertility


def test_a_base_is_fine_tuned_with_its_tokenizer_extended(gpt: Path, tmp_path: Path) -> None:
    base = transformers.AutoTokenizer.from_pretrained(gpt)
    data = tiny.FakeSet("text", [{"text": "bradykinesia and dyskinesia"}] * 12, [{"text": "bradykinesia"}])
    tokenizer, added = extend(base, [row["text"] for row in data.train], 2)
    assert added
    save(tokenizer, tmp_path / "extended", {})
    config = tiny.config(gpt, method="full", tokenizer=str(tmp_path / "extended"), max_steps=2)
    folder = runs.create(tmp_path, config)
    assert train(config, folder, data=data).reason == "done"
    model = transformers.AutoModelForCausalLM.from_pretrained(folder / "best")
    assert model.get_input_embeddings().num_embeddings >= len(tokenizer) > len(base)
    with pytest.raises(BadConfigError, match="needs method full"):
        tiny.config(gpt, tokenizer=str(tmp_path / "extended"))
