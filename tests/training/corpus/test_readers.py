"""Files of every kind: read as documents, or refused by name with what to do."""

import json
import random
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.training.corpus.makers import NOTE, a_docx, a_pdf, a_zip, read_file, words
from training.corpus.problems import BadRowError
from training.corpus.readers import ReadOptions
from training.corpus.readers.html import page_text
from training.corpus.readers.shapes import document_of
from training.corpus.readers.tags import as_iob2
from training.corpus.records import from_row
from training.errors import BadDataError


def refused(path: Path, content: bytes) -> str:
    with pytest.raises(BadDataError) as caught:
        read_file(path, content)
    assert path.name in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_text_file_is_one_document(tmp_path: Path, encoding: str) -> None:
    documents, problems, notes = read_file(tmp_path / "note.txt", "Größe 1,80 m; déjà vu 😀".encode(encoding))
    assert [document.text for document in documents] == ["Größe 1,80 m; déjà vu 😀"]
    assert not problems
    assert not notes


def test_a_legacy_encoding_is_read_and_said(tmp_path: Path) -> None:
    documents, _, notes = read_file(
        tmp_path / "note.txt", "Größe normal, Fieber seit 3 Tagen".encode("cp1252")
    )
    assert documents[0].text.startswith("Größe")
    assert "Windows-1252" in str(notes[0])


def test_what_is_not_text_is_refused(tmp_path: Path) -> None:
    assert "not a text file" in refused(tmp_path / "a.txt", b"MZ\x00\x01\x02")
    assert "UTF-8" in refused(tmp_path / "b.txt", bytes(range(128, 256)) * 5)
    assert "Rename it to .html" in refused(tmp_path / "c.txt", b"<!DOCTYPE html><html><p>x</p></html>")
    assert "no document" in refused(tmp_path / "d.txt", b" \n ")


def test_markdown_loses_its_front_matter_only(tmp_path: Path) -> None:
    documents, _, _ = read_file(tmp_path / "a.md", b"---\ntitle: x\n---\n# Asthma\n\n- wheeze\n")
    assert documents[0].text == "# Asthma\n\n- wheeze\n"


def test_a_long_text_is_cut_at_paragraphs_and_nothing_is_lost(tmp_path: Path) -> None:
    rng = random.Random(3)
    whole = "\n\n".join(" ".join(words(rng, 40)) for _ in range(60))
    documents, _, notes = read_file(tmp_path / "book.txt", whole.encode(), ReadOptions(longest=1000))
    assert "".join(document.text for document in documents) == whole
    assert max(len(document.text) for document in documents) <= 1000
    assert all(document.text.endswith("\n\n") for document in documents[:-1])
    assert {document.cut_from for document in documents} == {"book.txt"}
    assert len({document.id for document in documents}) == len(documents)
    assert f"{len(documents)} parts" in str(notes[0])


def test_html_is_what_a_reader_sees() -> None:
    page = """<html><head><title>T</title><script>x()</script></head><body><nav><a href=/>Home</a></nav>
    <main><h1>Asthma</h1><p>Wheeze &amp; <b>cou</b>gh,
    at night.</p><table><tr><th>FEV1</th><td>62 %</td></tr></table><ul><li>one<li>two</ul></main>
    <footer>About us</footer></body></html>"""
    assert page_text(page) == "Asthma\nWheeze & cough, at night.\nFEV1\t62 %\none\ntwo"


def test_html_without_a_tag_is_refused(tmp_path: Path) -> None:
    assert "rename it to .txt" in refused(tmp_path / "a.html", b"SpO2 < 90 at night, no tags here")
    documents, _, _ = read_file(tmp_path / "b.htm", b"<p>SpO2 92</p>")
    assert documents[0].text == "SpO2 92"


def test_pdf(tmp_path: Path) -> None:
    documents, _, _ = read_file(tmp_path / "a.pdf", a_pdf("He denies falls."))
    assert documents[0].text.strip() == "He denies falls."
    assert "password" in refused(tmp_path / "b.pdf", a_pdf("x", "secret"))
    assert "scan" in refused(tmp_path / "c.pdf", a_pdf(""))
    assert "damaged" in refused(tmp_path / "d.pdf", a_pdf("He denies falls.")[:200])


def test_docx_keeps_the_order_of_paragraphs_and_tables(tmp_path: Path) -> None:
    documents, _, _ = read_file(tmp_path / "a.docx", a_docx(["Labs:"], [["Na", "138"], ["K", "4.2"]]))
    assert documents[0].text == "Labs:\nNa\t138\nK\t4.2\nEnd of the note.\n"


