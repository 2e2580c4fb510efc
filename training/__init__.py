"""The training studio: from a pile of text to a better model, on any hardware."""
