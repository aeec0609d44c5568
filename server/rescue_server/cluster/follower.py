"""Following the log into the state in memory, until this server is to lead and the log lets it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

from rescue_protos.errors import STORAGE_ERRORS, StorageUnavailable
from rescue_server.cluster.election import PING, Election
from rescue_server.core.organization import Organization
from rescue_server.replicated.log import Log, LogUnavailable
from rescue_server.replicated.records import Append, Compact, Record
from rescue_server.replicated.store import READ_AT_ONCE, LogMismatch, ReplicatedStore
from rescue_server.runtime.engine import Engine

log = logging.getLogger(__name__)
_PORTION = 100  # sessions whose deadlines are computed again in one turn
_RETRY = 0.2  # real seconds, while the log or the local disk is away
_SET_BACK = 3.0  # real seconds
_LOOK_WITHIN = 5.0  # real seconds
_LOOK_AGAIN = 1.0  # real seconds, without news of the log
CUT_OFF = 5.0  # real seconds without leader and log, after which clients are to go elsewhere


class Follower:
    """Follows with one engine and store. `on_news` is called when another server leads, or the organization changed."""

    def __init__(
        self, engine: Engine, store: ReplicatedStore, engine_log: Log, election: Election, on_news: Callable[[], None]
    ) -> None:
        self._engine = engine
        self._store = store
        self._log = engine_log
        self._election = election
        self._on_news = on_news
        self._woken = asyncio.Event()
        self._looks = 0  # how often the log was read to its end, or could not be
        self._looked = asyncio.Event()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="log news")
        self._waiting: asyncio.Future[None] | None = None
        self._read_at = time.monotonic()
        self._set_back_since: float | None = None
        self._known_leader: tuple[int, str] | None = None  # who led when that was news last: epoch and address

    def wake(self) -> None:
        """The election knows something new."""
        self._woken.set()

    async def look(self) -> None:
        """Return when the log was read to its end from now on: however many ask at once, it is read once or twice."""
        until = self._looks + 2  # a look that is under way may have begun before
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_LOOK_WITHIN):
                while self._looks < until:
                    self.wake()
                    self._looked.clear()
                    await self._looked.wait()

    async def run(self, server: str, address: str) -> None:
        """Follow until this server leads under this name, at this address.

        Raises LogTrimmed, LogMismatch; LogUnavailable once it is cut off from leader and log.
        """
        try:
            while not (await self._is_caught_up() and self._is_due() and await self._try_to_lead(server, address)):
                self._note_look()
                await self._wait()
        finally:
            self._note_look(2)
            self._thread.shutdown(wait=False)

    def _note_look(self, count: int = 1) -> None:
        self._looks += count
        self._looked.set()

    async def _is_caught_up(self) -> bool:
        """Absorb what is in the log; return whether it was all."""
        try:
            # To ask for what is not there yet costs the engine as much as to ask for what is.
            while (lag := await self._engine.in_store(self._store.lag)) > 0:
                self._absorb(await self._engine.in_store(partial(self._store.catch_up, min(lag, READ_AT_ONCE))))
            if await self._is_set_back(lag):
                return False
        except LogUnavailable as error:
            log.warning("the log cannot be read: %s", error)
            if self._election.silence(time.monotonic()) > CUT_OFF and time.monotonic() - self._read_at > CUT_OFF:
                raise
            await asyncio.sleep(_RETRY)
            return False
        except STORAGE_ERRORS as error:
            if isinstance(error.__cause__, LogMismatch):
                raise error.__cause__ from None
            log.error("the local file lags behind the log: %s", error.__cause__)
            await asyncio.sleep(_RETRY)
            return False
        is_more = True
        while is_more:
            is_more = self._engine.schedule.refresh(_PORTION)
            await asyncio.sleep(0)
        self._note()
        self._read_at = time.monotonic()
        return True

    async def _is_set_back(self, lag: int) -> bool:
        """Whether the log ends before what was read of it. If it stays so, that is no node which is behind itself.

        Raises StorageUnavailable because of LogMismatch.
        """
        if lag == 0:
            self._set_back_since = None
            return False
        now = time.monotonic()
        self._set_back_since = self._set_back_since or now
        if now - self._set_back_since > _SET_BACK:
            await self._engine.in_store(self._store.check)
        await asyncio.sleep(_RETRY)
        return True

    def _absorb(self, records: Sequence[Record]) -> None:
        organization = self._engine.published.organization
        for record in records:
            if isinstance(record, Append):
                self._engine.absorb(record.events)
            elif isinstance(record, Compact):
                self._engine.forget(record.streams)
        if records:
            self._note()
            self._election.received(time.monotonic())
            if self._is_news(organization):
                self._on_news()

    def _is_news(self, organization: Organization) -> bool:
        """Whether another server leads, or the organization is another one than it was: most records say neither."""
        known, place = self._known_leader, self._store.place
        self._known_leader = (place.epoch, place.address)
        return self._known_leader != known or self._engine.published.organization is not organization

    def _note(self) -> None:
        place = self._store.place
        self._election.saw(epoch=place.epoch, leader=place.address, now=time.monotonic())

    def _is_due(self) -> bool:
        now = time.monotonic()
        self._election.look(now)
        return self._election.due() <= now

    async def _try_to_lead(self, server: str, address: str) -> bool:
        log.info("this server tries to lead: %s", self._election.reason(time.monotonic()))
        try:
            await self._engine.in_store(partial(self._store.lead, server=server, address=address))
        except StorageUnavailable as error:
            log.info("another server leads, or the log does not answer: %s", error.__cause__)
            return False
        return True

    async def _wait(self) -> None:
        """Until there is news of the log or of the leader, or this server is to try to lead."""
        if self._waiting is None or self._waiting.done():
            loop = asyncio.get_running_loop()
            self._waiting = loop.run_in_executor(self._thread, self._log.wait, self._store.read_to, _LOOK_AGAIN)
        woken = asyncio.create_task(self._woken.wait())
        timeout = min(PING, max(0.0, self._election.due() - time.monotonic()))
        events: set[asyncio.Future[Any]] = {self._waiting, woken}
        await asyncio.wait(events, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
        woken.cancel()
        self._woken.clear()
