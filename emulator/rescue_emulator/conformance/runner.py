"""Plays the published rows in lanes: each lane is a world of its own that plays one scenario after another.

Lanes save time, because a LAN loss takes real time: the server waits two seconds for the answer to a probe.
Meanwhile another lane can work. Lanes cannot affect each other.
"""

from __future__ import annotations

import asyncio
import os
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from rescue_emulator.conformance.api_reader import ApiReader
from rescue_emulator.conformance.row_scenarios import read_scenarios
from rescue_emulator.scenarios.model import Scenario
from rescue_emulator.scenarios.outcome import Played
from rescue_emulator.scenarios.player import Player, play_all
from rescue_protos.status_table import read_rows

if TYPE_CHECKING:
    from rescue_emulator.world.world import World


@dataclass(frozen=True, slots=True, kw_only=True)
class RowOutcome:
    """The outcome of a row: `ways` are its played scenarios, in the order of the file."""

    row: int
    start: str
    end: str
    ways: tuple[Played, ...]

    @property
    def ok(self) -> bool:
        """Whether every way showed exactly the expected changes."""
        return all(played.ok for played in self.ways)

    @property
    def seconds(self) -> float:
        """The duration in real seconds."""
        return sum(played.seconds for played in self.ways)


def default_lanes() -> int:
    """Return how many lanes use this machine well. A lane waits for most of its time, for leases' real seconds too."""
    return min(8, 4 * (os.cpu_count() or 1))


async def play_rows(
    rows: Iterable[int],
    *,
    lang: str,
    lanes: int,
    api: bool = False,
    servers: int = 1,
    on_outcome: Callable[[RowOutcome], None],
    on_message: Callable[[str], None],
) -> tuple[RowOutcome, ...]:
    """Play rows and return their outcomes, in the order of `rows`. With `api`, read each status through the API, too.

    With several servers each lane has a cluster, and its programs call one server or another.

    `on_outcome` is called for each row in that order, as soon as this row and all earlier ones are done; `on_message`
    with news for people. Raises what a world raises that cannot be started.
    """
    outcomes = OrderedOutcomes(rows=tuple(rows), on_outcome=on_outcome)
    todo = deque(scenario for row in outcomes.rows for scenario in read_scenarios(row))
    try:
        async with asyncio.TaskGroup() as group:
            for number in range(min(lanes, len(todo))):
                make_world = partial(_make_world, api=api, servers=servers)
                lane = _play_in_lane(todo, outcomes, lang=lang, api=api, make_world=make_world, on_message=on_message)
                group.create_task(lane, name=f"lane {number + 1}")
    except BaseExceptionGroup as failures:
        raise failures.exceptions[0] from None  # all lanes fail for the same reason
    return tuple(outcomes.done)


async def _play_in_lane(
    todo: deque[Scenario],
    outcomes: OrderedOutcomes,
    *,
    lang: str,
    api: bool,
    make_world: Callable[[], World],
    on_message: Callable[[str], None],
) -> None:
    async def play(player: Player, scenario: Scenario) -> None:
        if not api:
            outcomes.add(await player.play(scenario))
            return
        reader = ApiReader(stage=player.stage, scenario=scenario)
        played = await player.play(scenario, reader)
        outcomes.add(replace(played, deviations=(*played.deviations, *reader.conclude())))

    await play_all(
        todo,
        play,
        make_world=make_world,
        lang=lang,
        on_new_world=lambda scenario, reason: on_message(f"after row {scenario.row} a new world is needed: {reason}"),
    )


def _make_world(*, api: bool, servers: int) -> World:
    from rescue_emulator.world.world import World

    return World(api=api, servers=servers, nodes=1)


class OrderedOutcomes:
    """Collects the played scenarios of all lanes, and makes outcomes in the order of the rows."""

    def __init__(self, *, rows: tuple[int, ...], on_outcome: Callable[[RowOutcome], None]) -> None:
        self.rows = rows
        self.done: list[RowOutcome] = []
        self._on_outcome = on_outcome
        self._played: dict[int, list[Played]] = {row: [] for row in rows}

    def add(self, played: Played) -> None:
        """Add a played scenario; call `on_outcome` for each row that this completes."""
        self._played[played.scenario.row or 0].append(played)
        while len(self.done) < len(self.rows):
            row = self.rows[len(self.done)]
            scenarios, played_ways = read_scenarios(row), self._played[row]
            if len(played_ways) < len(scenarios):
                return
            published = read_rows()[row - 1]
            outcome = RowOutcome(
                row=row,
                start=published.start,
                end=published.end,
                ways=tuple(sorted(played_ways, key=lambda one: scenarios.index(one.scenario))),
            )
            self.done.append(outcome)
            self._on_outcome(outcome)
