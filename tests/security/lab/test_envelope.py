"""The lesson on envelope encryption: published vectors, and what opens where and where not."""

from __future__ import annotations

import random
import shutil
import subprocess
from collections.abc import Mapping
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hpke
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.keywrap import InvalidUnwrap, aes_key_unwrap, aes_key_wrap
from hypothesis import given, settings
from hypothesis import strategies as st
from nacl import bindings
from nacl.exceptions import CryptoError as SodiumError

from security.crypto.errors import SealError, WrongKeyError
from security.crypto.sealing import KeyEncryptionKey, SealContext
from security.lab import running, story
from security.lab.errors import BadParameterError
from security.lab.lessons.envelope import LESSON
from security.lab.steps import Event, Outcome, Step
from security.lab.workings import envelope
from security.lab.workings import hpke as spelled
from tests.security.crypto.fakes import every_bit_flipped

KEYS = st.binary(min_size=32, max_size=32)


def events(run: str, raw: Mapping[str, Any] | None = None, seed: int = 0) -> list[Event]:
    return list(running.work(LESSON, LESSON.run(run), raw or {}, seed))


def verdict(run: str, raw: Mapping[str, Any] | None = None, seed: int = 0) -> str:
    end = events(run, raw, seed)[-1]
    assert isinstance(end, Outcome)
    return end.verdict


def values(run: str, raw: Mapping[str, Any] | None = None, seed: int = 0) -> dict[str, Any]:
    steps = [event for event in events(run, raw, seed) if isinstance(event, Step)]
    return {value.name: value.value for step in steps for value in step.values}


# RFC 3394, section 4: 16, 24 or 32 bytes of key data under as many or more bytes of key.
RFC_3394 = [
    (16, 16, "1fa68b0a8112b447aef34bd8fb5a7b829d3e862371d2cfe5"),
    (24, 16, "96778b25ae6ca435f92b5b97c050aed2468ab8a17ad84e5d"),
    (32, 16, "64e8c3f9ce0f5ba263e9777905818a2a93c8191e7d6e8ae7"),
    (24, 24, "031d33264e15d33268f24ec260743edce1c6c7ddee725a936ba814915c6762d2"),
    (32, 24, "a8f9bc1612c68b3ff6e6f4fbe30e71e4769c8b80a32cb8958cd5d17d6b254da1"),
    (32, 32, "28c9f404c4b810f4cbccb35cfb87f8263f5786e2d80ed326cbc7f0e71a99f43bfb988b9b7a02dd21"),
]
KEY_DATA = bytes.fromhex("00112233445566778899aabbccddeeff") + bytes(range(16))


@pytest.mark.parametrize(("kek_bytes", "key_bytes", "expected"), RFC_3394)
def test_key_wrap_keeps_rfc_3394(kek_bytes: int, key_bytes: int, expected: str) -> None:
    kek, key = bytes(range(kek_bytes)), KEY_DATA[:key_bytes]
    assert aes_key_wrap(kek, key).hex() == expected
    checks, wrapped = envelope.key_wrap_rounds(kek, key)
    assert wrapped.hex() == expected
    assert (checks[0], checks[-1], len(checks)) == (b"\xa6" * 8, wrapped[:8], 7)
    assert values("key-wrap", {"kek": kek.hex(), "key": key.hex()})["wrapped"].hex() == expected


@given(KEYS, st.sampled_from([16, 24, 32, 64]).flatmap(lambda n: st.binary(min_size=n, max_size=n)))
@settings(deadline=None, max_examples=30)
def test_key_wrap_spelled_out_is_the_librarys(kek: bytes, key: bytes) -> None:
    assert envelope.key_wrap_rounds(kek, key)[1] == aes_key_wrap(kek, key)


def test_no_changed_wrapped_key_unwraps() -> None:
    wrapped = aes_key_wrap(bytes(range(32)), KEY_DATA)
    for other in every_bit_flipped(wrapped):
        with pytest.raises(InvalidUnwrap):
            aes_key_unwrap(bytes(range(32)), other)


# RFC 9180, appendix A.1.1: DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, AES-128-GCM, base mode, message 0.
RECIPIENT = bytes.fromhex("4612c550263fc8ad58375df3f557aac531d26850903e55a9f23f21d8534e8ac8")
EPHEMERAL = bytes.fromhex("52c4a758a802cd8b936eceea314432798d5baf2d7e9235dc084ab1b9cfa2f736")
INFO = bytes.fromhex("4f6465206f6e2061204772656369616e2055726e")


