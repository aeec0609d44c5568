"""Addresses of servers: HOST:PORT, and whether only this machine can reach a host."""

from __future__ import annotations

import ipaddress


class BadAddress(ValueError):
    """The text is not HOST:PORT."""


def parse_host_port(text: str) -> tuple[str, int]:
    """Read HOST:PORT; the host stays as it is written, "[::1]" with its brackets. Raises BadAddress."""
    host, colon, port = text.rpartition(":")
    if not colon or not host or not (port.isascii() and port.isdigit()) or int(port) > 65_535:
        raise BadAddress(f"{text}: HOST:PORT is needed")
    return host, int(port)


def is_loopback(host: str) -> bool:
    """Return whether only this machine can reach a host, with or without brackets."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"
