"""Sealing: what is sealed opens with its key, in its place, unchanged, and in no other way."""

from __future__ import annotations

import dataclasses

import pytest
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from hypothesis import given
from hypothesis import strategies as st
from nacl import bindings

from security.crypto.errors import KeyEncryptionKeyError, SealError, WrongKeyError
from security.crypto.sealing import DataKey, KeyEncryptionKey, SealContext
from tests.security.crypto.fakes import Script, every_bit_flipped

# draft-irtf-cfrg-xchacha-03, appendix A.3.1: AEAD_XCHACHA20_POLY1305.
PLAINTEXT = (
    b"Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, "
    b"sunscreen would be it."
)
ASSOCIATED = bytes.fromhex("50515253c0c1c2c3c4c5c6c7")
KEY = bytes(range(0x80, 0xA0))
NONCE = bytes(range(0x40, 0x58))
CIPHERTEXT = bytes.fromhex(
    "bd6d179d3e83d43b9576579493c0e939572a1700252bfaccbed2902c21396cbb"
    "731c7f1b0b4aa6440bf3a82f4eda7e39ae64c6708c54c216cb96b72e1213b452"
    "2f8c9ba40db5d945b11b69b982c1bb9e3f3fac2bc369488f76b2383565d3fff9"
    "21f9664c97637da9768812f615c68b13b52e"
)
TAG = bytes.fromhex("c0875924c1c7987947deafd8780acf49")

CONTEXT = SealContext(owner="ada", purpose="totp-secret", record="7")
KEK = KeyEncryptionKey(bytes(range(32)))
OTHER_KEK = KeyEncryptionKey(bytes(range(1, 33)))
# Any text that UTF-8 can hold.
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)


def test_the_published_vector_holds_for_the_primitive_underneath() -> None:
    sealed = bindings.crypto_aead_xchacha20poly1305_ietf_encrypt(PLAINTEXT, ASSOCIATED, NONCE, KEY)
    assert sealed == CIPHERTEXT + TAG


def test_a_sealed_blob_carries_the_published_ciphertext_behind_version_and_nonce() -> None:
    # The associated data begins with the version, so the tag differs from the published one; the
    # ciphertext, made of key and nonce alone, must not.
    blob = DataKey(KEY, Script(NONCE)).seal(PLAINTEXT, CONTEXT)
    assert blob[:-16] == b"\x01" + NONCE + CIPHERTEXT
    assert blob[-16:] != TAG


def test_a_blob_composed_by_hand_as_documented_opens() -> None:
    associated = b"\x01" + b"\0\0\0\x03ada" + b"\0\0\0\x0btotp-secret" + b"\0\0\0\x017"
    sealed = bindings.crypto_aead_xchacha20poly1305_ietf_encrypt(PLAINTEXT, associated, NONCE, KEY)
    assert DataKey(KEY).open(b"\x01" + NONCE + sealed, CONTEXT) == PLAINTEXT


def test_a_wrapped_key_composed_by_hand_as_documented_unwraps() -> None:
    kek = KeyEncryptionKey(KEY)
    header = b"\x81" + kek.key_id
    associated = header + b"\0\0\0\x03ada" + b"\0\0\0\x08data-key" + b"\0\0\0\0"
    sealed = bindings.crypto_aead_xchacha20poly1305_ietf_encrypt(bytes(range(32)), associated, NONCE, KEY)
    blob = DataKey(bytes(range(32))).seal(PLAINTEXT, CONTEXT)
    assert kek.unwrap(header + NONCE + sealed, "ada").open(blob, CONTEXT) == PLAINTEXT


@given(plaintext=st.binary(max_size=300), owner=TEXT, purpose=TEXT, record=TEXT)
def test_whatever_is_sealed_opens_again_through_the_wrapped_key(
    plaintext: bytes, owner: str, purpose: str, record: str
) -> None:
    key, wrapped = KEK.new_data_key(owner)
    context = SealContext(owner, purpose, record)
    blob = key.seal(plaintext, context)
    assert (len(blob), len(wrapped)) == (len(plaintext) + 41, 81)
    assert KEK.unwrap(wrapped, owner).open(blob, context) == plaintext


def test_a_flip_of_any_bit_of_a_sealed_blob_is_refused() -> None:
    key, _ = KEK.new_data_key("ada")
    for changed in every_bit_flipped(key.seal(b"secret", CONTEXT)):
        with pytest.raises(SealError):
            key.open(changed, CONTEXT)


def test_a_flip_of_any_bit_of_a_wrapped_key_is_refused() -> None:
    _, wrapped = KEK.new_data_key("ada")
    for changed in every_bit_flipped(wrapped):
        with pytest.raises(SealError):
            KEK.unwrap(changed, "ada")


def test_a_blob_cut_anywhere_is_refused() -> None:
    key, _ = KEK.new_data_key("ada")
    blob = key.seal(b"secret", CONTEXT)
    for length in range(len(blob)):
        with pytest.raises(SealError):
            key.open(blob[:length], CONTEXT)


def test_a_wrapped_key_cut_anywhere_is_refused() -> None:
    _, wrapped = KEK.new_data_key("ada")
    for length in range(len(wrapped)):
        with pytest.raises(SealError):
            KEK.unwrap(wrapped[:length], "ada")


def test_a_blob_with_something_behind_it_is_refused() -> None:
    key, _ = KEK.new_data_key("ada")
    with pytest.raises(SealError):
        key.open(key.seal(b"secret", CONTEXT) + b"\0", CONTEXT)


