"""Cells for spreadsheets: what one of them would take for a formula is made text (CWE-1236).

Does not: write files; who does quotes every cell as well. A spreadsheet that splits at other signs than the
file does may split within a quoted cell too, so what follows such a sign is looked at as a cell's beginning.
"""

from __future__ import annotations

import re

# What a formula begins with, or what is skipped to get at one (OWASP, CSV injection).
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
_WITHIN = re.compile(r"([;,\t|]\s*)(?=[=+\-@])")


def harmless(cell: str) -> str:
    """A cell that no spreadsheet takes for a formula, nor a part of it."""
    text = _WITHIN.sub(r"\1'", cell)
    return f"'{text}" if text.startswith(_FORMULA) else text
