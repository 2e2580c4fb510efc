"""Changed ciphertexts: flipped bits, the padding oracle, and the tag that stops both."""

from __future__ import annotations

import hashlib
import hmac
import random
from collections.abc import Callable, Iterator

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from security.lab import pictures, story
from security.lab.errors import BadParameterError
from security.lab.lesson import Run
from security.lab.parameters import Choice, Chosen, Text
from security.lab.steps import Download, Event, Outcome, Step, Table, Value
from security.lab.workings import blocks, padding_oracle
from security.lab.workings.padding_oracle import Found
from ui import plots

_FLIP = (
    Text("message", "The prescription", story.PRESCRIPTION, most=300, least=1),
    Text("old", "What Mallory knows to stand there", "100 mg", most=50, least=1),
    Text("new", "What she wants to stand there", "900 mg", most=50, least=1),
)
_SECRET = Text("message", "The secret text", "Levodopa 100 mg, three times a day.", most=120, least=1)
_GCM, _MAC = "AES-256-GCM", "AES-CBC, then HMAC"
Opener = Callable[[bytes], bytes | None]


def _difference(chosen: Chosen) -> tuple[bytes, bytes, int, bytes]:
    """The message, the message as Mallory wants it, where they begin to differ, and old XOR new."""
    message, old, new = (chosen.text(name).encode() for name in ("message", "old", "new"))
    at = message.find(old)
    if at < 0:
        raise BadParameterError(
            "old",
            "it doesn't stand in the prescription.",
            "Mallory must know what stands where; forms that all look alike tell her.",
        )
    if len(new) != len(old):
        raise BadParameterError(
            "new",
            f"it has {len(new)} bytes and must have {len(old)}, as what it replaces.",
            "Flipping bits changes bytes in their place; it adds none and takes none away.",
        )
    if new == old:
        raise BadParameterError("new", "it is what stands there already; give another text.")
    return message, message[:at] + new + message[at + len(old) :], at, blocks.xor(old, new)


def _flipped(ciphertext: bytes, at: int, difference: bytes) -> bytes:
    end = at + len(difference)
    return ciphertext[:at] + blocks.xor(ciphertext[at:end], difference) + ciphertext[end:]


def _flip_picture(at: int, difference: bytes, rows: list[tuple[str, bytes]]) -> str:
    """The line of 16 bytes where the change begins."""
    start = max(0, min(at - 4, len(rows[0][1]) - 16))
    hot = [at + place - start for place, byte in enumerate(difference) if byte]
    told = f"Ciphertext and text around the changed bytes, from byte {start}."
    return pictures.cells(told, [(name, data[start : start + 16]) for name, data in rows], [hot] * len(rows))


def _bit_flip(chosen: Chosen, rng: random.Random) -> Iterator[Event]:
    message, false, at, difference = _difference(chosen)
    key, counter = rng.randbytes(32), rng.randbytes(16)
    ciphertext = blocks.ctr(key, counter, message)
    yield Step(
        "AES-256-CTR, without a tag",
        "[[CTR]] adds a [[keystream]] to the text, byte by byte.",
        (Value("key", key), Value("counter", counter), Value("ciphertext", ciphertext)),
    )
    yield Step(
        "Mallory knows the form, not the key",
        "The dose always stands at the same place. She flips just the bits in which the two doses differ.",
        (Value("place", at), Value("old XOR new", difference)),
    )
    changed = _flipped(ciphertext, at, difference)
    opened = blocks.ctr(key, counter, changed)
    yield Step(
        "The pharmacist decrypts",
        "Nothing tells him that bits were flipped.",
        (Value("the pharmacist reads", opened.decode("utf-8", "replace")),),
        _flip_picture(
            at,
            difference,
            [("ciphertext", ciphertext), ("as Mallory sends it on", changed), ("what is read", opened)],
        ),
        files=(
            Download(
                "changed.bin",
                changed,
                f"openssl enc -d -aes-256-ctr -K {key.hex()} -iv {counter.hex()} -in FILE",
            ),
        ),
    )
    yield Outcome(
        "broken" if opened == false and opened != message else "held",
        "The dose is Mallory's, although she can't read a word: secrecy alone doesn't keep a text as it was.",
    )


