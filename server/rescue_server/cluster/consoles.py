"""The consoles of a cluster: each server knows its own, and the leader, which decides about focus, knows all.

A server that follows reports each technician of its consoles: whether one is connected, and whether one is in focus.
The leader counts that as one console of the technician more.
"""

from __future__ import annotations

import asyncio
import contextlib

from rescue_common.background_tasks import BackgroundTasks
from rescue_protos.errors import STORAGE_ERRORS
from rescue_protos.v1 import cluster_pb2
from rescue_server.cluster.linked_servers import LinkedServer, LinkedServers
from rescue_server.cluster.questions import Make, Questions
from rescue_server.cluster.standing import MemberStanding
from rescue_server.cluster.uplink import Uplink
from rescue_server.runtime.console_presences import ConsolePresences
from rescue_server.runtime.engine import Engine
from rescue_server.runtime.focus import in_focus, record_focus
from rescue_server.runtime.presence import ConnectedConsoles, Presence

_RETURN_WITHIN = 5.0  # real seconds for the consoles of a server that is gone to come back elsewhere


class OwnConsoles:
    """The consoles of this server: recorded here while it leads, and reported to the leader while it follows."""

    def __init__(
        self,
        standing: MemberStanding,
        engine: Engine,
        consoles: ConnectedConsoles,
        uplink: Uplink,
        questions: Questions,
    ) -> None:
        self._standing = standing
        self._engine = engine
        self._consoles = consoles
        self._questions = questions
        self._told: dict[str, tuple[bool, bool]] = {}
        uplink.on_open(self._report_all)

    async def focus_changed(self, technician: str, focused: bool) -> None:
        """Have a change of the focus recorded. Raises StorageUnavailable."""
        if self._standing.leads:
            await record_focus(self._engine, technician, focused)
        else:
            await self.report(technician)

    async def report(self, technician: str, address: str = "") -> None:
        """Tell the leader of a technician, if it does not know; return when the effect is here, or nobody leads."""
        if self._told.get(technician, (False, False)) != self._state(technician):
            await self._questions.ask(self._report(technician, address))

    async def lead(self) -> None:
        """Record the focus that the last leader was not told of any more. Raises StorageUnavailable."""
        for technician in sorted(self._consoles.in_focus() - in_focus(self._engine)):
            await record_focus(self._engine, technician, focused=True)

    def _report_all(self) -> None:
        self._told = {}
        if self._standing.leads:
            return
        for technician in self._engine.watch.watched_here:
            self._questions.send(self._report(technician))

    def _report(self, technician: str, address: str = "") -> Make:
        connected, focused = self._told[technician] = self._state(technician)
        return lambda number: cluster_pb2.LinkRequest(
            console=cluster_pb2.ConsoleReport(
                number=number, technician=technician, connected=connected, in_focus=focused, address=address
            )
        )

    def _state(self, technician: str) -> tuple[bool, bool]:
        return technician in self._engine.watch.watched_here, any(self._consoles.of(technician).values())


class MemberPresences(ConsolePresences):
    """Where consoles' coming and going is stored: by the leader."""

    def __init__(self, standing: MemberStanding, own: OwnConsoles, engine: Engine, *, kept: bool) -> None:
        super().__init__(engine, kept=kept)
        self._standing = standing
        self._own = own

    async def note(self, technician: str, address: str = "") -> None:
        """Store that a technician's consoles came or went, or have the leader do it. Raises StorageUnavailable."""
        if self._standing.leads:
            await super().note(technician, address)
        else:
            await self._own.report(technician, address)


class OthersConsoles:
    """The consoles of the other servers, at the leader."""

    def __init__(self, engine: Engine, presence: Presence, presences: ConsolePresences, linked: LinkedServers) -> None:
        self._engine = engine
        self._presence = presence
        self._presences = presences
        self._at: dict[LinkedServer, set[str]] = {}  # technicians, also of links that have just ended
        self._tasks = BackgroundTasks()
        self._is_closed = False
        linked.on("console", self._reported)
        linked.on("revision", self._asked)
        linked.on_end(self._ended)

    def connected_beside(self, instance: str) -> frozenset[str]:
        """Return the technicians with a console here or at other servers than this one."""
        elsewhere = (names for server, names in self._at.items() if server.instance != instance)
        return frozenset(self._engine.watch.watched_here).union(*elsewhere)

    def close(self) -> None:
        """Record nothing any more: this server does not lead."""
        self._is_closed = True
        self._tasks.cancel()

    def _asked(self, server: LinkedServer, message: cluster_pb2.LinkRequest) -> None:
        self._answer(server, message.revision.number)

    def _reported(self, server: LinkedServer, message: cluster_pb2.LinkRequest) -> None:
        report, here = message.console, self._at.setdefault(server, set())
        (here.add if report.connected else here.discard)(report.technician)
        self._update_watch()
        self._tasks.start(self._record(server, report))

    def _ended(self, server: LinkedServer) -> None:
        if server in self._at and not self._is_closed:
            self._tasks.start(self._forget(server))

    async def _record(self, server: LinkedServer, report: cluster_pb2.ConsoleReport) -> None:
        technician = report.technician
        try:
            if report.connected:
                await self._presence.set(technician, server, report.in_focus)
            else:
                await self._presence.leave(technician, server)
            await self._presences.note(technician, report.address)
        except STORAGE_ERRORS:
            pass  # the focus is tried again, as that of a console here
        self._answer(server, report.number)

    async def _forget(self, server: LinkedServer) -> None:
        """Keep the focus of a server's technicians until their consoles may have come back elsewhere.

        Or there: a server that links again reports them again, as those of its new link.
        """
        await asyncio.sleep(_RETURN_WITHIN)
        technicians = self._at.pop(server, set())
        self._update_watch()
        for technician in sorted(technicians):
            await self._presence.leave(technician, server)
            with contextlib.suppress(*STORAGE_ERRORS):
                await self._presences.note(technician)

    def _answer(self, server: LinkedServer, number: int) -> None:
        answer = cluster_pb2.LinkAnswer(number=number, revision=self._engine.published.revision)
        server.send(cluster_pb2.LinkResponse(answer=answer))

    def _update_watch(self) -> None:
        self._engine.watch.watched_elsewhere(frozenset().union(*self._at.values()))
