"""Synthetic clinical texts whose identifiers are known: templates filled with names and places of Faker.

Three worlds that share no template: `training`, `development` and `held_out`; the last also writes names of
other languages and numbers in forms that training never shows. Nobody in these texts exists. Faker is a
development requirement only: nothing here runs when a text is de-identified.
"""

from __future__ import annotations

import random
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from assistant.errors import BadInputError
from assistant.extraction.deidentify import forms
from assistant.extraction.deidentify.rendering import (
    Piece,
    Sample,
    choose,
    join,
    pieces,
    read_sentences,
    read_templates,
    with_noise,
)
from assistant.extraction.deidentify.words import entries

COMMON = ("en_US", "en_US", "en_US", "en_US", "en_GB", "en_GB", "en_IN", "en_IE")
LOCALES = {
    "training": (
        "de_DE", "fr_FR", "es_ES", "es_MX", "it_IT", "nl_NL", "pl_PL", "tr_TR", "da_DK", "no_NO", "id_ID",
        "yo_NG", "tw_GH", "en_PK", "ja_JP", "hr_HR", "lt_LT", "en_NG", "sk_SK", "sw",
    ),
    "development": ("is_IS", "lv_LV", "fr_CA", "es_CO", "nl_BE", "de_AT", "en_BD", "az_AZ"),
    "held_out": (
        "sv_SE", "pt_BR", "pt_PT", "fi_FI", "cs_CZ", "ro_RO", "ig_NG", "ha_NG", "en_KE", "zu_ZA", "en_TH",
        "en_NZ", "ga_IE", "hu_HU", "et_EE", "sl_SI", "zh_CN", "vi_VN", "de_CH", "es_CL",
    ),
}  # fmt: skip
ROMANISED = ("ja_JP", "zh_CN")
SYLLABLES = (
    "ka",
    "ri",
    "mo",
    "sen",
    "tar",
    "bel",
    "o",
    "vin",
    "shu",
    "dra",
    "pel",
    "ni",
    "gos",
    "lan",
    "ez",
    "wick",
    "au",
    "fa",
)
PEOPLE = re.compile(r"(?:p|d|n|r)\d?$")


@dataclass(frozen=True)
class Person:
    """Somebody who does not exist."""

    first: str
    last: str
    middle: str
    male: bool


class World:
    """A source of texts: templates, locales and forms of one of the three parts. Repeats with its seed."""

    def __init__(self, part: str, seed: int) -> None:
        """Raises: BadInputError: Faker is not installed."""
        try:
            from faker import Faker
        except ImportError as error:
            raise BadInputError(
                "Synthetic texts need Faker. Run: pip install -r requirements-dev.txt"
            ) from error
        self.rng = random.Random(f"{part} {seed}")  # noqa: S311 - nothing secret; must repeat
        self.part = part
        self.other = part == "held_out"
        self.noise = 0.12 if part == "training" else 0.06
        self._templates = read_templates(part)
        self._sentences = read_sentences("sentences")
        self._fakers: dict[str, Any] = {}
        for locale in (*COMMON, *LOCALES[part]):
            if locale not in self._fakers:
                faker = self._fakers[locale] = Faker(locale)
                faker.seed_instance(self.rng.getrandbits(32))

    def samples(self, count: int) -> Iterator[Sample]:
        """Texts, every template in turn in a new order each round."""
        order: list[int] = []
        for _ in range(count):
            if not order:
                order = list(range(len(self._templates)))
                self.rng.shuffle(order)
            template = self._templates[order.pop()]
            yield self._render(template.text, template.style)

    def _render(self, text: str, style: str) -> Sample:
        page = _Page(self)
        parts = pieces(choose(text, self.rng), page.fill)
        if self.part == "training" and self.rng.random() < 0.2:
            sentence = pieces(choose(self.rng.choice(self._sentences), self.rng) + "\n", page.fill)
            parts = [*sentence, *parts] if self.rng.random() < 0.5 else [*parts, ("\n", ""), *sentence]
        return join(with_noise(parts, self.rng, self.noise), style)

    def sentence(self) -> str:
        """A sentence without an identifier, its slots still open."""
        return choose(self.rng.choice(self._sentences), self.rng)

    def person(self, last: str = "") -> Person:
        """A new person, of a common locale half the time; sometimes of that family."""
        rng = self.rng
        male = rng.random() < 0.5
        if self.part == "training" and rng.random() < 0.12:
            return Person(self._invented(), last or self._invented(), rng.choice("ABCDEFGHJKLMNPRSTW"), male)
        locale = rng.choice(COMMON if rng.random() < 0.5 else LOCALES[self.part])
        faker = self._fakers[locale]
        if locale in ROMANISED:
            first, _, family = faker.romanized_name().partition(" ")
        else:
            first = faker.first_name_male() if male else faker.first_name_female()
            family = faker.last_name()
        if not (_is_latin(first) and _is_latin(family)):
            return self.person(last)
        if rng.random() < 0.06:
            family = f"{family}-{self._fakers['en_GB'].last_name()}"
        if rng.random() < 0.04:
            first = f"{first}-{self._fakers['en_US'].first_name()}"
        return Person(first, last or family, rng.choice("ABCDEFGHJKLMNPRSTW"), male)

    def hard_person(self, sort: str) -> Person:
        """Somebody with a name that is also a word ("word") or a disease ("epo")."""
        rng, usual = self.rng, self.person()
        if sort == "epo":
            return Person(usual.first, rng.choice(entries("eponym_families")), usual.middle, usual.male)
        last = rng.choice((usual.last, rng.choice(entries("word_families"))))
        return Person(rng.choice(entries("word_first_names")), last, usual.middle, usual.male)

    def _invented(self) -> str:
        return "".join(self.rng.choice(SYLLABLES) for _ in range(self.rng.randint(2, 3))).capitalize()

    def faker(self) -> Any:
        """An English-speaking faker, for places and mail."""
        return self._fakers[self.rng.choice(("en_US", "en_US", "en_GB"))]

    def city(self) -> str:
        """A city, sometimes of another country."""
        locale = self.rng.choice(LOCALES[self.part]) if self.rng.random() < 0.3 else "en_US"
        city = str(self._fakers[locale].city())
        return city if _is_latin(city) else str(self._fakers["en_US"].city())


