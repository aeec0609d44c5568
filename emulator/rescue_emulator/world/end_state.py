"""What a failure report says of the end: the time, what runs in each session and what does not, and the fault rules.

It comes from the server, so it is missing in the report of a world whose server has gone.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from rescue_client.admin import AdminClient
from rescue_client.clock import ClockClient, ClockReading
from rescue_client.connection import Connection
from rescue_client.faults import FaultRule
from rescue_client.overview import OverviewClient
from rescue_client.records import Entry, Status
from rescue_common.durations import format_duration
from rescue_emulator.world.belongings import Belongings
from rescue_emulator.world.own_clients import WorldFaults
from rescue_protos.explanations import explanation
from rescue_protos.status_table import read_rows

_TIMEOUT = 3.0  # real seconds
_CAN_IDLE = (Status.ACTIVE, Status.COLLABORATING)


@dataclass(frozen=True, slots=True, kw_only=True)
class EndState:
    """What the server knew when a test failed: the clock, the fault rules, and each technician's queue by account.

    `never_idle` are the accounts to which no idle time-out applies.
    """

    clock: ClockReading
    rules: Sequence[FaultRule]
    queues: Mapping[str, Sequence[Entry]]
    never_idle: Collection[str]

    def clock_line(self) -> str:
        """Return the emulated time and the pace of the clock."""
        pace = "paused" if self.clock.paused else f"speed {self.clock.speed:g}"
        return f"  the clock: {self.clock.now:%H:%M:%S}, {pace}"

    def rule_lines(self) -> list[str]:
        """Return a line for each fault rule, and whether it has ever fired."""
        return [f"  fault rule {rule.number}, {_fate(rule)}: {rule.text}" for rule in self.rules]

    def entry_lines(self, account: str, *, in_focus: bool, shown: Mapping[str, Status | None]) -> list[str]:
        """Return a line for each entry of a technician's queue, with what is running out in it and what is not.

        `shown` is what the console showed; a difference is said.
        """
        return [
            f"    {entry.session} {entry.status}"
            + ("" if shown.get(entry.session) == entry.status else f"; the console shows {shown.get(entry.session)}")
            + self._running_out(account, entry, in_focus=in_focus)
            for entry in self.queues.get(account, ())
        ] or ["    nothing"]

    def _running_out(self, account: str, entry: Entry, *, in_focus: bool) -> str:
        told = ""
        if entry.due_at is not None:
            left = format_duration(max(entry.due_at - self.clock.now, timedelta(0)))
            told = f"; {entry.due_by} ends at {entry.due_at:%H:%M:%S}, in {left}"
        if entry.status in _CAN_IDLE and entry.due_by != "idle-timeout":
            reasons = (
                "the setting is 0, which is never" if account in self.never_idle else "",
                "the console is in focus" if in_focus else "",
                f"{', '.join(entry.processes)} is open" if entry.processes else "",
            )
            told += "; idle-timeout is not running: " + ", ".join(filter(None, reasons))
        return told


async def look_at_server(connection: Connection, own: Belongings) -> EndState:
    """Ask the server. Raises RescueError and TimeoutError."""
    async with asyncio.timeout(_TIMEOUT):
        clock = await ClockClient(connection).show()
        rules = await WorldFaults(connection, own).all()
        async with contextlib.aclosing(OverviewClient(connection).watch()) as states:
            overview = await anext(states)
        organization = await AdminClient(connection).organization()
    return EndState(
        clock=clock,
        rules=rules,
        queues={queue.technician: queue.entries for queue in overview.queues},
        never_idle={
            technician
            for group in organization.groups
            if not group.settings.periods["idle-timeout"]
            for technician in group.technicians
        },
    )


def what_is_missing(last: Status | None, wanted: Status) -> str:
    """Return what would have had to happen, by the published table, for a queue to go on to the wanted status."""
    if last is None:
        return "the session was never in this queue"
    rows = [row for row in read_rows() if row.start == last]
    found = next((row for row in rows if row.end == wanted), None)
    if found is not None:
        return f"{last} becomes {wanted} when this happens (row {found.row}): {explanation(found.row, 'en')}"
    ends = ", ".join(sorted({str(row.end) for row in rows}))
    return f"{last} never becomes {wanted} at once" + (
        f"; it can become {ends}" if ends else "; nothing comes after it"
    )


def _fate(rule: FaultRule) -> str:
    if rule.fired_at is not None:
        return f"fired at {rule.fired_at:%H:%M:%S}"
    return "armed and never fired" if rule.state == "armed" else f"{rule.state}, {rule.left} left"
