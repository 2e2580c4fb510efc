"""What the lesson on envelope encryption shows, before anything is attacked."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator

from cryptography.hazmat.primitives import hpke
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey, MLKEM1024PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.keywrap import InvalidUnwrap, aes_key_unwrap, aes_key_wrap

from security.crypto.errors import SealError
from security.crypto.sealing import KEY_BYTES, NONCE_BYTES, TAG_BYTES, DataKey, KeyEncryptionKey, SealContext
from security.lab import pictures, story
from security.lab.errors import BadParameterError
from security.lab.parameters import Chosen
from security.lab.steps import Event, Outcome, Step, Table, Value
from security.lab.workings import envelope
from security.lab.workings import hpke as spelled
from ui import plots

OWNER, RECORD = "user-204817", "note-1"
RFC_KEK = bytes(range(32)).hex()
RFC_KEY = "00112233445566778899aabbccddeeff000102030405060708090a0b0c0d0e0f"
_INFO = b"laboratory results, Northgate to St. Damian"
_NIGHTS = 30


def seal(chosen: Chosen, rng: random.Random) -> Iterator[Event]:
    note = chosen.text("note").encode()
    raw_kek = rng.randbytes(KEY_BYTES)
    source = envelope.Recorder(rng)
    kek = KeyEncryptionKey(raw_kek, source)
    yield Step(
        "One key for the hospital",
        "The [[key-encryption key]] lies in a file of its own, never in the database. It encrypts keys and nothing else.",
        (
            Value("key-encryption key", raw_kek),
            Value("key id", kek.key_id, "names the key without giving it away"),
        ),
    )
    data_key, wrapped = kek.new_data_key(OWNER)
    yield Step(
        f"A key for {story.PATIENT}",
        "A fresh [[data key]] for this user, at once wrapped: encrypted under the key-encryption key. Only the wrapped form is stored.",
        (
            Value("data key", source.given[0], "in memory only"),
            Value("wrapped key", wrapped, "stored beside the user"),
        ),
    )
    place = SealContext(OWNER, envelope.PURPOSE, RECORD)
    sealed = data_key.seal(note, place)
    yield Step(
        "The note under the data key",
        "XChaCha20-Poly1305 with a fresh [[nonce]]. Owner, purpose and record are [[associated data]]: not secret, but bound to the note.",
        (Value("associated data", place.encode()), Value("sealed note", sealed)),
        table=_parts(len(note)),
    )
    yield Step(
        "An envelope in an envelope",
        "The thief of the database holds two closed envelopes. The key that opens the first lies elsewhere. This is [[envelope encryption]].",
        (Value("bytes of the note", len(note)), Value("bytes of the sealed note", len(sealed))),
        _nested(len(wrapped), len(sealed)),
    )
    rows = tuple(_attempts(kek, data_key, wrapped, sealed, rng))
    yield Step(
        "Who can open it?",
        "One answer to every wrong try: which part was wrong is nobody's business.",
        table=Table(("try", "result"), rows),
    )
    as_it_should = [result for _, result in rows] == ["opens"] + ["refused"] * (len(rows) - 1)
    good = as_it_should and data_key.open(sealed, place) == note
    yield Outcome(
        "works" if good else "broken",
        "The note opens with its key, in its place, unchanged, and in no other way.",
    )


def _parts(length: int) -> Table:
    rows = (("version", 1), ("nonce", NONCE_BYTES), ("ciphertext", length), ("tag", TAG_BYTES))
    return Table(("part of the sealed note", "bytes"), tuple((name, str(size)) for name, size in rows))


def _attempts(
    kek: KeyEncryptionKey, key: DataKey, wrapped: bytes, sealed: bytes, rng: random.Random
) -> Iterator[tuple[str, str]]:
    bit = rng.randrange(8 * len(sealed))
    flipped = bytearray(sealed)
    flipped[bit // 8] ^= 1 << bit % 8
    other = KeyEncryptionKey(rng.randbytes(KEY_BYTES), rng.randbytes)

    def opens(try_key: KeyEncryptionKey, blob: bytes, owner: str, record: str) -> str:
        try:
            (try_key.unwrap(wrapped, OWNER) if owner == OWNER else key).open(
                blob, SealContext(owner, envelope.PURPOSE, record)
            )
        except SealError:
            return "refused"
        return "opens"

    yield "as it was stored", opens(kek, sealed, OWNER, RECORD)
    yield f"bit {bit} flipped", opens(kek, bytes(flipped), OWNER, RECORD)
    yield "cut by one byte", opens(kek, sealed[:-1], OWNER, RECORD)
    yield "in another record", opens(kek, sealed, OWNER, "note-2")
    yield "as another user's", opens(kek, sealed, "user-100000", RECORD)
    yield "another hospital's key", opens(other, sealed, OWNER, RECORD)


def _nested(wrapped: int, sealed: int) -> str:
    canvas = pictures.Canvas(
        "The key file opens the wrapped key in the database; the data key in it opens the sealed note.", 196
    )
    canvas.box(168, 6, 468, 184, "quiet")
    canvas.text(402, 26, "database", "strong")
    canvas.box(4, 84, 124, 60, "warn")
    canvas.text(66, 108, "key file", "strong")
    canvas.text(66, 128, f"{KEY_BYTES} bytes", "small")
    for x, name, size, inner in (
        (184, "wrapped key", wrapped, "data key"),
        (414, "sealed note", sealed, "the note"),
    ):
        canvas.box(x, 42, 206, 134)
        canvas.text(x + 103, 166, f"{name}, {size} bytes", "small")
        canvas.line(x + 2, 44, x + 103, 78, "quiet")
        canvas.line(x + 204, 44, x + 103, 78, "quiet")
        canvas.box(x + 33, 88, 140, 56, "good")
        canvas.text(x + 103, 121, inner, "strong")
    canvas.arrow(130, 114, 182, 114)
    canvas.arrow(359, 116, 412, 116)
    return canvas.svg()


def send(chosen: Chosen, rng: random.Random) -> Iterator[Event]:
    text, private = chosen.text("message").encode(), X25519PrivateKey.from_private_bytes(rng.randbytes(32))
    public = private.public_key()
    yield Step(
        f"{story.DOCTOR} publishes a key",
        "Northgate's laboratory has never shared a secret with her. Her [[public key]] is enough.",
        (
            Value("public key", public.public_bytes_raw()),
            Value("private key", private.private_bytes_raw(), "never leaves her"),
        ),
    )
    ephemeral = X25519PrivateKey.from_private_bytes(rng.randbytes(32))
    sent = spelled.seal(text, public, ephemeral, _INFO)
    yield _one_message(sent)
    suite = hpke.Suite(hpke.KEM.X25519, hpke.KDF.HKDF_SHA256, hpke.AEAD.CHACHA20_POLY1305)
    opened = suite.decrypt(sent.message, private, _INFO)
    yield Step(
        "The library opens it",
        "The same bytes, by the library's HPKE: both follow RFC 9180.",
        (Value("opened", opened.decode()),),
    )
    rows, post_quantum = _suites(text, rng)
    yield Step(
        "Other key agreements, one message",
        "MLKEM768-X25519 is a [[hybrid key agreement]]: who wants in must break the curve and [[ML-KEM]], which is made to withstand quantum computers. The price is a kilobyte.",
        (Value("bytes of the text", len(text)),),
        plots.bars(
            "Bytes sent besides the text", [(name, float(size) - len(text)) for name, _, size, _ in rows]
        ),
        Table(("key agreement", "key part, bytes", "message, bytes", "opens"), rows),
    )
    yield Step(
        "The hybrid message",
        "The library draws its ephemeral keys itself, so that these bytes are new in each run.",
        (Value("first 32 bytes", post_quantum[:32]),),
        measured=True,
    )
    good = opened == text and all(row[-1] == "yes" for row in rows)
    yield Outcome(
        "works" if good else "broken",
        "A message for somebody who shared nothing beforehand; it doesn't show who sent it.",
    )


def _one_message(sent: spelled.Sent) -> Step:
    return Step(
        "The laboratory makes a key for one message",
        "[[HPKE]]: an [[ephemeral key]] and her public key give a shared secret; hashed, it gives a key and a nonce. It is spelled out here to be seen; never use it.",
        (
            Value("ephemeral public key", sent.enc),
            Value("shared secret", sent.shared),
            Value("message key", sent.key),
            Value("nonce", sent.nonce),
            Value("ciphertext", sent.ciphertext),
        ),
        pictures.sequence(
            "She publishes a key; the laboratory answers with one message.",
            (("Northgate", ""), ("Dr. Okafor", "")),
            (
                pictures.Message(1, 0, 0, 1, "public key"),
                pictures.Message(0, 0, 2, 2, "ephemeral key"),
                pictures.Message(0, 1, 3, 4, f"{len(sent.message)} bytes"),
                pictures.Message(1, 1, 5, 5, "opens", "good"),
            ),
        ),
    )


def _suites(text: bytes, rng: random.Random) -> tuple[tuple[tuple[str, str, str, str], ...], bytes]:
    curve = X25519PrivateKey.from_private_bytes(rng.randbytes(32))
    kem = MLKEM768PrivateKey.from_seed_bytes(rng.randbytes(64))
    kem_1024 = MLKEM1024PrivateKey.from_seed_bytes(rng.randbytes(64))
    p256 = ec.derive_private_key(int.from_bytes(rng.randbytes(31), "big") + 1, ec.SECP256R1())
    p384 = ec.derive_private_key(int.from_bytes(rng.randbytes(47), "big") + 1, ec.SECP384R1())
    keys = (
        ("X25519", hpke.KEM.X25519, curve),
        ("P-256", hpke.KEM.P256, p256),
        ("ML-KEM-768", hpke.KEM.MLKEM768, kem),
        ("MLKEM768-X25519", hpke.KEM.MLKEM768_X25519, hpke.MLKEM768X25519PrivateKey(kem, curve)),
        ("MLKEM1024-P384", hpke.KEM.MLKEM1024_P384, hpke.MLKEM1024P384PrivateKey(kem_1024, p384)),
    )
    rows, kept = [], b""
    for name, which, key in keys:
        suite = hpke.Suite(which, hpke.KDF.HKDF_SHA256, hpke.AEAD.CHACHA20_POLY1305)
        message = suite.encrypt(text, key.public_key(), _INFO)
        opens = suite.decrypt(message, key, _INFO) == text
        rows.append((name, str(which.enc_length()), str(len(message)), "yes" if opens else "no"))
        kept = message if which is hpke.KEM.MLKEM768_X25519 else kept
    return tuple(rows), kept


def rotate(chosen: Chosen, rng: random.Random) -> Iterator[Event]:
    old, new = rng.randbytes(KEY_BYTES), rng.randbytes(KEY_BYTES)
    rows = envelope.sealed_rows(
        old, [(OWNER, f"Note {number}: {story.NOTE}") for number in range(chosen.whole("records"))], rng
    )
    total, wrapped = sum(len(row.sealed) for row in rows), rows[0].wrapped
    before = hashlib.sha256(b"".join(row.sealed for row in rows)).digest()
    yield Step(
        f"{len(rows):,} notes under one data key",
        "",
        (
            Value("bytes of sealed notes", total),
            Value("SHA-256 of all of them", before),
            Value("wrapped key", wrapped),
        ),
    )
    fresh = envelope.rewrapped(old, new, wrapped, OWNER, rng)
    yield Step(
        "The key-encryption key changes",
        "Somebody who knew it leaves the hospital. Only the small envelope is made again: the same data key, wrapped under the new key.",
        (
            Value("wrapped anew", fresh),
            Value(
                "the same data key",
                envelope.raw_data_key(old, wrapped, OWNER) == envelope.raw_data_key(new, fresh, OWNER),
            ),
        ),
    )
    turned = [envelope.Row(row.owner, row.record, fresh, row.sealed) for row in rows]
    after = hashlib.sha256(b"".join(row.sealed for row in turned)).digest()
    opens = sum(envelope.open_row(new, row) is not None for row in turned)
    old_opens = sum(envelope.open_row(old, row) is not None for row in turned)
    yield Step(
        "What was written",
        "The notes keep every byte. The old key opens nothing that is stored now; a copy of the old envelope, in an old backup, it still does.",
        (
            Value("notes changed", sum(a.sealed != b.sealed for a, b in zip(rows, turned, strict=True))),
            Value("SHA-256 of all notes", after),
            Value("open with the new key", opens),
            Value("open with the old key", old_opens),
        ),
        plots.bars("Bytes written", [("seal all notes again", total), ("wrap one key again", len(fresh))]),
    )
    good = before == after and opens == len(rows) and not old_opens
    yield Outcome("works" if good else "broken", f"{len(fresh)} bytes written in place of {total:,}.")


def _hex(name: str, text: str, lengths: tuple[int, ...]) -> bytes:
    try:
        raw = bytes.fromhex(text)
    except ValueError:
        raw = b""
    if len(raw) not in lengths:
        raise BadParameterError(
            name,
            f"give {', '.join(str(2 * length) for length in lengths)} digits 0 to 9, a to f.",
            "The message repeats nothing of what you gave: an error with half a key in it ends in a log that others read.",
        )
    return raw


def key_wrap(chosen: Chosen, _: random.Random) -> Iterator[Event]:
    kek, key = _hex("kek", chosen.text("kek"), (16, 24, 32)), _hex("key", chosen.text("key"), (16, 24, 32))
    wrapped = aes_key_wrap(kek, key)
    yield Step(
        "A key under a key",
        "AES [[key wrapping|key wrap]] is an older envelope, made for keys alone, and needs no random bytes. The defaults are the example of RFC 3394.",
        (Value("key that wraps", kek), Value("key inside", key), Value("wrapped", wrapped)),
    )
    checks, own = envelope.key_wrap_rounds(kek, key)
    yield Step(
        "Six rounds",
        "Eight known bytes, a6, go in front; each round mixes them through AES with every part of the key. Who unwraps must find a6 again. It is spelled out here to be seen.",
        (Value("spelled out equals the library", own == wrapped),),
        pictures.cells(
            "The eight check bytes after each round.",
            [(f"after round {at}" if at else "at the start", check) for at, check in enumerate(checks)],
        ),
    )
    accepted = 0
    for bit in range(8 * len(wrapped)):
        other = bytearray(wrapped)
        other[bit // 8] ^= 1 << bit % 8
        try:
            aes_key_unwrap(kek, bytes(other))
            accepted += 1
        except InvalidUnwrap:
            continue
    same = aes_key_wrap(kek, key) == wrapped
    yield Step(
        "Every bit flipped in turn",
        "All are refused. But equal keys have equal envelopes, and no owner is bound to them: this app wraps with XChaCha20-Poly1305 in its place.",
        (
            Value("bits flipped", 8 * len(wrapped)),
            Value("accepted", accepted),
            Value("wrapped twice, the same bytes", same),
        ),
    )
    good = own == wrapped and aes_key_unwrap(kek, wrapped) == key and not accepted
    yield Outcome(
        "works" if good else "broken", f"{len(key)} bytes wrapped in {len(wrapped)}; no changed one unwraps."
    )


def shred(chosen: Chosen, rng: random.Random) -> Iterator[Event]:
    kek, many = rng.randbytes(KEY_BYTES), chosen.whole("records")
    people = (OWNER, "user-204818", "user-204819")
    rows = envelope.sealed_rows(kek, [(owner, story.NOTE) for owner in people for _ in range(many)], rng)
    copies = _NIGHTS * many
    yield Step(
        f"{story.PATIENT} wants to be forgotten",
        f"{many} notes in the database, and a copy of each in {_NIGHTS} nightly backups on tapes in a vault.",
        (Value("her notes, all copies", many + copies), Value("her wrapped key", rows[0].wrapped)),
    )
    kept = chosen.text("backups") == BACKUPS[1]
    stored = {row.owner: row.wrapped for row in rows}
    gone = {owner: b"" if owner == OWNER else wrapped for owner, wrapped in stored.items()}
    found = stored if kept else gone
    yield Step(
        "Her wrapped key is overwritten",
        "Not the notes: 81 bytes. This is [[crypto-shredding]].",
        (Value("bytes overwritten", len(rows[0].wrapped)), Value("the tapes hold wrapped keys", kept)),
    )
    opens = {
        owner: sum(
            envelope.open_row(kek, envelope.Row(owner, row.record, found[owner], row.sealed)) is not None
            for row in rows
            if row.owner == owner
        )
        for owner in people
    }
    yield Step(
        "Somebody with the key-encryption key tries",
        _TAPES_WITH_KEYS if kept else _TAPES_WITHOUT,
        tuple(Value(f"notes of {owner} that open", count) for owner, count in opens.items()),
        plots.bars("Notes that open", list(opens.items())),
    )
    good = not opens[OWNER] and all(opens[owner] == many for owner in people[1:])
    yield Outcome(
        "works" if good else "broken",
        f"{len(rows[0].wrapped)} bytes deleted, {many + copies:,} copies unreadable."
        if good
        else "An old backup still has her wrapped key: her notes open until the key-encryption key is changed and destroyed.",
    )


_TAPES_WITHOUT = (
    "Her notes are still there, in every copy, and nobody can read them. The other two lose nothing."
)
_TAPES_WITH_KEYS = (
    "An old tape still has her wrapped key, so her notes open. This app keeps wrapped keys in its database, and so they "
    "are in every backup of it."
)
BACKUPS = ("notes alone", "notes and wrapped keys")
