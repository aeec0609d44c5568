"""What the server asks of a store: a journal of events, the answers given to commands, and the clock.

An engine is anything that passes `tests/contract/test_store.py`. Every call is synchronous and may wait for
the disk. A store may be opened in one thread and used in another, but by one thread at a time.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Protocol

from rescue_server.store.errors import ConflictingRevision


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredEvent:
    """A line of the journal.

    `revision` counts 1, 2, 3 … over all streams; `at` is emulated time (aware, UTC); `stream` says whose event it
    is (a session's id, or the organization's); `body` is the event, which means nothing to the store.
    """

    revision: int
    at: datetime
    stream: str
    body: bytes

    def __post_init__(self) -> None:
        _require_utc(self.at)


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredAnswer:
    """What a command was answered, so that its retry is answered and not carried out again.

    `principal` and `request_id` together name the command; `fingerprint` tells a retry from another command
    under the same id; `revision` is the last one when it was answered.
    """

    request_id: str
    principal: str
    fingerprint: str
    revision: int
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockMark:
    """Where the emulated clock stood: `now` (aware, UTC), emulated seconds per real one, and whether paused."""

    now: datetime
    speed: float
    paused: bool

    def __post_init__(self) -> None:
        _require_utc(self.now)
        if not math.isfinite(self.speed):
            raise ValueError(f"a clock's speed is finite, not {self.speed}")


class Store(Protocol):
    """Keeps what the server must not forget. Raises StoreError, and after that holds what it held before."""

    def read(self, after: int = 0) -> Iterator[StoredEvent]:
        """Yield the events after a revision, up to the last one at the time of the call, in order.

        The store may be used between two steps; what is compacted meanwhile may be left out.
        """

    def last_revision(self) -> int:
        """Return the revision of the last event ever appended, compacted or not; 0 if there was none."""

    def append(
        self,
        events: Sequence[StoredEvent],
        answers: Sequence[StoredAnswer] = (),
        clock: ClockMark | None = None,
    ) -> None:
        """Store all of this or nothing; what an engine keeps on a disk is there when the call returns.

        Raises ConflictingRevision unless the revisions go on from the last one without a gap, and
        ConflictingAnswer if a request has an answer already.
        """

    def answer(self, principal: str, request_id: str) -> StoredAnswer | None:
        """Return what the request was answered; None if it never was, or the answer is forgotten."""

    def clock(self) -> ClockMark | None:
        """Return the last mark of the clock; None if there was none."""

    def mark_clock(self, mark: ClockMark) -> None:
        """Store where the clock stands."""

    def compact(
        self, streams: Collection[str], *, through: int, answers_through: int = 0, spared: Collection[str] = ()
    ) -> None:
        """Drop the events of these streams up to a revision, and the answers up to another.

        Answers to the principals in `spared` stay. A session's stream goes when it has ended; of another stream, what
        a later event of it stands for.
        """

    def rewrite(self, changed: Collection[StoredEvent], dropped: Collection[int]) -> None:
        """Drop events by revision, and let others, which stand for them, read anew under their revision.

        Raises ValueError if one of these events is not there.
        """

    def compacted_through(self) -> int:
        """Return the highest revision ever dropped; 0 if none was. Reading after it yields every event."""

    def backup(self, target: Path) -> None:
        """Write a copy of all that is stored now to a file, whole or not at all, readable by its owner alone.

        Raises BackupExists if there is such a file, BackupUnsupported if the engine keeps nothing on a disk.
        """

    def close(self) -> None:
        """Let go of the store; closing twice does no harm. Anything else raises StoreClosed afterwards."""


def require_next(last: int, events: Sequence[StoredEvent]) -> None:
    """Raise ConflictingRevision unless the events go on from revision `last` without a gap."""
    for expected, event in enumerate(events, last + 1):
        if event.revision != expected:
            raise ConflictingRevision(expected=expected, given=event.revision)


def _require_utc(at: datetime) -> None:
    if at.utcoffset() != timedelta(0):
        raise ValueError(f"{at} is not an aware UTC time")
