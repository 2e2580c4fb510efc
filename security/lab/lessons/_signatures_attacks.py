"""Attacks and cures of lesson 7: no signature, a number used twice, and a key that nobody vouches for."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import TYPE_CHECKING

from security.lab import pictures, story
from security.lab.lesson import Run
from security.lab.parameters import Chosen, Text
from security.lab.steps import Download, Event, Outcome, Step, Table, Value
from security.lab.workings import certificates, ecdsa

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric import ec

_FALSE = story.PRESCRIPTION.replace("100 mg", "900 mg")
_SECOND = "Rosa Lindqvist: folic acid 5 mg, once a day, 30 tablets. Dr. Ines Okafor"
_ALTERED = Text("false", "What Mallory makes of it", _FALSE, most=500)
_OTHER = Text("second", "The second prescription", _SECOND, most=500)
_MAIL = "ines.okafor@st-damian.example"


def _differences(one: bytes, other: bytes) -> str:
    """The first 48 bytes of both, with the changed ones marked."""
    places = [at for at in range(min(48, len(other))) if one[at : at + 1] != other[at : at + 1]]
    return pictures.cells(
        "The beginning of the message, as sent and as it arrived.",
        [("sent", one[:48]), ("arrived", other[:48])],
        [[], places],
    )


def _no_signature(chosen: Chosen, _: random.Random) -> Iterator[Event]:
    false = chosen.text("false")
    yield Step(
        "A prescription goes out",
        "By e-mail, with the doctor's name below.",
        (Value("sent", story.PRESCRIPTION),),
    )
    yield Step(
        f"{story.ATTACKER} changes it on the way",
        values=(Value("arrived", false),),
        picture=_differences(story.PRESCRIPTION.encode(), false.encode()),
    )
    looks_right = story.PATIENT in false and false.endswith(story.DOCTOR)
    yield Step(
        f"What {story.PHARMACIST} can check",
        "A patient's name, a doctor's name, the usual words. Bytes don't show who wrote them.",
        (Value("looks right", looks_right),),
    )
    accepted = looks_right and false != story.PRESCRIPTION
    yield Outcome(
        "broken" if accepted else "held",
        "The false prescription is filled." if accepted else "Nothing false got through.",
    )


def _verify(chosen: Chosen, rng: random.Random) -> Iterator[Event]:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    key, sent = Ed25519PrivateKey.from_private_bytes(rng.randbytes(32)), story.PRESCRIPTION.encode()
    public, signature, false = key.public_key(), key.sign(sent), chosen.text("false").encode()
    yield Step(
        f"{story.DOCTOR} signs with her [[private key]]",
        f"{story.PHARMACIST} has her [[public key]]; she gave it to him in person.",
        (Value("public key", public.public_bytes_raw()), Value("signature", signature)),
    )

    def fits(message: bytes, shown: bytes) -> bool:
        try:
            public.verify(shown, message)
        except InvalidSignature:
            return False
        return True

    true_fits, false_fits = fits(sent, signature), fits(false, signature)
    yield Step(
        "The same change on the way",
        values=(Value("the true one fits", true_fits), Value("the changed one fits", false_fits)),
        picture=_differences(sent, false),
    )
    flips = [
        signature[:n] + bytes([signature[n] ^ 1 << bit]) + signature[n + 1 :]
        for n in range(64)
        for bit in range(8)
    ]
    passed = sum(fits(false, shown) for shown in flips)
    yield Step(
        "She tries 512 other signatures",
        "Each differs from the true one in one bit. Guessing one that fits would take about 2 to the 252 tries; computing the private key, the best way known, about 2 to the 126 steps.",
        (Value("tried", len(flips)), Value("passed", passed)),
    )
    held = true_fits and not passed and (not false_fits or false == sent)
    yield Outcome("held" if held else "broken", "The pharmacist refuses what was changed.")


def _number(value: int) -> bytes:
    return value.to_bytes(32, "big")


def _accepts(public: ec.EllipticCurvePublicKey, message: bytes, signature: ecdsa.Signature) -> bool:
    """The library's verification."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

    try:
        public.verify(encode_dss_signature(signature.r, signature.s), message, ec.ECDSA(hashes.SHA256()))
    except InvalidSignature:
        return False
    return True


def _two_signed(one: ecdsa.Signature, other: ecdsa.Signature, text: str) -> Step:
    equal = [at for at in range(32) if _number(one.r)[at] == _number(other.r)[at]]
    same = one.r == other.r
    return Step(
        "Two prescriptions are signed",
        text,
        (
            Value("r of the first", _number(one.r)),
            Value("s of the first", _number(one.s)),
            Value("r of the second", _number(other.r)),
            Value("s of the second", _number(other.s)),
        ),
        pictures.cells(
            "Both r; equal bytes are marked.",
            [("r of the first", _number(one.r)), ("r of the second", _number(other.r))],
            [equal, equal] if same else [],
        ),
    )


