"""What an authenticator may answer and what not: each wrong in one thing (WebAuthn Level 3, 7.1, 7.2)."""

from __future__ import annotations

import contextlib
import hashlib
import json
from datetime import UTC, datetime
from functools import partial
from typing import Any

import cbor2
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from hypothesis import given, settings
from hypothesis import strategies as st

from security.accounts.ceremonies import (
    CeremonyError,
    Made,
    challenge_of_creation,
    check_assertion,
    check_creation,
    creation_options,
    named_credential,
    read_assertion,
    request_options,
)
from security.accounts.relying import RelyingParty
from tests.security.accounts.authenticator import (
    BACKED_UP,
    BACKUP_ELIGIBLE,
    EDDSA,
    ES256,
    PRESENT,
    RS256,
    VERIFIED,
    Credential,
    SoftwareAuthenticator,
    decoded,
    encoded,
)

PARTY = RelyingParty("door.example.org", "https://door.example.org")
CHALLENGE = bytes(range(72))
USER = bytes(range(16))


def asked() -> str:
    return creation_options(PARTY, CHALLENGE, USER, "Eva Brandt", [b"have"])


def wanted(verified: bool = False) -> str:
    return request_options(PARTY, CHALLENGE, verified=verified)


@pytest.fixture
def phone() -> SoftwareAuthenticator:
    return SoftwareAuthenticator(PARTY.origin)


def create(phone: SoftwareAuthenticator, **changes: Any) -> Made:
    return check_creation(phone.create(asked(), **changes), CHALLENGE, PARTY)


def sign(phone: SoftwareAuthenticator, made: Made, **changes: Any) -> None:
    signed = read_assertion(phone.get(wanted(), **changes))
    # Whether a challenge is ours is for challenges.py; here only that it is the one that was signed.
    if signed.challenge != CHALLENGE:
        raise CeremonyError("another challenge")
    check_assertion(signed, made.public_key, PARTY)


def test_what_is_asked_of_the_browser() -> None:
    options = json.loads(asked())
    assert options["rp"] == {"name": "Asklepion", "id": "door.example.org"}
    assert decoded(options["user"]["id"]) == USER
    assert [one["alg"] for one in options["pubKeyCredParams"]] == [EDDSA, ES256, RS256]
    assert options["attestation"] == "none"
    assert options["authenticatorSelection"]["residentKey"] == "required"
    assert [decoded(one["id"]) for one in options["excludeCredentials"]] == [b"have"]
    for verified, word in ((True, "required"), (False, "preferred")):
        signing = json.loads(wanted(verified))
        assert signing["userVerification"] == word
        assert signing["allowCredentials"] == [], "a list would tell who has an account"


@pytest.mark.parametrize("algorithm", [ES256, EDDSA, RS256])
def test_each_algorithm_makes_and_signs(phone: SoftwareAuthenticator, algorithm: int) -> None:
    made = create(phone, credential=Credential(algorithm))
    assert made.transports == "internal,hybrid"
    signed = read_assertion(phone.get(wanted()))
    assert (signed.credential, signed.challenge, signed.user_handle) == (made.credential, CHALLENGE, USER)
    assert check_assertion(signed, made.public_key, PARTY).sign_count == 1
    with pytest.raises(CeremonyError):
        check_assertion(signed, create(phone, credential=Credential(algorithm)).public_key, PARTY)


@pytest.mark.parametrize(
    ("flags", "verified", "synced"),
    [
        (PRESENT, False, False),
        (PRESENT | VERIFIED, True, False),
        (PRESENT | BACKUP_ELIGIBLE, False, False),
        (PRESENT | BACKUP_ELIGIBLE | BACKED_UP, False, True),
    ],
)
def test_what_the_authenticator_says_of_itself_is_kept(
    phone: SoftwareAuthenticator, flags: int, verified: bool, synced: bool
) -> None:
    phone.flags = flags
    made = create(phone)
    assert (made.user_verified, made.backed_up) == (verified, synced)
    found = check_assertion(read_assertion(phone.get(wanted())), made.public_key, PARTY)
    assert (found.user_verified, found.backed_up) == (verified, synced)


WRONG: dict[str, dict[str, Any]] = {
    "another site": {"origin": "https://evil.example"},
    "another port": {"origin": "https://door.example.org:444"},
    "no TLS": {"origin": "http://door.example.org"},
    "a neighbour": {"origin": "https://x.door.example.org"},
    "no origin": {"origin": ""},
    "another relying party": {"rp": "evil.example"},
    "the parent domain": {"rp": "example.org"},
    "another challenge": {"challenge": encoded(bytes(72))},
    "no challenge": {"challenge": ""},
    "a number as challenge": {"challenge": 5},
    "in a frame": {"crossOrigin": True},
    "another ceremony": {"type": "payment.get"},
}