def test_a_docx_that_is_none_is_refused(tmp_path: Path) -> None:
    assert "not a Word document" in refused(tmp_path / "a.docx", a_zip({"x.txt": b"x"}))
    assert "damaged Word" in refused(tmp_path / "b.docx", a_zip({"word/document.xml": b"<broken"}))
    assert "damaged" in refused(tmp_path / "c.docx", a_docx([NOTE])[:300])
    bomb = a_zip({"word/document.xml": bytes(30_000_000)})
    assert "zip bomb" in refused(tmp_path / "d.docx", bomb)


PAIR_ROWS = [
    {"prompt": "Q", "completion": "A"},
    {"instruction": "Q", "output": "A"},
    {"instruction": "Q", "input": "", "output": "A"},
    {"question": "Q", "answer": "A"},
    {"messages": [{"role": "user", "content": "Q"}, {"role": "assistant", "content": "A"}]},
    {"conversations": [{"from": "human", "value": "Q"}, {"from": "gpt", "value": "A"}]},
    {
        "messages": [
            {"role": "user", "content": [{"type": "text", "text": "Q"}]},
            {"role": "assistant", "content": "A"},
        ]
    },
    {
        "conversations": [
            {"from": "user", "value": "Q"},
            {"from": "gpt", "value": "A"},
            {"from": "human", "value": "?"},
        ]
    },
]


@pytest.mark.parametrize("row", PAIR_ROWS)
def test_every_way_to_write_a_pair_gives_the_same_conversation(row: dict[str, object]) -> None:
    record = document_of(row, {})
    assert [(turn.role, turn.content) for turn in record.messages] == [("user", "Q"), ("assistant", "A")]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"prompt": "Q", "completion": " "}, "completion is empty"),
        ({"prompt": "Q", "completion": None}, "completion is not text"),
        ({"chosen": "a", "rejected": "b", "prompt": "c"}, "preferences"),
        ({"messages": []}, "not a list of turns"),
        ({"messages": [{"role": "user", "content": "Q"}]}, "no question that is answered"),
        ({"messages": [{"role": "tool", "content": "Q"}]}, "role 'tool'"),
        ({"tokens": ["a", "b"], "tags": ["O"]}, "2 tokens and 1 tags"),
        ({"tokens": ["a"], "tags": ["Disease"]}, "the tag 'Disease'"),
        ({"text": "x", "label": None}, "label is missing"),
        ({"title": "x"}, "has the keys title; expected"),
    ],
)
def test_a_row_that_cannot_be_used_says_why(row: dict[str, object], reason: str) -> None:
    with pytest.raises(BadRowError, match=reason):
        document_of(row, {})


_TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40).filter(str.strip)
_ROWS = st.one_of(
    st.fixed_dictionaries({"text": _TEXT}),
    st.fixed_dictionaries({"text": _TEXT, "label": _TEXT.map(str.strip)}),
    st.fixed_dictionaries({"prompt": _TEXT, "completion": _TEXT, "system": _TEXT}),
    st.lists(st.tuples(_TEXT, st.sampled_from(["O", "B-Disease"])), min_size=1, max_size=5).map(
        lambda pairs: {"tokens": [token for token, _ in pairs], "tags": [tag for _, tag in pairs]}
    ),
)


@given(_ROWS)
def test_what_is_read_is_what_a_split_holds_and_reads_again(row: dict[str, object]) -> None:
    record = document_of(row, {})
    written = json.loads(json.dumps(record.row()))
    again = document_of(written, {})
    assert again.row() == from_row(written, record.kind).row() | {"id": again.row()["id"]}
    assert (again.text, again.label, again.messages) == (record.text, record.label, record.messages)
    assert (again.tokens, again.tags) == (record.tokens, record.tags)


def test_a_bad_line_is_reported_with_its_number_and_the_rest_is_read(tmp_path: Path) -> None:
    lines = ['{"text": "one"}', "{broken", "[1]", "", '{"prompt": "Q", "completion": "A"}', '{"text": "two"}']
    documents, problems, _ = read_file(tmp_path / "a.jsonl", "\n".join(lines).encode())
    assert [document.text for document in documents] == ["one", "two"]
    assert [problem.line for problem in problems] == [2, 3, 5]
    assert "line 2: is not JSON" in str(problems[0])


def test_json_that_nests_without_end_or_halves_a_character_does_no_harm(tmp_path: Path) -> None:
    lines = [r'{"text": "half \ud83d here"}', '{"text": ' + "[" * 100_000]
    documents, problems, _ = read_file(tmp_path / "a.jsonl", "\n".join(lines).encode())
    assert documents[0].text == "half ? here"
    assert problems[0].line == 2


