"""Names by rules: after a title, after a label, and wherever a name that was found stands again.

Most names are the learned head's to find; these rules work without it and make up for some that it misses.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from assistant.extraction.deidentify.words import among

_WORD = re.compile(r"[^\W\d_](?:[^\W\d_]|['’](?=[^\W\d_]{2})|-(?=[^\W\d_]))*\.?")
_TITLE = re.compile(
    r"\b(?:Dr|Mr|Mrs|Ms|Mx|Prof|Rev|DR|MRS|MS|PROF)\b\.?\s+|"
    r"\b(?:MR)\.\s+|\b(?:Miss|Doctor|Professor|Nurse|Sister)\s+(?=[A-Z])"
)
_LABEL = re.compile(
    r"(?:^|(?<=[|;,\t{]))[ \t\"'\d.]*(?:(?:patient|pt|full|member|client|"
    r"subscriber|mother|father|parent|guardian|family|first|last|given|middle|maiden)"
    r"[ _.'s]*)?(?:name|surname|forename\(?s?\)?|first[ _]name|"
    r"last[ _]name|family name)[\"']?\s*(?:[:=|]|\.{2,})\s*[\"']?",
    re.IGNORECASE | re.MULTILINE,
)
_ROLE = re.compile(
    r"\b(?:attending|physician|provider|surgeon|assistant|pcp|gp|"
    r"signed(?: by)?|dictated by|referred by|referring (?:physician|doctor)|"
    r"next of kin|nok|emergency contact|seen by|witness|"
    r"interpreter|guardian|ordered by|author|consultant)\s*:\s*",
    re.IGNORECASE,
)
_INITIALS = re.compile(
    r"\b(?i:given|checked|entered|seen|taken|witnessed|"
    r"signed|transcribed|dictated|typed|reviewed|noted|drawn)"
    r"\s+by:?\s+(?P<name>[A-Z](?:\.?[A-Z]){1,2})(?=[.,;/)\s]|$)"
)
_DISEASE = re.compile(
    r"(?:['’]s?)?\s+(?:disease|syndrome|sign|signs|test|"
    r"lymphoma|palsy|phenomenon|scale|score|stage|criteria|index|"
    r"classification|method|catheter|tube|line|drain|body|"
    r"bodies|virus|cell|cells|ulcer|angle|triangle|position|"
    r"procedure|operation|reflex|dementia|disorder|tumou?r|"
    r"sarcoma|hernia|fracture|contracture|oesophagus|esophagus|"
    r"thyroiditis|anomaly|malformation|chorea|encephalopathy|"
    r"ophthalmopathy|diverticulum|duct|space|spaces|node|nodes|"
    r"splint|rules?|grade|class|point|cyst|pouch|lobe|manoeuvre|maneuver|pulse|murmur|prep|questionnaire|"
    r"inventory|scan|forceps|retractor|incision|repair|technique|graft|stent|valve|lesions?|spots|pupil|"
    r"needle|clamp|monitor|and yahr|stain|factor|rating|"
    r"assessment|nodules?|protocol|equation|formula|solution|bacillus)\b",
    re.IGNORECASE,
)


def is_of_disease(text: str, end: int) -> bool:
    """Whether what ends here belongs to a disease, a sign or a device named after somebody."""
    return _DISEASE.match(text, end) is not None


_GRADE = re.compile(r"(?:['’]s)?[ ]?(?:\d|[IVX]+\b|[A-D]\b|neg|pos|absent|present|\+|-\s?ve)", re.IGNORECASE)
_BEFORE_PERSON = re.compile(r"\b(?:dr|mrs?|ms|miss|prof|doctor|nurse|sister)\b\.?\s+$", re.IGNORECASE)


def is_eponym(text: str, start: int, end: int, sure: bool) -> bool:
    """Whether this is a word that signs and scores are named after, with no title before it.

    sure: whether the head is sure that it is somebody; then only a grade behind it speaks against it.
    """
    first = re.split(r"[-\s]", text[start:end].casefold())[0].removesuffix("'s")
    if first not in among("eponyms") or _BEFORE_PERSON.search(text[max(0, start - 12) : start]):
        return False
    return not sure or _GRADE.match(text, end) is not None


def labelled_names(text: str) -> Iterator[tuple[int, int]]:
    """Names after a title ("Dr", "Mrs"), after "Name:" and the like, and after "Surgeon:" and the like."""
    for match in _TITLE.finditer(text):
        yield from _run(text, match.end(), least=1, most=4)
    for match in _LABEL.finditer(text):
        yield from _run(text, match.end(), least=1, most=4, comma=True)
    for match in _INITIALS.finditer(text):
        if match["name"].lower() not in among("not_initials"):
            yield match.span("name")
    for match in _ROLE.finditer(text):
        yield from _run(text, match.end(), least=2, most=4, comma=True)


def _run(text: str, at: int, least: int, most: int, comma: bool = False) -> Iterator[tuple[int, int]]:
    """Capitalised words from `at` on, with particles between; nothing where there are fewer than `least`."""
    title = _TITLE.match(text, at)
    if title:
        at = title.end()
    start, end, words = at, at, 0
    all_upper, labelled = False, comma
    while words < most:
        match = _WORD.match(text, at)
        if not match:
            break
        word = match[0].rstrip(".") if len(match[0]) > 2 else match[0]
        lower = word.lower().rstrip(".")
        if lower in among("particles") and word.islower() and words < most - 1:
            at = match.end() + 1
            if text[match.end() : at] != " ":
                break
            continue
        if not word[0].isupper() or lower in among("not_names"):
            break
        shouted = word.isupper() and len(word) > 2
        if words and shouted != all_upper and len(word.rstrip(".")) > 1:
            break
        all_upper = shouted if len(word.rstrip(".")) > 1 else all_upper
        if all_upper and not labelled and words and len(word) > 1:
            break  # "DR. SMITH NOTED": only the first word is sure
        end = at + len(word)
        words += 1
        follows = re.compile(r",\s?(?=[^\W\d_])|[ .]+(?=[^\W\d_])" if comma else r"\.? (?=[^\W\d_])").match(
            text, end
        )
        if not follows:
            break
        comma = comma and "," not in follows[0]
        at = follows.end()
    if words >= least and not is_of_disease(text, end):
        yield start, end


def again(text: str, names: Iterable[str], taken: list[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Other places where the words of found names stand; ordinary words and diseases are left out."""
    words = {
        part
        for name in names
        for part in re.findall(r"[^\W\d_](?:[^\W\d_]|['’](?=[^\W\d_]))*", name)
        if len(part) > 2
        and part.lower() not in among("ordinary") | among("not_names")
        and (part[0].isupper() or name.islower())
    }
    words = {
        word for word in words if word.islower() or not re.search(rf"\b{re.escape(word.lower())}\b", text)
    }
    if not words:
        return
    form = re.compile(
        r"(?<![\w@./])(?:"
        + "|".join(re.escape(word) for word in sorted(words, key=len, reverse=True))
        + r")(?![^\W_])",
        re.IGNORECASE,
    )
    for match in form.finditer(text):
        start, end = match.span()
        if not any(low < end and start < high for low, high in taken) and not is_of_disease(text, end):
            yield start, end
