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
import struct
from collections.abc import Callable
from typing import Protocol

from rescue_applet.network.condition import SOUND, Condition
from rescue_applet.network.flow import Flow
from rescue_common.lan_notation import Direction

REST = 0.1


class CannotLay(Exception):
    """A cable of this kind cannot be laid here. The message says what is missing."""


class Cable(Protocol):
    """What a computer needs to know of its cable. Other kinds are one file each in `faults/`."""

    @property
    def address(self) -> str:
        """Where the applet finds the server: HOST:PORT of the near end."""
        ...

    @property
    def entry(self) -> tuple[str, ...]:
        """The command in front of a program that is to run at the near end; empty if it may run anywhere."""
        ...

    def apply(self, condition: Condition) -> None:
        """Carry under this condition from now on, first of all what was held; in force on return.

        Raises CannotLay if the cable is not there any more.
        """
        ...

    def abandon(self) -> None:
        """The present connections die without a close."""
        ...

    def reset(self) -> None:
        """The present connections are reset at both ends."""
        ...

    def power_lost(self) -> None:
        """The computer is down: what it had sent and the cable had not carried yet is gone."""
        ...

    async def close(self) -> None:
        """Remove the cable."""
        ...


class Relay:
    """A cable on the loopback interface. `far_end` is asked for the server's HOST:PORT at each connection.

    `host` is where the near end listens.
    """

    entry = ()

    def __init__(self, far_end: Callable[[], str], *, host: str = "127.0.0.1") -> None:
        self._far_end = far_end
        self._loop = asyncio.get_running_loop()
        self._connections: set[_Connection] = set()
        self._accepted = 0
        self._dialling: set[asyncio.Task[None]] = set()
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
        for task in self._dialling:
            task.cancel()
        await asyncio.gather(*self._dialling, return_exceptions=True)
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
            self._reopening = self._loop.call_later(REST, self._open)
            return
        if not self._condition.carries:
            self._forget_abandoned()
        self._accepted += 1
        connection = _Connection(self._loop, near, self._accepted, self._connections.discard)
        self._connections.add(connection)
        self._carry(connection)

    def _carry(self, connection: _Connection) -> None:
        if connection.far is not None:
            connection.carry(self._condition)
        elif self._condition.carries and not connection.dialling:
            connection.dialling = True
            task = self._loop.create_task(self._dial(connection))
            self._dialling.add(task)
            task.add_done_callback(self._dialling.discard)

    async def _dial(self, connection: _Connection) -> None:
        try:
            far = await _connect(self._far_end())
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

    def _forget_abandoned(self) -> None:
        # A caller that gave up before the cable carried again never got through: there is nothing to deliver.
        for connection in list(self._connections):
            if connection.far is None and not connection.dialling and _hung_up(connection.near):
                connection.close()


class _Connection:
    """One connection of the applet: its near socket, the far one once it is dialled, and a flow each way."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        near: socket.socket,
        number: int,
        closed: Callable[[_Connection], None],
    ) -> None:
        near.setblocking(False)
        near.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.near = near
        self.far: socket.socket | None = None
        self.dialling = False
        self.closed = False
        self._loop = loop
        self._number = number
        self._on_close = closed
        self._near_end_lost = False
        self._abandoned = self._was_reset = False
        self._deaf: set[socket.socket] = set()
        self._flows: dict[Direction, Flow] = {}

    def reach(self, far: socket.socket) -> None:
        """The far end is there."""
        self.far = far
        if self._abandoned:
            self.abandon()
        elif not self._near_end_lost:
            ways = {Direction.UP: (self.near, far), Direction.DOWN: (far, self.near)}
            self._flows = {
                way: Flow(source, sink, name=f"{self._number} {way}", settled=self._settled)
                for way, (source, sink) in ways.items()
            }

    def carry(self, condition: Condition) -> None:
        if self._near_end_lost and condition.carries:
            self.close()
        for way, flow in list(self._flows.items()):
            if self.closed:
                return  # the first flow had come to its end
            if condition.goes(way):
                flow.start(condition)
            else:
                flow.stop()

    def abandon(self) -> None:
        """Both ends stay open and say what they like; nobody hears it."""
        if self.far is None:
            self._abandoned = self.dialling  # the server may have heard of it already
        if self.far is None or self._deaf:
            return
        self._drop_flows()
        for end in (self.near, self.far):
            if end.fileno() >= 0:
                self._deaf.add(end)
                self._loop.add_reader(end, self._swallow, end)

    def _swallow(self, end: socket.socket) -> None:
        try:
            heard = end.recv(65536)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            heard = b""
        if not heard:
            self._loop.remove_reader(end)
            self._deaf.discard(end)
            end.close()
            if not self._deaf:
                self.close()

    def reset(self) -> None:
        """Both ends get a reset instead of a close."""
        self._was_reset = True
        for end in (self.near, self.far):
            if end is not None and end.fileno() >= 0:
                _reset_on_close(end)
        self.close()

    def turn_away(self, far: socket.socket) -> None:
        """A far end that comes too late gets what the others got."""
        if self._was_reset:
            _reset_on_close(far)
        far.close()

    def forget_near_end(self) -> None:
        """Only while nothing goes up. The far side must not notice before the cable carries again."""
        self._drop_flows()
        if self.near in self._deaf:
            self._loop.remove_reader(self.near)
            self._deaf.discard(self.near)
        self.near.close()
        self._near_end_lost = True
        if self.far is None and not self.dialling:
            self.close()

    def close(self) -> None:
        if self.closed:
            return
        self.closed = True
        self._drop_flows()
        for end in self._deaf:
            self._loop.remove_reader(end)
        self._deaf.clear()
        self.near.close()
        if self.far is not None:
            self.far.close()
        self._on_close(self)

    def _drop_flows(self) -> None:
        for flow in self._flows.values():
            flow.stop()
        self._flows = {}

    def _settled(self) -> None:
        flows = self._flows.values()
        if all(flow.finished for flow in flows) or any(flow.broken for flow in flows):
            self.close()


def _reset_on_close(end: socket.socket) -> None:
    end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


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
