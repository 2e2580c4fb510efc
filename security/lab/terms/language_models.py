"""Words of the lesson on language models."""

from __future__ import annotations

TERMS = {
    "backdoor": "A way in that its maker planted and that ordinary tests don't show.",
    "canary": "A made-up secret put into data on purpose, to see whether it comes out again.",
    "exposure": "How far a secret stands out among random ones for a model, in bits.",
    "fine-tuning": "Training a finished model a little further on texts of one's own.",
    "opcode": "One order in a program for a machine, such as 'fetch' or 'call'.",
    "pickle": "Python's own way to write objects to a file: a program that builds them and can run anything.",
    "prompt injection": "Text that a model only ought to read, but that it follows like an order.",
    "provenance": "Where something comes from and through whose hands it went.",
    "safetensors": "A file format for a model's numbers with a plain header and nothing that can be run.",
}
