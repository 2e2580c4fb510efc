"""Equal blocks and equal nonces: what they give away, and what mends it."""

from __future__ import annotations

import random
from collections.abc import Iterator

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, AESGCMSIV

from security.lab import pictures, story
from security.lab.errors import BadParameterError
from security.lab.lesson import Run
from security.lab.parameters import Choice, Chosen, Text
from security.lab.steps import Event, Outcome, Step, Value
from security.lab.workings import blocks, ghash

_PIXEL = Choice(
    "pixel", "Bytes a pixel", "16", ("16", "4", "1"), "16: four 32-bit floats, as raw images have."
)
_FIRST = Text("first", "The text that Mallory knows", story.PRESCRIPTION, most=300, least=1)
_SECOND = Text(
    "second",
    "The text that she wants",
    "Rosa Lindqvist: HIV test negative, hepatitis B positive.",
    most=300,
    least=1,
)
_ONE_BLOCK = (
    Text("first", "First dose", "Levodopa  100 mg", most=16, least=1),
    Text("second", "Second dose", "Levodopa   50 mg", most=16, least=1),
    Text("false", "Mallory's dose", "Levodopa  900 mg", most=16, least=1),
)
_FRESH, _SIV = "a fresh nonce for each message", "AES-GCM-SIV, nonce used twice"


