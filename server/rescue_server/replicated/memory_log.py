"""A log in memory: for tests. Servers of one process share one object."""

from __future__ import annotations

import threading
from pathlib import Path

from rescue_server.replicated.log import EngineNode, LogEntry, LogTrimmed, Moved


class MemoryLog:
    """Implements `Log` in memory. Nothing is durable."""

    def __init__(self) -> None:
        self._entries: list[LogEntry] = []
        self._trimmed = 0
        self._news = threading.Condition()
        self._snapshots: list[tuple[int, bytes]] = []
        self._closed = False

    def append(self, expected: int, record: bytes, id: str) -> int:
        """See `Log.append`."""
        with self._news:
            if self._last() != expected:
                raise Moved(expected + 1)
            self._entries.append(LogEntry(position=expected + 1, id=id, record=record))
            self._news.notify_all()
            return expected + 1

    def read(self, after: int, limit: int) -> list[LogEntry]:
        """See `Log.read`."""
        with self._news:
            if after < self._trimmed:
                raise LogTrimmed(self._trimmed + 1)
            begin = after - self._trimmed
            return self._entries[begin : begin + limit]

    def wait(self, after: int, timeout: float) -> None:
        """See `Log.wait`."""
        with self._news:
            self._news.wait_for(lambda: self._closed or self._last() > after, timeout)

    def tail(self) -> int:
        """See `Log.tail`."""
        with self._news:
            return self._last()

    def first(self) -> int:
        """See `Log.first`."""
        with self._news:
            return self._trimmed + 1

    def trim(self, through: int) -> None:
        """See `Log.trim`."""
        with self._news:
            del self._entries[: max(0, through - self._trimmed)]
            self._trimmed = max(self._trimmed, through)

    def put_snapshot(self, position: int, file: Path) -> None:
        """See `Log.put_snapshot`."""
        self._snapshots = [*self._snapshots[-1:], (position, file.read_bytes())]

    def get_snapshot(self, target: Path) -> int | None:
        """See `Log.get_snapshot`."""
        if not self._snapshots:
            return None
        position, content = self._snapshots[-1]
        target.write_bytes(content)
        return position

    def snapshots(self) -> list[int]:
        """See `Log.snapshots`."""
        return [position for position, _ in self._snapshots]

    def nodes(self) -> list[EngineNode]:
        """See `Log.nodes`."""
        return []

    def close(self) -> None:
        """See `Log.close`."""
        with self._news:
            self._closed = True
            self._news.notify_all()

    def _last(self) -> int:
        return self._trimmed + len(self._entries)
