"""The sentences of a passage that speak most to a question, word for word, for want of a better answer."""

from __future__ import annotations

from collections.abc import Sequence

from assistant.knowledge import sentences
from assistant.knowledge.lexical import stems
from assistant.types import Passage

MOST = 4


def quotes(question: str, passages: Sequence[Passage], said: Sequence[str] = ()) -> list[tuple[int, str]]:
    """At most MOST sentences of the best passage as (passage number, text), in its order.

    Those that share words with the question come before the others, the first of a passage before the later
    ones; what has been said already is left out.
    """
    if not passages:
        return []
    best = passages[0]
    asked = set(stems(question)) - set(stems(best.title))
    known = {" ".join(stems(text)) for text in said}
    texts = [text.strip() for text in sentences.texts(best.text)]
    fresh = [(place, text) for place, text in enumerate(texts) if " ".join(stems(text)) not in known]
    ranked = sorted(fresh, key=lambda item: (-len(asked & set(stems(item[1]))), item[0]))
    return [(best.id, text) for _, text in sorted(ranked[:MOST])]
