"""Where calls come from: what limits count by."""

from __future__ import annotations

import ipaddress
from contextvars import ContextVar
from typing import Any, TypeAlias
from urllib.parse import unquote

import grpc

from rescue_common.hosts import source_of_host

VISITOR = "rescue-visitor"
Context: TypeAlias = "grpc.aio.ServicerContext[Any, Any]"
_origin: ContextVar[str] = ContextVar("origin", default="")


def set_origin(peer: str) -> None:
    """Take the call that runs now as that of another peer, for whom a server of the cluster forwards it."""
    _origin.set(peer)


def peer_of(context: Context) -> str:
    """Return gRPC's name of who calls, or for whom a server of the cluster calls."""
    return _origin.get() or context.peer()


def source_of(peer: str) -> str:
    """Return the host of gRPC's name of a peer ("ipv4:127.0.0.1:4711"), of IPv6 its network.

    All local sockets are one source.
    """
    family, _, rest = peer.partition(":")
    if family not in ("ipv4", "ipv6"):
        return family
    return source_of_host(unquote(rest).rpartition(":")[0])


def address_of(peer: str) -> str:
    """Return the address of gRPC's name of a peer; a local socket is this machine."""
    family, _, rest = peer.partition(":")
    if family not in ("ipv4", "ipv6"):
        return "127.0.0.1"
    host = unquote(rest).rpartition(":")[0].strip("[]").partition("%")[0]
    return host.removeprefix("::ffff:")


def is_local(source: str) -> bool:
    """Return whether a source is this machine."""
    try:
        return ipaddress.ip_network(source).is_loopback
    except ValueError:
        return source == "unix"


def visitor_of(context: Context) -> str:
    """Return the source of a sign-in: who calls, or for whom a program of this machine says that it calls."""
    source = source_of(peer_of(context))
    for key, value in context.invocation_metadata() or ():
        if key == VISITOR and isinstance(value, str) and is_local(source):
            # As gRPC writes a peer; the port is of no interest.
            return source_of(f"ipv6:[{value}]:0" if ":" in value else f"ipv4:{value}:0")
    return source
