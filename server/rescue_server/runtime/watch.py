"""The watches of queues: each technician's recent updates, and how far each watcher has read.

Each technician has a bounded ring of updates. A watcher is only a position in it: it reads on from there when it can,
so a slow one costs no memory and delays nobody. Older than the ring is compacted: the watcher gets a new snapshot.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from itertools import chain, takewhile
from typing import Protocol

import msgspec

from rescue_server.core.queue import QueueUpdate

RING = 4096  # updates kept per technician
BATCH = 256  # updates handed out at once


class Revised(msgspec.Struct, frozen=True, eq=False, gc=False):
    """An update and the revision of the event it comes from. Technicians to whom it says the same share it."""

    revision: int
    update: QueueUpdate


@dataclass(slots=True)
class _Ring:
    updates: deque[Revised] = field(default_factory=deque)
    dropped_through: int = 0


class Signal:
    """An event that one task at a time waits for. Each update sets one per console: it costs half of asyncio's."""

    __slots__ = ("_is_set", "_waiting")

    def __init__(self) -> None:
        self._is_set = False
        self._waiting: asyncio.Future[None] | None = None

    def is_set(self) -> bool:
        """Whether there is something new."""
        return self._is_set

    def set(self) -> None:
        """Wake who waits."""
        self._is_set = True
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(None)

    async def take(self) -> None:
        """Wait until it is set, and reset it."""
        if not self._is_set:
            self._waiting = asyncio.get_running_loop().create_future()
            try:
                await self._waiting
            finally:
                self._waiting = None
        self._is_set = False


@dataclass(slots=True, eq=False)
class Watcher:
    """One console's position: it has been handed all up to `after`, and taken all up to `delivered`."""

    technician: str
    console: str
    after: int = 0
    delivered: int = 0
    bookmark_wanted: bool = False
    stuck: bool = False  # `settled` timed out on it, and it has taken nothing since
    news: Signal = field(default_factory=Signal)

    def want_bookmark(self) -> None:
        """The watch is to get a bookmark as soon as it has seen all."""
        self.bookmark_wanted = True
        self.news.set()


class Observer(Protocol):
    """Is told that something may have changed."""

    def set(self) -> None: ...