def _nonce_reuse(chosen: Chosen, rng: random.Random) -> Iterator[Event]:
    key = certificates.private_key(rng)
    public, private = key.public_key(), key.private_numbers().private_value
    first, second = story.PRESCRIPTION.encode(), chosen.text("second").encode()
    k = rng.randrange(1, ecdsa.N)
    one, other = (ecdsa.sign(private, message, k) for message in (first, second))
    yield _two_signed(
        one,
        other,
        "ECDSA wants a secret number k, new for each signature. This program draws it once. Both signatures are good, and "
        "both have the same r, which anybody sees.",
    )
    found = ecdsa.recovered_nonce((first, one), (second, other))
    if found is None:
        yield Outcome("held", "Both messages are the same, so the two signatures are one, and tell nothing.")
        return
    stolen = ecdsa.recovered_key(first, one, found)
    yield Step(
        "Two equations, two unknowns",
        "s1 = (z1 + r a) / k and s2 = (z2 + r a) / k, with z the hashes. So k = (z1 - z2) / (s1 - s2), and "
        "a = (s1 k - z1) / r. That is all.",
        (
            Value("z1", _number(ecdsa.hashed(first))),
            Value("z2", _number(ecdsa.hashed(second))),
            Value("k, computed", _number(found)),
            Value("private key, computed", _number(stolen)),
            Value("the true private key", _number(private)),
        ),
    )
    false = _FALSE.encode()
    forged = ecdsa.sign(stolen, false, ecdsa.nonce(stolen, false))
    accepted = _accepts(public, false, forged)
    yield Step(
        f"{story.ATTACKER} signs as {story.DOCTOR}",
        values=(Value("message", _FALSE), Value("the library accepts it", accepted)),
    )
    yield Outcome(
        "broken" if accepted and stolen == private else "held",
        "A number used twice has given the private key away.",
    )


def _deterministic(chosen: Chosen, rng: random.Random) -> Iterator[Event]:
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

    key = certificates.private_key(rng)
    private, how = key.private_numbers().private_value, ec.ECDSA(hashes.SHA256(), deterministic_signing=True)
    first, second = story.PRESCRIPTION.encode(), chosen.text("second").encode()
    one, other = (
        ecdsa.Signature(*decode_dss_signature(key.sign(message, how))) for message in (first, second)
    )
    yield _two_signed(
        one,
        other,
        "The library makes k by HMAC from the private key and the message (RFC 6979): another message, another k. There is no "
        "random source that could fail.",
    )
    expected = ecdsa.sign(private, first, ecdsa.nonce(private, first))
    yield Step("The rule, spelled out, gives the same", values=(Value("same signature", expected == one),))
    found = ecdsa.recovered_nonce((first, one), (second, other))
    guess = (
        (ecdsa.hashed(first) - ecdsa.hashed(second)) * pow(one.s - other.s, -1, ecdsa.N)
        if one.s != other.s
        else 1
    )
    stolen = ecdsa.recovered_key(first, one, guess % ecdsa.N)
    yield Step(
        "The same algebra",
        "The two r differ, so there are two unknown k, and one equation too few. What comes out is some number.",
        (
            Value("same r", found is not None),
            Value("private key, computed", _number(stolen)),
            Value("right", stolen == private),
        ),
    )
    yield Outcome(
        "broken" if stolen == private else "held", "Nothing is used twice, and the key stays secret."
    )


def _false_key(chosen: Chosen, rng: random.Random) -> Iterator[Event]:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

    message = chosen.text("false").encode()
    key = Ed25519PrivateKey.from_private_bytes(rng.randbytes(32))
    sent, signature = key.public_key().public_bytes_raw(), key.sign(message)
    yield Step(
        f"{story.ATTACKER} makes a key pair of her own",
        f"And writes: this is the new key of {story.DOCTOR}.",
        (Value("public key", sent), Value("signature", signature)),
        pictures.sequence(
            "Mallory sends a key and a signed prescription to the pharmacist; the doctor sends nothing.",
            ((story.DOCTOR, ""), (story.ATTACKER, "bad"), (story.PHARMACIST, "")),
            (
                pictures.Message(1, 2, 0, 1, "my new key", "bad"),
                pictures.Message(1, 2, 2, 3, "900 mg, signed", "bad"),
                pictures.Message(2, 2, 4, 4, "it fits"),
            ),
        ),
    )
    fits = True
    try:
        Ed25519PublicKey.from_public_bytes(sent).verify(signature, message)
    except InvalidSignature:
        fits = False
    yield Step(
        "The signature is checked, and it fits",
        "It shows that the key's owner wrote this. Whose key is it? The mathematics doesn't say.",
        (Value("fits", fits), Value("message", message.decode())),
    )
    yield Outcome("broken" if fits else "held", "A perfect signature by the wrong person.")


