"""The cable between the customer's computer and the world, and what carries on it at any moment.

The relay is a cable for processes on one machine: the applet dials its near end, it dials the server. Switched off
it reads nothing more, delivers nothing, and closes nothing, not even when one side closes meanwhile: to both it
looks like a network that has gone silent. Switched on again it delivers what was held, in order, then passes on the
closes, as TCP's retransmission would. It works on bare sockets, because `off` must be exact to the byte: streams
with buffers of their own would go on for a while.
"""

from __future__ import annotations

import asyncio
import select
import socket

from rescue_applet.network.condition import SOUND, Condition
from rescue_applet.network.connection import RelayedConnection
from rescue_applet.servers import Servers
from rescue_common.background_tasks import BackgroundTasks

REOPEN_AFTER = 0.1  # real seconds without a free descriptor, until the next try to accept


class Relay:
    """A cable on the loopback interface. `servers` is asked for the server's address at each connection.

    `host` is where the near end listens.
    """

    entry = ()

    def __init__(self, servers: Servers, *, host: str = "127.0.0.1") -> None:
        self._servers = servers
        self._loop = asyncio.get_running_loop()
        self._connections: set[RelayedConnection] = set()
        self._accepted = 0
        self._dialling = BackgroundTasks()
        self._condition = SOUND
        self._listener = socket.create_server((host, 0), backlog=128)
        self._listener.setblocking(False)
        self._reopening: asyncio.TimerHandle | None = None
        self._open()

    @property
    def address(self) -> str:
        host, port = self._listener.getsockname()
        return f"{host}:{port}"

    def apply(self, condition: Condition) -> None:
        before, self._condition = self._condition, condition
        if condition.carries and not before.carries:
            self._forget_abandoned()
        for connection in list(self._connections):
            self._carry(connection)

    def abandon(self) -> None:
        for connection in list(self._connections):
            connection.abandon()

    def reset(self) -> None:
        for connection in list(self._connections):
            connection.reset()

    def power_lost(self) -> None:
        if not self._condition.up:
            for connection in list(self._connections):
                connection.forget_near_end()

    async def close(self) -> None:
        if self._reopening is not None:
            self._reopening.cancel()
        self._loop.remove_reader(self._listener)
        self._listener.close()
        await self._dialling.end()
        for connection in list(self._connections):
            connection.close()

    def _open(self) -> None:
        self._loop.add_reader(self._listener, self._accept)

    def _accept(self) -> None:
        try:
            near, _ = self._listener.accept()
        except (BlockingIOError, InterruptedError, ConnectionAbortedError):
            return
        except OSError:
            # No descriptor is left; asking again at once would only spin.
            self._loop.remove_reader(self._listener)
            self._reopening = self._loop.call_later(REOPEN_AFTER, self._open)
            return
        if not self._condition.carries:
            self._forget_abandoned()
        self._accepted += 1
        connection = RelayedConnection(self._loop, near, self._accepted, self._connections.discard)
        self._connections.add(connection)
        self._carry(connection)

    def _carry(self, connection: RelayedConnection) -> None:
        if connection.far is not None:
            connection.carry(self._condition)
        elif self._condition.carries and not connection.dialling:
            connection.dialling = True
            self._dialling.start(self._dial(connection))

    async def _dial(self, connection: RelayedConnection) -> None:
        try:
            far = await self._reach_server()
        except Exception:
            # No server there, or nobody knows where it is: the caller finds its connection closed.
            far = None
        connection.dialling = False
        if connection.closed:
            if far is not None:
                connection.turn_away(far)
        elif far is not None:
            connection.reach(far)
            connection.carry(self._condition)
        elif self._condition.carries:
            connection.close()
        # Else the cable went off while dialling: when it carries again, it dials anew.

    async def _reach_server(self) -> socket.socket:
        """Dial the server, or another one if that fails. Raises OSError, NoAccess and ValueError."""
        tried: set[str] = set()
        while True:
            address = self._servers.address()
            try:
                far = await _connect(address)
            except OSError:
                tried.add(address)
                if not self._servers.leave(address) or self._servers.address() in tried:
                    raise
            else:
                self._servers.dialled(address)
                return far

    def _forget_abandoned(self) -> None:
        # A caller that gave up before the cable carried again never got through: there is nothing to deliver.
        for connection in list(self._connections):
            if connection.far is None and not connection.dialling and _hung_up(connection.near):
                connection.close()


async def _connect(address: str) -> socket.socket:
    """Dial HOST:PORT. Raises OSError, or ValueError if it is no address."""
    loop = asyncio.get_running_loop()
    host, _, port = address.rpartition(":")
    failure: OSError = ConnectionRefusedError(f"nobody at {address}")
    for family, kind, protocol, _, where in await loop.getaddrinfo(
        host.strip("[]"), int(port), type=socket.SOCK_STREAM
    ):
        far = socket.socket(family, kind, protocol)
        try:
            far.setblocking(False)
            far.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            await loop.sock_connect(far, where)
        except OSError as error:
            far.close()
            failure = error
        except BaseException:
            far.close()
            raise
        else:
            return far
    raise failure


def _hung_up(connection: socket.socket) -> bool:
    """Whether the other side has closed, found out without reading."""
    if connection.fileno() < 0:
        return True
    watch = select.poll()
    watch.register(connection, getattr(select, "POLLRDHUP", 0))
    return bool(watch.poll(0))
