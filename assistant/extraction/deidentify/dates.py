"""Dates by rules: where they are, which day they mean, and the same form written for another day.

A year alone stays, as does a month alone without a day or a year. What only looks like a date stays: a blood
pressure, a dose, a score, `5/7` for five days. No model in here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, timedelta

MONTH = (
    r"(?:jan(?:uary|urary)?|feb(?:r?uary|urary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust|st)?|"
    r"sept?(?:emb[er]{1,2})?|oct(?:ober|obre)?|nov(?:ember)?|dec(?:emb[er]{1,2})?)"
)
WEEKDAY = r"(?:mon|tue(?:s)?|wed(?:nes)?|thu(?:rs?)?|fri|sat(?:ur)?|sun)(?:day)?"
_ORDINALS = (
    "first|second|third|fourth|fifth|sixth|seventh|eighth|ninth|tenth|eleventh|twelfth|thirteenth|fourteenth|"
    "fifteenth|sixteenth|seventeenth|eighteenth|nineteenth|twentieth|twenty[- ]first|twenty[- ]second|"
    "twenty[- ]third|twenty[- ]fourth|twenty[- ]fifth|twenty[- ]sixth|twenty[- ]seventh|twenty[- ]eighth|"
    "twenty[- ]ninth|thirtieth|thirty[- ]first"
)
_DAY = r"(?:3[01]|[12]\d|0?[1-9])"
_NTH = rf"(?:{_DAY}(?:\s?(?:st|nd|rd|th))?|{_ORDINALS})"
_DAYS = rf"{_NTH}(?:\s?(?:-|–|/|to|and|&|through)\s?{_NTH})?"
_YEAR = r"(?:1[89]\d\d|20\d\d)"
_UNIT = r"(?![ \t]?(?:mg|mcg|µg|g\b|ml|kg|cm|mm|%|units?\b|iu\b|tab|cap|puffs?|times|x\b|/\s?\d))"
_WEEK = rf"(?:\b{WEEKDAY}\.?,?\s+(?:the\s+)?)?"

_CUE = (
    r"(?:on|since|from|until|till|til|by|dated?|seen|visit(?:ed)?|as of|dob|d\.o\.b\.?|born|before|after|due|"
    r"through|between|admit(?:ted)?|adm|discharged?|starting|"
    r"started|ending|next|last|received|reported|collected|"
    r"birthday|exam|effective|signed|f/u|seen|edd|lmp|labs|"
    r"for uss|mdt|refill(?:ed)?|sent|given|filled|date of \w+)"
)

FORMS = tuple(
    re.compile(pattern, re.IGNORECASE | re.MULTILINE)
    for pattern in (
        # 2021-05-03, 2021/5/3, with or without a time behind a T
        rf"(?<![\d./-]){_YEAR}(?P<s>[-/.])(?:0?[1-9]|1[0-2])(?P=s){_DAY}(?![\d/]|[-.]\d)",
        # 05/03/2021, 3.5.21, 03-05-2021, 05 / 03 / 2021
        rf"{_WEEK}(?<![\d./-])\d{{1,2}}(?P<t>\s?[/.-]\s?)\d{{1,2}}(?P=t)(?:{_YEAR}|'?\d\d)(?![\d/]|[-.,]\d|%){_UNIT}",
        # 20210503
        r"(?<![\w.-])(?:19|20)\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])(?![\w-])",
        # 3 May 2021, 3rd of May '21, the third of May, 03-MAY-2021, 03MAY21, 3-5 May 2021
        rf"{_WEEK}(?:\bthe\s+)?(?<![\d./%-]){_DAYS}\.?(?:\s+day)?(?:\s+of)?[\s-]*{MONTH}\b\.?"
        rf"(?:[\s,-]*(?:of\s+)?{_YEAR}(?!\d)|"
        rf"[\s,]*['’]\d\d(?!\d)|-\d\d(?![\d-])|\s\d\d(?=\s*(?:[.,;:)|]|$)))?",
        rf"(?<![\w./-]){_DAY}{MONTH}(?:{_YEAR}|\d\d)(?!\d)",
        # May 3, 2021; May 3rd; May/03/2021; May 3-5, 2021; May third
        rf"{_WEEK}\b{MONTH}\b\.?(?:\s+|\s?[/-]\s?|,\s)(?:the\s+)?{_DAYS}(?!\d|[.,:]\d|%)"
        rf"(?:(?:\s?[/-]|,?\s+(?:of\s+)?)\s?{_YEAR}(?!\d)|,?\s?['’]\d\d(?!\d)|[/-]\d\d(?!\d))?{_UNIT}",
        # 2021 May 3
        rf"(?<![\d./-]){_YEAR}[\s-]+{MONTH}\b\.?[\s-]+{_DAYS}(?![\d/]|[.,]\d)",
        # May 2021, May, 2021, May of 2021, May '21, May-2021
        rf"\b{MONTH}\b\.?(?:\s?[-/]\s?|,?\s+(?:of\s+)?){_YEAR}(?![\d-])",
        rf"\b{MONTH}\b\.?,?\s?['’]\d\d(?!\d)",
        # 05/2021
        rf"(?<![\d./-])(?:0?[1-9]|1[0-2])\s?/\s?{_YEAR}(?![\d/])",
        # Monday 5/3, on 5/3, 5/3-5/7, and 5/3: at the start of a line
        rf"\b{WEEKDAY}\.?,?\s+\d{{1,2}}/\d{{1,2}}(?![\d/.]){_UNIT}",
    )
)
_SHORT = re.compile(
    rf"(?:\b{_CUE}[:\s]\s?(?:the\s|{WEEKDAY}\s)?|"
    rf"^)(?P<date>\d{{1,2}}/\d{{1,2}}(?:\s?(?:-|–|to|and)\s?\d{{1,2}}/\d{{1,2}})?)"
    rf"(?P<after>[:,.;)\s-]|$)(?!\d){_UNIT}",
    re.IGNORECASE | re.MULTILINE,
)
_BIRTH = re.compile(
    r"\b(?:dob|d\.o\.b\.?|birth\s?date|date of birth|"
    r"born)[:\s]{1,3}(?:on\s)?(?P<date>\d{1,2}[\s.]\d{1,2}[\s.]\d{2,4}|\d{6}|\d{8})(?![\d/])",
    re.IGNORECASE,
)
_LOWER_WORDS = re.compile(r"\b(?:may|march|mar|sat|sun|dec|jan)\b")
_LEADS = re.compile(
    r"(?:\b(?:on|since|the|of|until|till|from|to|by|dated?|in|and|due|labs|before|after|for)|[:,(-])\s*$"
)


def find_dates(text: str) -> Iterator[tuple[int, int]]:
    """Where the dates of a text are; they may overlap."""
    for form in FORMS:
        for found in form.finditer(text):
            start, end = found.span()
            while end > start and not text[end - 1].isalnum():
                end -= 1
            if _plausible(text, start, end):
                yield start, end
    for form in (_SHORT, _BIRTH):
        for found in form.finditer(text):
            start, end = found.span("date")
            at_start = form is _SHORT and found.start() == start
            if at_start and found["after"] not in (":", "-"):
                continue
            if form is _BIRTH or all(
                _month_and_day(part) for part in re.findall(r"\d+/\d+", text[start:end])
            ):
                yield start, end


def _month_and_day(short: str) -> bool:
    first, _, second = short.partition("/")
    low, high = sorted((int(first), int(second)))
    return 1 <= low <= 12 and high <= 31


def _plausible(text: str, start: int, end: int) -> bool:
    found = text[start:end]
    numbers = [int(number) for number in re.findall(r"\d+", found)]
    if not any(char.isalpha() for char in found):
        if len(numbers) == 3:
            day_first, year_first = numbers[:2], numbers[1:]
            pair = year_first if numbers[0] > 31 else day_first
            low, high = sorted(pair)
            return 1 <= low <= 12 and 1 <= high <= 31 and not (numbers[0] > 31 and numbers[0] < 1000)
        return True
    has_year = any(number > 31 for number in numbers) or "'" in found or "’" in found
    lower = _LOWER_WORDS.search(found)
    if lower and not has_year and not re.search(r"\d(?:st|nd|rd|th)|/\d", found):
        # "5 may need", "may 2 of them": a date only where the words before say so
        ends = re.match(r"\s*(?:[:;,.)\]|]|$)", text[end : end + 8])
        return bool(ends or _LEADS.search(text[max(0, start - 20) : start])) and not re.match(
            r"\s+[a-z]+\s+(?:be|have|need)\b", text[end:]
        )
    if re.fullmatch(r"\w+\s(?:second|third|first)", found) and not found[0].isupper():
        return False
    return not re.fullmatch(r"(?i:sec\w*|second)\s+mar\w*", found)


_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_LONG = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October",
    "November", "December",
)  # fmt: skip
_DAYS_LONG = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
OPEN_YEAR = 2001
_TOKEN = re.compile(rf"\d+(?:\s?(?:st|nd|rd|th)\b)?|{MONTH}(?![a-z])|\b{WEEKDAY}\b", re.IGNORECASE)


def is_day_first(text: str) -> bool:
    """Whether the numeric dates of a text put the day first: those decide that can only mean one thing."""
    votes = 0
    for start, end in find_dates(text):
        found = re.fullmatch(r"(\d{1,2})[/.-](\d{1,2})[/.-](?:\d{4}|\d\d)", text[start:end])
        if found:
            votes += (int(found[1]) > 12) - (int(found[2]) > 12)
            votes += "." in found[0] and votes == 0
    return votes > 0


def _century(year: int) -> int:
    return year if year > 99 else year + (2000 if year <= 35 else 1900)


def moved(written: str, days: int, day_first: bool) -> str | None:
    """The date `days` later in the same form; None if it can't be read.

    A date without a day is moved as its 15th, one without a year as one of a year without a 29 February:
    between such dates intervals are kept only nearly.
    """
    if re.fullmatch(r"\d{8}", written):
        apart = moved(f"{written[:4]}-{written[4:6]}-{written[6:]}", days, day_first)
        return apart and apart.replace("-", "")
    if re.search(_ORDINALS, written, re.IGNORECASE):
        return None
    tokens = list(_TOKEN.finditer(written))
    roles = _roles(tokens, written, day_first)
    if roles is None:
        return None
    values = {role: _value(tokens[index][0]) for role, index in roles.items() if role != "weekday"}
    try:
        old = date(_century(values.get("year", OPEN_YEAR)), values["month"], values.get("day", 15))
        new = old + timedelta(days=days)
    except (ValueError, OverflowError, KeyError):
        return None
    padded = _is_padded([tokens[index] for role, index in roles.items() if role in ("day", "month")], written)
    out, at = [], 0
    by_index = {index: role for role, index in roles.items()}
    for index, token in enumerate(tokens):
        out.append(written[at : token.start()])
        out.append(_rewritten(token[0], by_index.get(index, ""), new, 2 if padded else 1))
        at = token.end()
    return "".join(out) + written[at:]


def _value(token: str) -> int:
    digits = re.match(r"\d+", token)
    return int(digits[0]) if digits else _MONTHS.index(token[:3].lower()) + 1


def _roles(tokens: list[re.Match[str]], written: str, day_first: bool) -> dict[str, int] | None:
    """Which token is the year, month, day and weekday; None for what is no single day."""
    roles: dict[str, int] = {}
    numbers = []
    for index, token in enumerate(tokens):
        if token[0][0].isdigit():
            before = written[token.start() - 1 : token.start()]
            four = re.fullmatch(r"\d{4}", token[0]) is not None
            is_year = "year" not in roles and (four or before in ("'", "’"))
            if is_year:
                roles["year"] = index
            else:
                numbers.append(index)
        else:
            roles["month" if re.fullmatch(MONTH, token[0], re.IGNORECASE) else "weekday"] = index
    if "month" in roles:
        rest = ["day"] if "year" in roles else ["day", "year"]
        return None if len(numbers) > len(rest) else roles | dict(zip(rest, numbers, strict=False))
    if len(numbers) == 3 and "year" not in roles:
        roles["year"] = numbers.pop()
    if len(numbers) == 1 and "year" in roles:
        return roles | {"month": numbers[0]}
    if len(numbers) != 2:
        return None
    values = [_value(tokens[index][0]) for index in numbers]
    year_first = roles.get("year", len(tokens)) < numbers[0]
    swap = values[0] > 12 or (day_first and not year_first and values[1] <= 12)
    return roles | dict(zip(("day", "month") if swap else ("month", "day"), numbers, strict=True))


def _is_padded(tokens: list[re.Match[str]], written: str) -> bool:
    """Whether a day below 10 takes a nought in this form: 03/05/2021, 14JAN2020, 14-Jan-2020."""
    numbers = [token for token in tokens if token[0].isdigit()]
    if any(len(token[0]) == 1 for token in numbers):
        return False
    if len(numbers) == len(tokens):
        return True
    return any(re.match(r"[-A-Za-z]", written[token.end() :]) or token[0][0] == "0" for token in numbers)


def _rewritten(token: str, role: str, new: date, width: int) -> str:
    """One part of a date for another day, in the case it had."""
    if role == "year":
        return f"{new.year:04}" if len(token) == 4 else f"{new.year % 100:02}"
    if role in ("day", "month") and token[0].isdigit():
        value = new.day if role == "day" else new.month
        ending = token.lstrip("0123456789 ")
        if not ending:
            return f"{value:0{width}}"
        suffix = "th" if value in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(value % 10, "th")
        return f"{value}{suffix}"
    if role == "month":
        name = _LONG[new.month - 1]
        return _cased(name if len(token) > 4 or token.lower() in ("may", "june", "july") else name[:3], token)
    if role == "weekday":
        name = _DAYS_LONG[new.weekday()]
        return _cased(name if token.lower().endswith("day") else name[:3], token)
    return token


def _cased(word: str, like: str) -> str:
    if like.isupper():
        return word.upper()
    return word.lower() if like.islower() else word
