"""What a sentence denies, and whether two sentences about the same words disagree.

Cues and a scope of words, in the manner of NegEx (Chapman et al., 2001), plus a short list of opposites.
It sees no irony, no double negation and no negation inside a word ("untreated").
"""

from __future__ import annotations

import re

from assistant.knowledge.lexical import STOPWORDS, stem, words

_CLAUSES = re.compile(
    r"[,;:.!?()]|\b(?:but|however|although|though|whereas|while|yet|because|unless)\b", re.IGNORECASE
)
_CUE = re.compile(
    r"\b(?:no|not|never|without|cannot|can'?t|don'?t|doesn'?t|didn'?t|isn'?t|aren'?t|wasn'?t|weren'?t|won'?t|"
    r"shouldn'?t|hasn'?t|haven'?t|neither|nor|none|nothing|denies|denied|deny|free of|absence of|absent|"
    r"rules? out|ruled out|hardly|rarely|negative for)\b",
    re.IGNORECASE,
)
SCOPE = 7
_OPPOSITES = """intact/impaired increase/decrease increases/reduces raise/lower
    raises/lowers high/low
    left/right one/both mild/severe before/after sudden/gradual suddenly/slowly better/worse
    fast/slow more/less present/absent cause/prevent causes/prevents early/late above/below
    men/women common/rare many/few dangerous/harmless safe/dangerous normal/abnormal
    reversible/irreversible overactive/underactive always/never quickly/slowly eases/worsens
    improves/worsens increases/lowers increase/lower raises/reduces male/female short/long
    shorter/longer start/stop"""
_PAIRS = tuple(
    (stem(first), stem(second)) for first, second in (pair.split("/") for pair in _OPPOSITES.split())
)


def negated(text: str) -> frozenset[str]:
    """Stems of the words that the sentence denies: the next few after a cue, to the end of its clause."""
    found: set[str] = set()
    for clause in _CLAUSES.split(text.replace("’", "'")):
        for cue in _CUE.finditer(clause):
            following = [stem(word) for word in words(clause[cue.end() :]) if word not in STOPWORDS]
            found.update(following[:SCOPE])
            if not following:  # "fever is absent"
                found.update(stem(word) for word in words(clause[: cue.start()]) if word not in STOPWORDS)
    return frozenset(found)


def conflict(first: str, second: str) -> bool:
    """Whether one denies what the other affirms, or they use opposite words of the same matter."""
    left, right = {stem(word) for word in words(first)}, {stem(word) for word in words(second)}
    shared = left & right
    denied_left, denied_right = negated(first) & shared, negated(second) & shared
    if bool(denied_left) != bool(denied_right) or (denied_left and not denied_left & denied_right):
        return True
    return any(
        (one in left and other in right and other not in left and one not in right)
        or (other in left and one in right and one not in left and other not in right)
        for one, other in _PAIRS
    )
