"""Words that a lesson may mark as `[[word]]`: one plain sentence each."""

from __future__ import annotations

import importlib
import pkgutil
import re
from types import MappingProxyType

from security.lab import terms

MARK = re.compile(r"\[\[([^\[\]|]+)(?:\|([^\[\]]+))?\]\]")
"""`[[word]]`, or `[[word|as it is written here]]`."""

_OWN = {
    "associated data": "Text that stays readable but is covered by the tag, so that it can't be changed or swapped.",
    "attack": "A way to get what the design meant to deny.",
    "authentication": "Showing that somebody, or a message, is what it claims to be.",
    "block": "The fixed number of bytes that a cipher works on at once; 16 for AES.",
    "ciphertext": "What encryption makes of a text; unreadable without the key.",
    "collision": "Two different inputs with the same hash.",
    "entropy": "How many guesses a secret is worth, in bits: n bits take about 2 to the n guesses.",
    "hash": "A short fingerprint of any input; finding an input for a given fingerprint is infeasible.",
    "key": "The secret that an algorithm needs; everything else about it may be known.",
    "nonce": "A number used once: it need not be secret, and must never come again under the same key.",
    "plaintext": "The readable text before encryption.",
    "private key": "The half of a key pair that its owner alone has.",
    "public key": "The half of a key pair that everybody may have.",
    "salt": "Random bytes stored with a password's hash, so that equal passwords have different hashes.",
    "signature": "Bytes that only the private key's owner could make for this message, and everybody can check.",
    "tag": "A short check value that shows whether a message was changed.",
}


def _gathered() -> dict[str, str]:
    found = dict(_OWN)
    for module in pkgutil.iter_modules(terms.__path__):
        more: dict[str, str] = importlib.import_module(f"{terms.__name__}.{module.name}").TERMS
        found = more | found
    return dict(sorted(found.items()))


TERMS = MappingProxyType(_gathered())


def plain(text: str) -> str:
    """The text without its marks."""
    return MARK.sub(lambda found: found.group(2) or found.group(1), text)


def unknown(text: str) -> list[str]:
    """Words that are marked and not in the glossary."""
    return [found.group(1) for found in MARK.finditer(text) if found.group(1).lower() not in TERMS]
