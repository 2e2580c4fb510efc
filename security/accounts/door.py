"""The door as app.py uses it: built once, it gives the pages, the middleware, the database and the vault.

Nothing happens at import; everything that can fail at start fails in `build_door` with one sentence.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response
from sqlalchemy.engine import Engine
from starlette.types import ASGIApp

from security.accounts.account import Account, Tools
from security.accounts.account_pages import AccountPages
from security.accounts.assertions import Assertions
from security.accounts.audit import Trail
from security.accounts.challenges import Challenges
from security.accounts.consent_pages import ConsentPages
from security.accounts.consents import Consents
from security.accounts.cookies import Cookies
from security.accounts.database import open_database
from security.accounts.duties import PLACES
from security.accounts.endings import Pause
from security.accounts.erasure import Erasure
from security.accounts.export import Exports
from security.accounts.export_pages import ExportPages, Places
from security.accounts.frames import Frames
from security.accounts.hashing import Hashing
from security.accounts.indoors import Indoors
from security.accounts.inside import METHODS, OF_OTHERS, Inside
from security.accounts.invitations import Invitations
from security.accounts.judging import Judging
from security.accounts.keyring import open_keys
from security.accounts.limits import Limiter, Limits
from security.accounts.links import Links
from security.accounts.middleware import OPEN, STATIC_FILES, Guard
from security.accounts.pages import Handler, Pages
from security.accounts.passkey_offers import PasskeyOffers
from security.accounts.passkey_pages import PasskeyPages
from security.accounts.passkeys import Passkeys
from security.accounts.people import People
from security.accounts.people_pages import PeoplePages
from security.accounts.presence import Presence
from security.accounts.proof import Proof
from security.accounts.requirement_pages import RequirementPages
from security.accounts.requirements import Requirements
from security.accounts.reset_pages import ResetPages
from security.accounts.resets import Resets
from security.accounts.sealed_uploads import SealedUploads
from security.accounts.sessions import Sessions
from security.accounts.settings import AccountSettings
from security.accounts.setup import SETUP_TOKEN_VARIABLE, Setup
from security.accounts.setup_pages import INVITATION, SETUP, SetupPages
from security.accounts.signin import SignIn
from security.accounts.signin_pages import SignInPages
from security.accounts.strength_pages import StrengthPages
from security.accounts.trail_pages import TrailPages
from security.accounts.trail_reading import TrailReading
from security.accounts.trail_watch import TrailWatch
from security.accounts.users import Users
from security.accounts.vault import Vault
from security.accounts.work import Workers
from security.crypto.passwords import DEFAULT_ROUNDS
from security.crypto.sealing import KeyEncryptionKey, RandomBytes

_STATIC = Path(__file__).parent / "static"
_STATIC_CACHE = "public, max-age=300"


@dataclass(frozen=True)
class _Chance:
    """What tests replace: time, randomness, bcrypt's cost, the limit on attempts; and how to hash."""

    now: Callable[[], float]
    random: RandomBytes
    rounds: int
    limiter: Limiter
    hashing: Hashing


