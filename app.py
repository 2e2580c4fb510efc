"""Asklepion: the one place where the parts meet. Services, pages, server; settings are in app_settings.py.

`python app.py` serves the door at once; the rooms behind it are built meanwhile. No feature lives here.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import logging
import os
import socket
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

# Before anything that could import gradio or a hub client: nothing here reports to anybody.
os.environ.update({"GRADIO_ANALYTICS_ENABLED": "False", "HF_HUB_DISABLE_TELEMETRY": "1", "DO_NOT_TRACK": "1"})
os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

import uvicorn
from fastapi import FastAPI

from app_settings import Settings, SettingsError, prepare_data
from security.accounts.connections import Hurried
from security.accounts.door import Door, build_door
from security.accounts.errors import AccountsError, UnknownUserError
from security.accounts.sealed_uploads import SealedUploads
from security.accounts.settings import AccountSettings
from security.crypto.errors import CryptoError
from ui.rooms import Rooms

if TYPE_CHECKING:
    from assistant.models.choices import Choices
    from assistant.session import ChatService
    from security.lab.service import Lab
    from training.safe import Safe
    from training.studio.service import Studio

_log = logging.getLogger("asklepion")


@dataclass(frozen=True)
class House:
    """The app as it is served: everything behind the door."""

    asgi: Any
    app: FastAPI
    door: Door
    rooms: Rooms


def build_house(settings: Settings, environ: Mapping[str, str]) -> House:
    """Door, rooms and routes; nothing heavy is imported.

    Raises:
        SettingsError, CryptoError, AccountsError: it can't start; the message says what to do.
    """
    prepare_data(settings.data)
    accounts = AccountSettings(
        data=settings.data,
        public_url=settings.public_url,
        trusted_proxies=settings.trusted_proxies,
        frame_ancestors=settings.frame_ancestors,
        notice=settings.notice,
    )
    door = build_door(accounts, environ)
    rooms = Rooms()
    uploads = SealedUploads(settings.data / "uploads", door.vault)

    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        opened = asyncio.create_task(_open_rooms(settings, environ, door, rooms, uploads))
        swept = asyncio.create_task(uploads.keep_swept())
        checked = asyncio.create_task(door.check_trail())
        tasks = (swept, opened, checked)
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            for ended in await asyncio.gather(*tasks, return_exceptions=True):
                if isinstance(ended, Exception):
                    _log.error("Something ended before the app did.", exc_info=ended)
            door.close()

    uploads.empty()
    app = FastAPI(lifespan=lifespan, docs_url=None, redoc_url=None, openapi_url=None)
    app.include_router(door.router)
    app.mount("/", door.indoors(rooms, uploads))
    return House(door.wrap(app), app, door, rooms)


async def _open_rooms(
    settings: Settings, environ: Mapping[str, str], door: Door, rooms: Rooms, uploads: SealedUploads
) -> None:
    """Build the page in a thread, start it, and keep it until the app stops."""
    try:
        page, close = await asyncio.to_thread(_build_page, settings, environ, door, uploads)
    except Exception as error:  # noqa: BLE001  # the door goes on, and says what is wrong
        rooms.fail(escape(f"{type(error).__name__}: {error}"))
        _log.error("The rooms could not be opened.", exc_info=error)
        return
    async with page.router.lifespan_context(page):
        rooms.open(page)
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.to_thread(close)


def _build_page(
    settings: Settings, environ: Mapping[str, str], door: Door, uploads: SealedUploads
) -> tuple[FastAPI, Any]:
    """The page over the real assistant, which begins to load, and what frees its models."""
    # Gradio reads it when it is imported: uploads belong under our own, private folder.
    os.environ["GRADIO_TEMP_DIR"] = str(uploads.folder)
    from assistant.build import AssistantSettings, Warmup, load_assistant
    from assistant.conversations import Conversations
    from assistant.errors import EngineError
    from assistant.generation.choose import EngineSettings
    from assistant.models.choices import Choices
    from assistant.models.serving import Models
    from assistant.session import ChatService
    from personal_data import Rooms as Held
    from personal_data import clearings, exporters
    from security.accounts.users import is_here
    from security.lab.results import Results
    from security.lab.service import Lab
    from security.tools import lab_tools
    from training.errors import TrainingError

    chosen = AssistantSettings(EngineSettings.from_env(environ), settings.data / "cache")
    warmup = Warmup(lambda report: load_assistant(chosen, report))
    warmup.start()
    choices = Choices(door.database)
    studio = _open_studio(settings, door, choices, uploads)
    studio.start()

    def verify(path: Path) -> None:
        try:
            studio.versions.check(path)
        except TrainingError as error:
            raise EngineError(str(error)) from error

    models = Models(warmup, choices, verify=verify)
    conversations, results = Conversations(door.database, door.vault), Results(door.database, is_here)
    service = ChatService(models, conversations, opened=uploads.once)
    lab = Lab(results, time.time, lab_tools(warmup.get), uploads.open)
    door.erasure.open(clearings(Held(service, models, studio, door.forget_belongings)))
    door.exports.open(exporters(conversations, results, studio))

    def close() -> None:
        lab.close()
        studio.close()
        models.close()
        warmup.close()

    return build_page(settings, service, studio, lab), close


def _open_studio(settings: Settings, door: Door, uses: Choices, uploads: SealedUploads) -> Studio:
    from security.crypto.signatures import SigningKey
    from training.errors import RunError
    from training.studio.service import Studio

    def note(kind: str, user: str) -> None:
        try:
            door.trail.note(kind, user, time.time())
        except AccountsError as error:
            raise RunError(str(error)) from error

    return Studio.open(
        settings.data / "training",
        uses,
        SigningKey.load_or_create(settings.data),
        safes_of(door),
        settings.quota,
        note=note,
        opened=uploads.open,
    )


def safes_of(door: Door) -> Callable[[str], Safe]:
    """What a user's files of the studio are sealed with: a key from the vault, asked for each time."""
    from training.errors import RunError
    from training.safe import PURPOSE, NoKeyError, Safe

    def safe(user: str) -> Safe:
        try:
            return Safe(user, door.vault.file_key(user, PURPOSE))
        except (UnknownUserError, CryptoError) as error:
            raise NoKeyError(
                "The account that this belongs to is gone, or its key doesn't open any more, and what was "
                "sealed with it can't be read."
            ) from error
        except AccountsError as error:
            raise RunError(str(error)) from error

    return safe


