"""Differential privacy: what a mechanism costs, a durable budget for each data set, and unguessable noise.

The training studio charges this ledger and the lab's lesson explains it. Imports nothing of the rest of the
project, and the accounting library only when something is computed.

Not covered: that the released numbers are floating-point ones, whose last bits are not those of a true
Gaussian (Mironov 2012); how long a computation takes; and tampering by whoever may write the ledger's file.
"""

from security.crypto.privacy.accounting import (
    epsilon_of,
    gaussian_deviation,
    laplace_scale,
    noise_for,
    numerical_epsilon,
    renyi_curve,
    total_epsilon,
)
from security.crypto.privacy.budget import Allowance, Budget, BudgetError, BudgetSpentError, Charge
from security.crypto.privacy.mechanisms import (
    Gaussian,
    Laplace,
    Mechanism,
    PrivacyError,
    SampledGaussian,
)
from security.crypto.privacy.noise import SecretStream

__all__ = [
    "Allowance",
    "Budget",
    "BudgetError",
    "BudgetSpentError",
    "Charge",
    "Gaussian",
    "Laplace",
    "Mechanism",
    "PrivacyError",
    "SampledGaussian",
    "SecretStream",
    "epsilon_of",
    "gaussian_deviation",
    "laplace_scale",
    "noise_for",
    "numerical_epsilon",
    "renyi_curve",
    "total_epsilon",
]
