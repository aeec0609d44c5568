"""One direction of one connection through the relay: what was read, what is on its way, and what is not yet written.

Without a fault at most one chunk is held. With a delay or with losses chunks are on their way, each with the moment
at which it arrives; they never overtake each other.
"""

from __future__ import annotations

import asyncio
import socket
from collections import deque
from collections.abc import Callable
from random import Random

from rescue_applet.network.condition import SOUND, Condition

CHUNK = 65536  # bytes
# Bytes on their way at a time; as much as a TCP window might be.
WINDOW = 4 * 1024 * 1024  # bytes


class Flow:
    """From `source` to `sink`. `settled` is called when it has `finished` or is `broken`. `name` tells the
    direction and the connection: with the seed it decides the random choices of each chunk."""

    def __init__(
        self,
        source: socket.socket,
        sink: socket.socket,
        *,
        name: str,
        settled: Callable[[], None],
    ) -> None:
        self.finished = False
        self.broken = False
        self._loop = asyncio.get_running_loop()
        self._source = source
        self._sink = sink
        self._name = name
        self._settled = settled
        self._condition = SOUND
        self._random = Random(0)
        self._on_the_way: deque[tuple[float, bytes]] = deque()
        self._bytes_on_the_way = 0
        self._arrival: asyncio.TimerHandle | None = None
        self._held = memoryview(b"")
        self._input_ended = False
        self._reset = False
        self._reading = self._writing = False

    def start(self, condition: Condition) -> None:
        """Carry under this condition; also to change it while it carries."""
        if condition.is_late and (condition.seed != self._condition.seed or not self._condition.is_late):
            self._random = Random(f"{condition.seed} {self._name}")
        self._condition = condition
        self._arrange(carrying=not self.finished)

    def stop(self) -> None:
        """Read nothing and write nothing more, and keep what is held."""
        self._arrange(carrying=False)

    def _arrange(self, *, carrying: bool = True) -> None:
        """Wait for what can happen next, and for nothing else."""
        # One thing at a time: nothing is read while something is held.
        self._read_on(
            carrying and not self._held and not self._input_ended and self._bytes_on_the_way < WINDOW,
        )
        self._write_on(carrying and bool(self._held))
        if self._arrival is not None:
            self._arrival.cancel()
            self._arrival = None
        if carrying and not self._held:
            if self._on_the_way:
                self._arrival = self._loop.call_at(self._on_the_way[0][0], self._arrive)
            elif self._input_ended:
                self._end()

    def _read_on(self, wanted: bool) -> None:
        if wanted and not self._reading:
            self._loop.add_reader(self._source, self._read)
        elif self._reading and not wanted:
            self._loop.remove_reader(self._source)
        self._reading = wanted

    def _write_on(self, wanted: bool) -> None:
        if wanted and not self._writing:
            self._loop.add_writer(self._sink, self._write)
        elif self._writing and not wanted:
            self._loop.remove_writer(self._sink)
        self._writing = wanted

    def _read(self) -> None:
        try:
            data = self._source.recv(CHUNK)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            data, self._reset = b"", True
        if not data:
            self._input_ended = True
            self._arrange()
        elif self._condition.is_late or self._on_the_way:
            self._send_on_its_way(data)
            self._arrange()
        else:
            self._held = memoryview(data)
            self._write()

    def _send_on_its_way(self, data: bytes) -> None:
        condition, random = self._condition, self._random
        due = self._loop.time() + condition.lateness(random)
        if self._on_the_way:
            due = max(due, self._on_the_way[-1][0])
        self._on_the_way.append((due, data))
        self._bytes_on_the_way += len(data)

    def _arrive(self) -> None:
        self._arrival = None
        _, data = self._on_the_way.popleft()
        self._bytes_on_the_way -= len(data)
        self._held = memoryview(data)
        self._write()

    def _write(self) -> None:
        try:
            self._held = self._held[self._sink.send(self._held) :]
        except (BlockingIOError, InterruptedError):
            pass
        except OSError:
            self.broken = True
            self._settled()
            return
        self._arrange()

    def _end(self) -> None:
        self.finished = True
        try:
            self._sink.shutdown(socket.SHUT_WR)
        except OSError:
            self._reset = True
        self.broken = self._reset
        self._settled()
