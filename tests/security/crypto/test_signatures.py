"""Ed25519: the published vectors, a second implementation, every bit flipped, and the key file at home."""

from __future__ import annotations

import base64
import os
import stat
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nacl import signing

from security.crypto.errors import CryptoError
from security.crypto.private_file import PrivateFileError
from security.crypto.signatures import (
    SIGNATURE_BYTES,
    SIGNING_KEY_NAME,
    SignatureError,
    SigningKey,
    SigningKeyError,
    VerifyKey,
    signed_bytes,
)
from tests.security.crypto.fakes import every_bit_flipped

SEED = bytes(range(32))
KEY = SigningKey(SEED)
# RFC 8032, section 7.1: seed, public key, message, signature; tests 1, 2 and 3.
RFC_8032 = [
    (
        "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46b"
        "d25bf5f0595bbe24655141438e7a100b",
    ),
    (
        "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c"
        "387b2eaeb4302aeeb00d291612bb0c00",
    ),
    (
        "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc659"
        "4a7c15e9716ed28dc027beceea1ec40a",
    ),
]
contexts = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40)


@pytest.mark.parametrize(("seed", "public", "message", "signature"), RFC_8032)
def test_keys_and_signatures_are_those_of_the_published_vectors(
    seed: str, public: str, message: str, signature: str
) -> None:
    key = SigningKey(bytes.fromhex(seed))
    assert bytes(key.verify_key).hex() == public
    # The context stands before every message here, so the vectors reach our signatures by way of a second
    # implementation that reproduces them first.
    other = signing.SigningKey(bytes.fromhex(seed))
    assert other.sign(bytes.fromhex(message)).signature.hex() == signature
    ours = key.sign(bytes.fromhex(message), "vector")
    assert ours == other.sign(signed_bytes(bytes.fromhex(message), "vector")).signature
    VerifyKey(bytes.fromhex(public)).verify(bytes.fromhex(message), ours, "vector")


@given(seed=st.binary(min_size=32, max_size=32), message=st.binary(max_size=300), context=contexts)
def test_a_second_implementation_signs_the_same(seed: bytes, message: bytes, context: str) -> None:
    signature = SigningKey(seed).sign(message, context)
    assert signature == signing.SigningKey(seed).sign(signed_bytes(message, context)).signature
    SigningKey(seed).verify_key.verify(message, signature, context)


def test_what_is_signed_keeps_its_form() -> None:
    expected = b"asklepion/v1/signature" + bytes([0, 0, 0, 2]) + "é".encode() + b"message"
    assert signed_bytes(b"message", "é") == expected


def test_a_flip_of_any_bit_of_signature_message_or_key_is_refused() -> None:
    message, context = b"a model's record", "model-version"
    signature = KEY.sign(message, context)
    assert len(signature) == SIGNATURE_BYTES
    for changed in every_bit_flipped(signature):
        with pytest.raises(SignatureError):
            KEY.verify_key.verify(message, changed, context)
    for changed in every_bit_flipped(message):
        with pytest.raises(SignatureError):
            KEY.verify_key.verify(changed, signature, context)
    for changed in every_bit_flipped(bytes(KEY.verify_key)):
        with pytest.raises(SignatureError):
            VerifyKey(changed).verify(message, signature, context)


@pytest.mark.parametrize("length", [0, 1, 32, 63, 65, 128])
def test_a_signature_of_another_length_is_refused(length: int) -> None:
    with pytest.raises(SignatureError):
        KEY.verify_key.verify(b"message", (KEY.sign(b"message", "a") * 2)[:length], "a")


@given(one=contexts, other=contexts, message=st.binary(max_size=20))
def test_a_signature_for_one_context_is_worth_nothing_in_another(
    one: str, other: str, message: bytes
) -> None:
    signature = KEY.sign(message, one)
    if one != other:
        with pytest.raises(SignatureError):
            KEY.verify_key.verify(message, signature, other)


def test_context_and_message_do_not_run_together() -> None:
    with pytest.raises(SignatureError):
        KEY.verify_key.verify(b"c", KEY.sign(b"bc", "a"), "ab")


def test_a_signature_without_a_context_is_not_made() -> None:
    with pytest.raises(ValueError, match="context"):
        KEY.sign(b"message", "")


def test_the_other_form_of_a_signature_is_refused() -> None:
    # S + L satisfies the same equation; RFC 8032, section 5.1.7 demands S < L.
    order = 2**252 + 27742317777372353535851937790883648493
    signature = KEY.sign(b"message", "a")
    scalar = int.from_bytes(signature[32:], "little") + order
    with pytest.raises(SignatureError):
        KEY.verify_key.verify(b"message", signature[:32] + scalar.to_bytes(32, "little"), "a")


