"""Near duplicates on a constructed set: found, and nothing else called one."""

import random
from pathlib import Path

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tests.training.corpus.makers import text_set, texts, words
from training.corpus import DataSet, PrepareSettings, QualityLimits, prepare
from training.corpus.clusters import Clusters
from training.corpus.duplicates import digest_of, similarity, tokens_of

ANY = QualityLimits(languages=())


def varied(rng: random.Random, text: str, share: float) -> str:
    """The text with this share of its words exchanged, and other case and punctuation here and there."""
    out = text.split()
    for at in rng.sample(range(len(out)), round(share * len(out))):
        out[at] = words(rng, 1)[0]
    return "\n".join(" ".join(out).upper().split(". ")) if rng.random() < 0.3 else "  ".join(out)


def templated(rng: random.Random) -> str:
    """A note of one clinic: the same form, other findings. Alike, and no duplicate."""
    fields = ("Complaint", "History", "Medication", "Examination", "Plan")
    return "\n".join(f"{field} of the patient: {' '.join(words(rng, 14))}." for field in fields)


def test_near_duplicates_are_found_and_nothing_else(tmp_path: Path) -> None:
    rng = random.Random(11)
    originals = texts(5, 150, 120)
    copies = {varied(rng, text, rng.choice([0.0, 0.02, 0.05])): text for text in originals[:100]}
    short = {varied(rng, text, 0.05): text for text in texts(6, 20, 40)}
    alone = (
        originals[100:]
        + [templated(rng) for _ in range(150)]
        + [varied(rng, text, 0.35) for text in originals[100:]]
    )
    documents = [*originals[:100], *copies, *short.values(), *short, *alone]
    rng.shuffle(documents)
    settings = PrepareSettings(limits=ANY, exact=False, boilerplate=False, repair=False, held_out=0.2)
    report = prepare([text_set(tmp_path / "a.jsonl", documents)], tmp_path / "set", settings)

    gone = {row["text"] for row in DataSet.open(tmp_path / "set").removed()}
    wanted = len(copies) + len(short)
    from_pairs = sum(bool({one, other} & gone) for one, other in [*copies.items(), *short.items()])
    assert from_pairs / wanted >= 0.95
    wrong = sum(text in gone for text in alone)
    assert (len(gone) - wrong) / len(gone) >= 0.98
    assert report.reasons == {"near duplicate": len(gone)}


def test_hundreds_of_variants_of_one_text_leave_one(tmp_path: Path) -> None:
    rng = random.Random(2)
    base = texts(1, 1, 80)[0]
    documents = [varied(rng, base, 0.01) + f" {number}" for number in range(300)] + texts(8, 5)
    settings = PrepareSettings(limits=ANY, held_out=0.1)
    report = prepare([text_set(tmp_path / "a.jsonl", documents)], tmp_path / "set", settings)
    assert sum(report.counts.values()) == 6


def test_signs_that_turn_a_finding_around_make_no_duplicate() -> None:
    assert digest_of(tokens_of("Troponin < 5")) != digest_of(tokens_of("Troponin > 5"))
    assert digest_of(tokens_of("BP 120/80, HR 72.")) == digest_of(tokens_of("bp  120/80\nhr 72"))
    assert digest_of(tokens_of("***")) != digest_of(tokens_of("---"))


def test_similarity_is_of_word_pairs() -> None:
    assert similarity("a b c", "A, b; c!") == 1.0
    assert similarity("a b c d", "a b x d") == 0.2
    assert similarity("a", "b") == 0.0


@given(st.lists(st.tuples(st.integers(0, 19), st.integers(0, 19)), max_size=30))
def test_clusters_are_what_can_be_reached(pairs: list[tuple[int, int]]) -> None:
    clusters = Clusters(20)
    reach = {number: {number} for number in range(20)}
    for one, other in pairs:
        clusters.join(one, other)
        both = reach[one] | reach[other]
        for number in both:
            reach[number] = both
    for one in range(20):
        assert {other for other in range(20) if clusters.together(one, other)} == reach[one]


def test_equal_values_are_joined_unless_they_are_none() -> None:
    clusters = Clusters(5)
    clusters.join_equal(np.array([7, 0, 7, 0, 3], dtype=np.uint64), range(5))
    assert clusters.together(0, 2)
    assert not clusters.together(1, 3)
