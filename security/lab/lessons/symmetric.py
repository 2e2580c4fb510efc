"""One key for two: authenticated encryption of a note, and what goes wrong without its parts."""

from __future__ import annotations

import hashlib
import hmac
import random
from collections.abc import Iterator

from cryptography.exceptions import InvalidTag
from cryptography.fernet import Fernet
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305

from security.crypto.errors import SealError
from security.crypto.sealing import DataKey, SealContext
from security.lab import pictures, story
from security.lab.errors import BadParameterError
from security.lab.lesson import Lesson, Run, program
from security.lab.lessons import _symmetric_attacks as attacks
from security.lab.lessons import _symmetric_changes as changes
from security.lab.lessons import _symmetric_words as words
from security.lab.parameters import Choice, Chosen, File, Text
from security.lab.steps import Download, Event, Outcome, Step, Value
from security.lab.workings import fernet_token

_GCM, _CHACHA, _FERNET, _APP = "AES-256-GCM", "ChaCha20-Poly1305", "Fernet", "XChaCha20-Poly1305, as this app"
_SHOWN = 48
_FILE_BYTES = 100_000
_NONCE, _TAG = 12, 16
_2026 = 1_767_225_600  # Fernet writes the time into the token; a run must not read the clock


def _show(chosen: Chosen, rng: random.Random) -> Iterator[Event]:
    message, record = chosen.text("message").encode(), chosen.text("record").encode()
    algorithm = chosen.text("algorithm")
    if algorithm == _FERNET:
        yield from _fernet(message, record, rng)
        return
    if algorithm == _APP:
        yield from _app(message, record.decode(), rng)
        return
    key, nonce = rng.randbytes(32), rng.randbytes(_NONCE)
    cipher = AESGCM(key) if algorithm == _GCM else ChaCha20Poly1305(key)
    yield Step(
        "A key and a nonce",
        "Doctor and pharmacist have the [[key]] and nobody else. The [[nonce]] is new for each message and travels in the open.",
        (
            Value("key", key, "secret"),
            Value("nonce", nonce, "open"),
            Value("associated data", record, "open"),
        ),
    )
    sealed = cipher.encrypt(nonce, message, record)
    ciphertext, tag = sealed[:-_TAG], sealed[-_TAG:]
    yield Step(
        "Encrypt",
        "The [[ciphertext]] is as long as the text. The [[tag]] covers the text and the [[associated data]].",
        (Value("plaintext", message.decode()), Value("ciphertext", ciphertext), Value("tag", tag)),
        _before_and_after(message, ciphertext, tag),
        files=(Download("note.sealed", nonce + sealed, "nonce (12 bytes) | ciphertext | tag (16 bytes)"),),
    )
    opened = _opened(cipher, nonce, sealed, record)
    yield Step("Decrypt with the same key", values=(Value("decrypted", _readable(opened)),))
    bit = rng.randrange(8 * len(sealed))
    changed = bytearray(sealed)
    changed[bit // 8] ^= 1 << bit % 8
    refused = {
        "one bit changed": _opened(cipher, nonce, bytes(changed), record),
        "another record number": _opened(cipher, nonce, sealed, record + b"0"),
        "another key": _opened(type(cipher)(rng.randbytes(32)), nonce, sealed, record),
    }
    yield Step(
        "Whatever is changed is refused",
        "The text isn't read before the tag is right. The answer is the same for every cause.",
        tuple(Value(name, "refused" if text is None else "opened") for name, text in refused.items()),
    )
    works = opened == message and not any(refused.values())
    yield Outcome(
        "works" if works else "broken",
        "With the key the note is read; without it nothing is, and nothing can be changed unseen.",
    )


def _opened(cipher: AESGCM | ChaCha20Poly1305, nonce: bytes, sealed: bytes, record: bytes) -> bytes | None:
    try:
        return cipher.decrypt(nonce, sealed, record)
    except InvalidTag:
        return None


def _readable(opened: bytes | None) -> str:
    return "refused" if opened is None else opened.decode()


def _before_and_after(message: bytes, ciphertext: bytes, tag: bytes) -> str:
    rows = [("text", message[:_SHOWN]), ("ciphertext", ciphertext[:_SHOWN]), ("tag", tag)]
    return pictures.cells(
        "The first bytes of the text, of the ciphertext below it, and the tag.",
        rows,
        ((), (), range(16)),
        "good",
    )


def _fernet(message: bytes, record: bytes, rng: random.Random) -> Iterator[Event]:
    key, iv = rng.randbytes(fernet_token.KEY_BYTES), rng.randbytes(16)
    yield Step(
        "One key in two halves",
        "The first half makes the [[tag]], the second encrypts by AES-128-[[CBC]].",
        (
            Value("key", fernet_token.key_text(key).decode()),
            Value("IV", iv, "as a nonce, but it must be unpredictable"),
        ),
    )
    token = fernet_token.token(key, message, _2026, iv)
    rows = [("version, time", token.version + token.time), ("IV", token.iv)]
    rows += [("ciphertext", token.ciphertext[:_SHOWN]), ("tag (HMAC)", token.tag)]
    yield Step(
        "A token by the specification",
        "Fernet draws time and IV itself; here the token is put together by hand so that it repeats.",
        (Value("token", token.text.decode()), Value("plaintext", message.decode()), Value("tag", token.tag)),
        pictures.cells("The four parts of a Fernet token.", rows, ((), (), (), range(32)), "good"),
    )
    opened = Fernet(fernet_token.key_text(key)).decrypt(token.text)
    yield Step(
        "The library reads it",
        "cryptography.fernet checks the tag first.",
        (Value("decrypted", opened.decode()),),
    )
    yield Step(
        "No associated data",
        "Fernet has no place for it: nothing ties the token to the record number, so it can be moved to another record.",
        (Value("associated data", record, "not protected"),),
    )
    yield Outcome(
        "works" if opened == message else "broken",
        "The note is read again; its record number isn't bound to it.",
    )


def _app(message: bytes, record: str, rng: random.Random) -> Iterator[Event]:
    key = rng.randbytes(32)
    context = SealContext(owner="rosa", purpose="lesson", record=record)
    blob = DataKey(key, rng.randbytes).seal(message, context)
    header, nonce, ciphertext, tag = blob[:1], blob[1:25], blob[25:-_TAG], blob[-_TAG:]
    yield Step(
        "The app's own module seals the note",
        "security.crypto.sealing draws a [[nonce]] of 24 bytes, so long that chance never repeats it.",
        (
            Value("key", key),
            Value("version", header),
            Value("nonce", nonce),
            Value("ciphertext", ciphertext),
            Value("tag", tag),
        ),
        _before_and_after(message, ciphertext, tag),
    )
    opened = DataKey(key).open(blob, context)
    yield Step("and opens it", values=(Value("decrypted", opened.decode()),))
    elsewhere = SealContext(owner="tom", purpose="lesson", record=record)
    try:
        moved = DataKey(key).open(blob, elsewhere)
    except SealError as error:
        moved = None
        yield Step(
            "Moved to another owner",
            "Owner, purpose and record are the [[associated data]].",
            (Value("answer", str(error)),),
        )
    yield Outcome(
        "works" if opened == message and moved is None else "broken", "The note opens in its own place alone."
    )


def _file(chosen: Chosen, rng: random.Random) -> Iterator[Event]:
    drawn, chance = rng.randbytes(32), rng.randbytes(12)
    key = _key(chosen.text("key")) or drawn
    yield Step(
        "The key",
        "Without a key of your own it comes from the seed, and whoever knows the seed has it: never for real secrets.",
        (Value("key", key), Value("bits", 8 * len(key))),
    )
    if chosen.text("direction") == "decrypt":
        yield from _decrypt_file(key, chosen.file("file"))
        return
    data = chosen.file("file") or story.NOTE.encode()
    # Chance repeats here with the seed; bound to key and file, a nonce comes again with the same file alone.
    nonce = hmac.digest(key, chance + data, hashlib.sha256)[:_NONCE]
    sealed = nonce + AESGCM(key).encrypt(nonce, data, None)
    rows = [("nonce", sealed[:_NONCE]), ("ciphertext, its first bytes", sealed[_NONCE : _NONCE + _SHOWN])]
    yield Step(
        "nonce | ciphertext | tag in one file",
        "All that the other side needs beside the key.",
        (
            Value("file", f"{len(data):,} bytes"),
            Value("sealed", f"{len(sealed):,} bytes"),
            Value("tag", sealed[-_TAG:]),
        ),
        pictures.cells(
            "The beginning of the sealed file.",
            [*rows, ("tag", sealed[-_TAG:])],
            (range(12), (), range(16)),
            "good",
        ),
        files=(
            Download(
                "file.sealed", sealed, "this run with direction decrypt, --set file=@FILE and the same key"
            ),
        ),
    )
    opened = AESGCM(key).decrypt(nonce, sealed[_NONCE:], None)
    yield Outcome("works" if opened == data else "broken", "The file is sealed, and opens with the same key.")


def _decrypt_file(key: bytes, sealed: bytes) -> Iterator[Event]:
    if len(sealed) < _NONCE + _TAG:
        raise BadParameterError(
            "file",
            f"choose a sealed file; it has at least {_NONCE + _TAG} bytes, and this one has {len(sealed):,}.",
            "A length is checked before anything else is read; code that forgets it reads beyond the end.",
        )
    try:
        opened = AESGCM(key).decrypt(sealed[:_NONCE], sealed[_NONCE:], None)
    except InvalidTag:
        raise BadParameterError(
            "key",
            "the file doesn't open: the key is another one, or the file was changed.",
            "Nobody can tell which, and that is meant: an answer that differs by the cause helps to try keys or changes one by one.",
        ) from None
    yield Step(
        "The tag is right, so the text is shown",
        values=(Value("file", f"{len(opened):,} bytes"), Value("SHA-256", hashlib.sha256(opened).digest())),
        picture=pictures.cells("The beginning of the opened file.", [("opened", opened[:_SHOWN])]),
        files=(Download("file", opened),),
    )
    yield Outcome("works", "The file is as it was when it was sealed.")


def _key(text: str) -> bytes | None:
    """The key of 64 hexadecimal digits; None for an empty text."""
    digits = "".join(text.split())
    if not digits:
        return None
    if not digits.isascii() or any(digit not in "0123456789abcdefABCDEF" for digit in digits):
        raise BadParameterError(
            "key",
            "a key is written in hexadecimal digits, 0 to 9 and a to f.",
            "A password isn't a key: its few possibilities are soon tried. A slow hash makes a key of it.",
        )
    if len(digits) != 64:
        raise BadParameterError(
            "key",
            f"AES-256 takes exactly 64 hexadecimal digits (32 bytes), and there are {len(digits)}.",
            "A program that fills up a short key with zeros keeps working, and has a key that an attacker can guess.",
        )
    return bytes.fromhex(digits)


LESSON = Lesson(
    id="symmetric",
    number=1,
    topic="Encryption",
    title="One key for two",
    question="How do two people keep a text secret with one key?",
    story=words.STORY,
    goals=words.GOALS,
    runs=(
        Run(
            "show",
            "show",
            "Encrypt Rosa's note",
            "Key, [[nonce]], [[associated data]], [[ciphertext]] and [[tag]], and what happens when one of them is changed.",
            _show,
            (
                Choice("algorithm", "Algorithm", _GCM, (_GCM, _CHACHA, _FERNET, _APP)),
                Text("message", "The note", story.NOTE, most=2000, least=1, lines=True),
                Text("record", "Associated data: the record number", story.RECORD_NUMBER, most=200),
            ),
        ),
        Run(
            "file",
            "show",
            "Encrypt a file of your own",
            "A file goes in and comes out sealed; with the key it is opened again.",
            _file,
            (
                Choice("direction", "What to do", "encrypt", ("encrypt", "decrypt")),
                File(
                    "file",
                    "File, up to 100 kB",
                    most=_FILE_BYTES,
                    hint="Without one, Rosa's note is encrypted.",
                ),
                Text(
                    "key", "Key, 64 hexadecimal digits", "", most=200, hint="Empty: a key made from the seed."
                ),
            ),
        ),
        *attacks.RUNS,
        *changes.RUNS,
    ),
    quiz=words.QUIZ,
    code=program("symmetric"),
    uses=words.USES,
    not_covered=words.NOT_COVERED,
    sources=words.SOURCES,
    teacher=words.TEACHER,
)
