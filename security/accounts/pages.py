"""The door's pages: templates, and the answers that carry them. Nothing is loaded from elsewhere.

Every page works without JavaScript; where passkeys are offered or a password is chosen, our own script runs.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from functools import cache
from pathlib import Path

from fastapi import Request
from fastapi.responses import HTMLResponse, Response
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from security.accounts.errors import BusyError, FormError, StoreError
from security.accounts.headers import DOOR_CSP
from security.crypto.errors import CryptoError

_log = logging.getLogger("asklepion.accounts")
_DAMAGED = "What is stored about it is damaged. Restore the database from a backup."
_TEMPLATES = Path(__file__).parent / "templates"
Handler = Callable[[Request], Awaitable[Response]]


class Pages:
    """Renders templates. Everything that is put into one is escaped."""

    def __init__(self, notice: str = "") -> None:
        self._templates = _templates(notice)

    def show(self, template: str, status: int = 200, **values: object) -> HTMLResponse:
        """A page of the door, with the headers of one."""
        body = self._templates.get_template(template).render(**values)
        return HTMLResponse(
            body, status, headers={"content-security-policy": DOOR_CSP, "cache-control": "no-store"}
        )

    def message(
        self, title: str, text: str, status: int, link: tuple[str, str] | None = None
    ) -> HTMLResponse:
        """A page that says one thing; `link` is an address and its words."""
        return self.show("message.html", status, title=title, text=text, link=link)

    def guarded(self, handler: Handler) -> Handler:
        """`handler` with the errors of accounts turned into pages: the edge where HTTP begins."""

        async def answer(request: Request) -> Response:
            back = _way_back(request.url.path)
            try:
                return await handler(request)
            except FormError as error:
                return self.message("That did not work", str(error), error.status, back)
            except BusyError as error:
                page = self.message("Please wait a moment", str(error), 503, back)
            except StoreError as error:
                page = self.message("That did not work", str(error), 503, back)
            except CryptoError as error:
                _log.error("an account can't be opened: %s", error)
                return self.message("This account can't be opened", _DAMAGED, 500)
            page.headers["retry-after"] = "2"
            return page

        return answer


@cache
def _templates(notice: str) -> Environment:
    """The templates, each of which is compiled when it is first shown."""
    templates = Environment(
        loader=FileSystemLoader(_TEMPLATES), autoescape=True, undefined=StrictUndefined, auto_reload=False
    )
    # What every page says above all else; empty: nothing.
    templates.globals["notice"] = notice
    return templates


def _way_back(path: str) -> tuple[str, str] | None:
    if path in ("/setup", "/invite", "/reset"):
        # Their forms can't be gone back to by a link: the address holds the token.
        return None
    return ("/account" if path.startswith("/account") else "/login", "Go back")
