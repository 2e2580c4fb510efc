"""How much of a reference an answer says: exact match, token F1 and ROUGE. Pure text, no model.

Exact match and F1 normalise as the SQuAD evaluation does (Rajpurkar et al. 2016): lower case, without
punctuation and the articles. ROUGE (Lin 2004) counts words of letters and digits in lower case, without
stemming, and is the F measure with equal weights. Words of other alphabets count too.
"""

from __future__ import annotations

import re
import string
from collections import Counter
from collections.abc import Sequence

_ARTICLES = re.compile(r"\b(?:a|an|the)\b")
_PUNCTUATION = str.maketrans("", "", string.punctuation)
_WORD = re.compile(r"[^\W_]+")


def normalised(text: str) -> str:
    """`text` as SQuAD compares it."""
    return " ".join(_ARTICLES.sub(" ", text.lower().translate(_PUNCTUATION)).split())


def exact_match(answer: str, reference: str) -> float:
    """1 if both are the same once normalised, else 0."""
    return float(normalised(answer) == normalised(reference))


def token_f1(answer: str, reference: str) -> float:
    """F1 (0 to 1) of the bags of normalised words; 1 where both have none."""
    said, wanted = normalised(answer).split(), normalised(reference).split()
    if not said and not wanted:
        return 1.0
    return _f1(sum((Counter(said) & Counter(wanted)).values()), len(said), len(wanted))


def rouge_n(answer: str, reference: str, n: int) -> float:
    """F1 (0 to 1) of the bags of sequences of `n` words; 0 where either has none."""
    said, wanted = _grams(_words(answer), n), _grams(_words(reference), n)
    return _f1(sum((said & wanted).values()), said.total(), wanted.total())


def rouge_l(answer: str, reference: str) -> float:
    """F1 (0 to 1) of the longest common subsequence of words."""
    said, wanted = _words(answer), _words(reference)
    return _f1(_longest_common(said, wanted), len(said), len(wanted))


def _words(text: str) -> list[str]:
    return _WORD.findall(text.lower())


def _grams(words: Sequence[str], n: int) -> Counter[tuple[str, ...]]:
    return Counter(tuple(words[at : at + n]) for at in range(len(words) - n + 1))


def _f1(common: int, said: int, wanted: int) -> float:
    return 2 * common / (said + wanted) if said and wanted else 0.0


def _longest_common(first: Sequence[str], second: Sequence[str]) -> int:
    row = [0] * (len(second) + 1)
    for word in first:
        diagonal = 0
        for at, other in enumerate(second, start=1):
            above = row[at]
            row[at] = diagonal + 1 if word == other else max(above, row[at - 1])
            diagonal = above
    return row[-1]
