"""One key for two: published vectors, every changed bit refused, attacks on any text, hostile values."""

from __future__ import annotations

import base64
import subprocess
from pathlib import Path
from typing import Any

import pytest
from cryptography.exceptions import InvalidTag
from cryptography.fernet import Fernet
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, AESGCMSIV, ChaCha20Poly1305
from hypothesis import given, settings
from hypothesis import strategies as st

from security.lab import catalogue, running, story
from security.lab.errors import BadParameterError
from security.lab.steps import Download, Event, Outcome, Step
from security.lab.workings import blocks, fernet_token, ghash, padding_oracle

LESSON = catalogue.lesson("symmetric")
SHORT = settings(max_examples=15, deadline=None)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40)
# The McGrew-Viega test cases for AES-256 that NIST's GCM validation uses.
GCM_KEY = bytes.fromhex("feffe9928665731c6d6a8f9467308308" * 2)
GCM_NONCE = bytes.fromhex("cafebabefacedbaddecaf888")
GCM_TEXT = bytes.fromhex(
    "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
    "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b391aafd255"
)
GCM_OUT = bytes.fromhex(
    "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa"
    "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662898015ad"
)
GCM_DATA = bytes.fromhex("feedfacedeadbeeffeedfacedeadbeefabaddad2")


def events(run: str, seed: int = 0, **values: object) -> list[Event]:
    return list(running.work(LESSON, LESSON.run(run), values, seed))


def verdict(every: list[Event]) -> str:
    assert isinstance(every[-1], Outcome)
    return every[-1].verdict


def shown(every: list[Event]) -> dict[str, object]:
    return {value.name: value.value for step in every if isinstance(step, Step) for value in step.values}


def files(every: list[Event]) -> list[Download]:
    return [file for step in every if isinstance(step, Step) for file in step.files]


@pytest.mark.parametrize(
    ("key", "nonce", "text", "data", "sealed"),
    [
        (bytes(32), bytes(12), b"", b"", bytes.fromhex("530f8afbc74536b9a963b4f1c4cb738b")),
        (
            bytes(32),
            bytes(12),
            bytes(16),
            b"",
            bytes.fromhex("cea7403d4d606b6e074ec5d3baf39d18d0d1c8a799996bf0265b98b5d48ab919"),
        ),
        (
            GCM_KEY,
            GCM_NONCE,
            GCM_TEXT,
            b"",
            GCM_OUT + bytes.fromhex("b094dac5d93471bdec1a502270e3cc6c"),
        ),
        (
            GCM_KEY,
            GCM_NONCE,
            GCM_TEXT[:60],
            GCM_DATA,
            GCM_OUT[:60] + bytes.fromhex("76fc6ece0f4e1768cddf8853bb2d551b"),
        ),
    ],
    ids=["case 13", "case 14", "case 15", "case 16"],
)
def test_aes_256_gcm_gives_the_published_bytes(
    key: bytes, nonce: bytes, text: bytes, data: bytes, sealed: bytes
) -> None:
    assert AESGCM(key).encrypt(nonce, text, data) == sealed


def test_chacha20_poly1305_gives_the_bytes_of_rfc_8439() -> None:
    key, nonce = bytes(range(0x80, 0xA0)), bytes.fromhex("070000004041424344454647")
    text = (
        b"Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, "
        b"sunscreen would be it."
    )
    sealed = ChaCha20Poly1305(key).encrypt(nonce, text, bytes.fromhex("50515253c0c1c2c3c4c5c6c7"))
    assert sealed[:16] == bytes.fromhex("d31a8d34648e60db7b86afbc53ef7ec2")
    assert sealed[-16:] == bytes.fromhex("1ae10b594f09e26a7e902ecbd0600691")


def test_the_modes_give_the_bytes_of_sp_800_38a() -> None:
    key = bytes.fromhex("603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4")
    text = bytes.fromhex("6bc1bee22e409f96e93d7e117393172a")
    counter = bytes.fromhex("f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff")
    assert blocks.ecb(key, text) == bytes.fromhex("f3eed1bdb5d2a03c064b5a7e3db181f8")
    assert blocks.ctr(key, counter, text) == bytes.fromhex("601ec313775789a5b7a7f504bbf3d228")
    assert blocks.cbc(key, bytes(range(16)), text)[:16] == bytes.fromhex("f58c4c04d6e5f1ba779eabfb5f7bfbd6")


