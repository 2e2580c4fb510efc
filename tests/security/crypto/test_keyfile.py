"""The key-encryption key at home: made once, whole, for one pair of eyes; refused wherever it could leak."""

from __future__ import annotations

import base64
import os
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from security.crypto.errors import KeyEncryptionKeyError
from security.crypto.keyfile import KEY_FILE_NAME, KEY_VARIABLE, load_key_encryption_key
from security.crypto.sealing import KeyEncryptionKey

ROOT = Path(__file__).parents[3]
KEY = bytes(range(32))
OTHER = bytes(range(100, 132))

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root may give a file away")


def encoded(key: bytes) -> str:
    return base64.b64encode(key).decode("ascii")


def is_key(found: KeyEncryptionKey, key: bytes) -> bool:
    return found.key_id == KeyEncryptionKey(key).key_id


def written(folder: Path, content: str, mode: int = 0o600) -> Path:
    path = folder / KEY_FILE_NAME
    path.write_text(content)
    path.chmod(mode)
    return path


def refusal(folder: Path, environ: dict[str, str] | None = None, *, may_create: bool = True) -> str:
    with pytest.raises(KeyEncryptionKeyError) as caught:
        load_key_encryption_key(environ or {}, folder, may_create=may_create)
    return str(caught.value)


def test_a_new_key_is_kept_and_found_again(tmp_path: Path) -> None:
    made = load_key_encryption_key({}, tmp_path)
    assert load_key_encryption_key({}, tmp_path).key_id == made.key_id
    assert len(base64.b64decode((tmp_path / KEY_FILE_NAME).read_text(), validate=False)) == 32


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
def test_a_new_key_file_is_for_its_owner_alone_whatever_the_umask(tmp_path: Path, umask: int) -> None:
    before = os.umask(umask)
    try:
        load_key_encryption_key({}, tmp_path / "data")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "data" / KEY_FILE_NAME).stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "data").stat().st_mode) == 0o700


def test_a_new_key_leaves_no_second_copy_behind(tmp_path: Path) -> None:
    load_key_encryption_key({}, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [KEY_FILE_NAME]


def test_two_folders_get_two_keys(tmp_path: Path) -> None:
    one, other = (load_key_encryption_key({}, tmp_path / name) for name in ("a", "b"))
    assert one.key_id != other.key_id


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o602, 0o610, 0o601, 0o644, 0o666, 0o777])
def test_a_key_file_that_others_could_touch_is_refused_and_left_as_it_is(tmp_path: Path, mode: int) -> None:
    path = written(tmp_path, encoded(KEY), mode)
    assert f"chmod 600 {path}" in refusal(tmp_path)
    assert (path.read_text(), stat.S_IMODE(path.stat().st_mode)) == (encoded(KEY), mode)


@needs_root
def test_a_key_file_that_somebody_else_put_there_is_refused(tmp_path: Path) -> None:
    os.chown(written(tmp_path, encoded(KEY)), 65534, -1)
    assert "belongs to user 65534" in refusal(tmp_path)


def test_a_link_to_a_good_key_file_is_refused(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (tmp_path / KEY_FILE_NAME).symlink_to(written(elsewhere, encoded(KEY)))
    assert "can't be read" in refusal(tmp_path)


@pytest.mark.parametrize("may_create", [True, False])
def test_a_link_to_nowhere_is_refused_and_nothing_is_made_behind_it(tmp_path: Path, may_create: bool) -> None:
    target = tmp_path / "planted"
    (tmp_path / KEY_FILE_NAME).symlink_to(target)
    assert "can't be read" in refusal(tmp_path, may_create=may_create)
    assert not target.exists()


def test_a_folder_in_the_place_of_the_key_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / KEY_FILE_NAME).mkdir(mode=0o700)
    assert "not a file" in refusal(tmp_path)


def test_a_pipe_in_the_place_of_the_key_file_is_refused_without_waiting_for_a_writer(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / KEY_FILE_NAME, 0o600)
    assert "not a file" in refusal(tmp_path)


@pytest.mark.parametrize(
    "content",
    ["", "\n", "not base64 at all!", encoded(KEY)[:-1], "\u00e9" * 44, encoded(KEY) + "\n" + encoded(OTHER)],
)
def test_a_malformed_key_file_is_refused_and_never_replaced(tmp_path: Path, content: str) -> None:
    path = written(tmp_path, content)
    assert str(path) in refusal(tmp_path)
    assert path.read_text() == content


@pytest.mark.parametrize("length", [0, 1, 16, 31, 33, 64])
def test_a_key_of_another_length_is_refused_from_file_and_environment(tmp_path: Path, length: int) -> None:
    written(tmp_path, encoded(bytes(length)))
    assert f"holds {length} bytes" in refusal(tmp_path)
    if length:
        assert f"holds {length} bytes" in refusal(tmp_path, {KEY_VARIABLE: encoded(bytes(length))})


