"""Lesson 6, codes that are passed on: a page in between, a phone number moved; and the passkey."""

from __future__ import annotations

import dataclasses
import random
import re
from collections.abc import Iterator

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from security.crypto import onetime
from security.lab import pictures, story
from security.lab.errors import BadParameterError
from security.lab.parameters import Choice, Chosen, Text, Whole
from security.lab.steps import Event, Outcome, Step, Table, Value
from security.lab.workings import passkeys
from security.lab.workings.front_desk import Company, Desk

REAL = "https://asklepion.example"
_FALSE = "https://asklepion-login.example"
DELAY = Whole("delay", "Seconds until Mallory passes it on", 3, 0, 120)
PAGE = Text("page", "Address of Mallory's page", _FALSE, most=100, least=9, hint="https:// and a host")
CHECK = Choice("check", "What the phone company asks", "date of birth", ("date of birth", "a PIN agreed on"))
_SECOND, _TEXT = "shows a second passkey", "gets a text message"
RECOVERY = Choice("recovery", "Who lost the passkey", _SECOND, (_SECOND, _TEXT))
_NOW = 1_790_000_015
_PASSWORD = "seven quiet herons by the lake"  # noqa: S105 - an invented one, for the lesson
_BIRTH = "1958-03-14"
_NUMBER = "+00 555 0142"
_ORIGIN = re.compile(r"https://[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:[0-9]{1,5})?")
_LANES = [("Dr. Okafor", ""), (story.ATTACKER, "bad"), ("Server", "")]


def phishing(chosen: Chosen, rng: random.Random) -> Iterator[Event]:
    """A page in between passes password and code on while the code is good."""
    secret = onetime.new_secret(rng.randbytes)
    desk, delay = Desk(_PASSWORD, secret, rng), chosen.whole("delay")
    code = onetime.code_at(secret, onetime.step_at(_NOW))
    yield Step(
        "A message with a link",
        f"{_FALSE} looks like {REAL}, to the last pixel. {story.DOCTOR} types her password and the [[one-time code]].",
        (Value("she types", _PASSWORD), Value("and the code", code), Value("Unix time", _NOW)),
    )
    session = desk.enter(_PASSWORD, code, _NOW + delay)
    messages = [
        pictures.Message(0, 1, 0, 0.4, "password, code"),
        pictures.Message(1, 2, 1, 1.4, f"the same, {delay} s later", "bad"),
        pictures.Message(2, 1, 2, 2.4, "session" if session else "refused", "bad" if session else "good"),
        pictures.Message(1, 0, 3, 3.4, "try later"),
    ]
    yield Step(
        "Passed on at once",
        "The server sees the right password and a fresh code that nobody used before. It can't see who typed them.",
        (Value("accepted", session is not None), Value("Mallory's session", session or b"")),
        pictures.sequence("Password and code go through Mallory's page.", _LANES, messages),
    )
    hers = desk.enter(_PASSWORD, code, _NOW + delay + 1)
    yield Step(
        "One use is no help here",
        "The code was good once, and Mallory was first.",
        (Value("the same code for its owner", hers is not None),),
    )
    if session is None:
        yield Outcome("held", "Mallory was too slow: the code was over. She will be quicker the next time.")
    else:
        yield Outcome(
            "broken", "Mallory has a session. A code says nothing about the page into which it was typed."
        )


