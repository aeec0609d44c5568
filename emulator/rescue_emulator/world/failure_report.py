"""The report of a failure: the seed, what the test did and what every console showed and why, and the last log lines.

It is made from what this process has received from its consoles, so it needs no server.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rescue_common.processes.child import Program
from rescue_emulator.world.belongings import Belongings
from rescue_emulator.world.records import StatusUpdate
from rescue_emulator.world.technician import Technician


def failure_report(
    *, seed: int, technicians: Sequence[Technician], own: Belongings, programs: Iterable[Program]
) -> str:
    """Return the report as text for people."""
    return "\n".join(
        [
            f"seed: {seed}",
            *(technician.view() for technician in technicians),
            "timeline (emulated time; > is what the test did):",
            *(own.timeline.lines() or ["  nothing was done or shown"]),
            *(f"armed and never fired: fault rule {rule}" for rule in own.unfired),
            "last log lines:",
            *(program.log_tail() for program in programs),
        ]
    )


def draw_timelines(technicians: Sequence[Technician]) -> dict[str, str]:
    """Return a timeline as SVG for each session that any console showed, by the session's id."""
    from rescue_console.timeline import Change, TimelineEntry
    from rescue_console.timeline_svg import timeline_svg

    happenings: dict[str, dict[int, TimelineEntry]] = {}
    for session, name, update in _changes(technicians):
        of_session = happenings.setdefault(session, {})
        before = of_session.get(update.revision)
        change = Change(technician=name, status=update.status, previous=update.previous, row=update.row)
        of_session[update.revision] = TimelineEntry(
            revision=update.revision,
            at=update.at,
            cause=update.cause,
            changes=(*(before.changes if before else ()), change),
        )
    return {session: timeline_svg(found.values(), session=session) for session, found in happenings.items()}


def _changes(technicians: Sequence[Technician]) -> list[tuple[str, str, StatusUpdate]]:
    found = [
        (session, technician.name, update)
        for technician in technicians
        for session in technician.sessions
        for update in technician.history(session)
    ]
    return sorted(found, key=lambda change: (change[2].revision, change[1]))