def test_a_fernet_token_is_that_of_the_specification() -> None:
    key = base64.urlsafe_b64decode("cw_0x689RpI-jtRR7oE8h_eQsKImvJapLeSbXpwF4e4=")
    made = fernet_token.token(key, b"hello", 499_162_800, bytes(range(16)))
    assert made.text == (
        b"gAAAAAAdwJ6wAAECAwQFBgcICQoLDA0ODy021cpGVWKZ_eEwCGM4BLLF_5CV9dOPmrhuVUPgJobwOz7JcbmrR64jVmpU4IwqDA=="
    )
    assert Fernet(fernet_token.key_text(key)).decrypt(made.text) == b"hello"
    with pytest.raises(ValueError, match="32 bytes"):
        fernet_token.token(key[:16], b"hello", 0, bytes(16))


def test_ghash_multiplies_as_in_the_gcm_specification() -> None:
    # Test case 2: H, C and GHASH(H, {}, C) with one block of ciphertext.
    h = bytes.fromhex("66e94bd4ef8a2c3b884cfa59ca342b2e")
    c = bytes.fromhex("0388dace60b6a392f328c2b971b2fe78")
    once = ghash.multiplied(c, h)
    assert once == bytes.fromhex("5e2ec746917062882c85b0685353deb7")
    length = (128).to_bytes(16, "big")
    assert ghash.multiplied(blocks.xor(once, length), h) == bytes.fromhex("f38cbb1ad69223dcc3457ae5b6b0f885")
    assert ghash.multiplied(h, ghash.inverse(h)) == bytes([0x80]) + bytes(15)
    assert ghash.square_root(ghash.multiplied(h, h)) == h


@pytest.mark.parametrize("cipher", [AESGCM, ChaCha20Poly1305, AESGCMSIV])
def test_every_changed_bit_of_ciphertext_or_tag_is_refused(
    cipher: type[AESGCM | ChaCha20Poly1305 | AESGCMSIV],
) -> None:
    key, nonce = bytes(range(32)), bytes(12)
    sealed = cipher(key).encrypt(nonce, story.PRESCRIPTION.encode(), b"SD-204817")
    for bit in range(8 * len(sealed)):
        changed = bytearray(sealed)
        changed[bit // 8] ^= 1 << bit % 8
        with pytest.raises(InvalidTag):
            cipher(key).decrypt(nonce, bytes(changed), b"SD-204817")


@SHORT
@given(st.binary(max_size=40), st.binary(min_size=32, max_size=32), st.binary(min_size=16, max_size=16))
def test_a_padding_oracle_gives_any_text_away(text: bytes, key: bytes, iv: bytes) -> None:
    asked = 0

    def oracle(before: bytes, block: bytes) -> bool:
        nonlocal asked
        asked += 1
        return blocks.unpadded(blocks.cbc_opened(key, before, block)) is not None

    found = padding_oracle.recover(iv, blocks.cbc(key, iv, text), oracle)
    assert blocks.unpadded(padding_oracle.text_of(found)) == text
    assert asked == sum(one.queries for one in found) <= 258 * len(found)


def test_an_oracle_that_always_says_no_gives_nothing_away() -> None:
    assert padding_oracle.recover(bytes(16), bytes(48), lambda _before, _block: False) == []


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"", None),
        (b"\x00" * 16, None),
        (b"\x11" * 17, None),
        (b"a\x02\x03\x03", None),
        (b"a\x01", b"a"),
        (b"\x10" * 16, b""),
    ],
)
def test_padding_is_taken_off_only_if_it_is_right(data: bytes, text: bytes | None) -> None:
    assert blocks.unpadded(data) == text


@SHORT
@given(TEXTS, st.sampled_from(LESSON.run("show").parameters[0].options), st.text("abc-19", max_size=9))  # type: ignore[union-attr]
def test_any_note_comes_back_by_every_algorithm(message: str, algorithm: str, record: str) -> None:
    every = events("show", message=message, algorithm=algorithm, record=record)
    assert verdict(every) == "works"
    assert shown(every)["decrypted"] == message


def test_fernet_says_that_it_has_no_associated_data() -> None:
    told = [step.title for step in events("show", algorithm="Fernet") if isinstance(step, Step)]
    assert "No associated data" in told


@SHORT
@given(st.text("abcdefgh 0123", min_size=1, max_size=60), st.text("abcdefgh 0123", min_size=1, max_size=60))
def test_a_repeated_nonce_gives_any_second_text_away(first: str, second: str) -> None:
    every = events("nonce-reuse", first=first, second=second)
    assert verdict(every) == "broken"
    assert shown(every)["recovered"] == second[: len(first)]


