"""What the account pages share: who asks, with which session, and whether it was proved lately."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from fastapi import Request
from fastapi.responses import RedirectResponse, Response

from security.accounts.cookies import Cookies
from security.accounts.errors import BusyError
from security.accounts.identity import SCOPE_KEY, Identity, Role
from security.accounts.pages import Handler, Pages
from security.accounts.sessions import Sessions
from security.accounts.trail_watch import Alarm, Checked, TrailWatch
from security.accounts.work import Workers

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "HEAD", "TRACE")
# Pages about other people, which are shut like the rooms to who owes something.
OF_OTHERS = ("/account/people", "/account/trail")
# Where one may go on to after proving oneself, and nowhere else.
CONFIRMED = (
    "/account",
    "/account/authenticator",
    "/account/codes",
    "/account/export",
    "/account/passkeys",
    "/account/people",
    "/account/people/policy",
    "/account/trail",
)


@dataclass(frozen=True)
class Visitor:
    """A signed-in person and the token of the session; the token is not in `repr`."""

    identity: Identity
    token: str

    def __repr__(self) -> str:
        return f"Visitor({self.identity!r})"


@dataclass(frozen=True)
class Inside:
    """The parts that handlers behind the door need."""

    pages: Pages
    cookies: Cookies
    sessions: Sessions
    slow: Workers
    quick: Workers
    now: Callable[[], float]
    watch: TrailWatch
    checking: Workers
    clearing: Workers

    def visitor(self, request: Request) -> Visitor:
        """Who asks, for handlers that `route` has let them come to."""
        visitor = self._visitor(request)
        assert visitor is not None  # `route` has looked
        return visitor

    async def proved(self, visitor: Visitor) -> bool:
        """Whether password and code were given again within the last ten minutes."""
        return await self.quick.run(self.sessions.is_stepped_up, visitor.token, self.now())

    async def look(self) -> Checked:
        """What is known of the trail, after a look at what is new."""
        try:
            return await self.checking.run(self.watch.look, self.now())
        except BusyError:
            return self.watch.state()  # others are looking just now

    async def alarm(self, visitor: Visitor) -> Alarm | None:
        """What an administrator must be told of the trail on every page of the account."""
        if visitor.identity.role is not Role.ADMINISTRATOR:
            return None
        return (await self.look()).alarm

    def route(self, methods: Mapping[str, Handler], *, only: Role | None = None) -> Handler:
        """One handler for a path with all methods, so that none falls through to the rooms behind.

        With `only`, everybody else gets 404 whatever the method: the path is not there for them.
        """
        known = MappingProxyType(dict(methods))

        async def answer(request: Request) -> Response:
            visitor = self._visitor(request)
            if visitor is None:
                return see("/login")
            if only is not None and visitor.identity.role is not only:
                return self.pages.message(
                    "Not found", "There is no page at this address.", 404, ("/account", "Your account")
                )
            handler = known.get("GET" if request.method == "HEAD" else request.method)
            if handler is None:
                page = self.pages.message(
                    "That did not work", "This address does not take this kind of request.", 405
                )
                page.headers["allow"] = ", ".join(sorted(known))
                return page
            return await handler(request)

        return answer

    def _visitor(self, request: Request) -> Visitor | None:
        """Who asks: as the middleware says, and with the token that it looked at."""
        identity, token = request.scope.get(SCOPE_KEY), self.cookies.token(request)
        return Visitor(identity, token) if isinstance(identity, Identity) and token is not None else None


def to_confirm(back: str) -> Response:
    """Ask for password and code, then go on to `back`. What was asked for is not done."""
    return see(f"/account/confirm?next={back}")


def see(path: str) -> RedirectResponse:
    """Go on to a page of this app."""
    return RedirectResponse(path, 303, headers={"cache-control": "no-store"})
