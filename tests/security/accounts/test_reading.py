"""Reading changes nothing: whatever an address says, GET and HEAD leave accounts as they are."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import pytest
from sqlalchemy import MetaData, select

from security.accounts.middleware import OPEN
from tests.security.accounts.fakes import NAME, PASSWORD, Admin, Browser, Clock, House, sign_in
from tests.security.accounts.people_fakes import OTHER, id_of, invite, join

ACCOUNT = ("", "/confirm", "/sessions", "/password", "/authenticator", "/codes", "/people")


def everything(house: House) -> dict[str, Any]:
    """All rows of accounts, without when a session was last seen, and how long the trail is."""
    tables = MetaData()
    tables.reflect(house.database)
    with house.database.connect() as connection:
        return {
            name: sorted(
                repr(row) for row in connection.execute(select(*[c for c in table.c if c.name != "seen_at"]))
            )
            for name, table in tables.tables.items()
        }


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_no_address_does_anything_when_it_is_only_read(
    house: House, admin: Admin, office: Browser, clock: Clock, method: str
) -> None:
    join(house, invite(office))
    open_invitation = invite(office)
    second = house.browser()
    clock.pass_by(30)
    sign_in(second, admin, clock)
    wanted = {
        "which": "others",
        "person": id_of(house, "Kim Lee"),
        "role": "administrator",
        "sure": "yes",
        "name": NAME,
        "old": PASSWORD,
        "password": OTHER,
        "password_again": OTHER,
        "code": admin.codes[0],
        "token": open_invitation.partition("token=")[2],
    }
    before = everything(house)
    for action in ("delete", "disable", "role", "reset", "invite"):
        query = urlencode(wanted | {"action": action})
        for path in (*OPEN, *(f"/account{rest}" for rest in ACCOUNT)):
            assert office.request(method, f"{path}?{query}").status_code < 500, path
    assert everything(house) == before
    assert second.get("/").status_code == 200