@pytest.mark.parametrize("case", WRONG)
def test_an_answer_that_is_wrong_in_one_thing(phone: SoftwareAuthenticator, case: str) -> None:
    with pytest.raises(CeremonyError):
        create(phone, **WRONG[case])
    made = create(phone)
    with pytest.raises(CeremonyError):
        sign(phone, made, **WRONG[case])


def test_the_two_ceremonies_are_not_confused(phone: SoftwareAuthenticator) -> None:
    made = create(phone)
    with pytest.raises(CeremonyError):
        check_assertion(read_assertion(phone.get(wanted(), type="webauthn.create")), made.public_key, PARTY)
    with pytest.raises(CeremonyError):
        create(phone, type="webauthn.get")
    with pytest.raises(CeremonyError):
        read_assertion(phone.create(asked()))
    with pytest.raises(CeremonyError):
        check_creation(phone.get(wanted()), CHALLENGE, PARTY)


@pytest.mark.parametrize("flags", [0, VERIFIED, PRESENT | BACKED_UP])
def test_flags_that_cannot_be(phone: SoftwareAuthenticator, flags: int) -> None:
    made = create(phone)
    phone.flags = flags
    with pytest.raises(CeremonyError):
        create(phone)
    with pytest.raises(CeremonyError):
        check_assertion(read_assertion(phone.get(wanted())), made.public_key, PARTY)


def p384() -> dict[int, Any]:
    numbers = ec.generate_private_key(ec.SECP384R1()).public_key().public_numbers()
    return {1: 2, 3: ES256, -1: 2, -2: numbers.x.to_bytes(48, "big"), -3: numbers.y.to_bytes(48, "big")}


def short_rsa() -> dict[int, Any]:
    n = rsa.generate_private_key(65537, 1024).public_key().public_numbers().n
    return {1: 3, 3: RS256, -1: n.to_bytes(128, "big"), -2: b"\x01\x00\x01"}


EC, ED = Credential(ES256).cose(), Credential(EDDSA).cose()
RSA = Credential(RS256).cose()
KEYS: dict[str, Any] = {
    "EC as RS256": EC | {3: RS256},
    "EC as EdDSA": EC | {3: EDDSA},
    "RSA as ES256": RSA | {3: ES256},
    "Ed25519 as ES256": ED | {3: ES256},
    "RSA with SHA-1": RSA | {3: -65535},
    "RSA-PSS": RSA | {3: -37},
    "HMAC": {1: 4, 3: 5, -1: bytes(32)},
    "ES384": EC | {3: -35},
    "P-384 as ES256": p384(),
    "a short RSA key": short_rsa(),
    "not on the curve": EC | {-2: bytes(31) + b"\x05", -3: bytes(31) + b"\x05"},
    "a short Ed25519 key": ED | {-2: bytes(31)},
    "no x": {key: value for key, value in EC.items() if key != -2},
    "no algorithm": {key: value for key, value in EC.items() if key != 3},
    "text for a number": EC | {-2: "x"},
    "nothing": {},
}


@pytest.mark.parametrize("case", KEYS)
def test_a_key_that_is_not_of_its_algorithm(phone: SoftwareAuthenticator, case: str) -> None:
    with pytest.raises(CeremonyError):
        create(phone, cose=KEYS[case])


@pytest.mark.parametrize(
    "attestation",
    [
        {"fmt": "fido-u2f", "attStmt": {"sig": b"x", "x5c": [b"x"]}},
        {"fmt": "packed", "attStmt": {"alg": ES256, "sig": b"x", "x5c": [b"x"]}},
        {"fmt": "packed", "attStmt": {"alg": ES256, "sig": b"x"}},
        {"fmt": "none", "attStmt": {"sig": b"x"}},
        {"fmt": "tpm", "attStmt": {}},
        {"fmt": "apple", "attStmt": {}},
        {"fmt": 5},
        {"attStmt": 5},
        {"authData": b""},
        {"authData": "x"},
    ],
    ids=str,
)
def test_an_attestation_that_nobody_asked_for(phone: SoftwareAuthenticator, attestation: Any) -> None:
    with pytest.raises(CeremonyError):
        create(phone, attestation=attestation)


def test_an_id_that_is_too_long_or_of_another(phone: SoftwareAuthenticator) -> None:
    with pytest.raises(CeremonyError):
        create(phone, credential=Credential(id=bytes(1024)))
    assert len(create(phone, credential=Credential(id=bytes(1023))).credential) == 1023
    said = json.loads(phone.create(asked()))
    for changes in ({"id": "AAAA"}, {"id": "AAAA", "rawId": "AAAA"}, {"type": "password"}):
        with pytest.raises(CeremonyError):
            check_creation(json.dumps(said | changes), CHALLENGE, PARTY)


