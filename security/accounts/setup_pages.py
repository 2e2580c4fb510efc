"""HTTP for set-up and invitations: two forms and the page with the recovery codes. No rule lives here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from fastapi import Request
from fastapi.responses import Response

from security.accounts.enrolment import Enrolling, Enrolment, digest
from security.accounts.errors import (
    BusyError,
    NameRefusedError,
    SetupClosedError,
    SetupCodeError,
    SetupExpiredError,
    StoreError,
    TooOftenError,
)
from security.accounts.forms import read_form
from security.accounts.judging import Judging
from security.accounts.pages import Pages
from security.accounts.policy import MAX_NAME, MAX_PASSWORD, MIN_PASSWORD
from security.accounts.work import Workers
from security.crypto import onetime
from security.crypto.errors import PasswordRefusedError

ISSUER = "Asklepion"
_GROUP = 4


@dataclass(frozen=True)
class Words:
    """What differs between the pages of set-up and of an invitation."""

    path: str
    title: str
    lead: str
    closed: str


SETUP = Words(
    "/setup",
    "Create the administrator",
    "You are the first one here. This account will be able to do everything in this app.",
    "This set-up link does not work, or does not work any more. If the app has been set up, please sign "
    "in. If not, use the newest link in the terminal: each start of the app prints a new one. "
    "Where the token was set as ASKLEPION_SETUP_TOKEN, use that one.",
)
INVITATION = Words(
    "/invite",
    "Create your account",
    "You were invited. Choose a password that only you know; your second factor comes next.",
    "This invitation does not work, or does not work any more: each works once and for seven days. If you "
    "have an account, please sign in. If not, ask the person who invited you for a new link.",
)
Find = Callable[[str, float], Enrolling | None]


@dataclass(frozen=True)
class SetupPages:
    """The handlers of /setup, and of /invite. `find` gives what hangs on a token; it may block."""

    pages: Pages
    words: Words
    find: Find
    judging: Judging
    slow: Workers
    quick: Workers
    now: Callable[[], float]

    async def show(self, request: Request) -> Response:
        """GET, with ?token=..."""
        token = request.query_params.get("token", "")
        one = await self._admitted(token)
        return self._closed() if one is None else self._start(one, token, {}, {}, 200)

    async def post(self, request: Request) -> Response:
        """POST: the first form has no ticket, the second has."""
        fields = await read_form(request)
        token = fields.get("token", "")
        try:
            if fields.get("ticket"):
                return await self._finish(token, fields)
            return await self._enrol(token, fields)
        except SetupClosedError:
            return self._closed()

    async def _admitted(self, token: str) -> Enrolling | None:
        def look() -> Enrolling | None:
            one = self.find(token, self.now())
            return one if one is not None and one.admits(token) else None

        return await self.quick.run(look)

    async def _enrol(self, token: str, fields: Mapping[str, str]) -> Response:
        name, password = fields.get("name", ""), fields.get("password", "")
        one = await self._admitted(token)
        if one is None:
            return self._closed()
        if password != fields.get("password_again", ""):
            problems = {"password_again": "The two passwords differ. Please type both again."}
            return self._start(one, token, fields, problems, 422)
        try:
            shown, now = await self.quick.run(one.usable_name, name), self.now()
            check = await self.judging.accepted(digest(token), password, shown, now)
            enrolment = await self.slow.run(one.enrol, token, name, password, now, check)
        except NameRefusedError as error:
            return self._start(one, token, fields, {"name": str(error)}, 422)
        except PasswordRefusedError as error:
            return self._start(one, token, fields, {"password": str(error)}, 422)
        except TooOftenError as error:
            return self._start(one, token, fields, {"password": str(error)}, 429)
        return self._second(token, enrolment, None, 200)

    async def _finish(self, token: str, fields: Mapping[str, str]) -> Response:
        ticket, code = fields["ticket"], fields.get("code", "")
        one = await self.quick.run(self.find, token, self.now())
        if one is None:
            return self._closed()
        try:
            codes = await self.slow.run(one.finish, token, ticket, code, self.now())
        except SetupExpiredError as error:
            return self._start(one, token, fields, {"name": str(error)}, 410)
        except NameRefusedError as error:
            return self._start(one, token, fields, {"name": str(error)}, 409)
        except (SetupCodeError, StoreError, BusyError) as error:
            # The form again, so that nothing has to be typed or scanned twice.
            enrolment = await self.quick.run(one.enrolment, token, ticket, self.now())
            return self._second(
                token, enrolment, str(error), 422 if isinstance(error, SetupCodeError) else 503
            )
        return self.pages.show("codes.html", 200, codes=codes, renewed=False)

    def _start(
        self, one: Enrolling, token: str, fields: Mapping[str, str], problems: Mapping[str, str], status: int
    ) -> Response:
        return self.pages.show(
            "setup.html",
            status,
            words=self.words,
            token=token,
            fixed=one.fixed_name is not None,
            name=one.fixed_name or fields.get("name", "")[: 4 * MAX_NAME],
            problems={field: problems.get(field) for field in ("name", "password", "password_again")},
            refused=bool(problems),
            shortest=MIN_PASSWORD,
            longest=MAX_PASSWORD,
        )

    def _second(self, token: str, enrolment: Enrolment, problem: str | None, status: int) -> Response:
        return show_app(
            self.pages,
            enrolment.secret,
            enrolment.name,
            {"action": self.words.path, "button": "Create the account", "step": "Step 2 of 3"},
            {"token": token, "ticket": enrolment.ticket, "name": enrolment.name},
            problem,
            status,
        )

    def _closed(self) -> Response:
        return self.pages.message("This link is closed", self.words.closed, 403, ("/login", "Go to sign-in"))


def show_app(
    pages: Pages,
    secret: str,
    name: str,
    words: Mapping[str, str],
    hidden: Mapping[str, str],
    problem: str | None,
    status: int,
) -> Response:
    """The page that hands a secret over to an authenticator app and asks for its first code."""
    uri = onetime.provisioning_uri(secret, name, ISSUER)
    return pages.show(
        "enrol.html",
        status,
        words=words,
        hidden=hidden,
        name=name,
        uri=uri,
        qr=onetime.qr_svg(uri),
        groups=[secret[place : place + _GROUP] for place in range(0, len(secret), _GROUP)],
        problem=problem,
    )
