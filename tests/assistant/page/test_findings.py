"""Findings as HTML: the person's own words, escaped, marked once each."""

import re
from html import unescape

from hypothesis import given
from hypothesis import strategies as st

from assistant.extraction.tagger import WEIGHTS, Heads
from assistant.page.findings import HIDDEN, LOOKS, marked, summary
from assistant.types import Finding

TEXT = "He denies falls but has <b>tremor</b> & stiffness."


def finding(text: str, word: str, label: str = "Sign_symptom", assertion: str = "present") -> Finding:
    at = text.index(word)
    return Finding(at, at + len(word), word, label, assertion, 0.91)  # type: ignore[arg-type]


def plain(html: str) -> str:
    without_tags = re.sub(r'<span class="tag">[^<]*</span>', "", html)
    return unescape(re.sub(r"<[^>]+>", "", without_tags))


def test_absent_is_struck_through_and_present_is_not() -> None:
    html = marked(TEXT, [finding(TEXT, "falls", assertion="absent"), finding(TEXT, "tremor")])
    assert "<del>falls</del>" in html
    assert "<del>tremor" not in html
    assert "symptom, not present" in html


def test_words_survive_and_markup_in_them_is_harmless() -> None:
    html = marked(TEXT, [finding(TEXT, "tremor")])
    assert plain(html) == TEXT
    assert "<b>" not in html


@given(
    st.text(min_size=1, max_size=80),
    st.lists(
        st.tuples(
            st.integers(0, 79),
            st.integers(1, 30),
            st.sampled_from([*sorted(LOOKS), *sorted(HIDDEN), "Gene", "_"]),
        ),
        max_size=8,
    ),
)
def test_any_spans_leave_the_words_whole(text: str, spans: list[tuple[int, int, str]]) -> None:
    findings = [
        Finding(start, end, text[start:end], label)
        for start, size, label in spans
        if (end := min(start + size, len(text))) > start
    ]
    assert plain(marked(text, findings)) == text
    summary(findings)


def test_the_summary_names_each_fact_once_by_group() -> None:
    text = "tremor, Tremor and gout; no falls"
    found = [
        finding(text, "tremor"),
        finding(text, "Tremor"),
        finding(text, "gout", "Disease_disorder"),
        finding(text, "falls", assertion="absent"),
    ]
    html = summary(found)
    assert "3 facts found" in html
    assert html.index("Conditions") < html.index("Symptoms")
    assert summary([]) == ""


def test_a_very_long_text_says_how_much_is_not_shown() -> None:
    assert "14,000 more characters" in marked("x" * 20_000, [])


def test_a_label_that_the_house_does_not_know_is_shown_neutrally_by_its_name_and_never_as_markup() -> None:
    text = "TP53 and gout"
    found = [finding(text, "TP53", "Gene_<b>symbol</b>"), finding(text, "gout", "Disease")]
    html = marked(text, found)
    assert '<mark class="f other present"' in html
    assert "Gene &lt;b&gt;symbol" in html
    assert "<b>" not in html
    assert plain(html) == text
    facts = summary(found)
    assert "2 facts found" in facts
    assert facts.index("<dt>Conditions</dt>") < facts.index("<dt>Gene &lt;b&gt;symbol&lt;/b&gt;</dt>")


def test_two_unknown_labels_are_two_groups() -> None:
    text = "TP53 in yeast"
    facts = summary([finding(text, "TP53", "Gene"), finding(text, "yeast", "species")])
    assert facts.index("<dt>Gene</dt>") < facts.index("<dt>Species</dt>")


def test_every_label_of_the_house_is_shown_in_its_colour_or_left_out_on_purpose() -> None:
    house = {label for head in Heads.read(WEIGHTS / "config.json").heads for label in head.labels}
    assert house == LOOKS.keys() | HIDDEN
    assert not LOOKS.keys() & HIDDEN
    text = "a word"
    assert all("<mark" not in marked(text, [finding(text, "word", label)]) for label in HIDDEN)
