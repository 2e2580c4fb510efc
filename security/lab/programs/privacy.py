"""A count with Laplace noise. Repeatable for the class; for real answers the randomness must be secret."""

import math
import random

rng = random.Random("privacy:show:0")
epsilon, patients, draws = 0.5, 200, 1000

statuses = [rng.random() < 0.15 for _ in range(patients)]  # who has HIV
true_count = sum(statuses)
scale = 1 / epsilon  # one patient changes the count by at most 1


def laplace() -> float:
    size = -scale * math.log(1 - rng.random())
    return size if rng.random() < 0.5 else -size


answers = [true_count + laplace() for _ in range(draws)]
error = sum(abs(answer - true_count) for answer in answers) / draws
print(f"true count: {true_count}")
print(f"noise scale: {scale:.6g}")
print(f"first noisy count: {answers[0]:.6g}")
print(f"mean error: {error:.6g}")
