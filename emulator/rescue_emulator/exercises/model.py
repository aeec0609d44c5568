"""An exercise as data: a scenario with one technician's part left to a person."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

from rescue_emulator.conformance.row_scenarios import read_scenarios
from rescue_emulator.scenarios.language import TECHNICIANS
from rescue_emulator.scenarios.model import BadScenario, Queue, Scenario, Step
from rescue_emulator.scenarios.reader import read_file
from rescue_protos.status_table import read_rows

#: A trainee only watches for these; nobody has to type them.
_WATCHED = ("sees ", "cannot ")


@dataclass(frozen=True, slots=True, kw_only=True)
class Exercise:
    """A scenario and its trainee.

    The system takes every step until the trainee's queue has shown `begins_after` statuses. From then on the trainee's
    steps are theirs. Of a published row that is the moment before the row's change.
    """

    scenario: Scenario
    trainee: str
    begins_after: int = 0

    @property
    def name(self) -> str:
        """What the exercise is called in lists and scores: the row's number, or the title."""
        return str(self.scenario.row or self.scenario.title or self.scenario.source)

    @property
    def expected(self) -> Queue:
        """All that the trainee's queue has to show of the session, in order."""
        return self.scenario.queues.get(self.trainee, ())

    @property
    def technicians(self) -> tuple[str, ...]:
        """The technicians who have a part in it, the trainee included."""
        parts = {self.trainee, *(step.who for step in self.scenario.steps)}
        return tuple(name for name in TECHNICIANS if name in parts)

    @property
    def moves_clock(self) -> bool:
        """Whether a step moves the clock, which everybody on a server shares."""
        return any(step.who == "clock" for step in self.scenario.steps)

    @property
    def restarts_server(self) -> bool:
        """Whether a step stops or starts the server."""
        return any(step.who == "server" for step in self.scenario.steps)

    def is_for_trainee(self, step: Step) -> bool:
        """Whether the trainee takes this step, once the exercise has begun."""
        return step.who == self.trainee and not step.what.startswith(_WATCHED)


@cache
def row_exercise(row: int) -> Exercise:
    """Return the exercise of a published row, by the first of the article's ways. Raises BadScenario."""
    scenario = read_scenarios(row)[0]
    queue = scenario.queues[scenario.seen_by]
    # Row 61 is no change: its exercise begins when all has been shown.
    changes = [index for index, shown in enumerate(queue) if shown.row == row] or [len(queue)]
    return Exercise(scenario=scenario, trainee=scenario.seen_by, begins_after=changes[0])


def row_exercises() -> tuple[Exercise, ...]:
    """Return the exercises of all published rows, in the article's order."""
    return tuple(row_exercise(row.row) for row in read_rows())


def read_exercises(path: Path) -> tuple[Exercise, ...]:
    """Return the exercises of a trainer's file. Raises BadScenario, also if a scenario leaves no role to a trainee."""
    return tuple(_checked(scenario) for scenario in read_file(path))


def _checked(scenario: Scenario) -> Exercise:
    where = f"{scenario.source}: {scenario.title or 'the scenario'}"
    if not scenario.trainee:
        raise BadScenario(f"{where}: it has no trainee (add: trainee: NAME of a technician)")
    exercise = Exercise(scenario=scenario, trainee=scenario.trainee)
    if not any(exercise.is_for_trainee(step) for step in scenario.steps):
        raise BadScenario(f"{where}: the trainee {scenario.trainee!r} has no step to take")
    if not exercise.expected:
        raise BadScenario(f"{where}: the queues must have what {scenario.trainee!r} has to see in the end")
    if len(scenario.customers) > 1:
        raise BadScenario(f"{where}: an exercise has one customer, not {len(scenario.customers)}")
    return exercise
