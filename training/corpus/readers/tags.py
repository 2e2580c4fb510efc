"""Tags of tokens, from any of the usual schemes to IOB2 (O, B-Disease, I-Disease)."""

from __future__ import annotations

import re
from collections.abc import Sequence

from training.corpus.problems import BadRowError

TAG = re.compile(r"O|[BIESLU]-\S+")


def as_iob2(tags: Sequence[str]) -> tuple[str, ...]:
    """The same spans in IOB2; read from IOB, IOB2, BIOES and BILOU.

    Raises:
        BadRowError: a tag is of none of these schemes.
    """
    out: list[str] = []
    open_label = ""  # the label that an I- here would continue
    for tag in tags:
        if not TAG.fullmatch(tag):
            raise BadRowError(f"the tag {tag[:40]!r} is not like O, B-Disease or I-Disease.")
        scheme, _, label = tag.partition("-")
        if scheme == "O":
            out.append("O")
        elif scheme in "BSU" or label != open_label:
            out.append(f"B-{label}")
        else:
            out.append(f"I-{label}")
        open_label = label if scheme in "BI" else ""
    return tuple(out)
