"""Uploads on their way in and at rest: sealed before the disk, opened for one person, gone in time."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Any

import pytest
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.requests import ClientDisconnect, Request

from security.accounts.errors import FormError, StoreError
from security.accounts.sealed_forms import SealedForm, safe_name
from security.accounts.sealed_uploads import LIFE_S, SealedUploads
from security.crypto.files import is_sealed
from tests.security.accounts.fakes import status_of
from tests.security.accounts.test_indoors import ADA, BOB, FORM, MULTIPART, Keys, Visit

SECRET = b"hers alone"


def form(*files: tuple[str, bytes], boundary: str = "B", field: str = "files") -> bytes:
    parts = [
        f'--{boundary}\r\nContent-Disposition: form-data; name="{field}"; filename="{name}"\r\n'
        "Content-Type: text/plain\r\n\r\n".encode()
        + content
        + b"\r\n"
        for name, content in files
    ]
    return b"".join(parts) + f"--{boundary}--\r\n".encode()


def read(parts: list[bytes], uploads: SealedUploads, kind: str = "multipart/form-data; boundary=B") -> Any:
    """(the new form's files by name, the form) as an app would read it."""
    waiting = list(parts)

    async def receive() -> Any:
        return {"type": "http.request", "body": waiting.pop(0), "more_body": bool(waiting)}

    sealed = SealedForm(receive, kind, uploads.writer(ADA.id))

    async def played() -> list[bytes]:
        scope = sealed.scope({"type": "http", "headers": [(b"content-type", kind.encode())]})
        request = Request(scope, sealed)
        return [piece async for piece in request.stream()]

    return b"".join(asyncio.run(played())), sealed


def files_in(body: bytes, content_type: str) -> dict[str, bytes]:
    found: list[tuple[bytearray, bytearray]] = []
    _, options = parse_options_header(content_type)
    parser = MultipartParser(
        options[b"boundary"],
        {
            "on_part_begin": lambda: found.append((bytearray(), bytearray())),
            "on_header_value": lambda data, start, end: found[-1][0].extend(data[start:end] + b";"),
            "on_part_data": lambda data, start, end: found[-1][1].extend(data[start:end]),
        },
    )
    parser.write(body)
    named = [(parse_options_header(bytes(head).decode("latin-1"))[1], bytes(data)) for head, data in found]
    return {options[b"filename"].decode(): data for options, data in named}


@pytest.fixture
def uploads(tmp_path: Path) -> SealedUploads:
    (tmp_path / "uploads").mkdir()
    return SealedUploads(tmp_path / "uploads", Keys())


def put(uploads: SealedUploads, name: str, content: bytes, user: str = ADA.id) -> Path:
    path = uploads.folder / name
    path.parent.mkdir(exist_ok=True)
    with path.open("wb") as target, uploads.writer(user)(target) as sealed:
        sealed.write(content)
    return path


@pytest.mark.parametrize("size", [1, 7, 64, 10_000])
def test_files_are_sealed_however_the_form_arrives(uploads: SealedUploads, size: int) -> None:
    contents = {"a.txt": SECRET * 20_000}
    whole = form(
        ("a.txt", contents["a.txt"][: size * 100]), ("empty.txt", b""), ("b.bin", b"\r\n--C\r\n" * 3)
    )
    pieces = [whole[at : at + size] for at in range(0, len(whole), size)]
    body, sealed = read(pieces, uploads)
    assert SECRET not in body
    found = files_in(body, sealed.content_type)
    assert list(found) == ["a.txt", "empty.txt", "b.bin"]
    opened = {}
    for name, content in found.items():
        (uploads.folder / name).write_bytes(content)
        with uploads.open(ADA.id, uploads.folder / name) as plain:
            opened[name] = plain.read()
    assert opened == {"a.txt": contents["a.txt"][: size * 100], "empty.txt": b"", "b.bin": b"\r\n--C\r\n" * 3}


def test_equal_files_differ_so_that_nobody_is_handed_anothers_path(uploads: SealedUploads) -> None:
    (one, first), (other, second) = read([FORM], uploads), read([FORM], uploads)
    assert files_in(one, first.content_type)["a.txt"] != files_in(other, second.content_type)["a.txt"]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"no form",
        FORM[:-10],
        FORM[:60],
        form(("a", b"x"), field="other"),
        b'--B\r\nContent-Disposition: form-data; name="files"\r\n\r\nplain field\r\n--B--\r\n',
        b'--B\r\nContent-Disposition: form-data; name="files"; filename="a"\r\nX: '
        + b"y" * 9000
        + b"\r\n\r\n",
        form(*[("a", b"")] * 1001),
    ],
)
def test_what_is_no_form_with_files_is_refused_and_not_passed_on(uploads: SealedUploads, body: bytes) -> None:
    with pytest.raises(ClientDisconnect):
        read([body], uploads)


