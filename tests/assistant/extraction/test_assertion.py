"""Whether a finding is there: the known wounds of other tools, denials, and properties on any text."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.extraction.assertion import assign
from tests.assistant.extraction.marked import marked

RIVALS = [
    # medCAT 230: a negated list
    "Denies {fever|absent}, {chills|absent} and {night sweats|absent}.",
    "Patient denies {chest pain|absent}, {dyspnea|absent}, {nausea|absent}, or {syncope|absent}.",
    # medspaCy 232: "is negative for"
    "The patient is negative for {pneumonia|absent}.",
    "Test is negative for {influenza|absent} and {strep|absent}, but {cough|present} persists.",
    # medspaCy 49: the value after the name
    "{fever|absent}: none",
    "{fever: none|absent}",
    "fever: none, {cough|present}",
    # negspaCy 8 and 14: the "no" swallowed into the span
    "{no chest pain|absent}",
    "He has {no headache|absent} and {no vomiting|absent} but {fatigue|present}.",
    "{without fever|absent}",
    # OpenMed 928 and 1182: a denial that reaches too far
    "no {chest pain|absent} but has {fever|present}",
    "She denied any {nausea|absent}, {vomiting|absent} and {diarrhea|absent} but reports {headache|present}.",
    "No {fever|absent} and is {tired|present}.",
]
ABSENT = [
    "Denies {fever|absent}, {chills|absent} and {night sweats|absent}.",
    "Patient denies {chest pain|absent}, {shortness of breath|absent}, or {palpitations|absent}.",
    (
        "She denied any {nausea|absent}, {vomiting|absent} and "
        "{diarrhea|absent} but reports {headache|present}."
    ),
    "The test is negative for {influenza|absent}.",
    "Urine was negative for {protein|absent} and {blood|absent}.",
    "No {chest pain|absent} but has {fever|present}.",
    "no {chest pain|absent} but has {fever|present} and {chills|present}",
    "{no chest pain|absent}",
    "{No fever|absent} today.",
    "He has {no headache|absent} and {no vomiting|absent}.",
    "There is no evidence of {pneumonia|absent}.",
    "No {fever|absent}, {cough|absent} or {rash|absent}; reports {fatigue|present}.",
    "Without {fever|absent}.",
    "Patient is without {fever|absent} or {chills|absent}, has {cough|present}.",
    "I don't have a {fever|absent} but I have a {cough|present}.",
    "i dont have {fever|absent} or {chills|absent}",
    "I have a {cough|present} but no {fever|absent}.",
    "I've had a {sore throat|present} for two days, no {fever|absent}.",
    "I haven't had any {headaches|absent}.",
    "Never had {seizures|absent}.",
    "{Pneumonia|absent} was ruled out.",
    "{PE|absent} has been ruled out by CT.",
    "CT ruled out {stroke|absent}.",
    "No history of {stroke|absent}.",
    "{Fever|absent} denied.",
    "{Fever|absent} is denied.",
    "{Weight loss|absent} is absent.",
    "{Edema|absent} not present.",
    "No {masses|absent} were palpated.",
    "No {edema|absent} is seen, {rash|present} is present.",
    "Lungs clear, no {wheezes|absent}, {rales|absent} or {rhonchi|absent}.",
    "Abdomen soft, {nontender|present}, no {rebound|absent} or {guarding|absent}.",
    "Non-{tender|absent} abdomen.",
    "{Afebrile|present}, no {chills|absent}.",
    "The patient does not have {fever|absent}.",
    "He is not {short of breath|absent}.",
    "Neither {fever|absent} nor {chills|absent}.",
    "{Chest pain|present} without {radiation|absent}.",
    "He lacks {insight|absent}.",
    "{loss of appetite|present}, no {nausea|absent}",
    "Absence of {fever|absent}.",
    "Free of {pain|absent}.",
    "{Pain|absent}-free.",
    "No known {drug allergies|absent}.",
    "NKDA. No {allergies|absent}.",
    "Denies {SI|absent}/{HI|absent}.",
    "No {N|absent}/{V|absent}/{D|absent}",
    "No {fever|absent} since {surgery|present|Therapeutic_procedure}, {pain|present} persists.",
    "Patient denies {fever|absent}. Reports {cough|present}.",
    "No {fever|absent}.{Cough|present} present.",
    "She has no {fever|absent}, has a {cough|present}, and feels {tired|present}.",
    "She has no {fever|absent} and is {tired|present}.",
    "She has no {fever|absent} and her {cough|present} is worse.",
    "Denies {fever|absent} however {cough|present} is present.",
    "Denies {fever|absent} except for {chills|present}.",
    "No {fever|absent}, although {chills|present} occurred.",
    "No {chest pain|absent}, yet {dyspnea|present}.",
    "{Dyspnea|present} on exertion, denies {orthopnea|absent}, {PND|absent}.",
    "She's had no {fever|absent}, no {cough|absent}, no {rash|absent}, but {vomiting|present} twice.",
    "No {cough|absent} and no {fever|absent} but {fatigue|present} is severe.",
    "I am not having {chest pain|absent} right now but my {arm hurts|present}.",
    "I don't think I have {covid|absent}.",
    "i dont feel {dizzy|absent} but i feel {tired|present}",
    "Not consistent with {pneumonia|absent}.",
    "Not suggestive of {malignancy|absent}.",
    "No definite {fracture|absent}.",
    "No acute {distress|absent}.",
    "No signs of {infection|absent}.",
    "No evidence for {DVT|absent} or {PE|absent}.",
    "No {fever|absent} or {chills|absent} or {night sweats|absent} or {weight loss|absent}.",
    "No {fever|absent}/{chills|absent}",
    "Denies: {fever|absent}, {chills|absent}",
    "Denies {fever|absent}; {chills|absent}; {rigors|absent}.",
    "Denies {headache|absent}, reports {nausea|present}, denies {vomiting|absent}.",
    "Negative for {fever|absent}, {cough|absent}. Positive for {rash|present}.",
    "Positive for {fatigue|present}, negative for {fever|absent}.",
    "ROS negative for {fever|absent}; positive for {cough|present}.",
    "{COVID|absent} negative",
    "{HIV|absent} test is negative",
    "{Strep|absent}-negative",
    "Tested negative for {COVID|absent}, positive for {flu|present}.",
    "{Homans sign|absent} negative.",
    "{Romberg|absent} was negative.",
    "The MRI was unremarkable without {mass|absent}.",
    "Ruled out for {MI|absent}.",
    "{MI|absent}: ruled out",
    "Biopsy excluded {malignancy|absent}.",
    "{Fracture|absent} excluded.",
    "CT failed to reveal {hemorrhage|absent}.",
    "The patient never experienced {syncope|absent}.",
    "Never {smoker|absent}",
    "{Hearing loss|present}, no {tinnitus|absent}; {vertigo|present}.",
    "{Chest pain|present}, {dyspnea|present}, no {fever|absent}.",
    "{Tremor|present} but no {rigidity|absent}",
    "{Tremor|present} at rest, {bradykinesia|present}, no {falls|absent}.",
    "Patient with {tremor|present}, denies {falls|absent}.",
    "Denies {falls|absent}",
    "denies {falls|absent}.",
    "Denies any {falls|absent} in the past year.",
    "No {falls|absent} in the last 6 months.",
    "This is not {cancer|absent}.",
    "It's not {cancer|absent}, it's {a cyst|present}.",
    "{Bleeding|absent} was not observed.",
    "{Bleeding|absent} hasn't occurred.",
    "Neg {fever|absent}",
    "“No {fever|absent}”, she said.",
    "Patient doesn’t have {fever|absent}.",
    "I DON'T HAVE {FEVER|absent} BUT I HAVE {COUGH|present}",
    (
        "Patient denies {fever|absent}, {chills|absent}, {cough|absent}, {sore "
        "throat|absent}, {runny nose|absent}, {nausea|absent}, {vomiting|absent}, "
        "{diarrhea|absent}, {rash|absent}, {headache|absent}."
    ),
    "She is negative for {chest pain|absent} and {dyspnea|absent}.",
    "He is positive for {chest pain|present} but negative for {dyspnea|absent}.",
    "Pt c/o {headache|present} x 3 days, no {fever|absent}, no {neck stiffness|absent}.",
    "Patient has {no history of seizures|absent}.",
    "No {tremor|absent} noted. {Rigidity|present} noted.",
    "{Tremor|present} noted, no {rigidity|absent}.",
    "Mild {tremor|present} of the right hand, denies {falls|absent}, no {freezing|absent}.",
    "The patient has never had a {stroke|absent}.",
    "There was no {loss of consciousness|absent}.",
    "She was not found to have {cancer|absent}.",
    "He does not report {pain|absent}.",
    "There isn't any {swelling|absent}.",
    "ain't got no {fever|absent}",
    "I have no {pain|absent} when I walk but {swelling|present} at night.",
    "I have {pain|present} when I walk but no {swelling|absent}.",
    "Lungs are clear without {crackles|absent} or {wheezes|absent}. Heart: {murmur|present}.",
    "Neck supple, no {lymphadenopathy|absent}; {thyroid nodule|present} palpable.",
    "No {focal deficits|absent}. {Weakness|present} in left arm.",
    "No {rest tremor|absent} but {action tremor|present} present.",
    "CT showed no {hemorrhage|absent} but showed {edema|present}.",
    "MRI shows {lesion|present} without {enhancement|absent}.",
    "WBC normal, no {leukocytosis|absent}.",
    "Exposed to {COVID|present}, no {fever|absent}.",
    "Post-op day 2, no {fever|absent}.",
    "Vomiting no {blood|absent}",
    "{Cough|present} productive of sputum without {blood|absent}, {fever|present} 38.5.",
    "{Cough|present} (no {hemoptysis|absent}), {wheezing|present}",
    "{Cough|present} (without {sputum|absent}) and {fever|present}",
    "{Headache|present}, worse at night. No {vomiting|absent}.",
    "e.g. no {fever|absent}. Dr. Smith notes {cough|present}.",
    "{fever|absent}…no. {cough|present}…yes",
    "{Tremor|present} (right hand > left), no {rigidity|absent} (checked twice), {bradykinesia|absent}",
    "No {fever|absent} (max 37.2), {chills|absent}, or {cough|absent}",
    "No {fever|absent} (denies {chills|absent}) but {cough|present}",
    "no {n/v/d|absent}",
    "Denies {N/V|absent}, {HA|absent}, {CP|absent}, {SOB|absent}.",
    "Non-{diabetic|absent}",
    "{Fever|absent} and {chills|absent} were denied.",
    "{Fever|absent}, {chills|absent}, and {cough|absent} are all absent.",
    "Neither {fever|absent} nor {cough|absent} was present, but {rash|present} was.",
    "There were no {masses|absent}; {nodes|present} were enlarged.",
    "No {clubbing|absent}, {cyanosis|absent}, or {edema|absent}. {Rash|present} on arms.",
    "No complaints of {pain|absent}.",
    "Without complaints of {pain|absent} or {nausea|absent}",
    "Not complaining of {pain|absent}",
    "Patient is not {anxious|absent} or {depressed|absent}.",
    "Patient isn't {dizzy|absent}, just {tired|present}.",
    "Endorses {fatigue|present}, denies {weight loss|absent}",
    "Denies {weight loss|absent}. Endorses {fatigue|present}",
    "Denies {weight loss|absent} and endorses {fatigue|present}",
    "Denies {weight loss|absent}, but does endorse {fatigue|present}",
    "Reports {fatigue|present} and denies {weight loss|absent}",
    (
        "Has {fatigue|present} but denies {weight loss|absent}, "
        "{fever|absent}, or {rash|absent}, and reports {cough|present}"
    ),
    "ruled out {PE|absent} and {MI|absent}",
    "{PE|absent} and {MI|absent} were ruled out.",
    "Workup negative for {PE|absent}.",
    "I haven't had {seizures|absent} since 2019",
    "No {seizures|absent} for 5 years.",
    "He had no {fever|absent} yesterday, but today has {fever|present}.",
    "feeling {dizzy|present}, no {nausea|absent} tho",
    "no {fever|absent} just {cough|present}",
    "no {fever|absent} only {cough|present}",
    "just {cough|present} no {fever|absent}",
    "{cough|present}. no {fever|absent}. {tired|present}",
    "{cough|present}/{cold|present} no {fever|absent}",
]
PRESENT = [
    "s/p {appendectomy|present|Therapeutic_procedure}",
    "3-day history of {cough|present}.",
    "He presents with a 2 week history of {back pain|present}.",
    "{Diabetes|present} diagnosed in 2015.",
    "He doesn't smoke anymore, {cough|present} persists.",
    "No {increase in pain|present}.",
    "No change in {pain|present}.",
    "No relief of {pain|present} with ibuprofen.",
    "Not only {fever|present} but also {chills|present}.",
    "No doubt {asthma|present}.",
    "Gram negative {bacteremia|present}.",
    "{non-smoker|present}",
    "{lack of energy|present}",
    "{Fever|present} since yesterday.",
    "Known {asthma|present}.",
    "An old man with {cough|present}.",
    "72 year old with {tremor|present}.",
    "History of present illness: {cough|present}.",
    "{Pain|present} has not resolved.",
    "The {cough|present} won't go away.",
    "My {fever|present} is not going away.",
    "I can't sleep because of {pain|present}.",
    "He cannot walk due to {weakness|present}.",
    "He is unable to walk because of {pain|present}.",
    "Consistent with {pneumonia|present}.",
    "In May he had {fever|present}.",
    "COVID test was negative, {flu|present} test was positive.",
    "{COVID|present} positive",
    "Symptoms: {fever|present}, {cough|present}",
    "Patient has {fever|present}. No. {cough|present}",
    "{Chest pain|present} not radiating to the arm.",
    "{Chest pain|present}, does not radiate.",
    "The doctor said I have {arthritis|present}.",
    "I was told I have {arthritis|present}.",
    "I was diagnosed with {Parkinson's disease|present} two years ago.",
    "Diagnosed with {Parkinson's disease|present} in 2018.",
    "{Parkinson's disease|present} since 2018, {tremor|present} at rest.",
    "{Cough|present} started in 2020.",
    "Review of Systems: Negative except for {fatigue|present}.",
    "All other systems negative. {Fatigue|present}.",
    "He has had {pain|present} for years.",
    "a {non-smoker|present} with {cough|present}",
    "Patient had {fever|present} yesterday, none today.",
    "Blood cultures negative. {Fever|present} persists.",
    "no fever or chills. does have {cough|present}, {runny nose|present}",
]


@pytest.mark.parametrize("case", RIVALS)
def test_what_other_tools_get_wrong_is_right_here(case: str) -> None:
    text, spans, assertions = marked(case)
    assert assign(text, spans) == assertions


@pytest.mark.parametrize("case", ABSENT)
def test_a_denial_covers_its_list_and_no_more(case: str) -> None:
    text, spans, assertions = marked(case)
    assert assign(text, spans) == assertions


@pytest.mark.parametrize("case", PRESENT)
def test_what_only_looks_like_a_denial_is_present(case: str) -> None:
    text, spans, assertions = marked(case)
    assert assign(text, spans) == assertions


@pytest.mark.parametrize("case", [*RIVALS, *ABSENT, *PRESENT])
def test_typographic_apostrophes_read_like_straight_ones(case: str) -> None:
    text, spans, assertions = marked(case.replace("'", "’"))
    assert assign(text, spans) == assertions


@pytest.mark.parametrize("label", ["Dosage", "Date", "Age", "Biological_structure", "Severity"])
def test_what_only_qualifies_a_finding_is_present(label: str) -> None:
    assert assign("No severe chest pain.", [(3, 9, label), (10, 20, "Sign_symptom")]) == ["present", "absent"]


def test_a_history_span_is_historical_and_a_family_span_the_familys_unless_denied() -> None:
    text = "smoked for years; father diabetic; no stroke"
    spans = [(0, 16, "History"), (18, 33, "Family_history"), (38, 44, "History")]
    assert assign(text, spans) == ["historical", "family", "absent"]


def test_spans_may_overlap_and_keep_their_order() -> None:
    text = "has cough, no chest pain"
    spans = [(14, 24, "Sign_symptom"), (4, 9, "Disease"), (20, 24, "Disease_disorder")]
    assert assign(text, spans) == ["absent", "present", "absent"]


WORDS = """
no denies denied fever cough pain tremor is was has had not any more anymore seen present noted
negative positive for mother father my his he she who if may possible likely due to history of years
ago in 2015 yes No never resolved stopped vs don't isn't 's I patient with without other told
reports -ve PMH: Family History: Denies: None . , ; : and or but - -- ( ) ? ! / | + [x] [] • * 1.
"""
VOCABULARY = [*WORDS.split(), "[ ]", "\n", "\r\n", "\n- "]
texts = st.lists(st.sampled_from(VOCABULARY), max_size=40).map(" ".join)
anything = st.one_of(texts, st.text(max_size=200), st.text("no fever:?,.-+()[]\n\t|x ’'", max_size=200))
labels = st.sampled_from(["Sign_symptom", "Disease", "Medication", "History", "Family_history", "Date", ""])


@given(anything, st.lists(st.tuples(st.integers(-3, 250), st.integers(-3, 250), labels), max_size=8))
def test_any_text_and_any_spans_get_one_assertion_each(text: str, spans: list[tuple[int, int, str]]) -> None:
    found = assign(text, spans)
    assert len(found) == len(spans)
    assert set(found) <= {"present", "absent", "possible", "hypothetical", "historical", "family"}


def words_of(text: str) -> list[tuple[int, int, str]]:
    spans, at = [], 0
    for word in text.split():
        at = text.index(word, at)
        spans.append((at, at + len(word), "Medication" if word == "tremor" else "Sign_symptom"))
        at += len(word)
    return spans


@given(texts, anything)
def test_a_later_paragraph_changes_nothing_before_it(text: str, later: str) -> None:
    text += " ."
    assert assign(f"{text}\n\n{later}", words_of(text)) == assign(text, words_of(text))


@given(texts)
def test_an_earlier_paragraph_without_a_header_changes_nothing_after_it(text: str) -> None:
    before = "He was seen today.\n\n"
    spans = [(start + len(before), end + len(before), label) for start, end, label in words_of(text)]
    assert assign(before + text, spans) == assign(text, words_of(text))


@given(texts, st.randoms(use_true_random=False))
def test_a_span_is_judged_alone(text: str, random: object) -> None:
    spans = words_of(text)
    assert assign(text, spans) == [assign(text, [span])[0] for span in spans]


def seconds(text: str) -> float:
    began = time.process_time()
    assign(
        text, [(0, 3, "Sign_symptom"), (0, len(text), "Disease"), (len(text) - 3, len(text), "Medication")]
    )
    return time.process_time() - began


@pytest.mark.parametrize(
    "unit",
    [
        "no ",
        "if ",
        "a vs ",
        "(-) ",
        "a? ",
        "PMH:\n\n",
        "A" * 105 + "\n",
        "| no ",
        "mother's ",
        "- Denies:\n- a\n",
        "(",
    ],
)
def test_work_grows_with_the_length_of_a_hostile_paste_and_not_with_its_square(unit: str) -> None:
    def paste(length: int) -> str:
        return (unit * (length // len(unit) + 1))[:length]

    # Five times the text: five times the work, or 25 times if it were quadratic.
    short = min(seconds(paste(20_000)) for _ in range(3))
    long = min(seconds(paste(100_000)) for _ in range(2))
    assert long < 12 * max(short, 0.01)


def test_a_duration_in_the_sentence_before_does_not_make_a_history_last() -> None:
    text = "He has been constipated for months.\n\nHistory of asthma and of gout."
    spans = [
        (text.index(word), text.index(word) + len(word), "Disease_disorder") for word in ("asthma", "gout")
    ]
    assert assign(text, spans) == ["historical", "historical"]