@SHORT
@given(*[st.text("abc 019", min_size=1, max_size=16)] * 3, st.integers(0, 2**31 - 1))
def test_a_repeated_nonce_forges_and_a_fresh_one_does_not(
    first: str, second: str, false: str, seed: int
) -> None:
    doses = {"first": first, "second": second, "false": false}
    if len({dose.ljust(16) for dose in doses.values()}) < 3:
        with pytest.raises(BadParameterError, match="another dose"):
            events("forge", seed, **doses)
        return
    every = events("forge", seed, **doses)
    assert verdict(every) == "broken"
    assert shown(every)["the pharmacist reads"] == false.ljust(16)
    assert shown(every)["H as computed"] == shown(every)["H in truth"]
    for mend in LESSON.run("fresh-nonce").parameters[0].options:  # type: ignore[union-attr]
        assert verdict(events("fresh-nonce", seed, mend=mend, **doses)) == "held"


@pytest.mark.parametrize("pixel", ["16", "4", "1"])
def test_a_picture_shows_through_ecb_at_any_pixel_size(pixel: str) -> None:
    assert verdict(events("ecb", pixel=pixel)) == "broken"
    assert verdict(events("gcm-picture", pixel=pixel)) == "held"


@pytest.mark.parametrize("mend", ["AES-256-GCM", "AES-CBC, then HMAC"])
def test_a_tag_stops_both_attacks(mend: str) -> None:
    every = events("tag", mend=mend)
    assert verdict(every) == "held"
    assert shown(every)["untouched, he reads"] == story.PRESCRIPTION
    assert shown(every)["answered yes"] == 0


def test_openssl_reads_the_changed_prescription(tmp_path: Path) -> None:
    (file,) = files(events("bit-flip"))
    path = tmp_path / file.name
    path.write_bytes(file.data)
    done = subprocess.run(file.reads.replace("FILE", str(path)).split(), capture_output=True, check=True)
    assert done.stdout.decode() == story.PRESCRIPTION.replace("100 mg", "900 mg")


@SHORT
@given(st.binary(min_size=1, max_size=300), st.binary(min_size=32, max_size=32))
def test_a_file_is_sealed_and_opened_again(data: bytes, key: bytes) -> None:
    (sealed,) = files(events("file", file=data, key=key.hex()))
    assert AESGCM(key).decrypt(sealed.data[:12], sealed.data[12:], None) == data
    (opened,) = files(events("file", seed=7, direction="decrypt", file=sealed.data, key=key.hex().upper()))
    assert opened.data == data


def test_two_files_under_one_seed_and_key_have_different_nonces() -> None:
    (one,), (two,) = files(events("file", file=b"a")), files(events("file", file=b"b"))
    assert one.data[:12] != two.data[:12]


def test_the_key_of_the_same_seed_opens_a_file_and_that_of_another_does_not() -> None:
    (sealed,) = files(events("file", file=b"secret"))
    assert verdict(events("file", direction="decrypt", file=sealed.data)) == "works"
    with pytest.raises(BadParameterError, match="doesn't open") as refused:
        events("file", seed=1, direction="decrypt", file=sealed.data)
    assert "Nobody can tell which" in refused.value.teaches


@pytest.mark.parametrize(
    ("run", "values", "message"),
    [
        ("file", {"key": "abcd"}, "exactly 64"),
        ("file", {"key": "hunter2"}, "hexadecimal"),
        ("file", {"key": "\uff11" * 64}, "hexadecimal"),
        ("file", {"direction": "decrypt"}, "sealed file"),
        ("file", {"direction": "decrypt", "file": b"x" * 27}, "at least 28"),
        ("file", {"file": b"x" * 100_001}, "100,000"),
        ("show", {"message": ""}, "characters"),
        ("show", {"algorithm": "DES"}, "choose one"),
        ("forge", {"false": "\u00e4" * 9}, "one block"),
        ("bit-flip", {"old": "77 mg"}, "doesn't stand"),
        ("bit-flip", {"new": "1900 mg"}, "must have 6"),
        ("bit-flip", {"new": "100 mg"}, "already"),
        ("padding-oracle", {"message": "x" * 121}, "characters"),
    ],
)
def test_careless_values_are_refused_with_a_sentence(run: str, values: dict[str, Any], message: str) -> None:
    with pytest.raises(BadParameterError, match=message):
        events(run, **values)
