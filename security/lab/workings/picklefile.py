"""A model file as a pickle and as safetensors, byte by byte.

The pickle is written by hand, so that its bytes are the same under every version of Python. It carries a
harmless act: loading it puts a line into `MARKS` of the process that loads. Files from elsewhere are read
here and never loaded.
"""

from __future__ import annotations

import json
import pickle
import pickletools
import struct
from collections.abc import Mapping
from dataclasses import dataclass

MARKS: list[str] = []
"""What a pickle has done in this process."""
CALLS = frozenset({"REDUCE", "INST", "OBJ", "NEWOBJ", "NEWOBJ_EX", "BUILD"})
IMPORTS = frozenset({"GLOBAL", "STACK_GLOBAL", "INST", "EXT1", "EXT2", "EXT4"})
MOST_OPCODES = 20_000
_HEADER_MOST = 100_000
_WIDTHS = {"I8": 1, "U8": 1, "I16": 2, "F16": 2, "BF16": 2, "I32": 4, "F32": 4, "I64": 8, "F64": 8}


@dataclass(frozen=True)
class Opcode:
    """One order to the pickle machine: where it stands, its name, and its argument as text."""

    at: int
    name: str
    argument: str

    @property
    def runs_code(self) -> bool:
        """Whether it fetches something from a module, or calls it."""
        return self.name in CALLS | IMPORTS


def hostile(weights: Mapping[str, list[int]], told: str) -> bytes:
    """A pickle of `weights` that, on the way, runs one line of code; what comes out is the weights alone."""
    code = f"from security.lab.workings import picklefile; picklefile.MARKS.append({told!r})"
    hidden = b"cbuiltins\nexec\n" + _text(code) + b"\x85R0"  # GLOBAL, text, TUPLE1, REDUCE, POP
    return b"\x80\x03" + hidden + _dictionary(weights) + b"."


def harmless(weights: Mapping[str, list[int]]) -> bytes:
    """The same pickle without the hidden line."""
    return b"\x80\x03" + _dictionary(weights) + b"."


def _dictionary(weights: Mapping[str, list[int]]) -> bytes:
    parts = [b"}("]
    for name, values in weights.items():
        numbers = b"".join(b"J" + struct.pack("<i", value) for value in values)
        parts.append(_text(name) + b"](" + numbers + b"e")
    return b"".join(parts) + b"u"


def _text(text: str) -> bytes:
    data = text.encode()
    return b"X" + struct.pack("<I", len(data)) + data


def opcodes(data: bytes) -> list[Opcode]:
    """The orders of a pickle, read and not followed.

    Raises:
        ValueError: it is no pickle, is cut off, or has more than MOST_OPCODES orders.
    """
    found: list[Opcode] = []
    try:
        for code, argument, at in pickletools.genops(data):
            if len(found) == MOST_OPCODES:
                raise ValueError(f"it has more than {MOST_OPCODES:,} orders")
            shown = "" if argument is None else str(argument)
            found.append(Opcode(at or 0, code.name, shown[:200]))
    except (IndexError, KeyError, OverflowError, struct.error) as error:
        raise ValueError(str(error)) from error
    return found


def load(data: bytes) -> dict[str, list[int]]:
    """What `pickle` makes of it, with all that the file orders. For files that this module made, in the
    lesson's own process."""
    made: dict[str, list[int]] = pickle.loads(data)  # noqa: S301 - the very thing that is shown
    return made


def safetensors(weights: Mapping[str, list[int]]) -> bytes:
    """Eight bytes of length, a header in JSON, the numbers as they are (32 bits, least byte first).

    The format as huggingface/safetensors describes it; spelled out here to be seen.
    """
    header, body = {}, b""
    for name, values in weights.items():
        data = struct.pack(f"<{len(values)}i", *values)
        offsets = [len(body), len(body) + len(data)]
        header[name] = {"dtype": "I32", "shape": [len(values)], "data_offsets": offsets}
        body += data
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text + body


@dataclass(frozen=True)
class Tensor:
    """One entry of a header: bounds are bytes of the part after the header."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    begin: int
    end: int


def read_header(data: bytes) -> tuple[int, list[Tensor]]:
    """Length of the header, and the tensors; every bound is checked before a number is read.

    Raises:
        ValueError: the file breaks a rule of the format; the message says which.
    """
    if len(data) < 8:
        raise ValueError("it has fewer than 8 bytes, so no length of a header")
    (length,) = struct.unpack("<Q", data[:8])
    if length > min(_HEADER_MOST, len(data) - 8):
        raise ValueError(f"the header claims {length:,} bytes, which aren't there")
    try:
        header = json.loads(data[8 : 8 + length])
    except (ValueError, RecursionError) as error:
        raise ValueError("the header is no JSON") from error
    if not isinstance(header, dict):
        raise ValueError("the header is no JSON object")
    found = [_tensor(name, entry) for name, entry in header.items() if name != "__metadata__"]
    reached = 0
    for tensor in sorted(found, key=lambda one: (one.begin, one.end)):
        if tensor.begin != reached:
            raise ValueError(f"{tensor.name} leaves a gap or lies over another tensor")
        reached = tensor.end
    if reached != len(data) - 8 - length:
        raise ValueError("the numbers don't fill the file")
    return length, found


def _tensor(name: str, entry: object) -> Tensor:
    try:
        assert isinstance(entry, dict)
        dtype, shape, (begin, end) = entry["dtype"], tuple(entry["shape"]), entry["data_offsets"]
        width = _WIDTHS[dtype]
    except (AssertionError, KeyError, TypeError, ValueError) as error:
        raise ValueError(f"the entry {name!r} is malformed") from error
    size = width
    for side in shape:
        if type(side) is not int or not 0 <= side < 2**40:
            raise ValueError(f"the shape of {name!r} is malformed")
        size *= side
    if type(begin) is not int or type(end) is not int or begin < 0 or end - begin != size:
        raise ValueError(f"{name!r} has other bounds than its shape")
    return Tensor(name, str(dtype), shape, begin, end)


def read(data: bytes) -> dict[str, list[int]]:
    """The numbers of a file whose tensors are all I32.

    Raises:
        ValueError: as `read_header`, or another type of number.
    """
    length, tensors = read_header(data)
    made = {}
    for tensor in tensors:
        if tensor.dtype != "I32":
            raise ValueError(f"{tensor.name} has the type {tensor.dtype}; this reader knows I32 alone")
        body = data[8 + length + tensor.begin : 8 + length + tensor.end]
        made[tensor.name] = list(struct.unpack(f"<{len(body) // 4}i", body))
    return made
