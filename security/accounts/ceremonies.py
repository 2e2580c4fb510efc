"""The ceremonies of Web Authentication Level 3 (7.1, 7.2): what is asked of a browser, what it may answer.

Pure: no database, no clock. py_webauthn reads and checks; here is what it leaves open: that a key is what its
algorithm says, that no foreign page framed us, that the counter is judged only after the signature. Does not:
know whether a challenge is still good (challenges.py), or whose a passkey is (assertions.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from webauthn import (
    generate_authentication_options,
    generate_registration_options,
    options_to_json,
    verify_authentication_response,
    verify_registration_response,
)
from webauthn.helpers import (
    decode_credential_public_key,
    decoded_public_key_to_cryptography,
    parse_attestation_object,
    parse_authentication_credential_json,
    parse_client_data_json,
    parse_registration_credential_json,
)
from webauthn.helpers.cose import COSEAlgorithmIdentifier as Algorithm
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AttestationConveyancePreference,
    AttestationFormat,
    AuthenticationCredential,
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialDescriptor,
    RegistrationCredential,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from security.accounts.relying import NAME, RelyingParty

ALGORITHMS = [Algorithm.EDDSA, Algorithm.ECDSA_SHA_256, Algorithm.RSASSA_PKCS1_v1_5_SHA_256]
TIMEOUT_MS = 120_000
MAX_RESPONSE = 12 * 1024
MAX_CREDENTIAL = 1023
MIN_RSA_BITS = 2048
_TRANSPORTS = 128
# What reading hostile JSON, base64, CBOR and keys can raise in the libraries below, beside their own errors.
_UNREADABLE = (
    WebAuthnException,
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    ArithmeticError,
    RecursionError,
    InvalidSignature,
    UnsupportedAlgorithm,
)


class CeremonyError(Exception):
    """What came from the browser is no answer to what was asked. The text is for tests, not for pages."""


@dataclass(frozen=True)
class Made:
    """A credential that an authenticator has just made."""

    credential: bytes
    public_key: bytes
    sign_count: int
    transports: str
    user_verified: bool
    backed_up: bool


@dataclass(frozen=True)
class Signed:
    """An answer that can be read, and nothing more: not one word of it is believed yet."""

    credential: bytes
    challenge: bytes
    user_handle: bytes | None
    answer: AuthenticationCredential


@dataclass(frozen=True)
class Checked:
    """What a good signature says."""

    sign_count: int
    user_verified: bool
    backed_up: bool


def creation_options(
    party: RelyingParty, challenge: bytes, user: bytes, name: str, have: Sequence[bytes]
) -> str:
    """For navigator.credentials.create, as JSON. `have` are the credentials that this person has already."""
    return options_to_json(
        generate_registration_options(
            rp_id=party.id,
            rp_name=NAME,
            user_id=user,
            user_name=name,
            challenge=challenge,
            timeout=TIMEOUT_MS,
            attestation=AttestationConveyancePreference.NONE,
            authenticator_selection=AuthenticatorSelectionCriteria(
                # Discoverable: at sign-in no list is sent, which would tell who has an account and what kind.
                resident_key=ResidentKeyRequirement.REQUIRED,
                user_verification=UserVerificationRequirement.PREFERRED,
            ),
            exclude_credentials=[PublicKeyCredentialDescriptor(id=one) for one in have],
            supported_pub_key_algs=ALGORITHMS,
        )
    )


def request_options(party: RelyingParty, challenge: bytes, *, verified: bool) -> str:
    """For navigator.credentials.get, as JSON. With `verified` the authenticator must look at face or PIN."""
    return options_to_json(
        generate_authentication_options(
            rp_id=party.id,
            challenge=challenge,
            timeout=TIMEOUT_MS,
            user_verification=(
                UserVerificationRequirement.REQUIRED if verified else UserVerificationRequirement.PREFERRED
            ),
        )
    )


def challenge_of_creation(response: str) -> bytes:
    """The challenge that `response` claims to answer.

    Raises:
        CeremonyError: it can't be read.
    """
    try:
        return parse_client_data_json(_creation(response).response.client_data_json).challenge
    except _UNREADABLE as error:
        raise CeremonyError("unreadable") from error


def check_creation(response: str, challenge: bytes, party: RelyingParty) -> Made:
    """See that `response` is a new credential of a kind that is taken here.

    Raises:
        CeremonyError: it isn't.
    """
    try:
        given = _creation(response)
        _refuse_frames(given.response.client_data_json)
        attestation = parse_attestation_object(given.response.attestation_object)
        # None was asked for. An authenticator's own signature ("packed" without certificates) may be left in
        # by the browser; everything with certificates would only be more to read from strangers.
        if attestation.fmt not in (AttestationFormat.NONE, AttestationFormat.PACKED):
            raise CeremonyError("an attestation that was not asked for")
        if attestation.att_stmt.x5c is not None:
            raise CeremonyError("certificates that were not asked for")
        done = verify_registration_response(
            credential=given,
            expected_challenge=challenge,
            expected_rp_id=party.id,
            expected_origin=party.origin,
            supported_pub_key_algs=ALGORITHMS,
        )
        if done.credential_id != given.raw_id or len(done.credential_id) > MAX_CREDENTIAL:
            raise CeremonyError("the id of another credential, or one that is too long")
        _check_key(done.credential_public_key)
    except _UNREADABLE as error:
        raise CeremonyError(type(error).__name__) from error
    known = dict.fromkeys(one.value for one in given.response.transports or ())
    return Made(
        done.credential_id,
        done.credential_public_key,
        done.sign_count,
        ",".join(known)[:_TRANSPORTS],
        done.user_verified,
        done.credential_backed_up,
    )


def read_assertion(response: str) -> Signed:
    """What `response` claims to be.

    Raises:
        CeremonyError: it can't be read.
    """
    if len(response) > MAX_RESPONSE:
        raise CeremonyError("too long")
    try:
        answer = parse_authentication_credential_json(response)
        _refuse_frames(answer.response.client_data_json)
        challenge = parse_client_data_json(answer.response.client_data_json).challenge
    except _UNREADABLE as error:
        raise CeremonyError(type(error).__name__) from error
    return Signed(answer.raw_id, challenge, answer.response.user_handle, answer)


def named_credential(response: str) -> str:
    """The credential that `response` names, as text to be counted by; empty if it can't be read."""
    try:
        return read_assertion(response).credential.hex()
    except CeremonyError:
        return ""


