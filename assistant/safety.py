"""Red flags, requests for an individual dose, and the disclaimer: pure rules, no model.

The rules read clause by clause. A symptom counts when it is said of somebody now: not when it is negated
("denies chest pain"), past ("stroke in 2010"), a relative's history, hypothetical or part of a textbook
question ("What are the symptoms of a stroke?"). They choose alarm over silence where words are ambiguous.

Not covered: languages other than English, spelling mistakes, sarcasm, signs that only an examination
shows. A routine level says that no rule fired, not that all is well.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from assistant.dosing import DOSING_RULES, DOSING_WORD, MEDICINE_NAMED, POINTING_RULE
from assistant.red_flags import RULES, Rule
from assistant.types import Finding, Triage

Span = tuple[int, int]
REACH = 600
"""Characters either way that a clause is looked for; also what keeps a long paste fast."""
NEAR = 240
"""Characters between the signs of one rule."""
QUOTED = 90
WINDOW = 300
"""Characters of a long sentence that the dosing rules read at once."""

DISCLAIMER = (
    "Asklepion explains and informs, and it replaces neither a doctor's examination nor emergency care."
)
EMERGENCY_ADVICE = (
    "This may be an emergency: call your local emergency number now (112, 999 or 911). "
    "Do not drive yourself, and stay with someone if you can."
)
CRISIS_ADVICE = (
    "You are not alone, and help is there right now: call your local emergency number (112, 999 or 911) if "
    "you "
    "might act on these thoughts, or a crisis line (988 in the US and Canada, 116 123 in the UK and "
    "Ireland). "
    "Stay with someone you trust and move anything dangerous out of reach."
)
POISON_ADVICE = (
    "Call your local emergency number (112, 999 or 911) or a poison centre now, even without symptoms. "
    "Do not make the person vomit, and keep the packet at hand."
)
URGENT_ADVICE = (
    "This should be seen by a doctor today: call your surgery or an urgent care line. "
    "If it gets worse, call your local emergency number (112, 999 or 911)."
)
DOSING_ADVICE = (
    "I can't advise on your own medicines: which one, how much, or when to start, stop or change it. "
    "Please ask the doctor who prescribed it or a pharmacist; if too much was taken, call your local "
    "emergency number (112, 999 or 911) or a poison centre."
)
_ADVICE = {"crisis": CRISIS_ADVICE, "poison": POISON_ADVICE, "emergency": EMERGENCY_ADVICE}

_CLAUSE = re.compile(r"[.!?;\n]+(?!\d)|,?\s+(?:but|however|although|though|yet now|except)\b", re.IGNORECASE)
_SENTENCE = re.compile(r"[^.!?\n]*[.!?\n]*")
_NEGATION = re.compile(
    r"\b(?:no|not|denies|denied|deny|denying|without|never|negative for|free of|absence of|absent|"
    r"rules? out|ruled out|don't|doesn't|didn't|isn't|aren't|wasn't|haven't|hasn't|nor|neither)\b",
    re.IGNORECASE,
)
# A denial reaches over a list ("denies fever, chest pain and syncope") until somebody has something.
_SCOPE_END = re.compile(
    r"\b(?:i have|i've|i had|i am|i'm|i feel|he has|she has|has been|there is|now|reports?|complains?"
    r"|presents?"
    r"|my|his|her|developed|started|because|since)\b|:",
    re.IGNORECASE,
)
_DENIED_AFTER = re.compile(
    r"^\s*(?:(?:is|was|are|has|have)\s+)?(?:been\s+)?(?:[:=-]\s*(?:none|no|nil|absent|negative|denied)\b"
    r"|none\b|denied\b|absent\b|negative\b|ruled out\b|resolved\b|gone\b|unlikely\b|excluded\b)",
    re.IGNORECASE,
)
_DATED = re.compile(
    r"\b(?:(?:in|since) (?:19|20)\d\d|(?:\d+|many|several|some|two|three|few|five|ten) (?:years?|months?"
    r"|decades?) "
    r"ago|last year|years back|as a child|(?:in|since) childhood|when i was (?:a )?(?:young|child|kid"
    r"|\d+))\b",
    re.IGNORECASE,
)
_JOINT = re.compile(r"[,;]|\band\b", re.IGNORECASE)
_HISTORY = re.compile(r"\b(?:history of|hx of|h/o|s/p|status post|previous(?:ly)?|prior)\b", re.IGNORECASE)
_HISTORY_END = re.compile(r"\b(?:with|presents?|presenting|complain\w*|reports?|has|have|i'm|am|is)\b", re.I)
_NOW = re.compile(
    r"\b(?:now|right now|today|again|just|currently|at the moment|this morning|suddenly)\b", re.I
)
_FAMILY = re.compile(r"\bfamily history\b|\bdied (?:of|from)\b|\bruns? in (?:my|the|our) family\b", re.I)
_HYPOTHETICAL = re.compile(
    r"\bif (?:(?:i|he|she|they) (?:ever|get|got|were|had|should|develop)|you|your|someone|somebody|a person"
    r"|anyone|one)"
    r"\b|\b(?:in case of|afraid of|scared of|fear of|worried about getting|risk of|prevent(?:ion of|ing)?"
    r"|one day)\b",
    re.IGNORECASE,
)
_ADVISED = re.compile(r"^[^,;]{0,20}\b(?:one day|in the future)\b", re.IGNORECASE)
_QUESTION = re.compile(
    r"^\W*(?:(?:so|and|please|also|hi|hello|doctor)\W+)*(?:what|why|how|which|when|who|where|is|are|can"
    r"|could|does|"
    r"do|did|should|explain|describe|define|tell me (?:about|what|how|why)|list|give me|compare|summari[sz]e|"
    r"chat|classify|highlight)\b(?!')",
    re.IGNORECASE,
)
_SOMEBODY = re.compile(
    r"\b(?:i|i'm|i've|me|my|mine|he|she|him|her|his|hers|we|our|they|the patient|this patient|patient is)\b",
    re.IGNORECASE,
)
# "A stroke can cause sudden weakness": a sentence out of a book.
_TEXTBOOK = re.compile(
    r"\b(?:(?:can|may|might|could|often|usually) (?:cause|lead to|bring|include|present)|causes?|leads? to"
    r"|include|"
    r"includes|(?:symptoms?|signs?) (?:of|are|include)|such as)\b",
    re.IGNORECASE,
)
_MANY = re.compile(r"\b(?:people|patients|persons|anyone|some)\b", re.IGNORECASE)
_MARK = re.compile(r"[.!?\n](?!\d)")
_BLANK = re.compile(r"[ \t]+")


def triage(text: str, findings: Sequence[Finding] = ()) -> Triage:
    """How urgent the words are: "emergency", "urgent" or "routine" with reasons and the advice to show first.

    `findings` can only raise the level: a present finding is read as words of its own, and an absent one
    never silences a rule that fired on the text.
    """
    spoken = _read(text)
    for finding in findings:
        if finding.assertion == "present":
            spoken.extend(_read(finding.text))
    for level in ("emergency", "urgent"):
        fired = [(rule, words) for rule, words in spoken if rule.level == level]
        if fired:
            reasons = tuple(dict.fromkeys(f"{rule.name}: “{words}”" for rule, words in fired))
            kinds = dict.fromkeys(rule.advice for rule, _ in fired)
            advice = " ".join(_ADVICE[kind] for kind in _ADVICE if kind in kinds) or URGENT_ADVICE
            return Triage("emergency" if level == "emergency" else "urgent", reasons, advice)
    return Triage()


def dosing_request(text: str) -> str | None:
    """The refusal to show if the person asks for a dose, a prescription or a change of a medicine, else None.

    General questions about medicines ("What is levodopa for?") are none of this.
    """
    plain = _plain(text)
    for sentence in _SENTENCE.findall(plain):
        # In overlapping windows: the rules look far ahead, and a sentence may be a whole paste.
        for start in range(0, max(len(sentence) - WINDOW // 2, 1), WINDOW // 2):
            window = sentence[start : start + WINDOW]
            if DOSING_WORD.search(window) and any(rule.search(window) for rule in DOSING_RULES):
                return DOSING_ADVICE
    if POINTING_RULE.search(plain) and MEDICINE_NAMED.search(plain):
        return DOSING_ADVICE
    return None


def _plain(text: str) -> str:
    return _BLANK.sub(" ", text.replace("’", "'").replace("‘", "'"))


def _read(text: str) -> list[tuple[Rule, str]]:
    """The rules that fire, each with the words that made it."""
    plain = _plain(text)
    fired: list[tuple[Rule, str]] = []
    for rule in RULES:
        spans = _spans(plain, rule)
        if spans:
            fired.append((rule, _quote(plain, spans)))
    return fired


def _spans(text: str, rule: Rule) -> list[Span]:
    """One span for each sign of the rule if all hold, near one another; else none."""
    if not all(_undenied(text, pattern) for pattern in rule.context):
        return []
    first, *others = rule.signs
    for match in first.finditer(text):
        if not _holds(text, match.span(), rule.literal):
            continue
        begin, end = max(0, match.start() - NEAR), match.end() + NEAR
        spans = [match.span()]
        for pattern in others:
            found = (
                m.span() for m in pattern.finditer(text, begin, end) if _holds(text, m.span(), rule.literal)
            )
            if span := next(found, None):
                spans.append(span)
        if len(spans) == len(rule.signs):
            return spans
    return []


def _undenied(text: str, pattern: re.Pattern[str]) -> bool:
    return any(not _denied(*_around(text, match.span())) for match in pattern.finditer(text))


def _quote(text: str, spans: list[Span]) -> str:
    """The person's own words, from the first sign to the last when they are close."""
    begin, end = min(span[0] for span in spans), max(span[1] for span in spans)
    if end - begin <= QUOTED:
        return " ".join(text[begin:end].split())
    return " … ".join(" ".join(text[start:stop].split())[:QUOTED] for start, stop in sorted(spans))


