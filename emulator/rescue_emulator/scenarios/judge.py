"""Whether the consoles showed exactly what a scenario says, and if not, which one showed what.

Pure: it compares what was seen with the scenario and with the published table.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol

from rescue_emulator.scenarios.model import Scenario, Shown
from rescue_protos.status_table import REMOVED, REMOVED_TIMED_OUT, labels, row_of


class Seen(Protocol):
    """An update as a console printed it; `at` is emulated time."""

    @property
    def status(self) -> str: ...
    @property
    def previous(self) -> str | None: ...
    @property
    def row(self) -> int | None: ...
    @property
    def label(self) -> str: ...
    @property
    def revision(self) -> int: ...
    @property
    def at(self) -> datetime: ...


def find_faults(
    scenario: Scenario, seen: Mapping[str, Sequence[Seen]], *, lang: str, customer: str | None = None
) -> tuple[str, ...]:
    """Return a sentence for everything that a console showed and should not have, or should have and did not.

    `seen` holds the updates of every console that was watching, by technician, of the session of `customer` (the
    first if not given).
    """
    faults: list[str] = []
    queues = scenario.by_customer.get(customer or scenario.customers[0], {})
    whose = f" of {customer}" if customer and len(scenario.customers) > 1 else ""
    for technician in sorted(seen.keys() | queues.keys()):
        updates = seen.get(technician, ())
        shown = tuple(Shown(status=update.status, row=update.row) for update in updates)
        if scenario.at_most is not None:
            allowed = scenario.at_most.get(technician, frozenset())
            if excess := [one for one in shown if one.row is not None and one.row not in allowed]:
                faults.append(f"{technician} saw {sequence(excess)}{whose}, which is more than at most may be seen")
        elif shown != (expected := queues.get(technician, ())):
            faults.append(f"{technician} saw {sequence(shown)}{whose} and should have seen {sequence(expected)}")
        faults += (f"{technician}: {flaw}" for flaw in _flaws(updates, labels(lang)))
    return tuple(faults)


def sequence(shown: Sequence[Shown]) -> str:
    """Return statuses as one line to read."""
    return " > ".join(f"{one.status} ({one.row})" if one.row else one.status for one in shown) or "nothing"


def _flaws(updates: Sequence[Seen], names: Mapping[str, str]) -> list[str]:
    """What is wrong with updates in themselves, whatever the scenario says."""
    flaws: list[str] = []
    before: Seen | None = None
    for update in updates:
        previous = before.status if before else None
        if previous in (REMOVED, REMOVED_TIMED_OUT):
            previous = None  # a technician can come back to a session he left
        step = f"{update.previous} > {update.status}"
        if update.previous != previous:
            flaws.append(f"{step} came when the queue showed {previous}")
        if update.row != (row_of(update.previous, update.status) if update.previous else None):
            flaws.append(f"{step} is not row {update.row} of the table")
        elif update.previous and update.row is None:
            flaws.append(f"{step} is not in the table")
        if update.label != names.get(update.status):
            flaws.append(f"{update.status} is labelled {update.label!r}, not {names.get(update.status)!r}")
        if before and update.revision <= before.revision:
            flaws.append(f"{step} has revision {update.revision} after {before.revision}")
        if before and update.at < before.at:
            flaws.append(f"{step} happened before what came before it")
        before = update
    return flaws
