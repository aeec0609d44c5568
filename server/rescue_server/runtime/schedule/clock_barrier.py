"""The moments at which an advance must stop for somebody: a computer that boots at a certain time.

Without them an advance of ten minutes would pass a boot after thirty seconds before the computer could do it.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(slots=True, eq=False)
class Appointment:
    """Somebody wants to act at `due`, and will say when that is done."""

    due: datetime
    kept: asyncio.Event = field(default_factory=asyncio.Event)


class Appointments:
    """All that are open."""

    def __init__(self) -> None:
        self._open: set[Appointment] = set()

    def make(self, due: datetime) -> Appointment:
        """Note an appointment."""
        appointment = Appointment(due)
        self._open.add(appointment)
        return appointment

    def keep(self, appointment: Appointment) -> None:
        """It is over."""
        appointment.kept.set()
        self._open.discard(appointment)

    def first(self) -> Appointment | None:
        """The one that is due first."""
        return min(self._open, key=lambda appointment: appointment.due, default=None)