@pytest.mark.parametrize("kind", ["text/plain", "", "multipart/form-data", "multipart/form-data; boundary="])
def test_a_content_type_that_is_no_forms(uploads: SealedUploads, kind: str) -> None:
    with pytest.raises(FormError):
        read([FORM], uploads, kind)


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("note.txt", "note.txt"),
        ("Größe (1).PDF", "Größe (1).PDF"),
        ('a"; name="x.txt', "a; name=x.txt"),
        ("../../etc/passwd", "passwd"),
        ("C:\\fakepath\\n.txt", "n.txt"),
        ("a\r\nX: y.txt", "aX: y.txt"),
        ("..", "file"),
        ("", "file"),
        ("/", "file"),
        (".env", "env"),
        ("x" * 500 + ".txt", "x" * 160 + ".txt"),
    ],
)
def test_a_name_is_one_that_a_header_and_a_folder_can_hold(given: str, kept: str) -> None:
    assert safe_name(given) == kept


def test_a_broken_upload_is_answered_and_leaves_no_plain_byte(tmp_path: Path) -> None:
    visit = Visit(tmp_path)
    assert status_of(visit.send(ADA, FORM[:-8])) == 400
    assert status_of(visit.send(ADA, b"x")) == 400
    sent = visit.knock(ADA, "/gradio_api/upload", "POST", body=FORM)
    assert status_of(sent) == 415
    assert visit.gradio.bodies == []


def test_gradio_gets_no_plain_byte(tmp_path: Path) -> None:
    visit = Visit(tmp_path)
    assert status_of(visit.send(ADA, [FORM[:40], FORM[40:95], FORM[95:]])) == 200
    (body,) = visit.gradio.bodies
    assert SECRET not in body and b"ASKSEAL" in body
    names = {name.lower() for name, _ in visit.gradio.scopes[0]["headers"]}
    assert b"content-length" not in names


def test_a_visitor_who_leaves_in_the_middle_leaves_nothing_that_opens(uploads: SealedUploads) -> None:
    waiting = [{"type": "http.request", "body": FORM[:100], "more_body": True}, {"type": "http.disconnect"}]

    async def receive() -> Any:
        return waiting.pop(0)

    sealed = SealedForm(receive, MULTIPART[1].decode(), uploads.writer(ADA.id))

    async def played() -> bytes:
        first = await sealed()
        assert (await sealed())["type"] == "http.disconnect"
        return bytes(first["body"])

    part = asyncio.run(played())
    assert SECRET not in part
    path = uploads.folder / "tmpx"
    path.write_bytes(part[part.index(b"ASKSEAL") :])
    with pytest.raises(OSError, match="damaged"):
        uploads.open(ADA.id, path)
    os.utime(path)
    uploads.sweep(path.stat().st_ctime + LIFE_S + 1)
    assert not path.exists()


def test_an_upload_opens_for_its_owner_alone_and_not_when_changed(uploads: SealedUploads) -> None:
    path = put(uploads, "x/a.txt", SECRET)
    with pytest.raises(OSError, match="not yours"):
        uploads.open(BOB.id, path)
    with uploads.open(ADA.id, path) as plain:
        assert plain.read() == SECRET
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(OSError, match="damaged"):
        uploads.open(ADA.id, path)
    path.write_bytes(SECRET)
    with pytest.raises(OSError, match="damaged"):
        uploads.open(ADA.id, path)


