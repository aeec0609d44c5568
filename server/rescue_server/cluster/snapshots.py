"""Snapshots of the state, so that the log need not be kept for ever: who makes them, and when the log is trimmed.

The last of the servers that follow makes one now and then, the leader only if it is alone. The leader drops the entries
up to the snapshot before the last. A snapshot is a backup of the local file, compressed.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import tempfile
import time
import zlib
from pathlib import Path

from rescue_server.cluster.standing import MemberStanding
from rescue_server.replicated.log import Log, LogError
from rescue_server.replicated.place import Place
from rescue_server.store.errors import StoreError
from rescue_server.store.online_backup import back_up
from rescue_server.store.schema import open_read_only, read_note

log = logging.getLogger(__name__)
RECORDS = 20_000  # after so many there is a new snapshot
AT_LEAST = 3600.0  # real seconds, after which there is one however few records there were
LOOK_EVERY = 30.0  # real seconds


class Snapshots:
    """Makes the snapshots of one server, whose store is in `data`."""

    def __init__(
        self,
        standing: MemberStanding,
        engine_log: Log,
        data: Path,
        *,
        records: int = RECORDS,
        look_every: float = LOOK_EVERY,
    ) -> None:
        self._standing = standing
        self._log = engine_log
        self._data = data
        self._records = records
        self._look_every = look_every
        self._last = 0
        self._last_at = time.monotonic()

    async def run(self) -> None:
        """Look now and then whether something is to be done, until cancelled."""
        while True:
            await asyncio.sleep(self._look_every)
            try:
                await asyncio.to_thread(self.look)
            except (LogError, StoreError, OSError) as error:
                log.warning("there is no snapshot now: %s", error)

    def look(self) -> None:
        """Make a snapshot, or trim the log, if it is time and this server's turn. Raises LogError, StoreError."""
        kept = self._log.snapshots()
        last = max(kept, default=0)
        if last != self._last:
            self._last, self._last_at = last, time.monotonic()
        if self._is_its_turn() and self._is_due(self._standing.place.position - last):
            put_snapshot(self._log, self._data)
        if self._standing.leads and len(kept) > 1 and self._log.first() <= kept[-2]:
            self._log.trim(kept[-2])

    def _is_its_turn(self) -> bool:
        members = self._standing.members()
        followers = [member.name for member in members if not member.leads]
        return self._standing.name == (followers[-1] if followers else members[0].name)

    def _is_due(self, records: int) -> bool:
        return records >= self._records or (records > 0 and time.monotonic() - self._last_at >= AT_LEAST)


def put_snapshot(engine_log: Log, data: Path) -> int:
    """Put a snapshot of a store that may be in use, and return its position. Raises LogError, StoreError."""
    with tempfile.TemporaryDirectory(prefix="snapshot-", dir=data) as scratch:
        copy = Path(scratch) / "copy"
        back_up(data, copy)
        with open_read_only(copy) as connection:
            position = Place.of(read_note(connection)).position
        packed = Path(scratch) / "packed"
        packed.write_bytes(zlib.compress(copy.read_bytes(), 1))
        engine_log.put_snapshot(position, packed)
    log.info("a snapshot has what the log says up to record %d", position)
    return position


def get_snapshot(engine_log: Log, target: Path) -> bool:
    """Write the latest snapshot to a file; return whether there is one. Raises LogError, OSError."""
    if engine_log.get_snapshot(target) is None:
        return False
    with contextlib.suppress(zlib.error):  # then it is damaged, which is found when it is opened
        target.write_bytes(zlib.decompress(target.read_bytes()))
    return True
