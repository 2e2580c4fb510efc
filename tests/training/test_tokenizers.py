"""Tokenizers: what is learned, that it repeats, what is kept on disk, and a run that stands on one."""

from __future__ import annotations

import filecmp
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import transformers
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.training import medical, tiny
from tests.training.medical import KINDS, TEXTS
from training import runs, trainer
from training.errors import BadConfigError, BadDataError
from training.tokenizers import (
    TokenizerSettings,
    load,
    measure,
    pieces,
    save,
    train_tokenizer,
)
from training.tokenizers.texts import cut


@pytest.fixture(scope="module")
def trained() -> dict[str, Any]:
    return medical.trained()


@settings(max_examples=150, deadline=None)
@given(text=st.text(max_size=60))
def test_bpe_gives_every_text_back(trained: dict[str, Any], text: str) -> None:
    tokenizer = trained["bpe"]
    assert tokenizer.decode(tokenizer(text)["input_ids"]) == text
    assert len(pieces(tokenizer, text)) == len(tokenizer(text)["input_ids"])
    assert not any(piece.unknown for piece in pieces(tokenizer, text))


@settings(max_examples=60, deadline=None)
@given(text=st.text(min_size=1, max_size=40), kind=st.sampled_from(KINDS))
def test_the_pieces_cover_the_sentence(trained: dict[str, Any], text: str, kind: str) -> None:
    found = [piece for piece in pieces(trained[kind], text) if piece.start < piece.end]
    if not found:  # nothing but spaces and control characters, which these drop
        assert kind != "bpe"
        assert measure_or_none(trained[kind], text) is None or not text.strip()
        return
    done = 0
    for piece in found:
        assert piece.start <= done < piece.end or piece.end == done
        done = max(done, piece.end)
    assert done == len(text)


def measure_or_none(tokenizer: Any, text: str) -> Any:
    try:
        return measure(tokenizer, [text])
    except BadDataError:
        return None


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_text_gives_the_same_files(kind: Any, tmp_path: Path) -> None:
    """Three times: the library's own trainers differ between any two runs for two of the kinds."""
    texts = [*medical.sentences(150, 7), "é ü 漢 字 µ β ½ ﬁ"]
    for name in "abc":
        save(train_tokenizer(texts, TokenizerSettings(kind, 1000)), tmp_path / name, {"kind": kind})
    names = [path.name for path in (tmp_path / "a").iterdir()]
    assert "tokenizer.json" in names
    for other in "bc":
        same, different, wrong = filecmp.cmpfiles(tmp_path / "a", tmp_path / other, names, shallow=False)
        assert (sorted(same), different, wrong) == (sorted(names), [], [])


@pytest.mark.parametrize("kind", KINDS)
def test_texts_that_come_but_once_are_enough(kind: Any, trained: dict[str, Any]) -> None:
    once = train_tokenizer(iter(TEXTS), TokenizerSettings(kind, 1000))
    assert once.get_vocab() == trained[kind].get_vocab()


def test_a_larger_vocabulary_needs_fewer_tokens_a_word() -> None:
    texts = medical.sentences(1500, 3)
    small, large = (train_tokenizer(texts, TokenizerSettings("bpe", size)) for size in (1000, 1200))
    held_out = medical.sentences(100, 4)
    assert (len(small), len(large)) == (1000, 1200)
    assert measure(large, held_out).fertility < measure(small, held_out).fertility


def test_numbers_are_read_digit_by_digit(trained: dict[str, Any]) -> None:
    assert [piece.text for piece in pieces(trained["bpe"], "125 mg")] == ["1", "2", "5", " mg"]


def test_what_is_unknown_to_which_kind(trained: dict[str, Any]) -> None:
    strange = ["patient 漢 字 has"]
    rates = {kind: measure(trained[kind], strange).unknown_rate for kind in KINDS}
    assert rates["bpe"] == 0
    assert rates["wordpiece"] > 0
    assert rates["unigram"] > 0
    assert all(measure(trained[kind], TEXTS[:50]).unknown_rate == 0 for kind in KINDS)
    assert [piece.text.strip() for piece in pieces(trained["wordpiece"], strange[0]) if piece.unknown] == [
        "漢",
        "字",
    ]


