"""The outcome of one scenario: what each console showed, and how that deviates from what the scenario expects."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rescue_console.timeline import Change, TimelineEntry
from rescue_emulator.scenarios.model import Queue, Scenario

if TYPE_CHECKING:
    from rescue_emulator.world.records import StatusUpdate


@dataclass(frozen=True, slots=True, kw_only=True)
class Played:
    """A scenario that was played. `seconds` is real time.

    `shown` is, by technician, what the consoles showed of the first customer's session, and `happenings` is the same
    for the timeline. `deviations` are sentences. `details` are the views and logs at a step that failed. `seed` repeats
    the random choices.
    """

    scenario: Scenario
    shown: Mapping[str, Queue]
    deviations: tuple[str, ...]
    seconds: float
    details: str = ""
    seed: int | None = None
    happenings: tuple[TimelineEntry, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether the consoles showed exactly what the scenario expects."""
        return not self.deviations


def merge_updates(consoles: Mapping[str, Iterable[StatusUpdate]]) -> tuple[TimelineEntry, ...]:
    """Return what happened to a session, from the updates of all consoles by technician."""
    found: dict[int, TimelineEntry] = {}
    for technician, updates in sorted(consoles.items()):
        for update in updates:
            change = Change(technician=technician, status=update.status, previous=update.previous, row=update.row)
            before = found.get(update.revision)
            changes = (*before.changes, change) if before else (change,)
            found[update.revision] = TimelineEntry(
                revision=update.revision, at=update.at, cause=update.cause, changes=changes
            )
    return tuple(found[revision] for revision in sorted(found))