def _holds(text: str, span: Span, literal: bool = False) -> bool:
    """Whether the words at `span` are said of somebody, now, and not denied.

    `literal` words ("can't breathe") hold a negation of their own, and count in a question too.
    """
    before, after = _around(text, span)
    if _denied(before, after):
        return False
    start, end = _sentence(text, span[0])
    sentence, lead = text[start:end], text[start : span[0]]
    if _FAMILY.search(before) or _HYPOTHETICAL.search(lead) or _past(before, text[slice(*span)], after):
        return False
    if _ADVISED.search(after) or (_TEXTBOOK.search(before) and not _SOMEBODY.search(before)):
        return False
    if not _QUESTION.search(sentence) or (literal and not _MANY.search(sentence)):
        return True
    return _SOMEBODY.search(_QUESTION.sub("", sentence)) is not None


def _around(text: str, span: Span) -> tuple[str, str]:
    """The rest of the clause before and after the span."""
    begin, end = span
    start, _ = _sentence(text, begin)
    start = max((m.end() for m in _CLAUSE.finditer(text, start, begin)), default=start)
    following = _CLAUSE.search(text, end, end + REACH)
    return text[start:begin], text[end : following.start() if following else end + REACH]


def _sentence(text: str, position: int) -> Span:
    """The sentence around `position`, by its marks alone and at most REACH characters either way."""
    low, high = max(0, position - REACH), min(len(text), position + REACH)
    start = max((m.end() for m in _MARK.finditer(text, low, position)), default=low)
    mark = _MARK.search(text, position, high)
    return start, mark.end() if mark else high


def _denied(before: str, after: str) -> bool:
    if _DENIED_AFTER.search(after):
        return True
    cues = list(_NEGATION.finditer(before))
    return bool(cues) and _SCOPE_END.search(before, cues[-1].end()) is None


def _past(before: str, words: str, after: str) -> bool:
    """A date belongs to the words it stands next to; "history of" to the list that follows it."""
    if _NOW.search(before + words):
        return False
    history = _HISTORY.search(before)
    if history and not _HISTORY_END.search(before, history.end()):
        return True
    if (dated := _DATED.search(after)) and not _JOINT.search(after[: dated.start()]):
        return True
    cues = list(_DATED.finditer(before))
    return bool(cues) and not _JOINT.search(before[cues[-1].end() :])
