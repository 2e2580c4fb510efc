"""Lesson 7: published vectors, every flipped bit, keys recovered from a repeated number, and openssl."""

from __future__ import annotations

import json
import random
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA65PrivateKey
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from hypothesis import given, settings
from hypothesis import strategies as st

from security.lab import running, story
from security.lab.errors import BadParameterError
from security.lab.lessons.signatures import LESSON
from security.lab.steps import Download, Event, Step, outcome_of
from security.lab.workings import certificates, ecdsa, ed25519, weightfile
from tests.security.crypto.fakes import every_bit_flipped

# RFC 8032, section 7.1, tests 1, 2, 3 and "SHA(abc)": seed, public key, message, signature.
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
    (
        "833fe62409237b9d62ec77587520911e9a759cec1d19755b7da901b96dca3d42",
        "ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf",
        "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd"
        "454d4423643ce80e2a9ac94fa54ca49f",
        "dc2a4459e7369633a52b1bf277839a00201009a3efbf3ecb69bea2186c26b58909351fc9ac90b3ecfdfbc7c66431e030"
        "3dca179c138ac17ad9bef1177331a704",
    ),
]
# RFC 6979, appendix A.2.5: P-256 with SHA-256; message, k, r, s.
RFC_6979_KEY = 0xC9AFA9D845BA75166B5C215767B1D6934E50C3DB36E89B127B8A622B120F6721
RFC_6979 = [
    (
        b"sample",
        0xA6E3C57DD01ABE90086538398355DD4C3B17AA873382B0F24D6129493D8AAD60,
        0xEFD48B2AACB6A8FD1140DD9CD45E81D69D2C877B56AAF991C34D0EA84EAF3716,
        0xF7CB1C942D657C41D436C7A1B6E29F65F3E900DBB9AFF4064DC4AB2F843ACDA8,
    ),
    (
        b"test",
        0xD16B6AE827F17175E040871A1C7EC3500192C4C92677336EC2537ACAEE0008E0,
        0xF1ABB023518351CD71D881567B1EA663ED3EFCF6C5132B354F28D3B0B7D38367,
        0x019F4113742A2B14BD25926B49C649155F267E60D3814B4C0CC84250E46F0083,
    ),
]
KEYS = st.integers(1, ecdsa.N - 1)


def events_of(run: str, values: Mapping[str, Any] | None = None, seed: int = 0) -> list[Event]:
    return list(running.work(LESSON, LESSON.run(run), values or {}, seed))


def verdict(run: str, values: Mapping[str, Any] | None = None, seed: int = 0) -> str:
    end = outcome_of(events_of(run, values, seed))
    assert end is not None
    return end.verdict


def files_of(events: list[Event], folder: Path) -> dict[str, Download]:
    found = {file.name: file for event in events if isinstance(event, Step) for file in event.files}
    for file in found.values():
        (folder / file.name).write_bytes(file.data)
    return found


def openssl(folder: Path, order: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(order.split(), cwd=folder, capture_output=True, timeout=30, check=False)


@pytest.mark.parametrize(("seed", "public", "message", "signature"), RFC_8032)
def test_ed25519_vectors_for_the_library_and_the_spelled_out(
    seed: str, public: str, message: str, signature: str
) -> None:
    trace = ed25519.sign(bytes.fromhex(seed), bytes.fromhex(message))
    assert (trace.public.hex(), trace.signature.hex()) == (public, signature)
    key = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(seed))
    assert key.public_key().public_bytes_raw().hex() == public
    assert key.sign(bytes.fromhex(message)).hex() == signature
    assert ed25519.verify(trace.public, bytes.fromhex(message), trace.signature)


@given(st.binary(min_size=32, max_size=32), st.binary(max_size=100))
@settings(max_examples=15)
def test_the_spelled_out_signs_as_the_library_does(seed: bytes, message: bytes) -> None:
    trace = ed25519.sign(seed, message)
    assert Ed25519PrivateKey.from_private_bytes(seed).sign(message) == trace.signature
    assert trace.signature[:32] == trace.big_r