def middle_changed(path: Path) -> None:
    """A byte of a chunk that is neither the first nor the last."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def test_a_chunk_that_was_changed_is_told_as_any_file_that_cannot_be_read(uploads: SealedUploads) -> None:
    path = put(uploads, "x/a.txt", SECRET * 30_000)
    middle_changed(path)
    with uploads.open(ADA.id, path) as plain, pytest.raises(OSError, match="damaged"):
        plain.read()


def test_a_file_that_was_changed_is_never_sent_as_if_it_were_whole(tmp_path: Path) -> None:
    visit = Visit(tmp_path)
    path = Path(visit.upload(ADA, "x/a.txt"))
    put(visit.sealed, "x/a.txt", SECRET * 30_000)
    middle_changed(path)
    sent = visit.knock(ADA, f"/gradio_api/file={path}")
    assert sent[-1].get("more_body"), "it has no end"
    assert len(sent) > 1


class BusyKeys(Keys):
    """A database that another has, for a while."""

    busy = True

    def file_key(self, user: str, purpose: str) -> bytes:
        if self.busy:
            raise StoreError("The database is in use. Please try again in a moment.")
        return super().file_key(user, purpose)


def test_a_busy_database_loses_no_upload(uploads: SealedUploads) -> None:
    path, keys = put(uploads, "x/a.txt", SECRET), BusyKeys()
    busy = SealedUploads(uploads.folder, keys)
    with pytest.raises(OSError, match="database is in use"), busy.once(ADA.id, path):
        pass
    keys.busy = False
    with busy.once(ADA.id, path) as plain:
        assert plain.read() == SECRET
    assert not path.exists()


@pytest.mark.parametrize("fails", [False, True])
def test_what_was_read_once_is_gone(uploads: SealedUploads, fails: bool) -> None:
    path = put(uploads, "x/a.txt", SECRET)
    try:
        with uploads.once(ADA.id, path) as plain:
            assert plain.read() == SECRET
            if fails:
                raise ValueError
    except ValueError:
        assert fails
    assert not path.exists() and not path.parent.exists()
    with pytest.raises(OSError, match="No such file"), uploads.once(ADA.id, path):
        pass


def test_an_hour_old_is_swept_and_gradios_own_is_left(uploads: SealedUploads) -> None:
    old, empty, own = put(uploads, "x/a.txt", SECRET), uploads.folder / "tmp1", uploads.folder / "made.zip"
    empty.write_bytes(b"")
    own.write_bytes(b"an output")
    uploads.sweep(old.stat().st_ctime + LIFE_S - 1)
    assert old.exists()
    uploads.sweep(own.stat().st_ctime + LIFE_S + 1)
    assert [path.name for path in uploads.folder.iterdir()] == ["made.zip"]


def test_a_start_finds_the_folder_empty_whatever_was_killed(uploads: SealedUploads, tmp_path: Path) -> None:
    put(uploads, "x/a.txt", SECRET)
    (uploads.folder / "tmpabc").write_bytes(b"half")
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "kept").write_bytes(b"kept")
    (uploads.folder / "link").symlink_to(tmp_path / "outside")
    uploads.empty()
    assert list(uploads.folder.iterdir()) == []
    assert (tmp_path / "outside" / "kept").read_bytes() == b"kept", "a link is not followed"
    uploads.folder.rmdir()
    uploads.empty()


def test_who_signs_out_leaves_none_of_the_own_and_all_of_others(tmp_path: Path) -> None:
    visit = Visit(tmp_path)
    hers, his, both = visit.upload(ADA, "x/a.txt"), visit.upload(BOB, "y/b.txt"), visit.upload(ADA, "z/c.txt")
    assert visit.upload(BOB, "z/c.txt") == both
    visit.indoors.forget(ADA.id)
    assert [Path(path).exists() for path in (hers, his, both)] == [False, True, True]
    assert visit.read(ADA, both) == 404
    assert visit.read(BOB, both) == 200


def test_of_who_is_deleted_nothing_is_remembered(tmp_path: Path) -> None:
    visit = Visit(tmp_path)
    path = visit.upload(ADA, "x/a.txt")
    assert visit.listen(ADA, "hers") == 200
    assert visit.listen(BOB, "hers") == 404
    visit.indoors.forget(ADA.id)
    assert visit.listen(BOB, "hers") == 404, "who signs out may have another window"
    visit.indoors.forget(ADA.id, for_good=True)
    assert not Path(path).exists()
    assert ADA.id not in repr(vars(visit.indoors._owned))


def test_two_uploads_at_once_do_not_mix(tmp_path: Path) -> None:
    uploads = SealedUploads(tmp_path, Keys())
    forms = {name: form((f"{name}.txt", name.encode() * 70_000)) for name in ("one", "two")}

    async def play(name: str) -> tuple[str, bytes, str]:
        waiting = [forms[name][at : at + 999] for at in range(0, len(forms[name]), 999)]

        async def receive() -> Any:
            await asyncio.sleep(0)
            return {"type": "http.request", "body": waiting.pop(0), "more_body": bool(waiting)}

        sealed = SealedForm(receive, MULTIPART[1].decode(), uploads.writer(ADA.id))
        request = Request(sealed.scope({"type": "http", "headers": []}), sealed)
        return name, b"".join([piece async for piece in request.stream()]), sealed.content_type

    async def both() -> list[tuple[str, bytes, str]]:
        return await asyncio.gather(*map(play, forms))

    for name, body, kind in asyncio.run(both()):
        ((shown, content),) = files_in(body, kind).items()
        assert shown == f"{name}.txt"
        path = tmp_path / shown
        path.write_bytes(content)
        assert is_sealed(path)
        with uploads.open(ADA.id, path) as plain:
            assert plain.read() == name.encode() * 70_000
