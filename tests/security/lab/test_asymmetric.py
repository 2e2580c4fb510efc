"""Key pairs: published vectors, primes, attacks on random keys, key files read by openssl and ssh-keygen."""

from __future__ import annotations

import base64
import functools
import hashlib
import json
import math
import random
import subprocess
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from hypothesis import given, settings
from hypothesis import strategies as st
from joserfc.jwk import OKPKey, RSAKey
from nacl.public import PrivateKey, SealedBox

from security.lab import catalogue, running, story
from security.lab.errors import BadParameterError
from security.lab.steps import Download, Event, Outcome, Step
from security.lab.workings import agreement, numbers, textbook_rsa
from security.lab.workings.blocks import xor
from security.lab.workings.primes import is_probable_prime, prime
from security.lab.workings.textbook_rsa import RsaKey, number, rsa_key

LESSON = catalogue.lesson("asymmetric")
SEEDS = st.integers(0, 2**31 - 1)
FEW = settings(max_examples=8, deadline=None)
MANY = settings(max_examples=60, deadline=None)
KINDS = ("Ed25519 (signatures)", "X25519", "RSA-2048", "ML-KEM-768")
KEY = rsa_key(1024, 65537, random.Random(1))
OAEP = padding.OAEP(padding.MGF1(SHA256()), SHA256(), None)


def events(run: str, seed: int = 0, **values: object) -> list[Event]:
    return list(running.work(LESSON, LESSON.run(run), values, seed))


def verdict(every: list[Event]) -> str:
    assert isinstance(every[-1], Outcome)
    return every[-1].verdict


def shown(every: list[Event]) -> dict[str, object]:
    return {value.name: value.value for step in every if isinstance(step, Step) for value in step.values}


def files(every: list[Event]) -> dict[str, Download]:
    return {file.name: file for step in every if isinstance(step, Step) for file in step.files}


# Primes and whole numbers


@MANY
@given(st.integers(-5, 100_000))
def test_primes_are_those_of_trial_division(n: int) -> None:
    assert is_probable_prime(n) == (n > 1 and all(n % d for d in range(2, math.isqrt(n) + 1)))


def test_numbers_that_fool_weaker_tests_are_found_out() -> None:
    carmichael = (561, 1105, 1729, 2465, 6601, 8911, 10585, 825265, 321197185)
    strong = (2047, 3215031751, 341550071728321, 3825123056546413051, 318665857834031151167461)
    assert not any(map(is_probable_prime, carmichael + strong))
    assert is_probable_prime(2**521 - 1)
    assert not is_probable_prime(2**523 - 1)


@FEW
@given(st.sampled_from([8, 19, 20, 64, 256, 512]), SEEDS, st.sampled_from([1, 3, 17, 65537]))
def test_a_prime_has_its_bits_and_suits_the_exponent(bits: int, seed: int, e: int) -> None:
    n = prime(bits, random.Random(seed), e)
    assert is_probable_prime(n)
    assert n >> bits - 2 == 3
    assert math.gcd(n - 1, e) == 1
    assert n == prime(bits, random.Random(seed), e)


@pytest.mark.parametrize(("bits", "coprime_to"), [(1, 1), (0, 1), (64, 2)])
def test_an_impossible_prime_is_refused(bits: int, coprime_to: int) -> None:
    with pytest.raises(ValueError, match=r"prime|even"):
        prime(bits, random.Random(0), coprime_to)


@MANY
@given(st.integers(0, 2**300), st.integers(0, 2**300))
def test_euclid_writes_the_common_divisor_as_a_sum(a: int, b: int) -> None:
    g, x, y = numbers.extended_gcd(a, b)
    assert g == math.gcd(a, b) == a * x + b * y


@MANY
@given(st.integers(0, 2**700), st.integers(1, 20))
def test_a_root_is_exact_at_any_size(n: int, degree: int) -> None:
    root = numbers.integer_root(n, degree)
    assert root**degree <= n < (root + 1) ** degree
    assert numbers.integer_root(n**degree, degree) == n


