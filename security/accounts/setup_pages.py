"""HTTP for set-up: two forms and the page with the recovery codes. No rule lives here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from fastapi import Request
from fastapi.responses import Response

from security.accounts.errors import (
    BusyError,
    NameRefusedError,
    SetupClosedError,
    SetupCodeError,
    SetupExpiredError,
    StoreError,
)
from security.accounts.forms import read_form
from security.accounts.pages import Pages
from security.accounts.policy import MAX_NAME, MAX_PASSWORD, MIN_PASSWORD
from security.accounts.setup import Enrolment, Setup
from security.accounts.work import Workers
from security.crypto import onetime
from security.crypto.errors import PasswordRefusedError

ISSUER = "Asklepion"
_GROUP = 4
_CLOSED_TEXT = (
    "This set-up link does not work, or does not work any more. If the app has been set up, please sign "
    "in. If not, use the newest link in the terminal: each start of the app prints a new one. "
    "Where the token was set as ASKLEPION_SETUP_TOKEN, use that one."
)


@dataclass(frozen=True)
class SetupPages:
    """The handlers of /setup."""

    pages: Pages
    setup: Setup
    slow: Workers
    quick: Workers
    now: Callable[[], float]

    async def show(self, request: Request) -> Response:
        """GET /setup?token=..."""
        token = request.query_params.get("token", "")
        if not await self.quick.run(self.setup.admits, token):
            return self._closed()
        return self._start(token, {}, {}, 200)

    async def post(self, request: Request) -> Response:
        """POST /setup: the first form has no ticket, the second has."""
        fields = await read_form(request)
        token = fields.get("token", "")
        try:
            if fields.get("ticket"):
                return await self._finish(token, fields)
            return await self._enrol(token, fields)
        except SetupClosedError:
            return self._closed()

    async def _enrol(self, token: str, fields: Mapping[str, str]) -> Response:
        name, password = fields.get("name", ""), fields.get("password", "")
        if not await self.quick.run(self.setup.admits, token):
            return self._closed()
        if password != fields.get("password_again", ""):
            problems = {"password_again": "The two passwords differ. Please type both again."}
            return self._start(token, fields, problems, 422)
        try:
            enrolment = await self.slow.run(self.setup.enrol, token, name, password, self.now())
        except NameRefusedError as error:
            return self._start(token, fields, {"name": str(error)}, 422)
        except PasswordRefusedError as error:
            return self._start(token, fields, {"password": str(error)}, 422)
        return self._second(token, enrolment, None, 200)

    async def _finish(self, token: str, fields: Mapping[str, str]) -> Response:
        ticket, code = fields["ticket"], fields.get("code", "")
        try:
            codes = await self.slow.run(self.setup.finish, token, ticket, code, self.now())
        except SetupExpiredError as error:
            return self._start(token, fields, {"name": str(error)}, 410)
        except (SetupCodeError, StoreError, BusyError) as error:
            # The form again, so that nothing has to be typed or scanned twice.
            enrolment = await self.quick.run(self.setup.enrolment, token, ticket, self.now())
            return self._second(
                token, enrolment, str(error), 422 if isinstance(error, SetupCodeError) else 503
            )
        return self.pages.show("codes.html", 200, codes=codes)

    def _start(
        self, token: str, fields: Mapping[str, str], problems: Mapping[str, str], status: int
    ) -> Response:
        return self.pages.show(
            "setup.html",
            status,
            token=token,
            name=fields.get("name", "")[: 4 * MAX_NAME],
            problems={field: problems.get(field) for field in ("name", "password", "password_again")},
            refused=bool(problems),
            shortest=MIN_PASSWORD,
            longest=MAX_PASSWORD,
        )

    def _second(self, token: str, enrolment: Enrolment, problem: str | None, status: int) -> Response:
        uri = onetime.provisioning_uri(enrolment.secret, enrolment.name, ISSUER)
        secret = enrolment.secret
        return self.pages.show(
            "enrol.html",
            status,
            token=token,
            ticket=enrolment.ticket,
            name=enrolment.name,
            uri=uri,
            qr=onetime.qr_svg(uri),
            groups=[secret[place : place + _GROUP] for place in range(0, len(secret), _GROUP)],
            problem=problem,
        )

    def _closed(self) -> Response:
        return self.pages.message("Set-up is closed", _CLOSED_TEXT, 403, ("/login", "Go to sign-in"))