def _padding_oracle(chosen: Chosen, rng: random.Random) -> Iterator[Event]:
    message = chosen.text("message").encode()
    key, iv = rng.randbytes(32), rng.randbytes(16)
    ciphertext = blocks.cbc(key, iv, message)
    yield Step(
        "AES-256-CBC",
        "[[CBC]] takes whole blocks: the text is filled up with bytes that say how many they are.",
        (
            Value("IV", iv),
            Value("ciphertext", ciphertext),
            Value("padding", blocks.padded(message)[len(message) :]),
        ),
    )

    def oracle(before: bytes, block: bytes) -> bool:
        return blocks.unpadded(blocks.cbc_opened(key, before, block)) is not None

    yield Step(
        "A server with two error messages",
        'It answers "wrong padding" or "wrong content". That one bit is a [[padding oracle]]; Mallory asks as often as she likes.',
        (
            Value(
                "its answer to a random block",
                oracle(rng.randbytes(16), ciphertext[:16]),
                "is the padding right?",
            ),
        ),
    )
    found = padding_oracle.recover(iv, ciphertext, oracle)
    seen = blocks.cbc_opened(key, found[0].sent, ciphertext[:16])
    yield _last_byte(found[0], ciphertext[:16], iv, seen)
    yield _next_byte(found)
    text = padding_oracle.text_of(found)
    queries = [one.queries for one in found]
    recovered = blocks.unpadded(text)
    yield Step(
        "and so on, back to the first byte of each block",
        "About 128 questions a byte, 256 at most, whatever the length of the key.",
        (
            Value("recovered", (recovered or text).decode("utf-8", "replace")),
            Value("questions", sum(queries)),
            Value("bytes", len(found)),
        ),
        _questions_picture(queries),
    )
    yield Outcome(
        "broken" if recovered == message else "held",
        f"{sum(queries):,} questions instead of 2 to the 256 keys: Mallory has the whole text.",
    )


def _last_byte(one: Found, block: bytes, before: bytes, seen: bytes) -> Step:
    rows = [
        ("Mallory's block, last byte tried from 00 on", one.sent),
        ("the true ciphertext block after it", block),
        ("what the server decrypts; Mallory doesn't see it", seen),
    ]
    table = Table(
        ("what", "byte"),
        (
            ("her byte when the server said yes", f"{one.sent[one.at]:02x}"),
            ("the padding is right, so the text ends in", f"{one.padding:02x}"),
            ("their XOR: the block as AES decrypts it", f"{one.inner:02x}"),
            ("XOR the true byte before it", f"{before[one.at]:02x}"),
            ("= the byte of the text", f"{one.plain:02x}"),
        ),
        "One byte of the text from one answer.",
    )
    return Step(
        f"The last byte of the first block, after {one.queries} questions",
        "Whatever the server decrypts, its last byte is Mallory's byte [[XOR]] a fixed one. When that is 01, the padding is right.",
        (
            Value(
                "the byte of the text", repr(chr(one.plain)) if 32 <= one.plain < 127 else f"{one.plain:02x}"
            ),
        ),
        pictures.cells(
            "The two blocks that Mallory sends and what the server makes of them.",
            rows,
            ([one.at], (), [one.at]),
        ),
        table,
    )


def _next_byte(found: list[Found]) -> Step:
    shown = found[: min(5, len(found))]
    rows = tuple(
        (
            str(one.at),
            f"{one.padding:02x} x {one.padding}",
            str(one.queries),
            f"{one.plain:02x}",
            chr(one.plain) if 32 <= one.plain < 127 else "",
        )
        for one in shown
    )
    return Step(
        "The byte before it",
        "She sets the last byte so that the server sees 02 there, and tries the one before until both are 02; then three times 03.",
        table=Table(
            ("place", "padding aimed at", "questions", "byte", "letter"), rows, "The first bytes found."
        ),
    )


