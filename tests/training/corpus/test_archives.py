"""Archives from strangers: looked at first, unpacked under names of our own, or refused in one sentence."""

import stat
import zipfile
from pathlib import Path

import pytest

from tests.training.corpus.makers import a_docx, a_zip
from training.corpus.archives import ArchiveLimits, unpack
from training.corpus.sources import find_sources
from training.errors import BadDataError


def refused(tmp_path: Path, content: bytes, limits: ArchiveLimits | None = None) -> str:
    path = tmp_path / "given.zip"
    path.write_bytes(content)
    with pytest.raises(BadDataError) as caught:
        unpack(path, "given.zip", tmp_path / "work", limits or ArchiveLimits())
    assert str(caught.value).startswith("given.zip ")
    assert not [file for file in tmp_path.rglob("*") if file.is_file() and file != path]
    return str(caught.value)


def test_members_keep_their_names_and_lie_where_we_say(tmp_path: Path) -> None:
    path = tmp_path / "given.zip"
    path.write_bytes(
        a_zip({"a/n.txt": b"1", "b/n.txt": b"2", "a/n.ann": b"3", "__MACOSX/a/n.txt": b"4", ".hidden": b"5"})
    )
    members = {member.name: member.path for member in unpack(path, "given.zip", tmp_path / "work")}
    assert sorted(members) == ["given.zip/a/n.ann", "given.zip/a/n.txt", "given.zip/b/n.txt"]
    assert members["given.zip/b/n.txt"].read_bytes() == b"2"
    assert {path.parent for path in members.values()} == {tmp_path / "work"}
    assert members["given.zip/a/n.ann"] == members["given.zip/a/n.txt"].with_suffix(".ann")


@pytest.mark.parametrize(
    "name",
    ["../out.txt", "a/../../out.txt", "/etc/out.txt", "C:/out.txt", "..\\out.txt", "a\\..\\..\\out.txt"],
)
def test_a_path_that_leads_out_is_refused(tmp_path: Path, name: str) -> None:
    assert "leads out" in refused(tmp_path, a_zip({"fine.txt": b"x", name: b"x"}))
    assert not (tmp_path.parent / "out.txt").exists()


def test_a_link_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "link.zip"
    with zipfile.ZipFile(path, "w") as archive:
        entry = zipfile.ZipInfo("link.txt")
        entry.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(entry, "/etc/passwd")
    content = path.read_bytes()
    path.unlink()
    assert "link" in refused(tmp_path, content)


def test_bombs_are_refused_before_anything_is_unpacked(tmp_path: Path) -> None:
    assert "zip bomb" in refused(tmp_path, a_zip({"a.txt": bytes(3_000_000)}))
    assert "would unpack to 2 MB" in refused(
        tmp_path, a_zip({"a.txt": bytes(2_000_000)}), ArchiveLimits(unpacked=10**6)
    )
    many = a_zip({f"{number}.txt": b"x" for number in range(30)})
    assert "holds 30 files" in refused(tmp_path, many, ArchiveLimits(members=20))


def test_a_size_that_lies_is_found_out(tmp_path: Path) -> None:
    content = bytearray(a_zip({"a.txt": b"clinical notes " * 500}))
    real = (7_500).to_bytes(4, "little")
    assert content.count(real) == 2  # in the entry's own header and in the directory
    assert "damaged" in refused(tmp_path, bytes(content.replace(real, (75).to_bytes(4, "little"))))


def test_locked_and_damaged_archives_are_refused(tmp_path: Path) -> None:
    content = bytearray(a_zip({"a.txt": b"some text"}))
    at = content.find(b"PK\x01\x02")
    locked = bytearray(content)
    locked[at + 8] |= 1
    locked[6] |= 1
    assert "password" in refused(tmp_path, bytes(locked))
    assert "damaged" in refused(tmp_path, bytes(content[:-30]))
    torn = bytearray(content)
    torn[40] ^= 0xFF
    path = tmp_path / "torn.zip"
    path.write_bytes(bytes(torn))
    with pytest.raises(BadDataError, match="damaged"):
        unpack(path, "torn.zip", tmp_path / "torn")


