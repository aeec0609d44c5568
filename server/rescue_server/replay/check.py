"""Whether today's core derives from a recorded journal's events what the consoles showed when they happened.

Pure. Two questions of every line: are the changes of status the same? And did each period end when the journal says,
with no earlier deadline skipped?
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from rescue_server.core import events
from rescue_server.core.history import EntryChange, EventHistory
from rescue_server.core.organization import Organization, OrganizationEvent
from rescue_server.core.organization_changes import apply_change
from rescue_server.core.timers import DeadlineKind, SessionDeadline, deadlines, overdue_on_return
from rescue_server.replay.journal_file import RecordedChange, RecordedLine

_DUE: dict[type, frozenset[DeadlineKind]] = {
    events.ConnectingTimedOut: frozenset({DeadlineKind.CONNECTING}),
    events.WaitingTimedOut: frozenset({DeadlineKind.WAITING}),
    events.LinkOffline: frozenset({DeadlineKind.OFFLINE}),
    events.IdleTimedOut: frozenset({DeadlineKind.IDLE_COLLABORATOR, DeadlineKind.IDLE_LEAD}),
    events.IdleAlarmRaised: frozenset({DeadlineKind.IDLE_ALARM}),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """How many events were judged and how many belong to sessions whose beginning is not in the journal.

    `difference` is a sentence about the first line that today's core reads differently; empty if there is none.
    """

    judged: int
    skipped: int
    difference: str = ""


def check(lines: Iterable[RecordedLine]) -> Verdict:
    """Judge a journal up to its end or the first difference."""
    judge = _Judge()
    judged = skipped = 0
    for line in lines:
        try:
            known, difference = judge.difference(line)
        except Exception as error:  # an event that cannot be taken in is the difference, whatever it raises
            known, difference = True, f"today's core cannot take it in: {type(error).__name__}: {error}"
        if difference:
            where = f"revision {line.revision} ({line.stream}, {type(line.body).__name__})"
            return Verdict(judged=judged, skipped=skipped, difference=f"{where}: {difference}")
        judged, skipped = judged + known, skipped + (not known)
    return Verdict(judged=judged, skipped=skipped)


class _Judge:
    def __init__(self) -> None:
        self._history = EventHistory()
        self._organization = Organization()

    def difference(self, line: RecordedLine) -> tuple[bool, str]:
        """Take the line in; return whether it could be judged, and what is different."""
        event = line.body
        if isinstance(event, OrganizationEvent):
            self._organization = apply_change(self._organization, event)
            self._history.explain(event)
            return True, ""
        before = self._history.session(event.session)
        if before is not None and before.owner in self._organization.settings:
            due = deadlines(before, self._organization)
            if before.link_since == event.at:  # just back from a reboot: what ran out meanwhile is judged now
                due += overdue_on_return(before, self._organization, event.at)
            if difference := _due_difference(event, due):
                return True, difference
        explained = self._history.explain(event)
        if explained is None:
            return False, ""
        now, then = [_words(change) for change in explained.changes], [_words(change) for change in line.changes]
        if now == then:
            return True, ""
        return True, f"the consoles showed {_list(then)}; today's core derives {_list(now)}"


def _due_difference(event: events.AnySessionEvent, due: list[SessionDeadline]) -> str:
    kinds = _DUE.get(type(event))
    if kinds is not None:
        who = getattr(event, "technician", "")
        fits = any(d.kind in kinds and d.technician == who and d.due <= event.at for d in due)
        return "" if fits else f"nothing like that was due at {event.at:%H:%M:%S}"
    missed = next((d for d in due if d.due < event.at and d.kind is not DeadlineKind.IDLE_ALARM), None)
    if missed is None or isinstance(event, events.LinkLost):
        return ""
    return f"{missed.setting} of {missed.technician or 'the session'} ran out at {missed.due:%H:%M:%S}, unnoticed"


def _words(change: EntryChange | RecordedChange) -> str:
    row = f"row {change.row}" if change.row else "new"
    return f"{change.technician}: {change.previous or '-'} -> {change.status} ({row})"


def _list(changes: list[str]) -> str:
    return "; ".join(changes) or "nothing"
