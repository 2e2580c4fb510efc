"""Holds an answer against what it was given: each sentence is tied to a passage or a finding, or marked.

Support is the cosine of sentence vectors together with the share of content words found in the passage;
a number that the evidence doesn't hold, or a disagreement in negation, outweighs both. This is a check of
agreement with the evidence, not of truth, and a paraphrase in quite other words is called unsupported.
"""

from __future__ import annotations

import re
import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from assistant.knowledge import sentences
from assistant.knowledge.encoder import Encoder
from assistant.knowledge.lexical import stem, stems, words
from assistant.knowledge.polarity import conflict, negated
from assistant.types import Finding, Passage, SentenceCheck

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Vector = npt.NDArray[np.float32]

# Chosen on the first half of tests/assistant/knowledge/pairs.py, measured on the second.
SUPPORT = 0.72
"""Least mean of cosine and containment."""
CONTAINED = 0.66
"""Least share of the sentence's content words in the evidence."""
CONTRADICTION = 0.6
"""From this score on, a passage sentence that says the opposite refutes."""
COVERED = 0.6
"""Least share of a sentence about findings that findings and question account for."""
JOINT = 0.94
"""Words gathered from several sentences of a passage count a little less than from one."""
DENIED = 2
"""Words that a passage denies and the sentence says, from which on a sentence without them is no support."""
CACHED = 2048

_MARKER = re.compile(r"\s*\[(\d+(?:\s*,\s*\d+)*)\]")
_NUMBER = re.compile(r"\d+(?:[.,/]\d+)*")
_LIST_MARK = re.compile(r"^\s*(?:[-*•]|\d{1,2}[.)])\s+")
_MARKUP = re.compile(r"[*_#`]+")
_NUMBER_WORDS = {
    word: str(number)
    for number, word in enumerate(
        words("zero one two three four five six seven eight nine ten eleven twelve")
    )
}
_NEUTRAL = re.compile(
    r"^\W*(?:hi|hello|hey|sure|certainly|of course|thanks?|thank you|you'?re welcome|i hope|i'?m sorry"
    r"|sorry|i understand|"
    r"i'?m glad|good (?:question|luck)|great question|let me|here (?:is|are)|i(?:'m| am) (?:not a doctor"
    r"|an? \w+ assistant)|"
    r"i (?:can'?t|cannot|do not|don'?t) (?:diagnose|know|say|tell|advise|give|find|replace|prescribe)|"
    r"(?:please|you (?:should|may want to|can|could)|it(?:'s| is) (?:best|important|a good idea) to"
    r"|always)?\s*"
    r"(?:talk|speak|consult|ask|see|contact|check with|seek|call|tell|discuss|get)\b[^.]{0,60}\b(?:doctor"
    r"|physician|"
    r"pharmacist|nurse|clinician|specialist|professional|provider|medical (?:help|advice|care)|emergency"
    r"|team)|"
    r"this (?:is|does) not (?:a |replace|medical)|my library has nothing|asklepion)\b",
    re.IGNORECASE,
)
_HEADING = re.compile(r":\s*$")
_ABOUT_THEM = re.compile(
    r"\b(?:you|your|yours|you're|you've|patient|patient's|note|report|text|he|she|his|her|they|their"
    r"|mentioned|history)\b",
    re.IGNORECASE,
)
_FRAMING = frozenset(
    stem(word)
    for word in words(
        """patient note report text mention mentioned describe described symptom symptoms sign signs
        disease diseases condition conditions finding findings key following history present presents reported
        reports say says found include currently medication medications medicine medicines take takes taking
        feel experience experiencing suffer diagnosed diagnosis summary according based stated listed clear
        past absent no not denies denied without deny never also male female man woman year years old"""
    )
)
_SOFTENERS = {
    "possible": re.compile(
        r"\b(?:may|might|possib\w+|could|suspect\w*|perhaps|likely|probabl\w+|suggest\w*)\b", re.I
    ),
    "hypothetical": re.compile(r"\b(?:if|may|might|could|would|in case|watch for|possib\w+|return)\b", re.I),
    "historical": re.compile(
        r"\b(?:history|past|previous\w*|had|earlier|ago|was|were|once|former\w*|in \d{4})\b", re.I
    ),
    "family": re.compile(
        r"\b(?:family|mother|father|sister|brother|parents?|aunt|uncle|grand\w+|relatives?|son|daughter"
        r"|runs in)\b",
        re.I,
    ),
}


