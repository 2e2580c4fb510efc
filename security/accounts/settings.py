"""What can be set about accounts. Validates itself; doesn't read the environment (app.py does)."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from security.accounts.errors import AccountSettingsError
from security.accounts.origins import is_host, origin
from security.accounts.proxies import Network, check_networks

DATABASE_FILE = "asklepion.db"
IDLE_MINUTES = (1, 24 * 60)
ABSOLUTE_HOURS = (1, 7 * 24)


@dataclass(frozen=True)
class AccountSettings:
    """Where accounts live and how long a session may last.

    `public_url` is the address that visitors type when a proxy with TLS stands in front, for example
    https://asklepion.example.org; without it the app answers on its own address only. `database_url` is
    any SQLAlchemy address; it may hold a password and is therefore not in `repr`. `trusted_proxies` are
    the networks whose X-Forwarded-For is believed; without any the header is not looked at. `frame_ancestors`
    are the sites that may show the app in a frame besides itself; with them the session cookie is
    SameSite=None and Partitioned, which needs an https `public_url`. `notice` is shown on every page of the
    door.

    Raises:
        AccountSettingsError: an option is out of its range.
    """

    data: Path
    database_url: str | None = field(default=None, repr=False)
    public_url: str | None = None
    idle_minutes: int = 30
    absolute_hours: int = 12
    trusted_proxies: tuple[Network, ...] = ()
    frame_ancestors: tuple[str, ...] = ()
    notice: str = ""

    def __post_init__(self) -> None:
        _check_range("idle_minutes", self.idle_minutes, *IDLE_MINUTES)
        _check_range("absolute_hours", self.absolute_hours, *ABSOLUTE_HOURS)
        if self.idle_minutes > self.absolute_hours * 60:
            raise AccountSettingsError(
                f"idle_minutes ({self.idle_minutes}) must not be longer than absolute_hours "
                f"({self.absolute_hours} h): a session would never be idle for too long.",
                option="idle_minutes",
            )
        if self.database_url is not None and "://" not in self.database_url:
            raise AccountSettingsError(
                "database_url must be a database address such as sqlite:////folder/file.db or "
                "postgresql+psycopg://user@host/name.",
                option="database_url",
            )
        if self.public_url is not None:
            _public_origin(self.public_url)
        check_networks(self.trusted_proxies)
        if self.frame_ancestors:
            _check_frames(self.frame_ancestors, self.public_origin)

    @property
    def framed(self) -> bool:
        """Whether another site may show the app in a frame."""
        return bool(self.frame_ancestors)

    @property
    def shared_address(self) -> bool:
        """Whether all visitors seem to come from one address.

        Who frames the app stands in between, and nobody's X-Forwarded-For is believed.
        """
        return self.framed and not self.trusted_proxies

    @property
    def public_origin(self) -> str | None:
        """`public_url` in the form that a browser's Origin header has."""
        return None if self.public_url is None else _public_origin(self.public_url)

    @property
    def database_file(self) -> Path:
        """The default database; not used when `database_url` names another."""
        return self.data / DATABASE_FILE

    @property
    def idle_s(self) -> int:
        """Seconds without a request after which a session ends."""
        return self.idle_minutes * 60

    @property
    def absolute_s(self) -> int:
        """Seconds after sign-in at which a session ends, whatever happens in it."""
        return self.absolute_hours * 3600


def _check_range(option: str, value: int, low: int, high: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise AccountSettingsError(
            f"{option} must be a whole number from {low} to {high}; it is {value!r}.", option=option
        )


def _check_frames(ancestors: tuple[str, ...], public: str | None) -> None:
    for ancestor in ancestors:
        scheme, _, host = ancestor.partition("://")
        # A wildcard or a ";" would say something else in the policy than what was meant.
        if scheme != "https" or not is_host(host):
            raise AccountSettingsError(
                f"frame_ancestors must be origins such as https://huggingface.co; one is {ancestor!r}.",
                option="frame_ancestors",
            )
    if public is None or not public.startswith("https:"):
        raise AccountSettingsError(
            "frame_ancestors needs a public_url with https: browsers take a cookie in a frame only with TLS.",
            option="frame_ancestors",
        )


def _public_origin(url: str) -> str:
    try:
        parts = urlsplit(url)
        well_formed = (
            parts.scheme in ("http", "https")
            and is_host(parts.netloc)
            and parts.path in ("", "/")
            and not (parts.query or parts.fragment)
        )
    except ValueError:
        well_formed = False
    if not well_formed:
        raise AccountSettingsError(
            f"public_url must be scheme and host only, such as https://asklepion.example.org; it is {url!r}.",
            option="public_url",
        )
    return origin(parts.scheme, parts.netloc)