def test_every_bit_of_message_and_signature_counts() -> None:
    message = b"levodopa 100 mg"
    trace = ed25519.sign(bytes(range(32)), message)
    public = Ed25519PublicKey.from_public_bytes(trace.public)
    changed = [(message, s) for s in every_bit_flipped(trace.signature)]
    changed += [(m, trace.signature) for m in every_bit_flipped(message)]
    for text, signature in changed:
        with pytest.raises(InvalidSignature):
            public.verify(signature, text)
    for text, signature in changed[::40]:  # slower
        assert not ed25519.verify(trace.public, text, signature)


def test_malformed_keys_and_signatures_do_not_verify() -> None:
    trace = ed25519.sign(bytes(32), b"m")
    larger = int.from_bytes(trace.signature[32:], "little") + ed25519.L
    for public, signature in (
        (trace.public, trace.signature[:32] + larger.to_bytes(32, "little")),
        (trace.public, trace.signature[:63]),
        (b"\xff" * 32, trace.signature),
        (trace.public[:31], trace.signature),
        ((2).to_bytes(32, "little"), trace.signature),
    ):
        assert not ed25519.verify(public, b"m", signature)
    assert ed25519.decompress((1 | 1 << 255).to_bytes(32, "little")) is None  # x = 0 has no sign
    with pytest.raises(ValueError, match="32 bytes"):
        ed25519.sign(b"short", b"")


@pytest.mark.parametrize(("message", "k", "r", "s"), RFC_6979)
def test_rfc_6979_vectors_for_the_library_and_the_spelled_out(message: bytes, k: int, r: int, s: int) -> None:
    assert ecdsa.nonce(RFC_6979_KEY, message) == k
    assert ecdsa.sign(RFC_6979_KEY, message, k) == ecdsa.Signature(r, s)
    key = ec.derive_private_key(RFC_6979_KEY, ec.SECP256R1())
    signed = key.sign(message, ec.ECDSA(hashes.SHA256(), deterministic_signing=True))
    assert decode_dss_signature(signed) == (r, s)


@given(KEYS, KEYS, st.binary(max_size=40), st.binary(max_size=40))
@settings(max_examples=20)
def test_a_repeated_number_gives_any_key_away(private: int, k: int, one: bytes, other: bytes) -> None:
    first, second = (ecdsa.sign(private, message, k) for message in (one, other))
    found = ecdsa.recovered_nonce((one, first), (other, second))
    if one == other:
        assert found is None
    else:
        assert found == k
        assert ecdsa.recovered_key(one, first, k) == private


@given(KEYS, st.binary(max_size=40), st.binary(max_size=40))
@settings(max_examples=10)
def test_numbers_made_from_the_message_do_not_repeat(private: int, one: bytes, other: bytes) -> None:
    numbers = ecdsa.nonce(private, one), ecdsa.nonce(private, other)
    assert (numbers[0] == numbers[1]) == (one == other)
    first, second = ecdsa.sign(private, one, numbers[0]), ecdsa.sign(private, other, numbers[1])
    assert ecdsa.recovered_nonce((one, first), (other, second)) is None


def test_points_of_the_curve_add_up() -> None:
    assert ecdsa.times(ecdsa.N, ecdsa.G) is None
    assert ecdsa.add(ecdsa.times(5, ecdsa.G), ecdsa.times(ecdsa.N - 2, ecdsa.G)) == ecdsa.times(3, ecdsa.G)
    assert ed25519.same(ed25519.times(ed25519.L, ed25519.BASE), ed25519.ZERO)
    with pytest.raises(ValueError, match="from 1"):
        ecdsa.sign(5, b"", 0)


