"""Who is at the other end of a connection, as far as the network tells: what limits count by."""

from __future__ import annotations

import ipaddress
from urllib.parse import unquote

IPV6_NETWORK = 64  # bits; who has one such network has as many addresses as he likes


def source_of(peer: str) -> str:
    """Return the host of gRPC's name of a peer ("ipv4:127.0.0.1:4711"), of IPv6 its network.

    All local sockets are one source.
    """
    family, _, rest = peer.partition(":")
    if family not in ("ipv4", "ipv6"):
        return family
    host = unquote(rest).rpartition(":")[0].strip("[]").partition("%")[0]
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return str(address.ipv4_mapped)
        return str(ipaddress.ip_network((address, IPV6_NETWORK), strict=False))
    return str(address)
