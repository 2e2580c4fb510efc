"""A visitor of the Space that is being tried: sends what a browser behind the hub's proxy sends."""

from __future__ import annotations

import http.client
import re
import secrets
import time
from dataclasses import dataclass
from html import unescape
from urllib.parse import urlencode

import pyotp

from tools.space.errors import TrialError

NAME = "trial"
_TIMEOUT_S = 60
_STEP_S = 30
_FRAMED = "; HttpOnly; Path=/; SameSite=None; Secure; Partitioned"
_COOKIE = re.compile(f"(__Host-asklepion_session=[A-Za-z0-9_-]+){_FRAMED}")


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    text: str
    policy: str
    cookies: tuple[str, ...]
    """Each as it was set."""


class Visitor:
    """Connects to 127.0.0.1 under the name `host`; remembers its session, follows nothing by itself."""

    def __init__(self, port: int, host: str) -> None:
        self._port = port
        self._host = host
        self._cookie = ""
        self._secret = ""
        self._password = secrets.token_urlsafe(24)

    def try_get(self, path: str) -> Answer | None:
        """The answer, or None while nothing answers."""
        try:
            return self._request("GET", path)
        except (OSError, http.client.HTTPException):
            return None

    def expect(self, method: str, path: str, status: int, fields: dict[str, str] | None = None) -> Answer:
        """The answer, which must have this status.

        Raises:
            TrialError: it has another, or there is none.
        """
        try:
            answer = self._request(method, path, fields)
        except (OSError, http.client.HTTPException) as error:
            raise TrialError(f"{method} {path.partition('?')[0]} got no answer.") from error
        if answer.status != status:
            where = path.partition("?")[0]
            raise TrialError(f"{method} {where} answered {answer.status}; it must be {status}.")
        return answer

    def set_up(self, token: str) -> None:
        """Create the administrator by the token of the secret, and see that it works once.

        Raises:
            TrialError: a step is not answered as it must be.
        """
        self.expect("GET", f"/setup?token={'x' * 43}", 403)
        self.expect("GET", f"/setup?token={token}", 200)
        first = {"token": token, "name": NAME, "password": self._password, "password_again": self._password}
        page = self.expect("POST", "/setup", 200, first).text
        ticket = re.search(r'name="ticket" value="([^"]+)"', page)
        self._secret = "".join(re.findall(r"<span>([A-Z2-7]{4})</span>", page))
        if ticket is None or not self._secret:
            raise TrialError("The second page of set-up has no secret for the authenticator app.")
        second = {"token": token, "ticket": unescape(ticket[1]), "code": self._code(0)}
        self.expect("POST", "/setup", 200, second)
        self.expect("GET", f"/setup?token={token}", 403)

    def sign_in(self) -> None:
        """Sign in, keep the cookie, which must be one for a frame, and agree to the privacy text.

        Raises:
            TrialError: it is refused, the cookie is another, or the text is not asked for.
        """
        # The code of this step is spent by set-up; the server takes the next one already.
        form = {"name": NAME, "password": self._password, "code": self._code(1)}
        cookies = self.expect("POST", "/login", 303, form).cookies
        # The other is that of a known device.
        found = [match for match in map(_COOKIE.fullmatch, cookies) if match is not None]
        if len(found) != 1 or not all(cookie.endswith(_FRAMED) for cookie in cookies):
            raise TrialError("A cookie is not one that a browser takes in the frame of a Space.")
        self._cookie = found[0][1]
        self.expect("GET", "/", 303)
        edition = re.search(r'name="edition" value="(\d+)"', self.expect("GET", "/account/welcome", 200).text)
        if edition is None:
            raise TrialError("The first page after signing in does not ask to agree to the privacy text.")
        self.expect("POST", "/account/welcome", 303, {"edition": edition[1]})

    def _code(self, ahead: int) -> str:
        return str(pyotp.HOTP(self._secret).at(int(time.time()) // _STEP_S + ahead))

    def _request(self, method: str, path: str, fields: dict[str, str] | None = None) -> Answer:
        headers = {"Host": self._host, "Accept": "text/html"}
        if self._cookie:
            headers["Cookie"] = self._cookie
        body = None
        if fields is not None:
            body = urlencode(fields)
            headers |= {
                "Content-Type": "application/x-www-form-urlencoded",
                "Origin": f"https://{self._host}",
                "Sec-Fetch-Site": "same-origin",
            }
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=_TIMEOUT_S)
        try:
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            text = answer.read().decode("utf-8", "replace")
            policy = answer.getheader("content-security-policy") or ""
            cookies = tuple(answer.headers.get_all("set-cookie", ()))
            return Answer(answer.status, text, policy, cookies)
        finally:
            connection.close()
