"""HTTP for a person's own account: reads forms, calls the service, shows pages. No rule lives here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from math import ceil

from fastapi import Request
from fastapi.responses import Response

from security.accounts import limits
from security.accounts.account import Account, Renewal
from security.accounts.challenges import Purpose
from security.accounts.enrolment import digest
from security.accounts.errors import BusyError, RefusedError, SetupCodeError, SetupExpiredError, TooOftenError
from security.accounts.factors import PASSKEYS, of_passkeys
from security.accounts.forms import read_form
from security.accounts.identity import Role
from security.accounts.inside import CONFIRMED, Inside, Visitor, see, to_confirm
from security.accounts.judging import Judging
from security.accounts.limits import Limiter
from security.accounts.pages import Handler
from security.accounts.passkey_offers import PasskeyOffers
from security.accounts.policy import MAX_PASSWORD, MIN_PASSWORD, name_key
from security.accounts.requirements import Requirements
from security.accounts.setup_pages import show_app
from security.accounts.signin import CodeGate
from security.accounts.successes import succeeded
from security.crypto.errors import PasswordRefusedError

_DIFFERENT = "The two new passwords differ. Please type both again."


@dataclass(frozen=True)
class AccountPages:
    """The handlers of /account and below, save those of administrators."""

    inside: Inside
    account: Account
    requirements: Requirements
    limiter: Limiter
    offers: PasskeyOffers
    judging: Judging

    def handlers(self) -> dict[str, Handler]:
        """Path and handler."""
        route = self.inside.route
        return {
            "/account": route({"GET": self.show}),
            "/account/confirm": route({"GET": self.ask, "POST": self.confirm}),
            "/account/sessions": route({"POST": self.end_sessions}),
            "/account/password": route({"GET": self.password, "POST": self.change_password}),
            "/account/authenticator": route({"GET": self.new_app, "POST": self.renew_app}),
            "/account/codes": route({"GET": self.ask_codes, "POST": self.renew_codes}),
        }

    async def show(self, request: Request) -> Response:
        """GET /account."""
        visitor, inside = self.inside.visitor(request), self.inside
        user = visitor.identity.id
        factors = await inside.quick.run(self.account.factors, user)
        required = await inside.quick.run(self.requirements.of, visitor.identity.role)
        found = await inside.quick.run(inside.sessions.open_to, user, visitor.token, inside.now())
        rows = [(one, told(one.started), told(one.seen)) for one in found]
        activity = await inside.quick.run(self.account.activity, user)
        return inside.pages.show(
            "account.html",
            name=visitor.identity.name,
            role=visitor.identity.role.value,
            factors=factors,
            required=required,
            met=factors.passkeys > 0 or not required.passkey_required,
            sessions=rows,
            activity=activity,
            happened=[(told(one.at), one.words) for one in activity.happenings],
            administrator=visitor.identity.role is Role.ADMINISTRATOR,
            alarm=await inside.alarm(visitor),
        )

    async def ask(self, request: Request) -> Response:
        """GET /account/confirm?next=..."""
        return self._confirm(request, request.query_params.get("next", ""), None, 200)

    async def confirm(self, request: Request) -> Response:
        """POST /account/confirm."""
        fields, visitor = await read_form(request), self.inside.visitor(request)
        back, now = fields.get("next", ""), self.inside.now()
        wait = await self._wait(request, visitor, now)
        if wait is not None:
            return self._confirm(request, back, wait, 429)
        passkey = self.offers.given(request, fields, Purpose.CONFIRM, visitor.token)
        given = fields.get("password", ""), passkey or fields.get("code", "")
        step_up = partial(self.account.step_up, visitor.identity.id, visitor.token, *given, now)
        try:
            token = await self._tried(request, visitor, now, step_up)
        except RefusedError as error:
            return self._confirm(request, back, str(error), 422)
        await succeeded(self.limiter, self.inside.quick, self._who(request, visitor), now)
        page = see(_allowed(back))
        self.inside.cookies.set(request, page, token)
        return page

    async def end_sessions(self, request: Request) -> Response:
        """POST /account/sessions: one by its handle, or with none all others."""
        fields, visitor = await read_form(request), self.inside.visitor(request)
        if not await self.inside.proved(visitor):
            return to_confirm("/account")
        user, now, handle = visitor.identity.id, self.inside.now(), fields.get("session", "")
        if fields.get("which") == "others":
            await self.inside.slow.run(self.account.end_others, user, visitor.token, now)
        elif not await self.inside.slow.run(self.account.end_session, user, handle, now):
            return self.inside.pages.message(
                "Not found", "You have no such session; it may have ended.", 404, ("/account", "Go back")
            )
        return see("/account")

    async def password(self, request: Request) -> Response:
        """GET /account/password."""
        return self._password(request, {}, 200)

    async def change_password(self, request: Request) -> Response:
        """POST /account/password."""
        fields, visitor = await read_form(request), self.inside.visitor(request)
        now, new = self.inside.now(), fields.get("password", "")
        if new != fields.get("password_again", ""):
            return self._password(request, {"password_again": _DIFFERENT}, 422)
        try:
            # Before an attempt is counted for it, and paid for by itself.
            holder = digest(visitor.identity.id)
            check = await self.judging.accepted(holder, new, visitor.identity.name, now)
        except PasswordRefusedError as error:
            return self._password(request, {"password": str(error)}, 422)
        except TooOftenError as error:
            return self._password(request, {"password": str(error)}, 429)
        wait = await self._wait(request, visitor, now)
        if wait is not None:
            return self._password(request, {"old": wait}, 429)
        passkey = self.offers.given(request, fields, Purpose.PASSWORD, visitor.token)
        given = fields.get("old", ""), passkey or fields.get("code", ""), new
        user, change = visitor.identity.id, self.account.change_password
        try:
            factors = await self.inside.quick.run(self.account.factors, user)
            token = await self._tried(
                request, visitor, now, lambda gate: change(user, *given, now, gate, check)
            )
        except RefusedError as error:
            return self._password(request, {"old": str(error)}, 422)
        await succeeded(self.limiter, self.inside.quick, self._who(request, visitor), now)
        text, link = "All other sessions have ended. This one goes on.", ("/account", "Your account")
        if factors.passkeys:
            text, link = f"{text} {of_passkeys(factors.passkeys)}", (PASSKEYS, "Your passkeys")
        page = self.inside.pages.message("Your password is changed", text, 200, link)
        self.inside.cookies.set(request, page, token)
        return page

    async def new_app(self, request: Request) -> Response:
        """GET /account/authenticator."""
        visitor = self.inside.visitor(request)
        if not await self.inside.proved(visitor):
            return to_confirm("/account/authenticator")
        renewal = await self.inside.quick.run(self.account.new_app, visitor.identity.id, self.inside.now())
        return self._app(visitor, renewal, None, 200)

    async def renew_app(self, request: Request) -> Response:
        """POST /account/authenticator."""
        fields, visitor, now = await read_form(request), self.inside.visitor(request), self.inside.now()
        if not await self.inside.proved(visitor):
            return to_confirm("/account/authenticator")
        user, ticket, code = visitor.identity.id, fields.get("ticket", ""), fields.get("code", "")
        slow = self.inside.slow
        try:
            await slow.run(self.account.renew_app, user, visitor.token, ticket, code, now)
        except SetupCodeError as error:
            shown = await self.inside.quick.run(self.account.shown_app, user, ticket, now)
            return self._app(visitor, shown, str(error), 422)
        except RefusedError as error:
            return self.inside.pages.message(
                "That did not work", str(error), 410, ("/login", "Go to sign-in")
            )
        except SetupExpiredError as error:
            again = await self.inside.quick.run(self.account.new_app, user, now)
            return self._app(visitor, again, str(error), 410)
        return self.inside.pages.message(
            "Your new app is in place",
            "Codes of the earlier one do not work any more. All other sessions have ended.",
            200,
            ("/account", "Your account"),
        )

    async def ask_codes(self, request: Request) -> Response:
        """GET /account/codes."""
        if not await self.inside.proved(self.inside.visitor(request)):
            return to_confirm("/account/codes")
        return self.inside.pages.show("new_codes.html")

    async def renew_codes(self, request: Request) -> Response:
        """POST /account/codes."""
        await read_form(request)
        visitor = self.inside.visitor(request)
        if not await self.inside.proved(visitor):
            return to_confirm("/account/codes")
        codes = await self.inside.slow.run(self.account.renew_codes, visitor.identity.id, self.inside.now())
        return self.inside.pages.show("codes.html", codes=codes, renewed=True)

    def _confirm(self, request: Request, back: str, problem: str | None, status: int) -> Response:
        values = {"next": _allowed(back), "problem": problem}
        return self._asking(request, Purpose.CONFIRM, "confirm.html", status, values)

    def _password(self, request: Request, problems: Mapping[str, str], status: int) -> Response:
        values = {
            "problems": {field: problems.get(field) for field in ("old", "password", "password_again")},
            "refused": bool(problems),
            "shortest": MIN_PASSWORD,
            "longest": MAX_PASSWORD,
        }
        return self._asking(request, Purpose.PASSWORD, "password.html", status, values)

    def _asking(
        self, request: Request, purpose: Purpose, template: str, status: int, values: Mapping[str, object]
    ) -> Response:
        """A page that asks for a second factor, a passkey among them where there can be one."""
        inside, visitor = self.inside, self.inside.visitor(request)
        offer = self.offers.offer(request, purpose, visitor.token, inside.now())
        return inside.pages.show(template, status, passkey=offer, **values)

    def _app(self, visitor: Visitor, renewal: Renewal, problem: str | None, status: int) -> Response:
        words = {"action": "/account/authenticator", "button": "Use this app from now on", "step": ""}
        hidden = {"ticket": renewal.ticket}
        return show_app(
            self.inside.pages, renewal.secret, visitor.identity.name, words, hidden, problem, status
        )

    async def _wait(self, request: Request, visitor: Visitor, now: float) -> str | None:
        """Count an attempt; what to say if it may not be made."""
        who = self._who(request, visitor)
        wait = await self.inside.quick.run(self.limiter.take, who, now)
        if wait > 0:
            return f"Too many attempts. Please wait {ceil(wait)} seconds and try again."
        return None

    async def _tried(
        self, request: Request, visitor: Visitor, now: float, work: Callable[[CodeGate], str]
    ) -> str:
        """What comes of an attempt that `_wait` has counted; one that was not looked at counts no more."""
        who = self._who(request, visitor)

        def gate(password_fits: bool) -> bool:
            # Codes count after a right password alone, as at sign-in.
            return self.limiter.take_code(who, now, password_fits=password_fits)

        try:
            return await self.inside.slow.run(work, gate)
        except BusyError:
            await self.inside.quick.run(self.limiter.take_back, who, now)
            raise

    def _who(self, request: Request, visitor: Visitor) -> limits.Visitor:
        return self.inside.cookies.visitor(request, name_key(visitor.identity.name))


def told(at: int) -> str:
    """A time as these pages show it."""
    return datetime.fromtimestamp(at, UTC).strftime("%d %b %Y, %H:%M UTC")


def _allowed(back: str) -> str:
    return back if back in CONFIRMED else "/account"
