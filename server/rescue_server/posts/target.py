"""Where a post goes: the address that a URL's host has now, if the server may post there.

The name is resolved once for each attempt, and the post goes to the address that was checked: a name that has another
address a moment later leads nowhere else.
"""

from __future__ import annotations

import asyncio
import socket
from base64 import b64encode
from dataclasses import dataclass
from urllib.parse import SplitResult, unquote_to_bytes, urlsplit

from rescue_common.hosts import is_loopback

PORTS = {"http": 80, "https": 443}


class AttemptFailed(Exception):
    """An attempt to deliver a post came to nothing; the message says why, without the URL."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PostTarget:
    """`addresses` are those of the host, each allowed. `path` has the query; `authorization` is Basic or empty."""

    host: str
    port: int
    path: str
    is_tls: bool
    addresses: tuple[str, ...]
    authorization: str = ""

    @property
    def host_header(self) -> str:
        """The host and port as HTTP names them."""
        name = f"[{self.host}]" if ":" in self.host else self.host
        return name if self.port == PORTS["https" if self.is_tls else "http"] else f"{name}:{self.port}"


async def find_target(url: str, *, anywhere: bool) -> PostTarget:
    """Resolve a URL that was checked before. Only this machine is allowed, unless `anywhere`. Raises AttemptFailed."""
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port or PORTS[parts.scheme]
    addresses = await _addresses(host, port)
    if not anywhere and not all(map(is_loopback, addresses)):
        raise AttemptFailed(f"{host} is not this machine: posts go elsewhere only with `rescue server --post-anywhere`")
    return PostTarget(
        host=host,
        port=port,
        path=(parts.path or "/") + (f"?{parts.query}" if parts.query else ""),
        is_tls=parts.scheme == "https",
        addresses=addresses,
        authorization=_basic(parts),
    )


async def _addresses(host: str, port: int) -> tuple[str, ...]:
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise AttemptFailed(f"{host} has no address") from None
    return tuple(dict.fromkeys(str(address[0]) for *_, address in found))


def _basic(parts: SplitResult) -> str:
    if parts.username is None:
        return ""
    user, password = (unquote_to_bytes(part or "") for part in (parts.username, parts.password))
    return f"Basic {b64encode(user + b':' + password).decode()}"
