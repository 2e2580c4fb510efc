"""Assertion in everyday and clinical wording: possible, hypothetical, historical, and medication."""

import pytest

from assistant.extraction.assertion import assign
from tests.assistant.extraction.marked import marked

POSSIBLE = [
    "Rule out {pneumonia|possible}.",
    "r/o {MI|possible}",
    "{Pneumonia|possible} cannot be ruled out.",
    "Cannot rule out {pneumonia|possible}.",
    "{Malignancy|possible} is not excluded.",
    "Possible {pneumonia|possible}.",
    "Probable {pneumonia|possible}, {fever|present}.",
    "Suspected {appendicitis|possible}.",
    "{Appendicitis|possible} is suspected.",
    "Findings are suspicious for {malignancy|possible}.",
    "Concern for {sepsis|possible}.",
    "{DVT|possible} vs {cellulitis|possible}",
    "Likely {viral infection|possible}.",
    "{Lupus|possible} is unlikely.",
    "It might be {gout|possible}.",
    "I think I have {gout|possible}.",
    "I'm worried that I have {cancer|possible}.",
    "I wonder if I have {ADHD|possible}.",
    "To rule out {PE|possible}, CT was done.",
    "Evaluate for {stroke|possible}.",
    "Suggestive of {malignancy|possible}.",
    "May represent {metastasis|possible}.",
    "May be {viral|possible}.",
    "Questionable {mass|possible}.",
    "{Infection|possible} is possible.",
    "{Tumor|possible} remains in the differential.",
    "Cannot exclude {fracture|possible}.",
    "{Stroke|possible} is less likely.",
    "Likely secondary to {dehydration|possible}.",
    "{Syncope|present} likely due to {dehydration|possible}.",
    "I'm not sure if I have {fever|possible}.",
    "I don't know if it's {flu|possible} or {covid|possible}.",
    "Doctor thinks it could be {MS|possible}.",
    "Concern for {PE|possible} given {tachycardia|present}.",
    "{Fever|present} concerning for {infection|possible}.",
    "{Fever|present}, likely {viral|possible}.",
    "{Dyspnea|present}, rule out {PE|possible}.",
    "{Mass|present} suspicious for {cancer|possible}.",
    "{Tremor|present}, possibly {Parkinson's disease|possible}.",
    "{Tremor|present}, probable {PD|possible}, no {dementia|absent}.",
    "{PD|possible} vs. {ET|possible}",
    "Suspect {PD|possible}.",
    "Could be {arthritis|possible}, but no {swelling|absent}.",
    "He may have {pneumonia|possible} but has no {fever|absent}.",
    "{Pneumonia|possible} is a possibility.",
    "{Pneumonia|possible} not yet ruled out.",
    "Unclear if {seizure|possible}.",
    "Doubt {PE|possible}.",
    "{PE|possible} is doubtful.",
    "Unable to rule out {PE|possible}",
]
HYPOTHETICAL = [
    "Call if {fever|hypothetical} or {bleeding|hypothetical} occurs.",
    "Return if you develop {chest pain|hypothetical}.",
    "Take ibuprofen as needed for {pain|hypothetical}.",
    "If {fever|hypothetical} develops, call the clinic.",
    "Watch for {signs of infection|hypothetical}.",
    "He is at risk of {stroke|hypothetical}.",
    "I'm afraid of {cancer|hypothetical}.",
    "Tell me about {lupus|hypothetical}.",
    "Come back if {pain|hypothetical} gets worse or {fever|hypothetical} develops.",
    "If you have {chest pain|hypothetical}, call 911.",
    (
        "Seek help if you develop {weakness|hypothetical}, "
        "{numbness|hypothetical} or {slurred speech|hypothetical}."
    ),
    "Acetaminophen prn {pain|hypothetical}",
    "Monitor for {bleeding|hypothetical}.",
    "Screening for {colon cancer|hypothetical}.",
    "Prophylaxis for {DVT|hypothetical}.",
    "{DVT|hypothetical} prophylaxis",
    "Risk factors for {stroke|hypothetical} include smoking.",
    "Increased risk of {falls|hypothetical}.",
    "{Fall|hypothetical} risk",
    "Seek care for {fever|hypothetical}, {vomiting|hypothetical}.",
    "Risks include {bleeding|hypothetical} and {infection|hypothetical}.",
    "May cause {drowsiness|hypothetical}.",
    "This drug can cause {nausea|hypothetical}.",
    "Advised to return for {fever|hypothetical} or worsening {pain|hypothetical}.",
    "Go to the ER if {bleeding|hypothetical} occurs. Currently no {bleeding|absent}.",
]
HISTORICAL = [
    "History of {hypertension|historical}.",
    "h/o {stroke|historical}",
    "He had {measles|historical} as a child.",
    "{Asthma|historical} in childhood.",
    "{Rash|historical} has resolved.",
    "The {headache|historical} went away.",
    "I used to have {migraines|historical}.",
    "{MI|historical} in 2015.",
    "{Stroke|historical} ten years ago.",
    "No longer has {pain|historical}.",
    "He doesn't have {pain|historical} any more.",
    "Former {smoker|historical}.",
    "He had {pneumonia|historical} in 2010 and now has {cough|present}.",
    "{Pneumonia|historical} 5 years ago.",
    "Previously diagnosed with {asthma|historical}.",
    "Known history of {asthma|historical}.",
    "Prior {MI|historical}, now with {chest pain|present}.",
    "Previous {stroke|historical}.",
    "Old {MI|historical} on ECG.",
    "He has a history of {gout|historical} and presents with {knee pain|present}.",
    "History significant for {hypertension|historical} and {diabetes|historical}.",
    "Cancer in remission: {lymphoma|historical} in remission.",
    "Recovered from {COVID|historical}.",
    "{Headache|historical} resolved after two days.",
    "No more {headaches|historical}",
    "My {cough|historical} is gone.",
    "The {rash|historical} disappeared.",
    "I had {COVID|historical} in 2021.",
    "In 2019 she had a {stroke|historical}.",
    "At age 12 he had {meningitis|historical}.",
    "He had {rheumatic fever|historical} at age 12.",
    "Patient with past medical history of {HTN|historical} who presents with {chest pain|present}.",
    "Remote history of {seizures|historical}, none since.",
    "Status post {fall|historical}.",
    "She previously had {depression|historical}.",
    "{Depression|historical}, resolved. {Anxiety|present}, ongoing.",
    "{Chest pain|historical} resolved, {dyspnea|present} persists.",
    "{Chest pain|historical} has resolved but {dyspnea|present} persists.",
    "**Past medical history:** {asthma|historical}",
    "{Weakness|historical} (resolved) and {numbness|present}",
    "I don't have a {headache|historical} anymore",
]
MEDICATION = [
    "Stopped {warfarin|historical|Medication} last month.",
    "{Warfarin|historical|Medication} was discontinued.",
    "Not on {aspirin|absent|Medication}.",
    "Takes {aspirin|present|Medication} for {headache|present}.",
    "No {fever|absent} on {aspirin|present|Medication}.",
    "He was treated for {pneumonia|present} with {amoxicillin|present|Medication}.",
    "No {fever|absent} because of {aspirin|present|Medication}.",
    "{Pain|present} not controlled with {morphine|present|Medication}.",
    "{Rash|present} did not respond to {steroids|present|Medication}.",
    "{Chest pain|present} not relieved by {nitroglycerin|present|Medication}.",
    "In case of {seizure|hypothetical}, give {diazepam|hypothetical|Medication}.",
    "He takes {metformin|present|Medication}, not {insulin|absent|Medication}.",
    "Allergic to {penicillin|present|Medication}. No {aspirin|absent|Medication}.",
    "Doesn't take {aspirin|absent|Medication}.",
    "Never took {statins|absent|Medication}.",
    "{Aspirin|historical|Medication} was stopped due to {bleeding|present}.",
    "Switched from {warfarin|historical|Medication} to {apixaban|present|Medication}.",
    "Discontinue {lisinopril|historical|Medication}.",
    "Was on {prednisone|historical|Medication} last year.",
    "To prevent {stroke|hypothetical}, take {aspirin|present|Medication}.",
    "Take {acetaminophen|present|Medication} 500 mg for {pain|present}.",
    "He was given {morphine|present|Medication}, no {relief|present}.",
    "She is off {prednisone|historical|Medication}.",
    "Not taking {metformin|absent|Medication}, takes {insulin|present|Medication}.",
    "{Metformin|historical|Medication} discontinued, {insulin|present|Medication} started.",
    "No longer taking {lithium|historical|Medication}.",
    "Denies {ibuprofen|absent|Medication} use.",
    "Allergies: {penicillin|present|Medication}",
]


@pytest.mark.parametrize("case", POSSIBLE)
def test_doubt_is_possible(case: str) -> None:
    text, spans, assertions = marked(case)
    assert assign(text, spans) == assertions


@pytest.mark.parametrize("case", HYPOTHETICAL)
def test_conditions_risks_and_questions_are_hypothetical(case: str) -> None:
    text, spans, assertions = marked(case)
    assert assign(text, spans) == assertions


@pytest.mark.parametrize("case", HISTORICAL)
def test_what_is_over_is_historical(case: str) -> None:
    text, spans, assertions = marked(case)
    assert assign(text, spans) == assertions


@pytest.mark.parametrize("case", MEDICATION)
def test_medication_is_absent_or_historical_by_its_own_cues_only(case: str) -> None:
    text, spans, assertions = marked(case)
    assert assign(text, spans) == assertions
