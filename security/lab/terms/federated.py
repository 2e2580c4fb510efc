"""Words of the lesson on federated learning."""

TERMS = {
    "federated learning": "Training one model at many places: data stays, and what the model learnt travels.",
    "fedavg": "Federated averaging: places train a model, and a server takes the mean of the weights.",
    "gradient": "For each weight of a model, which way and how steeply its error rises.",
    "local update": "What one place changed in the model's weights by training on its own data.",
    "model poisoning": "Sending a false update, so that the shared model does what the attacker wants.",
    "gradient leakage": "Working out the training data from a gradient or an update.",
    "krum": "A rule that takes the one update that lies nearest to its neighbours and drops the rest.",
    "trimmed mean": "A mean without the largest and the smallest values.",
    "secure sum": "Adding up numbers of several parties so that the one who adds sees nothing but the sum.",
    "case mix": "Which kinds of patients a hospital has.",
}
