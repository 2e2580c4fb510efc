"""Time-based one-time codes (RFC 6238, SHA-1, 30 s, 6 digits) and the QR code that hands over the secret.

Does: makes secrets, tells which time-step a code matches, draws the QR on this machine. Does not: keep
state. Replay is the caller's decision: it passes the last step that was spent and stores the new one.
"""

from __future__ import annotations

import base64
import hmac
import secrets

import pyotp

from security.crypto.sealing import RandomBytes

STEP_SECONDS = 30
DIGITS = 6
WINDOW = 1
SECRET_BYTES = 20  # RFC 4226, section 4, R6: 160 bits


def new_secret(random: RandomBytes = secrets.token_bytes) -> str:
    """A fresh 160-bit secret in base32 (32 characters, no padding)."""
    return base64.b32encode(random(SECRET_BYTES)).decode("ascii")


def step_at(now: float) -> int:
    """The time-step that Unix time `now` (seconds) lies in."""
    return int(now) // STEP_SECONDS


def code_at(secret: str, step: int, digits: int = DIGITS) -> str:
    """The code of one time-step (RFC 4226 with the step as counter)."""
    return pyotp.HOTP(secret, digits=digits).at(step)


def matching_step(secret: str, code: str, *, now: float, last_step: int) -> int | None:
    """The time-step that `code` belongs to, or None.

    Only steps from one before to one after `now` and later than `last_step` count, so a code that was
    spent, and every older one, fails. Exactly six ASCII digits: `str.isdigit` alone would let full-width
    and Arabic-Indic digits in, which int() and some comparisons treat as equal.
    """
    if len(code) != DIGITS or not (code.isascii() and code.isdigit()):
        return None
    here = step_at(now)
    found: int | None = None
    for step in range(max(0, here - WINDOW), here + WINDOW + 1):
        # No early exit: which step matched must not show in the time taken.
        same = hmac.compare_digest(code_at(secret, step), code)
        if same and step > last_step:
            found = step
    return found


def provisioning_uri(secret: str, account: str, issuer: str) -> str:
    """The otpauth:// address that authenticator apps read."""
    return pyotp.TOTP(secret).provisioning_uri(name=account, issuer_name=issuer)


def qr_svg(text: str) -> str:
    """An inline SVG of `text` as QR code, error level M, black on white with its quiet zone of 4 modules.

    The colours are fixed: an inverted code in a dark theme is one that many cameras can't read.
    """
    import segno

    code = segno.make(text, error="m", micro=False)
    svg = code.svg_inline(scale=4, border=4, dark="#000000", light="#ffffff", omitsize=True)
    return str(svg)