def test_an_array_of_objects_is_read_piece_by_piece(tmp_path: Path) -> None:
    rows = [{"instruction": f"Q{number}", "input": "x" * 3_000, "output": "A"} for number in range(300)]
    documents, _, _ = read_file(tmp_path / "a.json", json.dumps(rows, indent=2).encode())
    assert [document.messages[0].content[:4].strip() for document in documents][7] == "Q7"
    assert len(documents) == 300
    assert "after object 299" in refused(tmp_path / "b.json", json.dumps(rows).encode()[:-20])
    assert "array of objects" in refused(tmp_path / "c.json", b'{"a": 1}')


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_tables(tmp_path: Path, delimiter: str) -> None:
    rows = [["ID", "Text", "Label"], ["1", '"BP 120/80\nHR 72"', "ok"], ["2", "short"], ["3", "fever", "ill"]]
    content = "\r\n".join(delimiter.join(row) for row in rows).encode()
    documents, problems, _ = read_file(tmp_path / "a.csv", content)
    assert [(document.text, document.label) for document in documents] == [
        ("BP 120/80\nHR 72", "ok"),
        ("fever", "ill"),
    ]
    assert problems[0].line == 4


def test_columns_can_be_named_and_are_asked_for(tmp_path: Path) -> None:
    content = b"section_text,patient_id\nNo acute distress,7\n"
    assert "section_text, patient_id" in refused(tmp_path / "a.csv", content)
    documents, _, _ = read_file(tmp_path / "a.csv", None, ReadOptions(columns={"text": "section_text"}))
    assert documents[0].text == "No acute distress"
    assert documents[0].group == "patient_id=7"


def test_a_quote_that_is_never_closed_is_refused(tmp_path: Path) -> None:
    assert "quote" in refused(tmp_path / "a.csv", b'text\n"open\nmore\nmore\n')


def test_conll_under_any_name(tmp_path: Path) -> None:
    content = b"-DOCSTART- O\n\nAspirin\tB-Drug\ncaused\tO\n\n-DOCSTART- O\n\nhives\tB-Disease\n"
    for name in ("a.conll", "a.tsv", "a.txt"):
        documents, _, _ = read_file(tmp_path / name, content)
        assert [document.tokens for document in documents] == [("Aspirin", "caused"), ("hives",)]
        assert len({document.group for document in documents}) == 2


def test_labels_that_do_not_align_refuse_the_file(tmp_path: Path) -> None:
    assert "line 2" in refused(tmp_path / "a.conll", b"Aspirin\tB-Drug\ncaused\n")
    (tmp_path / "b.ann").write_text("T1\tDrug 0 7\tIbuprof\n")
    assert "don't align" in refused(tmp_path / "b.txt", b"Aspirin caused hives.")
    (tmp_path / "c.ann").write_text("T1\tDrug 0 70\tAspirin\n")
    assert "past the text" in refused(tmp_path / "c.txt", b"Aspirin caused hives.")


def test_a_brat_pair(tmp_path: Path) -> None:
    (tmp_path / "a.ann").write_text("T1\tDrug 0 7\tAspirin\nT2\tSign 15 26\tsevere rash\n")
    documents, _, _ = read_file(tmp_path / "a.txt", b"Aspirin caused severe rash.\nSeen today.\n")
    assert documents[0].tokens == ("Aspirin", "caused", "severe", "rash", ".")
    assert documents[0].tags == ("B-Drug", "O", "B-Sign", "I-Sign", "O")
    assert documents[1].group == documents[0].group == "a.txt"


@pytest.mark.parametrize(
    "tags",
    [
        ["I-X", "I-X", "O", "I-Y", "B-Y"],
        ["B-X", "I-X", "O", "B-Y", "B-Y"],
        ["B-X", "E-X", "O", "S-Y", "S-Y"],
        ["B-X", "L-X", "O", "U-Y", "U-Y"],
    ],
)
def test_all_schemes_become_one(tags: list[str]) -> None:
    assert as_iob2(tags) == ("B-X", "I-X", "O", "B-Y", "B-Y")


@pytest.mark.parametrize("name", ["a.txt", "a.jsonl", "a.csv", "a.conll", "a.json"])
def test_one_endless_line_does_not_fill_the_memory(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    head = {"a.csv": b"text\n", "a.jsonl": b'{"text": "', "a.json": b'[{"text": "'}.get(name, b"")
    with path.open("wb") as handle:
        handle.write(head)
        for _ in range(30):
            handle.write(b"word and more " * 75_000)
    tracemalloc.start()
    try:
        if name == "a.txt":
            assert len(read_file(path)[0]) > 300
        else:
            with pytest.raises(BadDataError, match="a"):
                read_file(path)
        # The text file's documents are held by this test: 32 MB of them.
        assert tracemalloc.get_traced_memory()[1] < (40_000_000 if name == "a.txt" else 30_000_000)
    finally:
        tracemalloc.stop()


def test_a_first_line_that_is_no_object_refuses_the_file(tmp_path: Path) -> None:
    assert "one object a line" in refused(tmp_path / "a.jsonl", b"hello\nworld\n")