class Door:
    """Everything that app.py needs of accounts. `router` belongs inside the app, `wrap` around it."""

    def __init__(
        self,
        settings: AccountSettings,
        database: Engine,
        kek: KeyEncryptionKey,
        chance: _Chance,
        presence: Presence,
        setup_token: str = "",
    ) -> None:
        self.database = database
        self.vault = Vault(database, kek)
        self.trail = Trail.open(database)
        self.erasure = Erasure(database)
        self.exports = Exports(database, self.trail)
        self._settings = settings
        self._now = chance.now
        self._presence = presence
        self._indoors: Indoors | None = None
        # bcrypt and Argon2id release the GIL: two at once leave cores for the models, and bound what
        # Argon2id takes to twice its memory; a full pool is some two seconds' wait. Looking up sessions has
        # threads of its own, so that a flood of sign-ins does not keep out those who are in.
        self._slow = Workers("slow", threads=2, waiting=16)
        self._quick = Workers("quick", threads=4, waiting=256)
        # What a password is worth is asked while somebody types, and by every form that sets one: that must
        # keep nobody waiting who signs in.
        self._meter = Workers("meter", threads=1, waiting=8)
        # Writes to the database come one after another anyway.
        self._counting = Workers("counting", threads=1, waiting=64)
        # A whole check of the trail takes seconds, and looks go past it.
        self._checking = Workers("checking", threads=2, waiting=16)
        # A deletion waits for jobs to end, which must keep nobody waiting who signs in.
        self._clearing = Workers("clearing", threads=1, waiting=16)
        self._watch = TrailWatch(self.trail.ledger, settings.data)
        users = Users(database, kek, chance.random)
        hasher = chance.hashing.hasher(kek.derive("password pepper"), chance.rounds)
        self._sessions = Sessions(database, settings, chance.random)
        self._setup = Setup(users, hasher, self.trail, chance.random)
        links = Links(database, chance.random)
        challenges = Challenges(chance.random)
        assertions = Assertions(database, challenges, self.trail)
        proof = Proof(kek, users, assertions)
        self._tools = Tools(database, users, hasher, proof, self._sessions, links, self.trail, chance.random)
        self.requirements = Requirements(self._tools)
        self._passkeys = Passkeys(self._tools, challenges)
        signin = SignIn(
            database, kek, users, hasher, self._sessions, self.trail, chance.random, passkeys=assertions
        )
        if setup_token:
            self._setup.take_token(setup_token)
        self.router = self._router(chance, self._tools, signin)

    def _router(self, chance: _Chance, tools: Tools, signin: SignIn) -> APIRouter:
        pages, cookies = Pages(self._settings.notice), Cookies(self._settings)
        offers = PasskeyOffers(self._settings, self._passkeys)
        invitations = Invitations(
            tools.engine, tools.links, tools.users, tools.hasher, self.trail, chance.random
        )
        judging, resets = Judging(self._meter), Resets(tools)
        threads = self._slow, self._quick, chance.now
        inside = Inside(pages, cookies, self._sessions, *threads, self._watch, self._checking, self._clearing)
        account = AccountPages(inside, Account(tools), self.requirements, chance.limiter, offers, judging)
        indoor = account.handlers() | self._indoor(inside, tools, invitations, offers)
        # What one is led to must not lead there again. Pages about others are no part of it.
        self._own = frozenset(path for path in indoor if not path.startswith(OF_OTHERS))
        assert self._own >= set(PLACES.values())
        return _router(
            pages,
            self._entrance(inside, chance.limiter, signin, invitations, offers),
            SetupPages(pages, SETUP, lambda _token, _now: self._setup, judging, *threads),
            SetupPages(pages, INVITATION, invitations.find, judging, *threads),
            ResetPages(pages, cookies, resets, offers, chance.limiter, judging, self._counting, *threads),
            StrengthPages(self._setup, invitations.find, resets.owner, judging, self._quick, chance.now),
            indoor,
        )

    def _entrance(
        self,
        inside: Inside,
        limiter: Limiter,
        signin: SignIn,
        invitations: Invitations,
        offers: PasskeyOffers,
    ) -> SignInPages:
        def forget(account: str) -> None:
            self._setup.forget(account)
            invitations.forget(account)

        return SignInPages(
            cookies=inside.cookies,
            pages=inside.pages,
            frames=Frames(inside.cookies, inside.pages),
            setup=self._setup,
            forget=forget,
            leave=self.forget_uploads,
            signin=signin,
            sessions=self._sessions,
            limiter=limiter,
            offers=offers,
            trail=self.trail,
            slow=self._slow,
            quick=self._quick,
            counting=self._counting,
            now=inside.now,
        )

    def _indoor(
        self, inside: Inside, tools: Tools, invitations: Invitations, offers: PasskeyOffers
    ) -> dict[str, Handler]:
        people = People(tools, self.erasure)
        reading = TrailReading(self.trail, people)
        return {
            **PasskeyPages(inside, offers).handlers(),
            **ConsentPages(inside, Consents(tools)).handlers(),
            **PeoplePages(inside, people, invitations, tools.links).handlers(),
            **ExportPages(inside, self.exports, Places()).handlers(),
            **RequirementPages(inside, self.requirements).handlers(),
            **TrailPages(inside, reading, self.trail, self._settings.data).handlers(),
        }

    def wrap(self, app: ASGIApp, pause: Pause = asyncio.sleep) -> ASGIApp:
        """`app` behind the door: nothing of it is reached without a session.

        `pause` waits between two looks at the session of an answer that is still running.
        """
        return Guard(app, self._settings, self._sessions, self._quick, self._now, pause, own=self._own)

    def indoors(self, rooms: ASGIApp, uploads: SealedUploads) -> ASGIApp:
        """Gradio's `rooms`, of which each user reaches what the page needs and what is that user's own.

        `uploads` is where Gradio puts files.
        """
        self._indoors = Indoors(rooms, uploads, self._settings, self._now)
        return self._indoors

    def forget_uploads(self, user: str) -> None:
        """Remove what a user uploaded and nothing has read yet.

        Raises:
            ClearingError: a file can't be removed; it is in an hour, or at the next start.
        """
        if self._indoors is not None:
            self._indoors.forget(user)

    def forget_belongings(self, user: str) -> None:
        """Of a user who is deleted: what `forget_uploads` removes, and whose pages and files they were.

        Raises:
            ClearingError: as `forget_uploads`.
        """
        if self._indoors is not None:
            self._indoors.forget(user, for_good=True)

    def setup_link(self, base: str) -> str | None:
        """A one-time link to set-up while there is no administrator, else None.

        Each call makes a new token; an earlier link is void from then on. `public_url`, if set, takes
        the place of `base`. A token of the operator's own is not told: its name stands in the link.

        Raises:
            StoreError: the database can't be read.
        """
        if not self._setup.is_open():
            return None
        root = (self._settings.public_origin or base).rstrip("/")
        token = f"<{SETUP_TOKEN_VARIABLE}>" if self._setup.given else self._setup.new_token()
        return f"{root}/setup?token={token}"

    async def check_trail(self) -> None:
        """Verify the whole audit trail, as the app does when it starts; what is wrong is logged and shown."""
        await self._checking.run(self._watch.everything, self._now())

    def close(self) -> None:
        """Finish what is running and let go of the database."""
        self._slow.close()
        self._quick.close()
        self._counting.close()
        self._checking.close()
        self._clearing.close()
        self._meter.close()
        self.database.dispose()
        self._presence.close()


