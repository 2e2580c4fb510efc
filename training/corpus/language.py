"""Which language a text is in, by its script and its commonest little words.

A rule rather than a trained model: on clinical shorthand ("s/p CABG x3, cont. metoprolol 25 mg bid") a
trained identifier names some language at random, while here a text without little words is simply unknown.
Not covered: languages beyond LANGUAGES, and telling apart two languages in one text.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

UNKNOWN = "unknown"
_SAMPLE = 2_000
_FEWEST_WORDS = 12
_FEWEST_HITS = 3
_SHARE = 0.08

_LITTLE_WORDS = {
    "en": "the of and to in is was for with on that this are be by from as has have had not or an at his her "
    "she he it were which no who there can may your you will been if",
    "de": "der die das und ist nicht mit den dem des ein eine einen einer zu von im auf für sich bei auch "
    "wird wurde werden nach aus sind oder als keine seit hat",
    "fr": "le la les des et est une dans pour que qui par sur avec plus du au aux ce cette il elle sont pas "
    "ont été ou chez depuis sans être",
    "es": "el la los las de del y que en un una por con para se su al es como más pero sin sobre fue desde "
    "hace no refiere son está",
    "it": "il lo la gli le di del della che e un una per con non si da al sono nel nella più anche ha dal "
    "dei delle come è stato alla",
    "pt": "o os as de do da dos das e que em um uma por com para não se no na ao mais foi como são há pelo "
    "pela sem está",
    "nl": "de het een en van is niet dat op te zijn met voor er aan bij ook als naar om door heeft wordt "
    "werd geen sinds uit nog maar",
    "pl": "i w na z się nie jest do to że od po przez oraz u dla jak lub pacjent bez został są przy",
}
_SCRIPTS = (
    ("ru", 0x0400, 0x04FF),
    ("el", 0x0370, 0x03FF),
    ("ar", 0x0600, 0x06FF),
    ("he", 0x0590, 0x05FF),
    ("hi", 0x0900, 0x097F),
    ("ja", 0x3040, 0x30FF),
    ("zh", 0x4E00, 0x9FFF),
    ("ko", 0xAC00, 0xD7AF),
)
_BY_LANGUAGE = {code: frozenset(words.split()) for code, words in _LITTLE_WORDS.items()}
LANGUAGES: tuple[str, ...] = (*_LITTLE_WORDS, *(code for code, _, _ in _SCRIPTS))


def language_of(text: str, words: Sequence[str]) -> str:
    """The code of the text's language, or UNKNOWN.

    Args:
        text: the text; its first 2,000 characters are looked at for their script.
        words: its words in lower case, in order; the first 400 are looked at.
    """
    script = _script_of(text[:_SAMPLE])
    if script is not None:
        return script
    sample = [word for word in words[:400] if word.isalpha()]
    if len(sample) < _FEWEST_WORDS:
        return UNKNOWN
    counts = Counter(sample)
    hits = {code: sum(counts[word] for word in little) for code, little in _BY_LANGUAGE.items()}
    first, second = sorted(hits, key=lambda code: -hits[code])[:2]
    different = sum(word in counts for word in _BY_LANGUAGE[first])
    clear = hits[first] >= max(_FEWEST_HITS, _SHARE * len(sample)) and hits[first] > 1.25 * hits[second]
    return first if clear and different > 1 else UNKNOWN


def _script_of(sample: str) -> str | None:
    if sample.isascii():
        return None
    letters = [ord(char) for char in sample if char.isalpha()]
    for code, low, high in _SCRIPTS:
        # Japanese mixes kana with Han, so a fifth of kana decides; the others must be the main script.
        share = 0.2 if code == "ja" else 0.5
        if letters and sum(low <= letter <= high for letter in letters) > share * len(letters):
            return code
    return None
