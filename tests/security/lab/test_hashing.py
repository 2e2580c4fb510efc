"""The lesson on hash functions: published vectors, forgeries that work, collisions that are real."""

from __future__ import annotations

import hashlib
import hmac
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from security.lab import running
from security.lab.errors import BadParameterError
from security.lab.lessons.hashing import LESSON
from security.lab.steps import Event, Outcome, Step
from security.lab.workings import hashing, sha256


def events(run: str, raw: Mapping[str, Any] | None = None, seed: int = 0) -> list[Event]:
    return list(running.work(LESSON, LESSON.run(run), raw or {}, seed))


def verdict(run: str, raw: Mapping[str, Any] | None = None, seed: int = 0) -> str:
    end = events(run, raw, seed)[-1]
    assert isinstance(end, Outcome)
    return end.verdict


def values(run: str, raw: Mapping[str, Any] | None = None, seed: int = 0) -> dict[str, Any]:
    steps = [event for event in events(run, raw, seed) if isinstance(event, Step)]
    return {value.name: value.value for step in steps for value in step.values}


LONG = b"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"
VECTORS = [
    # FIPS 180-4, examples of NIST's cryptographic toolkit
    ("SHA-256", b"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
    ("SHA-256", b"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
    ("SHA-256", LONG, "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"),
    ("SHA-256", b"a" * 1_000_000, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"),
    (
        "SHA-512",
        b"abc",
        "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
        "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
    ),
    # FIPS 202
    ("SHA3-256", b"", "a7ffc6f8bf1ed76651c14756a061d662f580ff4de43b49fa82d80a4b80f8434a"),
    ("SHA3-256", b"abc", "3a985da74fe225b2045c172d6bd390bd855f086e3e9d525b46bfe24511431532"),
    # RFC 7693, appendix A
    (
        "BLAKE2b",
        b"abc",
        "ba80a53f981c4d0d6a2797b69f12f6e94c212f14685ac4b74b12bb6fdbffa2d1"
        "7d87c5392aab792dc252d5de4533cc9518d38aa8dbf1925ab92386edd4009923",
    ),
    # BLAKE3's own test_vectors.json (empty, one zero byte) and its readme's abc
    ("BLAKE3", b"", "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262"),
    ("BLAKE3", b"\0", "2d3adedff11b61f14c886e35afa036736dcd87a74d27b5c1510225d0f592e213"),
    ("BLAKE3", b"abc", "6437b3ac38465133ffb63b75273a8db548c558465d79db03fd359c6cd5bd9d85"),
]


@pytest.mark.parametrize(("name", "data", "expected"), VECTORS)
def test_published_vectors(name: str, data: bytes, expected: str) -> None:
    assert hashing.hash_of(name, data).hex() == expected


def test_an_unknown_name_is_refused() -> None:
    with pytest.raises(KeyError):
        hashing.hash_of("MD5", b"")


@pytest.mark.parametrize("data", [b"", b"abc", LONG])
def test_the_spelled_out_hash_keeps_the_published_vectors(data: bytes) -> None:
    expected = {data: text for name, data, text in VECTORS if name == "SHA-256"}
    assert sha256.sha256(data).hex() == expected[data]


@given(st.binary(max_size=300))
@settings(deadline=None, max_examples=60)
def test_the_spelled_out_hash_is_sha_256(data: bytes) -> None:
    assert sha256.sha256(data) == hashlib.sha256(data).digest()
    assert sha256.from_hash(sha256.sha256(data)) == sha256.states(data)[-1]
    assert (len(data) + len(sha256.padding(len(data)))) % sha256.BLOCK_BYTES == 0


RFC_4231 = [
    (b"\x0b" * 20, b"Hi There", "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"),
    (
        b"Jefe",
        b"what do ya want for nothing?",
        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
    ),
    (b"\xaa" * 20, b"\xdd" * 50, "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"),
    (
        b"\xaa" * 131,
        b"Test Using Larger Than Block-Size Key - Hash Key First",
        "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
    ),
]


@pytest.mark.parametrize(("key", "message", "expected"), RFC_4231)
def test_hmac_keeps_rfc_4231(key: bytes, message: bytes, expected: str) -> None:
    assert hashing.hmac_parts(key, message)[1].hex() == expected
    assert hmac.digest(key, message, "sha256").hex() == expected


@given(st.binary(max_size=200), st.binary(max_size=80))
@settings(deadline=None, max_examples=40)
def test_hmac_spelled_out_is_hmac(key: bytes, message: bytes) -> None:
    assert hashing.hmac_parts(key, message)[1] == hmac.digest(key, message, "sha256")


@given(st.binary(max_size=64), st.binary(max_size=150), st.binary(max_size=150))
@settings(deadline=None, max_examples=60)
def test_length_extension_forges_for_any_secret(secret: bytes, message: bytes, more: bytes) -> None:
    tag = hashlib.sha256(secret + message).digest()

    def accepts(text: bytes, new: bytes) -> bool:
        return hashlib.sha256(secret + text).digest() == new

    sent, forged = hashing.forge(message, tag, more, accepts, 64)
    assert forged is not None
    assert forged.message.startswith(message) and forged.message.endswith(more)
    assert accepts(forged.message, forged.tag)
    assert sent == forged.guess + 1 <= 65


@pytest.mark.parametrize("length", [1, 15, 16, 23, 24, 55, 64])
def test_the_attack_works_for_each_length_of_the_secret(length: int) -> None:
    assert verdict("length-extension", {"secret": length, "dose": 1}) == "broken"
    assert verdict("hmac", {"secret": length, "dose": 1}) == "held"


def test_only_a_real_tag_stops_the_extension() -> None:
    assert verdict("hmac", {"mac": "BLAKE2b with a key"}) == "held"
    assert verdict("hmac", {"mac": "SHA3-256, secret first"}) == "held"
    assert verdict("hmac", {"mac": "SHA-256, secret first"}) == "broken"


@pytest.mark.parametrize("mac", ["HMAC-SHA-256", "BLAKE2b with a key", "SHA3-256, secret first"])
def test_a_refusal_for_another_reason_says_so(mac: str) -> None:
    titles = [event.title for event in events("hmac", {"mac": mac}) if isinstance(event, Step)]
    assert ("Another function" in titles) == (mac != "HMAC-SHA-256")


@given(st.integers(8, 20), st.integers(0, 2**16))
@settings(deadline=None, max_examples=20)
def test_collisions_are_real_and_the_first(bits: int, series: int) -> None:
    def text(number: int) -> bytes:
        return b"%d-%d" % (series, number)

    found = hashing.collide(text, bits, 8 * 2 ** (bits // 2 + 1))
    assert found.pair is not None
    one, other = (text(number) for number in found.pair)
    assert one != other
    assert hashing.truncated(one, bits) == hashing.truncated(other, bits)
    assert found.tries == found.pair[1] + 1
    assert (
        len({hashing.truncated(text(number), bits) for number in range(found.tries - 1)}) == found.tries - 1
    )


def test_a_search_keeps_to_its_bound() -> None:
    assert hashing.collide(lambda number: b"%d" % number, 256, 500) == hashing.Search(500, None)


def test_collisions_come_where_the_theory_says() -> None:
    tries = [
        hashing.collide(lambda number, run=run: b"%d/%d" % (run, number), 16, 5000).tries for run in range(60)
    ]
    assert 0.8 < sum(tries) / len(tries) / hashing.expected_tries(16) < 1.25
    assert hashing.chance(23, 8) > 0.5 > hashing.chance(10, 8)
    assert hashing.chance(1, 8) == 0


@pytest.mark.parametrize("bits", [16, 20, 24])
def test_the_birthday_run_shows_two_texts_with_one_hash(bits: int) -> None:
    found = values("birthday", {"bits": bits}, seed=3)
    one, other = found["one"].encode(), found["other"].encode()
    assert one != other
    assert (
        hashing.truncated(one, bits)
        == hashing.truncated(other, bits)
        == int(found[f"{bits} bits of both"], 16)
    )
    assert verdict("birthday", {"bits": bits}, seed=3) == "broken"


def test_too_few_bits_are_no_cure() -> None:
    assert verdict("long", {"bits": 24, "tries": 100_000}) == "broken"
    assert verdict("long", {"bits": 128, "tries": 5000}) == "held"


def test_two_forms_have_one_md5_and_two_doses() -> None:
    one, other = hashing.forms("Rosa", 100, 900)
    assert hashlib.md5(one).digest() == hashlib.md5(other).digest()
    assert hashlib.md5(hashing.PAIR[0]).hexdigest() == "79054025255fb1a26e4bc422aef54eb4"
    assert "100 mg" in hashing.displayed(one) and "900 mg" in hashing.displayed(other)
    assert hashlib.sha256(one).digest() != hashlib.sha256(other).digest()
    assert verdict("md5", {"true": 100, "false": 100}) == "held", "nobody is hurt by the same dose"


@given(st.binary(min_size=1, max_size=64), st.integers(0, 511))
def test_changed_bits_finds_the_flipped_one(data: bytes, at: int) -> None:
    flipped = list(hashing.each_bit_flipped(data, 512))
    bit = at % len(flipped)
    assert hashing.changed_bits(data, flipped[bit]) == [bit]


@pytest.mark.parametrize("algorithm", hashing.NAMES)
@pytest.mark.parametrize("text", ["x", "9", "ü", "\u4e2d\u6587 \U0001f600", "Rosa " * 100])
def test_any_text_avalanches(algorithm: str, text: str) -> None:
    assert verdict("avalanche", {"text": text, "algorithm": algorithm}) == "works"


def test_git_names_are_gits() -> None:
    assert hashing.git_name(b"") == "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391"


@pytest.mark.parametrize("bits", [1, 6, 8])
def test_pigeons_share(bits: int) -> None:
    assert values("identity", {"bits": bits})["records in the fullest"] >= 2


@pytest.mark.parametrize("data", [b"", b"\0" * 5000, bytes(range(256))])
def test_sha256sum_reads_the_list(tmp_path: Path, data: bytes) -> None:
    steps = [
        event for event in events("file", {"file": data, "name": "my record.bin"}) if isinstance(event, Step)
    ]
    for file in (file for step in steps for file in step.files):
        (tmp_path / file.name).write_bytes(file.data)
    (tmp_path / "my record.bin").write_bytes(data)
    done = subprocess.run(["sha256sum", "-c", "SHA256SUMS"], cwd=tmp_path, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    "name", ["../passwd", "a\nb", "a\\b", "-c", ".", " ", "SHA256SUMS", "\u202egpj.exe", "a\0b"]
)
def test_a_name_that_would_lead_elsewhere_is_refused(name: str) -> None:
    with pytest.raises(BadParameterError) as refused:
        events("file", {"name": name})
    assert refused.value.teaches
