"""A file for somebody else in the age format, for the lesson on envelope encryption."""

from __future__ import annotations

import random
from collections.abc import Iterator

from security.lab import pictures, story
from security.lab.errors import BadParameterError
from security.lab.parameters import Chosen
from security.lab.steps import Download, Event, Outcome, Step, Value


def age(chosen: Chosen, _: random.Random) -> Iterator[Event]:
    """Seal a file for a recipient as `age` does; a recipient of one's own may be given.

    Raises:
        BadParameterError: the recipient is no age recipient.
    """
    import pyrage

    text = chosen.file("file") or story.NOTE.encode()
    yield _one_file(len(text))
    own = pyrage.x25519.Identity.generate()
    recipient = own.to_public()
    if chosen.text("recipient"):
        recipient = _recipient(chosen.text("recipient"))
    sealed = pyrage.encrypt(text, [recipient])
    files = [Download("note.age", sealed, "age -d -i key.txt FILE")]
    if not chosen.text("recipient"):
        files.append(Download("key.txt", f"# for the class, never in earnest\n{own}\n".encode()))
    yield _as_written(sealed, str(recipient), tuple(files))
    stranger = _opens(sealed, pyrage.x25519.Identity.generate())
    if chosen.text("recipient"):
        held = stranger is None
        yield Step("A stranger's key", values=(Value("opens it", not held),))
        end = "Only who has the other half of that recipient can open it; this page can't."
        yield Outcome("works" if held else "broken", end)
        return
    opened = _opens(sealed, own)
    changed = _opens(sealed[:-1] + bytes([sealed[-1] ^ 1]), own)
    yield Step(
        "Who opens it",
        "The recipient does, a stranger doesn't, and a changed bit is found by the [[tag]].",
        (
            Value("recipient reads the file", opened == text),
            Value("a stranger's key opens it", stranger is not None),
            Value("opens with one bit changed", changed is not None),
        ),
    )
    good = opened == text and stranger is None and changed is None
    yield Outcome(
        "works" if good else "broken", "Sealed for one person; any age program opens it with their key."
    )


def _one_file(size: int) -> Step:
    return Step(
        "One file, one recipient",
        "The same envelope for people: a new file key encrypts the file in chunks by ChaCha20-Poly1305, and the "
        "[[public key]] of the recipient, X25519, wraps the file key in the header.",
        (Value("plaintext bytes", size), Value("file key bits", 128), Value("chunk bytes", 65_536)),
        pictures.chain(
            "The recipient's key wraps the file key, which encrypts the file.",
            (
                pictures.Box(("recipient", "X25519"), "good"),
                pictures.Box(("file key", "128 bits"), "good"),
                pictures.Box(("file", f"{size:,} bytes")),
            ),
            ("wraps", "seals"),
        ),
    )


def _as_written(sealed: bytes, recipient: str, files: tuple[Download, ...]) -> Step:
    header = sealed[: sealed.index(b"\n---") + 1]
    return Step(
        "The file as age writes it",
        "The library draws the keys itself, so these bytes are new each time.",
        (
            Value("recipient", recipient),
            Value("header, without its MAC", header.decode("ascii", "replace")),
            Value("bytes", len(sealed)),
        ),
        files=files,
        measured=True,
    )


def _recipient(text: str) -> object:
    import pyrage

    try:
        return pyrage.x25519.Recipient.from_str(text.strip())
    except pyrage.RecipientError as error:
        raise BadParameterError(
            "recipient",
            "it begins with age1 and has 62 letters and digits; `age-keygen -y key.txt` prints it.",
            "A typing mistake is found by its checksum, so nothing is sealed for nobody.",
        ) from error


def _opens(sealed: bytes, identity: object) -> bytes | None:
    import pyrage

    try:
        return bytes(pyrage.decrypt(sealed, [identity]))
    except pyrage.DecryptError:
        return None