def _certificates(chosen: Chosen, rng: random.Random) -> Iterator[Event]:
    root = certificates.authority("Health Authority", rng)
    hospital = certificates.authority(story.HOSPITAL, rng, root)
    doctor = certificates.person(story.DOCTOR, _MAIL, rng, hospital)
    yield _vouched(root, hospital, doctor)
    alone = certificates.person(story.DOCTOR, _MAIL, rng)
    tried = _strangers(rng, alone, root, hospital, doctor)
    # Trusted, it is accepted: so nothing else is wrong with it, and the missing chain is the reason.
    only_chain = not certificates.refusal(alone, [], [alone])
    rows = tuple((what, why or "accepted") for what, why in tried)
    yield Step(
        f"{story.ATTACKER} tries",
        "Names are easily copied; signatures of the root aren't. And a doctor's certificate may not sign others.",
        (
            Value("the doctor's chain is accepted", not tried[0][1]),
            Value("false ones accepted", sum(not why for _, why in tried[1:])),
            Value(
                "the self-signed one, if it were the root that he knows",
                "accepted" if only_chain else "refused",
            ),
        ),
        table=Table(("certificate", "verdict"), rows),
    )
    message = chosen.text("false").encode()
    hers, forged = _her_message(message, rng)
    fits = _accepts(doctor.key.public_key(), message, forged)
    yield Step(
        "The false prescription, with the certified key",
        values=(
            Value("fits her own key", _accepts(hers, message, forged)),
            Value("fits the doctor's key", fits),
        ),
    )
    held = not tried[0][1] and all(why for _, why in tried[1:]) and only_chain and not fits
    yield Outcome(
        "held" if held else "broken",
        "Her key has no certificate that leads to the root, and so it is nobody's.",
    )


def _vouched(root: certificates.Holder, hospital: certificates.Holder, doctor: certificates.Holder) -> Step:
    boxes = [
        pictures.Box((one.name, f"serial {one.certificate.serial_number:x}"[:15]), "good")
        for one in (root, hospital, doctor)
    ]
    return Step(
        "Somebody vouches for a key",
        f"A certificate is a signed sentence: this key is {story.DOCTOR}'s. {story.HOSPITAL} signed it, and the Health Authority "
        f"signed the hospital's. {story.PHARMACIST} knows one key alone, the root's.",
        tuple(Value(f"bytes: {one.name}", len(one.pem())) for one in (root, hospital, doctor)),
        pictures.chain("Root, hospital, doctor: each signs the next certificate.", boxes, ("signs", "signs")),
        files=(
            Download("root.pem", root.pem(), "openssl x509 -in root.pem -text -noout"),
            Download("hospital.pem", hospital.pem(), "openssl x509 -in hospital.pem -text -noout"),
            Download(
                "doctor.pem",
                doctor.pem(),
                "openssl verify -CAfile root.pem -untrusted hospital.pem doctor.pem",
            ),
        ),
    )


def _strangers(
    rng: random.Random,
    alone: certificates.Holder,
    root: certificates.Holder,
    hospital: certificates.Holder,
    doctor: certificates.Holder,
) -> list[tuple[str, str]]:
    """What is tried, and why it is refused; the first is the true one."""
    false_root = certificates.authority(root.name, rng)
    false_hospital = certificates.authority(hospital.name, rng, false_root)
    own_chain = certificates.person(story.DOCTOR, _MAIL, rng, false_hospital)
    by_doctor = certificates.person(story.DOCTOR, _MAIL, rng, doctor)
    no_chain = "no chain to the root"
    return [
        (what, certificates.refusal(leaf, between, [root]) and no_chain)
        for what, leaf, between in (
            ("the doctor's", doctor, [hospital]),
            ("self-signed", alone, []),
            ("own root, same names", own_chain, [false_hospital, false_root]),
            ("own root, true hospital", own_chain, [hospital]),
            ("signed with a doctor's", by_doctor, [doctor, hospital]),
        )
    ]


def _her_message(message: bytes, rng: random.Random) -> tuple[ec.EllipticCurvePublicKey, ecdsa.Signature]:
    """The false prescription, signed with a key of Mallory's."""
    key = certificates.private_key(rng)
    private = key.private_numbers().private_value
    return key.public_key(), ecdsa.sign(private, message, ecdsa.nonce(private, message))


RUNS = (
    Run("no-signature", "attack", "Change a prescription", "No signature: what can the pharmacist see?", _no_signature, (_ALTERED,)),
    Run(
        "verify",
        "cure",
        "Sign and check",
        "The same change, with Ed25519. Every bit of the signature counts.",
        _verify,
        (_ALTERED,),
        ("no-signature",),
    ),
    Run(
        "nonce-reuse",
        "attack",
        "One number, two signatures",
        "ECDSA with the same k twice. Two lines of algebra give the private key.",
        _nonce_reuse,
        (_OTHER,),
    ),
    Run(
        "deterministic",
        "cure",
        "Make k from the message",
        "RFC 6979: the same two prescriptions, the same algebra, and no key.",
        _deterministic,
        (_OTHER,),
        ("nonce-reuse",),
    ),
    Run(
        "false-key",
        "attack",
        "Whose key is it?",
        "Mallory signs with her own key and calls it the doctor's.",
        _false_key,
        (_ALTERED,),
    ),
    Run(
        "certificates",
        "cure",
        "Certificates",
        "Root, hospital, doctor: X.509 certificates, and four ways in which a stranger tries.",
        _certificates,
        (_ALTERED,),
        ("false-key",),
    ),
)  # fmt: skip
