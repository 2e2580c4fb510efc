"""Files that people give: read whole, or refused with one sentence."""

import io
from pathlib import Path

import pypdf
import pytest
from pypdf.generic import DecodedStreamObject, DictionaryObject, NameObject

from assistant.documents import MAX_TEXT, check_kind, read_note, within_limit
from assistant.errors import BadInputError


def a_pdf(text: str, password: str | None = None) -> bytes:
    writer = pypdf.PdfWriter()
    page = writer.add_blank_page(300, 300)
    font = DictionaryObject(
        {
            NameObject("/Type"): NameObject("/Font"),
            NameObject("/Subtype"): NameObject("/Type1"),
            NameObject("/BaseFont"): NameObject("/Helvetica"),
        }
    )
    page[NameObject("/Resources")] = DictionaryObject(
        {NameObject("/Font"): DictionaryObject({NameObject("/F1"): font})}
    )
    stream = DecodedStreamObject()
    stream.set_data(f"BT /F1 12 Tf 20 200 Td ({text}) Tj ET".encode())
    page[NameObject("/Contents")] = writer._add_object(stream)
    if password is not None:
        writer.encrypt(password)
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()


def refused(tmp_path: Path, content: bytes, name: str = "note.txt") -> str:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(BadInputError) as caught:
        read_note(path)
    return str(caught.value)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_text_in_any_unicode_encoding(tmp_path: Path, encoding: str) -> None:
    (tmp_path / "note.txt").write_bytes("Größe 1,80 m; déjà vu 😀".encode(encoding))
    assert read_note(tmp_path / "note.txt") == "Größe 1,80 m; déjà vu 😀"


def test_a_pdf_is_known_by_its_content_not_its_name(tmp_path: Path) -> None:
    (tmp_path / "note.txt").write_bytes(a_pdf("He denies falls."))
    assert read_note(tmp_path / "note.txt").strip() == "He denies falls."


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("note.txt", b"%PDF-1.7 and so on", "a PDF by its content"),
        ("note.pdf", b"plain words", "no PDF by its content"),
        ("note.pdf", b"", "no PDF by its content"),
        ("note.exe", b"plain words", "can't be read here"),
        ("note", b"plain words", "can't be read here"),
        ("note.txt.html", b"plain words", "can't be read here"),
    ],
)
def test_an_upload_is_what_its_name_says(tmp_path: Path, name: str, content: bytes, said: str) -> None:
    # Where it lies is named by us; what counts is what the person calls it.
    (tmp_path / "upload.txt").write_bytes(content)
    with pytest.raises(BadInputError, match=said):
        read_note(tmp_path / "upload.txt", name, exact=True)


@pytest.mark.parametrize("name", ["a.txt", "a.MD", "a.csv", "a.pdf"])
def test_an_upload_of_each_kind_is_taken(tmp_path: Path, name: str) -> None:
    content = a_pdf("a,b") if name.endswith("pdf") else b"a,b"
    (tmp_path / name).write_bytes(content)
    check_kind(content, name)
    assert read_note(tmp_path / name, exact=True).strip() == "a,b"


def test_bad_files_are_refused_with_their_name_and_what_to_do(tmp_path: Path) -> None:
    assert "locked" in refused(tmp_path, a_pdf("x", password="secret"), "locked.pdf")
    assert "scan" in refused(tmp_path, a_pdf(""), "scan.pdf")
    assert "no text" in refused(tmp_path, b"  \n ")
    assert "UTF-8" in refused(tmp_path, "Größe".encode("latin-1"))
    assert "UTF-8" in refused(tmp_path, b"MZ\x00\x01\x02", "setup.txt")
    with pytest.raises(BadInputError, match=r"note\.txt can't be read"):
        read_note(tmp_path / "gone" / "note.txt")


@pytest.mark.parametrize("cut", [8, 40, 200, 400])
def test_a_broken_pdf_is_refused(tmp_path: Path, cut: int) -> None:
    assert "broken.pdf" in refused(tmp_path, a_pdf("He denies falls.")[:cut], "broken.pdf")


def test_the_limit_is_exact_and_named() -> None:
    assert within_limit("x" * MAX_TEXT, "The note")
    with pytest.raises(BadInputError, match=r"300,000 characters; up to 100,000"):
        within_limit("x" * 300_000, "Your message")
