"""Words of the lesson on differential privacy."""

TERMS = {
    "differential privacy": "A promise that each answer is nearly as likely without any one person's data.",
    "epsilon": "How much one person's data can change an answer's odds: by e to the epsilon at most.",
    "delta": "The small probability with which the promise of epsilon may fail.",
    "laplace noise": "Random numbers around 0, large ones exponentially rarer than small ones.",
    "sensitivity": "How much one person can change the true answer; of a count it is 1.",
    "privacy budget": "How much epsilon all answers about a data set may cost together.",
    "composition": "How the costs of several answers about the same people add up.",
    "differencing": "Taking two allowed answers apart, so that only one person is left between them.",
    "clipping": "Shortening each person's gradient to a fixed length, so that nobody counts for more.",
    "dp-sgd": "Training in small steps with each person's gradient clipped and noise added to every sum.",
    "likelihood test": "Guessing the case under which what was seen is more probable; no guess is better.",
}
