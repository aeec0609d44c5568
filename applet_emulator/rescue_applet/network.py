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
from collections.abc import Callable
from typing import Protocol

CHUNK = 65536
REST = 0.1


class Cable(Protocol):
    """What a computer needs to know of its cable. Other kinds are one file each in `faults/`."""

    @property
    def address(self) -> str:
        """Where the applet finds the server: HOST:PORT of the near end."""
        ...

    def off(self) -> None:
        """Carry nothing more; in force on return."""
        ...

    def on(self) -> None:
        """Carry again, first of all what was held."""
        ...

    def power_lost(self) -> None:
        """The computer is down: what it had sent and the cable had not carried yet is gone."""
        ...

    async def close(self) -> None:
        """Remove the cable."""
        ...


class Relay:
    """A cable on the loopback interface. `far_end` is asked for the server's HOST:PORT at each connection."""

    def __init__(self, far_end: Callable[[], str]) -> None:
        self._far_end = far_end
        self._loop = asyncio.get_running_loop()
        self._connections: set[_Connection] = set()
        self._dialling: set[asyncio.Task[None]] = set()
        self._carries = True
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self._listener.setblocking(False)
        self._reopening: asyncio.TimerHandle | None = None
        self._open()

    @property
    def address(self) -> str:
        host, port = self._listener.getsockname()
        return f"{host}:{port}"

    def off(self) -> None:
        self._carries = False
        for connection in self._connections:
            connection.hold()

    def on(self) -> None:
        if self._carries:
            return
        self._carries = True
        self._forget_abandoned()
        for connection in list(self._connections):
            self._carry(connection)

    def power_lost(self) -> None:
        if not self._carries:
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
        if not self._carries:
            self._forget_abandoned()
        connection = _Connection(self._loop, near, self._connections.discard)
        self._connections.add(connection)
        if self._carries:
            self._carry(connection)

    def _carry(self, connection: _Connection) -> None:
        if connection.far is not None:
            connection.carry()
        elif not connection.dialling:
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
                far.close()
        elif far is not None:
            connection.reach(far)
            if self._carries:
                connection.carry()
        elif self._carries:
            connection.close()
        # Else the cable went off while dialling: `on` dials anew.

    def _forget_abandoned(self) -> None:
        # A caller that gave up before the cable carried again never got through: there is nothing to deliver.
        for connection in list(self._connections):
            if connection.far is None and not connection.dialling and _hung_up(connection.near):
                connection.close()


Kind = Callable[[Callable[[], str]], Cable]
KINDS: dict[str, Kind] = {"relay": Relay}


class _Connection:
    """One connection of the applet: its near socket, the far one once it is dialled, and a flow each way."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        near: socket.socket,
        closed: Callable[[_Connection], None],
    ) -> None:
        near.setblocking(False)
        near.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.near = near
        self.far: socket.socket | None = None
        self.dialling = False
        self.closed = False
        self._loop = loop
        self._on_close = closed
        self._near_end_lost = False
        self._flows: tuple[_Flow, ...] = ()

    def reach(self, far: socket.socket) -> None:
        """The far end is there."""
        self.far = far
        if not self._near_end_lost:
            self._flows = (
                _Flow(self._loop, self.near, far, self._settled),
                _Flow(self._loop, far, self.near, self._settled),
            )

    def carry(self) -> None:
        if self._near_end_lost:
            self.close()
            return
        for flow in self._flows:
            flow.start()

    def hold(self) -> None:
        for flow in self._flows:
            flow.stop()

    def forget_near_end(self) -> None:
        """Only while held. The far side must not notice before the cable carries again."""
        self._flows = ()
        self.near.close()
        self._near_end_lost = True
        if self.far is None and not self.dialling:
            self.close()

    def close(self) -> None:
        if self.closed:
            return
        self.closed = True
        self.hold()
        self._flows = ()
        self.near.close()
        if self.far is not None:
            self.far.close()
        self._on_close(self)

    def _settled(self) -> None:
        if all(flow.finished for flow in self._flows) or any(flow.broken for flow in self._flows):
            self.close()


class _Flow:
    """One direction: what was read from `source` and is not yet written to `sink`, at most a chunk."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        source: socket.socket,
        sink: socket.socket,
        settled: Callable[[], None],
    ) -> None:
        self.finished = False
        self.broken = False
        self._loop = loop
        self._source = source
        self._sink = sink
        self._settled = settled
        self._held = memoryview(b"")
        self._reset = False
        self._ended = False

    def start(self) -> None:
        if self._held:
            self._loop.add_writer(self._sink, self._write)
        elif not self._ended:
            self._loop.add_reader(self._source, self._read)

    def stop(self) -> None:
        self._loop.remove_writer(self._sink)
        self._loop.remove_reader(self._source)

    def _read(self) -> None:
        try:
            data = self._source.recv(CHUNK)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            data, self._reset = b"", True
        if data:
            self._held = memoryview(data)
            self._write()
        else:
            self._end()

    def _write(self) -> None:
        try:
            self._held = self._held[self._sink.send(self._held) :]
        except (BlockingIOError, InterruptedError):
            pass
        except OSError:
            self.broken = True
            self._settled()
            return
        # One thing at a time: nothing is read while something is held.
        if self._held:
            self._loop.remove_reader(self._source)
            self._loop.add_writer(self._sink, self._write)
        else:
            self._loop.remove_writer(self._sink)
            self._loop.add_reader(self._source, self._read)

    def _end(self) -> None:
        self.stop()
        self._ended = self.finished = True
        try:
            self._sink.shutdown(socket.SHUT_WR)
        except OSError:
            self._reset = True
        self.broken = self._reset
        self._settled()


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