@pytest.mark.parametrize(
    ("kind", "special", "framed"),
    [
        ("bpe", None, ["cold"]),
        ("bpe", "bert", ["[CLS]", "cold", "[SEP]"]),
        ("bpe", "t5", ["cold", "</s>"]),
        ("wordpiece", None, ["[CLS]", "cold", "[SEP]"]),
        ("wordpiece", "t5", ["cold", "</s>"]),
        ("unigram", None, ["cold", "</s>"]),
        ("unigram", "bert", ["[CLS]", "cold", "[SEP]"]),
    ],
)
def test_special_tokens_stand_where_the_shape_wants_them(kind: Any, special: Any, framed: list[str]) -> None:
    texts = ["cold fever rest colds"] * 20
    tokenizer = train_tokenizer(texts, TokenizerSettings(kind, 1000, special=special))
    tokens = tokenizer.convert_ids_to_tokens(tokenizer("cold")["input_ids"])
    assert [token.strip("▁") for token in tokens] == framed
    assert tokenizer.pad_token_id == 0
    assert (tokenizer.mask_token == "[MASK]") == ("[CLS]" in framed)


def test_a_gpts_tokenizer_speaks_chatml(trained: dict[str, Any]) -> None:
    turns = [{"role": "user", "content": "Why?"}, {"role": "assistant", "content": "So."}]
    text = trained["bpe"].apply_chat_template(turns, tokenize=False)
    assert text == "<|im_start|>user\nWhy?<|im_end|>\n<|im_start|>assistant\nSo.<|im_end|>\n"
    asked = trained["bpe"].apply_chat_template(turns[:1], tokenize=False, add_generation_prompt=True)
    assert text.startswith(asked)
    assert asked.endswith("<|im_start|>assistant\n")
    assert trained["bpe"].eos_token == "<|im_end|>"


@pytest.mark.parametrize("kind", KINDS)
def test_case_can_be_dropped(kind: Any) -> None:
    tokenizer = train_tokenizer(TEXTS[:80], TokenizerSettings(kind, 1000, lowercase=True))
    assert tokenizer("The PATIENT")["input_ids"] == tokenizer("the patient")["input_ids"]
    assert measure(tokenizer, ["THE PATIENT"]).unknown_rate == 0


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"size": 999}, r"size must be a whole number from 1000 to 50000; it is 999\."),
        ({"size": 50_001}, r"from 1000 to 50000; it is 50001\."),
        ({"size": True}, "size must be a whole number"),
        ({"size": 1e4}, "size must be a whole number"),
        ({"kind": "word"}, r"kind must be one of bpe, wordpiece, unigram; it is 'word'\."),
        ({"special": "llama"}, r"special must be one of gpt, bert, t5; it is 'llama'\."),
        ({"kind": "wordpiece", "special": "gpt"}, "have none for what is unknown, which wordpiece needs"),
        ({"lowercase": "yes"}, "lowercase must be true or false"),
    ],
)
def test_settings_that_cannot_be_are_named(values: dict[str, Any], message: str) -> None:
    with pytest.raises(BadConfigError, match=message):
        TokenizerSettings(**values)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("texts", [[], ["", " \n\t"]])
def test_nothing_to_learn_from_is_refused(kind: Any, texts: list[str]) -> None:
    with pytest.raises(BadDataError, match="There is no text to learn a tokenizer from"):
        train_tokenizer(texts, TokenizerSettings(kind, 1000))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "text",
    ["a", "x" * 30_000, "\ud800 half", "<|im_end|>[SEP]</s>", "".join(map(chr, range(0x4E00, 0x5A00)))],
)
def test_odd_texts_are_learned_from(kind: Any, text: str) -> None:
    tokenizer = train_tokenizer([text], TokenizerSettings(kind, 1000))
    assert len(tokenizer) <= 1000
    assert tokenizer("a fever")["input_ids"]


def test_reading_is_told_and_can_be_ended() -> None:
    told: list[tuple[str, int]] = []
    train_tokenizer(TEXTS, TokenizerSettings("unigram", 1000), lambda step, done: told.append((step, done)))
    size = sum(map(len, TEXTS))
    assert {step for step, _ in told} == {"counting characters", "reading", "learning"}
    assert ("counting characters", size) in told
    assert told[-1] == ("learning", size)

    class EnoughError(Exception):
        pass

    def enough(step: str, done: int) -> None:
        raise EnoughError

    with pytest.raises(EnoughError):
        train_tokenizer(TEXTS, TokenizerSettings("bpe", 1000), enough)


