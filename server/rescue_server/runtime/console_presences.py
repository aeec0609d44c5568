"""When technicians' consoles came and went: stored events, where a server serves the public API.

Elsewhere nobody asks, and an event for each connection would only lengthen the journal. A server that was killed stores
the going of who did not come back when the presences are read.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime

from rescue_server.core import decide
from rescue_server.core.organization import ConsoleCame, ConsoleWent
from rescue_server.runtime.engine import Engine, Handler, Outcome
from rescue_server.runtime.state import ORGANIZATION, EngineState, read_event

_READ = 500  # events read from the store in one turn


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsolePresence:
    """The time in which a technician had a console connected; it goes on without `until`."""

    technician: str
    address: str
    since: datetime
    until: datetime | None = None


class ConsolePresences:
    """Those of one engine. `kept`: whether they are stored."""

    def __init__(self, engine: Engine, *, kept: bool = False) -> None:
        self._engine = engine
        self._kept = kept

    async def note(self, technician: str, address: str = "") -> None:
        """Store that a technician's consoles came or went, if that has changed. Raises StorageUnavailable."""
        here = self._engine.watch.connected(technician)
        if self._kept and here is not (technician in self._engine.ahead.organization.present):
            await self._engine.perform(self._noted(technician, address))

    async def read(self, begin: datetime, end: datetime) -> AsyncIterator[ConsolePresence]:
        """Yield the presences that overlap a range, in the order of their ends. Raises StorageUnavailable."""
        for technician in sorted(self._engine.published.organization.present):
            await self.note(technician)
        came: dict[str, ConsolePresence] = {}
        async for event in self._stored():
            if isinstance(event, ConsoleCame):
                came.setdefault(
                    event.technician,
                    ConsolePresence(technician=event.technician, address=event.address, since=event.at),
                )
            elif (known := came.pop(event.technician, None)) is not None and known.since < end and event.at > begin:
                yield ConsolePresence(
                    technician=known.technician, address=known.address, since=known.since, until=event.at
                )
        for known in came.values():
            if known.since < end:
                yield known

    async def _stored(self) -> AsyncIterator[ConsoleCame | ConsoleWent]:
        after, through = 0, self._engine.published.revision
        while found := await self._engine.stored_events(after, through=through, limit=_READ, stream=ORGANIZATION):
            for stored in found:
                event = read_event(stored)
                if isinstance(event, ConsoleCame | ConsoleWent):
                    yield event
            after = found[-1].revision

    def _noted(self, technician: str, address: str) -> Handler:
        def handle(state: EngineState, context: decide.Context) -> Outcome:
            here = self._engine.watch.connected(technician)
            if here is (technician in state.organization.present):
                return Outcome()
            if here:
                return Outcome(events=[ConsoleCame(at=context.now, technician=technician, address=address)])
            return Outcome(events=[ConsoleWent(at=context.now, technician=technician)])

        return handle
