"""Exercises that the coach of a class leads, as a console sees them: the server passes on what is shown and asked."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import aclosing

import msgspec

from rescue_client.console import ConsoleClient
from rescue_client.exercises import ExerciseClient
from rescue_common.languages import catalog_of
from rescue_console.exercise_program import ListedExercise, ShownExercise
from rescue_console.labels import Labels
from rescue_protos.errors import RescueError
from rescue_protos.status_table import read_rows


class CoachedExercises:
    """The exercises of a technician who is led. `changed` is called after each change of `shown`, `refused` with a
    message.
    """

    def __init__(self, client: ConsoleClient, *, changed: Callable[[], None], refused: Callable[[str], None]) -> None:
        self._exercises = ExerciseClient(client.connection)
        self._changed = changed
        self._refused = refused
        self._solved: tuple[str, ...] = ()
        self._trouble = ""
        self.is_led = False
        self.shown: ShownExercise | None = None
        self.language = "en"

    async def follow(self) -> None:
        """Follow what the coach shows, for as long as the console runs. An older server has no coaches."""
        try:
            async with aclosing(self._exercises.watch()) as states:
                async for state in states:
                    self.is_led, self._solved = state.led, state.solved
                    if state.trouble and state.trouble != self._trouble:
                        self._refused(state.trouble)
                    self._trouble = state.trouble
                    shown = msgspec.convert(state.attempt, ShownExercise) if state.attempt is not None else None
                    if shown != self.shown:
                        self.shown = shown
                        self._changed()
        except RescueError:
            self.is_led = False

    async def listed(self) -> list[ListedExercise]:
        """Return all exercises, with those that this technician has solved."""
        return [
            ListedExercise(
                exercise=str(one.row),
                title=self._title(one.row, one.start, one.end),
                solved=str(one.row) in self._solved,
            )
            for one in read_rows()
        ]

    async def send(self, line: str) -> None:
        """Ask the coach. What is refused is shown."""
        try:
            is_led = await self._exercises.ask(line, language=self.language)
        except RescueError as error:
            self._refused(str(error))
        else:
            if not is_led:
                alone = "Nobody leads exercises here: `rescue exercise start` does them alone."
                self._refused(catalog_of(self.language).text("exercise", alone))

    def _title(self, row: int, start: str, end: str) -> str:
        labels = Labels.of(self.language)
        number = catalog_of(self.language).text("exercise", "row {row}").format(row=row)
        return f"{number}: {labels.status(start)} → {labels.status(end)}"