class Watch:
    """All rings and watchers."""

    def __init__(self, *, ring: int = RING) -> None:
        self._size = ring
        self._rings: dict[str, _Ring] = {}
        self._watchers: dict[str, set[Watcher]] = {}  # by technician
        self._elsewhere: frozenset[str] = frozenset()
        self._behind: set[Watcher] = set()  # those that have not been handed everything yet
        self.open_watchers = 0
        self._observers: set[Observer] = set()
        self._progress = asyncio.Event()
        self.revision = 0
        self.oldest = 0  # what happened up to this revision is in no ring

    def publish(self, revision: int, updates: Mapping[str, QueueUpdate]) -> None:
        """Publish the updates of a stored event. Never waits."""
        self.revision = revision
        shared: dict[int, Revised] = {}
        for technician, update in updates.items():
            ring = self._rings.setdefault(technician, _Ring())
            ring.updates.append(shared.setdefault(id(update), Revised(revision, update)))
            if len(ring.updates) > self._size:
                ring.dropped_through = ring.updates.popleft().revision
            for watcher in self.watchers_of(technician):
                watcher.news.set()
                self._behind.add(watcher)
        self._wake_observers()

    def disconnect(self, technician: str) -> None:
        """Drop the ring of a removed technician.

        The last revision is remembered, so that a new technician of the same name does not resume from it.
        """
        if (ring := self._rings.get(technician)) is not None and ring.updates:
            ring.dropped_through = ring.updates[-1].revision
            ring.updates = deque()

    def subscribe(self) -> asyncio.Event:
        """Return an event that is set when any queue, or who watches it, may have changed. `unsubscribe` it in the end.

        An observer is no console: it takes nothing out of a ring, and nobody waits for it.
        """
        news = asyncio.Event()
        self.add_observer(news)
        return news

    def add_observer(self, observer: Observer) -> None:
        """Tell the observer the same at once, by its `set`."""
        self._observers.add(observer)

    def unsubscribe(self, news: Observer) -> None:
        """Remove an observer."""
        self._observers.discard(news)

    def changed_at(self, technician: str) -> int:
        """The revision at which the technician's queue last changed, as far as the rings know."""
        ring = self._rings.get(technician)
        return ring.updates[-1].revision if ring and ring.updates else 0

    def _wake_observers(self) -> None:
        for news in self._observers:
            news.set()

    def open(self, technician: str, console: str) -> Watcher:
        """Open a watcher that starts after the current revision."""
        watcher = Watcher(technician=technician, console=console, after=self.revision, delivered=self.revision)
        self._watchers.setdefault(technician, set()).add(watcher)
        self.open_watchers += 1
        self._wake_observers()
        return watcher

    def close(self, watcher: Watcher) -> None:
        """Close the watcher."""
        others = self._watchers.get(watcher.technician, set())
        self.open_watchers -= watcher in others
        others.discard(watcher)
        self._behind.discard(watcher)
        if not others:
            self._watchers.pop(watcher.technician, None)
        self._progress.set()
        self._wake_observers()

    async def reach(self, revision: int, *, timeout: float) -> bool:
        """Wait until a revision is published, `timeout` real seconds at most. Return whether it is."""
        news = self.subscribe()
        try:
            async with asyncio.timeout(timeout):
                while self.revision < revision:
                    news.clear()
                    await news.wait()
        except TimeoutError:
            return False
        finally:
            self.unsubscribe(news)
        return True

    def oldest_resumable(self, technician: str) -> int:
        """The oldest revision that can be resumed after."""
        ring = self._rings.get(technician)
        return max(self.oldest, ring.dropped_through if ring else 0)

    def take(self, watcher: Watcher) -> list[Revised] | None:
        """The next updates; none if it has seen all; None if what followed is not there: gone, or of the future.

        They are BATCH at most. If there are more, there is news at once.
        """
        ring = self._rings.get(watcher.technician)
        if not self.oldest_resumable(watcher.technician) <= watcher.after <= self.revision:
            return None
        found: list[Revised] = []
        if ring is not None and ring.updates and ring.updates[-1].revision > watcher.after:
            # From the right: a watcher that keeps up finds its place at once.
            for revised in reversed(ring.updates):
                if revised.revision <= watcher.after:
                    break
                found.append(revised)
            if len(found) > 1:
                found.reverse()
            if len(found) > BATCH:
                del found[BATCH:]
                watcher.news.set()
        watcher.after = found[-1].revision if found else self.revision
        return found

    def lag(self, watcher: Watcher) -> int:
        """How many updates the watcher has not been handed yet, of those that are still there."""
        ring = self._rings.get(watcher.technician)
        recent = reversed(ring.updates) if ring else ()
        return sum(1 for _ in takewhile(lambda revised: revised.revision > watcher.delivered, recent))

    def delivered(self, watcher: Watcher) -> None:
        """Record that the connection has accepted what was taken."""
        watcher.delivered = watcher.after
        watcher.stuck = False
        if watcher.after >= self.changed_at(watcher.technician):
            self._behind.discard(watcher)
        self._progress.set()

    def want_bookmarks(self, technician: str, console: str) -> None:
        """The watches of this console are to get a bookmark as soon as they have seen all."""
        for watcher in self.watchers_of(technician):
            if watcher.console == console:
                watcher.want_bookmark()

    def wake(self, technician: str) -> None:
        """Wake all watches of the technician, because their permission has changed."""
        for watcher in self.watchers_of(technician):
            watcher.want_bookmark()

    def connected(self, technician: str) -> bool:
        """Whether a console of the technician watches, here or at another server."""
        return technician in self._watchers or technician in self._elsewhere

    @property
    def watched_here(self) -> Collection[str]:
        """The technicians with a console at this server."""
        return self._watchers.keys()

    def watched_elsewhere(self, technicians: Iterable[str]) -> None:
        """Record the technicians with a console at another server of the cluster."""
        if (given := frozenset(technicians)) != self._elsewhere:
            self._elsewhere = given
            self._wake_observers()

    async def settled(self, revision: int, timeout: float) -> None:
        """Wait until every watcher has been handed what concerns it up to a revision, `timeout` real seconds at most.

        A stuck console holds up who waits here once, and not again before it has taken something.
        """
        try:
            async with asyncio.timeout(timeout):
                # One after the other: whoever has caught up stays so, and need not be looked at again.
                for watcher in self.behind:
                    await self._caught_up(watcher, revision)
        except TimeoutError:
            for watcher in self.behind:
                watcher.stuck = watcher.stuck or self._is_behind(watcher, revision)

    async def _caught_up(self, watcher: Watcher, revision: int) -> None:
        while not watcher.stuck and watcher in self.watchers_of(watcher.technician):
            if not self._is_behind(watcher, revision):
                return
            self._progress.clear()
            await self._progress.wait()

    def _is_behind(self, watcher: Watcher, revision: int) -> bool:
        ring = self._rings.get(watcher.technician)
        if ring is None:
            return False
        # From the right, and only what it has not been handed: most watchers keep up, and rings are long.
        missing = takewhile(lambda revised: revised.revision > watcher.delivered, reversed(ring.updates))
        return any(revised.revision <= revision for revised in missing)

    @property
    def behind(self) -> frozenset[Watcher]:
        """Return the watchers that have not been handed everything yet: mostly few, of however many."""
        return frozenset(self._behind)

    @property
    def watchers(self) -> frozenset[Watcher]:
        """Return the watchers that are open now."""
        return frozenset(chain.from_iterable(self._watchers.values()))

    def watchers_of(self, technician: str) -> Collection[Watcher]:
        """Return the watchers of a technician's queue that are open now."""
        return self._watchers.get(technician, ())
