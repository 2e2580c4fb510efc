"""Updates and held-out losses as a secure sum: what a client sends says nothing without those of all others.

A client sends its update times its examples, and the examples as one more number; of the sums follows the
mean. The server learns neither a client's update nor its size nor its loss.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from security.crypto.secure_sum import FixedPoint, Masked, Party, unmasked_sum
from training.federated.updates import Update, added

if TYPE_CHECKING:
    import torch

    from training.federated.updates import Weights

POINT = FixedPoint()


def hidden_numbers(numbers: Sequence[float], party: Party, parties: Sequence[bytes], context: str) -> Masked:
    """A few numbers.

    Raises:
        SecureSumError: a number can't be added up, or the parties are not those they should be.
    """
    import numpy as np

    return party.mask(POINT.encode(np.array(numbers, np.float64), len(parties)), parties, context)


def hidden_update(update: Update, party: Party, parties: Sequence[bytes], context: str) -> Masked:
    """An update with its examples.

    Raises:
        SecureSumError: as `hidden_numbers`.
    """
    import numpy as np

    flat = [update.delta[name].double().numpy().ravel() * update.examples for name in sorted(update.delta)]
    words = POINT.encode(np.concatenate([*flat, [float(update.examples)]]), len(parties))
    return party.mask(words, parties, context)


def sums(messages: Sequence[Masked], parties: Sequence[bytes], context: str) -> list[float]:
    """The sums of what `hidden_numbers` hid.

    Raises:
        MissingPartyError, SecureSumError: as `unmasked_sum`.
    """
    return [float(one) for one in POINT.decode(unmasked_sum(messages, parties, context))]


def secure_mean(
    weights: Weights, messages: Sequence[Masked], parties: Sequence[bytes], context: str
) -> dict[str, torch.Tensor]:
    """`weights` moved by the mean, by examples, of what `hidden_update` hid.

    Raises:
        MissingPartyError, SecureSumError: as `unmasked_sum`.
    """
    import torch

    total = torch.from_numpy(POINT.decode(unmasked_sum(messages, parties, context)))
    mean, delta, at = total[:-1] / total[-1], {}, 0
    for name in sorted(weights):
        one = weights[name]
        delta[name] = mean[at : at + one.numel()].view(one.shape)
        at += one.numel()
    return added(weights, delta)
