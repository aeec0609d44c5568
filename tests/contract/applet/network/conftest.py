"""A relay between real sockets: who dials its near end, and the server at its far end."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest

from rescue_applet.network.relay import Relay
from rescue_applet.servers import Servers

QUIET = 0.15
PATIENCE = 10.0


@dataclass
class Wire:
    """A relay and its server; `dial` makes a connection through it."""

    relay: Relay
    server: socket.socket
    ends: list[socket.socket] = field(default_factory=list)

    async def dial(self) -> socket.socket:
        """Return the near end of a new connection."""
        host, _, port = self.relay.address.rpartition(":")
        near = socket.socket()
        near.setblocking(False)
        self.ends.append(near)
        await asyncio.get_running_loop().sock_connect(near, (host, int(port)))
        return near

    async def accept(self) -> socket.socket:
        """Return the far end of the connection that was dialled first."""
        far, _ = await asyncio.wait_for(asyncio.get_running_loop().sock_accept(self.server), PATIENCE)
        self.ends.append(far)
        return far

    async def connected(self) -> tuple[socket.socket, socket.socket]:
        """Return both ends of a new connection."""
        near = await self.dial()
        return near, await self.accept()

    async def nobody_calls(self) -> bool:
        """Whether no connection reaches the server for a while."""
        try:
            await asyncio.wait_for(asyncio.get_running_loop().sock_accept(self.server), QUIET)
        except TimeoutError:
            return True
        return False


@pytest.fixture
async def wire() -> AsyncIterator[Wire]:
    server = socket.create_server(("127.0.0.1", 0))
    server.setblocking(False)
    host, port = server.getsockname()
    wire = Wire(Relay(Servers(lambda: [f"{host}:{port}"])), server)
    yield wire
    await wire.relay.close()
    for end in (*wire.ends, server):
        end.close()


async def send(sender: socket.socket, data: bytes) -> None:
    await asyncio.wait_for(asyncio.get_running_loop().sock_sendall(sender, data), PATIENCE)


async def receive(receiver: socket.socket, size: int) -> bytes:
    """Exactly `size` bytes, or fewer if the other side closes before."""
    data = b""
    while len(data) < size:
        part = await asyncio.wait_for(asyncio.get_running_loop().sock_recv(receiver, size - len(data)), PATIENCE)
        if not part:
            break
        data += part
    return data


async def stays_silent(receiver: socket.socket) -> bool:
    """Neither data nor a close comes for a while."""
    try:
        await asyncio.wait_for(asyncio.get_running_loop().sock_recv(receiver, 1), QUIET)
    except TimeoutError:
        return True
    return False


@pytest.fixture
def talk() -> Talk:
    return Talk()


class Talk:
    """What the tests do with the ends of a connection."""

    send = staticmethod(send)
    receive = staticmethod(receive)
    stays_silent = staticmethod(stays_silent)
