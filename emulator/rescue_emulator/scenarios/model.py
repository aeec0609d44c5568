"""What a scenario is once it was read: data, without any way to break its form."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from rescue_emulator.scenarios.language import CUSTOMER, TECHNICIANS


class BadScenario(ValueError):
    """A scenario file does not say what it must; the message names the file, the line and the flaw."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One thing that somebody does: `who` is a technician, a customer, admin, clock, server, say or quiz.

    `line` is where it stands in its file, from 1; it does not count in comparisons.
    """

    who: str
    what: str
    line: int = field(default=0, compare=False)

    def __str__(self) -> str:
        return f"{self.who}: {self.what}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A status that a queue showed, and the table's row of the change to it; None for a new entry."""

    status: str
    row: int | None = None

    def __str__(self) -> str:
        return self.status if self.row is None else f"{self.status}, row {self.row}"


Queue = tuple[Shown, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """A story, or one way to play a published row.

    Of a row: `row`, its `start` and `end`, `seen_by` (in whose queue the change happens), `way` (which of the
    article's ways this is). `queues` is what each technician's console shows, by customer and technician: who is
    missing there sees nothing. Without it `at_most` says which rows may be shown, by technician. `settings` are by
    group or channel, and all of one are set at once.
    """

    steps: tuple[Step, ...]
    title: str = ""
    about: str = ""
    source: str = ""
    row: int | None = None
    start: str = ""
    end: str = ""
    seen_by: str = ""
    way: str = ""
    customers: tuple[str, ...] = (CUSTOMER,)
    extra: Mapping[str, str] = field(default_factory=dict)
    settings: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    by_customer: Mapping[str, Mapping[str, Queue]] = field(default_factory=dict)
    at_most: Mapping[str, frozenset[int]] | None = None

    @property
    def queues(self) -> Mapping[str, Queue]:
        """What each technician's console shows of the first customer's session."""
        return self.by_customer.get(self.customers[0], {})

    @property
    def technicians(self) -> tuple[str, ...]:
        """Everybody who has a console."""
        return (*TECHNICIANS, *self.extra)
