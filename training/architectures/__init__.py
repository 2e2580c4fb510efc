"""Shapes of models, and what can be said of one before it is trained: how many parameters it has, how much
memory it needs, how long it takes, and on which hardware. Numbers only; nothing is loaded or drawn here.
"""

from training.architectures.accelerators import ACCELERATORS, Accelerator, measure_here
from training.architectures.catalogue import ADVICE, CATALOGUE, Advice, Pretrained, advise, base_of
from training.architectures.design import Design, Verdict, estimate, plan
from training.architectures.memory import Inference, Memory, inference_memory, training_memory
from training.architectures.parameters import Parameters, count
from training.architectures.request import USUAL_TASK, DesignRequest
from training.architectures.shapes import PRESETS, Family, Shape

__all__ = [
    "ACCELERATORS",
    "ADVICE",
    "CATALOGUE",
    "PRESETS",
    "USUAL_TASK",
    "Accelerator",
    "Advice",
    "Design",
    "DesignRequest",
    "Family",
    "Inference",
    "Memory",
    "Parameters",
    "Pretrained",
    "Shape",
    "Verdict",
    "advise",
    "base_of",
    "count",
    "estimate",
    "inference_memory",
    "measure_here",
    "plan",
    "training_memory",
]