def build_door(
    settings: AccountSettings,
    environ: Mapping[str, str],
    *,
    now: Callable[[], float] = time.time,
    random: RandomBytes = secrets.token_bytes,
    rounds: int = DEFAULT_ROUNDS,
    limiter: Limiter | None = None,
) -> Door:
    """Open the database and the key, see that they belong together, and build the door.

    Attempts to sign in are limited unless another `limiter` is given.

    Raises:
        StoreError: the database can't be opened, or is damaged, or its key is being changed.
        KeyEncryptionKeyError: the key is missing, malformed or readable by others.
        SealedUnderAnotherKeyError: the key does not open the accounts in this database.
        AccountSettingsError: ASKLEPION_SETUP_TOKEN is set and can be guessed, or how to hash passwords is
            set and can't be done.
    """
    hashing = Hashing.from_env(environ)
    database = open_database(settings)
    with contextlib.ExitStack() as undo:
        undo.callback(database.dispose)
        presence = undo.enter_context(Presence(settings.data))
        kek = open_keys(database, environ, presence, settings.data, now, random)
        limits = Limits(database, kek, random, shared_address=settings.shared_address)
        chance = _Chance(now, random, rounds, limiter or limits, hashing)
        door = Door(settings, database, kek, chance, presence, environ.get(SETUP_TOKEN_VARIABLE, ""))
        undo.pop_all()
        return door


def _router(
    pages: Pages,
    entrance: SignInPages,
    first: SetupPages,
    invited: SetupPages,
    reset: ResetPages,
    strength: StrengthPages,
    inside: Mapping[str, Handler],
) -> APIRouter:
    handlers: dict[tuple[str, str], Handler] = {
        ("/login", "GET"): entrance.show,
        ("/login", "POST"): entrance.sign_in,
        ("/logout", "POST"): entrance.sign_out,
        ("/setup", "GET"): first.show,
        ("/setup", "POST"): first.post,
        ("/invite", "GET"): invited.show,
        ("/invite", "POST"): invited.post,
        ("/reset", "GET"): reset.show,
        ("/reset", "POST"): reset.post,
        ("/healthz", "GET"): _healthy,
        ("/door/strength", "POST"): strength.tell,
    }
    for name, kind in STATIC_FILES.items():
        handlers[f"/door/{name}", "GET"] = _static(_STATIC / name, kind)
    # What is open and what is answered must be the same: a path without a handler would fall through to
    # the rooms without a session.
    assert {path for path, _ in handlers} == set(OPEN)
    router = APIRouter()
    for (path, method), handler in handlers.items():
        # A route for GET answers HEAD too.
        router.add_route(path, pages.guarded(handler), methods=[method], include_in_schema=False)
    for path, handler in inside.items():
        assert path not in OPEN
        router.add_route(path, pages.guarded(handler), methods=list(METHODS), include_in_schema=False)
    return router


async def _healthy(_: Request) -> Response:
    return JSONResponse({"status": "ok"})


def _static(file: Path, kind: str) -> Handler:
    content = file.read_bytes()

    async def answer(_: Request) -> Response:
        return Response(content, media_type=kind, headers={"cache-control": _STATIC_CACHE})

    return answer