def test_a_stream_is_read_and_not_held() -> None:
    """The texts are made as they are read; the trainer is never further than it needs to be."""
    alive = most = 0

    class Text(str):
        def __new__(cls, value: str) -> Text:
            nonlocal alive, most
            alive += 1
            most = max(most, alive)
            return super().__new__(cls, value)

        def __del__(self) -> None:
            nonlocal alive
            alive -= 1

    class Many:
        def __iter__(self) -> Iterator[str]:
            return (Text(text) for _ in range(20) for text in TEXTS)

    train_tokenizer(Many(), TokenizerSettings("bpe", 1000))
    assert 0 < most < 2000


@settings(max_examples=60, deadline=None)
@given(texts=st.lists(st.text(max_size=80), max_size=4), longest=st.integers(1, 20))
def test_parts_are_the_text(texts: list[str], longest: int) -> None:
    parts = list(cut(texts, longest))
    assert "".join(parts) == "".join(texts)
    assert all(len(part) <= longest for part in parts)


@pytest.mark.parametrize("kind", KINDS)
def test_what_was_saved_loads_as_it_was(kind: str, trained: dict[str, Any], tmp_path: Path) -> None:
    folder = tmp_path / "deep" / "mine"
    save(trained[kind], folder, {"made": "here"})
    for back in (load(folder), load(str(folder)), transformers.AutoTokenizer.from_pretrained(folder)):
        assert back.get_vocab() == trained[kind].get_vocab()
        assert back(TEXTS[:9])["input_ids"] == trained[kind](TEXTS[:9])["input_ids"]
        assert back.special_tokens_map == trained[kind].special_tokens_map
        assert back.chat_template == trained[kind].chat_template
    assert [path.name for path in folder.parent.iterdir()] == ["mine"]
    assert '"made": "here"' in (folder / "lineage.json").read_text()


def test_a_folder_that_is_there_is_left_as_it_is(trained: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("all of it")
    with pytest.raises(BadDataError, match=r"There is a mine already, and it was left as it is\."):
        save(trained["bpe"], tmp_path / "mine", {})
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["thesis.txt"]


@pytest.mark.parametrize("base", ["a/b/c", "/nowhere/at/all", "no-such-org-at-all/nothing"])
def test_a_tokenizer_that_is_not_there_is_named(base: str, tmp_path: Path) -> None:
    with pytest.raises(BadConfigError, match=re.escape(base)):
        load(base)
    with pytest.raises(BadConfigError, match="can't be loaded"):
        load(tmp_path)


@pytest.mark.parametrize(
    ("kind", "task", "shape"), [("bpe", "causal", "llama"), ("wordpiece", "masked", "bert")]
)
def test_a_run_from_scratch_stands_on_it(
    kind: str, task: Any, shape: str, trained: dict[str, Any], tmp_path: Path
) -> None:
    save(trained[kind], tmp_path / "tokenizer", {})
    architecture = {"model_type": shape, **tiny.SHAPE}
    config = tiny.config(
        tmp_path / "tokenizer", task=task, method="scratch", architecture=architecture, max_steps=2
    )
    rows = [{"text": text} for text in TEXTS[:12]]
    outcome = trainer.train(
        config, runs.create(tmp_path / "runs", config), data=tiny.FakeSet("text", rows[:8], rows[8:])
    )
    assert (outcome.reason, outcome.steps) == ("done", 2)
    assert outcome.best is not None
    back = load(outcome.best)
    assert back(TEXTS[0])["input_ids"] == trained[kind](TEXTS[0])["input_ids"]
    assert transformers.AutoConfig.from_pretrained(outcome.best).vocab_size == len(back)


def test_a_gpt_from_scratch_learns_pairs_with_it(trained: dict[str, Any], tmp_path: Path) -> None:
    save(trained["bpe"], tmp_path / "tokenizer", {})
    architecture = {"model_type": "llama", **tiny.SHAPE}
    config = tiny.config(
        tmp_path / "tokenizer", method="scratch", architecture=architecture, max_steps=2, context=64
    )
    outcome = trainer.train(config, runs.create(tmp_path / "runs", config), data=tiny.pairs(12, 4))
    assert (outcome.reason, outcome.steps) == ("done", 2)
