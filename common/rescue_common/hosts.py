"""Addresses of servers: HOST:PORT, whether only this machine can reach a host, and a socket that listens there."""

from __future__ import annotations

import functools
import ipaddress
import socket

VENDOR_DOMAINS = ("logmeinrescue.com", "logmeinrescue-enterprise.com", "logmeinrescue.eu")
"""Clients of the vendor's public API know hosts of these domains."""

IPV6_NETWORK = 64  # bits; one customer usually gets a /64, so limits count by network, not by address


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


def is_anywhere(host: str) -> bool:
    """Return whether a host, with or without brackets, stands for all addresses of a machine: 0.0.0.0 or ::."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_unspecified
    except ValueError:
        return False


@functools.lru_cache(maxsize=4096)  # each call of each client asks
def source_of_host(host: str) -> str:
    """Return what limits count an address by: itself, or the network of an IPv6 address."""
    host = host.strip("[]").partition("%")[0]
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return str(address.ipv4_mapped)
        if address.is_loopback:
            return str(address)
        return str(ipaddress.ip_network((address, IPV6_NETWORK), strict=False))
    return str(address)


def bind_socket(host: str, port: int) -> socket.socket:
    """Return a TCP socket that is bound to a host and port; port 0 takes a free one. Raises OSError.

    A port that was used a moment ago can be taken again.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # asyncio sends without delay only where it is said to be TCP: else each answer waits for the client's ACK, 40 ms.
    bound = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((host, port))
    except OSError:
        bound.close()
        raise
    return bound
