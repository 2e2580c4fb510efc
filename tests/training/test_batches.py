"""Plan, cut and collation: everything once, little padding, the same from any step on."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
import transformers
from hypothesis import given
from hypothesis import strategies as st

from tests.training import tiny
from training.batches import Collator, Plan, cut
from training.examples import IGNORED, Example, encode

CPU = torch.device("cpu")
LENGTHS = st.lists(st.integers(1, 32), min_size=1, max_size=80)


@given(LENGTHS, st.integers(1, 5), st.integers(1, 4), st.sampled_from((0, 32, 100)), st.integers(0, 9))
def test_an_epoch_has_every_example_once_and_no_step_is_empty(
    lengths: list[int], rows: int, accumulation: int, tokens: int, seed: int
) -> None:
    config = tiny.config("x", batch_size=rows, accumulation=accumulation, batch_tokens=tokens, seed=seed)
    plan = Plan(lengths, config)
    for epoch in (0, 1):
        steps = plan.epoch(epoch)
        assert len(steps) == plan.steps_in_epoch
        assert all(steps)
        assert sorted(index for step in steps for index in step) == list(range(len(lengths)))
    assert plan.steps == 2 * plan.steps_in_epoch


def test_epochs_differ_and_repeat_with_the_seed() -> None:
    plan, again = (Plan([4] * 40, tiny.config("x", seed=3)) for _ in range(2))
    assert plan.epoch(1) == again.epoch(1)
    assert plan.epoch(0) != plan.epoch(1)
    assert Plan([4] * 40, tiny.config("x", seed=4)).epoch(0) != plan.epoch(0)


def test_the_most_steps_end_a_run_before_its_epochs() -> None:
    assert Plan([4] * 40, tiny.config("x", max_steps=7)).steps == 7
    assert Plan([4] * 40, tiny.config("x", max_steps=7000)).steps == 20


@given(LENGTHS, st.integers(1, 8), st.sampled_from((0, 32, 64)), st.integers(0, 100))
def test_groups_hold_every_example_once_within_their_bounds(
    lengths: list[int], rows: int, tokens: int, overhead: int
) -> None:
    groups = cut(lengths, rows, tokens, overhead)
    assert sorted(index for group in groups for index in group) == list(range(len(lengths)))
    for group in groups:
        assert 0 < len(group) <= rows
        assert not tokens or len(group) * max(lengths[index] for index in group) <= tokens


def test_the_cut_weighs_padding_against_passes() -> None:
    assert cut([100, 100, 5, 5], 4, 0, overhead=10) == [[0, 1], [2, 3]]
    assert cut([100, 99, 98, 97], 4, 0, overhead=10) == [[0, 1, 2, 3]]
    assert len(cut([100, 50], 4, 0, overhead=60)) == 1


def test_the_cut_is_the_best_there_is() -> None:
    lengths = [9, 31, 3, 17, 16, 30, 2]
    order = sorted(lengths, reverse=True)

    def work(bounds: list[int]) -> int:
        return sum(12 + order[a] * (b - a) for a, b in pairwise(bounds))

    all_cuts = [[0, *(i + 1 for i in range(6) if mask >> i & 1), 7] for mask in range(64)]
    found = cut(lengths, 3, 0, 12)
    best = min(work(c) for c in all_cuts if max(b - a for a, b in pairwise(c)) <= 3)
    assert sum(12 + max(lengths[i] for i in g) * len(g) for g in found) == best


def collator(folder: Path, task: str) -> Collator:
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    return Collator(tiny.config(folder, task=task), tokenizer, CPU)


def example(ids: list[int], targets: list[int]) -> Example:
    return Example(np.array(ids, np.int32), np.array(targets, np.int32))


def test_labels_are_found_in_the_padded_batch(gpt: Path) -> None:
    batch = collator(gpt, "causal").batch([example([5, 6, 7], [IGNORED, 7, 8]), example([9], [3])])
    assert batch.ids.tolist() == [[5, 6, 7], [9, 1, 1]]
    assert batch.mask is None
    assert batch.positions.tolist() == [1, 2, 3]
    assert batch.targets.tolist() == [7, 8, 3]


def test_an_encoder_does_not_see_padding(bert: Path) -> None:
    batch = collator(bert, "tagging").batch([example([5, 6, 7], [0, 1, 0]), example([9], [1])])
    assert batch.mask is not None
    assert batch.mask.tolist() == [[1, 1, 1], [1, 0, 0]]


def test_a_step_is_the_same_whenever_it_is_made_and_corrupted_anew_in_each_epoch(bert: Path) -> None:
    config = tiny.config(bert, task="masked")
    tokenizer = transformers.AutoTokenizer.from_pretrained(bert)
    examples = encode(tiny.texts(), "train", config, tokenizer).examples
    made = collator(bert, "masked")
    one, again = (made.step(examples, [0, 1, 2], 0) for _ in range(2))
    other = made.step(examples, [0, 1, 2], 1)
    assert all(torch.equal(a.ids, b.ids) for a, b in zip(one, again, strict=True))
    assert not all(torch.equal(a.ids, b.ids) for a, b in zip(one, other, strict=True))


def test_of_masked_tokens_most_are_masked_and_some_are_not(bert: Path) -> None:
    tokenizer = transformers.AutoTokenizer.from_pretrained(bert)
    ids = [2, *[10 + i % 40 for i in range(5000)], 3]
    long = example(ids, [IGNORED, *ids[1:-1], IGNORED])
    (batch,) = collator(bert, "masked").step([long], [0], 0)
    assert 0.13 < batch.labels / 5000 < 0.17
    seen = batch.ids.flatten()[batch.positions]
    masked = (seen == tokenizer.mask_token_id).float().mean().item()
    kept = (seen == batch.targets).float().mean().item()
    assert 0.76 < masked < 0.84
    assert 0.07 < kept < 0.15
    assert torch.equal(batch.ids[0, [0, -1]], torch.tensor([2, 3]))
    untouched = torch.ones(5002, dtype=torch.bool)
    untouched[batch.positions] = False
    assert torch.equal(batch.ids[0][untouched], torch.tensor(ids)[untouched])


@pytest.mark.parametrize("size", [1, 2, 3])
def test_even_the_shortest_text_has_one_token_to_restore(bert: Path, size: int) -> None:
    ids = [2, *[10] * size, 3]
    for index in range(20):
        (batch,) = collator(bert, "masked").step(
            [example(ids, [IGNORED, *[10] * size, IGNORED])] * 20, [index], 0
        )
        assert batch.labels >= 1
