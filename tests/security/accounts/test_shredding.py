"""A deleted account is destroyed with all that was sealed for it, down to the bytes of the file."""

from __future__ import annotations

import secrets

import pytest
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from security.accounts.erasure import forget_in_rooms
from security.accounts.errors import AccountsError, StoreError, UnknownUserError
from security.accounts.tables import Foundation
from security.accounts.vault import shred
from tests.security.accounts.fakes import Admin, Browser, Clock, House, sign_in
from tests.security.accounts.planted import found_in, keep_note, user_id
from tests.security.accounts.test_rotation import add_accounts


def test_a_shredded_account_leaves_nothing(
    house: House, admin: Admin, signed_in: Browser, clock: Clock
) -> None:
    add_accounts(house, 2)
    user = user_id(house.database)
    keep_note(house.database, house.door.vault, user)
    with house.database.connect() as connection:
        sealed = connection.execute(text("SELECT sealed FROM assistant_conversations")).scalar_one()
        row = connection.execute(
            text("SELECT wrapped_key, totp_secret, password_hash FROM accounts_users WHERE id = :u"),
            {"u": user},
        ).one()
        digests = connection.execute(text("SELECT digest FROM accounts_recovery_codes")).scalars().all()
    gone = [sealed, row[0], row[1], row[2].encode(), *digests]
    # Nonces and tags are as good as the whole for finding a remnant.
    gone += [row[0][9:33], row[0][-16:], sealed[1:25], sealed[-16:]]
    assert len(found_in(house.data, gone)) >= len(gone), "before, they are there"
    assert signed_in.get("/").status_code == 200
    assert shred(house.database, user, [forget_in_rooms])
    assert (house.data / "asklepion.db-wal").exists()
    assert found_in(house.data, gone) == []
    assert signed_in.get("/").status_code == 303
    with pytest.raises(UnknownUserError):
        house.door.vault.unseal(user, sealed, "assistant.conversation")
    with pytest.raises(UnknownUserError):
        house.door.vault.file_key(user, "training")
    with Session(house.database) as session:
        assert session.scalars(select(Foundation.administrator)).one() == f"{0:032x}"
    assert house.door.setup_link("http://127.0.0.1:7860") is None, "set-up stays closed"
    assert house.door.trail.ledger.verify().ok


def test_the_last_administrator_and_a_failure_delete_nothing(
    house: House, admin: Admin, clock: Clock
) -> None:
    user = user_id(house.database)
    with pytest.raises(AccountsError, match="last administrator"):
        shred(house.database, user)
    with pytest.raises(UnknownUserError):
        shred(house.database, secrets.token_hex(16))
    add_accounts(house, 1)

    def fail(session: Session, _: str) -> None:
        session.execute(text("SELECT * FROM no_such_table"))

    with pytest.raises(StoreError, match="Nothing was deleted"):
        shred(house.database, user, [fail])
    assert sign_in(house.browser(), admin, clock).status_code == 303
