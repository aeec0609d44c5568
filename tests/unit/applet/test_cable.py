"""The cable, with real sockets: off is exact to the byte, closes nothing, and nothing is lost."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from rescue_applet.network.condition import SOUND, Condition
from rescue_applet.network.relay import Relay
from rescue_applet.servers import Servers

QUIET = 0.15
OFF = Condition(up=False, down=False)
ESTABLISHED = "01"


class Server:
    """The far end: a listening socket, and those that called it."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.setblocking(False)
        self.open: list[socket.socket] = [self._listener]

    @property
    def address(self) -> str:
        host, port = self._listener.getsockname()
        return f"{host}:{port}"

    async def accept(self) -> socket.socket:
        loop = asyncio.get_running_loop()
        called, _ = await asyncio.wait_for(loop.sock_accept(self._listener), 2)
        self.open.append(called)
        return called

    async def nobody_calls(self) -> bool:
        try:
            await asyncio.wait_for(asyncio.get_running_loop().sock_accept(self._listener), QUIET)
        except TimeoutError:
            return True
        return False

    def close(self) -> None:
        for one in self.open:
            one.close()


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    server = Server()
    yield server
    server.close()


@pytest.fixture
async def relay(server: Server) -> AsyncIterator[Relay]:
    relay = Relay(Servers(lambda: [server.address]))
    yield relay
    await relay.close()


async def dial(relay: Relay) -> socket.socket:
    host, _, port = relay.address.rpartition(":")
    caller = socket.socket()
    caller.setblocking(False)
    await asyncio.get_running_loop().sock_connect(caller, (host, int(port)))
    return caller


async def send(sender: socket.socket, data: bytes) -> None:
    await asyncio.wait_for(asyncio.get_running_loop().sock_sendall(sender, data), 5)


async def receive(receiver: socket.socket, size: int) -> bytes:
    """Exactly `size` bytes, or fewer if the other side closes before."""
    data = b""
    while len(data) < size:
        part = await asyncio.wait_for(asyncio.get_running_loop().sock_recv(receiver, size - len(data)), 5)
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


def tcp_row(local: int, remote: int) -> tuple[str, int]:
    """State and unread bytes, from the kernel's table, of the socket between these two ports."""
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        ports = [int(fields[column].rpartition(":")[2], 16) for column in (1, 2)]
        if ports == [local, remote]:
            return fields[3], int(fields[4].rpartition(":")[2], 16)
    raise AssertionError(f"no socket {local} -> {remote}")


async def connected(relay: Relay, server: Server) -> tuple[socket.socket, socket.socket]:
    near = await dial(relay)
    return near, await server.accept()


async def test_it_carries_both_ways_and_passes_on_a_close(relay: Relay, server: Server) -> None:
    near, far = await connected(relay, server)
    await send(near, b"ping")
    assert await receive(far, 4) == b"ping"
    await send(far, b"pong")
    assert await receive(near, 4) == b"pong"
    near.close()
    assert await receive(far, 1) == b""


async def test_switched_off_it_reads_and_delivers_nothing_and_then_all_of_it(relay: Relay, server: Server) -> None:
    near, far = await connected(relay, server)
    await send(near, b"before ")
    assert await receive(far, 7) == b"before "
    relay.apply(OFF)
    await send(near, b"x" * 1000)
    await send(far, b"y" * 500)
    assert await stays_silent(far)
    assert await stays_silent(near)
    relay_port = int(relay.address.rpartition(":")[2])
    assert tcp_row(relay_port, near.getsockname()[1]) == (ESTABLISHED, 1000)
    assert tcp_row(far.getpeername()[1], far.getsockname()[1]) == (ESTABLISHED, 500)
    relay.apply(SOUND)
    assert await receive(far, 1000) == b"x" * 1000
    assert await receive(near, 500) == b"y" * 500
    near.close()