def test_mldsa_keys_come_from_their_seed() -> None:
    one, other = (MLDSA65PrivateKey.from_seed_bytes(bytes(32)) for _ in range(2))
    assert one.public_key().public_bytes_raw() == other.public_key().public_bytes_raw()
    other.public_key().verify(one.sign(b"m"), b"m")
    events = [events_of("kinds", {"kind": "ML-DSA-65"}) for _ in range(2)]
    assert [e for e in events[0] if not getattr(e, "measured", False)] == [
        e for e in events[1] if not getattr(e, "measured", False)
    ]


@pytest.mark.parametrize("kind", ["Ed25519", "ECDSA P-256", "RSA-PSS 2048", "ML-DSA-65"])
def test_each_kind_signs_any_text(kind: str) -> None:
    assert verdict("kinds", {"kind": kind, "message": "ä"}, 5) == "works"


@pytest.mark.parametrize("message", ["", "ä\0\n", "x" * 500])
def test_any_message_is_signed_and_checked(message: str) -> None:
    assert verdict("show", {"message": message}) == "works"
    assert verdict("nonce-reuse", {"second": message}) == "broken"
    assert verdict("deterministic", {"second": message}) == "held"
    assert verdict("verify", {"false": message}) == "held"
    assert verdict("certificates", {"false": message}) == "held"


def test_the_same_prescription_twice_tells_nothing() -> None:
    assert verdict("nonce-reuse", {"second": story.PRESCRIPTION}) == "held"
    assert verdict("deterministic", {"second": story.PRESCRIPTION}) == "held"
    assert verdict("no-signature", {"false": story.PRESCRIPTION}) == "held"


def test_only_the_true_chain_is_believed() -> None:
    rng = random.Random(3)
    root = certificates.authority("root", rng)
    hospital = certificates.authority("hospital", rng, root)
    doctor = certificates.person("doctor", "d@x.example", rng, hospital)
    ward = certificates.authority("ward", rng, hospital)  # the hospital may not make authorities
    nurse = certificates.person("nurse", "n@x.example", rng, ward)
    assert certificates.refusal(doctor, [hospital], [root]) == ""
    assert certificates.refusal(doctor, [], [root])
    assert certificates.refusal(doctor, [hospital], [certificates.authority("root", rng)])
    assert certificates.refusal(nurse, [ward, hospital], [root])
    assert certificates.authority("root", random.Random(3)).pem() == root.pem()


def test_a_self_signed_certificate_lacks_nothing_but_a_chain() -> None:
    rng = random.Random(5)
    root = certificates.authority("root", rng)
    alone = certificates.person("doctor", "d@x.example", rng)
    assert alone.certificate.issuer == alone.certificate.subject
    assert certificates.refusal(alone, [], [root])
    assert certificates.refusal(alone, [], [root, alone]) == ""
    events = [event for event in events_of("certificates") if isinstance(event, Step)]
    shown = {value.name: value.value for event in events for value in event.values}
    assert shown["the self-signed one, if it were the root that he knows"] == "accepted"
    assert shown["false ones accepted"] == 0


@pytest.mark.parametrize("weight", range(12))
def test_any_changed_weight_is_found(weight: int) -> None:
    assert verdict("model-file", {"weight": weight}) == "works"


@given(st.lists(st.floats(width=32, allow_nan=False), min_size=1, max_size=9), st.data())
def test_a_weight_file_keeps_its_numbers(values: list[float], data: st.DataObject) -> None:
    made, place = weightfile.write({"w": values}), data.draw(st.integers(0, len(values) - 1))
    assert list(weightfile.numbers(made)) == values
    header = json.loads(made[8 : weightfile.body_start(made)])
    assert header["w"] == {"dtype": "F32", "shape": [len(values)], "data_offsets": [0, 4 * len(values)]}
    other = list(weightfile.numbers(weightfile.changed(made, place, 0.5)))
    assert other == [*values[:place], 0.5, *values[place + 1 :]]


