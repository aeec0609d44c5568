"""One timeline of a world: what the test did, and what the consoles showed, in the order of emulated time.

Acts get the latest emulated time that this process knows: from a reading of the clock, or from what a console showed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from rescue_client.clock import ClockReading, EmulatedClock
from rescue_emulator.world.records import StatusUpdate


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """Something that the test did. `at` is None before this process knows any emulated time."""

    at: datetime | None
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownUpdate:
    """A change of status that a technician's console showed."""

    at: datetime
    technician: str
    session: str
    update: StatusUpdate


class Timeline:
    """The acts and status changes of one world."""

    def __init__(self) -> None:
        self._entries: list[Act | ShownUpdate] = []
        self._clock = EmulatedClock()
        self._shown_at: datetime | None = None

    @property
    def now(self) -> datetime | None:
        """The emulated time, as far as it is known here; None before anything is known."""
        return max((at for at in (self._clock.now, self._shown_at) if at is not None), default=None)

    def read_clock(self, reading: ClockReading) -> ClockReading:
        """Learn the time from a reading; return the reading."""
        self._clock.update(reading)
        return reading

    def act(self, text: str) -> None:
        """Add something that the test did now."""
        self._entries.append(Act(at=self.now, text=text))

    def shown(self, technician: str, session: str, update: StatusUpdate) -> None:
        """Add a change that a console showed."""
        self._shown_at = max(self._shown_at or update.at, update.at)
        self._entries.append(ShownUpdate(at=update.at, technician=technician, session=session, update=update))

    def lines(self) -> list[str]:
        """Return the timeline as text: a line for each act, and one for each event of a session."""
        return [_act_line(group) if isinstance(group, Act) else _event_line(group) for group in self._groups()]

    def _groups(self) -> Iterator[Act | list[ShownUpdate]]:
        """Yield acts, and together what the consoles showed of one event, in the order of time."""
        events: dict[tuple[int, str], list[ShownUpdate]] = {}
        found: list[tuple[datetime, Act | list[ShownUpdate]]] = []
        last = next((entry.at for entry in self._entries if entry.at is not None), datetime.max.replace(tzinfo=UTC))
        for entry in self._entries:
            last = entry.at or last  # an act without a time stays where it was done
            if isinstance(entry, Act):
                found.append((last, entry))
            elif (key := (entry.update.revision, entry.session)) in events:
                events[key].append(entry)
            else:
                events[key] = [entry]
                found.append((last, events[key]))
        # A stable sort: of one moment, what this process learned first comes first.
        yield from (group for _, group in sorted(found, key=lambda one: one[0]))


def _act_line(act: Act) -> str:
    at = f"{act.at:%H:%M:%S}" if act.at is not None else " " * 8
    return f"  {at} > {act.text}"


def _event_line(shown: Iterable[ShownUpdate]) -> str:
    changes: dict[str, list[str]] = {}
    for one in sorted(shown, key=lambda one: one.technician):
        update = one.update
        change = f"{update.previous} -> {update.status}" if update.previous else str(update.status)
        row = "" if update.row is None else f" (row {update.row})"
        changes.setdefault(change + row, []).append(one.technician)
    whom = "; ".join(f"{', '.join(names)} {change}" for change, names in changes.items())
    return f"  {one.at:%H:%M:%S}   {one.session} #{update.revision}: {whom}: {update.cause}"
