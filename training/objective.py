"""The loss of a batch, as a sum over its label tokens.

The vocabulary is large and most positions bear no label, so hidden states are picked out before they meet
it. Where the head is one matrix, loss and gradient are made a slice at a time and no logits are kept.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import torch

from training.batches import Batch
from training.config import Task

_AT_ONCE = 1 << 24
"""Logits that may be in memory at once (64 MB)."""
_SHAPED = ("final_logit_softcapping", "logit_scale", "logits_scaling", "output_multiplier_scale")


class _HeadLoss(torch.autograd.Function):
    """Sum over rows of the cross entropy of `hidden @ weight.T + bias`; makes the gradients at once."""

    @staticmethod
    def forward(ctx: Any, *inputs: Any) -> torch.Tensor:
        hidden, weight, bias, targets, dtype = inputs
        wanted = ctx.needs_input_grad[:3]
        matrix = weight.to(dtype)
        total = hidden.new_zeros((), dtype=torch.float32)
        grad_hidden = torch.empty_like(hidden) if wanted[0] else None
        grad_weight = torch.zeros_like(weight) if wanted[1] else None
        grad_bias = torch.zeros_like(bias) if wanted[2] else None
        rows = max(16, _AT_ONCE // weight.shape[0])
        for at in range(0, len(hidden), rows):
            some, right = hidden[at : at + rows].to(dtype), targets[at : at + rows, None]
            logits = (some @ matrix.T).float()
            if bias is not None:
                logits += bias
            logits -= logits.amax(1, keepdim=True)
            total -= logits.gather(1, right).sum()
            sums = logits.exp_().sum(1, keepdim=True)
            total += sums.log().sum()
            if not any(wanted):
                continue
            logits /= sums
            logits.scatter_add_(1, right, logits.new_full(right.shape, -1.0))
            slope = logits.to(dtype)
            if grad_hidden is not None:
                grad_hidden[at : at + rows] = slope @ matrix
            if grad_weight is not None:
                grad_weight += slope.T @ some
            if grad_bias is not None:
                grad_bias += logits.sum(0)
        ctx.save_for_backward(grad_hidden, grad_weight, grad_bias)
        return total  # type: ignore[no-any-return]

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        return (*(None if made is None else made * grads[0] for made in ctx.saved_tensors), None, None)


class Objective:
    """Computes the loss of one model for one task."""

    def __init__(self, model: Any, task: Task, precision: torch.dtype) -> None:
        """`model` may be wrapped by peft; `precision` is what matrices are multiplied in."""
        self._model = model.get_base_model() if hasattr(model, "get_base_model") else model
        self._task = task
        self._dtype = precision
        self._device = next(model.parameters()).device
        head = self._model.get_output_embeddings() if task == "causal" else None
        shaped = any(getattr(self._model.config, name, None) is not None for name in _SHAPED)
        self._matrix = head if type(head) is torch.nn.Linear and not shaped else None

    def autocast(self) -> AbstractContextManager[Any]:
        """What forward passes run under."""
        enabled = self._dtype != torch.float32
        return torch.autocast(self._device.type, torch.bfloat16, enabled=enabled)

    def loss_sum(self, batch: Batch) -> torch.Tensor:
        """Sum of the cross entropy at the batch's labels."""
        batch = batch.to(self._device)
        with self.autocast():
            if self._matrix is None:
                logits = self._logits(batch).float()
                return torch.nn.functional.cross_entropy(logits, batch.targets, reduction="sum")
            out = self._model.base_model(input_ids=batch.ids, attention_mask=batch.mask, use_cache=False)
            hidden = out.last_hidden_state.flatten(0, 1)[batch.positions]
        return _HeadLoss.apply(  # type: ignore[no-any-return,no-untyped-call]
            hidden, self._matrix.weight, self._matrix.bias, batch.targets, self._dtype
        )

    def _logits(self, batch: Batch) -> torch.Tensor:
        options: dict[str, Any] = {"input_ids": batch.ids, "attention_mask": batch.mask}
        if self._task == "seq2seq":
            made = self._model.prepare_decoder_input_ids_from_labels(labels=batch.decoder)
            options |= {"decoder_input_ids": made, "use_cache": False}
        elif self._task == "causal":
            options["use_cache"] = False
        if self._task in ("tagging", "classification"):
            logits = self._model(**options).logits
            return logits.view(-1, logits.shape[-1])[batch.positions]  # type: ignore[no-any-return]
        with _gathered(self._head(), batch.positions):
            return self._model(**options).logits  # type: ignore[no-any-return]

    def _head(self) -> torch.nn.Module:
        for name in ("cls", "lm_head"):
            if isinstance(head := getattr(self._model, name, None), torch.nn.Module):
                return head
        return self._model.get_output_embeddings()  # type: ignore[no-any-return]


@contextmanager
def _gathered(head: torch.nn.Module, positions: torch.Tensor) -> Iterator[None]:
    """Within, `head` sees only the hidden states at `positions`, and its logits are (labels, vocabulary)."""

    def pick(_: torch.nn.Module, args: tuple[torch.Tensor, ...]) -> tuple[torch.Tensor, ...]:
        return (args[0].flatten(0, -2)[positions], *args[1:])

    hook = head.register_forward_pre_hook(pick)
    try:
        yield
    finally:
        hook.remove()
