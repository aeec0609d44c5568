"""The judge: compares what the consoles showed with the scenario and with the published table. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol

from rescue_emulator.scenarios.model import Scenario, ShownStatus
from rescue_protos.status_table import REMOVED, REMOVED_TIMED_OUT, labels, row_of


class Seen(Protocol):
    """A status update as a console printed it; `at` is emulated time."""

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


def find_deviations(
    scenario: Scenario, seen: Mapping[str, Sequence[Seen]], *, lang: str, customer: str | None = None
) -> tuple[str, ...]:
    """Return a sentence for each deviation: what a console showed and should not have, or the other way round.

    `seen` has the updates of every console, by technician, for the session of `customer` (the first if not given).
    """
    deviations: list[str] = []
    queues = scenario.by_customer.get(customer or scenario.customers[0], {})
    whose = f" of {customer}" if customer and len(scenario.customers) > 1 else ""
    for technician in sorted(seen.keys() | queues.keys()):
        updates = seen.get(technician, ())
        shown = tuple(ShownStatus(status=update.status, row=update.row) for update in updates)
        if scenario.at_most is not None:
            allowed = scenario.at_most.get(technician, frozenset())
            if excess := [one for one in shown if one.row is not None and one.row not in allowed]:
                deviations.append(f"{technician} saw {sequence(excess)}{whose}, which is more than at most may be seen")
        elif shown != (expected := queues.get(technician, ())):
            deviations.append(f"{technician} saw {sequence(shown)}{whose} and should have seen {sequence(expected)}")
        deviations += (f"{technician}: {error}" for error in _find_errors(updates, labels(lang)))
    return tuple(deviations)


def sequence(shown: Sequence[ShownStatus]) -> str:
    """Return statuses as one line for people."""
    return " > ".join(f"{one.status} ({one.row})" if one.row else one.status for one in shown) or "nothing"


def _find_errors(updates: Sequence[Seen], names: Mapping[str, str]) -> list[str]:
    """Return what is wrong with the updates themselves, whatever the scenario expects."""
    errors: list[str] = []
    before: Seen | None = None
    for update in updates:
        previous = before.status if before else None
        if previous in (REMOVED, REMOVED_TIMED_OUT):
            previous = None  # a technician can return to a session after leaving it
        step = f"{update.previous} > {update.status}"
        if update.previous != previous:
            errors.append(f"{step} came when the queue showed {previous}")
        if update.row != (row_of(update.previous, update.status) if update.previous else None):
            errors.append(f"{step} is not row {update.row} of the table")
        elif update.previous and update.row is None:
            errors.append(f"{step} is not in the table")
        if update.label != names.get(update.status):
            errors.append(f"{update.status} is labelled {update.label!r}, not {names.get(update.status)!r}")
        if before and update.revision <= before.revision:
            errors.append(f"{step} has revision {update.revision} after {before.revision}")
        if before and update.at < before.at:
            errors.append(f"{step} happened before what came before it")
        before = update
    return errors
