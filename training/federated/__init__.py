"""N hospitals train one model, each with its own text: weights travel, text does not."""
