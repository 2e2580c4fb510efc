"""Rules that find rubbish and let clinical text pass."""

import base64
import random

import pytest

from tests.training.corpus.makers import NOTE
from training.corpus.language import language_of
from training.corpus.quality import Facts, fault
from training.corpus.records import Message, Record
from training.corpus.settings import QualityLimits

PASSES = {
    "shorthand": "54M c/o SOB x3d, s/p CABG x3, hx CHF/DM2/HTN. Meds: ASA 81 qd, metoprolol 25 bid. "
    "A&Ox3, NAD.",
    "figures": "BP 120/80 HR 72 RR 16 T 37.1 SpO2 98% RA",
    "lab table": "Na\t138\tmmol/L\t(135-145)\nK\t4.2\tmmol/L\t(3.5-5.1)\nCl\t101\tmmol/L\n"
    "Cr\t0.9\tmg/dL\nHb\t13.2\tg/dL",
    "bars": "| Test | Value | Unit |\n|---|---|---|\n| Na | 138 | mmol/L |\n| K | 4.2 | mmol/L |",
    "negatives": "Denies fever. Denies chills. Denies chest pain. Denies cough. Denies nausea. Denies "
    "vomiting.",
    "anatomy": "Rectal exam normal. Penis and scrotum normal. Vagina: no discharge. Breast exam "
    "normal. Sex: male.",
    "a drug": "Takes sildenafil (Viagra) 50 mg as needed; buy no supplements. No casino visits. "
    "Weight 80 kg.",
    "history": "Mental retardation and spastic cerebral palsy in the chart of 1974; gross motor "
    "delay was noted.",
    "quoted": f"{NOTE} He was agitated and told the nurse to 'fuck off', then apologised. "
    + "He slept well. " * 3,
    "link": f"{NOTE} See https://www.cdc.gov/flu for the leaflet that was handed out to him and his wife.",
    "German drug names": "Ramipril 5 mg, Bisoprolol 2,5 mg, ASS 100 mg, Pantoprazol 40 mg, Torasemid 10 mg, "
    "L-Thyroxin",
}
FAILS = {
    "too short": "None.",
    "mostly symbols": "=-=-= *** ### !!! ??? a >>> <<< *** ((( ))) $$$ %%%",
    "garbled characters": "The pat\ufffdent was s\ufffd\ufffdn for ch\ufffdst pain",
    "mostly unbroken strings": base64.b64encode(random.Random(0).randbytes(300)).decode(),
    "repeats itself": "The patient was seen and examined by the team today. " * 20,
    "language de": "Der Patient klagt seit drei Tagen über Schmerzen in der Brust und wurde mit dem "
    "Auto in die Klinik gebracht.",
    "language fr": "Le patient se plaint de douleurs dans la poitrine depuis trois jours et il est venu "
    "avec sa femme pour un bilan.",
    "language ru": "Пациент жалуется на боли в груди в течение трёх дней.",
    "mostly links": "https://a.example.org/x/y/z https://b.example.org/x/y/z www.c.example.org/q see",
    "advertising": "Buy now! Limited-time offer, money back guarantee. Click here and order now for the "
    "lowest price.",
    "offensive": "You fucking asshole, shut up you bitch, go away",
}


def judged(text: str, limits: QualityLimits | None = None) -> str | None:
    return fault(Facts(Record("text", text), limits or QualityLimits()))


@pytest.mark.parametrize("name", PASSES)
def test_clinical_text_passes(name: str) -> None:
    assert judged(PASSES[name]) is None


@pytest.mark.parametrize("reason", FAILS)
def test_rubbish_goes_with_a_reason(reason: str) -> None:
    assert judged(FAILS[reason]) == reason


def test_rules_can_be_turned_off() -> None:
    lenient = QualityLimits(
        min_characters=0,
        max_symbols=1,
        max_repeated=1,
        min_variety=0,
        languages=(),
        spam=False,
        offensive=False,
    )
    kept = [reason for reason in FAILS if judged(FAILS[reason], lenient) is None]
    assert sorted(set(FAILS) - set(kept)) == ["garbled characters", "mostly unbroken strings"]


def test_an_answer_may_be_one_word_and_tags_are_not_judged() -> None:
    pair = Record("pairs", messages=(Message("user", "Is it viral?"), Message("assistant", "Yes.")))
    assert fault(Facts(pair, QualityLimits())) is None
    assert fault(Facts(Record("tagged", tokens=("###",), tags=("O",)), QualityLimits())) is None


@pytest.mark.parametrize(
    ("text", "code"), [(NOTE, "en"), ("Na 138 K 4.2", "unknown"), ("体温は三十八度です。", "ja")]
)
def test_languages(text: str, code: str) -> None:
    assert language_of(text, text.lower().strip(".").split()) == code
