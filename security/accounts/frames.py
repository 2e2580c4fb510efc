"""Whether a browser keeps our cookie in a frame of another site: found out before anybody types a password.

A cookie without a meaning of its own is set and looked for in the next request. Without that a sign-in there
would spend a code and end at the sign-in page again, over and over. Does not: ask a browser that doesn't say
where its page is shown (Sec-Fetch-Dest; those of today do), or let anybody in.
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote

from fastapi import Request
from fastapi.responses import Response

from security.accounts.cookies import Cookies
from security.accounts.inside import see
from security.accounts.pages import Pages

# Fetch Metadata, 2.1: what a document may be loaded into besides a window or a tab.
_WITHIN = frozenset({"iframe", "frame", "embed", "object", "fencedframe"})
_LOOKED = "looked"


@dataclass(frozen=True)
class Frames:
    """The look."""

    cookies: Cookies
    pages: Pages

    def instead(self, request: Request, back: str) -> Response | None:
        """What to answer to GET /login in place of its form; None: nothing, the form will do."""
        outside = self.cookies.outside
        if outside is None or request.headers.get("sec-fetch-dest") not in _WITHIN:
            return None
        if self.cookies.was_kept(request):
            return None
        again = f"/login?next={quote(back, safe='/')}"
        if _LOOKED in request.query_params:
            return self.pages.show("no_cookie.html", outside=outside + back, again=again)
        response = see(f"{again}&{_LOOKED}=1")
        self.cookies.set_trial(response)
        return response
