"""Whether facts that were read still hold, seen without a call: the server counts its changes in shared memory."""

from __future__ import annotations

import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta

from rescue_common.emulated_time import END_OF_TIME
from rescue_common.shared_number import SharedNumber
from rescue_protos.v1 import public_api_pb2 as pb


class Holding:
    """What the last answer said about how long it holds. On another machine than the server's nothing ever holds."""

    def __init__(self) -> None:
        self._file = ""
        self._mark = b""
        self._changes: SharedNumber | None = None
        self._number = -1
        self._speed = 0.0
        self._due_at: datetime | None = None
        self._read_at = END_OF_TIME
        self._since = 0.0

    def renew(self, validity: pb.Validity, now: datetime) -> None:
        """Take in what an answer of this emulated moment says."""
        if (validity.file, validity.mark) != (self._file, self._mark):
            self._file, self._mark, self._changes = validity.file, validity.mark, None
            if validity.file:
                with suppress(OSError, ValueError):
                    self._changes = SharedNumber(validity.file, validity.mark)
        self._number, self._speed = validity.number, validity.speed
        self._due_at = validity.due_at.ToDatetime(tzinfo=UTC) if validity.HasField("due_at") else None
        self._read_at, self._since = now, time.monotonic()

    def now(self) -> datetime | None:
        """Return the emulated time if the facts still hold, else None."""
        if self._changes is None or self._changes.value != self._number:
            return None
        now = self._read_at
        if self._speed:
            passed = (time.monotonic() - self._since) * self._speed
            if passed >= (END_OF_TIME - now).total_seconds():
                return None
            now += timedelta(seconds=passed)
        return now if self._due_at is None or now < self._due_at else None
