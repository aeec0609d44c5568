"""The report of a failure: the seed, what every console showed and when, the causes, and the last log lines.

It is made from what this process has received from its consoles, so it needs no server.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rescue_common.processes.child import Program
from rescue_emulator.world.records import StatusUpdate
from rescue_emulator.world.technician import Technician

_CAUSES = 8  # the last updates, with their causes


def failure_report(*, seed: int, technicians: Sequence[Technician], programs: Iterable[Program]) -> str:
    """Return the report as text for people."""
    changes = _changes(technicians)
    return "\n".join(
        [
            f"seed: {seed}",
            *(technician.view() for technician in technicians),
            "timeline (emulated time, all consoles):",
            *(timeline_lines(changes) or ["  nothing was shown"]),
            "last changes and why:",
            *(
                f"  {update.at:%H:%M:%S} {name}: {update.status}, because {update.cause}"
                for _, name, update in changes[-_CAUSES:]
            ),
            "last log lines:",
            *(program.log_tail() for program in programs),
        ]
    )


def timeline_lines(changes: Sequence[tuple[str, str, StatusUpdate]]) -> list[str]:
    """Return a line for each moment and session: which console showed which status."""
    lines: list[str] = []
    last = None
    for session, name, update in changes:
        moment = (update.at, update.revision, session)
        if moment == last:
            lines[-1] += f"; {name} {update.status}"
        else:
            lines.append(f"  {update.at:%H:%M:%S} #{update.revision:<4} {session}: {name} {update.status}")
        last = moment
    return lines


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