def test_sources_are_found_in_folders_and_archives_in_one_order(tmp_path: Path) -> None:
    folder = tmp_path / "notes"
    (folder / "deep").mkdir(parents=True)
    (folder / "deep" / "b.txt").write_text("b")
    (folder / ".hidden.txt").write_text("h")
    (folder / "pack.zip").write_bytes(
        a_zip({"c.md": b"c", "inner.zip": a_zip({"x.txt": b"x"}), "w.docx": a_docx(["x"])})
    )
    (folder / "link.txt").symlink_to("/etc/hostname")
    loose = tmp_path / "b.txt"
    loose.write_text("loose")
    work = tmp_path / "work"
    work.mkdir()
    sources, problems = find_sources([loose, folder, tmp_path / "gone.txt"], work)
    assert [source.name for source in sources] == [
        "b.txt",
        "notes/deep/b.txt",
        "notes/pack.zip/c.md",
        "notes/pack.zip/w.docx",
    ]
    told = {problem.source: problem.reason for problem in problems}
    assert "inside an archive" in told["notes/pack.zip/inner.zip"]
    assert "link" in told["notes/link.txt"]
    assert "isn't there" in told["gone.txt"]


def test_two_files_of_one_name_are_told_apart(tmp_path: Path) -> None:
    paths = [tmp_path / side / "note.txt" for side in ("a", "b")]
    for path in paths:
        path.parent.mkdir()
        path.write_text(path.parent.name)
    for given in (paths, paths[::-1]):
        sources, _ = find_sources(given, tmp_path)
        assert [(source.name, source.path) for source in sources] == [
            ("note.txt", paths[0]),
            ("note (2).txt", paths[1]),
        ]


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("model.pkl", b"\x80\x04K\x01.", "run code"),
        ("pytorch_model.bin", b"PK\x03\x04", "run code"),
        ("model.PT", b"x", "safetensors"),
        ("notes.txt", b"\x80\x04\x95\x00", "pickle by its content"),
        ("notes.txt", b"%PDF-1.7 x", "is a PDF by its content. Rename it to .pdf"),
        ("notes.csv", b"PK\x03\x04", "zip archive or a Word document"),
        ("notes.pdf", b"plain text", "not a PDF"),
        ("notes.docx", b"plain text", "not a Word document"),
        ("notes.zip", b"plain text", "not a zip archive"),
        ("notes.doc", b"\xd0\xcf\x11\xe0", "Save it as .docx"),
        ("scan.png", b"\x89PNG", "kind that can't be read. Give txt"),
        ("scan.md", b"\x89PNG", "a picture by its content"),
        ("empty.txt", b"", "is empty"),
        ("alone.ann", b"T1", "has no .txt"),
    ],
)
def test_a_file_that_is_not_what_it_says_is_refused(
    tmp_path: Path, name: str, content: bytes, reason: str
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    sources, problems = find_sources([path], tmp_path)
    assert not sources
    assert problems[0].source == name
    assert reason in problems[0].reason


def test_a_member_of_an_archive_is_looked_at_like_any_file(tmp_path: Path) -> None:
    path = tmp_path / "given.zip"
    path.write_bytes(
        a_zip(
            {"good.txt": b"a note", "notes.txt": b"%PDF-1.7 x", "model.pkl": b"x", "inner.zip": b"PK\x05\x06"}
        )
    )
    (tmp_path / "work").mkdir()
    sources, problems = find_sources([path], tmp_path / "work")
    assert [source.name for source in sources] == ["given.zip/good.txt"]
    assert {problem.source.partition("/")[2] for problem in problems} == {
        "notes.txt",
        "model.pkl",
        "inner.zip",
    }


def test_a_brat_pair_from_two_folders_is_joined(tmp_path: Path) -> None:
    for folder, name in (("x", "note.txt"), ("y", "note.ann")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / name).write_text("Aspirin" if name == "note.txt" else "T1\tDrug 0 7\tAspirin\n")
    work = tmp_path / "work"
    work.mkdir()
    sources, problems = find_sources([tmp_path / "x/note.txt", tmp_path / "y/note.ann"], work)
    assert not problems
    assert sources[0].annotations == sources[0].path.with_suffix(".ann")
