"""The loss: the same as from all logits, whatever the padding and the cut."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
import transformers

from tests.training import tiny
from training import bases
from training.batches import Collator
from training.examples import Encoded, encode, label_names
from training.objective import Objective, _HeadLoss

CPU = torch.device("cpu")
CASES = [("causal", "gpt", tiny.texts), ("causal", "gpt", tiny.pairs), ("masked", "bert", tiny.texts)]
CASES += [("tagging", "bert", tiny.tagged), ("classification", "bert", tiny.labelled)]
CASES += [("seq2seq", "t5", tiny.pairs)]


def parts(task: str, folder: Path, data: tiny.FakeSet) -> tuple[Any, Encoded, Collator]:
    config = tiny.config(folder, task=task, context=64)
    base = bases.load_base(config, label_names(data))
    encoded = encode(data, "train", config, base.tokenizer, label_names(data))
    return base.model.eval(), encoded, Collator(config, base.tokenizer, CPU)


@pytest.mark.parametrize(("task", "base", "make"), CASES)
def test_the_loss_is_that_of_all_logits_and_so_are_its_gradients(
    request: pytest.FixtureRequest, task: str, base: str, make: Any
) -> None:
    model, encoded, collator = parts(task, request.getfixturevalue(base), make())
    (batch,) = collator.step(encoded.examples, [0], 0)
    loss = Objective(model, task, torch.float32).loss_sum(batch)  # type: ignore[arg-type]
    loss.backward()
    gradients = {name: value.grad.clone() for name, value in model.named_parameters()}
    model.zero_grad()
    extra = {"labels": batch.decoder} if task == "seq2seq" else {}
    logits = model(input_ids=batch.ids, attention_mask=batch.mask, **extra).logits
    logits = logits.flatten(0, -2)[batch.positions]
    full = torch.nn.functional.cross_entropy(logits, batch.targets, reduction="sum")
    full.backward()
    assert loss.item() == pytest.approx(full.item(), rel=1e-6)
    for name, value in model.named_parameters():
        torch.testing.assert_close(gradients[name], value.grad, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("task", "base", "make"), CASES)
def test_padding_and_cut_change_nothing(
    request: pytest.FixtureRequest, task: str, base: str, make: Any
) -> None:
    model, encoded, collator = parts(task, request.getfixturevalue(base), make())
    objective = Objective(model, task, torch.float32)  # type: ignore[arg-type]
    some = [collator._corrupted(encoded.examples[index], 0, index) for index in range(6)]
    with torch.no_grad():
        together = objective.loss_sum(collator.batch(some)).item()
        alone = sum(objective.loss_sum(collator.batch([one])).item() for one in some)
    assert together == pytest.approx(alone, rel=1e-5)


@pytest.mark.parametrize("bias", [False, True])
def test_the_head_is_right_over_many_slices(monkeypatch: pytest.MonkeyPatch, bias: bool) -> None:
    monkeypatch.setattr("training.objective._AT_ONCE", 1)
    torch.manual_seed(1)
    inputs = [torch.randn(50, 8), torch.randn(30, 8), torch.randn(30) if bias else None]
    inputs = [None if value is None else value.requires_grad_() for value in inputs]
    targets = torch.randint(0, 30, (50,))
    loss = _HeadLoss.apply(*inputs, targets, torch.float32)
    wanted = torch.nn.functional.cross_entropy(torch.nn.functional.linear(*inputs), targets, reduction="sum")
    torch.testing.assert_close(loss, wanted)
    leaves = [value for value in inputs if value is not None]
    for one, other in zip(
        torch.autograd.grad(loss / 7, leaves), torch.autograd.grad(wanted / 7, leaves), strict=True
    ):
        torch.testing.assert_close(one, other)


def test_large_logits_overflow_nothing() -> None:
    hidden = torch.full((3, 4), 100.0, requires_grad=True)
    loss = _HeadLoss.apply(hidden, torch.randn(9, 4) * 100, None, torch.tensor([1, 2, 3]), torch.float32)
    loss.backward()
    assert torch.isfinite(loss)
    assert hidden.grad is not None
    assert torch.isfinite(hidden.grad).all()


def test_a_head_that_bends_its_logits_is_computed_by_the_model_itself(gpt: Path) -> None:
    model = transformers.AutoModelForCausalLM.from_pretrained(gpt)
    assert Objective(model, "causal", torch.float32)._matrix is not None
    model.config.final_logit_softcapping = 30.0
    assert Objective(model, "causal", torch.float32)._matrix is None
