"""The rules alone: what they find, what only looks like it, and that no text slows them down."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.extraction.deidentify.identifiers import KINDS
from assistant.extraction.deidentify.patterns import find_by_rules

FOUND = [
    # dates in all usual forms
    ("Seen 3rd of May 2021 in clinic.", "DATE", "3rd of May 2021"),
    ("Seen on 05/03/21.", "DATE", "05/03/21"),
    ("Date: 2021-05-03", "DATE", "2021-05-03"),
    ("since May '21 he", "DATE", "May '21"),
    ("DOB 3.5.1948", "DATE", "3.5.1948"),
    ("admitted 14-JAN-2020", "DATE", "14-JAN-2020"),
    ("signed 14JAN2020", "DATE", "14JAN2020"),
    ("on Monday, March 4, 2019 at noon", "DATE", "Monday, March 4, 2019"),
    ("on Sept. 4th we met", "DATE", "Sept. 4th"),
    ("the twenty-first of June", "DATE", "the twenty-first of June"),
    ("in August 2006 he was", "DATE", "August 2006"),
    ("last seen 11/2019", "DATE", "11/2019"),
    ("next visit on 3/14.", "DATE", "3/14"),
    ("drawn 20210503 at 9", "DATE", "20210503"),
    ("from 3-5 May 2021", "DATE", "3-5 May 2021"),
    ("Febuary 3rd, 2020", "DATE", "Febuary 3rd, 2020"),
    ("born 2021/5/3", "DATE", "2021/5/3"),
    # ages over 89
    ("A 93-year-old woman", "AGE", "93"),
    ("aged 101, lives", "AGE", "101"),
    ("92yo male", "AGE", "92"),
    ("a ninety-four year old", "AGE", "ninety-four"),
    # phones and fax
    ("Call (212) 555-0187 now", "PHONE", "(212) 555-0187"),
    ("212-555-0187 x 12", "PHONE", "212-555-0187 x 12"),
    ("tel. 020 7946 0018", "PHONE", "020 7946 0018"),
    ("+44 7911 123456", "PHONE", "+44 7911 123456"),
    ("reach me at 555-0142", "PHONE", "555-0142"),
    ("Fax: 212.555.0188", "FAX", "212.555.0188"),
    ("pager 4471", "PHONE", "4471"),
    # the net
    ("mail j.doe+x@mail.example.org.", "EMAIL", "j.doe+x@mail.example.org"),
    ("see https://example.org/a?b=1.", "URL", "https://example.org/a?b=1"),
    ("on www.example.com", "URL", "www.example.com"),
    ("from 192.168.0.12,", "IP", "192.168.0.12"),
    ("host 2001:db8:0:0:0:0:0:1", "IP", "2001:db8:0:0:0:0:0:1"),
    # numbers by cue and by shape
    ("SSN 123-45-6789", "SSN", "123-45-6789"),
    ("social security number: 123 45 6789", "SSN", "123 45 6789"),
    ("MRN: 00456", "MRN", "00456"),
    ("Medical record number A-12-993", "MRN", "A-12-993"),
    ("Hospital no. 44871", "MRN", "44871"),
    ("Patient ID: 03019335\nPatient: seen", "MRN", "03019335"),
    ("NHS 943 476 5919", "MRN", "943 476 5919"),
    ("Member ID XEA123456789", "PLAN", "XEA123456789"),
    ("acct #123-4567-89", "ACCOUNT", "123-4567-89"),
    ("DEA AB1234563", "LICENCE", "AB1234563"),
    ("pacemaker, serial number PJN123456", "DEVICE", "PJN123456"),
    ("VIN 1HGCM82633A004352", "VEHICLE", "1HGCM82633A004352"),
    ("the car, registration AB12 CDE, was", "VEHICLE", "AB12 CDE"),
    ("passport 8089070", "ID", "8089070"),
    ("noted in 83746152 again", "ID", "83746152"),
    # places and names as far as rules go
    ("12 Oak Hill Road, Apt 4", "LOCATION", "12 Oak Hill Road, Apt 4"),
    ("Springfield, IL 62704", "ZIP", "62704"),
    ("postcode SW1A 1AA", "ZIP", "SW1A 1AA"),
    ("seen by Dr. Maria de la Cruz today", "NAME", "Maria de la Cruz"),
    ("Mrs O'Neil-Smith's knee", "NAME", "O'Neil-Smith"),
    ("Patient name: KERR, ANNA", "NAME", "KERR, ANNA"),
    ("Surgeon: Anna B. Kerr", "NAME", "Anna B. Kerr"),
    ("Given by GM.", "NAME", "GM"),
]  # fmt: skip

LOOK_ALIKES = [
    "Blood pressure 120/80, later 132/84 and BP 98/60.",
    "Prednisone 40/30/20/10 mg, doses of 10/20 mg, Sinemet 25/100, Norco 5/325 and Advair 250/50.",
    "Pain 3/10, GCS 15, MMSE 27/30, NIHSS 4, Apgar 8/9, power 5/5, PHQ-9 21/27.",
    "Coded as I48.91, E11.9, M54.16 and Z79.4.",
    "Na 138, K 4.2, WBC 11.2, platelets 250,000, ferritin 1024 ng/mL, TSH 2.31, CA 19-9 37.",
    "BRCA1, TP53, c.5946delT, rs1234567, NM_000546, NCT01234567 and DRB1*0401.",
    "Return in 1-2 weeks, 7-10 days, 4-6 hours or 2/52.",
    "In 1998 and from 2010 to 2015, since 2003.",
    "Parkinson's disease, Hoehn and Yahr stage 2.5, Wolff-Parkinson-White syndrome, Bell's palsy.",
    "A 72-year-old man, aged 89, his mother died 95 years ago.",
    "Levodopa, Lipitor, Zoloft and warfarin 2.5 mg.",
    "It may take 2 tablets; they may 3 times a day march 10 steps.",
    "Visual acuity 20/40 and 6/9, L4/L5, T2N1M0, Gleason 3+4=7, CHA2DS2-VASc 4.",
    "Paracetamol 1000 mg, 500000 units, 1,200 kcal, EF 55-60%, HR 104, SpO2 94%.",
    "Dr. said so. Mr and Mrs were there. The doctor and the nurse agree.",
    "Suture 5-0 nylon, needle 18 G, size 7.5, French 14/16.",
    "Take 1/2 tablet for 10/7, twice daily, at 08:30 and 20:30.",
    "Ratio 1:80,000 and 1.2 x 0.9 cm at 10 o'clock, 2 cm from the nipple.",
]


@pytest.mark.parametrize(("text", "kind", "words"), FOUND)
def test_what_identifies_is_found_whole(text: str, kind: str, words: str) -> None:
    assert [(one.kind, one.text) for one in find_by_rules(text)] == [(kind, words)]


@pytest.mark.parametrize("text", LOOK_ALIKES)
def test_what_only_looks_like_it_stays(text: str) -> None:
    assert [(one.kind, one.text) for one in find_by_rules(text)] == []


@given(st.text(alphabet="0123456789/-.: ()+#@abMRNDrJan\n'", max_size=120))
def test_any_text_gives_spans_in_order_that_lie_where_they_say(text: str) -> None:
    at = 0
    for one in find_by_rules(text):
        assert at <= one.start < one.end
        assert text[one.start : one.end] == one.text
        assert one.kind in KINDS
        assert one.source == "rule"
        at = one.end


@pytest.mark.parametrize("piece", ["a", "1-", "a.", "a-", "A ", "Dr. A ", "May 1 ", "12:", "+1 ", "id 1"])
def test_a_long_monotonous_text_is_read_to_its_end(piece: str) -> None:
    # A form that backtracks over the whole text would not come back from this.
    text = piece * (8000 // len(piece)) + "\nMRN: 00456"
    assert find_by_rules(text)[-1].text == "00456"
