"""HTTP for the audit trail: the page, the check on demand and the export, for administrators alone.

It names people, so it opens only to who gave password and second factor lately.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlencode

from fastapi import Request
from fastapi.responses import Response, StreamingResponse

from security.accounts.audit import Trail
from security.accounts.errors import RefusedError, StoreError
from security.accounts.forms import read_form
from security.accounts.identity import Role
from security.accounts.inside import Inside, see, to_confirm
from security.accounts.pages import Handler
from security.accounts.trail_export import FORMS, Export, write
from security.accounts.trail_reading import Filter, TrailReading, index, moment
from security.accounts.trail_watch import Checked
from security.crypto.errors import CryptoError
from security.crypto.ledger import Field, LedgerError
from security.crypto.signatures import SigningKey

TRAIL = "/account/trail"
_EXPORT = f"{TRAIL}/export"


@dataclass(frozen=True)
class TrailPages:
    """The handlers of /account/trail and below."""

    inside: Inside
    reading: TrailReading
    trail: Trail
    data: Path

    def handlers(self) -> dict[str, Handler]:
        """Path and handler."""
        route, only = self.inside.route, Role.ADMINISTRATOR
        return {
            TRAIL: route({"GET": self.show, "POST": self.check}, only=only),
            _EXPORT: route({"POST": self.export}, only=only),
        }

    async def show(self, request: Request) -> Response:
        """GET /account/trail, with the filter in its address."""
        if not await self.inside.proved(self.inside.visitor(request)):
            return to_confirm(TRAIL)
        asked = request.query_params
        try:
            chosen = Filter.of(asked)
        except RefusedError as error:
            return await self._page(Filter(), "", "", str(error), 422)
        return await self._page(chosen, asked.get("before", ""), asked.get("after", ""), "", 200)

    async def check(self, request: Request) -> Response:
        """POST /account/trail: check everything now."""
        await read_form(request)
        if not await self.inside.proved(self.inside.visitor(request)):
            return to_confirm(TRAIL)
        await self.inside.checking.run(self.inside.watch.everything, self.inside.now())
        return see(TRAIL)

    async def export(self, request: Request) -> Response:
        """POST /account/trail/export: what the filter finds, as a file."""
        fields, visitor = await read_form(request), self.inside.visitor(request)
        if not await self.inside.proved(visitor):
            return to_confirm(TRAIL)
        form = fields.get("form", "")
        try:
            chosen = Filter.of(fields)
            if form not in FORMS:
                raise RefusedError("Choose CSV or JSON Lines.")
        except RefusedError as error:
            return await self._page(Filter(), "", "", str(error), 422)
        pieces = await self.inside.checking.run(self._export, visitor.identity.id, chosen, form)
        day = datetime.fromtimestamp(self.inside.now(), UTC).strftime("%Y-%m-%d")
        return StreamingResponse(
            # In threads of the server's, which wait where ours refuse: what is begun must come to its end.
            pieces,
            media_type=FORMS[form],
            headers={
                "content-disposition": f'attachment; filename="asklepion-trail-{day}.{form}"',
                "cache-control": "no-store",
                "x-content-type-options": "nosniff",
            },
        )

    def _export(self, user: str, chosen: Filter, form: str) -> Iterator[bytes]:
        try:
            return self._begun(user, chosen, form)
        except LedgerError as error:
            raise StoreError(str(error)) from error

    def _begun(self, user: str, chosen: Filter, form: str) -> Iterator[bytes]:
        now, ledger, query = self.inside.now(), self.trail.ledger, chosen.query
        told: dict[str, Field] = {"form": form, "entries": ledger.count(query), "whole": query.all}
        # Before anything is handed out, and so under the checkpoint too.
        self.trail.note("trail-exported", user, now, told)
        checked = self.inside.watch.everything(now)
        problem = checked.alarm.reason if checked.alarm else ""
        signed = None if checked.alarm else checked.signed
        key = ""
        try:
            # Never a new one: it would verify nothing that was signed before.
            key = SigningKey.load_or_create(self.data, may_create=False).verify_key.to_text()
        except CryptoError as error:
            signed, problem = None, problem or str(error)
        size = len(ledger) if signed is None else signed.size
        export = Export(query, chosen.fields, size, signed, problem, key, now)
        return write(form, ledger, export, self.reading.names())

    async def _page(self, chosen: Filter, before: str, after: str, problem: str, status: int) -> Response:
        checked, quick = await self.inside.look(), self.inside.quick
        found = await quick.run(self.reading.page, chosen, index(before), index(after))
        members = await quick.run(self.reading.members)
        kinds = await quick.run(self.reading.kinds)
        return self.inside.pages.show(
            "trail.html",
            status,
            alarm=checked.alarm,
            checking=self.inside.watch.is_checking(),
            checked=_told(checked),
            found=found,
            chosen=chosen,
            fields=chosen.fields,
            kinds=kinds,
            members=members,
            known={one.id for one in members},
            older=_address(chosen.fields, before=found.older),
            newer=_address(chosen.fields, after=found.newer),
            problem=problem,
        )


def _address(fields: Mapping[str, str], **place: int | None) -> str | None:
    (at,) = place.values()
    return None if at is None else f"{TRAIL}?{urlencode({**fields, **place})}"


def _told(checked: Checked) -> Mapping[str, str]:
    """The state of the check in words."""
    whole, signed = checked.whole_at, checked.signed
    return {
        "entries": _entries(checked.size),
        "whole": "" if whole is None else moment(int(whole * 1000)),
        "signed": "" if signed is None else moment(signed.time),
        "signed_entries": "" if signed is None or not signed.size else _entries(signed.size),
    }


def _entries(count: int) -> str:
    return "1 entry" if count == 1 else f"{count:,} entries"
