"""The structured identifiers by rules: numbers, net addresses, dates, ages over 89, postcodes, streets.

Deterministic, and no model in here. A number is an identifier by its own shape (a social security number) or
by the word before it ("MRN", "policy number", "pager"). Names only where a title or a label stands before.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from assistant.extraction.deidentify.dates import find_dates
from assistant.extraction.deidentify.identifiers import Identifier, without_overlaps
from assistant.extraction.deidentify.names import labelled_names

_I = re.IGNORECASE
_UNIT = (
    r"(?![ \t]?(?:mg|mcg|µg|ug|ng|pg|g|kg|ml|dl|l|cc|cm|mm|m|km|"
    r"%|percent|units?|iu|u|meq|mmol|mol|kcal|cal|bpm|mmhg|hz|"
    r"hours?|hrs?|min(?:ute)?s?|sec(?:ond)?s?|days?|weeks?|"
    r"wks?|months?|years?|yrs?|steps|cells?|copies|per|x|times|"
    r"patients?|people|persons?|cases)\b|\s?%|\s?/\s?(?:mm|µ|u|ml|dl|l|cu)|\s?×)"
)
EMAIL = re.compile(r"(?<![\w.+%-])[\w.+%-]{1,64}\s?@\s?[\w-]+(?:\.[\w-]+)*\.[a-z]{2,}", _I)
URL = re.compile(
    r"(?:https?://|www\.)[^\s<>\"']+|\b(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.){1,6}"
    r"(?:com|org|net|edu|gov|info|biz|int|mil|co\.uk|nhs\.uk|"
    r"ac\.uk|org\.uk|io|de|fr|eu|ca|au|nz|in|health)\b(?:/[^\s<>\"']*)?",
    _I,
)
IP4 = r"(?<![\d.])(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)\.){3}(?:25[0-5]|2[0-4]\d|1?\d?\d)(?![\d.]*\d)"
IP6 = (
    r"(?<![\w:])(?:[0-9a-f]{1,4}:){7}[0-9a-f]{1,4}(?![\w:])|"
    r"(?<![\w:])(?:[0-9a-f]{1,4}:){2,6}(?::[0-9a-f]{1,4}){1,6}(?![\w:])"
)
IP = re.compile(f"{IP4}|{IP6}", _I)
SSN = re.compile(
    r"(?<![\w-])(?:\d{3}-\d{2}-\d{4}|[*x]{3}[- ]?[*x]{2}[- ]?\d{4}|\d{3} \d{2} \d{4})(?![\w-])"
    r"|(?:\bssn|social security(?: (?:no\.?|number|"
    r"#))?)[\s:#.]{0,4}(?:is |on file )?(?P<number>\d[\d -]{2,11}\d)",
    _I,
)

_NUMBER = r"(?:\s?(?:numbers?|nos?\b\.?|num\b\.?|nbr|id\b|i\.?d\.?|code|#|№))*"
_GLUE = r"(?:\s?(?:[:#=.]|is\b|was\b|of\b|-(?=\s)))*[\s\"'(]{0,3}(?:#\s?)?"
_VALUE = (
    r"(?P<number>[A-Z]{0,5}[-/. ]?(?=[\w./-]*\d)(?:\d[\w]*|"
    r"[A-Z]{1,3}\d\w*)(?:[-/.]\w+|\s\d{2,}(?:[A-Z]\b)?){0,4}(?:\s(?-i:[A-Z])\b(?!['’.]|[ \t]\w))?)"
)
CUES = {
    "MRN": r"m\.?r\.?n\.?|med(?:ical)? rec(?:ord)?|mr(?=\s?#)|"
    r"hosp(?:ital)? (?:no|num|number|id|ref)|unit (?:no|number)|chart|"
    r"patient (?:id|identifier|no|number)|patient\.identifier|"
    r"pt (?:id|no)|record (?:no|number|#)|nhs|case (?:no|number|id|#)|"
    r"uhid|emrn|hn(?=[:#])|id number|our ref|health record|identifier",
    "PLAN": r"(?:member|subscriber|beneficiary|policy|plan|medicare|"
    r"medicaid|insurance|health plan|group|enrollee|hicn|mbi|"
    r"payer|health card|certificate of coverage)(?: beneficiary)?",
    "ACCOUNT": r"acc(?:oun)?t|har|billing|invoice|claim|encounter|csn|"
    r"fin|visit (?:no|number|id)|iban|card(?= no| number)",
    "LICENCE": r"licen[cs]e|lic|dea|npi|certificate|cert|driver'?s? licen[cs]e|"
    r"gmc|nmc|dl(?=[:#])|registration (?:no|number)|pin(?= no| number)",
    "VEHICLE": r"vin|(?:licen[cs]e |number )?plates?|vehicle|registration|reg(?= no| number)",
    "DEVICE": r"serial|s/n|sn|device|imei|udi|lot|batch|lead|pacemaker|model",
    "ID": r"passport|accession|acc|specimen|badge|job|rx|prescription|"
    r"prior auth(?:orization)?|auth(?:orization)?|ref(?:erence)?|report|"
    r"document|barcode|ticket|order|case|card|employee|staff|student|tracking|confirmation|id",
}  # fmt: skip
_CUED = tuple(
    (kind, re.compile(rf"(?<![\w-])(?:{cue})(?![a-z]){_NUMBER}{_GLUE}{_VALUE}(?!\w|[/]\d){_UNIT}", _I))
    for kind, cue in CUES.items()
)
_SHAPES = (
    # letters and digits, six digits at least: AB123456, MR-104233, U/23/00451, HX 4471020
    re.compile(r"(?<![\w./*-])[A-Z]{1,5}[-/]?\d{2,}(?:[-/]\d{2,})*[A-Z]?(?![\w/]|-\w)"),
    re.compile(r"(?<![\w./*-])[A-Z]{1,3}(?:/\d{2,6}){2,3}(?![\w/]|-\w)"),
    re.compile(r"(?<![\w./*-])[A-Z]{1,2}\d{2,4}-\d{3,5}(?:-[A-Z])?(?![\w/]|-\w)"),
    re.compile(r"(?<![\w./*-])[A-Z]{2,3} \d{6,8}(?![\w/-]|[.,]\d)"),
    re.compile(rf"(?<![\w./,*$€£-])\d{{6,12}}(?:[A-Z]|\s[A-Z]\b)?(?![\w]|[.,/]\d|-\d){_UNIT}"),
    re.compile(r"(?<![\w./-])\d{2,8}(?:-\d{1,6}){1,3}(?![\w/]|[-.]\d)"),
    re.compile(r"(?<![\w./-])\d{4,8}/\d{2,4}(?![\w/-]|\.\d)"),
)
_NOT_NUMBERS = re.compile(
    r"(?:nct|pmid|rs|nm|np|doi|isbn|chr|icd|cpt|loinc|snomed|"
    r"hpv|covid|sars|hla|cd|il|tnf|ca|ck|pd|her|brca)[-_/ ]?\d",
    _I,
)

_PLATE = re.compile(
    r"\b(?:registration|reg(?:istration)? (?:no|number)|plates?|"
    r"vehicle|car|van)\b[\s,:.#]{0,3}(?:(?:no|number|is)\b[\s.:]{0,3})?"
    r"(?P<number>[A-Z]{1,3}\d{1,4}\s[A-Z]{3}|\d[A-Z]{3}\s?\d{2,3}|[A-Z]{3}[ -]?\d{2,4}|\d\s[A-Z]{3})(?!\w)"
)

_DIGITS = r"\d[\d ().-]{4,17}\d"
_EXTENSION = r"(?:\s?,?\s?(?:x|ext\.?|extension)\s?\d{1,6})?"
PHONES = tuple(
    re.compile(pattern + _EXTENSION, _I)
    for pattern in (
        r"(?<![\w.-])(?:\+?1[-. ]?)?(?:\(\d{3}\)\s?|\d{3}[-. ])\d{3}[-. ]\d{4}(?![\d-])",
        r"\+\d{1,3}[ .-]?(?:\(\d{1,4}\)[ .-]?)?\d{1,5}(?:[ .-]\d{2,7}){1,5}(?!\d)",
        r"\+\d{9,14}(?!\d)",
        r"(?<![\w.-])00\d{1,3}[ -]\d{1,4}[ -]\d{3,8}(?:[ -]\d{2,6})?(?![\d-])",
        r"(?<![\w./-])\(?0\d{1,4}\)?[ -]\d{3,4}[ -]\d{3,6}(?![\d-])",
        r"(?<![\w./-])(?:0\d{2,4}[ -]\d{5,8}|0\d{9,10}|\(0\d{2,4}\)\s?\d{5,8})(?![\d-])",
    )
)
_PHONE_CUE = (
    r"(?:phones?|tele?phoned?|tel|cell|mobile|mob|home|work|call(?:s|"
    r"ed|ing|back)?|pager|paged|beeper|bleep(?: no)?|ext(?:ension)?|"
    r"contact|reach(?:ed)?|dial|ring|rang|text|sms|"
    r"voicemail|landline|ph|hotline|whatsapp|fax(?:ed)?|facsimile)"
)
_CUED_PHONE = re.compile(
    rf"\b{_PHONE_CUE}\b(?:\s?(?:numbers?|no\.?|#|"
    rf"\(\w{{1,6}}\)))?(?:\s(?:me|us|him|her|them|back|is|at|on|to|x|\w+ on|\w+ at))*\s?[:#.=,-]?\s?"
    rf"(?P<number>[(+]?{_DIGITS}{_EXTENSION})(?![\w]|/\d){_UNIT}",
    _I,
)
_PAGER = re.compile(
    r"\b(?:pager|beeper|bleep|ext(?:ension)?\.?|"
    r"call ?back)\s?(?:no\.?|number|#|:)?\s?(?P<number>\d{3,6})(?![\d/.]\d|\d)",
    _I,
)
_LOCAL = re.compile(rf"(?<![\w./-])[2-9]\d{{2}}[-. ]\d{{4}}(?![\w/-]|\.\d){_UNIT}", _I)
NEAR_PHONE = re.compile(
    r"\b(?:phone|tel\w*|cell|mobile|mob|call\w*|pager|reach\w*|dial|ring|"
    r"rang|text|contact|fax\w*|ph|home|work|number is|it's|nok)\b[^\n]{0,45}$",
    _I,
)
BEHIND_FAX = re.compile(r"(?:\bfax(?:ed)?\b[^\n\d]{0,25}|\bf[:.]?\s?)$", _I)

_AGE = (
    re.compile(
        r"(?<![\d./-])(?P<age>9\d|1[01]\d)(?=[\s-]?(?:years?[\s-]?(?:old|of age)|"
        r"year-old|yr?s?[\s./-]?old|y[./]?o\b|yo[mf]?\b|yrs?\b|y/o)|\s?[MF]\b(?!\w))",
        _I,
    ),
    re.compile(
        r"\b(?:aged?|turned|turning|age of|aged about|"
        r"is now)[:\s]\s?(?P<age>9\d|1[01]\d)(?!\d|[./-]\d|\s?(?:mg|kg|bpm|%))",
        _I,
    ),
    re.compile(
        r"\b(?P<age>ninety(?:[\s-](?:one|two|three|four|five|six|seven|eight|"
        r"nine))?|one hundred(?: and \w+)?)(?=[\s-]years?[\s-](?:old|of age))",
        _I,
    ),
    re.compile(r"(?<![\d./-])(?P<age>9\d|1[01]\d) years (?=(?:old|of age|young))", _I),
)

_STATES = (
    "AL|AK|AZ|AR|CA|CO|CT|DE|DC|FL|GA|HI|ID|IL|IN|IA|KS|KY|LA|ME|MD|MA|MI|MN|MS|MO|MT|NE|NV|NH|NJ|NM|NY|NC|ND|OH|OK|"
    "OR|PA|RI|SC|SD|TN|TX|UT|VT|VA|WA|WV|WI|WY|PR|GU|VI"
)
ZIPS = (
    re.compile(rf"\b(?:{_STATES}),?\s+(?P<number>\d{{5}}(?:-\d{{4}})?)(?!\d)"),
    re.compile(
        r"\b(?:zip(?:[ -]?code)?|"
        r"post(?:al)?[ -]?code)\b[\"']?\s?[:=]?\s?[\"']?(?P<number>"
        r"\d{4,5}(?:-\d{3,4})?|[A-Z]{1,2}\d[A-Z\d]?\s?\d[A-Z]{2})(?!\w)",
        _I,
    ),
    re.compile(r"(?<![\w-])(?P<number>[A-Z]{1,2}\d[A-Z\d]? \d(?!MG|ML|KG|CM|MM|HR|DL|GM)[A-Z]{2})(?![\w-])"),
    re.compile(r"(?<![\w-])(?P<number>\d{5}-\d{4})(?![\w-])"),
)
_STREET = (
    r"Street|St|Avenue|Ave|Road|Rd|Drive|Dr|Lane|Ln|Boulevard|"
    r"Blvd|Court|Ct|Place|Pl|Way|Terrace|Square|Sq|Highway|Hwy|"
    r"Parkway|Pkwy|Circle|Close|Crescent|Gardens|Grove|Hill|Mews|Row|Walk"
)
STREET = re.compile(
    rf"(?<![\w/.-])\d{{1,5}}[A-Za-z]?\s(?:[A-Z][\w'’.-]*\s){{1,3}}(?:{_STREET})\b\.?(?:,?\s(?:Apt|Suite|Ste|Unit|Flat|Apartment)\.?\s?#?\w+)?"
    r"|\bP\.?\s?O\.?\sBox\s\d+"
)


def find_by_rules(text: str) -> list[Identifier]:
    """What the rules find, in text order, none over another."""
    return without_overlaps(text, ranked_by_rules(text))


def ranked_by_rules(text: str) -> list[Identifier]:
    """Everything that a rule finds, the surest rules first; they may overlap."""

    def found(kind: str, spans: Iterator[tuple[int, int]], confidence: float) -> list[Identifier]:
        return [Identifier(start, end, text[start:end], kind, "rule", confidence) for start, end in spans]

    out = found("EMAIL", _spans(EMAIL, text), 0.99)
    out += found("URL", _urls(text), 0.98)
    out += found("IP", _spans(IP, text), 0.97)
    out += found("SSN", _spans(SSN, text), 0.98)
    for kind, form in _CUED:
        out += found(kind, _cued(form, text, strict=kind in ("ID", "DEVICE", "ACCOUNT", "VEHICLE")), 0.95)
    out += found("VEHICLE", _spans(_PLATE, text), 0.95)
    for start, end in _phones(text):
        out += found(
            "FAX" if BEHIND_FAX.search(text[max(0, start - 40) : start]) else "PHONE",
            iter([(start, end)]),
            0.95,
        )
    out += found("DATE", find_dates(text), 0.95)
    for form in _AGE:
        out += found("AGE", (match.span("age") for match in form.finditer(text)), 0.95)
    for form in ZIPS:
        out += found("ZIP", _spans(form, text), 0.9)
    out += found("LOCATION", _spans(STREET, text), 0.85)
    out += found("ID", _shaped(text), 0.7)
    out += found("NAME", labelled_names(text), 0.9)
    return out


def _spans(form: re.Pattern[str], text: str) -> Iterator[tuple[int, int]]:
    """The spans of a form, or of its group `number` where that took part."""
    for match in form.finditer(text):
        whole = "number" not in form.groupindex or match["number"] is None
        yield match.span() if whole else match.span("number")


def _urls(text: str) -> Iterator[tuple[int, int]]:
    for match in URL.finditer(text):
        start, end = match.span()
        while text[end - 1] in ".,;:)]}!?":
            end -= 1
        yield start, end


def _cued(form: re.Pattern[str], text: str, strict: bool) -> Iterator[tuple[int, int]]:
    """Values behind a cue with enough digits; after words of many uses (strict), more of them."""
    for match in form.finditer(text):
        start, end = match.span("number")
        if re.fullmatch(r"\w+", text[match.start() : start]) and text[start] == "-":
            start = match.start()  # "MRN-680245" is one word
        value = text[start:end]
        digits = sum(char.isdigit() for char in value)
        letters = sum(char.isalpha() for char in value)
        enough = digits >= 4 or (digits >= 3 and letters >= 2) if strict else digits >= 3
        if not enough or re.fullmatch(r"(?:19|20)\d\d", value) or _NOT_NUMBERS.match(value):
            continue
        if (
            " " not in value
            and next(find_dates(value), None) == (0, len(value))
            and "-" not in value
            and "/" in value
        ):
            continue
        yield start, end


def _phones(text: str) -> Iterator[tuple[int, int]]:
    for form in PHONES:
        for match in form.finditer(text):
            if not re.search(r"\bnhs\b[^\n]{0,14}$", text[max(0, match.start() - 24) : match.start()], _I):
                yield match.span()
    for match in _CUED_PHONE.finditer(text):
        if (
            sum(char.isdigit() for char in match["number"]) >= 7
            and next(find_dates(match["number"]), None) is None
        ):
            yield match.span("number")
    for match in _PAGER.finditer(text):
        yield match.span("number")
    for match in _LOCAL.finditer(text):
        if NEAR_PHONE.search(text[max(0, match.start() - 60) : match.start()]):
            yield match.span()


def is_phone(number: str) -> bool:
    """Whether a number has the form of a phone number."""
    return any(form.fullmatch(number) for form in PHONES)


def _shaped(text: str) -> Iterator[tuple[int, int]]:
    """Numbers that are identifiers by their shape alone: six digits at least, five behind a letter."""
    for form in _SHAPES:
        for match in form.finditer(text):
            value = match[0]
            digits = sum(char.isdigit() for char in value)
            if digits >= 6 - value[0].isalpha() and not _NOT_NUMBERS.match(value):
                yield match.span()
