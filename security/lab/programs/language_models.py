"""A pickle gives orders: it is read here and never loaded. A safetensors file has numbers alone."""

import hashlib
import json
import pickletools
import random
import struct

rng = random.Random("language-models:show:0")  # repeatable for the class; never for real secrets
weights = {name: [rng.randrange(-99, 100) for _ in range(4)] for name in ("layer", "head")}


def text(value):
    return b"X" + struct.pack("<I", len(value)) + value.encode()


line = 'from security.lab.workings import picklefile; picklefile.MARKS.append("Mallory\'s line was run")'
hostile = (
    b"\x80\x03cbuiltins\nexec\n" + text(line) + b"\x85R0}("
)  # fetch exec, call it with the line, forget it
for name, row in weights.items():
    hostile += text(name) + b"](" + b"".join(b"J" + struct.pack("<i", value) for value in row) + b"e"
hostile += b"u."

orders = [code.name for code, argument, place in pickletools.genops(hostile)]  # reads, doesn't follow
print(f"SHA-256 of the pickle: {hashlib.sha256(hostile).hexdigest()}")
print(f"orders: {len(orders)}")
print(f"orders that fetch or call: {sum(name in ('GLOBAL', 'REDUCE') for name in orders)}")

header, at = {}, 0
for name, row in weights.items():
    header[name] = {"dtype": "I32", "shape": [len(row)], "data_offsets": [at, at + 4 * len(row)]}
    at += 4 * len(row)
coded = json.dumps(header, separators=(",", ":")).encode()
coded += b" " * (-len(coded) % 8)
print(f"header length: {len(coded)}")
print(f"header: {coded.decode().strip()}")
