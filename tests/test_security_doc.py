"""docs/security.md says what the code does: its figures, words, addresses and roles, section by section."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from assistant import documents
from security.accounts import devices, door, judging, limits, links, policy, sessions
from security.accounts.buckets import FORGET_S
from security.accounts.identity import Role
from security.accounts.middleware import OPEN
from security.accounts.settings import AccountSettings
from security.accounts.tables import User
from security.lab.parameters import FILE_BYTES
from training.corpus.archives import DOCUMENT_LIMITS, LIMITS
from training.corpus.sources import ANNOTATIONS, ARCHIVE, READABLE

ROOT = Path(__file__).parent.parent
TEXT = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
SECTIONS = dict(re.findall(r"^## ([^\n]+)\n(.*?)(?=^## |\Z)", TEXT, re.MULTILINE | re.DOTALL))


def said(section: str, *words: str) -> None:
    text = " ".join(SECTIONS[section].split())
    for one in words:
        assert one in text, f"{section} does not say {one!r}"


def free(rule: limits.Rule) -> int:
    """How many attempts go through before the first wait."""
    return next(count for count in range(1, 1000) if rule.delay_s(count) > 0)


def handled() -> set[str]:
    """Every path that the door answers, from the code that answers it."""
    modules = sorted((ROOT / "security" / "accounts").glob("*.py"))
    source = "".join(module.read_text(encoding="utf-8") for module in modules)
    return set(re.findall(r'"(/account(?:/\w+)*)"', source))


def test_the_limits_on_guessing() -> None:
    rows = {
        "name that was typed, from devices never signed in": limits.BY_ACCOUNT,
        "network address (IPv6: its /64), over all names": limits.BY_ADDRESS,
        "network address, where all visitors share one": limits.BY_SHARED_ADDRESS,
        "device that has signed in to the account before": limits.BY_DEVICE,
    }
    for name, rule in rows.items():
        said("Guessing", f"| {name} | {free(rule)} attempts | {rule.first_s} s, doubling | {rule.cap_s} s |")
    code = limits.BY_CODE
    said(
        "Guessing",
        f"| wrong codes after a right password | {free(code)} in an hour | an hour | {code.cap_s} s",
    )
    said(
        "Guessing", f"forgotten after {FORGET_S // 60} minutes", f"good for {devices.MAX_AGE_S // 86400} days"
    )
    source = Path(door.__file__).read_text(encoding="utf-8")
    threads, waiting = re.search(r'Workers\("slow", threads=(\d+), waiting=(\d+)\)', source).groups()  # type: ignore[union-attr]
    said("Guessing", f"in {threads} threads with {waiting} waiting")
    threads, waiting = re.search(r'Workers\("meter", threads=(\d+), waiting=(\d+)\)', source).groups()  # type: ignore[union-attr]
    said(
        "Guessing",
        f"in {threads} thread with {waiting} waiting",
        f"has {judging.ALLOWED:.0f} points for it",
        f"a second of work {judging.POINTS_A_SECOND_OF_WORK:.0f} more",
    )
    said(
        "Ways in",
        f"| {links.MAX_TRIES} attempts, then the link is void; and the same |",
        f"for {links.LIFE_S // 86400} days",
    )


def test_the_rules_for_passwords() -> None:
    from zxcvbn.matching import RANKED_DICTIONARIES

    listed = RANKED_DICTIONARIES["passwords"]
    long = sum(len(one) >= policy.MIN_PASSWORD for one in listed)
    said(
        "Passwords",
        f"{policy.MIN_PASSWORD} to {policy.MAX_PASSWORD} characters",
        f"list of {len(listed):,} from leaks ({long} of them have {policy.MIN_PASSWORD} characters or more)",
        f"below {policy.MIN_SCORE} of 4",
        f"fewer than {policy._MIN_OF_ONES_OWN} letters and digits of its own",
    )


def test_the_words_that_are_no_passwords_are_listed_whole() -> None:
    quoted = " ".join(line.removeprefix("> ") for line in TEXT.splitlines() if line.startswith("> "))
    assert tuple(quoted.split(", ")) == policy.CONTEXT_WORDS


def test_the_lives_of_sessions() -> None:
    settings = AccountSettings(Path())
    said(
        "Sessions",
        f"**{settings.idle_minutes} minutes** without a request",
        f"**{settings.absolute_hours} hours** in any case",
        f"within the last **{sessions.STEP_UP_S // 60} minutes**",
        f"A token is {sessions.TOKEN_BYTES * 8} random bits",
        "**any number** of sessions at once",
        "no single sign-on",
    )


def test_every_way_in_is_documented() -> None:
    for path in ("/login", "/account/confirm", "/account/password", "/reset", "/invite", "/setup"):
        said("Ways in", f"(`{path}`)")
    # Whatever is open to strangers and takes a form is a way in, the way out, or help with a form.
    posted = {path for path, methods in OPEN.items() if "POST" in methods} - {"/logout"}
    posted = {path for path in posted if not path.startswith("/door/")}
    assert posted <= {path for path in OPEN if f"(`{path}`)" in SECTIONS["Ways in"]}


@pytest.mark.parametrize("paths", [lambda: set(OPEN), handled], ids=["open", "account"])
def test_every_address_has_its_rule(paths: Callable[[], set[str]]) -> None:
    ruled = set(re.findall(r"`(/[^`]*)`", SECTIONS["Who may what"]))
    assert len(paths()) >= 7
    assert paths() <= ruled


def test_every_role_has_its_line() -> None:
    for role in Role:
        said("Who may what", f"| {role.value} | all |")


def test_the_files_that_are_taken() -> None:
    kinds = re.findall(r"^\| ([^|]+) \| ([^|]+) \|", SECTIONS["Files"], re.MULTILINE)
    of = {where: set(re.findall(r"\.\w+", named)) for where, named in kinds}
    assert of["a note for the assistant"] == set(documents.KINDS)
    assert of["text for the studio"] == {*READABLE, ANNOTATIONS, ARCHIVE}
    megabytes = documents.MAX_BYTES // 1024**2
    said(
        "Files",
        f"{megabytes} MB, {documents.MAX_PAGES} pages, {documents.MAX_TEXT:,} characters",
        f"{LIMITS.unpacked // 1024**3} GB in {LIMITS.members:,} files",
        f"a .docx {DOCUMENT_LIMITS.unpacked // 1024**2} MB",
        f"more than {LIMITS.ratio} times its size",
        f"| {FILE_BYTES // 10**6} MB |",
    )
    app = (ROOT / "app.py").read_text(encoding="utf-8")
    assert 'max_file_size="500mb"' in app
    said("Files", "500 MB a file, 20 GB an account", "**No virus scanner is asked**")


def test_what_is_expected_of_browsers() -> None:
    said("Browsers", "Content Security Policy", "HSTS for a year and for hosts below", "neither `Secure` nor")


def test_every_field_of_an_account_has_its_rule() -> None:
    names = set(re.findall(r"^\| ([^|]+) \| [^|]+ \| [^|]+ \|$", SECTIONS["Who may what"], re.MULTILINE))
    ruled = {part.strip() for name in names for part in name.split(",")}
    # What a column of the table of users holds, in the words of the document; the rest is no field of a form.
    words = {
        "name": "name",
        "name_key": "name",
        "role": "role",
        "password_hash": "password hash",
        "totp_secret": "authenticator secret",
        "totp_last_step": "authenticator secret",
        "wrapped_key": "data key",
    }
    columns = set(User.__table__.columns.keys()) - {"id", "created_at"}
    assert columns == words.keys(), "a new column needs a rule in docs/security.md"
    assert set(words.values()) | {"recovery codes", "disabled"} <= ruled
