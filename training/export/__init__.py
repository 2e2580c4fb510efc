"""A trained model as a file or folder that other programs load: adapter, merged, GGUF; and onto the hub.

`export(source, form, out)` writes beside its place and renames, so that what is there is whole; what it
writes says the same as the adapter on its base. `push(exported, repo, token)` sends one to the hub.
"""

from __future__ import annotations

from training.export.forms import FORMS, Form, export
from training.export.gguf_file import QUANTIZATIONS, Quantization
from training.export.hub import push
from training.export.source import Source, of_version, open_source, read_key

__all__ = [
    "FORMS",
    "QUANTIZATIONS",
    "Form",
    "Quantization",
    "Source",
    "export",
    "of_version",
    "open_source",
    "push",
    "read_key",
]
