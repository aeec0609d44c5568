"""The proxy that leads the vendor's names to us: CONNECT to port 443 of their hosts reaches our TLS listener.

Whatever else is asked for is refused, so that a client under test can never reach the vendor, or anybody else.
"""

from __future__ import annotations

import asyncio
import logging
import re
import socket
from collections.abc import MutableMapping
from contextlib import suppress

from rescue_common.hosts import VENDOR_DOMAINS

log = logging.getLogger(__name__)
Origins = MutableMapping[tuple[str, int], str]
"""Who is behind a connection of the proxy to our TLS listener: the client's host, by the connection's own address."""

HEAD_WITHIN = 30.0  # real seconds
_LONGEST_HEAD = 16 * 1024
_MOST_TUNNELS = 200
_PIECE = 64 * 1024
_CONNECT = re.compile(rb"CONNECT ([!-~]{1,300}) HTTP/1\.[01]\r\n")
_HOST = re.compile(rf"(?:[a-z0-9-]+\.)+(?:{'|'.join(map(re.escape, VENDOR_DOMAINS))})\.?:443", re.ASCII)
_ESTABLISHED = b"HTTP/1.1 200 Connection established\r\n\r\n"


class ConnectProxy:
    """`target` is the TLS listener. `origins` is kept up to date with who is behind which connection to it."""

    def __init__(self, target: tuple[str, int], origins: Origins) -> None:
        self._target = target
        self._origins = origins
        self._tunnels = 0

    async def listen(self, listening: socket.socket) -> asyncio.Server:
        """Serve the socket until the returned server is closed."""
        return await asyncio.start_server(self._serve, sock=listening, limit=_LONGEST_HEAD)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(HEAD_WITHIN):
                head = await reader.readuntil(b"\r\n\r\n")
        except asyncio.LimitOverrunError:
            await _refuse(writer, "400 Bad Request", "The request is too long.")
        except (TimeoutError, asyncio.IncompleteReadError, OSError):
            pass  # nobody waits for an answer
        else:
            await self._answer(head, reader, writer)
        finally:
            writer.close()

    async def _answer(self, head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked = _CONNECT.match(head)
        where = asked[1].decode("ascii") if asked else ""
        if not _HOST.fullmatch(where.lower()):
            line = where or head.partition(b"\r\n")[0].decode("latin-1")
            log.warning("the proxy refuses %.200r", line)
            await _refuse(
                writer, "403 Forbidden", "This proxy leads to the emulator, by CONNECT to the vendor's hosts."
            )
        elif self._tunnels >= _MOST_TUNNELS:
            await _refuse(writer, "503 Service Unavailable", "Too many connections at once.")
        else:
            self._tunnels += 1
            try:
                await self._tunnel(reader, writer)
            finally:
                self._tunnels -= 1

    async def _tunnel(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            far_reader, far_writer = await asyncio.open_connection(*self._target)
        except OSError:
            await _refuse(writer, "502 Bad Gateway", "The emulator does not accept connections.")
            return
        near, client = far_writer.get_extra_info("sockname")[:2], writer.get_extra_info("peername")
        self._origins[near] = client[0] if client else ""
        try:
            writer.write(_ESTABLISHED)
            both = [asyncio.create_task(_pump(reader, far_writer)), asyncio.create_task(_pump(far_reader, writer))]
            try:
                await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for one in both:
                    one.cancel()
        finally:
            far_writer.close()
            del self._origins[near]


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while piece := await reader.read(_PIECE):
            writer.write(piece)
            await writer.drain()


async def _refuse(writer: asyncio.StreamWriter, status: str, why: str) -> None:
    body = f"{why}\n".encode()
    head = f"HTTP/1.1 {status}\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: {len(body)}\r\n"
    with suppress(OSError):
        writer.write(f"{head}Connection: close\r\n\r\n".encode() + body)
        await writer.drain()
