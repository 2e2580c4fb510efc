"""Hoehn and Yahr stages: from the note's own words, of this patient, as they are now, or not at all."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.staging import Stage, stage_of

STAGES = {"1", "1.5", "2", "2.5", "3", "4", "5"}
FRAGMENTS = [
    "Parkinson's disease",
    "Wolff-Parkinson-White",
    "Hoehn and Yahr",
    "H&Y",
    "stage",
    "II",
    "2.5",
    "3.5",
    "falls",
    "no",
    "denies",
    "his mother",
    "wheelchair",
    "right hand",
    "left leg",
    "both sides",
    "pull test",
    "recovers",
    "masked face",
    ".",
    ",",
    "\n",
    ":",
]


def about_parkinsons(words: str) -> Stage | None:
    return stage_of(f"A 67-year-old man with Parkinson's disease. {words}")


@pytest.mark.parametrize(
    ("words", "stage"),
    [
        ("Resting tremor of the right hand.", "1"),
        ("Unilateral rigidity.", "1"),
        ("He has a left-sided tremor.", "1"),
        ("Tremor of the right hand and a masked face.", "1.5"),
        ("Left-sided bradykinesia, neck rigidity.", "1.5"),
        ("Bilateral rigidity.", "2"),
        ("Tremor in both hands.", "2"),
        ("Slowness on both sides. Recovers on the pull test.", "2.5"),
        ("Bilateral bradykinesia; pull test: recovers after two steps.", "2.5"),
        ("Bilateral rigidity and postural instability.", "3"),
        ("Balance is impaired.", "3"),
        ("He reports frequent falls.", "3"),
        ("Positive pull test.", "3"),
        ("He does not recover on the pull test.", "3"),
        ("He needs help with dressing and washing.", "4"),
        ("Severely disabled, but he can stand.", "4"),
        ("He uses a wheelchair.", "5"),
        ("He is bedridden.", "5"),
    ],
)
def test_the_stage_that_the_words_describe(words: str, stage: str) -> None:
    found = about_parkinsons(words)
    assert found is not None
    assert (found.stage, found.stated) == (stage, False)


def test_the_highest_stage_that_holds_decides() -> None:
    found = about_parkinsons("Tremor in both hands, frequent falls. He needs a wheelchair.")
    assert found is not None
    assert (found.stage, found.words) == ("5", ("wheelchair",))


def test_signs_named_on_the_right_and_then_on_the_left_are_on_both_sides() -> None:
    found = about_parkinsons("Tremor of the right hand. Later a tremor of the left hand.")
    assert found is not None
    assert (found.stage, found.words) == ("2", ("right hand", "left hand"))


@pytest.mark.parametrize(
    "words",
    [
        "Tremor of the right hand; the left hand is normal.",
        "Rigidity of the right arm. No tremor of the left hand.",
        "Tremor of the right hand. His brother had a tremor of the left hand.",
    ],
)
def test_a_side_that_is_well_or_somebody_elses_does_not_count(words: str) -> None:
    found = about_parkinsons(words)
    assert found is not None
    assert found.stage == "1"


@pytest.mark.parametrize(
    ("words", "stage"),
    [
        ("Hoehn and Yahr stage 3.", "3"),
        ("Hoehn & Yahr 2", "2"),
        ("Hoehn-Yahr stage: 2.5", "2.5"),
        ("H&Y 1.5, stable.", "1.5"),
        ("H/Y: 4", "4"),
        ("hoehn and yahr scale, stage 5", "5"),
        ("Hoehn and Yahr (H&Y) stage 3", "3"),
        ("Hoehn and Yahr stage II", "2"),
        ("Hoehn and Yahr stage IV.", "4"),
        ("Stage 3 on the Hoehn and Yahr scale", "3"),
        ("stage 2.5 of the modified Hoehn and Yahr scale", "2.5"),
        ("H&Y 3/5", "3"),
        ("H&Y 2-3", "2"),
        ("Hoehn and\nYahr stage 1", "1"),
    ],
)
def test_a_stage_that_the_note_gives_is_taken_as_it_is(words: str, stage: str) -> None:
    found = about_parkinsons(f"{words} He uses a wheelchair.")
    assert found is not None
    assert (found.stage, found.stated) == (stage, True)


@pytest.mark.parametrize(
    "words",
    [
        "Hoehn and Yahr stage 3.5.",
        "H&Y 2.75",
        "H&Y 0",
        "Hoehn and Yahr stage 6",
        "Hoehn and Yahr stage 10",
        "Hoehn and Yahr stage 25",
        "Hoehn and Yahr 1967",
        "H&Y 3/2015",
        "H&Y, 5 years of levodopa.",
        "Hoehn and Yahr, I think.",
        "Stage 3 kidney disease.",
    ],
)
def test_a_number_that_is_no_stage_of_the_scale_is_not_taken_for_one(words: str) -> None:
    assert about_parkinsons(words) is None


@pytest.mark.parametrize(
    "words",
    [
        "Not Hoehn and Yahr stage 5.",
        "His father had Parkinson's disease, Hoehn and Yahr stage 4.",
    ],
)
def test_a_stage_denied_or_of_a_relative_is_not_the_patients(words: str) -> None:
    assert about_parkinsons(words) is None


def test_of_two_stages_given_the_present_one_counts() -> None:
    found = about_parkinsons("Hoehn and Yahr stage 2 in 2015, now Hoehn and Yahr stage 3.")
    assert found is not None
    assert found.stage == "3"


def test_a_stage_listed_under_the_history_still_counts_when_it_is_the_only_one() -> None:
    found = stage_of("Past medical history: Parkinson's disease, Hoehn and Yahr stage 3")
    assert found is not None
    assert (found.stage, found.stated) == ("3", True)


@pytest.mark.parametrize(
    "words",
    [
        "No falls.",
        "He denies falls and postural instability.",
        "No postural instability.",
        "If he falls, call us.",
        "He is at risk of falls.",
        "His mother used a wheelchair.",
        "He does not need a wheelchair.",
        "She doesn't use a wheelchair.",
        "No longer needs a wheelchair.",
        "Without bilateral signs.",
    ],
)
def test_what_is_denied_feared_or_somebody_elses_gives_no_stage(words: str) -> None:
    assert about_parkinsons(words) is None


@pytest.mark.parametrize("words", ["He falls asleep at the table.", "His blood pressure falls on standing."])
def test_other_meanings_of_falls_are_no_falls(words: str) -> None:
    assert about_parkinsons(words) is None


def test_words_that_an_editor_wrapped_are_read_as_one_line() -> None:
    found = about_parkinsons("On examination there is postural\ninstability.")
    assert found is not None
    assert (found.stage, found.words) == ("3", ("postural instability",))


def test_a_pull_test_on_one_line_and_a_recovery_on_another_have_nothing_to_do_with_each_other() -> None:
    found = about_parkinsons("Bilateral rigidity.\nPull test: not done\nRecovered from pneumonia.")
    assert found is not None
    assert found.stage == "2"


def test_a_right_handed_man_has_no_sign_for_that() -> None:
    assert about_parkinsons("He is right-handed.") is None


def test_too_little_said_gives_no_stage() -> None:
    assert about_parkinsons("He has a tremor and takes levodopa.") is None


@pytest.mark.parametrize(
    "note",
    [
        "",
        "A 70-year-old woman with pneumonia uses a wheelchair and has frequent falls.",
        "Wolff-Parkinson-White syndrome. Uses a wheelchair.",
        "Wolff Parkinson White syndrome with frequent falls.",
        "No Parkinson's disease. Frequent falls.",
        "His mother has Parkinson's disease. He uses a wheelchair after an accident.",
    ],
)
def test_a_note_that_is_not_about_the_patients_parkinsons_gives_no_stage(note: str) -> None:
    assert stage_of(note) is None


@pytest.mark.parametrize(
    "about",
    [
        "Parkinsonism.",
        "PARKINSON DISEASE.",
        "History of Parkinson's disease.",
        "Possible Parkinson’s disease.",
    ],
)
def test_the_disease_is_known_however_it_is_written(about: str) -> None:
    found = stage_of(f"{about} Frequent falls.")
    assert found is not None
    assert found.stage == "3"


def test_the_sentence_quotes_the_words_and_leaves_the_judgement_to_an_examination() -> None:
    found = about_parkinsons("Tremor in both hands. Recovers on the pull\ntest.")
    assert found is not None
    sentence = found.sentence()
    assert "stage 2.5" in sentence
    assert "“both hands” and “Recovers on the pull test”" in sentence
    assert "Only an examination" in sentence


def test_the_sentence_of_a_stated_stage_says_that_the_note_gives_it() -> None:
    found = about_parkinsons("Hoehn and Yahr stage 3.")
    assert found is not None
    assert found.sentence() == "The note itself gives Hoehn and Yahr stage 3 (“Hoehn and Yahr stage 3”)."


@given(st.lists(st.sampled_from(FRAGMENTS) | st.text(max_size=8), max_size=14).map(" ".join))
def test_any_words_give_a_stage_of_the_scale_with_words_of_the_note_or_none(note: str) -> None:
    found = stage_of(note)
    if found is not None:
        assert found.stage in STAGES
        assert found.words
        assert all(word in " ".join(note.split()) for word in found.words)


@pytest.mark.parametrize(
    "filler",
    ["H&Y" + " " * 100, "hoehn" + " " * 100, "stage 3 ", "H&Y" + " :," * 40, "pull test ", "with help with "],
)
def test_a_hostile_note_of_full_length_is_read_in_seconds(filler: str) -> None:
    note = "Parkinson's disease. " + (filler * (100_000 // len(filler)))
    began = time.process_time()
    stage_of(note + "x")
    assert time.process_time() - began < 20


def test_a_line_of_spaces_behind_the_scale_is_read_in_seconds() -> None:
    began = time.process_time()
    assert about_parkinsons("H&Y" + " " * 99_000 + "x") is None
    assert time.process_time() - began < 20
