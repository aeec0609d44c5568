"""The port to a replicated engine: a log with a conditional append.

"Put this record after record n, or refuse" gives durability, one order, fencing and election; the engine is asked for
nothing else: no lease, no lock, no clock. Each adapter must pass `tests/contract/server/test_log.py`. Calls block, and
can be made in any thread.

LogError
├── Moved            another record stands there: somebody else writes now
├── InDoubt          nobody knows whether the record is stored; it may be stored later
├── LogTrimmed       records that were asked for are not kept any more; a snapshot has what they said
├── LogUnavailable   the engine does not answer at the moment
└── LogUnusable      the engine answers, but cannot serve; the message says what to do
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

PATIENCE = 15.0
"""Real seconds for which an append is tried."""

_SHORTEST_PAUSE, _LONGEST_PAUSE = 0.02, 0.2  # real seconds between attempts: an engine without leader refuses at once


class LogError(Exception):
    """A call to the log failed."""


class Moved(LogError):
    """Another record than the caller's stands at `position`: the caller has not seen the end of the log."""

    def __init__(self, position: int) -> None:
        super().__init__(f"another server has written record {position} of the log")
        self.position = position


class InDoubt(LogError):
    """The record was sent and no answer tells whether it is stored. It may be stored later."""

    def __init__(self, position: int) -> None:
        super().__init__(f"the engine does not tell whether record {position} of the log is stored")
        self.position = position


class LogTrimmed(LogError):
    """The log begins with record `first`."""

    def __init__(self, first: int) -> None:
        super().__init__(f"the log is kept from record {first} on")
        self.first = first


class LogUnavailable(LogError):
    """The engine does not answer at the moment. A retry may help."""


class LogUnusable(LogError):
    """The engine answers, but cannot serve. The message says what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LogEntry:
    """One record in the log: its position (1, 2, 3 …), the random id that its writer gave it, and its bytes."""

    position: int
    id: str
    record: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineNode:
    """One node of the engine, and what it is: "leader", "follower", or "lost" if the others do not hear from it."""

    name: str
    role: str


class Log(Protocol):
    """One log. Every call can raise LogUnavailable."""

    def append(self, expected: int, record: bytes, id: str) -> int:
        """Put the record after position `expected`, which must be the last, and return its position. It is durable.

        The adapter finds out itself what became of an attempt without an answer. Raises Moved; InDoubt after its
        time-out.
        """

    def read(self, after: int, limit: int) -> list[LogEntry]:
        """Return the next entries, at most `limit`; none if there is no more. Raises LogTrimmed."""

    def wait(self, after: int, timeout: float) -> None:
        """Return when there may be an entry after this position, or after `timeout` real seconds."""

    def tail(self) -> int:
        """Return the position of the last entry; 0 if there never was one."""

    def first(self) -> int:
        """Return the position of the first entry that is kept; one more than the last if none is."""

    def trim(self, through: int) -> None:
        """Drop the entries up to this position, which is before the last."""

    def put_snapshot(self, position: int, file: Path) -> None:
        """Keep the file as what all entries up to this position made. The two latest snapshots are kept."""

    def get_snapshot(self, target: Path) -> int | None:
        """Write the latest snapshot to a file and return its position; None if there is none."""

    def snapshots(self) -> list[int]:
        """Return the positions of the snapshots that are kept, in order."""

    def nodes(self) -> list[EngineNode]:
        """Return the engine's nodes by name; none if the engine has no nodes."""

    def close(self) -> None:
        """Close the connection to the engine. Threads that wait return."""


def follow(log: Log, after: int, *, limit: int = 256, timeout: float = 1.0) -> Iterator[LogEntry]:
    """Yield every entry after a position, in order and without a gap, for ever. Waits while the engine is away."""
    while True:
        try:
            found = log.read(after, limit)
        except LogUnavailable:
            time.sleep(_LONGEST_PAUSE)
            continue
        yield from found
        if found:
            after = found[-1].position
        else:
            log.wait(after, timeout)


class Doubtful(Exception):
    """An attempt to append got no answer, or one that does not tell."""


def append_surely(
    attempt: Callable[[], int],
    standing: Callable[[], LogEntry | None],
    *,
    expected: int,
    id: str,
    try_for: float,
) -> int:
    """Try to append until it is known what became of it. For adapters.

    `attempt` returns the position, or raises Doubtful. `standing` returns the entry after `expected`. To try again is
    safe: at most one attempt can come to stand there. Raises Moved, InDoubt.
    """
    give_up, pause = time.monotonic() + try_for, _SHORTEST_PAUSE
    while True:
        try:
            return attempt()
        except Doubtful:
            pass
        try:
            found = standing()
        except LogUnavailable:
            found = None
        except LogTrimmed:
            raise Moved(expected + 1) from None
        if found is not None:
            if found.id == id:
                return found.position
            raise Moved(found.position)
        if time.monotonic() >= give_up:
            raise InDoubt(expected + 1)
        time.sleep(pause)
        pause = min(2 * pause, _LONGEST_PAUSE)