@pytest.mark.parametrize("data", [b"", b"line one\nline two\r\n\0\xff" * 50])
def test_openssl_verifies_what_the_lesson_signed(tmp_path: Path, data: bytes) -> None:
    files = files_of(events_of("own-file", {"file": data}), tmp_path)
    bare, cms = files["message.sig"].reads, files["message.p7s"].reads
    assert openssl(tmp_path, bare).returncode == 0
    done = openssl(tmp_path, cms)
    assert done.returncode == 0, done.stderr
    assert openssl(tmp_path, files["public.pem"].reads).returncode == 0
    (tmp_path / "message.bin").write_bytes(files["message.bin"].data + b" ")
    assert openssl(tmp_path, bare).returncode != 0
    assert openssl(tmp_path, cms).returncode != 0


def test_openssl_follows_the_lesson_s_certificates(tmp_path: Path) -> None:
    files = files_of(events_of("certificates"), tmp_path)
    assert openssl(tmp_path, files["doctor.pem"].reads).returncode == 0
    assert openssl(tmp_path, "openssl verify -CAfile root.pem doctor.pem").returncode != 0
    assert openssl(tmp_path, files["root.pem"].reads).returncode == 0


def test_what_openssl_signs_is_verified_here(tmp_path: Path) -> None:
    (tmp_path / "m").write_bytes(b"levodopa")
    for order in (
        "openssl genpkey -algorithm ed25519 -out k1.pem",
        "openssl pkey -in k1.pem -pubout -out p1.pem",
        "openssl pkeyutl -sign -inkey k1.pem -rawin -in m -out s1",
        "openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out k2.pem",
        "openssl pkey -in k2.pem -pubout -out p2.pem",
        "openssl dgst -sha256 -sign k2.pem -out s2 m",
    ):
        assert openssl(tmp_path, order).returncode == 0
    one = serialization.load_pem_public_key((tmp_path / "p1.pem").read_bytes())
    assert isinstance(one, Ed25519PublicKey)
    signature = (tmp_path / "s1").read_bytes()
    one.verify(signature, b"levodopa")
    assert ed25519.verify(one.public_bytes_raw(), b"levodopa", signature)
    other = serialization.load_pem_public_key((tmp_path / "p2.pem").read_bytes())
    assert isinstance(other, ec.EllipticCurvePublicKey)
    other.verify((tmp_path / "s2").read_bytes(), b"levodopa", ec.ECDSA(hashes.SHA256()))


def test_jws_and_jwk_carry_the_same_signature(tmp_path: Path) -> None:
    import base64

    files = files_of(events_of("own-file"), tmp_path)
    head, body, tail = (
        base64.urlsafe_b64decode(part + b"=" * (-len(part) % 4))
        for part in files["message.jws"].data.split(b".")
    )
    assert json.loads(head)["alg"] == "Ed25519" and body == story.PRESCRIPTION.encode()
    jwk = json.loads(files["public.jwk"].data)
    assert "d" not in jwk
    public = Ed25519PublicKey.from_public_bytes(base64.urlsafe_b64decode(jwk["x"] + "="))
    public.verify(tail, files["message.jws"].data.rpartition(b".")[0])
    assert x509.load_pem_x509_certificate(files["root.pem"].data).subject.rfc4514_string()


@pytest.mark.parametrize(
    ("run", "values"),
    [
        ("show", {"message": "x" * 501}),
        ("show", {"message": "\ud800"}),
        ("show", {"message": b"bytes"}),
        ("kinds", {"kind": "ed25519"}),
        ("model-file", {"weight": 12}),
        ("own-file", {"file": "a text"}),
        ("own-file", {"file": bytes(1_000_001)}),
        ("verify", {"key": "00"}),
    ],
)
def test_hostile_parameters_are_refused(run: str, values: dict[str, Any]) -> None:
    with pytest.raises(BadParameterError):
        events_of(run, values)
