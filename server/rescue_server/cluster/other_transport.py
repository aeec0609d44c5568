"""Whether a link fails because the leader talks otherwise: with TLS, without it, or by a certificate of another CA.

A server that cannot link hears nothing of the leader, and would take it for silent. That one lives, however, and
nothing but other options can help.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import Awaitable, Callable

from rescue_common.hosts import parse_host_port

_WITHIN = 1.0  # real seconds


async def find_difference(address: str, *, has_tls: bool, is_leader: Callable[[], Awaitable[bool]]) -> str | None:
    """Return what to do so that this server can link to the leader, if its port is open and that is the reason.

    `is_leader` is asked whether the leader proves itself there without TLS.
    """
    if await _talks_tls(address):
        if has_tls:
            return (
                f"the certificate of the server that leads, at {address}, is of another CA than this server's, or for "
                "another host, or this server's is: make those of all servers with one CA"
            )
        return f"the server that leads, at {address}, talks with TLS: give this one --tls-cert and --tls-key, too"
    if has_tls and await is_leader():
        return f"the server that leads, at {address}, talks without TLS: start this one without --tls-cert, too"
    return None


async def _talks_tls(address: str) -> bool:
    """Find out whether somebody answers a handshake there, whoever it is: nothing is sent to them."""
    host, port = parse_host_port(address)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_alpn_protocols(["h2"])
    try:
        async with asyncio.timeout(_WITHIN):
            _, writer = await asyncio.open_connection(host.strip("[]"), port, ssl=context)
    except (OSError, TimeoutError):
        return False
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()
    return True
