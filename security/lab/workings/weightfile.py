"""A model file in the form of safetensors: a length, a JSON header, then numbers, and nothing that runs."""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping, Sequence


def write(tensors: Mapping[str, Sequence[float]]) -> bytes:
    """Tensors of one dimension, as 32-bit floats."""
    header, body = {}, b""
    for name, values in tensors.items():
        data = struct.pack(f"<{len(values)}f", *values)
        header[name] = {
            "dtype": "F32",
            "shape": [len(values)],
            "data_offsets": [len(body), len(body) + len(data)],
        }
        body += data
    text = json.dumps(header, separators=(",", ":")).encode()
    return len(text).to_bytes(8, "little") + text + body


def body_start(data: bytes) -> int:
    """Where the numbers begin."""
    return 8 + int.from_bytes(data[:8], "little")


def numbers(data: bytes) -> tuple[float, ...]:
    """All numbers of the file, in order."""
    body = data[body_start(data) :]
    return struct.unpack(f"<{len(body) // 4}f", body)


def changed(data: bytes, place: int, value: float) -> bytes:
    """The file with another number at `place`."""
    at = body_start(data) + 4 * place
    return data[:at] + struct.pack("<f", value) + data[at + 4 :]
