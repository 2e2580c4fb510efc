"""What the environment decides about the server, and the data folder that it names.

Does not: read secrets, or what engines and rooms are set up with; those are read where they are used.
"""

from __future__ import annotations

import ipaddress
import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from security.accounts.errors import AccountSettingsError
from security.accounts.origins import is_host
from security.accounts.proxies import Network, parse_networks

SPACE_PARENT = "https://huggingface.co"
LOST_AT_RESTART = (
    "This Space has no persistent storage: accounts, conversations and models are lost when it restarts."
)


class SettingsError(ValueError):
    """A setting from the environment can't be used; the message names it."""


@dataclass(frozen=True)
class Settings:
    """What the environment decides about the server; its secrets and engines are read where they are used."""

    host: str
    port: int
    data: Path
    public_url: str | None = None
    certificate: Path | None = None
    certificate_key: Path | None = None
    quota: int = 20_000_000_000
    """Bytes that an account may have in the training studio."""
    trusted_proxies: tuple[Network, ...] = ()
    """Whose X-Forwarded-For is believed."""
    frame_ancestors: tuple[str, ...] = ()
    notice: str = ""

    @classmethod
    def from_env(cls, environ: Mapping[str, str], disk: Path = Path("/data")) -> Settings:
        """From ASKLEPION_HOST, _PORT, _DATA, _PUBLIC_URL, _TLS_CERTIFICATE, _TLS_KEY, _QUOTA_GB
        and _TRUSTED_PROXIES.

        SPACE_HOST, which a Hugging Face Space sets, changes the defaults to those of a Space; `disk` is where
        a Space has its persistent storage, if it has any.

        Raises:
            SettingsError: a value can't be used.
        """
        space = _space_host(environ)
        host = environ.get("ASKLEPION_HOST") or ("0.0.0.0" if space else "127.0.0.1")  # noqa: S104  # what a Space asks for
        try:
            ipaddress.ip_address(host)
        except ValueError as error:
            raise SettingsError(
                f"ASKLEPION_HOST must be an IP address such as 127.0.0.1; it is {host!r}."
            ) from error
        port = environ.get("ASKLEPION_PORT", "7860")
        if not (port.isascii() and port.isdigit() and 0 < int(port) < 65536):
            raise SettingsError(f"ASKLEPION_PORT must be a number from 1 to 65535; it is {port!r}.")
        data, notice = _data_folder(environ, disk if space else None)
        public = environ.get("ASKLEPION_PUBLIC_URL") or (f"https://{space}" if space else None)
        files = [environ.get(f"ASKLEPION_TLS_{name}") or None for name in ("CERTIFICATE", "KEY")]
        if (files[0] is None) != (files[1] is None):
            raise SettingsError("ASKLEPION_TLS_CERTIFICATE and ASKLEPION_TLS_KEY must be given together.")
        for name in files:
            if name is not None and not Path(name).is_file():
                raise SettingsError(f"The TLS file {name} does not exist.")
        certificate, key = (Path(name) if name else None for name in files)
        quota = environ.get("ASKLEPION_QUOTA_GB", "20")
        if not (quota.isascii() and quota.isdigit() and 0 < int(quota) <= 100_000):
            raise SettingsError(
                f"ASKLEPION_QUOTA_GB must be a whole number from 1 to 100000; it is {quota!r}."
            )
        proxies = _trusted_proxies(environ.get("ASKLEPION_TRUSTED_PROXIES", ""))
        ancestors = (SPACE_PARENT,) if space else ()
        return cls(
            host,
            int(port),
            data,
            public,
            certificate,
            key,
            quota=int(quota) * 10**9,
            trusted_proxies=proxies,
            frame_ancestors=ancestors,
            notice=notice,
        )


def _trusted_proxies(text: str) -> tuple[Network, ...]:
    try:
        return parse_networks(text)
    except AccountSettingsError as error:
        raise SettingsError(f"ASKLEPION_TRUSTED_PROXIES can't be used: {error}") from error


def _space_host(environ: Mapping[str, str]) -> str | None:
    host = environ.get("SPACE_HOST") or None
    if host is not None and (not is_host(host) or "." not in host):
        raise SettingsError(f"SPACE_HOST must be a host such as user-name.hf.space; it is {host!r}.")
    return host


def _data_folder(environ: Mapping[str, str], disk: Path | None) -> tuple[Path, str]:
    """The data folder, and what has to be said of it. `disk` is given on a Space."""
    if environ.get("ASKLEPION_DATA"):
        return Path(environ["ASKLEPION_DATA"]).absolute(), ""
    if disk is None:
        return (Path(environ.get("HOME", ".")) / ".asklepion").absolute(), ""
    if disk.is_dir() and os.access(disk, os.W_OK):
        return disk, ""
    return Path(tempfile.mkdtemp(prefix="asklepion-")), LOST_AT_RESTART


def prepare_data(folder: Path) -> None:
    """Make the data folder, private to this user, and see that it can be written to.

    Raises:
        SettingsError: it can't be made, or the disk is full.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        probe = folder / f".probe-{os.getpid()}"
        try:
            probe.write_bytes(b"\0" * 65536)
        finally:
            probe.unlink(missing_ok=True)
    except OSError as error:
        raise SettingsError(
            f"The data folder {folder} can't be written to ({error.strerror}). Free some space, "
            "or name another folder in ASKLEPION_DATA."
        ) from error
