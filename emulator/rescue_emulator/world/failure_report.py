"""The report of a failure: the seed, the state at the end, the timeline, and the last log lines.

The timeline is what this process did and received from its consoles, so it needs no server.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rescue_common.processes.child import Program
from rescue_emulator.world.belongings import Belongings
from rescue_emulator.world.computer import Computer
from rescue_emulator.world.end_state import EndState
from rescue_emulator.world.records import StatusUpdate
from rescue_emulator.world.technician import Technician


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportedWorld:
    """What a report is about. `end` is missing if the server was not asked, or has gone."""

    own: Belongings
    technicians: Sequence[Technician]
    computers: Sequence[Computer]
    programs: Sequence[Program]
    end: EndState | None


def failure_report(seed: int, world: ReportedWorld) -> str:
    """Return the report as text for people."""
    return "\n".join(
        [
            f"seed: {seed}",
            "at the end:",
            *_end_lines(world),
            "timeline (emulated time; > is what the test did):",
            *(world.own.timeline.lines() or ["  nothing was done or shown"]),
            "last log lines:",
            *(program.log_tail() for program in world.programs),
        ]
    )


def _end_lines(world: ReportedWorld) -> Iterator[str]:
    if world.end is not None:
        yield world.end.clock_line()
    for technician in world.technicians:
        focus = "in focus" if technician.in_focus else "not in focus"
        if world.end is None:
            yield f"  {technician.view()} ({focus})"
        else:
            yield f"  {technician.name}'s queue ({focus}):"
            shown = {session: technician.status(session) for session in technician.sessions}
            yield from world.end.entry_lines(technician.account, in_focus=technician.in_focus, shown=shown)
    yield from (f"  {computer.view()}" for computer in world.computers)
    for owner, settings in world.own.changed.items():
        before = world.own.settings[owner]
        told = ", ".join(f"{name}={value!r} (was {before[name]!r})" for name, value in settings.items())
        yield f"  settings of {world.own.names.plain_text(owner)}: {told}"
    if world.end is not None:
        yield from world.end.rule_lines()


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
