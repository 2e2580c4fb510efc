"""The run of lesson 7 that signs a file of one's own: a bare signature, JWS, CMS."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator

from security.lab import pictures, story
from security.lab.lesson import Run
from security.lab.parameters import Chosen, File
from security.lab.steps import Download, Event, Outcome, Step, Value
from security.lab.workings import certificates


def _own_file(chosen: Chosen, rng: random.Random) -> Iterator[Event]:
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    data = chosen.file("file") or story.PRESCRIPTION.encode()
    key = Ed25519PrivateKey.from_private_bytes(rng.randbytes(32))
    pem = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    signature = key.sign(data)
    check = "openssl pkeyutl -verify -pubin -inkey public.pem -rawin -in message.bin -sigfile message.sig"
    yield Step(
        "A bare signature",
        "64 bytes beside the file, and the public key as PEM. The key is made for the class; don't use it for more.",
        (Value("bytes signed", len(data)), Value("signature", signature)),
        pictures.cells("The signature: R above, S below.", [("R", signature[:32]), ("S", signature[32:])]),
        files=(
            Download("message.bin", data),
            Download("message.sig", signature, check),
            Download("public.pem", pem, "openssl pkey -pubin -in public.pem -text -noout"),
        ),
    )
    token, jwk, back = _jws(key.private_bytes_raw(), data)
    yield Step(
        "The same as JWS",
        "Three parts in base64, with dots between: what was used, the content, the signature. The key is a JWK. Programs on the "
        "web read these.",
        (Value("begins with", token[:40]), Value("read back", back == data)),
        files=(
            Download("message.jws", token.encode(), "any JOSE library"),
            Download("public.jwk", jwk, "any JOSE library"),
        ),
    )
    yield _cms(data, rng)
    yield Outcome("works" if back == data else "broken", "One file, three ways to sign it.")


def _jws(seed: bytes, data: bytes) -> tuple[str, bytes, bytes]:
    """A compact JWS (RFC 7515, 8037), the public JWK, and what is read back."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from joserfc import jws
    from joserfc.jwk import OKPKey

    key = OKPKey.import_key(Ed25519PrivateKey.from_private_bytes(seed))
    token = jws.serialize_compact({"alg": "Ed25519"}, data, key, algorithms=["Ed25519"])
    public = OKPKey.import_key(
        {k: v for k, v in key.as_dict(private=False).items() if k in ("kty", "crv", "x")}
    )
    jwk = json.dumps(public.as_dict(private=False), sort_keys=True).encode()
    return token, jwk, jws.deserialize_compact(token, public, algorithms=["Ed25519"]).payload


def _cms(data: bytes, rng: random.Random) -> Step:
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.serialization import pkcs7

    root = certificates.authority("Health Authority", rng)
    hospital = certificates.authority(story.HOSPITAL, rng, root)
    doctor = certificates.person(story.DOCTOR, "ines.okafor@st-damian.example", rng, hospital)
    builder = (
        pkcs7.PKCS7SignatureBuilder()
        .set_data(data)
        .add_signer(doctor.certificate, doctor.key, hashes.SHA256())
    )
    options = [pkcs7.PKCS7Options.DetachedSignature, pkcs7.PKCS7Options.Binary]
    signed = builder.add_certificate(hospital.certificate).sign(serialization.Encoding.DER, options)
    check = "openssl cms -verify -binary -inform DER -in message.p7s -content message.bin -CAfile root.pem -out read.bin"
    return Step(
        "The same as CMS",
        "The doctor's certificate travels along, and so does the time; the reader needs the root alone. E-mail programs and "
        "PDFs use this.",
        (Value("bytes", len(signed)), Value("signer", doctor.name)),
        files=(
            Download("message.p7s", signed, check),
            Download("root.pem", root.pem(), "openssl x509 -in root.pem -text"),
        ),
        measured=True,
    )


RUN = Run(
    "own-file",
    "show",
    "Sign your own file",
    "A bare signature, JWS and CMS to take along, and the tools that read them.",
    _own_file,
    (File("file", "Your file", hint="Without one, the prescription is signed."),),
)
