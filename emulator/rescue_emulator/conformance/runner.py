"""Playing many rows at a time, in lanes: each lane is a world of its own that plays one scenario after another.

Lanes exist because silence takes real time: a lost LAN is believed only after an unanswered question, and
while one lane waits for that another can work. What a scenario did wrong cannot reach another lane.
"""

from __future__ import annotations

import asyncio
import os
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from rescue_emulator.conformance.scenario import read_scenarios
from rescue_emulator.scenarios.model import Scenario
from rescue_emulator.scenarios.stage import Played, Stage
from rescue_protos.status_table import read_rows


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How a row did: `ways` are its scenarios, played, in the file's order."""

    row: int
    start: str
    end: str
    ways: tuple[Played, ...]

    @property
    def ok(self) -> bool:
        """Whether every way showed exactly the changes that it should."""
        return all(played.ok for played in self.ways)

    @property
    def seconds(self) -> float:
        """Real seconds that it took."""
        return sum(played.seconds for played in self.ways)


def default_lanes() -> int:
    """Return how many lanes keep this machine busy: much of a lane's time is waiting."""
    return min(4, (os.cpu_count() or 1) + 1)


async def play_rows(
    rows: Iterable[int],
    *,
    lang: str,
    lanes: int,
    finished: Callable[[Outcome], None],
    noted: Callable[[str], None],
) -> tuple[Outcome, ...]:
    """Play rows and return how they did, in the order of `rows`.

    `finished` is told of each row in that order, as soon as it and those before it are done; `noted` of what
    people watching should know. Raises what a world raises that cannot be started.
    """
    scorer = Score(rows=tuple(rows), finished=finished)
    todo = deque(scenario for row in scorer.rows for scenario in read_scenarios(row))
    try:
        async with asyncio.TaskGroup() as group:
            for number in range(min(lanes, len(todo))):
                group.create_task(_lane(todo, scorer, lang=lang, noted=noted), name=f"lane {number + 1}")
    except BaseExceptionGroup as failures:
        raise failures.exceptions[0] from None  # the lanes fail alike; one is enough to read
    return tuple(scorer.outcomes)


async def _lane(todo: deque[Scenario], score: Score, *, lang: str, noted: Callable[[str], None]) -> None:
    from rescue_emulator.world.world import World

    while todo:
        async with World(paused=True) as world:
            stage = await Stage.build(world, lang=lang)
            fit = True
            while todo and fit:
                scenario = todo.popleft()
                score.add(await stage.play(scenario))
                fit = await _cleared(stage, scenario, noted)


async def _cleared(stage: Stage, scenario: Scenario, noted: Callable[[str], None]) -> bool:
    """Clear the stage; a new world is needed if that fails, for the next row must not suffer from this one."""
    try:
        await stage.clear()
    except Exception as error:  # whatever it is, a new world is the remedy
        noted(f"after row {scenario.row} a new world is needed: {str(error) or type(error).__name__}")
        return False
    return True


class Score:
    """Puts what was played back into the order of the rows."""

    def __init__(self, *, rows: tuple[int, ...], finished: Callable[[Outcome], None]) -> None:
        self.rows = rows
        self.outcomes: list[Outcome] = []
        self._finished = finished
        self._played: dict[int, list[Played]] = {row: [] for row in rows}

    def add(self, played: Played) -> None:
        self._played[played.scenario.row or 0].append(played)
        while len(self.outcomes) < len(self.rows):
            row = self.rows[len(self.outcomes)]
            scenarios, done = read_scenarios(row), self._played[row]
            if len(done) < len(scenarios):
                return
            published = read_rows()[row - 1]
            outcome = Outcome(
                row=row,
                start=published.start,
                end=published.end,
                ways=tuple(sorted(done, key=lambda one: scenarios.index(one.scenario))),
            )
            self.outcomes.append(outcome)
            self._finished(outcome)