def _questions_picture(queries: list[int]) -> str:
    totals = [sum(queries[:at]) for at in range(len(queries) + 1)]
    line = plots.Line("questions", [(float(at), float(total)) for at, total in enumerate(totals)], "a")
    return plots.lines("Questions asked for so many bytes of text", [line], "bytes found", "questions")


def _tag(chosen: Chosen, rng: random.Random) -> Iterator[Event]:
    message, _, at, difference = _difference(chosen)
    head, body, tag, opener = _protected(chosen.text("mend"), message, rng)
    yield Step(
        f"The prescription under {chosen.text('mend')}",
        "The pharmacist checks the [[tag]] first and decrypts only if it is right.",
        (
            Value("nonce or IV", head),
            Value("ciphertext", body),
            Value("tag", tag),
            Value("untouched, he reads", _told(opener(head + body + tag))),
        ),
    )
    changed = head + _flipped(body, at, difference) + tag
    read = opener(changed)
    yield Step(
        "Mallory flips the same bits",
        values=(Value("the pharmacist reads", _told(read)),),
        picture=_flip_picture(
            at, difference, [("ciphertext", body), ("as Mallory sends it on", changed[len(head) :])]
        ),
    )
    answers: list[bool] = []

    def oracle(before: bytes, block: bytes) -> bool:
        answers.append(opener(before[: len(head)] + block + tag) is not None)
        return answers[-1]

    found = padding_oracle.recover(head.ljust(16, b"\0"), body, oracle)
    yield Step(
        "The padding oracle again",
        "Mallory can't make a tag for her blocks, so the server never comes to the padding: every answer is the same no.",
        (
            Value("questions", len(answers)),
            Value("answered yes", sum(answers)),
            Value("bytes found", len(found)),
        ),
    )
    yield Outcome(
        "held" if read is None and not found else "broken",
        "What was changed is refused before it is decrypted, and the refusal says nothing.",
    )


def _protected(mend: str, message: bytes, rng: random.Random) -> tuple[bytes, bytes, bytes, Opener]:
    """Nonce or IV, ciphertext, tag, and who opens the three put together (None: refused)."""
    key = rng.randbytes(32)
    if mend == _GCM:
        nonce = rng.randbytes(12)
        sealed = AESGCM(key).encrypt(nonce, message, None)

        def by_gcm(data: bytes) -> bytes | None:
            try:
                return AESGCM(key).decrypt(data[:12], data[12:], None)
            except InvalidTag:
                return None

        return nonce, sealed[:-16], sealed[-16:], by_gcm
    mac_key, iv = rng.randbytes(32), rng.randbytes(16)
    body = blocks.cbc(key, iv, message)

    def by_mac(data: bytes) -> bytes | None:
        text, tag = data[:-32], data[-32:]
        if not hmac.compare_digest(hmac.digest(mac_key, text, hashlib.sha256), tag):
            return None
        return blocks.unpadded(blocks.cbc_opened(key, text[:16], text[16:]))

    return iv, body, hmac.digest(mac_key, iv + body, hashlib.sha256), by_mac


def _told(opened: bytes | None) -> str:
    return "refused" if opened is None else opened.decode("utf-8", "replace")


RUNS = (
    Run(
        "bit-flip",
        "attack",
        "Change a dose that one can't read",
        "CTR without a tag: 100 mg becomes 900 mg.",
        _bit_flip,
        _FLIP,
    ),
    Run(
        "padding-oracle",
        "attack",
        "Read a text by asking about its padding",
        "A server that only says whether the [[padding]] is right gives the whole text away.",
        _padding_oracle,
        (_SECRET,),
    ),
    Run(
        "tag",
        "cure",
        "Check a tag before anything else",
        "Both attacks once more, against authenticated encryption.",
        _tag,
        (Choice("mend", "The mend", _GCM, (_GCM, _MAC)), *_FLIP),
        ("bit-flip", "padding-oracle"),
    ),
)
