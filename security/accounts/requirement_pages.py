"""HTTP for administrators: which factors a role must have. Who may say so is decided here."""

from __future__ import annotations

from dataclasses import dataclass

from fastapi import Request
from fastapi.responses import Response

from security.accounts.errors import RefusedError
from security.accounts.forms import read_form
from security.accounts.identity import Role
from security.accounts.inside import Inside, Visitor, see, to_confirm
from security.accounts.pages import Handler
from security.accounts.requirements import Requirements
from security.accounts.role_policy import Requirement

_PATH = "/account/people/policy"


@dataclass(frozen=True)
class RequirementPages:
    """The handlers of /account/people/policy, for administrators who proved themselves lately."""

    inside: Inside
    requirements: Requirements

    def handlers(self) -> dict[str, Handler]:
        """Path and handler."""
        return {_PATH: self.inside.route({"GET": self.show, "POST": self.change}, only=Role.ADMINISTRATOR)}

    async def show(self, request: Request) -> Response:
        """GET /account/people/policy."""
        visitor = self.inside.visitor(request)
        if not await self.inside.proved(visitor):
            return to_confirm(_PATH)
        return await self._list(visitor, None, 200)

    async def change(self, request: Request) -> Response:
        """POST /account/people/policy: one role."""
        fields, visitor = await read_form(request), self.inside.visitor(request)
        if not await self.inside.proved(visitor):
            return to_confirm(_PATH)
        try:
            wanted = Requirement(
                Role(fields.get("role", "")),
                passkey_required=fields.get("required") == "yes",
                passkey_alone=fields.get("alone") == "yes",
            )
        except ValueError:
            return await self._list(visitor, "Nothing was changed. Choose one of the roles below.", 422)
        change, now = self.requirements.change, self.inside.now()
        try:
            await self.inside.slow.run(change, visitor.identity.id, wanted, now)
        except RefusedError as error:
            return await self._list(visitor, str(error), 422)
        return see(_PATH)

    async def _list(self, visitor: Visitor, problem: str | None, status: int) -> Response:
        standings = await self.inside.quick.run(self.requirements.standings)
        return self.inside.pages.show(
            "policy.html",
            status,
            standings=standings,
            problem=problem,
            alarm=await self.inside.alarm(visitor),
        )
