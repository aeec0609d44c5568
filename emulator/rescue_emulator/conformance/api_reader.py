"""Reads every status of a played row through the public API, too, and holds it against the mapping.

It watches the play as a narrator does: after each step it compares what each console shows with the API's answer.
"""

from __future__ import annotations

import asyncio
import http.client
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlencode, urlsplit

from rescue_client.records import Status
from rescue_emulator.conformance.api_statuses import NO_ROW, allowed
from rescue_emulator.scenarios.model import Scenario, Step
from rescue_emulator.scenarios.stage import Stage
from rescue_emulator.world.records import StatusUpdate
from rescue_emulator.world.world import World

_TIMEOUT = 20.0  # real seconds
_ROOT = 3_000_001
_TRIES = 5


@dataclass(slots=True, kw_only=True)
class ApiReader:
    """Reads while one scenario is played. `deviations` are sentences."""

    stage: Stage
    scenario: Scenario
    deviations: tuple[str, ...] = ()
    _code: str = ""
    _old: set[str] | None = None
    _read: set[tuple[str, Status]] = field(default_factory=set)

    async def before(self, step: Step) -> None:
        """Remember which sessions are of earlier scenarios."""
        if self._old is None:
            self._old = self._sessions()

    async def ask(self, step: Step) -> None:
        """Nothing to read: no step was taken."""

    async def after(self, step: Step, changes: list[tuple[str, str, StatusUpdate]]) -> None:
        """Compare what consoles and API show after a step."""
        world = self.stage.world
        if world.server.status is not None:
            return  # the scenario killed it, and will start it again
        for _ in range(_TRIES):
            before = self._shown()
            rows = await self._rows(world)
            await self.stage.sync()
            if before == self._shown():
                break  # nothing happened meanwhile
        found = [*self.deviations]
        for (technician, session), (status, previous) in before.items():
            words = rows.get((technician, session), NO_ROW)
            possible = allowed(status, previous)
            if words not in possible:
                wanted = " or ".join(sorted(map(_named, possible)))
                found.append(f"{step}: the API shows {_named(words)} for {technician} in {status}, not {wanted}")
            self._read.add((technician, status))
        self.deviations = tuple(dict.fromkeys(found))

    def conclude(self) -> tuple[str, ...]:
        """Return all deviations; one more if the row's own status was never read."""
        end = Status(self.scenario.end)
        if (self.scenario.seen_by, end) in self._read:
            return self.deviations
        return (*self.deviations, f"{end} of {self.scenario.seen_by} was not read through the API")

    def _sessions(self) -> set[str]:
        return {session for one in self.stage.technicians.values() for session in one.sessions}

    def _shown(self) -> dict[tuple[str, str], tuple[Status, Status | None]]:
        """Return what each console shows of each session of this scenario, and what it showed before."""
        shown = {}
        for name, technician in self.stage.technicians.items():
            for session in set(technician.sessions) - (self._old or set()):
                last = technician.history(session)[-1]
                shown[name, session] = last.status, last.previous
        return shown

    async def _rows(self, world: World) -> Mapping[tuple[str, str], str]:
        """Return the status words by technician and session."""
        if not self._code:
            admin = await world.api.user("admin")
            answer = await self._get(world, "requestAuthCode", email=admin.email, pwd=admin.password)
            self._code = answer.partition("AUTHCODE:")[2]
        table = await self._get(world, "getSession_v3", node=_ROOT, authcode=self._code)
        _, _, header, *lines = table.splitlines()
        titles = header.split("|")
        rows = [dict(zip(titles, line.split("|"), strict=False)) for line in lines]
        return {(row["Technician"], row["ID"]): row["Status"] for row in rows}

    async def _get(self, world: World, method: str, **given: object) -> str:
        return await asyncio.to_thread(_get, f"{world.api.url}/{method}.aspx?{urlencode(given)}")


def _get(url: str) -> str:
    target = urlsplit(url)
    connection = http.client.HTTPConnection(target.hostname or "", target.port, timeout=_TIMEOUT)
    try:
        connection.request("GET", f"{target.path}?{target.query}")
        return connection.getresponse().read().decode()
    finally:
        connection.close()


def _named(words: str) -> str:
    return words or "no row"
