"""Federated averaging in plain Python: five hospitals, four measurements, one model.

Patients are made up; the random numbers are repeatable for the class, and never for secrets.
"""

import math
import random

rng = random.Random("federated:show:0")
RULE, SKEW, ROUNDS, STEPS, RATE = (0.5, 2.0, -1.5, 0.6), 0.8, 15, 2, 0.3
SIZES, MORE_ILL = (80, 50, 60, 30, 40), (0.0, 0.3, -0.3, 0.4, -0.4)
SHIFTS = ((0.8, 0, 0, 0), (0, 0.8, 0, 0), (0, 0, 0.8, 0), (0, 0, -0.8, 0.8), (-0.8, -0.8, 0, 0))


def chance(weights: list[float], z: list[float]) -> float:
    return 1 / (1 + math.exp(-weights[4] - sum(w * v for w, v in zip(weights, z, strict=False))))


def patient(shift: list[float], share: float) -> tuple[list[float], int]:
    wanted = rng.random() < share
    while True:
        z = [rng.gauss(off, 1.0) for off in shift]
        if (rng.random() < chance([*RULE, 0.0], z)) == wanted:
            return z, int(wanted)


def train(
    weights: list[float], patients: list[tuple[list[float], int]]
) -> list[float]:  # at the hospital: gradient descent on its own patients
    for _ in range(STEPS):
        errors = [(chance(weights, z) - ill, (*z, 1.0)) for z, ill in patients]
        slope = [sum(error * x[i] for error, x in errors) / len(errors) for i in range(5)]
        weights = [w - RATE * s for w, s in zip(weights, slope, strict=True)]
    return weights


hospitals = []
for size, more, shift in zip(SIZES, MORE_ILL, SHIFTS, strict=True):
    hospitals.append([patient([SKEW * s for s in shift], 0.5 + SKEW * more) for _ in range(size)])
test = [patient([0.0] * 4, 0.5) for _ in range(400)]

model = [0.0] * 5
for _ in range(ROUNDS):
    updates = [train(model, patients) for patients in hospitals]  # only these travel
    model = [sum(n * u[i] for n, u in zip(SIZES, updates, strict=True)) / sum(SIZES) for i in range(5)]

right = sum((chance(model, z) >= 0.5) == bool(ill) for z, ill in test)
print(f"federated accuracy: {right / len(test):.6g}")
print(f"tremor weight: {model[1]:.6g}")
