"""RSA-OAEP, RSA-PSS, ML-KEM, ML-DSA and AES-GCM-SIV: PKCS #1 2.1, FIPS 203 and 204, RFC 8452.

They come with pyca/cryptography's own package of vectors.
"""

from __future__ import annotations

import re
from itertools import islice
from typing import IO, cast

import cryptography_vectors
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA65PrivateKey
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCMSIV
from cryptography.hazmat.primitives.hashes import SHA1

KNOWN_ANSWERS = 25


def read(name: str) -> str:
    with cast(IO[bytes], cryptography_vectors.open_vector_file(name, "rb")) as stream:
        return stream.read().decode("ascii")


def records(name: str) -> list[dict[str, bytes]]:
    found = []
    for block in read(name).split("count = ")[1:]:
        pairs = re.findall(r"^(\w+) =[ ]*([0-9a-fA-F]*)\s*$", block, re.MULTILINE)
        found.append({key: bytes.fromhex(value) for key, value in pairs if key not in ("mlen", "smlen")})
    return list(islice(found, KNOWN_ANSWERS))


def rsa_example(name: str) -> tuple[rsa.RSAPrivateKey, list[tuple[bytes, ...]]]:
    """The 2048-bit key of a file, and its rows: (message, seed, ciphertext) or (message, salt, signature)."""
    text = read(f"asymmetric/RSA/pkcs-1v2-1d2-vec/{name}").replace("\r", "")
    example = re.split(r"^# Example 10:.*$", text, flags=re.MULTILINE)[1]
    found = re.findall(r"^# ([\w -]+):\s*\n((?:[0-9a-f]{2} ?[^\n]*\n)+)", example, re.MULTILINE)
    values = [(key.strip(), bytes.fromhex(value)) for key, value in found]
    first: dict[str, int] = {}
    for key, value in values:
        first.setdefault(key, int.from_bytes(value))
    p, q, n, e, d = (first[key] for key in ("Prime 1", "Prime 2", "Modulus", "Public exponent", "Exponent"))
    d = next(int.from_bytes(v) for key, v in values if key == "Exponent" and len(v) > 3)
    public = rsa.RSAPublicNumbers(e, n)
    key = rsa.RSAPrivateNumbers(
        p, q, d, rsa.rsa_crt_dmp1(d, p), rsa.rsa_crt_dmq1(d, q), rsa.rsa_crt_iqmp(p, q), public
    ).private_key()
    rows = [
        value
        for name, value in values
        if name
        in (
            "Message",
            "Message to be signed",
            "Message to be encrypted",
            "Seed",
            "Salt",
            "Encryption",
            "Signature",
        )
    ]
    return key, [tuple(rows[at : at + 3]) for at in range(0, len(rows), 3)]


def test_rsa_oaep() -> None:
    key, rows = rsa_example("oaep-vect.txt")
    assert key.key_size == 2048
    assert len(rows) == 6
    for message, _, sealed in rows:
        assert key.decrypt(sealed, padding.OAEP(padding.MGF1(SHA1()), SHA1(), None)) == message


def test_rsa_pss() -> None:
    key, rows = rsa_example("pss-vect.txt")
    assert len(rows) == 6
    for message, salt, signature in rows:
        scheme = padding.PSS(padding.MGF1(SHA1()), len(salt))
        key.public_key().verify(signature, message, scheme, SHA1())


def test_ml_kem_768() -> None:
    rows = records("asymmetric/MLKEM/kat_MLKEM_768.rsp")
    assert len(rows) == KNOWN_ANSWERS
    for row in rows:
        key = MLKEM768PrivateKey.from_seed_bytes(row["d"] + row["z"])
        assert key.public_key().public_bytes_raw() == row["pk"]
        assert key.decapsulate(row["ct"]) == row["ss"]
        assert key.decapsulate(row["ct_n"]) == row["ss_n"], (
            "a wrong ciphertext gives another secret, silently"
        )


def test_ml_dsa_65() -> None:
    rows = records("asymmetric/MLDSA/kat_MLDSA_65_det_pure.rsp")
    assert len(rows) == KNOWN_ANSWERS
    for row in rows:
        key = MLDSA65PrivateKey.from_seed_bytes(row["xi"])
        assert key.public_key().public_bytes_raw() == row["pk"]
        signature = row["sm"][: len(row["sm"]) - len(row["msg"])]
        key.public_key().verify(signature, row["msg"], row["ctx"])


def test_aes_gcm_siv() -> None:
    blocks = read("ciphers/AES/GCM-SIV/openssl.txt").split("COUNT = ")[1:]
    assert len(blocks) > KNOWN_ANSWERS
    for block in blocks:
        pairs = re.findall(r"^(\w+) =[ ]*([0-9a-fA-F]*)\s*$", block, re.MULTILINE)
        row = {key: bytes.fromhex(value) for key, value in pairs}
        sealed = row["Ciphertext"] + row["Tag"]
        cipher = AESGCMSIV(row["Key"])
        assert cipher.encrypt(row["IV"], row["Plaintext"], row.get("AAD")) == sealed
        assert cipher.decrypt(row["IV"], sealed, row.get("AAD")) == row["Plaintext"]