def test_hpke_keeps_rfc_9180() -> None:
    recipient = X25519PrivateKey.from_private_bytes(RECIPIENT)
    public = X25519PublicKey.from_public_bytes(
        bytes.fromhex("3948cfe0ad1ddb695d780e59077195da6c56506b027329794ab02bca80815c4d")
    )
    assert recipient.public_key() == public
    sent = spelled.seal(
        b"Beauty is truth, truth beauty",
        public,
        X25519PrivateKey.from_private_bytes(EPHEMERAL),
        INFO,
        b"Count-0",
        "AES-128-GCM",
    )
    assert sent.enc.hex() == "37fda3567bdbd628e88668c3c8d7e97d1d1253b6d4ea6d44c150f741f1bf4431"
    assert sent.shared.hex() == "fe0e18c9f024ce43799ae393c7e8fe8fce9d218875e8227b0187c04e7d2ea1fc"
    assert sent.key.hex() == "4531685d41d65f03dc48f6b8302c05b0"
    assert sent.nonce.hex() == "56d890e5accaaf011cff4b7d"
    assert sent.ciphertext.hex() == (
        "f938558b5d72f1a23810b4be2ab4f84331acc02fc97babc53a52ae8218a355a96d8770ac83d07bea87e13c512a"
    )


@given(KEYS, KEYS, st.binary(max_size=100), st.binary(max_size=40))
@settings(deadline=None, max_examples=30)
def test_the_library_opens_what_is_spelled_out(mine: bytes, once: bytes, text: bytes, info: bytes) -> None:
    private = X25519PrivateKey.from_private_bytes(mine)
    for aead, which in (
        ("AES-128-GCM", hpke.AEAD.AES_128_GCM),
        ("ChaCha20-Poly1305", hpke.AEAD.CHACHA20_POLY1305),
    ):
        sent = spelled.seal(
            text, private.public_key(), X25519PrivateKey.from_private_bytes(once), info, b"", aead
        )
        suite = hpke.Suite(hpke.KEM.X25519, hpke.KDF.HKDF_SHA256, which)
        assert suite.decrypt(sent.message, private, info) == text
        with pytest.raises(InvalidTag):
            suite.decrypt(sent.message, private, info + b"!")


def test_all_suites_of_the_lesson_go_round() -> None:
    (table,) = [e.table for e in events("hpke") if isinstance(e, Step) and e.table is not None]
    assert [row[1] for row in table.rows] == ["32", "65", "1088", "1120", "1665"]
    assert all(row[-1] == "yes" for row in table.rows)


def test_xchacha_keeps_the_drafts_vector() -> None:
    # draft-irtf-cfrg-xchacha-03, appendix A.3.1
    text = (
        b"Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, "
        b"sunscreen would be it."
    )
    covered, nonce, key = (
        bytes.fromhex("50515253c0c1c2c3c4c5c6c7"),
        bytes(range(0x40, 0x58)),
        bytes(range(0x80, 0xA0)),
    )
    sealed = bindings.crypto_aead_xchacha20poly1305_ietf_encrypt(text, covered, nonce, key)
    assert sealed.hex() == (
        "bd6d179d3e83d43b9576579493c0e939572a1700252bfaccbed2902c21396cbb"
        "731c7f1b0b4aa6440bf3a82f4eda7e39ae64c6708c54c216cb96b72e1213b452"
        "2f8c9ba40db5d945b11b69b982c1bb9e3f3fac2bc369488f76b2383565d3fff9"
        "21f9664c97637da9768812f615c68b13b52e"
        "c0875924c1c7987947deafd8780acf49"
    )
    assert bindings.crypto_aead_xchacha20poly1305_ietf_decrypt(sealed, covered, nonce, key) == text


def one_row(seed: int, text: str = "Rosa") -> tuple[bytes, envelope.Row]:
    rng = random.Random(seed)
    kek = rng.randbytes(32)
    return kek, envelope.sealed_rows(kek, [("user-1", text)], rng)[0]


def with_sealed(row: envelope.Row, sealed: bytes) -> envelope.Row:
    return envelope.Row(row.owner, row.record, row.wrapped, sealed)