async def test_it_stops_in_the_middle_of_a_torrent_and_loses_no_byte(relay: Relay, server: Server) -> None:
    near, far = await connected(relay, server)
    torrent = os.urandom(16 * 1024 * 1024)
    sending = asyncio.create_task(send(near, torrent))
    # The server reads nothing yet: the relay is stuck with a part of a chunk when the cable goes off.
    got = await receive(far, 1024 * 1024)
    await asyncio.sleep(0.05)
    relay.apply(OFF)
    with contextlib.suppress(TimeoutError):
        while True:
            got += await asyncio.wait_for(asyncio.get_running_loop().sock_recv(far, 1 << 20), QUIET)
    assert len(got) < len(torrent)
    assert await stays_silent(far)
    relay.apply(SOUND)
    got += await receive(far, len(torrent) - len(got))
    await sending
    assert got == torrent
    near.close()


async def test_a_close_while_off_is_not_noticed_until_it_is_on(relay: Relay, server: Server) -> None:
    near, far = await connected(relay, server)
    relay.apply(OFF)
    await send(near, b"last words")
    near.close()
    assert await stays_silent(far)
    assert tcp_row(far.getsockname()[1], far.getpeername()[1])[0] == ESTABLISHED
    relay.apply(SOUND)
    assert await receive(far, 100) == b"last words"


async def test_the_servers_close_while_off_reaches_the_applet_afterwards(relay: Relay, server: Server) -> None:
    near, far = await connected(relay, server)
    relay.apply(OFF)
    await send(far, b"bye")
    far.close()
    assert await stays_silent(near)
    relay.apply(SOUND)
    assert await receive(near, 100) == b"bye"
    near.close()


async def test_a_connection_made_while_off_is_accepted_silently_and_served_afterwards(
    relay: Relay, server: Server
) -> None:
    relay.apply(OFF)
    near = await dial(relay)
    await send(near, b"hello")
    assert await server.nobody_calls()
    assert await stays_silent(near)
    relay.apply(SOUND)
    far = await server.accept()
    assert await receive(far, 5) == b"hello"
    near.close()


async def test_who_gave_up_while_it_was_off_never_got_through(relay: Relay, server: Server) -> None:
    relay.apply(OFF)
    near = await dial(relay)
    await asyncio.sleep(0.01)
    near.close()
    relay.apply(SOUND)
    assert await server.nobody_calls()


async def test_a_computer_that_lost_power_while_off_has_nothing_more_to_send(relay: Relay, server: Server) -> None:
    near, far = await connected(relay, server)
    relay.apply(OFF)
    await send(near, b"I go down")
    near.close()
    relay.power_lost()
    assert await stays_silent(far)
    assert tcp_row(far.getsockname()[1], far.getpeername()[1])[0] == ESTABLISHED
    relay.apply(SOUND)
    assert await receive(far, 1) == b""


async def test_a_loss_of_power_while_it_carries_takes_nothing_back(relay: Relay, server: Server) -> None:
    near, far = await connected(relay, server)
    await send(near, b"I go down")
    near.close()
    relay.power_lost()
    assert await receive(far, 100) == b"I go down"


async def test_without_a_server_the_caller_finds_its_connection_closed(relay: Relay, server: Server) -> None:
    server.close()
    near = await dial(relay)
    assert await receive(near, 1) == b""
    near.close()


async def test_each_connection_asks_anew_where_the_server_is() -> None:
    first, second = Server(), Server()
    addresses = [first.address, second.address]
    relay = Relay(Servers(lambda: [addresses.pop(0)]))
    try:
        for server in (first, second):
            near, _ = await connected(relay, server)
            near.close()
    finally:
        await relay.close()
        first.close()
        second.close()


async def test_a_connection_held_from_a_former_server_is_closed_and_a_new_one_finds_the_next() -> None:
    former, following = Server(), Server()
    address = former.address
    relay = Relay(Servers(lambda: [address]))
    try:
        old, _ = await connected(relay, former)
        relay.apply(OFF)
        former.close()
        address = following.address
        new = await dial(relay)
        assert await stays_silent(old)
        relay.apply(SOUND)
        assert await receive(old, 1) == b""
        await following.accept()
        old.close()
        new.close()
    finally:
        await relay.close()
        following.close()
