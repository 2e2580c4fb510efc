"""The adapter in one step: what peft computes, forward and backward, and its dropout."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from peft import LoraConfig, get_peft_model

from training import lora

pytestmark = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing`:FutureWarning")


def adapted(gpt: Path, **options: Any) -> tuple[Any, Any]:
    """(peft's own, the same sped up), with adapters that do something."""
    torch.manual_seed(3)
    base = transformers.AutoModelForCausalLM.from_pretrained(gpt)
    plain = get_peft_model(
        base, LoraConfig(r=4, target_modules="all-linear", task_type="CAUSAL_LM", **options)
    )
    for name, value in plain.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(value, std=0.1)
    fast = copy.deepcopy(plain)
    assert lora.speed_up(fast) == (0 if options.get("use_dora") else 14)
    return plain, fast


def test_it_computes_what_peft_computes(gpt: Path) -> None:
    plain, fast = adapted(gpt)
    ids = torch.randint(0, 300, (3, 9))
    results = []
    for model in (plain, fast):
        out = model.get_base_model().model(input_ids=ids).last_hidden_state
        (out * torch.linspace(-1, 1, out.numel()).view_as(out)).sum().backward()
        results.append(out)
    torch.testing.assert_close(*results, rtol=1e-5, atol=1e-6)
    theirs = dict(plain.named_parameters())
    for name, value in fast.named_parameters():
        if value.requires_grad:
            torch.testing.assert_close(value.grad, theirs[name].grad, rtol=1e-4, atol=1e-5)
        else:
            assert value.grad is None


def test_the_gradient_is_that_of_the_function_with_dropout_too() -> None:
    torch.manual_seed(0)
    shapes = ((5, 6), (7, 6), (7,), (2, 6), (7, 2))
    inputs = [torch.randn(shape, dtype=torch.float64) for shape in shapes]
    for index in (0, 3, 4):
        inputs[index].requires_grad_()

    def run(x: torch.Tensor, down: torch.Tensor, up: torch.Tensor) -> torch.Tensor:
        torch.manual_seed(9)
        return lora._LoraLinear.apply(x, inputs[1], inputs[2], down, up, 0.5, 0.3)  # type: ignore[no-any-return]

    # Adapters' gradients are handed over in float32, which is why the tolerance is no tighter.
    assert torch.autograd.gradcheck(run, (inputs[0], inputs[3], inputs[4]), rtol=1e-4, atol=1e-5)


def test_dora_stays_with_peft(gpt: Path) -> None:
    plain, fast = adapted(gpt, use_dora=True)
    ids = torch.randint(0, 300, (1, 5))
    torch.testing.assert_close(plain(input_ids=ids).logits, fast(input_ids=ids).logits)


def test_it_steps_aside_when_the_adapter_is_off_or_merged(gpt: Path) -> None:
    plain, fast = adapted(gpt)
    ids = torch.randint(0, 300, (1, 5))
    with plain.disable_adapter(), fast.disable_adapter():
        torch.testing.assert_close(plain(input_ids=ids).logits, fast(input_ids=ids).logits)
    with_adapter = fast(input_ids=ids).logits
    torch.testing.assert_close(fast.merge_and_unload()(input_ids=ids).logits, with_adapter)


@pytest.mark.parametrize("dropout", [0.05, 0.5, 0.9])
def test_dropout_drops_as_much_as_it_says_and_scales_the_rest(dropout: float) -> None:
    torch.manual_seed(1)
    kept = lora.draw_kept(torch.Size((1000, 301)), dropout, torch.device("cpu"))
    assert kept.shape == (1000, 301)
    assert kept.float().mean().item() == pytest.approx(1 - dropout, abs=0.004)
    columns = kept.float().mean(0)  # no place is favoured, whichever bits it is drawn from
    assert (columns - (1 - dropout)).abs().max() < 0.08
    one = torch.ones(4000, 64)
    out = lora._LoraLinear.apply(
        one, torch.zeros(1, 64), None, torch.ones(1, 64) / 64, torch.ones(1, 1), 1.0, dropout
    )
    assert out.mean().item() == pytest.approx(1.0, abs=0.02)


def test_neighbours_are_dropped_independently() -> None:
    torch.manual_seed(2)
    kept = lora.draw_kept(torch.Size((400_000,)), 0.5, torch.device("cpu")).float() - 0.5
    for distance in (1, 2, 3, 4):
        assert abs((kept[:-distance] * kept[distance:]).mean().item()) < 0.002


def test_in_bf16_a_young_adapter_is_not_lost_in_rounding() -> None:
    """Its part is a fifth of what bf16 can tell apart; over many outputs it must be there."""
    torch.manual_seed(4)
    rows = torch.randn(256, 64).bfloat16()
    weight = (torch.randn(512, 64) / 8).bfloat16()
    down, up = torch.randn(4, 64) / 8, torch.randn(512, 4) * 2e-4
    part = rows.float() @ down.T @ up.T
    with_it, without = (
        lora._LoraLinear.apply(rows, weight, None, down, high, 1.0, 0.0).float()
        for high in (up, torch.zeros_like(up))
    )
    share = ((with_it - without) * part).sum() / (part * part).sum()
    assert share.item() == pytest.approx(1.0, abs=0.15)