def test_no_flipped_bit_of_a_sealed_note_or_key_opens() -> None:
    kek, row = one_row(1)
    assert envelope.open_row(kek, row) == b"Rosa"
    assert all(
        envelope.open_row(kek, with_sealed(row, other)) is None for other in every_bit_flipped(row.sealed)
    )
    for other in every_bit_flipped(row.wrapped):
        assert envelope.open_row(kek, envelope.Row(row.owner, row.record, other, row.sealed)) is None


@given(st.integers(0, 2**31), st.text(max_size=60), st.text("note-12", max_size=8))
@settings(deadline=None, max_examples=40)
def test_a_note_opens_for_its_owner_and_record_alone(seed: int, text: str, elsewhere: str) -> None:
    kek, row = one_row(seed, text)
    assert envelope.open_row(kek, row) == text.encode()
    if elsewhere != row.record:
        assert envelope.open_row(kek, envelope.Row(row.owner, elsewhere, row.wrapped, row.sealed)) is None
    assert (
        envelope.open_row(kek, envelope.Row(row.owner + elsewhere + "x", row.record, row.wrapped, row.sealed))
        is None
    )
    assert envelope.open_row(bytes(32), row) is None


@given(st.integers(0, 2**31), st.text(max_size=60), KEYS)
@settings(deadline=None, max_examples=30)
def test_a_rotation_keeps_the_plaintext_and_shuts_the_old_key_out(seed: int, text: str, new: bytes) -> None:
    kek, row = one_row(seed, text)
    fresh = envelope.rewrapped(kek, new, row.wrapped, row.owner, random.Random(seed))
    turned = envelope.Row(row.owner, row.record, fresh, row.sealed)
    assert envelope.open_row(new, turned) == text.encode()
    assert envelope.open_row(kek, turned) is None
    with pytest.raises(SodiumError):  # nor when the key id, which only names the key, is ignored
        bindings.crypto_aead_xchacha20poly1305_ietf_decrypt(
            fresh[33:], fresh[:9] + SealContext(row.owner, "data-key").encode(), fresh[9:33], kek
        )


def test_a_key_is_rewrapped_only_by_who_can_open_it() -> None:
    _, row = one_row(4)
    with pytest.raises(WrongKeyError):
        envelope.raw_data_key(bytes(32), row.wrapped, row.owner)
    kek, row = one_row(4)
    with pytest.raises(SealError):
        envelope.raw_data_key(kek, row.wrapped, "user-2")
    key = envelope.raw_data_key(kek, row.wrapped, row.owner)
    assert (
        KeyEncryptionKey(kek)
        .unwrap(row.wrapped, row.owner)
        .open(row.sealed, SealContext("user-1", "note", "note-1"))
    )
    assert len(key) == 32


def test_rotation_changes_one_envelope_and_no_note() -> None:
    found = values("rotate", {"records": 20})
    assert (found["notes changed"], found["open with the new key"], found["open with the old key"]) == (
        0,
        20,
        0,
    )


def test_a_thief_finds_a_key_only_where_one_lies() -> None:
    rng = random.Random(5)
    kek = rng.randbytes(32)
    rows = envelope.sealed_rows(kek, [("a", "one"), ("b", "two"), ("a", "three")], rng)
    assert envelope.ransack(envelope.backup(rows, None)).notes == ()
    loot = envelope.ransack(envelope.backup(rows, kek))
    assert (loot.key, loot.notes) == (kek, ("one", "two", "three"))
    data_key = envelope.raw_data_key(kek, rows[0].wrapped, "a")
    assert envelope.ransack(envelope.backup(rows, data_key)).notes == ("one", "three"), (
        "a data key opens its owner's"
    )
    assert envelope.ransack("") == envelope.Loot(0, None, ())


def test_other_settings_have_honest_verdicts() -> None:
    assert verdict("stolen-backup", {"key": "elsewhere"}) == "held"
    assert verdict("stolen-backup", {"patients": 1}) == "broken"
    assert verdict("bound-record", {"bound": "owner alone"}) == "broken"
    assert verdict("shred", {"records": 3, "backups": "notes and wrapped keys"}) == "broken"
    assert verdict("ephemeral", {"sessions": 5, "kept": 2}) == "broken"


@pytest.mark.parametrize(("backups", "opens"), [("notes alone", 0), ("notes and wrapped keys", 3)])
def test_shredding_says_what_the_tapes_still_open(backups: str, opens: int) -> None:
    every = list(running.work(LESSON, LESSON.run("shred"), {"records": 3, "backups": backups}, 0))
    told = [event for event in every if isinstance(event, Step)][-1]
    assert told.values[0].value == opens
    assert ("nobody can read them" in told.text) == (opens == 0)