@dataclass(frozen=True)
class _Evidence:
    """One sentence of a passage."""

    passage: int
    text: str
    stems: frozenset[str]
    numbers: frozenset[str]
    vector: Vector


@dataclass(frozen=True)
class _Sentence:
    """One sentence of the answer, without marks."""

    shown: str
    text: str
    cited: tuple[int, ...]
    stems: frozenset[str]
    numbers: frozenset[str]
    vector: Vector


class Checker:
    """Checks answers; remembers the vectors of sentences, since a streamed answer is checked as it grows."""

    def __init__(self, encoder: Encoder) -> None:
        self._encoder = encoder
        self._vectors: OrderedDict[str, Vector] = OrderedDict()
        self._lock = threading.Lock()

    def check(
        self, answer: str, passages: Sequence[Passage], findings: Sequence[Finding], question: str
    ) -> tuple[SentenceCheck, ...]:
        """One verdict a sentence, in order; `text` is the sentence as it stands in the answer, markers "
        "included.

        `citations` are the numbers of the passages that carry the sentence, best first; a marker in the
        answer that its passage doesn't carry is not among them. `score` is the support, 0 to 1.

        Raises:
            WeightsError: the encoder can't be loaded.
        """
        shown = sentences.texts(answer)
        plain = [_plain(text) for text in shown]
        parts = [(p, text) for p in passages for text in sentences.texts(p.text)]
        vectors = self._encode([*plain, *(f"{p.title}. {text}" for p, text in parts)])
        evidence = [
            _Evidence(
                p.id, text, frozenset(stems(f"{p.title} {text}")), _numbers(f"{p.title} {text}"), vector
            )
            for (p, text), vector in zip(parts, vectors[len(plain) :], strict=True)
        ]
        return tuple(
            _judge(
                _Sentence(
                    whole, text, _cited(whole), frozenset(stems(text)) - _digits(text), _numbers(text), vector
                ),
                evidence,
                findings,
                question,
            )
            for whole, text, vector in zip(shown, plain, vectors, strict=False)
        )

    def _encode(self, texts: Sequence[str]) -> list[Vector]:
        with self._lock:
            known = {text: self._vectors[text] for text in texts if text in self._vectors}
        missing = list(dict.fromkeys(text for text in texts if text not in known))
        if missing:
            known.update(zip(missing, self._encoder.encode(missing), strict=True))
        with self._lock:
            for text in dict.fromkeys(texts):
                self._vectors[text] = known[text]
                self._vectors.move_to_end(text)
            while len(self._vectors) > CACHED:
                self._vectors.popitem(last=False)
        return [known[text] for text in texts]


def check(
    answer: str, passages: Sequence[Passage], findings: Sequence[Finding], question: str, encoder: Encoder
) -> tuple[SentenceCheck, ...]:
    """`Checker.check` without memory, for a single answer."""
    return Checker(encoder).check(answer, passages, findings, question)


def _plain(text: str) -> str:
    return _MARKUP.sub("", _LIST_MARK.sub("", _MARKER.sub("", text))).strip()


def _cited(text: str) -> tuple[int, ...]:
    return tuple(int(part) for match in _MARKER.finditer(text) for part in match[1].split(","))


def _digits(text: str) -> frozenset[str]:
    return frozenset(stem(word) for word in words(text) if word[0].isdigit() or word in _NUMBER_WORDS)


def _numbers(text: str) -> frozenset[str]:
    """Numbers in digits; small ones in words count as the same, save "one", which is mostly a pronoun."""
    spelled = {_NUMBER_WORDS[word] for word in words(text) if word in _NUMBER_WORDS and word != "one"}
    return frozenset(_NUMBER.findall(text)) | spelled