def sim_swap(chosen: Chosen, rng: random.Random) -> Iterator[Event]:
    """A code by text message goes to whoever has the number."""
    asks = chosen.text("check")
    answer = _BIRTH if asks == "date of birth" else f"{rng.randrange(10**6):06d}"
    company = Company({_NUMBER: story.DOCTOR}, {_NUMBER: answer})
    desk = Desk(_PASSWORD, onetime.new_secret(rng.randbytes), rng)
    yield Step(
        "Codes by text message",
        f"The server knows a number. The phone company knows who has it. {story.ATTACKER} has the password from another leak.",
        (Value("number", _NUMBER), Value("held by", company.holders[_NUMBER])),
    )
    said = _BIRTH if asks == "date of birth" else "000000"
    moved = company.move(_NUMBER, said, story.ATTACKER)
    yield Step(
        "A call to the phone company",
        f"A [[sim swap]]. 'I lost my phone.' The company asks for {asks}. A date of birth stands on birthday cards and in leaked files.",
        (
            Value("Mallory says", said),
            Value("number moved", moved),
            Value("held by", company.holders[_NUMBER]),
        ),
    )
    got = desk.send_code(_PASSWORD, company, _NUMBER) or ""
    heard = company.messages.get(story.ATTACKER, [])
    session = desk.enter_sent(heard[-1] if heard else "000000")
    lanes = [(story.ATTACKER, "bad"), ("Company", ""), ("Server", ""), ("Dr. Okafor", "")]
    to = 0 if got == story.ATTACKER else 3
    messages = [
        pictures.Message(0, 1, 0, 0.4, "lost my phone", "bad"),
        pictures.Message(1, 0, 1, 1.4, "moved" if moved else "no", "bad" if moved else "good"),
        pictures.Message(0, 2, 2, 2.4, "password", "bad"),
        pictures.Message(2, to, 3, 3.4, "code", "bad" if to == 0 else "good"),
        pictures.Message(2, 0, 4, 4.4, "session" if session else "refused", "bad" if session else "good"),
    ]
    yield Step(
        "The code goes to the number",
        "The server did everything right. The weak link is a firm it doesn't know.",
        (Value("code delivered to", got), Value("session for Mallory", session is not None)),
        pictures.sequence("The number is moved, and the code with it.", lanes, messages),
    )
    if session is None:
        yield Outcome(
            "held", "The company asked for something that Mallory doesn't know; the code went to its owner."
        )
    else:
        yield Outcome(
            "broken", "Mallory has a session. A phone number isn't something you have: the company has it."
        )


def passkey(chosen: Chosen, rng: random.Random) -> Iterator[Event]:
    """The same page and the same moved number against a signature over challenge and origin."""
    page = chosen.text("page")
    if not _ORIGIN.fullmatch(page):
        raise BadParameterError(
            "page",
            "give https:// and a host in small letters.",
            "Browsers compare origins letter by letter; a lax comparison is a hole.",
        )
    device = passkeys.Device()
    public = device.register(passkeys.host(REAL), rng.randbytes(32))
    challenge = rng.randbytes(32)
    true = device.sign(passkeys.host(REAL), challenge, REAL)
    yield Step(
        "At the real page",
        "The server sends a random [[challenge]]. The browser adds the page's [[origin]], which it knows and no page can choose; "
        "the device signs both. The core of WebAuthn, spelled out here to be seen; never use it.",
        (
            Value("public key", public.public_bytes_raw()),
            Value("challenge", challenge),
            Value("signed by the browser's word", true.client.decode()),
            Value("signature", true.signature),
            Value("accepted", not passkeys.refusal(public, REAL, challenge, true)),
        ),
    )
    tries = _attempts(page, device, public, challenge, true, rng)
    yield _tried(tries)
    recovered, step = _moved_number(chosen.text("recovery"), rng)
    yield step
    tries.append(("the moved number, and 'lost my passkey'", recovered))
    entered = [name for name, reason in tries if not reason]
    real = not passkeys.refusal(public, REAL, challenge, true)
    if real and not entered:
        yield Outcome(
            "held",
            "The owner comes in; Mallory has nothing to pass on. There is no code to type and no number to move.",
        )
    else:
        yield Outcome(
            "broken",
            f"She came in by: {'; '.join(entered)}. "
            + (
                "The way back is weaker than the door."
                if not recovered
                else "Her page had the server's own origin."
            ),
        )


