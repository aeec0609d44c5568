"""What must be there before pages can be served; light, so that it can be asked before anything is loaded."""

from __future__ import annotations

import ipaddress
from importlib.util import find_spec

import click

MISSING = "the consoles in the browser need Starlette and uvicorn: pip install 'rescue-emulator[web]'"


def is_there() -> bool:
    """Return whether the libraries that serve pages are installed."""
    return all(find_spec(name) is not None for name in ("starlette", "uvicorn"))


def listening_at(listen: str) -> tuple[str, int]:
    """Read HOST:PORT. Raises click.UsageError."""
    host, colon, port = listen.rpartition(":")
    if not colon or not host or not port.isdigit() or int(port) > 65_535:
        raise click.UsageError(f"{listen}: HOST:PORT is needed, like 127.0.0.1:8080")
    return host.strip("[]"), int(port)


def is_loopback(host: str) -> bool:
    """Return whether only this machine can reach an address."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