def test_a_root_of_an_impossible_number_is_refused() -> None:
    for n, degree in ((-1, 3), (8, 0)):
        with pytest.raises(ValueError, match="root"):
            numbers.integer_root(n, degree)


@MANY
@given(st.integers(0, 11 * 13 * 17 * 1000 - 1))
def test_remainders_are_put_together(n: int) -> None:
    moduli = (11, 13, 17, 1000)
    assert numbers.chinese_remainder([n % m for m in moduli], moduli) == n
    with pytest.raises(ValueError, match="common factor"):
        numbers.chinese_remainder([1, 1], [6, 10])


# Published vectors and the libraries


def test_x25519_gives_the_secret_of_rfc_7748() -> None:
    alice = agreement.Party(bytes.fromhex("77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a"))
    bob = agreement.Party(bytes.fromhex("5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb"))
    assert alice.public.hex() == "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a"
    assert bob.public.hex() == "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f"
    secret = "4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742"
    assert alice.shared(bob.public).hex() == bob.shared(alice.public).hex() == secret


def test_x25519_refuses_a_public_key_that_gives_everybody_the_same_secret() -> None:
    with pytest.raises(ValueError):
        agreement.Party(bytes(range(32))).shared(bytes(32))


def test_hkdf_gives_the_first_bytes_of_rfc_5869() -> None:
    info = bytes.fromhex("f0f1f2f3f4f5f6f7f8f9")
    made = HKDF(SHA256(), 42, salt=bytes(range(13)), info=info).derive(b"\x0b" * 22)
    assert made.hex() == (
        "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865"
    )


def test_a_session_key_is_bound_to_both_public_keys() -> None:
    keys = {
        agreement.session_key(bytes(32), a, b) for a in (b"1" * 32, b"2" * 32) for b in (b"3" * 32, b"4" * 32)
    }
    assert len(keys) == 4


@FEW
@given(st.binary(max_size=100), st.binary(min_size=32, max_size=32), st.binary(min_size=32, max_size=32))
def test_pynacl_opens_the_sealed_box_put_together_by_hand(message: bytes, key: bytes, once: bytes) -> None:
    box = agreement.sealed_box(message, agreement.Party(key).public, once)
    assert SealedBox(PrivateKey(key)).decrypt(box) == message


@FEW
@given(st.binary(max_size=62), st.binary(min_size=32, max_size=32))
def test_pyca_reads_oaep_as_spelled_out(message: bytes, seed: bytes) -> None:
    block = number(textbook_rsa.oaep(message, KEY.size, seed))
    c = pow(block, KEY.e, KEY.n).to_bytes(KEY.size, "big")
    assert textbook_rsa.library_key(KEY).decrypt(c, OAEP) == message


def test_oaep_takes_no_more_than_fits() -> None:
    with pytest.raises(ValueError, match="at most 62"):
        textbook_rsa.oaep(bytes(63), 128, bytes(32))


def test_textbook_rsa_undoes_what_pyca_encrypts() -> None:
    c = textbook_rsa.library_key(KEY).public_key().encrypt(b"levodopa", OAEP)
    block = pow(number(c), KEY.d, KEY.n).to_bytes(KEY.size, "big")
    seed = xor(block[1:33], textbook_rsa.mask(block[33:], 32))
    assert block == textbook_rsa.oaep(b"levodopa", KEY.size, seed)


