"""Words of a text reduced to comparable stems, and BM25 over them.

The stemmer is a light one for English (plurals and common endings): it errs on the side of leaving words
alone. No spelling correction and no synonyms.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence

_WORD = re.compile(r"\d+(?:\.\d+)?|[^\W\d_]+(?:[-'’][^\W\d_]+)*", re.UNICODE)

_STOPWORDS = """a an the this that these those it its i me my we our you your he she his her him they them
    their who whom whose what which when where why how is are was were be been being am do does did doing have
    has had having can could may might must shall should will would of in on at by for with from to into
    about as than then so if or and but also very too more most much many some any all each other such
    there here just only own same both few up down out over under again s t don isn aren there's what's
    please tell explain describe show give list say mean means meant called because while through during
    between after before off get gets got common commonly often usually help helps
    include includes including"""
STOPWORDS = frozenset(_STOPWORDS.split())
_IRREGULAR = {"feet": "foot", "teeth": "tooth", "children": "child", "women": "woman", "men": "man"}
_SUFFIXES = (
    ("iness", "y"),
    ("fulness", "ful"),
    ("ness", ""),
    ("ies", "y"),
    ("sses", "ss"),
    ("xes", "x"),
    ("ches", "ch"),
    ("shes", "sh"),
    ("ied", "y"),
    ("ings", ""),
    ("ing", ""),
    ("edly", ""),
    ("ed", ""),
    ("ally", "al"),
    ("ly", ""),
    ("s", ""),
)


def words(text: str) -> list[str]:
    """Lower-case words and numbers in order; hyphenated words count as their parts as well as apart."""
    found: list[str] = []
    for match in _WORD.finditer(text.lower().replace("’", "'")):
        for part in match.group().split("-"):
            cleaned = part.removesuffix("'s").replace("'", "")
            if cleaned:
                found.append(cleaned)
    return found


def stem(word: str) -> str:
    """A comparable form of a lower-case word: "symptoms" -> "symptom", "shaking" -> "shak"."""
    if word in _IRREGULAR:
        return _IRREGULAR[word]
    if len(word) <= 3 or word[0].isdigit() or word.endswith(("ss", "us", "is")):
        return word
    for suffix, replacement in _SUFFIXES:
        if word.endswith(suffix) and len(word) - len(suffix) >= 3:
            word = word[: len(word) - len(suffix)] + replacement
            break
    if len(word) > 4 and word[-1] == word[-2] and word[-1] not in "sl":
        word = word[:-1]  # running -> runn -> run
    return word[:-1] if len(word) > 4 and word.endswith("e") else word


def stems(text: str) -> list[str]:
    """Stems of the content words, in order, with repetitions."""
    return [stem(word) for word in words(text) if word not in STOPWORDS]


class BM25:
    """Okapi BM25 (Robertson and Zaragoza, 2009) over texts already reduced to stems."""

    def __init__(self, documents: Sequence[Sequence[str]], k1: float = 1.2, b: float = 0.75) -> None:
        self._counts = [Counter(document) for document in documents]
        self._k1 = k1
        total = sum(len(document) for document in documents)
        average = max(total / max(len(documents), 1), 1e-9)
        self._norms = [k1 * (1 - b + b * len(document) / average) for document in documents]
        containing = Counter(term for counts in self._counts for term in counts)
        size = len(documents)
        self._idf = {
            term: math.log(1 + (size - count + 0.5) / (count + 0.5)) for term, count in containing.items()
        }

    def scores(self, query: Sequence[str]) -> list[float]:
        """One score a document, 0 where no term of the query occurs."""
        terms = set(query)
        return [
            sum(
                self._idf[term] * counts[term] * (self._k1 + 1) / (counts[term] + norm)
                for term in terms
                if term in counts
            )
            for counts, norm in zip(self._counts, self._norms, strict=True)
        ]

    def ceiling(self, query: Sequence[str]) -> float:
        """The most a document could score on the query; a term that is in no document counts as rarest."""
        rarest = math.log(1 + (len(self._counts) + 0.5) / 0.5)
        return (self._k1 + 1) * sum(self._idf.get(term, rarest) for term in set(query))
