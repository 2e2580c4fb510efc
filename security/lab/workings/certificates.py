"""A small public-key infrastructure by pyca/cryptography: root, hospital, doctor, and who believes whom.

Keys, serial numbers and dates are the caller's or fixed, and P-256 signs deterministically, so that the same
seed gives the same certificates everywhere. That is for a class; a real authority draws all of them.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import UTC, datetime

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from cryptography.x509.verification import PolicyBuilder, Store, VerificationError

from security.lab.workings.ecdsa import N

BEGINS = datetime(2025, 1, 1, tzinfo=UTC)
ENDS = datetime(2045, 1, 1, tzinfo=UTC)
TODAY = datetime(2026, 3, 2, 8, tzinfo=UTC)
"""The lab's day on which certificates are checked."""


@dataclass(frozen=True)
class Holder:
    """Somebody with a key and a certificate for it."""

    name: str
    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate

    def pem(self) -> bytes:
        """The certificate as text."""
        return self.certificate.public_bytes(serialization.Encoding.PEM)


def private_key(rng: random.Random) -> ec.EllipticCurvePrivateKey:
    """A P-256 key, the same for the same state of `rng`."""
    return ec.derive_private_key(rng.randrange(1, N), ec.SECP256R1())


def authority(name: str, rng: random.Random, issuer: Holder | None = None) -> Holder:
    """Somebody who may sign certificates: a root without an issuer, else one below it whose certificates are
    for people alone."""
    builder, key = _begun(name, rng, issuer)
    usage = x509.KeyUsage(
        digital_signature=False,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=True,
        crl_sign=True,
        encipher_only=False,
        decipher_only=False,
    )
    builder = builder.add_extension(x509.BasicConstraints(True, None if issuer is None else 0), critical=True)
    return _signed(name, key, builder.add_extension(usage, critical=True), issuer)


def person(name: str, mail: str, rng: random.Random, issuer: Holder | None = None) -> Holder:
    """Somebody who signs documents, as the issuer says; without an issuer, as she says herself."""
    builder, key = _begun(name, rng, issuer)
    usage = x509.KeyUsage(
        digital_signature=True,
        content_commitment=True,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=False,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )
    for extension, critical in (
        (x509.BasicConstraints(False, None), True),
        (usage, True),
        (
            x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.EMAIL_PROTECTION]),
            False,
        ),
        (x509.SubjectAlternativeName([x509.RFC822Name(mail)]), False),
    ):
        builder = builder.add_extension(extension, critical=critical)
    return _signed(name, key, builder, issuer)


def refusal(leaf: Holder, between: list[Holder], roots: list[Holder]) -> str:
    """Why no chain leads from `leaf` by way of `between` to one of the roots, of which
    there is at least one; empty if one does."""
    verifier = PolicyBuilder().store(Store([root.certificate for root in roots])).time(TODAY)
    try:
        verifier.build_client_verifier().verify(leaf.certificate, [one.certificate for one in between])
    except VerificationError:
        return "no chain leads from this certificate to a root that is trusted here"
    return ""


def _begun(
    name: str, rng: random.Random, issuer: Holder | None
) -> tuple[x509.CertificateBuilder, ec.EllipticCurvePrivateKey]:
    key = private_key(rng)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    signer = key if issuer is None else issuer.key
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject if issuer is None else issuer.certificate.subject)
        .public_key(key.public_key())
        .serial_number(rng.getrandbits(120) | 1)
        .not_valid_before(BEGINS)
        .not_valid_after(ENDS)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False
        )
    )
    return builder, key


def _signed(
    name: str, key: ec.EllipticCurvePrivateKey, builder: x509.CertificateBuilder, issuer: Holder | None
) -> Holder:
    signer = key if issuer is None else issuer.key
    return Holder(name, key, builder.sign(signer, hashes.SHA256(), ecdsa_deterministic=True))
