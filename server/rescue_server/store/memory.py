"""A store in memory: for tests, and for a server whose state ends with its process."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Collection, Iterator, Sequence
from itertools import islice
from operator import attrgetter
from pathlib import Path

from rescue_server.store.errors import BackupUnsupported, ConflictingAnswer, StoreClosed
from rescue_server.store.protocol import (
    ClockMark,
    StoredAnswer,
    StoredEvent,
    StoreIdentity,
    StoreReader,
    require_next,
)


class MemoryStore:
    """Implements `Store` in memory. Nothing is durable."""

    def __init__(self, identity: StoreIdentity | None = None) -> None:
        self._identity = identity or StoreIdentity.new()
        self._events: list[StoredEvent] = []
        self._answers: dict[tuple[str, str], StoredAnswer] = {}
        self._clock: ClockMark | None = None
        self._last_revision = 0
        self._compacted_through = 0
        self._closed = False

    def read(self, after: int = 0) -> Iterator[StoredEvent]:
        """See `Store.read`."""
        self._require_open()
        return iter(self._events[bisect_right(self._events, after, key=attrgetter("revision")) :])

    def reader(self) -> StoreReader:
        """See `Store.reader`."""
        return _MemoryReader(self)

    def identity(self) -> StoreIdentity:
        """See `Store.identity`."""
        self._require_open()
        return self._identity

    def last_revision(self) -> int:
        """See `Store.last_revision`."""
        self._require_open()
        return self._last_revision

    def append(
        self,
        events: Sequence[StoredEvent],
        answers: Sequence[StoredAnswer] = (),
        clock: ClockMark | None = None,
    ) -> None:
        """See `Store.append`."""
        self._require_open()
        require_next(self._last_revision, events)
        fresh: dict[tuple[str, str], StoredAnswer] = {}
        for answer in answers:
            key = (answer.principal, answer.request_id)
            if key in self._answers or key in fresh:
                raise ConflictingAnswer(principal=answer.principal, request_id=answer.request_id)
            fresh[key] = answer
        self._events.extend(events)
        self._last_revision += len(events)
        self._answers.update(fresh)
        self._clock = clock or self._clock

    def answer(self, principal: str, request_id: str) -> StoredAnswer | None:
        """See `Store.answer`."""
        self._require_open()
        return self._answers.get((principal, request_id))

    def answered(self, after: tuple[str, str], limit: int) -> list[tuple[str, str]]:
        """See `Store.answered`."""
        self._require_open()
        return sorted(key for key in self._answers if key > after)[:limit]

    def clock(self) -> ClockMark | None:
        """See `Store.clock`."""
        self._require_open()
        return self._clock

    def mark_clock(self, mark: ClockMark) -> None:
        """See `Store.mark_clock`."""
        self.append((), clock=mark)

    def compact(
        self, streams: Collection[str], *, through: int, answers_through: int = 0, spared: Collection[str] = ()
    ) -> None:
        """See `Store.compact`."""
        self._require_open()
        gone = frozenset(streams)
        kept = [event for event in self._events if event.stream not in gone or event.revision > through]
        dropped = (event.revision for event in self._events if event.stream in gone and event.revision <= through)
        self._compacted_through = max(self._compacted_through, max(dropped, default=0))
        self._events = kept
        self._answers = {
            key: answer
            for key, answer in self._answers.items()
            if answer.revision > answers_through or answer.principal in spared
        }

    def rewrite(self, changed: Collection[StoredEvent], dropped: Collection[int]) -> None:
        """See `Store.rewrite`."""
        self._require_open()
        replaced, gone = {event.revision: event for event in changed}, frozenset(dropped)
        if not gone | replaced.keys() <= {event.revision for event in self._events}:
            raise ValueError("an event to rewrite or drop is not there")
        self._events = [replaced.get(event.revision, event) for event in self._events if event.revision not in gone]
        self._compacted_through = max(self._compacted_through, *gone, 0)

    def compacted_through(self) -> int:
        """See `Store.compacted_through`."""
        self._require_open()
        return self._compacted_through

    def backup(self, target: Path) -> None:
        """Raise BackupUnsupported."""
        self._require_open()
        raise BackupUnsupported

    def close(self) -> None:
        """See `Store.close`."""
        self._closed = True

    def _require_open(self) -> None:
        if self._closed:
            raise StoreClosed


class _MemoryReader:
    def __init__(self, store: MemoryStore) -> None:
        self._store = store

    def read(self, after: int, *, through: int, limit: int, stream: str = "") -> list[StoredEvent]:
        """See `StoreReader.read`."""
        wanted = (event for event in self._store.read(after) if event.revision <= through)
        return list(islice((event for event in wanted if not stream or event.stream == stream), limit))

    def close(self) -> None:
        """See `StoreReader.close`."""
