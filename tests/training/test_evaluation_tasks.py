"""Answers, and tasks from files: what is read is what transformers computes one at a time."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers

from tests.training import tiny
from training.errors import BadConfigError, BadDataError
from training.evaluation import EvaluationOptions
from training.evaluation.answers import answer_all, chat_ids, prompts_of, say
from training.evaluation.harness import run_harness
from training.evaluation.models import load
from training.evaluation.tasks import run_task
from training.sampling import continuation

OPTIONS = EvaluationOptions(context=64, precision="fp32", batch_size=3, tokens=8, generate=5)


def pairs(*turns: list[str]) -> tiny.FakeSet:
    roles = ("user", "assistant")
    rows = [
        {"messages": [{"role": roles[i % 2], "content": said} for i, said in enumerate(row)]} for row in turns
    ]
    return tiny.FakeSet("pairs", [], rows)


def test_many_answers_at_once_are_the_answers_one_at_a_time(gpt: Path) -> None:
    loaded = load(str(gpt), OPTIONS, "pairs")
    asked = [*tiny.sentences(9, seed=4, longest=9), "a"]
    said = say(loaded, chat_ids(loaded, asked), 8)
    alone = [continuation(loaded.model, loaded.tokenizer, text, 8, chat=True).strip() for text in asked]
    assert said == alone and len(set(said)) > 1


def test_an_encoder_decoder_answers_the_same_in_a_batch(t5: Path) -> None:
    loaded = load(str(t5), replace(OPTIONS, task="seq2seq"), "pairs")
    data = tiny.pairs(0, 6)
    together = [answer.answer for answer in answer_all(loaded, data, OPTIONS)]
    alone = [
        answer_all(loaded, replace(data, held_out=[row]), OPTIONS)[0].answer for row in data.held_out[:5]
    ]
    assert together == alone


def test_a_prompt_ends_where_the_last_answer_begins(gpt: Path) -> None:
    loaded = load(str(gpt), OPTIONS, "pairs")
    data = pairs(["rest", "fever", "heart", "blood"], ["a cold", "rest", "then"], ["alone"])
    first, second = prompts_of(loaded, data, OPTIONS)
    shown = [loaded.tokenizer.decode(prompt.ids) for prompt in (first, second)]
    assert shown[0] == "<s>user\nrest</s>\n<s>assistant\nfever</s>\n<s>user\nheart</s>\n<s>assistant\n"
    assert shown[1] == "<s>user\na cold</s>\n<s>assistant\n"
    assert (first.question, first.reference, second.row) == ("heart", "blood", 1)


def test_a_control_token_in_a_question_has_no_power(gpt: Path) -> None:
    loaded = load(str(gpt), OPTIONS, "pairs")
    (prompt,) = prompts_of(loaded, pairs(["rest</s>", "fever"]), OPTIONS)
    assert prompt.ids.tolist().count(loaded.tokenizer.eos_token_id) == 1


def test_prompts_that_leave_no_room_are_left_out(gpt: Path) -> None:
    loaded = load(str(gpt), replace(OPTIONS, tokens=50), "pairs")
    long = [" ".join(tiny.WORDS), "fever"]
    assert [prompt.row for prompt in prompts_of(loaded, pairs(long, ["a", "b"]), OPTIONS)] == [1]


def test_wikitext_slides_over_the_whole_text(gpt: Path, tmp_path: Path) -> None:
    text = "\n".join(tiny.sentences(10, seed=6))
    (tmp_path / "wiki.txt").write_text(text)
    options = replace(OPTIONS, context=16)
    found = run_task("wikitext", tmp_path / "wiki.txt", str(gpt), options)
    model = transformers.AutoModelForCausalLM.from_pretrained(gpt).eval()
    tokenizer = transformers.AutoTokenizer.from_pretrained(gpt)
    ids = torch.tensor([*tokenizer(text)["input_ids"], tokenizer.eos_token_id])
    nats, done, start = 0.0, 0, 0
    while done < len(ids) - 1:
        end = min(start + 16, len(ids) - 1)
        with torch.no_grad():
            logits = model(ids[None, start:end]).logits[0, done - start :]
        nats += torch.nn.functional.cross_entropy(logits, ids[done + 1 : end + 1], reduction="sum").item()
        done, start = end, end - 8
    assert found["loss"] == pytest.approx(nats / (len(ids) - 1), abs=1e-5)
    assert found["word_perplexity"] == pytest.approx(math.exp(nats / len(text.split())), rel=1e-4)
    shorter = run_task("wikitext", tmp_path / "wiki.txt", str(gpt), replace(options, rows=1))
    assert shorter["loss"] != found["loss"]


def test_lambada_asks_for_every_token_of_the_last_word(gpt: Path, tmp_path: Path) -> None:
    passages = [*tiny.sentences(6, seed=8, longest=12), " ".join(tiny.WORDS)]
    model = transformers.AutoModelForCausalLM.from_pretrained(gpt).eval()
    tokenizer = transformers.AutoTokenizer.from_pretrained(gpt)
    # A word that the model does say: one passage is right by design.
    (said,) = model.generate(**tokenizer(["rest"], return_tensors="pt"), max_new_tokens=1, do_sample=False)
    word = tokenizer.decode(said[-1:])
    passages += [f"rest {word.strip()}"] if word.startswith(" ") else []
    nats = right = 0.0
    for text in passages:
        _, last = text.rsplit(" ", 1)
        whole = tokenizer(text)["input_ids"][-65:]
        size = len(tokenizer(f" {last}")["input_ids"])
        ids = torch.tensor([whole])
        with torch.no_grad():
            logits = model(ids[:, :-1]).logits[0, -size:]
        nats += torch.nn.functional.cross_entropy(logits, ids[0, -size:], reduction="sum").item()
        right += bool((logits.argmax(1) == ids[0, -size:]).all())
    (tmp_path / "plain.txt").write_text("\n".join(passages))
    (tmp_path / "lines.jsonl").write_text("\n".join(json.dumps({"text": text}) for text in passages))
    for name in ("plain.txt", "lines.jsonl"):
        found = run_task("lambada", tmp_path / name, str(gpt), OPTIONS)
        assert found["accuracy"] == pytest.approx(right / len(passages))
        assert found["perplexity"] == pytest.approx(math.exp(nats / len(passages)), rel=1e-4)


FILES = {
    "sst2": ('sentence\tlabel\nrest helps\t1\na "fever" hurts\t0\n', ["sentence"]),
    "mrpc": (
        "\ufeffQuality\t#1 ID\t#2 ID\t#1 String\t#2 String\n1\t7\t8\trest\tmore rest\n0\t7\t8\ta\tb\n",
        ["#1 String", "#2 String"],
    ),
    "cola": ("gj04\t1\t\tRest helps.\ngj04\t0\t*\tRest help helps.\n", ["sentence"]),
    "rte": (
        "index\tsentence1\tsentence2\tlabel\n0\trest\tmore\tentailment\n1\ta\tb\tnot_entailment\n",
        ["sentence1", "sentence2"],
    ),
}
EXPECTED = {"sst2": [1, 0], "mrpc": [1, 0], "cola": [1, 0], "rte": [0, 1]}


@pytest.mark.parametrize("name", FILES)
def test_glue_files_as_they_are_published(name: str, bert: Path, tmp_path: Path) -> None:
    content, _ = FILES[name]
    (tmp_path / "dev.tsv").write_text(content)
    model = transformers.AutoModelForSequenceClassification.from_pretrained(bert, num_labels=2)
    model.save_pretrained(tmp_path / "model")
    tokenizer = transformers.AutoTokenizer.from_pretrained(bert)
    tokenizer.save_pretrained(tmp_path / "model")
    found = run_task(name, tmp_path / "dev.tsv", str(tmp_path / "model"), OPTIONS)
    cells = [line.split("\t") for line in content.strip().split("\n")][-2:]
    texts = {"sst2": [0], "mrpc": [3, 4], "cola": [3], "rte": [1, 2]}[name]
    right = 0
    for row, label in zip(cells, EXPECTED[name], strict=True):
        inputs = tokenizer(*(row[at] for at in texts), return_tensors="pt")
        with torch.no_grad():
            right += model.eval()(**inputs).logits.argmax().item() == label
    assert found["accuracy"] == right / 2
    assert set(found) == {"accuracy"} | {"mrpc": {"f1"}, "cola": {"matthews"}}.get(name, set())


def test_the_names_of_a_model_decide_which_output_is_which(bert: Path, tmp_path: Path) -> None:
    rows = [{"sentence": text, "label": index % 2} for index, text in enumerate(tiny.sentences(8))]
    (tmp_path / "dev.jsonl").write_text("\n".join(map(json.dumps, rows)))
    found = {}
    for order in (("negative", "positive"), ("positive", "negative")):
        torch.manual_seed(0)
        names: Any = {"id2label": dict(enumerate(order)), "label2id": {v: k for k, v in enumerate(order)}}
        folder = tmp_path / order[0]
        transformers.AutoModelForSequenceClassification.from_pretrained(bert, **names).save_pretrained(folder)
        transformers.AutoTokenizer.from_pretrained(bert).save_pretrained(folder)
        found[order[0]] = run_task("sst2", tmp_path / "dev.jsonl", str(folder), OPTIONS)["accuracy"]
    assert found["negative"] == pytest.approx(1 - found["positive"])


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("sst2", "sentence\tlabel\nrest\t7\n", "line 2: the label is '7'"),
        ("sst2", "index\tlabel\n1\t1\n", "line 2 has no sentence or text"),
        ("sst2", "sentence\tlabel\n", "has no rows"),
        ("rte", '{"sentence1": "a"', "line 1 is no JSON"),
        ("wikitext", " \n", "is empty"),
        ("wikitext", None, "can't be read"),
        ("lambada", "one two\nalone\n", "line 2 must be a passage"),
    ],
)
def test_a_file_that_is_not_the_tasks_is_named(
    name: str, content: str | None, message: str, gpt: Path, bert: Path, tmp_path: Path
) -> None:
    path = tmp_path / "file"
    if content is not None:
        path.write_text(content)
    model = gpt if name in ("wikitext", "lambada") else bert
    with pytest.raises(BadDataError, match=message):
        run_task(name, path, str(model), OPTIONS)


def test_an_unknown_task_is_told_the_known_ones(gpt: Path, tmp_path: Path) -> None:
    with pytest.raises(BadConfigError, match="There are: wikitext, lambada, sst2, mrpc, cola, rte"):
        run_task("squad", tmp_path, str(gpt), OPTIONS)


def test_the_harness_is_asked_for_by_name_where_it_is_missing(gpt: Path) -> None:
    with pytest.raises(BadConfigError, match="pip install lm-eval"):
        run_harness(str(gpt), ["piqa"], OPTIONS)


HARNESS = """
def simple_evaluate(model, tasks, limit):
    if "unknown" in tasks:
        raise KeyError("unknown")
    assert model.tokenizer.eos_token_id == 1 and model.max_length == 64
    return {"results": {task: {"alias": task, "acc,none": 0.5, "n": limit} for task in tasks}}
"""
WRAPPER = """
class HFLM:
    def __init__(self, pretrained, tokenizer, batch_size, max_length):
        self.model, self.tokenizer, self.max_length = pretrained, tokenizer, max_length
"""


def test_the_harness_is_given_our_model(gpt: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "lm_eval" / "models").mkdir(parents=True)
    (tmp_path / "lm_eval" / "__init__.py").write_text(HARNESS)
    (tmp_path / "lm_eval" / "models" / "__init__.py").write_text("")
    (tmp_path / "lm_eval" / "models" / "huggingface.py").write_text(WRAPPER)
    monkeypatch.syspath_prepend(tmp_path)
    assert run_harness(str(gpt), ["piqa"], replace(OPTIONS, rows=5)) == {"piqa": {"acc": 0.5, "n": 5.0}}
    with pytest.raises(BadConfigError, match="can't run unknown"):
        run_harness(str(gpt), ["unknown"], OPTIONS)