def _tried(tries: list[tuple[str, str]]) -> Step:
    messages = [
        pictures.Message(2, 1, 0, 0.4, "challenge"),
        pictures.Message(1, 0, 1, 1.4, "the same", "bad"),
        pictures.Message(0, 1, 2, 2.4, "her origin, signed", "bad"),
        pictures.Message(1, 2, 3, 3.4, "passed on", "bad"),
        pictures.Message(
            2, 1, 4, 4.4, "refused" if tries[1][1] else "session", "good" if tries[1][1] else "bad"
        ),
    ]
    return Step(
        "All that Mallory tries",
        "She passes the server's fresh challenge on, in real time, as she did with the code. Even a careless device would sign "
        "her page's name along with it.",
        tuple(Value(name, "refused" if reason else "accepted", reason) for name, reason in tries),
        pictures.sequence("The challenge passes through Mallory's page.", _LANES, messages),
        Table(
            ("attempt", "result", "why"),
            tuple((name, "refused" if why else "in", why or "all fits") for name, why in tries),
        ),
    )


def _attempts(
    page: str,
    device: passkeys.Device,
    public: Ed25519PublicKey,
    challenge: bytes,
    true: passkeys.Assertion,
    rng: random.Random,
) -> list[tuple[str, str]]:
    """What she tries, and why it is refused; an empty reason is a way in."""
    site = passkeys.host(REAL)
    offered = passkeys.browser_signs(device, page, challenge)
    careless = device.sign(site, challenge, page)
    edited = dataclasses.replace(careless, client=careless.client.replace(page.encode(), REAL.encode()))
    own = passkeys.Device()
    own.register(site, rng.randbytes(32))
    another = rng.randbytes(32)
    old = device.sign(site, another, REAL)

    def why(shown: passkeys.Assertion) -> str:
        return passkeys.refusal(public, REAL, challenge, shown)

    return [
        ("her page asks the browser", why(offered) if offered else "no passkey for this host"),
        ("a careless device signs", why(careless)),
        ("she edits the origin", why(edited) if page != REAL else ""),
        ("a signature of yesterday", why(old)),
        ("a key of her own", why(own.sign(site, challenge, REAL))),
        ("yesterday's challenge swapped in", why(dataclasses.replace(old, client=true.client))),
    ]


def _moved_number(recovery: str, rng: random.Random) -> tuple[str, Step]:
    """The sim swap of the attack against the way back in: why she is refused, empty if she is let in."""
    company = Company({_NUMBER: story.DOCTOR}, {_NUMBER: _BIRTH})
    moved = company.move(_NUMBER, _BIRTH, story.ATTACKER)
    desk = Desk(_PASSWORD, onetime.new_secret(rng.randbytes), rng)
    spare, hers, challenge = passkeys.Device(), passkeys.Device(), rng.randbytes(32)
    registered = spare.register(passkeys.host(REAL), rng.randbytes(32))
    hers.register(passkeys.host(REAL), rng.randbytes(32))

    def shown(device: passkeys.Device) -> str:
        return passkeys.refusal(
            registered, REAL, challenge, device.sign(passkeys.host(REAL), challenge, REAL)
        )

    if recovery == _TEXT:
        desk.send_code(_PASSWORD, company, _NUMBER)
        heard = company.messages.get(story.ATTACKER, [])
        refused = "" if desk.enter_sent(heard[-1] if heard else "000000") else "the code is another"
    else:
        refused = shown(hers)
    step = Step(
        "And the moved number",
        f"She has the password and the number, and says that she lost her passkey. Here, who lost it {recovery}. With a second "
        "passkey the server sends nothing to the number; with a text message all of this was for nothing.",
        (
            Value("number moved", moved),
            Value("messages on Mallory's phone", len(company.messages.get(story.ATTACKER, []))),
            Value("the owner's second passkey", "refused" if shown(spare) else "accepted"),
            Value("Mallory", "refused" if refused else "accepted", refused),
        ),
    )
    return refused, step
