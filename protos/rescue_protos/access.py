"""Where the server is and what proves who one is: the state directory as a client sees it.

The server writes `access.json` (0600, in a 0700 directory) with its address, each user's secret, and which files TLS
needs, so that a client on the same account needs to be told none of it. From elsewhere: RESCUE_SERVER, RESCUE_SECRET,
RESCUE_TLS_CA, and for mutual TLS RESCUE_TLS_CERT and RESCUE_TLS_KEY.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field, replace
from pathlib import Path

from rescue_protos.tls import Tls

ACCESS_FILE = "access.json"
_TLS_FILES = ("ca", "cert", "key")


class NoAccess(Exception):
    """It is not known where the server is, or what the user's secret is. The message says what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """What `access.json` says: the server's HOST:PORT, secrets by user name, and files for TLS if it speaks that."""

    server: str
    secrets: dict[str, str] = field(default_factory=dict, repr=False)
    tls: Tls | None = None

    @staticmethod
    def read(directory: Path) -> Access:
        """Read the file of a state directory. Raises NoAccess if there is none or it is unreadable."""
        path = directory / ACCESS_FILE
        try:
            found = json.loads(path.read_text(encoding="utf-8"))
            return Access(server=str(found["server"]), secrets=dict(found["secrets"]), tls=_tls(found.get("tls")))
        except FileNotFoundError:
            raise NoAccess(
                f"no server has used {directory} yet: start `rescue server`, or name one with --server"
            ) from None
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise NoAccess(f"{path} cannot be read ({error}): start `rescue server` again") from None

    def write(self, directory: Path) -> None:
        """Write the file whole or not at all, readable by its owner alone."""
        path = directory / ACCESS_FILE
        fresh = path.with_suffix(f".{os.getpid()}.tmp")
        content: dict[str, object] = {"server": self.server, "secrets": self.secrets}
        if self.tls is not None:
            content["tls"] = {name: str(getattr(self.tls, name) or "") for name in _TLS_FILES}
        body = json.dumps(content, indent=2) + "\n"
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(body)
        fresh.replace(path)


def state_directory(given: str | Path | None = None) -> Path:
    """Return the state directory: the option, else RESCUE_DATA, else the platform's user data directory."""
    if given or os.environ.get("RESCUE_DATA"):
        return Path(given or os.environ["RESCUE_DATA"]).expanduser().resolve()
    import platformdirs  # heavy for a program that is told where to look

    return Path(platformdirs.user_data_dir("rescue-emulator", appauthor=False))


def find_server(*, server: str | None = None, data: str | Path | None = None) -> str:
    """Return the server's HOST:PORT: as named, else from the state directory. Options win over RESCUE_SERVER.

    Raises NoAccess.
    """
    named = server or (None if data else os.environ.get("RESCUE_SERVER"))
    return named if named else Access.read(state_directory(data)).server


def find_secret(user: str, *, data: str | Path | None = None) -> str:
    """Return the user's secret: RESCUE_SECRET, else from the state directory. Raises NoAccess."""
    if secret := os.environ.get("RESCUE_SECRET"):
        return secret
    directory = state_directory(data)
    access = Access.read(directory)
    if user not in access.secrets:
        known = ", ".join(sorted(access.secrets))
        raise NoAccess(f"{directory} has no secret for {user!r}; it has those of: {known}")
    return access.secrets[user]


def find_tls(
    *,
    ca: str | Path | None = None,
    cert: str | Path | None = None,
    key: str | Path | None = None,
    server: str | None = None,
    data: str | Path | None = None,
) -> Tls | None:
    """Return what TLS with the server needs, or None if it is spoken to in the clear.

    The options, else RESCUE_TLS_CA, RESCUE_TLS_CERT and RESCUE_TLS_KEY, else as the state directory says of the server
    that is meant. A CA named "system" stands for what gRPC trusts by itself.
    """
    given = {name: value or os.environ.get(f"RESCUE_TLS_{name.upper()}") for name, value in _named(ca, cert, key)}
    named = os.environ.get("RESCUE_TLS_NAME", "")
    if given["ca"]:
        return Tls(
            ca=None if given["ca"] == "system" else Path(given["ca"]), cert=_path(given["cert"]),
            key=_path(given["key"]), name=named,
        )  # fmt: skip
    try:
        known = Access.read(state_directory(data))
    except NoAccess:
        return None
    meant = server or (None if data else os.environ.get("RESCUE_SERVER"))
    if known.tls is None or (meant and meant != known.server):
        return None
    if given["cert"] or given["key"]:
        return replace(known.tls, cert=_path(given["cert"]), key=_path(given["key"]))
    return known.tls


def _named(
    ca: str | Path | None, cert: str | Path | None, key: str | Path | None
) -> tuple[tuple[str, str | Path | None], ...]:
    return ("ca", ca), ("cert", cert), ("key", key)


def _tls(found: object) -> Tls | None:
    if not isinstance(found, dict):
        return None
    return Tls(ca=_path(found.get("ca")), cert=_path(found.get("cert")), key=_path(found.get("key")))


def _path(text: str | Path | None) -> Path | None:
    return Path(text) if text else None