@pytest.mark.parametrize("kept", [0, 1, 5, 50])
def test_a_key_that_wasnt_deleted_opens_its_own_session(kept: int) -> None:
    assert values("ephemeral", {"sessions": 5, "kept": kept})["sessions opened"] == min(kept, 5)


@given(KEYS, KEYS, KEYS, st.binary(max_size=50))
@settings(deadline=None, max_examples=30)
def test_a_recorded_session_opens_with_either_sides_key(
    one: bytes, other: bytes, third: bytes, text: bytes
) -> None:
    sides = [X25519PrivateKey.from_private_bytes(key) for key in (one, other)]
    session = envelope.talk(*sides, text, b"salt")
    assert envelope.replay(session, one) == envelope.replay(session, other) == text
    publics = {
        X25519PrivateKey.from_private_bytes(key).public_key().public_bytes_raw()
        for key in (one, other, third)
    }
    if len(publics) == 3:
        assert envelope.replay(session, third) is None


@pytest.mark.parametrize("bits", [8, 12, 16, 18, 24, 32])
def test_the_toy_group_is_a_group_of_prime_order(bits: int) -> None:
    group = envelope.toy_group(bits, random.Random(bits))
    half = group.prime // 2
    assert group.prime.bit_length() == bits
    for number in (group.prime, half):
        assert all(number % divisor for divisor in range(2, int(number**0.5) + 1))
    assert group.raise_to(group.generator, half) == 1


def test_the_logarithm_is_the_power() -> None:
    group = envelope.toy_group(12, random.Random(0))
    for power in (1, 2, 77, group.prime // 2):
        assert envelope.logarithm(group, group.raise_to(group.generator, power)) == power


def test_two_notes_never_share_a_nonce_or_a_key() -> None:
    rng = random.Random(6)
    rows = envelope.sealed_rows(bytes(32), [(f"user-{at % 3}", "the same") for at in range(30)], rng)
    assert all(one.sealed[1:25] != other.sealed[1:25] for one, other in combinations(rows, 2))
    assert len({row.wrapped for row in rows}) == 3


@pytest.mark.parametrize(
    ("name", "text"), [("kek", "xyz"), ("key", "00" * 15), ("kek", ""), ("key", "٠٠" * 16)]
)
def test_a_bad_key_is_refused_without_repeating_it(name: str, text: str) -> None:
    with pytest.raises(BadParameterError) as refused:
        events("key-wrap", {name: text})
    assert not text or text not in str(refused.value)
    assert refused.value.teaches


AGE = shutil.which("age")


def age_files(**raw: object) -> dict[str, bytes]:
    told = events("age", raw)
    assert isinstance(told[-1], Outcome)
    assert told[-1].verdict == "works"
    steps = [event for event in told if isinstance(event, Step)]
    return {file.name: file.data for step in steps for file in step.files}


@pytest.mark.skipif(AGE is None, reason="age is not installed")
@pytest.mark.parametrize("text", [b"", b"a note", bytes(range(256)) * 400])
def test_age_opens_what_the_lab_seals_and_the_lab_what_age_seals(tmp_path: Path, text: bytes) -> None:
    import pyrage

    files = age_files(file=text)
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    opened = subprocess.run(
        [str(AGE), "-d", "-i", "key.txt", "note.age"], cwd=tmp_path, capture_output=True, check=True
    )
    assert opened.stdout == (text or story.NOTE.encode())
    identity = pyrage.x25519.Identity.from_str(files["key.txt"].decode().splitlines()[1])
    command = [str(AGE), "-r", str(identity.to_public())]
    sealed = subprocess.run(command, input=text, capture_output=True, check=True).stdout
    assert pyrage.decrypt(sealed, [identity]) == text


def test_a_file_for_another_recipient_is_opened_by_them_alone() -> None:
    import pyrage

    theirs = pyrage.x25519.Identity.generate()
    files = age_files(file=b"for you", recipient=str(theirs.to_public()))
    assert set(files) == {"note.age"}, "no key is handed out that opens nothing"
    assert pyrage.decrypt(files["note.age"], [theirs]) == b"for you"
    with pytest.raises(BadParameterError, match="age1"):
        age_files(recipient=str(theirs.to_public())[:-1] + "q")
