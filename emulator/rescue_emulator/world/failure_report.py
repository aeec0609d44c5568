"""What a failure tells: how to play it again, what every console showed, in which order, and the programs' last words.

Made from what this process has heard of its consoles, so it can be told also when the server is gone.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rescue_common.processes.child import Program
from rescue_emulator.world.technician import Technician, Update

_LAST = 8  # events at the end, told with their reasons


def report(*, seed: int, technicians: Sequence[Technician], programs: Iterable[Program]) -> str:
    """Return it as text, for a person."""
    changes = _changes(technicians)
    return "\n".join(
        [
            f"seed: {seed}",
            *(technician.view() for technician in technicians),
            "timeline (emulated time, all consoles):",
            *(timeline(changes) or ["  nothing was shown"]),
            "last changes and why:",
            *(
                f"  {update.at:%H:%M:%S} {name}: {update.status}, because {update.cause}"
                for _, name, update in changes[-_LAST:]
            ),
            "last log lines:",
            *(program.log_tail() for program in programs),
        ]
    )


def timeline(changes: Sequence[tuple[str, str, Update]]) -> list[str]:
    """Return a line for each instant and session: who showed what."""
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


def drawings(technicians: Sequence[Technician]) -> dict[str, str]:
    """Return a picture (SVG) for each session that any console showed, by its id."""
    from rescue_console.timeline_picture import Change, Happening, timeline_svg  # only drawn after a failure

    happenings: dict[str, dict[int, Happening]] = {}
    for session, name, update in _changes(technicians):
        of_session = happenings.setdefault(session, {})
        before = of_session.get(update.revision)
        change = Change(technician=name, status=update.status, previous=update.previous, row=update.row)
        of_session[update.revision] = Happening(
            revision=update.revision,
            at=update.at,
            cause=update.cause,
            changes=(*(before.changes if before else ()), change),
        )
    return {session: timeline_svg(found.values(), session=session) for session, found in happenings.items()}


def _changes(technicians: Sequence[Technician]) -> list[tuple[str, str, Update]]:
    found = [
        (session, technician.name, update)
        for technician in technicians
        for session in technician.sessions
        for update in technician.history(session)
    ]
    return sorted(found, key=lambda change: (change[2].revision, change[1]))