class _Page:
    """Fills the slots of one text; the same slot is the same person throughout."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._people: dict[str, Person] = {}

    def fill(self, slot: str) -> list[Piece]:
        name, _, form = slot.replace(":", ".").partition(".")
        if PEOPLE.match(name):
            return self._named(name, form)
        change = {"upper": str.upper, "lower": str.lower}.get(form)
        if name == "filler":
            parts = pieces(self._world.sentence(), self.fill)
        else:
            parts = getattr(self, f"_{name}")(form) if hasattr(self, f"_{name}") else self._number(name)
        return [(change(text), kind) for text, kind in parts] if change else parts

    def _named(self, name: str, form: str) -> list[Piece]:
        sort, _, rest = form.partition(".")
        if sort not in ("word", "epo"):
            sort, rest = "", form
        key = f"{name} {sort}"
        if key not in self._people:
            family = ""
            if name.startswith("r") and self._world.rng.random() < 0.5 and "p " in self._people:
                family = self._people["p "].last
            self._people[key] = self._world.hard_person(sort) if sort else self._world.person(family)
        return _written_name(self._people[key], rest, self._world.rng, doctor=name.startswith("d"))

    def _date(self, form: str) -> list[Piece]:
        rng = self._world.rng
        day = date(1932, 1, 1) + timedelta(days=rng.randrange(34_500))
        if rng.random() < 0.6:
            day = date(2008, 1, 1) + timedelta(days=rng.randrange(6_500))
        known = {"num": forms.NUMBER_DATES, "iso": forms.ISO}
        choices = known.get(form) or (forms.OTHER_DATES if self._world.other else forms.DATES)
        return [(forms.written(day, rng.choice(choices)), "DATE")]

    def _number(self, name: str) -> list[Piece]:
        """The identifiers that a pattern describes."""
        other = self._world.other
        kind = {"mrn": "MRN", "nhs": "MRN", "phone": "PHONE", "fax": "FAX", "idnum": "ID"}.get(
            name, name.upper()
        )
        patterns = {
            "mrn": self._records(),
            "nhs": forms.HEALTH_SERVICE,
            "phone": forms.OTHER_PHONES if other else forms.PHONES,
            "fax": forms.OTHER_PHONES if other else forms.PHONES,
        }.get(name) or forms.IDENTIFIERS[kind]
        return [(forms.from_pattern(self._world.rng.choice(patterns), self._world.rng), kind)]

    def _records(self) -> tuple[str, ...]:
        if self._world.part == "development":
            return forms.CHECKED_RECORDS
        return forms.OTHER_RECORDS if self._world.other else forms.RECORDS

    def _email(self, _: str) -> list[Piece]:
        return [(self._world.faker().email(), "EMAIL")]

    def _url(self, _: str) -> list[Piece]:
        url = str(self._world.faker().uri())
        return [(self._world.rng.choice((url, url.removeprefix("https://").removeprefix("http://"))), "URL")]

    def _ip(self, _: str) -> list[Piece]:
        faker = self._world.faker()
        return [(faker.ipv4() if self._world.rng.random() < 0.8 else faker.ipv6(), "IP")]

    def _zip(self, _: str) -> list[Piece]:
        return [(self._world.faker().postcode(), "ZIP")]

    def _street(self, _: str) -> list[Piece]:
        return [(" ".join(str(self._world.faker().street_address()).split()), "LOCATION")]

    def _city(self, _: str) -> list[Piece]:
        return [(self._world.city(), "LOCATION")]

    def _state(self, _: str) -> list[Piece]:
        faker = self._world._fakers["en_US"]
        return [(faker.state_abbr() if self._world.rng.random() < 0.7 else faker.state(), "STATE")]

    def _hospital(self, _: str) -> list[Piece]:
        other = entries("other_hospitals") if self._world.other else ()
        return [(self._place((*entries("hospitals"), *other)), "LOCATION")]

    def _org(self, _: str) -> list[Piece]:
        other = entries("other_organisations") if self._world.other else ()
        return [(self._place((*entries("organisations"), *other)), "LOCATION")]

    def _place(self, choices: tuple[str, ...]) -> str:
        person = self._world.person()
        faker = self._world.faker()
        return self._world.rng.choice(choices).format(
            city=self._world.city(), first=person.first, last=person.last, company=faker.company()
        )

    def _age(self, _: str) -> list[Piece]:
        return [(str(self._world.rng.randint(1, 89)), "")]

    def _ninety(self, _: str) -> list[Piece]:
        return [(str(self._world.rng.randint(90, 104)), "AGE")]

    def _year(self, _: str) -> list[Piece]:
        return [(str(self._world.rng.randint(1960, 2025)), "")]

    def _num(self, _: str) -> list[Piece]:
        return [(str(self._world.rng.randint(2, 9)), "")]

    def _bp(self, _: str) -> list[Piece]:
        return [(f"{self._world.rng.randint(95, 190)}/{self._world.rng.randint(55, 105)}", "")]

    def _drug(self, _: str) -> list[Piece]:
        return [(self._world.rng.choice(entries("drugs")), "")]

    def _disease(self, _: str) -> list[Piece]:
        return [(self._world.rng.choice(entries("diseases")), "")]


def _written_name(person: Person, form: str, rng: random.Random, doctor: bool) -> list[Piece]:
    """A name or a word about the person in the form that the slot asks for."""
    his, upper = person.male, form in ("upper", "LF", "LAST")
    words = {
        "title": rng.choice(("Mr.", "Mr") if his else ("Mrs.", "Ms.", "Mrs", "Ms", "Miss")),
        "he": "he" if his else "she", "He": "He" if his else "She", "him": "him" if his else "her",
        "his": "his" if his else "her", "His": "His" if his else "Her",
    }  # fmt: skip
    if form in words:
        return [(words[form], "")]
    first, last, middle = person.first, person.last, person.middle
    if form == "fl":
        name = f"{first[0]}{rng.choice(('. ', ' ', '.', f'. {middle}. '))}{last}"
    elif form == "initials":
        name = rng.choice((f"{first[0]}{last[0]}", f"{first[0]}.{last[0]}.", f"{first[0]}{middle}{last[0]}"))
    elif form in ("lf", "LF"):
        name = f"{last}, {first}" + rng.choice(("", "", f" {middle}", f" {middle}."))
    elif form == "first":
        name = first
    elif form in ("last", "LAST"):
        name = last
    else:
        name = rng.choice(
            (f"{first} {last}",) * 4 + (f"{first} {middle}. {last}", f"{first} {middle} {last}")
        )
    name = name.upper() if upper else name.lower() if form == "lower" else name
    piece = (name, "NAME")
    if doctor and form == "":
        around = rng.choice(
            (("Dr. ", ""), ("Dr ", ""), ("", ", MD"), ("", ""), ("Prof. ", ""), ("", " MD"), ("Doctor ", ""))
        )
        return [(around[0], ""), piece, (around[1], "")] if any(around) else [piece]
    return [piece]


def _is_latin(text: str) -> bool:
    return all(not char.isalpha() or unicodedata.name(char, "").startswith("LATIN") for char in text) and any(
        char.isalpha() for char in text
    )
