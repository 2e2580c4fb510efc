"""The low-rank adapter's arithmetic, done once instead of in seven steps.

peft makes the adapters and keeps their files; this replaces what its linear layers compute by the same in
one step: no copy of the input after dropout is kept, nothing is added out of place, and the mask is drawn
from 16 random bits a value. DoRA and every other variant stay as peft computes them.
"""

from __future__ import annotations

import functools
from typing import Any

import torch

_STEPS = 1 << 16


def draw_kept(size: torch.Size, dropout: float, device: torch.device) -> torch.Tensor:
    """True with probability 1 - `dropout`, to 1/65536; four values for each number that torch draws."""
    count = size.numel()
    words = torch.empty((count + 3) // 4, dtype=torch.int64, device=device)
    words.random_(torch.iinfo(torch.int64).min, None)
    bound = round(dropout * _STEPS) - _STEPS // 2
    return (words.view(torch.int16)[:count] >= bound).view(size)


def _sum_of_products(
    rows: torch.Tensor,
    weight: torch.Tensor,
    bias: torch.Tensor | None,
    inner: torch.Tensor,
    high: torch.Tensor,
) -> torch.Tensor:
    """rows weight' + bias + inner high', rounded once.

    Added to what is rounded to bf16 already, a young adapter's part is less than half a step and is lost.
    """
    if weight.dtype == torch.float32:
        return torch.nn.functional.linear(rows, weight, bias).addmm_(inner, high.T)
    both = torch.cat((rows, inner), 1)
    return torch.nn.functional.linear(both, torch.cat((weight, high), 1), bias)


class _LoraLinear(torch.autograd.Function):
    """x W' + bias + scale (mask x) A' B', in the dtype of W; W and bias are frozen."""

    @staticmethod
    def forward(ctx: Any, *inputs: Any) -> torch.Tensor:
        x, weight, bias, down, up, scale, dropout = inputs
        rows = x.reshape(-1, x.shape[-1]).to(weight.dtype)
        low, high = down.to(weight.dtype), up.to(weight.dtype)
        kept = None
        if dropout:
            kept = draw_kept(rows.shape, dropout, rows.device)
            scale = scale / (1 - round(dropout * _STEPS) / _STEPS)
        inner = (rows if kept is None else rows * kept) @ low.T
        out = _sum_of_products(rows, weight, bias, inner, high * scale)
        ctx.save_for_backward(rows, kept, inner, weight, low, high)
        ctx.scale, ctx.shape, ctx.dtype = scale, x.shape, x.dtype
        return out.view(*x.shape[:-1], -1)

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        rows, kept, inner, weight, low, high = ctx.saved_tensors
        grad = grads[0].reshape(-1, weight.shape[0]).to(weight.dtype)
        back = grad @ high
        back *= ctx.scale
        grad_up = (grad.T @ inner).float() * ctx.scale
        grad_down = (back.T @ (rows if kept is None else rows * kept)).float()
        grad_x = None
        if ctx.needs_input_grad[0]:
            if kept is None:
                grad_x = (grad @ weight).addmm_(back, low)
            else:
                grad_x = (back @ low).mul_(kept).addmm_(grad, weight)
            grad_x = grad_x.view(ctx.shape).to(ctx.dtype)
        return grad_x, None, None, grad_down, grad_up, None, None


def _forward(layer: Any, peft_forward: Any, x: torch.Tensor, *args: Any, **kwargs: Any) -> torch.Tensor:
    active = list(layer.active_adapters)
    if args or kwargs or layer.disable_adapters or layer.merged or len(active) != 1:
        return peft_forward(x, *args, **kwargs)  # type: ignore[no-any-return]
    name, base = active[0], layer.base_layer
    dropout = getattr(layer.lora_dropout[name], "p", 0.0) if layer.training else 0.0
    weights = (layer.lora_A[name].weight, layer.lora_B[name].weight)
    return _LoraLinear.apply(x, base.weight, base.bias, *weights, layer.scaling[name], dropout)  # type: ignore[no-any-return,no-untyped-call]


def speed_up(model: Any) -> int:
    """Let plain adapters on plain linear layers of a peft model compute in one step; how many there are."""
    from peft.tuners.lora import Linear

    changed = 0
    for layer in model.modules():
        if type(layer) is not Linear or type(layer.base_layer) is not torch.nn.Linear:
            continue
        plain = layer.lora_bias or {}
        if layer.lora_variant or any(plain.values()) or layer.base_layer.weight.requires_grad:
            continue
        layer.forward = functools.partial(_forward, layer, layer.forward)
        changed += 1
    return changed
