"""Exercises in the full-screen console: choosing one, and the panel with the task, what happens, and the result.

During an exercise the console shows the queue of its trainee, who is on a server of the exercise's own.
"""

from __future__ import annotations

from typing import Protocol

from rich.text import Text
from textual.app import App
from textual.notifications import SeverityLevel
from textual.widgets import Static

from rescue_client.connection import Connection
from rescue_client.console import ConsoleClient
from rescue_common.processes.child import ProgramEnded
from rescue_common.terminal import safe
from rescue_console.exercise_program import ExerciseProgram, ShownExercise, TraineeConsole
from rescue_console.tui.choose import Choice, Choose
from rescue_console.tui.texts import QUIET, Sentences

_SIGNS = {"turn": "►", "wrong": "✗", "hint": "?"}
_LINES, _LINES_AT_END = 3, 1  # a terminal may have 24
_NEXT, _STOP = "next", "stop"


class ExerciseScreen(Protocol):
    """What exercises need of the console."""

    wording: Sentences

    def connect(self, client: ConsoleClient) -> None:
        """Show another queue."""

    def announce(self, message: str, *, severity: SeverityLevel = "information") -> None:
        """Show a message for a few seconds."""


class Exercises:
    """The exercises of one console, whose own queue is that of `own`."""

    def __init__(self, app: App[int], console: ExerciseScreen, own: ConsoleClient) -> None:
        self._app, self._console, self._own = app, console, own
        self._program: ExerciseProgram | None = None
        self._where: TraineeConsole | None = None
        self._connection: Connection | None = None
        self._asked = ""

    async def choose(self) -> None:
        """Let the technician choose an exercise, the next one, or the end of the present one."""
        text = self._console.wording.text
        try:
            program = await self._started()
            listed = await program.listed()
            choices = [Choice(key=_NEXT, label=text("Next one not solved"))]
            if program.shown is not None:
                choices.insert(0, Choice(key=_STOP, label=text("End the exercise")))
            choices += [
                Choice(key=f"start {one.exercise}", label=f"{'✓' if one.solved else ' '} {one.title}") for one in listed
            ]
            chosen = await self._app.push_screen_wait(Choose(text("Exercises"), choices, self._console.wording))
            if chosen is not None:
                self._console.announce(text("The others prepare the session …"))
                await program.send(chosen.key)
        except (OSError, ProgramEnded, TimeoutError) as error:
            self._console.announce(safe(str(error).partition("\n")[0]), severity="error")

    async def hint(self) -> None:
        """Ask for the next hint."""
        if self._program is not None and self._program.shown is not None:
            await self._program.send("hint")

    async def follow(self) -> None:
        """Show the queue of the trainee, or one's own again; and ask what is to be predicted."""
        shown = self._program.shown if self._program is not None else None
        where = shown.console if shown is not None else None
        if where != self._where:
            self._where = where
            await self._show_queue(where)
        if shown is None or shown.question == self._asked:
            return
        self._asked = shown.question
        if shown.question and self._program is not None:
            choices = [Choice(key=f"answer {choice}", label=choice) for choice in shown.choices]
            chosen = await self._app.push_screen_wait(Choose(shown.question, choices, self._console.wording))
            await self._program.send(chosen.key if chosen is not None else "answer")

    async def close(self) -> None:
        """End the exercise and its program."""
        if self._program is not None:
            await self._program.program.stop()
        if self._connection is not None:
            await self._connection.close()

    async def _started(self) -> ExerciseProgram:
        if self._program is None or self._program.program.status is not None:
            self._program = await ExerciseProgram.start(
                language=self._console.wording.labels.language, changed=self._changed, refused=self._refused
            )
        return self._program

    async def _show_queue(self, where: TraineeConsole | None) -> None:
        former, self._connection = self._connection, None
        if where is None:
            self._console.connect(self._own)
        else:
            self._connection = Connection.find(user=where.account, data=where.data)
            self._console.connect(ConsoleClient(self._connection))
        if former is not None:
            await former.close()

    def _changed(self) -> None:
        if self._program is not None and self._app.is_running and self._app.screen_stack:
            shown = self._program.shown
            below = self._app.screen_stack[0].query_one("#exercise", Static)
            below.display = shown is not None
            below.update(panel(shown, self._console.wording) if shown is not None else "")
            self._app.run_worker(self.follow(), name="exercise", group="exercise")

    def _refused(self, message: str) -> None:
        self._console.announce(safe(self._console.wording.text(message)), severity="warning")


def panel(shown: ShownExercise, wording: Sentences) -> Text:
    """Return what the panel shows: the task, the last of what happened, and how it stands."""
    text = wording.text
    drawn = Text(safe(shown.task or shown.title), style="bold")
    for line in shown.lines[-(_LINES_AT_END if shown.verdict else _LINES) :]:
        style = "bold" if line.kind in ("turn", "change") else ""
        drawn.append(f"\n{_SIGNS.get(line.kind, '●')} {safe(line.text)}", style=style)
    if shown.verdict:
        good = "#6fcf97" if shown.solved else "#ff7b72"
        drawn.append(f"\n{safe(shown.verdict)} {safe(shown.explanation)}", style=f"bold {good}")
    counted = [
        f"F5 {text('Hint')}" if not shown.is_over else f"F4 {text('Exercises')}",
        f"{text('Wrong steps')}: {shown.wrong}",
        f"{text('Refused commands')}: {shown.refused}",
        f"{text('Hints')}: {shown.hints}",
    ]
    if shown.questions:
        counted.append(f"{text('Predictions')}: {shown.right}/{shown.questions}")
    return drawn.append(f"\n{' · '.join(counted)}", style=QUIET)
