"""Whose finding it is: the family's, or the patient's with a relative who only tells of it."""

import pytest

from assistant.extraction.assertion import assign
from tests.assistant.extraction.marked import marked

RELATIVES = [
    "Mother has {diabetes|family}.",
    "My dad had a {stroke|family}.",
    "Family history of {breast cancer|family}.",
    "Family history: {diabetes|family}, {hypertension|family}.",
    "FH: {CAD|family}",
    "No family history of {cancer|absent}.",
    "Brought in by his mother with {fever|present}.",
    "His mother reports {fever|present}.",
    "My mother says I have a {fever|present}.",
    "{Diabetes|family} in his mother.",
    "{Cancer|family} on my father's side.",
    "Her sister died of {breast cancer|family}.",
    "Father with {MI|family} at 50. He has {chest pain|present}.",
    "{Diabetes|family} runs in my family.",
    "My mother has {asthma|family} and I have {eczema|present}.",
    "Family History:\n{breast cancer|family} - mother\n\nSocial History:\n{smoker|present}",
    "My son doesn't have a {fever|absent} but he has a {rash|present}.",
    "My son has a {fever|family}.",
    "My daughter has {vomiting|family} since last night.",
    "The baby has no {fever|absent}.",
    "My wife has {diabetes|family}.",
    "My grandmother had {Parkinson's|family}, and I have a {tremor|present}.",
    "My brother and I have {asthma|present}.",
    "Both parents have {hypertension|family}.",
    "Mother: {diabetes|family}. Father: {CAD|family}.",
    "Mother - {diabetes|family}",
    "Mother with {breast cancer|family}, father with {prostate cancer|family}.",
    "Sister ({lupus|family})",
    "His father, who had {Alzheimer's|family}, died at 80.",
    "His wife noticed {snoring|present}.",
    "Wife says he has {tremor|present} at rest.",
    "Per mother, {fever|present} for two days.",
    "According to his daughter he has had {falls|present}.",
    "The patient's mother has {epilepsy|family}.",
    "A paternal uncle had {colon cancer|family}.",
    "No {cancer|absent} in the family.",
    "Nobody in my family has {diabetes|absent}.",
    "There is a family history of {stroke|family} and {MI|family}.",
    "Family history is negative for {cancer|absent}.",
    "Family history is significant for {glaucoma|family}, no {diabetes|absent}.",
    "His mother has no {diabetes|absent}.",
    "Family history: {diabetes|family} on {metformin|present|Medication}",
    "Family history: mother had {breast cancer|family}. Patient has {anxiety|present}.",
    "Family Hx: {CAD|family} (father), {DM|family} (mother)",
    "FHx: no {cancer|absent}",
    "FAMILY HISTORY: Negative for {diabetes|absent}.",
    "My grandfather died of a {heart attack|family}, I have {chest pain|present}.",
    "My mom has {Parkinson's|family} and my hands {shake|present}.",
    "My mom has {Parkinson's|family}. I have {tremor|present}.",
    "My sister doesn't have {asthma|absent} but I do have {asthma|present}.",
    "Her husband has {COVID|family} and she has {fever|present}.",
    "Her daughter was born with {cleft lip|family}.",
    "He lives with his brother. {Tremor|present} at rest.",
    "His father has {tremor|family}, but he denies {tremor|absent}.",
    "A 5-year-old boy with {fever|present} whose mother has {TB|family}.",
    "Family History - {cancer|family}",
    "FAMILY HISTORY:\nMother: {DM|family}\nFather: {CAD|family}\nPHYSICAL EXAM:\n{Murmur|present}",
    "Family history:\nNo {cancer|absent}. Mother has {DM|family}.\n\nHe has {cough|present}.",
    "He denies (but wife reports) {snoring|present}",
]


@pytest.mark.parametrize("case", RELATIVES)
def test_a_finding_is_of_the_one_who_has_it(case: str) -> None:
    text, spans, assertions = marked(case)
    assert assign(text, spans) == assertions