def build_page(settings: Settings, service: ChatService, studio: Studio, lab: Lab) -> FastAPI:
    """The Gradio page on an app of its own."""
    import gradio as gr
    from fastapi.middleware.cors import CORSMiddleware

    from assistant import tab
    from security.lab import tab as lab_tab
    from training import tab as training_tab
    from ui import frame, theme

    with gr.Blocks(title="Asklepion", analytics_enabled=False, delete_cache=(600, 3600)) as page:
        frame.build_head(page)
        with gr.Tabs(elem_id="rooms") as rooms:
            with gr.Tab("Assistant", id="assistant"):
                tab.build_tab(service, page)
            with gr.Tab("Training", id="training"):
                training_tab.build_tab(studio, page)
            with gr.Tab("Security lab", id=lab_tab.ROOM) as room:
                lab_tab.build_tab(lab, page, rooms, room)
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    # With a CORS policy of our own Gradio leaves out its own, which reflects any origin.
    app.add_middleware(CORSMiddleware, allow_origins=[])
    gr.mount_gradio_app(
        app,
        page,
        path="/",
        server_name=settings.host,
        server_port=settings.port,
        footer_links=[],
        run_history=False,
        show_error=False,
        max_file_size="500mb",
        ssr_mode=False,
        enable_monitoring=False,
        pwa=False,
        mcp_server=False,
        theme=theme.build_theme(),
        css_paths=[theme.CSS, theme.PLOTS_CSS, tab.CSS, training_tab.CSS, lab_tab.CSS],
        head=frame.HEAD + lab_tab.HEAD,
    )
    return app


def _announce(settings: Settings, door: Door) -> None:
    shown = f"[{settings.host}]" if ":" in settings.host else settings.host
    scheme = "https" if settings.certificate else "http"
    if settings.host in ("127.0.0.1", "::1") or ipaddress.ip_address(settings.host).is_unspecified:
        # Not a number: browsers make no passkey for one.
        shown = "localhost"
    local = f"{scheme}://{shown}:{settings.port}"
    base = settings.public_url or local
    if settings.notice:
        print(settings.notice, flush=True)
    link = door.setup_link(base)
    if link is None:
        print(f"Asklepion: {base}", flush=True)
    else:
        print(
            f"Asklepion starts for the first time. Set it up here (the link works once):\n\n  {link}\n",
            flush=True,
        )


def open_listener(settings: Settings) -> socket.socket:
    """The socket that the app is reached by.

    Raises:
        SettingsError: the port is in use, or the host is not this machine's.
    """
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    # asyncio turns Nagle's algorithm off only where TCP is named. With it the body of an answer waits until
    # the visitor has acknowledged its head, which takes 40 ms.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((settings.host, settings.port))
    except OSError as error:
        listener.close()
        raise SettingsError(
            f"Port {settings.port} on {settings.host} can't be used ({error.strerror}). "
            "Stop what uses it, or choose another with ASKLEPION_PORT."
        ) from error
    return listener


def main() -> int:
    """Serve until interrupted; returns the exit code."""
    try:
        settings = Settings.from_env(os.environ)
        with open_listener(settings) as listener:
            house = build_house(settings, os.environ)
            config = uvicorn.Config(
                house.asgi,
                http=Hurried,
                ws="none",
                log_level="warning",
                access_log=False,  # addresses hold the tokens of links
                proxy_headers=False,
                server_header=False,
                timeout_graceful_shutdown=5,
                ssl_certfile=settings.certificate,
                ssl_keyfile=settings.certificate_key,
            )
            _announce(settings, house.door)
            # uvicorn has shut everything down when it raises this.
            with contextlib.suppress(KeyboardInterrupt):
                uvicorn.Server(config).run(sockets=[listener])
    except (SettingsError, CryptoError, AccountsError) as error:
        print(f"Asklepion can't start. {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    code = main()
    # A model's native threads must not keep a finished process alive.
    if threading.active_count() > 1:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    sys.exit(code)