def check_assertion(signed: Signed, public_key: bytes, party: RelyingParty) -> Checked:
    """See that it was signed with the private half of `public_key`, for `party`, by somebody who was there.

    Raises:
        CeremonyError: it wasn't.
    """
    try:
        done = verify_authentication_response(
            credential=signed.answer,
            expected_challenge=signed.challenge,
            expected_rp_id=party.id,
            expected_origin=party.origin,
            credential_public_key=public_key,
            # The counter is compared afterwards, by whom it concerns: a regression is news only if the
            # signature is good, else anybody could write it into the trail.
            credential_current_sign_count=0,
        )
    except _UNREADABLE as error:
        raise CeremonyError(type(error).__name__) from error
    return Checked(done.new_sign_count, done.user_verified, done.credential_backed_up)


def _creation(response: str) -> RegistrationCredential:
    if len(response) > MAX_RESPONSE:
        raise CeremonyError("too long")
    return parse_registration_credential_json(response)


def _refuse_frames(client_data: bytes) -> None:
    # Nobody frames us for this: a page around ours could ask for a touch that was meant for something else.
    if parse_client_data_json(client_data).cross_origin:
        raise CeremonyError("made in another site's frame")


def _check_key(encoded: bytes) -> None:
    """See that the key is one of its algorithm: else signatures would be checked by other rules than said."""
    decoded = decode_credential_public_key(encoded)
    key = decoded_public_key_to_cryptography(decoded)
    sound = {
        Algorithm.EDDSA: isinstance(key, Ed25519PublicKey),
        Algorithm.ECDSA_SHA_256: isinstance(key, EllipticCurvePublicKey) and isinstance(key.curve, SECP256R1),
        Algorithm.RSASSA_PKCS1_v1_5_SHA_256: isinstance(key, RSAPublicKey) and key.key_size >= MIN_RSA_BITS,
    }
    if not sound.get(decoded.alg, False):
        raise CeremonyError("a key that is not of its algorithm")
