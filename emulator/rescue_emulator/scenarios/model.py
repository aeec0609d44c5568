"""A scenario as data. The reader has checked its form and meaning."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from rescue_emulator.scenarios.language import CUSTOMER, TECHNICIANS


class BadScenario(ValueError):
    """A scenario file is wrong; the message names the file, the line and the flaw."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One line of a scenario: `who` is a technician, a customer, admin, clock, server, say or quiz.

    `line` is its line in the file, from 1; comparisons ignore it.
    """

    who: str
    what: str
    line: int = field(default=0, compare=False)

    def __str__(self) -> str:
        return f"{self.who}: {self.what}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownStatus:
    """A status that a queue showed, and the published row of the change; None for a new entry."""

    status: str
    row: int | None = None

    def __str__(self) -> str:
        return self.status if self.row is None else f"{self.status}, row {self.row}"


Queue = tuple[ShownStatus, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """A story, or one way to play a published row.

    For a row: `row`, its `start` and `end`, `seen_by` (the technician in whose queue the change happens) and `way` (one
    of the article's ways). `trainee` is the technician whose part an exercise leaves to a person. `by_customer` is what
    each technician's console must show, by customer and technician; a technician who is missing sees nothing. `at_most`
    is the alternative: the rows that each technician may see. `settings` are by group or channel; those of one owner
    are set together. `extra` are more technicians, with their groups.
    """

    steps: tuple[Step, ...]
    title: str = ""
    about: str = ""
    source: str = ""
    row: int | None = None
    start: str = ""
    end: str = ""
    seen_by: str = ""
    trainee: str = ""
    way: str = ""
    customers: tuple[str, ...] = (CUSTOMER,)
    extra: Mapping[str, str] = field(default_factory=dict)
    settings: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    by_customer: Mapping[str, Mapping[str, Queue]] = field(default_factory=dict)
    at_most: Mapping[str, frozenset[int]] | None = None

    @property
    def queues(self) -> Mapping[str, Queue]:
        """What each technician's console must show of the first customer's session."""
        return self.by_customer.get(self.customers[0], {})

    @property
    def technicians(self) -> tuple[str, ...]:
        """All technicians with a console."""
        return (*TECHNICIANS, *self.extra)
