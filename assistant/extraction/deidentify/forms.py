"""How dates and numbers are written in synthetic texts: forms for training, more for held-out texts.

A form is a pattern: `#` a digit, `%` a digit from 1, `?` a capital letter; the rest stands as it is.
"""

from __future__ import annotations

import random
from datetime import date

MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October",
    "November", "December",
)  # fmt: skip
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")

DATES = (
    "{m}/{d}/{Y}", "{mm}/{dd}/{Y}", "{mm}/{dd}/{y}", "{m}/{d}/{y}", "{dd}/{mm}/{Y}", "{Y}-{mm}-{dd}",
    "{dd}-{mm}-{Y}", "{mm}-{dd}-{y}", "{dd}.{mm}.{Y}", "{d}.{m}.{y}", "{B} {d}, {Y}", "{B} {d} {Y}",
    "{d} {B} {Y}", "{b} {d}, {Y}", "{d} {b} {Y}", "{dd}-{b}-{Y}", "{dd}-{b}-{y}", "{dd}{bu}{Y}",
    "{th} of {B} {Y}", "{th} {B} {Y}", "{B} {th}, {Y}", "{B} {Y}", "{b} {Y}", "{B} '{y}", "{B} {d}",
    "{d} {B}", "{B} {th}", "the {th} of {B}", "{W}, {B} {d}, {Y}", "{w} {d} {b} {Y}", "{Y}/{mm}/{dd}",
    "{mm}/{Y}", "{b}. {d}, {Y}", "{d} {b} '{y}", "{Y}{mm}{dd}", "{B}, {Y}", "{W} {d} {B}", "{m}/{d}",
)  # fmt: skip
OTHER_DATES = (
    *DATES[:-1], "{d}/{m}/{y}", "{W} the {th} of {B}, {Y}", "{dd} {bu} {Y}", "{Y} {b} {dd}", "{B} of {Y}",
    "{bl} {d} {Y}", "{w}, {b} {th}", "{th} {b} '{y}", "{d}-{b}-{y}", "{dd}.{mm}.{y}", "{b}/{dd}/{Y}",
    "{m}/{d}", "{b} {th} {Y}", "{d}. {B} {Y}",
)  # fmt: skip
NUMBER_DATES = ("{m}/{d}/{Y}", "{mm}/{dd}/{Y}", "{dd}/{mm}/{Y}", "{dd}.{mm}.{Y}", "{Y}-{mm}-{dd}")
ISO = ("{Y}-{mm}-{dd}",)

PHONES = (
    "(%##) %##-####", "%##-%##-####", "%##.%##.####", "%## %## ####", "+1 %## %## ####", "1-%##-%##-####",
    "(%##)%##-####", "%##-####", "0%### ######", "0%## #### ####", "+44 7### ######", "07### ######",
    "+49 %# #######", "+33 % ## ## ## ##", "%##-%##-#### ext. %##", "%##-%##-####x%###", "%#########",
    "+%# %## ### ###",
)  # fmt: skip
OTHER_PHONES = (
    *PHONES, "+44 (0)20 #### ####", "020 #### ####", "(0%##) ### ####", "+353 8# ### ####",
    "+1 (%##) %##-####", "%## %##-####", "00%# %## ######", "0%##-#######", "(%##) %##-#### x %##",
    "+61 4## ### ###", "07### ### ###",
)  # fmt: skip
RECORDS = (
    "%#######", "%#####", "%######", "%######-#", "%#-##-##", "%##-%##-##", "MR%#####", "MRN-%#####",
    "H%######", "A%#######", "00-%##-###", "E%####", "%#########", "M00%#####", "%####", "?%#####",
    "??%####", "%##-##-####", "0%######", "%## ## ##",
)  # fmt: skip
OTHER_RECORDS = (
    *RECORDS[:-2], "?H-00%#-##", "U/%#/00###", "20##-00%###", "???%######", "00%# %###", "%######?",
    "#%#-%####-#", "?-%#####",
)  # fmt: skip
CHECKED_RECORDS = (
    *RECORDS[:6], "?-20%#-##%", "%####/##", "1#-00%###", "??/%###/##", "%###### ?", "0%## %###",
    "?%#-%###-?", "HX%####", "?? %#####", "%##/%###",
)  # fmt: skip
HEALTH_SERVICE = ("%## ### ####", "%#########", "%##-###-####")
IDENTIFIERS = {
    "SSN": ("%##-%#-####", "%##-%#-####", "%## %# ####", "***-**-####"),
    "ACCOUNT": ("%#########", "%#######", "AC-%######", "%###-####-##", "V%##########", "%##########"),
    "PLAN": (
        "???%#########", "%########?", "?%#######", "XEA%########", "%#####-##", "%?##-??#-??##", "%########",
    ),
    "LICENCE": ("?%######", "??%######", "MD%#####", "%#########", "?%##-%###-%###", "%######"),
    "VEHICLE": ("???-%###", "%???###", "??%# ???", "1HGCM8%633A%#####", "???%##", "?%## ???"),
    "DEVICE": ("SN%#######", "??-%#####", "%######?", "PJN%#####", "?#?%####", "%#-%##-%####", "???%#####"),
    "ID": ("%######", "??%#####", "S%#-%####", "?%#######", "%##-%####", "%########", "#%-??-%###"),
}  # fmt: skip


def from_pattern(pattern: str, rng: random.Random) -> str:
    """A pattern with its places filled."""
    places = {"#": "0123456789", "%": "123456789", "?": "ABCDEFGHJKLMNPRSTUVWXYZ"}
    return "".join(rng.choice(places[char]) if char in places else char for char in pattern)


def ordinal(day: int) -> str:
    """1st, 2nd, 3rd, 4th."""
    if day in (11, 12, 13):
        return f"{day}th"
    return f"{day}{ {1: 'st', 2: 'nd', 3: 'rd'}.get(day % 10, 'th') }"


def written(day: date, form: str) -> str:
    """A date in a form such as `{d} {B} {Y}`."""
    month, weekday = MONTHS[day.month - 1], WEEKDAYS[day.weekday()]
    short = "Sept" if month == "September" and day.day % 2 else month[:3]
    return form.format(
        d=day.day, dd=f"{day.day:02}", m=day.month, mm=f"{day.month:02}", Y=day.year,
        y=f"{day.year % 100:02}", B=month, b=short, bu=month[:3].upper(), bl=month[:3].lower(),
        th=ordinal(day.day), W=weekday, w=weekday[:3],
    )  # fmt: skip
