"""HTTP for administrators: the list of people and what is done to them. Who may do so is decided here."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

from fastapi import Request
from fastapi.responses import Response
from starlette.background import BackgroundTask

from security.accounts.account_pages import told
from security.accounts.arrivals import read_arrival
from security.accounts.errors import BusyError, ClassListError, NameRefusedError, RefusedError
from security.accounts.forms import read_form
from security.accounts.identity import Role
from security.accounts.inside import Inside, Visitor, see, to_confirm
from security.accounts.invitations import Invitations
from security.accounts.links import Links, Made
from security.accounts.pages import Handler
from security.accounts.people import People

Fields = Mapping[str, str]
_BACK = "/account/people"
_log = logging.getLogger("asklepion.accounts")


@dataclass(frozen=True)
class PeoplePages:
    """The handlers of /account/people, for administrators who were asked for password and code lately."""

    inside: Inside
    people: People
    invitations: Invitations
    links: Links

    def handlers(self) -> dict[str, Handler]:
        """Path and handler."""
        methods = {"GET": self.show, "POST": self.post}
        return {_BACK: self.inside.route(methods, only=Role.ADMINISTRATOR)}

    async def show(self, request: Request) -> Response:
        """GET /account/people."""
        visitor = self.inside.visitor(request)
        if not await self.inside.proved(visitor):
            return to_confirm(_BACK)
        return await self._list(visitor, (), {}, 200)

    async def post(self, request: Request) -> Response:
        """POST /account/people: the field `action` says what."""
        fields, visitor = await read_form(request), self.inside.visitor(request)
        if not await self.inside.proved(visitor):
            return to_confirm(_BACK)
        actions: dict[str, Callable[[Request, Visitor, Fields], Awaitable[Response]]] = {
            "invite": self._invite,
            "invite-class": self._invite_class,
            "withdraw": self._withdraw,
            "role": self._role,
            "disable": self._disable,
            "enable": self._enable,
            "reset": self._reset,
            "delete": self._delete,
        }
        action = actions.get(fields.get("action", ""))
        try:
            if action is None:
                raise RefusedError("This form is not known here. Load the page again.")
            return await action(request, visitor, fields)
        except ClassListError as error:
            return await self._list(visitor, error.lines, fields, 422)
        except (NameRefusedError, RefusedError) as error:
            return await self._list(visitor, (str(error),), fields, 422)

    async def _invite(self, request: Request, visitor: Visitor, fields: Fields) -> Response:
        role, name = _role_of(fields), fields.get("name", "")
        by = visitor.identity.id
        made = await self.inside.slow.run(self.invitations.invite, by, role, name, self.inside.now())
        return self._made(request, [made], "/invite")

    async def _invite_class(self, request: Request, visitor: Visitor, fields: Fields) -> Response:
        by, text = visitor.identity.id, fields.get("class", "")
        made = await self.inside.slow.run(self.invitations.invite_class, by, text, self.inside.now())
        return self._made(request, made, "/invite")

    async def _withdraw(self, _: Request, visitor: Visitor, fields: Fields) -> Response:
        by, link = visitor.identity.id, fields.get("invitation", "")
        await self.inside.slow.run(self.invitations.withdraw, by, link, self.inside.now())
        return see(_BACK)

    async def _role(self, _: Request, visitor: Visitor, fields: Fields) -> Response:
        by, person, role = visitor.identity.id, fields.get("person", ""), _role_of(fields)
        await self.inside.slow.run(self.people.set_role, by, person, role, self.inside.now())
        return see(_BACK)

    async def _disable(self, _: Request, visitor: Visitor, fields: Fields) -> Response:
        by, person = visitor.identity.id, fields.get("person", "")
        await self.inside.slow.run(self.people.disable, by, person, self.inside.now())
        return see(_BACK)

    async def _enable(self, _: Request, visitor: Visitor, fields: Fields) -> Response:
        by, person = visitor.identity.id, fields.get("person", "")
        await self.inside.slow.run(self.people.enable, by, person, self.inside.now())
        return see(_BACK)

    async def _delete(self, _: Request, visitor: Visitor, fields: Fields) -> Response:
        if fields.get("sure") != "yes":
            raise RefusedError("Nobody was deleted. Tick the box beside the button: it can't be taken back.")
        by, person = visitor.identity.id, fields.get("person", "")
        deleted = await self.inside.clearing.run(self.people.delete, by, person, self.inside.now())
        page = self.inside.pages.show("deleted.html", deleted=deleted)
        page.background = BackgroundTask(self._clear_rest, person)
        return page

    async def _clear_rest(self, but: str) -> None:
        try:
            await self.inside.clearing.run(self.people.clear_rest, but)
        except BusyError as error:
            _log.warning("What earlier deletions left was not cleared: %s", error)

    async def _reset(self, request: Request, visitor: Visitor, fields: Fields) -> Response:
        by, person = visitor.identity.id, fields.get("person", "")
        made = await self.inside.slow.run(self.people.reset, by, person, self.inside.now())
        return self._made(request, [made], "/reset")

    def _made(self, request: Request, made: Sequence[Made], path: str) -> Response:
        own = read_arrival(request.scope, self.inside.cookies.settings).own_origin
        links = [(one.name, one.role.value, f"{own}{path}?token={one.token}") for one in made]
        return self.inside.pages.show("links.html", links=links, reset=path == "/reset")

    async def _list(self, visitor: Visitor, problems: Sequence[str], fields: Fields, status: int) -> Response:
        members = await self.inside.quick.run(self.people.everybody)
        open_links = await self.inside.quick.run(self.links.invitations, self.inside.now())
        return self.inside.pages.show(
            "people.html",
            status,
            uncleared=await self.inside.quick.run(self.people.uncleared),
            me=visitor.identity.id,
            members=[(one, told(one.created_at)) for one in members],
            invitations=[(one, told(one.expires_at)) for one in open_links],
            roles=[role.value for role in Role],
            problems=problems,
            alarm=await self.inside.alarm(visitor),
            typed=fields.get("class", ""),
        )


def _role_of(fields: Fields) -> Role:
    try:
        return Role(fields.get("role", ""))
    except ValueError as error:
        raise RefusedError("Choose one of the roles in the list.") from error