def _ecb(chosen: Chosen, rng: random.Random) -> Iterator[Event]:
    key, pixel = rng.randbytes(32), int(chosen.text("pixel"))
    image = blocks.rod_of_asklepios()
    data = blocks.image_bytes(image, pixel)
    yield Step(
        "A grey picture as bytes",
        values=(
            Value("key", key),
            Value("picture", f"{len(data):,} bytes"),
            Value("repeated blocks in it", blocks.repeated_blocks(data)),
        ),
    )
    sealed = blocks.ecb(key, data)
    yield Step(
        "AES-256-ECB",
        "[[ECB]] encrypts each [[block]] of 16 bytes by itself: equal blocks of the picture are equal blocks of [[ciphertext]].",
        (Value("first block", sealed[:16]), Value("second block", sealed[16:32])),
    )
    repeated, guess = blocks.repeated_blocks(sealed), blocks.guessed_image(sealed, pixel)
    yield Step(
        "Mallory looks at the ciphertext",
        "She has no key. She paints the commonest block white and all others black.",
        (
            Value("blocks", len(sealed) // 16),
            Value("repeated blocks", repeated),
            Value("pixels right", _agreement(image, guess)),
        ),
        pictures.pixels(
            "The picture, its ECB ciphertext, and what Mallory makes of that.",
            [
                ("the picture", image),
                ("ECB ciphertext", blocks.bytes_image(sealed, pixel)),
                ("Mallory's guess", guess),
            ],
        ),
    )
    yield Outcome(
        "broken" if repeated else "held",
        f"{repeated:,} repeated blocks show the shape: AES is strong, and this way of using it isn't.",
    )


def _agreement(image: blocks.Image, guess: blocks.Image) -> str:
    """The share of pixels that are light or dark in both; in percent, whole."""
    pairs = [
        (a == 255, b == 255)
        for row, other in zip(image, guess, strict=True)
        for a, b in zip(row, other, strict=True)
    ]
    return f"{100 * sum(a == b for a, b in pairs) // len(pairs)} %"


def _gcm_picture(chosen: Chosen, rng: random.Random) -> Iterator[Event]:
    key, nonce, pixel = rng.randbytes(32), rng.randbytes(12), int(chosen.text("pixel"))
    image = blocks.rod_of_asklepios()
    sealed = AESGCM(key).encrypt(nonce, blocks.image_bytes(image, pixel), None)[:-16]
    yield Step(
        "AES-256-GCM",
        "[[GCM]] encrypts a counter and adds the result to the text: each place has bytes of its own.",
        (Value("nonce", nonce), Value("first block", sealed[:16]), Value("second block", sealed[16:32])),
    )
    repeated, guess = blocks.repeated_blocks(sealed), blocks.guessed_image(sealed, pixel)
    yield Step(
        "Mallory looks again",
        values=(Value("blocks", len(sealed) // 16), Value("repeated blocks", repeated)),
        picture=pictures.pixels(
            "The picture, its GCM ciphertext, and Mallory's guess, which shows nothing.",
            [
                ("the picture", image),
                ("GCM ciphertext", blocks.bytes_image(sealed, pixel)),
                ("Mallory's guess", guess),
            ],
        ),
    )
    yield Outcome("broken" if repeated else "held", "No block comes twice: the ciphertext looks like noise.")


def _nonce_reuse(chosen: Chosen, rng: random.Random) -> Iterator[Event]:
    first, second = chosen.text("first").encode(), chosen.text("second").encode()
    cipher, nonce = AESGCM(rng.randbytes(32)), rng.randbytes(12)
    one, two = (cipher.encrypt(nonce, text, None)[:-16] for text in (first, second))
    yield Step(
        "Two messages, one nonce",
        "A server that starts anew may begin to count at 0 again.",
        (Value("nonce", nonce), Value("first ciphertext", one), Value("second ciphertext", two)),
    )
    stream = blocks.xor(one, first)
    yield Step(
        "Mallory knows the first text",
        "Text [[XOR]] ciphertext is the [[keystream]]; the same one hides the second text.",
        (Value("keystream", stream),),
    )
    recovered = blocks.xor(two, stream)
    yield Step(
        "She adds it to the second ciphertext",
        values=(Value("recovered", recovered.decode("utf-8", "replace")),),
        picture=_xor_picture(one, first, two, recovered),
    )
    known = len(recovered)
    part = (
        "the whole second text" if known == len(second) else f"the first {known} of its {len(second)} bytes"
    )
    yield Outcome("broken" if recovered == second[:known] else "held", f"Without the key Mallory has {part}.")


def _xor_picture(one: bytes, first: bytes, two: bytes, recovered: bytes) -> str:
    rows = [
        ("first ciphertext", one[:16]),
        ("XOR first text, which she knows", first[:16]),
        ("XOR second ciphertext", two[:16]),
        ("= second text", recovered[:16]),
    ]
    return pictures.cells(
        "First ciphertext, XOR the known text, XOR the second ciphertext, is the second text.",
        rows,
        ((), (), (), range(16)),
    )


def _doses(chosen: Chosen) -> tuple[bytes, bytes, bytes]:
    """The three doses of one run, each filled up with spaces to one block."""
    first, second, false = (chosen.text(name).encode() for name in ("first", "second", "false"))
    for name, text in (("first", first), ("second", second), ("false", false)):
        if len(text) > 16:
            raise BadParameterError(
                name,
                f"it has {len(text)} bytes in UTF-8; the run takes at most 16, one block.",
                "Programs that count characters where they mean bytes cut messages in the wrong place.",
            )
    first, second, false = first.ljust(16), second.ljust(16), false.ljust(16)
    if first == second:
        raise BadParameterError(
            "second",
            "choose another dose than the first.",
            "The same text under the same nonce gives the same ciphertext: that alone tells an attacker that nothing changed.",
        )
    if false in (first, second):
        raise BadParameterError("false", "choose another dose than the two true ones.")
    return first, second, false


def _forge(chosen: Chosen, rng: random.Random) -> Iterator[Event]:
    first, second, false = _doses(chosen)
    key, nonce = rng.randbytes(32), rng.randbytes(12)
    sealed = AESGCM(key).encrypt(nonce, first, None), AESGCM(key).encrypt(nonce, second, None)
    yield Step(
        "Two doses, one nonce",
        "Mallory sees both ciphertexts and tags, and knows the first text.",
        (
            Value("first", sealed[0], "ciphertext, then tag"),
            Value("second", sealed[1], "ciphertext, then tag"),
        ),
    )
    hash_key, forged = _forged(sealed, first, false)
    yield Step(
        "The sum of the two tags",
        "Each [[tag]] is a sum with the same secret bytes in it, and these vanish from the sum of both. What is left is an equation for the hash key H, and Mallory solves it.",
        (
            Value("H as computed", hash_key),
            Value("H in truth", blocks.ecb(key, bytes(16)), "AES of 16 zero bytes"),
        ),
    )
    opened = _gcm_opened(AESGCM(key), nonce, forged)
    rows = [("the true message and its tag", sealed[0]), ("Mallory's message and her tag", forged)]
    changed = [at for at in range(len(forged)) if forged[at] != sealed[0][at]]
    yield Step(
        "She writes another dose and its tag",
        "AES-GCM finds nothing wrong with it.",
        (Value("forged", forged), Value("the pharmacist reads", _told(opened))),
        pictures.cells("The true message and Mallory's, each a block and a tag.", rows, ((), changed)),
    )
    yield Outcome(
        "broken" if opened == false else "held",
        "One repeated nonce, and under this key the tag protects nothing any more.",
    )


def _forged(sealed: tuple[bytes, bytes], first: bytes, false: bytes) -> tuple[bytes, bytes]:
    """GCM's hash key as two messages of one nonce give it, and `false` as a message with its tag."""
    (one, tag), (two, other_tag) = ((text[:-16], text[-16:]) for text in sealed)
    hash_key = ghash.hash_key((one, two), (tag, other_tag))
    ciphertext = blocks.xor(one, first, false)
    return hash_key, ciphertext + ghash.forged_tag(hash_key, one, tag, ciphertext)


def _gcm_opened(cipher: AESGCM | AESGCMSIV, nonce: bytes, sealed: bytes) -> bytes | None:
    try:
        return cipher.decrypt(nonce, sealed, None)
    except InvalidTag:
        return None


def _told(opened: bytes | None) -> str:
    return "refused" if opened is None else opened.decode("utf-8", "replace")


def _fresh_nonce(chosen: Chosen, rng: random.Random) -> Iterator[Event]:
    first, second, false = _doses(chosen)
    key, nonce = rng.randbytes(32), rng.randbytes(12)
    cipher: AESGCM | AESGCMSIV
    if chosen.text("mend") == _FRESH:
        cipher, other = AESGCM(key), rng.randbytes(12)
        text = "A new [[nonce]] for each message, and with it a new [[keystream]]."
    else:
        cipher, other = AESGCMSIV(key), nonce
        text = "The nonce comes again, but AES-GCM-SIV makes the keystream from nonce and text: another text, another stream."
    sealed = cipher.encrypt(nonce, first, None), cipher.encrypt(other, second, None)
    yield Step(
        "Two doses, as before",
        text,
        (
            Value("first nonce", nonce),
            Value("second nonce", other),
            Value("first", sealed[0]),
            Value("second", sealed[1]),
        ),
    )
    recovered = blocks.xor(sealed[0][:16], first, sealed[1][:16])
    yield Step(
        "The first attack again",
        "The two keystreams differ, so nothing vanishes.",
        (Value("Mallory's second text", recovered),),
        _xor_picture(sealed[0], first, sealed[1], recovered),
    )
    hash_key, forged = _forged(sealed, first, false)
    opened = _gcm_opened(cipher, nonce, forged)
    yield Step(
        "The second attack again",
        values=(Value("H as computed", hash_key), Value("the pharmacist reads", _told(opened))),
    )
    broken = recovered == second or opened is not None
    yield Outcome("broken" if broken else "held", "She reads noise, and her tag is refused.")


RUNS = (
    Run(
        "ecb",
        "attack",
        "See a picture through ECB",
        "AES encrypts a picture block by block. Look at what is left of the shape.",
        _ecb,
        (_PIXEL,),
    ),
    Run(
        "gcm-picture",
        "cure",
        "The same picture by GCM",
        "The same key length and the same cipher, used in another [[mode]].",
        _gcm_picture,
        (_PIXEL,),
        ("ecb",),
    ),
    Run(
        "nonce-reuse",
        "attack",
        "Read what a repeated nonce hides",
        "Two messages under one [[nonce]]: who knows one of them reads the other.",
        _nonce_reuse,
        (_FIRST, _SECOND),
    ),
    Run(
        "forge",
        "attack",
        "Forge what a repeated nonce seals",
        "Two doses under one nonce: their tags give GCM's second secret away.",
        _forge,
        _ONE_BLOCK,
    ),
    Run(
        "fresh-nonce",
        "cure",
        "Never the same nonce",
        "Both attacks once more, against fresh nonces or against a mode that forgives.",
        _fresh_nonce,
        (Choice("mend", "The mend", _FRESH, (_FRESH, _SIV)), *_ONE_BLOCK),
        ("nonce-reuse", "forge"),
    ),
)
