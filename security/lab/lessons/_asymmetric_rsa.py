"""RSA without padding: roots in place of keys, and the padding that mends it."""

from __future__ import annotations

import random
from collections.abc import Iterator

from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.hashes import SHA256

from security.lab import story
from security.lab.errors import BadParameterError
from security.lab.lesson import Run
from security.lab.parameters import Choice, Chosen, Text, Whole
from security.lab.pictures import WIDTH, Canvas
from security.lab.steps import Event, Outcome, Step, Table, Value
from security.lab.workings import textbook_rsa
from security.lab.workings.textbook_rsa import number, rsa_key, text

_SHORT = Text("message", "The message", "Rosa: levodopa 100 mg, three times a day", most=250, least=1)
_NOTE = Text("message", "The message, at most 127 bytes", story.NOTE, most=127, least=1)
_BRIEF = Text(
    "message", "The message, at most 62 bytes", "Rosa: levodopa 100 mg, three times a day", most=62, least=1
)
_RECEIVERS = Whole("hospitals", "Hospitals that get it", 3, 2, 5)
SMALL = 1024
_NAMES = story.HOSPITALS


def message_of(chosen: Chosen, most: int) -> bytes:
    message = chosen.text("message").encode()
    if len(message) > most:
        raise BadParameterError(
            "message",
            f"it has {len(message)} bytes in UTF-8, and this modulus takes {most}.",
            "RSA knows a number only modulo n; real code lets RSA carry a key and encrypts the text with that.",
        )
    if message.startswith(b"\0"):
        raise BadParameterError(
            "message",
            "begin it with a character other than NUL.",
            "As a number it would lose its first byte: a real padding keeps the length.",
        )
    return message


def readable(data: bytes) -> str:
    """As text if it is text, else in hex."""
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data.hex()


def _small_exponent(chosen: Chosen, rng: random.Random) -> Iterator[Event]:
    e = int(chosen.text("exponent"))
    message = message_of(chosen, 255)
    key = rsa_key(2048, e, rng)
    m = number(message)
    yield Step(
        "A key of 2,048 bits",
        "The message is a number too, and [[textbook RSA]] takes its power.",
        (
            Value("n", f"{key.n:x}"),
            Value("e", e),
            Value("bits of the message", m.bit_length()),
            Value(f"bits of its power {e}", e * m.bit_length(), "about"),
        ),
    )
    c = pow(m, e, key.n)
    yield Step(
        "Encrypt: m to the e modulo n",
        values=(Value("ciphertext", f"{c:x}"), Value("bits", c.bit_length())),
        picture=_bar_picture(m.bit_length(), c.bit_length(), e),
    )
    root = textbook_rsa.exact_root(c, e)
    yield Step(
        "Mallory takes the plain root",
        "If the power is smaller than n, 'modulo n' did nothing, and roots of whole numbers are easy.",
        (
            Value("an exact root", root is not None),
            Value("Mallory reads", "nothing" if root is None else readable(text(root))),
        ),
    )
    found = root == m
    yield Outcome(
        "broken" if found else "held",
        "No key was needed: the power never reached the modulus."
        if found
        else "The power went past the modulus, and the plain root says nothing. Padding makes sure of that.",
    )


def _bar_picture(message: int, ciphertext: int, e: int) -> str:
    """Lengths in bits against the modulus."""
    canvas = Canvas(f"The message has {message} bits, the ciphertext {ciphertext}, the modulus 2048.", 130)
    left, wide = 150.0, WIDTH - 160.0
    for row, (name, bits, style) in enumerate(
        (
            ("message", message, ""),
            ("ciphertext", ciphertext, "bad" if e * message < 2048 else ""),
            ("modulus n", 2048, "good"),
        )
    ):
        canvas.text(left - 10, 26 + 40 * row, name, "", "end")
        canvas.box(left, 8 + 40 * row, max(4.0, wide * bits / 2048), 28, style, f"{bits} bits")
        canvas.text(left + 8, 26 + 40 * row, f"{bits:,} bits", "small", "start")
    return canvas.svg()


