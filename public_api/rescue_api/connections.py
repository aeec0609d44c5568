"""One connection of a client: slow and half-open ones are cut off, so that they use up nothing for long."""

from __future__ import annotations

import asyncio
import re

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

_NOT_ASCII = re.compile(rb"[\x80-\xff]")


class BoundedConnection(H11Protocol):
    """A connection that must send a whole head, and must take what it is sent, within so many real seconds."""

    head_within = 30.0
    taken_within = 60.0

    _head_due: asyncio.TimerHandle | None = None
    _taken_due: asyncio.TimerHandle | None = None
    _in_first_line = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for the head of a request."""
        super().connection_made(transport)
        self._watch_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop to wait."""
        super().connection_lost(exc)
        self._stop_waiting_for_head()
        self._stop_waiting_for_taking()

    def data_received(self, data: bytes) -> None:
        """Read on. The time for a further head starts with its first byte; keep-alive bounds the time before."""
        if self.conn.their_state is h11.IDLE and (self._in_first_line or not self.conn.trailing_data[0]):
            # curl sends letters as they are, and h11 refuses them.
            line, end, others = data.partition(b"\n")
            self._in_first_line = not end
            data = _escaped(line) + end + others
        super().data_received(data)
        self._watch_head()

    def pause_writing(self) -> None:
        """The client does not take what it is sent."""
        super().pause_writing()
        self._wait_for_taking()

    def resume_writing(self) -> None:
        """The client took enough."""
        super().resume_writing()
        self._stop_waiting_for_taking()

    def timeout_keep_alive_handler(self) -> None:
        """Close a connection that is not used any more, also if its last bytes are not taken."""
        super().timeout_keep_alive_handler()
        self._wait_for_taking()

    def _watch_head(self) -> None:
        if self.conn.their_state is not h11.IDLE or self.transport.is_closing():
            self._stop_waiting_for_head()
        elif self._head_due is None:
            self._head_due = self.loop.call_later(self.head_within, self.transport.abort)

    def _stop_waiting_for_head(self) -> None:
        if self._head_due is not None:
            self._head_due.cancel()
            self._head_due = None

    def _wait_for_taking(self) -> None:
        if self._taken_due is None:
            self._taken_due = self.loop.call_later(self.taken_within, self.transport.abort)

    def _stop_waiting_for_taking(self) -> None:
        if self._taken_due is not None:
            self._taken_due.cancel()
            self._taken_due = None


def _escaped(line: bytes) -> bytes:
    """Escape the bytes that are not ASCII."""
    return line if line.isascii() else _NOT_ASCII.sub(lambda found: b"%%%02X" % found[0][0], line)
