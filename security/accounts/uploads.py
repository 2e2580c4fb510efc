"""Files under the upload folder: which one a path means, and which ones JSON tells of.

Gradio serves every file there to everybody who knows its path. Here a path means a file only when it is
written the one way Gradio writes it (CWE-22, CWE-59; OWASP ASVS 5.0, 5.3.2).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

_MARK = b"gradio.FileData"
_MOST_BUFFERED = 32_000_000


class Uploads:
    """The folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder.resolve()

    def name(self, path: str) -> str | None:
        """The name of the file below the folder; None if `path` is outside, roundabout or by a link."""
        if "\0" in path or "\\" in path or "://" in path:
            return None
        plain = Path(path)
        # Path() drops doubled and trailing slashes and "."; resolve() follows links and "..".
        if not plain.is_absolute() or str(plain) != path or plain.resolve() != plain:
            return None
        return str(plain.relative_to(self._folder)) if self._folder in plain.parents else None


def paths_in(value: Any, *, marked: bool) -> Iterator[str]:
    """Each "path" of an object anywhere in parsed JSON; `marked`: of Gradio's file objects alone."""
    waiting = [value]
    while waiting:
        item = waiting.pop()
        if isinstance(item, dict):
            path, meta = item.get("path"), item.get("meta")
            is_file = isinstance(meta, dict) and meta.get("_type") == "gradio.FileData"
            if isinstance(path, str) and (is_file or not marked):
                yield path
            waiting += item.values()
        elif isinstance(item, list):
            waiting += item


class EventReader:
    """Reads server-sent events as they pass, and yields the files that they hand to their reader."""

    def __init__(self) -> None:
        self._rest = b""

    def paths(self, chunk: bytes) -> list[str]:
        """The paths in the events that `chunk` completes. An event beyond all measure hands over nothing."""
        *events, self._rest = (self._rest + chunk).split(b"\n\n")
        if len(self._rest) > _MOST_BUFFERED:
            self._rest = b""
        found: list[str] = []
        for event in events:
            if _MARK in event and event.startswith(b"data: "):
                try:
                    found += paths_in(json.loads(event[6:]), marked=True)
                except (ValueError, RecursionError):
                    continue
        return found