@pytest.mark.parametrize("space", ["", "\n", "\r\n", "  \t"])
def test_white_space_around_the_key_does_not_matter(tmp_path: Path, space: str) -> None:
    written(tmp_path, space + encoded(KEY) + space)
    assert is_key(load_key_encryption_key({}, tmp_path), KEY)


def test_the_environment_wins_over_the_file(tmp_path: Path) -> None:
    written(tmp_path, encoded(KEY))
    found = load_key_encryption_key({KEY_VARIABLE: f" {encoded(OTHER)}\n"}, tmp_path)
    assert is_key(found, OTHER)


def test_with_a_key_in_the_environment_no_file_is_looked_at_or_made(tmp_path: Path) -> None:
    found = load_key_encryption_key({KEY_VARIABLE: encoded(OTHER)}, tmp_path / "gone", may_create=False)
    assert is_key(found, OTHER)
    assert not (tmp_path / "gone").exists()


def test_a_bad_key_in_the_environment_does_not_fall_back_to_the_file(tmp_path: Path) -> None:
    written(tmp_path, encoded(KEY))
    assert KEY_VARIABLE in refusal(tmp_path, {KEY_VARIABLE: "typo"})


@pytest.mark.parametrize("value", ["", "  \n"])
def test_an_empty_variable_counts_as_unset(tmp_path: Path, value: str) -> None:
    written(tmp_path, encoded(KEY))
    assert is_key(load_key_encryption_key({KEY_VARIABLE: value}, tmp_path), KEY)


def test_a_missing_file_is_not_made_when_data_is_sealed_under_an_older_key(tmp_path: Path) -> None:
    assert "Restore the file" in refusal(tmp_path, may_create=False)
    assert list(tmp_path.iterdir()) == []


def test_an_existing_file_is_read_when_none_may_be_made(tmp_path: Path) -> None:
    written(tmp_path, encoded(KEY))
    assert is_key(load_key_encryption_key({}, tmp_path, may_create=False), KEY)


def test_no_message_shows_a_key(tmp_path: Path) -> None:
    long = bytes(range(33))
    written(tmp_path, encoded(long))
    told = refusal(tmp_path) + refusal(tmp_path, {KEY_VARIABLE: encoded(long) + "!"})
    assert encoded(long)[:8] not in told


def test_many_threads_at_once_get_one_key(tmp_path: Path) -> None:
    start = threading.Barrier(16)
    found: list[bytes] = []

    def load() -> None:
        start.wait()
        found.append(load_key_encryption_key({}, tmp_path / "data").key_id)

    threads = [threading.Thread(target=load) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 16
    assert set(found) == {load_key_encryption_key({}, tmp_path / "data").key_id}
    assert [path.name for path in (tmp_path / "data").iterdir()] == [KEY_FILE_NAME]


def test_many_processes_at_once_get_one_key(tmp_path: Path) -> None:
    script = (
        "import sys\n"
        "from pathlib import Path\n"
        "from security.crypto.keyfile import load_key_encryption_key as load\n"
        "print('ready', flush=True)\n"
        "sys.stdin.read(1)\n"
        "print(load({}, Path(sys.argv[1])).key_id.hex())\n"
    )
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", script, str(tmp_path / "data")],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(4)
    ]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("x")
        process.stdin.flush()
    found = {process.communicate(timeout=120)[0] for process in processes}
    assert found == {load_key_encryption_key({}, tmp_path / "data").key_id.hex() + "\n"}


@pytest.mark.parametrize("below", ["", "deeper/still"])
def test_a_place_that_can_not_be_written_is_refused_with_what_to_do(tmp_path: Path, below: str) -> None:
    (tmp_path / "file").write_text("in the way")
    told = refusal(tmp_path / "file" / below)
    assert "can't be written" in told
    assert KEY_VARIABLE in told
    assert (tmp_path / "file").read_text() == "in the way"


def test_a_place_that_can_not_even_be_looked_into_is_refused_in_the_family(tmp_path: Path) -> None:
    assert "can't be read" in refusal(tmp_path / ("x" * 300))


def test_when_the_disk_gives_out_nothing_half_written_stays(tmp_path: Path) -> None:
    # A limit of 20 bytes on what a process may write to a file stands in for the full disk.
    script = (
        "import resource, signal, sys\n"
        "from pathlib import Path\n"
        "from security.crypto.errors import KeyEncryptionKeyError\n"
        "from security.crypto.keyfile import load_key_encryption_key as load\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (20, 20))\n"
        "try:\n"
        "    load({}, Path(sys.argv[1]))\n"
        "except KeyEncryptionKeyError as error:\n"
        "    sys.stdout.write(str(error))\n"
    )
    command = [sys.executable, "-B", "-c", script, str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=True)
    assert "can't be written: File too large" in done.stdout
    assert list(tmp_path.iterdir()) == []


def test_randomness_is_a_parameter(tmp_path: Path) -> None:
    assert is_key(load_key_encryption_key({}, tmp_path, random=lambda count: KEY[:count]), KEY)
