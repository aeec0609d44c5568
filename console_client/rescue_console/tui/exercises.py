"""Exercises in the full-screen console: choosing one, and the panel with the task, what happens, and the result.

An exercise of one's own has a server of its own: during it, the console shows the queue of its trainee there. In a
class, the class's coach leads the exercises, mostly with one's own queue.
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
from rescue_console.coached_exercises import CoachedExercises
from rescue_console.exercise_program import ExerciseProgram, ListedExercise, ShownExercise, TraineeConsole
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


class ExerciseSource(Protocol):
    """What plays the exercises: a program of one's own, or the coach of a class."""

    @property
    def shown(self) -> ShownExercise | None:
        """How the attempt stands; None if there is none."""

    async def listed(self) -> list[ListedExercise]:
        """Return all exercises. Raises ProgramEnded, TimeoutError."""

    async def send(self, line: str) -> None:
        """Ask for something: start ROW, next, hint, answer TEXT, stop. Raises ProgramEnded."""


class Exercises:
    """The exercises of one console, whose own queue is that of `own`."""

    def __init__(self, app: App[int], console: ExerciseScreen, own: ConsoleClient) -> None:
        self._app, self._console, self._own = app, console, own
        self._program: ExerciseProgram | None = None
        self._coached = CoachedExercises(own, changed=self._changed, refused=self._refused)
        self._where: TraineeConsole | None = None
        self._connection: Connection | None = None
        self._asked = ""
        self._question: Choose | None = None

    async def follow_coach(self) -> None:
        """Show what the coach of a class shows, if there is one, for as long as the console runs."""
        await self._coached.follow()

    async def choose(self) -> None:
        """Let the technician choose an exercise, the next one, or the end of the present one."""
        text = self._console.wording.text
        try:
            source = await self._chosen_source()
            listed = await source.listed()
            choices = [Choice(key=_NEXT, label=text("Next one not solved"))]
            if source.shown is not None:
                choices.insert(0, Choice(key=_STOP, label=text("End the exercise")))
            choices += [
                Choice(key=f"start {one.exercise}", label=f"{'✓' if one.solved else ' '} {one.title}") for one in listed
            ]
            chosen = await self._app.push_screen_wait(Choose(text("Exercises"), choices, self._console.wording))
            if chosen is not None:
                self._console.announce(text("The others prepare the session …"))
                await source.send(chosen.key)
        except (OSError, ProgramEnded, TimeoutError) as error:
            self._console.announce(safe(str(error).partition("\n")[0]), severity="error")

    async def hint(self) -> None:
        """Ask for the next hint."""
        if (source := self._source) is not None and source.shown is not None:
            await source.send("hint")

    async def follow(self) -> None:
        """Show the queue of the trainee, or one's own again; and ask what is to be predicted."""
        source = self._source
        shown = source.shown if source is not None else None
        where = shown.console if shown is not None else None
        if where != self._where:
            self._where = where
            await self._show_queue(where)
        asked = shown.question if shown is not None and shown.is_running else ""
        if asked == self._asked:
            return
        self._asked = asked
        former, self._question = self._question, None
        if former is not None:  # nobody waits for its answer: the exercise has ended, or was answered elsewhere
            former.dismiss(None)
        if shown is not None and asked and source is not None:
            choices = [Choice(key=f"answer {choice}", label=choice) for choice in shown.choices]
            self._question = question = Choose(shown.question, choices, self._console.wording)
            chosen = await self._app.push_screen_wait(question)
            if self._question is question:
                self._question = None
                await source.send(chosen.key if chosen is not None else "answer")

    async def close(self) -> None:
        """End the exercise and its program."""
        if self._program is not None:
            await self._program.program.stop()
        if self._connection is not None:
            await self._connection.close()

    @property
    def _source(self) -> ExerciseSource | None:
        return self._coached if self._coached.is_led else self._program

    async def _chosen_source(self) -> ExerciseSource:
        if not self._coached.is_led:
            return await self._started()
        self._coached.language = self._console.wording.labels.language
        return self._coached

    async def _started(self) -> ExerciseProgram:
        if self._program is None or self._program.program.status is not None:
            self._program = await ExerciseProgram.start(
                language=self._console.wording.labels.language, changed=self._changed, refused=self._refused
            )
        return self._program

    async def _show_queue(self, where: TraineeConsole | None) -> None:
        former, self._connection = self._connection, self._connected(where) if where is not None else None
        self._console.connect(self._own if self._connection is None else ConsoleClient(self._connection))
        if former is not None:
            await former.close()

    def _connected(self, where: TraineeConsole) -> Connection | None:
        """Return a connection to the exercise's server; None if this console cannot find it."""
        if where.data:
            return Connection.find(user=where.account, data=where.data)
        try:
            return self._own.connection.beside(where.server, user=where.account, secret=where.secret)
        except ValueError:  # a newer coach names a server in another way
            return None

    def _changed(self) -> None:
        if self._app.is_running and self._app.screen_stack:
            source = self._source
            shown = source.shown if source is not None else None  # none, too, when the coach is gone
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