def _broadcast(chosen: Chosen, rng: random.Random) -> Iterator[Event]:
    message, count = message_of(chosen, SMALL // 8 - 1), chosen.whole("hospitals")
    keys = [rsa_key(SMALL, 3, rng) for _ in range(count)]
    sent = [pow(number(message), 3, key.n) for key in keys]
    rows = tuple(
        (name, f"{key.n:x}"[:16] + "…", f"{c:x}"[:16] + "…")
        for name, key, c in zip(_NAMES, keys, sent, strict=False)
    )
    yield Step(
        f"One note for {count} hospitals, e = 3",
        "Each has its own [[modulus]] (1,024 bits here, to be quick; real ones have 2,048 or more).",
        (Value("bits of the message", number(message).bit_length()),),
        table=Table(("hospital", "n", "ciphertext"), rows, "The first digits of each."),
    )
    yield Step(
        "Mallory puts the ciphertexts together",
        "The Chinese remainder theorem turns several remainders into one, modulo the product of all n.",
        (
            Value("bits of all n together", sum(key.n.bit_length() for key in keys)),
            Value("bits of the message's cube", (number(message) ** 3).bit_length()),
        ),
    )
    found = textbook_rsa.broadcast(sent, [key.n for key in keys], 3)
    yield Step(
        "and takes the cube root",
        values=(Value("Mallory reads", "nothing" if found is None else readable(text(found))),),
    )
    broken = found == number(message)
    yield Outcome(
        "broken" if broken else "held",
        "The cube is smaller than all moduli together, so it is known exactly."
        if broken
        else "The cube is larger than all moduli together; with one more hospital it wouldn't be.",
    )


def _oaep(chosen: Chosen, rng: random.Random) -> Iterator[Event]:
    message, count = message_of(chosen, SMALL // 8 - 66), chosen.whole("hospitals")
    keys = [rsa_key(SMALL, 3, rng) for _ in range(count)]
    padded = [number(textbook_rsa.oaep(message, key.size, rng.randbytes(32))) for key in keys]
    sent = [pow(block, 3, key.n) for block, key in zip(padded, keys, strict=True)]
    rows = tuple(
        (name, f"{block:x}"[:16] + "…", str(block.bit_length()))
        for name, block in zip(_NAMES, padded, strict=False)
    )
    yield Step(
        "The same exponent 3, with OAEP",
        "[[OAEP]] fills the whole [[modulus]] and begins with a seed of its own for each hospital (moduli of 1,024 bits here, to be quick).",
        table=Table(("hospital", "padded message", "bits"), rows, "No two are alike, and all are long."),
    )
    root = textbook_rsa.exact_root(sent[0], 3)
    yield Step(
        "Mallory takes the plain cube root",
        "The cube has three times the bits of the modulus.",
        (Value("an exact root", root is not None),),
    )
    joint = textbook_rsa.broadcast(sent, [key.n for key in keys], 3)
    yield Step(
        "She puts the ciphertexts together",
        "They are cubes of different numbers.",
        (Value("an exact root of the joint number", joint is not None),),
    )
    scheme = padding.OAEP(padding.MGF1(SHA256()), SHA256(), None)
    read = {
        textbook_rsa.library_key(key).decrypt(c.to_bytes(key.size, "big"), scheme)
        for key, c in zip(keys, sent, strict=True)
    }
    yield Step(
        "Each hospital decrypts with pyca/cryptography",
        values=(Value("they read", readable(message) if read == {message} else "nothing"),),
    )
    yield Outcome(
        "held" if root is None and joint is None and read == {message} else "broken",
        "The hospitals read the note, and both attacks end in nothing, even with exponent 3.",
    )


RUNS = (
    Run(
        "small-exponent",
        "attack",
        "A root in place of a key",
        "[[Textbook RSA]] with exponent 3 and a short message: compare the lengths.",
        _small_exponent,
        (_SHORT, Choice("exponent", "Exponent e", "3", ("3", "5", "17", "65537"))),
    ),
    Run(
        "broadcast",
        "attack",
        "One note to three hospitals",
        "Three different moduli, one message, exponent 3. Try two hospitals.",
        _broadcast,
        (_NOTE, _RECEIVERS),
    ),
    Run(
        "oaep",
        "cure",
        "Pad by OAEP",
        "Both attacks against padded messages; the exponent stays 3.",
        _oaep,
        (_BRIEF, _RECEIVERS),
        ("small-exponent", "broadcast"),
    ),
)
