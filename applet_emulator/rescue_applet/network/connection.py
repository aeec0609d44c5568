"""One connection of the applet through the relay: its near socket, the far one once it is dialled, a flow each way."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Callable

from rescue_applet.network.condition import Condition
from rescue_applet.network.flow import Flow
from rescue_common.lan_notation import Direction


class RelayedConnection:
    """`closed` is called when both ends are closed. `number` tells connections of one relay apart."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        near: socket.socket,
        number: int,
        closed: Callable[[RelayedConnection], None],
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
        self._discarding: set[socket.socket] = set()
        self._flows: dict[Direction, Flow] = {}

    def reach(self, far: socket.socket) -> None:
        """Use a far end that was dialled."""
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
        """Keep both ends open, and lose everything that they send."""
        if self.far is None:
            self._abandoned = self.dialling  # the server may have received it already
        if self.far is None or self._discarding:
            return
        self._drop_flows()
        for end in (self.near, self.far):
            if end.fileno() >= 0:
                self._discarding.add(end)
                self._loop.add_reader(end, self._swallow, end)

    def _swallow(self, end: socket.socket) -> None:
        try:
            received = end.recv(65536)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            received = b""
        if not received:
            self._loop.remove_reader(end)
            self._discarding.discard(end)
            end.close()
            if not self._discarding:
                self.close()

    def reset(self) -> None:
        """Reset both ends instead of closing them."""
        self._was_reset = True
        for end in (self.near, self.far):
            if end is not None and end.fileno() >= 0:
                _reset_on_close(end)
        self.close()

    def turn_away(self, far: socket.socket) -> None:
        """Treat a far end that comes too late as the others were treated."""
        if self._was_reset:
            _reset_on_close(far)
        far.close()

    def forget_near_end(self) -> None:
        """Forget the near end, only while nothing is carried up: the far side must not notice before the cable
        carries again."""
        self._drop_flows()
        if self.near in self._discarding:
            self._loop.remove_reader(self.near)
            self._discarding.discard(self.near)
        self.near.close()
        self._near_end_lost = True
        if self.far is None and not self.dialling:
            self.close()

    def close(self) -> None:
        if self.closed:
            return
        self.closed = True
        self._drop_flows()
        for end in self._discarding:
            self._loop.remove_reader(end)
        self._discarding.clear()
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