def _judge(
    sentence: _Sentence, evidence: Sequence[_Evidence], findings: Sequence[Finding], question: str
) -> SentenceCheck:
    if not sentence.stems and not sentence.numbers:
        return SentenceCheck(sentence.shown, "neutral")
    verdict = _against_findings(sentence, findings, question)
    if verdict == "unsupported":
        return SentenceCheck(sentence.shown, "unsupported")
    support = _against_passages(sentence, evidence)
    if support:
        cited = [number for number in support if number in sentence.cited]
        ranked = sorted(cited or support, key=lambda number: -support[number])
        return SentenceCheck(
            sentence.shown, "passage", tuple(ranked[: len(cited) or 1]), round(max(support.values()), 3)
        )
    if verdict == "finding":
        return SentenceCheck(sentence.shown, "finding", (), 1.0)
    if _is_neutral(sentence):
        return SentenceCheck(sentence.shown, "neutral")
    return SentenceCheck(sentence.shown, "unsupported")


def _is_neutral(sentence: _Sentence) -> bool:
    if sentence.numbers:
        return False
    if sentence.text.endswith("?") or _HEADING.search(sentence.text):
        return True
    return _NEUTRAL.search(sentence.text) is not None


def _against_passages(sentence: _Sentence, evidence: Sequence[_Evidence]) -> dict[int, float]:
    """Score of each passage that carries the sentence; empty when one says the opposite more plainly."""
    together: dict[int, set[str]] = {}
    denied: dict[int, set[str]] = {}
    said = sentence.stems - negated(sentence.text)
    for item in evidence:
        together.setdefault(item.passage, set()).update(item.stems)
        denied.setdefault(item.passage, set()).update(negated(item.text) & said)
    support: dict[int, float] = {}
    refuted = 0.0
    for item in evidence:
        cosine = float(item.vector @ sentence.vector)
        single = _share(sentence.stems, item.stems)
        score = (cosine + single) / 2
        if conflict(sentence.text, item.text):
            if score >= CONTRADICTION:
                refuted = max(refuted, score)
            continue
        if not sentence.numbers <= item.numbers:
            continue
        contained = single
        # "No blood test or scan can prove it": another sentence of the passage can't carry that one does.
        if len(denied[item.passage] - item.stems) >= DENIED:
            continue
        if not sentence.numbers:  # a number must stand beside its own words
            contained = max(single, JOINT * _share(sentence.stems, together[item.passage]))
        score = (cosine + contained) / 2
        if score >= SUPPORT and contained >= CONTAINED:
            support[item.passage] = max(support.get(item.passage, 0.0), score)
    return {} if refuted > max(support.values(), default=0.0) else support


def _share(part: frozenset[str], whole: frozenset[str] | set[str]) -> float:
    return len(part & whole) / len(part) if part else 0.0


def _against_findings(sentence: _Sentence, findings: Sequence[Finding], question: str) -> str:
    """ "finding" when it restates findings as they are, "unsupported" when it turns one round, else ""."""
    if not findings or not _ABOUT_THEM.search(sentence.text):
        return ""
    named: list[Finding] = []
    for finding in findings:
        wanted = frozenset(stems(finding.text))
        if wanted and wanted <= sentence.stems | sentence.numbers:
            named.append(finding)
    if not named:
        return ""
    denied = negated(sentence.text)
    agreed = [finding for finding in named if _agrees(sentence.text, finding, denied)]
    spoken = {" ".join(stems(finding.text)) for finding in agreed}
    if any(" ".join(stems(finding.text)) not in spoken for finding in named):
        return "unsupported"
    known = {part for finding in findings for part in stems(finding.text)} | set(stems(question)) | _FRAMING
    numbers = _numbers(" ".join([question, *(finding.text for finding in findings)]))
    if not sentence.numbers <= numbers or _share(sentence.stems, known) < COVERED:
        return ""
    return "finding"


def _agrees(text: str, finding: Finding, denied: frozenset[str]) -> bool:
    is_denied = bool(frozenset(stems(finding.text)) & denied)
    if finding.assertion == "absent":
        return is_denied
    if is_denied:
        return False
    softener = _SOFTENERS.get(finding.assertion)
    return softener is None or softener.search(text) is not None
