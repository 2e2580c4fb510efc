"""Secrets that a test has planted, and a search for them in every file of a data folder."""

from __future__ import annotations

import base64
from pathlib import Path

from sqlalchemy import Engine, text

from assistant.conversations import Conversations
from assistant.page.turns import Turn
from assistant.types import Triage
from security.crypto import recovery

NOTE = "Planted: tremor of the left hand since Easter, Schwabing ward 7."
CODE_BYTES = 15


def turn(note: str = NOTE) -> Turn:
    return Turn(
        id="1",
        question="",
        note=note,
        note_name="",
        triage=Triage("none", (), ""),
        extracted=(),
        passages=None,
        answer="",
        checks=(),
        done=None,
        status="done",
        error="",
    )


def user_id(engine: Engine) -> str:
    with engine.connect() as connection:
        return str(connection.execute(text("SELECT id FROM accounts_users ORDER BY created_at")).scalar())


def keep_note(engine: Engine, vault: object, user: str) -> None:
    Conversations(engine, vault).save(user, [turn()])  # type: ignore[arg-type]


def kept_note(engine: Engine, vault: object, user: str) -> str:
    (found,) = Conversations(engine, vault).load(user)  # type: ignore[arg-type]
    return found.note


def forms_of_secret(secret: str) -> list[bytes]:
    """A TOTP secret as text and as bytes."""
    return [secret.encode(), base64.b32decode(secret)]


def forms_of_code(code: str) -> list[bytes]:
    plain = recovery.normalised(code)
    assert plain is not None
    return [code.encode(), plain.encode(), int("0b" + "".join(_bits(plain)), 2).to_bytes(CODE_BYTES, "big")]


def _bits(code: str) -> list[str]:
    return [f"{recovery.ALPHABET.index(one):05b}" for one in code]


def found_in(folder: Path, secrets: list[bytes]) -> list[tuple[str, bytes]]:
    """Every place where one of them is."""
    files = {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    return [(name, one) for name, content in files.items() for one in secrets if one in content]
