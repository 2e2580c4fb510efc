"""What a model answers: greedy, many prompts at once, so that two versions can be read side by side.

A prompt is made as in training: by the model's chat template, without power for control tokens in it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

import numpy as np

from training.errors import BadDataError
from training.evaluation.models import Loaded
from training.evaluation.options import EvaluationOptions, OnProgress, unheard
from training.evaluation.overlap import exact_match, rouge_l, rouge_n, token_f1
from training.examples import IGNORED, Ids, Rows

_BATCH = 8
_WHOLE = 1_000_000


@dataclass(frozen=True, eq=False)
class Prompt:
    """A row's last question, what its answer should be, and the (tokens,) that the model is given."""

    row: int
    question: str
    reference: str
    ids: Ids


@dataclass(frozen=True)
class Answer:
    """An answer beside its reference, with exact match, token F1 and ROUGE (each 0 to 1)."""

    row: int
    question: str
    reference: str
    answer: str
    exact_match: float
    f1: float
    rouge1: float
    rouge2: float
    rouge_l: float

    @classmethod
    def of(cls, prompt: Prompt, said: str) -> Answer:
        """Score what was said."""
        pair = (said, prompt.reference)
        return cls(
            prompt.row,
            prompt.question,
            prompt.reference,
            said,
            exact_match(*pair),
            token_f1(*pair),
            rouge_n(*pair, 1),
            rouge_n(*pair, 2),
            rouge_l(*pair),
        )


def prompts_of(loaded: Loaded, data: Rows, options: EvaluationOptions) -> list[Prompt]:
    """The first `options.generate` held-out rows whose prompt leaves room for an answer.

    Raises:
        BadConfigError: the model has no chat template.
    """
    whole = replace(loaded, config=replace(loaded.config, context=_WHOLE))
    room = loaded.config.context - options.tokens
    found: list[Prompt] = []
    rows = islice(data.rows("held_out"), options.rows or None)
    for place, row in enumerate(rows):
        if len(found) == options.generate:
            break
        turns = row["messages"]
        while turns and turns[-1]["role"] != "assistant":
            turns = turns[:-1]
        if len(turns) < 2:
            continue
        ids = _prompt_ids(whole, data, row | {"messages": turns})
        if ids is not None and (loaded.task == "seq2seq" or len(ids) <= room):
            found.append(Prompt(place, turns[-2]["content"], turns[-1]["content"], ids))
    return found


def _prompt_ids(loaded: Loaded, data: Rows, row: dict[str, Any]) -> Ids | None:
    """The tokens before the last answer; None where the row has no answer to be learned."""
    from training.evaluation.scoring import HeldOut, encode_rows

    try:
        example = encode_rows(HeldOut(data.name, "pairs", (row,)), loaded).examples[-1]
    except BadDataError:
        return None
    if loaded.task == "seq2seq":
        return example.ids
    masked = np.flatnonzero(example.targets == IGNORED)
    return example.ids[: masked[-1] + 2 if len(masked) else 1]


def chat_ids(loaded: Loaded, texts: Sequence[str]) -> list[Ids]:
    """Each text as one question in the chat template; as it is, where the model has none."""
    tokenizer = loaded.tokenizer
    if loaded.task != "causal" or not tokenizer.chat_template:
        return [np.array(tokenizer(text)["input_ids"], np.int32) for text in texts]
    turns = ([{"role": "user", "content": text}] for text in texts)
    shown = [
        tokenizer.apply_chat_template(turn, add_generation_prompt=True, tokenize=False) for turn in turns
    ]
    return [np.array(tokenizer(text, add_special_tokens=False)["input_ids"], np.int32) for text in shown]


def say(loaded: Loaded, prompts: Sequence[Ids], tokens: int, on_progress: OnProgress = unheard) -> list[str]:
    """What the model says to each prompt, the likeliest token every time, in the order of the prompts."""
    order = sorted(range(len(prompts)), key=lambda index: -len(prompts[index]))
    answers = [""] * len(prompts)
    for at in range(0, len(order), _BATCH):
        group = order[at : at + _BATCH]
        for index, text in zip(group, _generate(loaded, [prompts[i] for i in group], tokens), strict=True):
            answers[index] = text
        on_progress(min(at + _BATCH, len(order)), len(order), "answers")
    return answers


def _generate(loaded: Loaded, prompts: Sequence[Ids], tokens: int) -> list[str]:
    import torch
    from transformers import GenerationConfig

    model, tokenizer = loaded.model, loaded.tokenizer
    width = max(len(ids) for ids in prompts)
    ids = torch.full((len(prompts), width), tokenizer.pad_token_id or 0)
    mask = torch.zeros_like(ids)
    for line, prompt in enumerate(prompts):
        # A decoder goes on from the last place, so what is padded stands before; an encoder begins at 0.
        part = slice(0, len(prompt)) if loaded.task == "seq2seq" else slice(width - len(prompt), width)
        ids[line, part] = torch.from_numpy(prompt.astype(np.int64))
        mask[line, part] = 1
    choice = GenerationConfig(
        max_new_tokens=tokens,
        do_sample=False,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    where = next(model.parameters()).device
    with torch.no_grad(), loaded.autocast():
        said = model.generate(
            input_ids=ids.to(where), attention_mask=mask.to(where), generation_config=choice
        )
    new = said if loaded.task == "seq2seq" else said[:, width:]
    return [text.strip() for text in tokenizer.batch_decode(new, skip_special_tokens=True)]


def answer_all(
    loaded: Loaded, data: Rows, options: EvaluationOptions, on_progress: OnProgress = unheard
) -> tuple[Answer, ...]:
    """Answers to held-out prompts, scored against their references."""
    prompts = prompts_of(loaded, data, options)
    said = say(loaded, [prompt.ids for prompt in prompts], options.tokens, on_progress)
    return tuple(Answer.of(prompt, text) for prompt, text in zip(prompts, said, strict=True))
