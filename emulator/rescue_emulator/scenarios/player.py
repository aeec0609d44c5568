"""The player: plays scenarios on a stage, one after another, and cleans up between them.

A stage is used for many scenarios, each with sessions of its own. What a scenario leaves behind must not affect the
next: fault rules, open entries, computers, focus and settings. `play.Play` is one scenario in progress.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from rescue_emulator.scenarios.judge import find_deviations
from rescue_emulator.scenarios.model import Scenario, ShownStatus
from rescue_emulator.scenarios.outcome import Played, merge_updates
from rescue_emulator.scenarios.play import Narrator, Play
from rescue_emulator.scenarios.stage import SCENARIO_TIMEOUT, Stage

if TYPE_CHECKING:
    from rescue_emulator.world.world import World


class Player:
    """Plays scenarios on one stage. Call `clear` between two scenarios."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self._last: Play | None = None

    async def play(self, scenario: Scenario, narrator: Narrator | None = None) -> Played:
        """Play a scenario to its end, or to the first step that fails."""
        began = time.monotonic()
        self._last = play = Play(stage=self.stage, scenario=scenario, narrator=narrator)
        deviations, details = await self._play_steps(play)
        for customer in scenario.customers:
            deviations += find_deviations(scenario, play.seen(customer), lang=self.stage.lang, customer=customer)
        seen = play.seen(scenario.customers[0])
        shown = {
            name: tuple(ShownStatus(status=update.status, row=update.row) for update in updates)
            for name, updates in seen.items()
            if updates
        }
        return Played(
            scenario=scenario,
            shown=shown,
            deviations=deviations,
            details=details,
            seed=self.stage.world.seed,
            seconds=time.monotonic() - began,
            happenings=merge_updates(seen),
        )

    async def _play_steps(self, play: Play) -> tuple[tuple[str, ...], str]:
        """Take all steps; return the deviation and the details if a step failed."""
        where = ""
        try:
            async with asyncio.timeout(self.stage.timeout):
                await play.prepare()
                for step in play.scenario.steps:
                    where = f"line {step.line}, {step}: "
                    await play.take(step)
                where = "after the last step: "
                await self.stage.sync()
                await play.narrate_rest()
        except Exception as error:
            # Any failure of the world is an outcome of the scenario, and must not end the program.
            first, _, details = (str(error) or type(error).__name__).partition("\n")
            return (f"{where}{first}",), details
        return (), ""

    async def clear(self) -> None:
        """Undo what the last scenario left behind.

        Raises StepFailed or what the world raises; then another scenario needs a new world.
        """
        if self._last is not None:
            async with asyncio.timeout(SCENARIO_TIMEOUT):
                await self._last.clear()
            self._last = None


async def play_all(
    todo: deque[Scenario],
    play: Callable[[Player, Scenario], Awaitable[None]],
    *,
    make_world: Callable[[], World],
    lang: str,
    running: bool = False,
    timeout: float | None = SCENARIO_TIMEOUT,
    on_new_world: Callable[[Scenario, str], None],
) -> None:
    """Play until `todo` is empty, in one world as long as it can be cleared, else in a new one.

    `play` plays one scenario with the given player. `on_new_world` gets the scenario after which the world could not be
    cleared, and the reason.
    """
    while todo:
        async with make_world() as world:
            player = Player(await Stage.build(world, lang=lang, running=running, timeout=timeout))
            is_clear = True
            while todo and is_clear:
                scenario = todo.popleft()
                await play(player, scenario)
                if not todo:
                    return
                try:
                    await player.clear()
                except Exception as error:  # after any failure a new world helps
                    on_new_world(scenario, str(error) or type(error).__name__)
                    is_clear = False