@pytest.mark.parametrize("part", ["signature", "authenticatorData", "clientDataJSON"])
@pytest.mark.parametrize("algorithm", [ES256, EDDSA])
def test_no_bit_of_a_signed_answer_can_be_changed(
    phone: SoftwareAuthenticator, part: str, algorithm: int
) -> None:
    made = create(phone, credential=Credential(algorithm))
    said = json.loads(phone.get(wanted()))
    good = decoded(said["response"][part])
    assert check_assertion(read_assertion(json.dumps(said)), made.public_key, PARTY)
    for place in range(len(good) * 8):
        changed = bytearray(good)
        changed[place // 8] ^= 1 << place % 8
        said["response"][part] = encoded(bytes(changed))
        with pytest.raises(CeremonyError):
            check_assertion(read_assertion(json.dumps(said)), made.public_key, PARTY)


def test_a_signature_over_something_else(phone: SoftwareAuthenticator) -> None:
    made = create(phone)
    said = json.loads(phone.get(wanted()))
    client = decoded(said["response"]["clientDataJSON"])
    for data in (client, hashlib.sha256(client).digest(), b""):
        said["response"]["signature"] = encoded(phone.credentials[-1].sign(data))
        with pytest.raises(CeremonyError):
            check_assertion(read_assertion(json.dumps(said)), made.public_key, PARTY)


HOSTILE = ["", "null", "[]", "5", '"x"', "{}", '{"id":1}', "[" * 8000, '{"a":' * 3000, "\ud800", "x" * 13_000]


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_what_is_no_answer_at_all(text: str) -> None:
    for read in (read_assertion, challenge_of_creation):
        with pytest.raises(CeremonyError):
            read(text)
    with pytest.raises(CeremonyError):
        check_creation(text, CHALLENGE, PARTY)
    assert named_credential(text) == ""


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.binary(max_size=60).map(encoded),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
PARTS = ("clientDataJSON", "authenticatorData", "signature", "userHandle", "attestationObject", "transports")
PHONE = SoftwareAuthenticator(PARTY.origin)
CREATED, SIGNED = json.loads(PHONE.create(asked())), json.loads(PHONE.get(wanted()))
KEY = cbor2.dumps(PHONE.credentials[0].cose())


@settings(deadline=None, max_examples=100)
@given(st.sampled_from(PARTS), JSON)
def test_no_part_can_make_it_stumble(part: str, value: Any) -> None:
    for said, check in ((CREATED, _create), (SIGNED, _get)):
        check(json.dumps(said | {"response": said["response"] | {part: value}}))


@settings(deadline=None, max_examples=100)
@given(st.data())
def test_no_byte_of_an_attestation_can_make_it_stumble(data: Any) -> None:
    good = bytearray(decoded(CREATED["response"]["attestationObject"]))
    for _ in range(data.draw(st.integers(1, 3))):
        good[data.draw(st.integers(0, len(good) - 1))] = data.draw(st.integers(0, 255))
    _create(
        json.dumps(CREATED | {"response": CREATED["response"] | {"attestationObject": encoded(bytes(good))}})
    )


def _create(text: str) -> None:
    with contextlib.suppress(CeremonyError):
        check_creation(text, CHALLENGE, PARTY)


def _get(text: str) -> None:
    with contextlib.suppress(CeremonyError):
        check_assertion(read_assertion(text), KEY, PARTY)


def packed(phone: SoftwareAuthenticator, *chain: bytes) -> str:
    """An attestation by the new key itself, with the certificates that are given."""
    said = json.loads(phone.create(asked()))
    made = cbor2.loads(decoded(said["response"]["attestationObject"]))
    client = hashlib.sha256(decoded(said["response"]["clientDataJSON"])).digest()
    statement = {"alg": ES256, "sig": phone.credentials[-1].sign(made["authData"] + client)}
    made |= {"fmt": "packed", "attStmt": statement | ({"x5c": list(chain)} if chain else {})}
    said["response"]["attestationObject"] = encoded(cbor2.dumps(made))
    return json.dumps(said)


def certificate(key: Any) -> bytes:
    name = x509.Name(
        [
            x509.NameAttribute(NameOID.COUNTRY_NAME, "DE"),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Maker"),
            x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, "Authenticator Attestation"),
            x509.NameAttribute(NameOID.COMMON_NAME, "Key"),
        ]
    )
    built = x509.CertificateBuilder(name, name, key.public_key(), 1)
    built = built.not_valid_before(datetime(2020, 1, 1, tzinfo=UTC)).not_valid_after(
        datetime(2090, 1, 1, tzinfo=UTC)
    )
    built = built.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    return built.sign(key, hashes.SHA256()).public_bytes(Encoding.DER)


def test_the_keys_own_signature_is_taken_and_a_certificate_is_not(phone: SoftwareAuthenticator) -> None:
    assert check_creation(packed(phone), CHALLENGE, PARTY).credential == phone.credentials[-1].id
    credential = Credential()
    phone.create = partial(phone.create, credential=credential)  # type: ignore[method-assign]
    with pytest.raises(CeremonyError, match="certificates"):
        check_creation(packed(phone, certificate(credential.key)), CHALLENGE, PARTY)