@FEW
@given(st.binary(min_size=64, max_size=64), st.integers(0, 8 * 1088 - 1))
def test_ml_kem_repeats_from_its_seed_and_rejects_silently(seed: bytes, bit: int) -> None:
    one, two = MLKEM768PrivateKey.from_seed_bytes(seed), MLKEM768PrivateKey.from_seed_bytes(seed)
    assert one.public_key().public_bytes_raw() == two.public_key().public_bytes_raw()
    secret, wrapped = one.public_key().encapsulate()
    assert two.decapsulate(wrapped) == secret
    changed = bytearray(wrapped)
    changed[bit // 8] ^= 1 << bit % 8
    other = one.decapsulate(bytes(changed))
    assert other != secret
    assert other == two.decapsulate(bytes(changed))


# Attacks


@FEW
@given(st.binary(min_size=1, max_size=21).map(lambda data: b"m" + data[1:]), SEEDS)
def test_a_root_reads_any_short_message(message: bytes, seed: int) -> None:
    key = rsa_key(512, 3, random.Random(seed))
    c = pow(number(message), 3, key.n)
    assert textbook_rsa.exact_root(c, 3) == number(message)


@FEW
@given(st.integers(1, 2**511), SEEDS)
def test_any_message_to_three_hospitals_is_read(m: int, seed: int) -> None:
    rng = random.Random(seed)
    keys = [rsa_key(512, 3, rng) for _ in range(3)]
    sent = [pow(m, 3, key.n) for key in keys]
    assert textbook_rsa.broadcast(sent, [key.n for key in keys], 3) == m


@FEW
@given(st.integers(2, 2**511), SEEDS, st.sampled_from([(3, 65537), (17, 257), (65537, 5)]))
def test_any_message_under_one_modulus_is_read(m: int, seed: int, exponents: tuple[int, int]) -> None:
    e1, e2 = exponents
    n = rsa_key(512, e1 * e2, random.Random(seed)).n
    assert textbook_rsa.common_modulus((pow(m, e1, n), e1), (pow(m, e2, n), e2), n) == m
    assert textbook_rsa.common_modulus((pow(m, 6, n), 6), (pow(m, 9, n), 9), n) is None


@FEW
@given(SEEDS)
def test_a_common_prime_is_found_and_factors_both(seed: int) -> None:
    rng = random.Random(seed)
    keys = [rsa_key(256, 65537, rng) for _ in range(3)]
    weak = [*keys, RsaKey(keys[1].p, prime(128, rng, 65537), 65537)]
    assert textbook_rsa.shared_primes([key.n for key in keys]) == {}
    assert textbook_rsa.shared_primes([key.n for key in weak]) == {1: keys[1].p, 3: keys[1].p}


@pytest.mark.parametrize(
    ("run", "values", "expected"),
    [
        ("small-exponent", {"message": "m" * 85}, "broken"),
        ("small-exponent", {"message": "m" * 87}, "held"),
        ("small-exponent", {"exponent": "65537"}, "held"),
        ("broadcast", {"hospitals": 2}, "held"),
        ("broadcast", {"hospitals": 5}, "broken"),
        ("broadcast", {"hospitals": 2, "message": "short"}, "broken"),
        ("oaep", {"hospitals": 5, "message": "m" * 62}, "held"),
        ("common-modulus", {"first": "3", "second": "5"}, "broken"),
        ("own-key", {"message": "m"}, "held"),
        ("middle", {"message": "a", "false": "b"}, "broken"),
    ],
)
def test_verdicts_follow_from_what_is_chosen(run: str, values: dict[str, Any], expected: str) -> None:
    assert verdict(events(run, **values)) == expected


def test_signed_keys_keep_mallory_out_but_not_an_old_one() -> None:
    every = events("authenticated")
    assert verdict(every) == "held"
    assert shown(every)["last week's key, sent again"] is True
    assert shown(every)["the doctor's signature"] == "refused"


@pytest.mark.parametrize("method", ["X25519", "sealed box", "RSA-OAEP", "ML-KEM-768"])
def test_every_method_brings_the_message(method: str) -> None:
    every = events("show", seed=3, method=method, message="Grüße an Tom")
    assert verdict(every) == "works"
    assert shown(every)["the pharmacist reads"] == "Grüße an Tom"


# Key files


@functools.cache
def key_files(kind: str) -> list[Event]:
    return events("keys", kind=kind)


@pytest.mark.parametrize("kind", KINDS[:3])
def test_openssl_reads_the_pem_files(kind: str, tmp_path: Path) -> None:
    every = key_files(kind)
    public, private = files(every)["public.pem"], files(every)["private.pem"]
    path = tmp_path / "private.pem"
    path.write_bytes(private.data)
    done = subprocess.run(["openssl", "pkey", "-in", path, "-pubout"], capture_output=True, check=True)
    assert done.stdout == public.data
    path.write_bytes(public.data)
    told = subprocess.run(
        public.reads.replace("FILE", str(path)).split(), capture_output=True, check=True, text=True
    )
    digits = "".join(told.stdout.partition("-----END PUBLIC KEY-----")[2].split()).replace(":", "")
    key = shown(every)["public key"]
    assert isinstance(key, bytes)
    assert key.hex() in digits


@pytest.mark.parametrize("kind", [KINDS[0], KINDS[2]])
def test_ssh_keygen_reads_the_openssh_files(kind: str, tmp_path: Path) -> None:
    every = key_files(kind)
    line, private = files(every)["id.pub"].data, files(every)["id"].data
    path = tmp_path / "id"
    path.write_bytes(private)
    path.chmod(0o600)
    made = subprocess.run(["ssh-keygen", "-y", "-f", path], capture_output=True, check=True)
    assert made.stdout.split()[:2] == line.split()[:2]
    public = tmp_path / "id.pub"
    public.write_bytes(line)
    told = subprocess.run(
        ["ssh-keygen", "-l", "-f", public], capture_output=True, check=True, text=True
    ).stdout
    assert told.split()[1] == shown(every)["fingerprint"]


@pytest.mark.parametrize("kind", KINDS[:3])
def test_a_jwk_holds_the_same_key_as_the_pem(kind: str) -> None:
    every = key_files(kind)
    pem, jwk = files(every)["private.pem"].data, json.loads(files(every)["private.jwk"].data)
    held = (RSAKey if kind == "RSA-2048" else OKPKey).import_key(jwk)
    assert held.as_pem(private=True) == pem
    assert not {"d", "p", "q"} & set(json.loads(files(every)["public.jwk"].data))
    kept = {"e", "kty", "n"} if kind == "RSA-2048" else {"crv", "kty", "x"}
    told = json.dumps({name: jwk[name] for name in sorted(kept)}, separators=(",", ":")).encode()  # RFC 7638
    digest = base64.urlsafe_b64encode(hashlib.sha256(told).digest()).decode().rstrip("=")
    assert shown(every)["thumbprint"] == digest


def test_an_ml_kem_key_comes_as_pem_alone() -> None:
    assert set(files(events("keys", kind="ML-KEM-768"))) == {"private.pem", "public.pem"}


# Hostile values


@pytest.mark.parametrize(
    ("run", "values", "message"),
    [
        ("small-exponent", {"message": "\u20ac" * 86}, "takes 255"),
        ("small-exponent", {"message": "\0abc"}, "NUL"),
        ("small-exponent", {"exponent": "2"}, "choose one"),
        ("broadcast", {"hospitals": 6}, "out of bounds"),
        ("broadcast", {"message": "\u20ac" * 43}, "takes 127"),
        ("oaep", {"message": "\u20ac" * 21}, "takes 62"),
        ("common-modulus", {"first": "17", "second": "17"}, "different"),
        ("keys", {"kind": "DSA"}, "choose one"),
        ("sizes", {"times": 51}, "out of bounds"),
        ("middle", {"message": ""}, "characters"),
        ("show", {"message": story.NOTE * 20}, "characters"),
    ],
)
def test_careless_values_are_refused_with_a_sentence(run: str, values: dict[str, Any], message: str) -> None:
    with pytest.raises(BadParameterError, match=message):
        events(run, **values)
