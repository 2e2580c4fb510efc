"""IOB and brat files: read with right offsets, refused with the line that is wrong."""

from pathlib import Path

import pytest

from assistant.errors import CorpusError
from assistant.extraction.corpora import as_iob, read_brat_folder, read_iob

IOB = "Severe\tB-Severity\nchest\tB-Sign\npain\tI-Sign\n.\tO\n\nNo\tO\nfever\tI-Sign\ncough\tB-Sign\n"


def written(tmp_path: Path, content: str, name: str = "a.tsv") -> Path:
    path = tmp_path / name
    path.write_bytes(content.encode("utf-8"))
    return path


def test_iob_becomes_text_with_spans(tmp_path: Path) -> None:
    document = read_iob(written(tmp_path, IOB))
    assert document.text == "Severe chest pain .\nNo fever cough\n"
    assert [(document.text[s.start : s.end], s.label) for s in document.spans] == [
        ("Severe", "Severity"),
        ("chest pain", "Sign"),
        ("fever", "Sign"),
        ("cough", "Sign"),
    ]


def test_windows_line_ends_and_odd_characters_in_a_token(tmp_path: Path) -> None:
    document = read_iob(written(tmp_path, "a\u2028b\tB-X\r\nc\tI-X\r\n"))
    assert document.text == "a\u2028b c\n"
    assert document.spans[0].end == 5


@pytest.mark.parametrize("bad", ["", "word\n", "word\tDisease\n", "a\tb\tO\n", "\tO\n"])
def test_a_bad_file_is_refused(tmp_path: Path, bad: str) -> None:
    with pytest.raises(CorpusError):
        read_iob(written(tmp_path, bad))


def test_the_message_names_the_line(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="line 3"):
        read_iob(written(tmp_path, "a\tO\nb\tO\nc\tnonsense\n"))


def test_brat_pairs_and_back_to_iob(tmp_path: Path) -> None:
    written(tmp_path, "Chest pain, worse at night.\n", "1.txt")
    written(
        tmp_path,
        "T1\tSign 0 10\tChest pain\nT2\tTime 12 17;21 26\tworse night\nR1\tOF Arg1:T1 Arg2:T2\n",
        "1.ann",
    )
    (document,) = read_brat_folder(tmp_path)
    assert [(s.start, s.end, s.label) for s in document.spans] == [(0, 10, "Sign"), (12, 26, "Time")]
    again = read_iob(written(tmp_path, as_iob([document], {"Sign", "Time"})))
    assert [(again.text[s.start : s.end], s.label) for s in again.spans] == [
        ("Chest pain", "Sign"),
        ("worse at night", "Time"),
    ]


def test_a_span_past_the_end_is_refused(tmp_path: Path) -> None:
    written(tmp_path, "Short.\n", "1.txt")
    written(tmp_path, "T1\tSign 0 99\tShort\n", "1.ann")
    with pytest.raises(CorpusError, match="99"):
        read_brat_folder(tmp_path)
    with pytest.raises(CorpusError, match="no pairs"):
        read_brat_folder(tmp_path / "empty")
