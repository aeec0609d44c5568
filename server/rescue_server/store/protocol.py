"""The protocol of a store: a journal of events, the answers to requests, and the clock.

Each implementation must pass `tests/contract/server/test_store.py`. Calls are synchronous and can wait for the disk. A
store can be opened in one thread and used in another, but only by one thread at a time.
"""

from __future__ import annotations

import math
import secrets
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Protocol

import msgspec

from rescue_server.store.errors import ConflictingRevision


class StoredEvent(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A line of the journal.

    `revision` counts 1, 2, 3 … over all streams. `at` is emulated time (aware, UTC). `stream` is a session's id or
    "organization". `body` is the encoded event; the store does not decode it.
    """

    revision: int
    at: datetime
    stream: str
    body: bytes

    def __post_init__(self) -> None:
        _require_utc(self.at)


class StoredAnswer(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The answer to a request, so that a retry gets the same answer and is not executed again.

    `principal` and `request_id` together identify the request. `fingerprint` tells a retry from another request with
    the same id. `revision` is the last revision at the time of the answer.
    """

    request_id: str
    principal: str
    fingerprint: str
    revision: int
    body: bytes


class ClockMark(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The emulated clock at one moment: `now` (aware, UTC), `speed` in emulated seconds per real second, `paused`."""

    now: datetime
    speed: float
    paused: bool

    def __post_init__(self) -> None:
        _require_utc(self.now)
        if not math.isfinite(self.speed):
            raise ValueError(f"a clock's speed is finite, not {self.speed}")


class StoreReader(Protocol):
    """Reads the journal of a store while another thread uses the store: neither of them waits for the other."""

    def read(self, after: int, *, through: int, limit: int, stream: str = "") -> list[StoredEvent]:
        """Return the first `limit` events after one revision and up to another, in order: of one stream, or all.

        To find those of one stream does not take longer in a long journal.
        """

    def close(self) -> None:
        """Close the reader, before its store."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreIdentity:
    """Which history the store holds: revisions of another one mean nothing here.

    `history` is a random name: a new store gets one, and so does each restored backup. `last_session` is the highest
    session number that an earlier history gave out; no later session gets one up to it.
    """

    history: str
    last_session: int = 0

    @staticmethod
    def new(*, last_session: int = 0) -> StoreIdentity:
        """Return the identity of a new history."""
        return StoreIdentity(history=secrets.token_hex(8), last_session=last_session)


class Store(Protocol):
    """Stores the server's state. A call that raises StoreError changes nothing."""

    def read(self, after: int = 0) -> Iterator[StoredEvent]:
        """Yield the events after a revision, up to the last one at the time of the call, in order.

        The store can be used while the caller iterates. Events that are compacted meanwhile may be left out.
        """

    def reader(self) -> StoreReader:
        """Return a reader of this store, for one thread."""

    def identity(self) -> StoreIdentity:
        """Return the identity of the history in the store."""

    def last_revision(self) -> int:
        """Return the revision of the last event ever appended, compacted or not; 0 if there was none."""

    def append(
        self,
        events: Sequence[StoredEvent],
        answers: Sequence[StoredAnswer] = (),
        clock: ClockMark | None = None,
    ) -> None:
        """Store all of this or nothing. If the store is on a disk, it is durable when the call returns.

        Raises ConflictingRevision unless the revisions continue the journal without a gap, and ConflictingAnswer if a
        request has an answer already.
        """

    def answer(self, principal: str, request_id: str) -> StoredAnswer | None:
        """Return the answer to the request; None if there was none, or if it was compacted."""

    def answered(self, after: tuple[str, str], limit: int) -> list[tuple[str, str]]:
        """Return the next requests that have an answer, in order, each as its principal and id. ("", "") begins."""

    def clock(self) -> ClockMark | None:
        """Return the last clock mark; None if there is none."""

    def mark_clock(self, mark: ClockMark) -> None:
        """Store the state of the clock."""

    def compact(
        self, streams: Collection[str], *, through: int, answers_through: int = 0, spared: Collection[str] = ()
    ) -> None:
        """Drop the events of these streams up to revision `through`, and the answers up to `answers_through`.

        Answers to the principals in `spared` are kept.
        """

    def rewrite(self, changed: Collection[StoredEvent], dropped: Collection[int]) -> None:
        """Drop events by revision, and replace others under their revision, so that they stand for the dropped ones.

        Raises ValueError if one of these events is not there.
        """

    def compacted_through(self) -> int:
        """Return the highest revision that was dropped; 0 if none was. After it the journal is complete."""

    def backup(self, target: Path) -> None:
        """Write a copy of the store to a file that only its owner can read, complete or not at all.

        Raises BackupExists if the file exists, BackupUnsupported if the store is in memory.
        """

    def close(self) -> None:
        """Close the store. A second close does nothing; any other call raises StoreClosed."""


def require_next(last: int, events: Sequence[StoredEvent]) -> None:
    """Raise ConflictingRevision unless the events continue from revision `last` without a gap."""
    for expected, event in enumerate(events, last + 1):
        if event.revision != expected:
            raise ConflictingRevision(expected=expected, given=event.revision)


def _require_utc(at: datetime) -> None:
    if at.utcoffset() != timedelta(0):
        raise ValueError(f"{at} is not an aware UTC time")