@pytest.mark.parametrize(
    "foreign",
    [
        SealContext("bob", "totp-secret", "7"),
        SealContext("ada", "conversation", "7"),
        SealContext("ada", "totp-secret", "8"),
        SealContext("ada", "totp-secret"),
        SealContext("Ada", "totp-secret", "7"),
    ],
)
def test_a_blob_copied_to_another_owner_purpose_or_record_does_not_open(foreign: SealContext) -> None:
    key, _ = KEK.new_data_key("ada")
    with pytest.raises(SealError):
        key.open(key.seal(b"secret", CONTEXT), foreign)


@pytest.mark.parametrize(
    "parts",
    [
        ("adatotp-secret", "", "7"),
        ("ad", "atotp-secret", "7"),
        ("ada", "totp-secret7", ""),
        ("ada", "totp-secre", "t7"),
        ("", "adatotp-secret7", ""),
        ("ada\0\0\0\x0btotp-secret", "", "7"),
    ],
)
def test_parts_of_a_context_that_run_together_alike_are_still_told_apart(parts: tuple[str, str, str]) -> None:
    key, _ = KEK.new_data_key("ada")
    with pytest.raises(SealError):
        key.open(key.seal(b"secret", CONTEXT), SealContext(*parts))


@given(st.tuples(TEXT, TEXT, TEXT), st.tuples(TEXT, TEXT, TEXT))
def test_two_contexts_have_the_same_bytes_only_if_they_are_the_same(
    one: tuple[str, str, str], other: tuple[str, str, str]
) -> None:
    assert (SealContext(*one).encode() == SealContext(*other).encode()) == (one == other)


def test_another_data_key_of_the_same_owner_opens_nothing() -> None:
    key, _ = KEK.new_data_key("ada")
    second, _ = KEK.new_data_key("ada")
    with pytest.raises(SealError):
        second.open(key.seal(b"secret", CONTEXT), CONTEXT)


def test_a_key_wrapped_under_another_kek_says_so_and_names_both() -> None:
    _, wrapped = KEK.new_data_key("ada")
    with pytest.raises(WrongKeyError) as caught:
        OTHER_KEK.unwrap(wrapped, "ada")
    assert caught.value.evidence == {
        "wrapped_under": KEK.key_id.hex(),
        "at_hand": OTHER_KEK.key_id.hex(),
    }


def test_a_key_id_written_over_does_not_let_another_kek_unwrap() -> None:
    _, wrapped = KEK.new_data_key("ada")
    relabelled = wrapped[:1] + OTHER_KEK.key_id + wrapped[9:]
    with pytest.raises(SealError):
        OTHER_KEK.unwrap(relabelled, "ada")


def test_a_wrapped_key_of_one_owner_is_none_of_another() -> None:
    _, wrapped = KEK.new_data_key("ada")
    with pytest.raises(SealError):
        KEK.unwrap(wrapped, "bob")


def test_a_wrapped_key_can_not_pass_as_sealed_data() -> None:
    kek = KeyEncryptionKey(KEY)
    _, wrapped = kek.new_data_key("ada")
    with pytest.raises(SealError, match="unknown version"):
        DataKey(KEY).open(wrapped, SealContext("ada", "data-key"))


def test_sealed_data_can_not_pass_as_a_wrapped_key() -> None:
    blob = DataKey(KEY).seal(bytes(32), SealContext("ada", "data-key"))
    with pytest.raises(SealError, match="unknown version"):
        KeyEncryptionKey(KEY).unwrap(blob, "ada")


def test_the_same_text_sealed_twice_shares_no_nonce() -> None:
    key, _ = KEK.new_data_key("ada")
    nonces = {key.seal(b"secret", CONTEXT)[1:25] for _ in range(200)}
    assert len(nonces) == 200


def test_every_new_data_key_is_another() -> None:
    blob = KEK.new_data_key("ada")[0].seal(b"secret", CONTEXT)
    for _ in range(20):
        with pytest.raises(SealError):
            KEK.new_data_key("ada")[0].open(blob, CONTEXT)


@pytest.mark.parametrize("length", [0, 16, 31, 33, 64])
def test_keys_of_another_length_are_refused(length: int) -> None:
    with pytest.raises(KeyEncryptionKeyError):
        KeyEncryptionKey(bytes(length))
    with pytest.raises(SealError):
        DataKey(bytes(length))


def test_no_repr_shows_a_key() -> None:
    shown = repr(DataKey(KEY)) + repr(KeyEncryptionKey(KEY))
    for form in (KEY.hex(), repr(KEY)[2:-1], repr(KEY[:4])[2:-1]):
        assert form not in shown


def test_no_error_message_or_evidence_shows_a_key_or_plaintext() -> None:
    blob = DataKey(KEY, Script(NONCE)).seal(b"the plain words", CONTEXT)
    with pytest.raises(SealError) as caught:
        DataKey(KEY).open(blob, dataclasses.replace(CONTEXT, record="8"))
    told = f"{caught.value} {caught.value.evidence} {caught.value.__cause__}"
    assert KEY.hex() not in told
    assert "plain words" not in told


def test_derived_keys_are_hkdf_sha256_of_the_purpose() -> None:
    expected = HKDF(SHA256(), 48, salt=None, info=b"asklepion/v1/password pepper").derive(KEY)
    assert KeyEncryptionKey(KEY).derive("password pepper", 48) == expected


def test_derived_keys_differ_by_purpose_and_by_kek() -> None:
    derived = [kek.derive(purpose) for kek in (KEK, OTHER_KEK) for purpose in ("a", "b", "key id")]
    assert len({*derived, bytes(range(32)), bytes(range(1, 33))}) == 8


def test_the_key_id_reveals_nothing_of_the_key() -> None:
    assert KEK.key_id not in bytes(range(32))
    assert len(KEK.key_id) == 8