def test_errors_are_of_the_family_and_show_no_key() -> None:
    assert issubclass(SignatureError, CryptoError)
    shown = repr(KEY) + str(KEY)
    assert SEED.hex()[:12] not in shown
    assert base64.b64encode(SEED).decode()[:12] not in shown
    assert KEY.verify_key.key_id.hex() in shown


@pytest.mark.parametrize("length", [0, 31, 33, 64])
def test_keys_of_another_length_are_refused(length: int) -> None:
    with pytest.raises(SigningKeyError, match=f"not {length}"):
        SigningKey(bytes(length))
    with pytest.raises(SigningKeyError, match=f"not {length}"):
        VerifyKey(bytes(length))


def test_a_verifying_key_goes_through_text() -> None:
    found = VerifyKey.from_text(f" {KEY.verify_key.to_text()}\n")
    assert (bytes(found), found.key_id) == (bytes(KEY.verify_key), KEY.verify_key.key_id)
    for wrong in ("", "no base64!", KEY.verify_key.to_text()[:-4], "é" * 44):
        with pytest.raises(SigningKeyError):
            VerifyKey.from_text(wrong)


@pytest.mark.parametrize("umask", [0o000, 0o077])
def test_a_new_key_is_kept_for_its_owner_alone_and_found_again(tmp_path: Path, umask: int) -> None:
    before = os.umask(umask)
    try:
        made = SigningKey.load_or_create(tmp_path / "data")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "data" / SIGNING_KEY_NAME).stat().st_mode) == 0o600
    again = SigningKey.load_or_create(tmp_path / "data", may_create=False)
    assert bytes(again.verify_key) == bytes(made.verify_key)
    assert [path.name for path in (tmp_path / "data").iterdir()] == [SIGNING_KEY_NAME]
    assert bytes(SigningKey.load_or_create(tmp_path / "other").verify_key) != bytes(made.verify_key)


def test_randomness_is_a_parameter(tmp_path: Path) -> None:
    made = SigningKey.load_or_create(tmp_path, random=lambda count: SEED[:count])
    assert bytes(made.verify_key) == bytes(KEY.verify_key)


@pytest.mark.parametrize("content", ["", "not base64 at all!", "AAAA", "é" * 44])
def test_a_malformed_file_is_refused_and_never_replaced(tmp_path: Path, content: str) -> None:
    path = tmp_path / SIGNING_KEY_NAME
    path.write_text(content)
    path.chmod(0o600)
    with pytest.raises(SigningKeyError, match=SIGNING_KEY_NAME):
        SigningKey.load_or_create(tmp_path)
    assert path.read_text() == content


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o602, 0o644])
def test_a_file_that_others_could_touch_is_refused(tmp_path: Path, mode: int) -> None:
    SigningKey.load_or_create(tmp_path)
    (tmp_path / SIGNING_KEY_NAME).chmod(mode)
    with pytest.raises(PrivateFileError, match="chmod 600"):
        SigningKey.load_or_create(tmp_path)


def test_a_link_a_folder_and_a_pipe_are_refused(tmp_path: Path) -> None:
    for name in ("good", "link", "nowhere", "folder", "pipe"):
        (tmp_path / name).mkdir()
    SigningKey.load_or_create(tmp_path / "good")
    (tmp_path / "link" / SIGNING_KEY_NAME).symlink_to(tmp_path / "good" / SIGNING_KEY_NAME)
    (tmp_path / "nowhere" / SIGNING_KEY_NAME).symlink_to(tmp_path / "planted")
    (tmp_path / "folder" / SIGNING_KEY_NAME).mkdir(mode=0o700)
    os.mkfifo(tmp_path / "pipe" / SIGNING_KEY_NAME, 0o600)
    for name in ("link", "nowhere", "folder", "pipe"):
        with pytest.raises(PrivateFileError):
            SigningKey.load_or_create(tmp_path / name)
    assert not (tmp_path / "planted").exists()


def test_a_missing_key_is_not_made_when_there_are_signatures_of_it(tmp_path: Path) -> None:
    with pytest.raises(SigningKeyError, match="Restore the file"):
        SigningKey.load_or_create(tmp_path, may_create=False)
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_can_not_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(PrivateFileError, match="can't be written"):
        SigningKey.load_or_create(tmp_path / "file")


def test_many_threads_at_once_get_one_key(tmp_path: Path) -> None:
    start = threading.Barrier(8)
    found: list[bytes] = []

    def load() -> None:
        start.wait()
        found.append(bytes(SigningKey.load_or_create(tmp_path / "data").verify_key))

    threads = [threading.Thread(target=load) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert len(set(found)) == 1
