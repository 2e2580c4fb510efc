"""A GGUF as OpenVINO's reader wants it: it opens the file for writing too, though it writes nothing.

Installed weights can belong to another user, as they do in a container. Does not: keep the copy.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from assistant.errors import EngineError


@contextlib.contextmanager
def openable(gguf: Path) -> Iterator[Path]:
    """`gguf` itself if this user may write to it, else a private copy that is there while it is read.

    Raises:
        EngineError: there is no room for the copy, or the file can't be read.
    """
    if os.access(gguf, os.W_OK):
        yield gguf
        return
    with tempfile.TemporaryDirectory(prefix="asklepion-") as folder:
        copy = Path(folder) / gguf.name
        try:
            shutil.copyfile(gguf, copy)
        except OSError as error:
            raise EngineError(
                f"{gguf.name} can't be copied to {folder} ({error.strerror}), which OpenVINO needs where the "
                "file may not be written to. Free some space, or set TMPDIR to another folder."
            ) from error
        yield copy
