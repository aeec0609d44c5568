"""The program that plays exercises, as a console sees it: `rescue exercise practice`, lines in and JSON lines out.

A console does not know the emulator; it starts this program by its name, as the emulator starts consoles.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass

import msgspec

from rescue_common.processes.child import Event, Program

_TIMEOUT = 20.0  # real seconds


class ListedExercise(msgspec.Struct, frozen=True, kw_only=True):
    """An exercise that can be chosen."""

    exercise: str
    title: str
    solved: bool


class ShownNews(msgspec.Struct, frozen=True, kw_only=True):
    """A line of what happened."""

    kind: str
    text: str


class TraineeConsole(msgspec.Struct, frozen=True, kw_only=True):
    """Where the exercise is: the server's state directory, or its address and the secret; and the trainee's account."""

    account: str
    data: str = ""
    server: str = ""
    secret: str = ""


class ShownExercise(msgspec.Struct, frozen=True, kw_only=True):
    """How an attempt stands."""

    exercise: str
    title: str
    phase: str
    console: TraineeConsole | None = None
    task: str = ""
    is_turn: bool = False
    question: str = ""
    choices: tuple[str, ...] = ()
    lines: tuple[ShownNews, ...] = ()
    wrong: int = 0
    refused: int = 0
    hints: int = 0
    right: int = 0
    questions: int = 0
    solved: bool = False
    verdict: str = ""
    explanation: str = ""

    @property
    def is_running(self) -> bool:
        """Whether it has begun and is not over."""
        return self.phase == "running"

    @property
    def is_over(self) -> bool:
        """Whether nothing follows."""
        return self.phase in ("over", "failed")


@dataclass(slots=True, kw_only=True)
class ExerciseProgram:
    """The running program. `changed` is called after each change of `shown`, `refused` with a message."""

    program: Program
    changed: Callable[[], None]
    refused: Callable[[str], None]
    shown: ShownExercise | None = None

    @classmethod
    async def start(
        cls, *, language: str, changed: Callable[[], None], refused: Callable[[str], None]
    ) -> ExerciseProgram:
        """Start it. Raises OSError."""
        kept = {name: value for name in ("RESCUE_DATA",) if (value := os.environ.get(name))}
        words = ("exercise", "practice", "--lang", language)
        program = await Program.start("exercises", "rescue_emulator", *words, environment=kept)
        own = cls(program=program, changed=changed, refused=refused)
        program.listen(own._receive)
        return own

    async def listed(self) -> list[ListedExercise]:
        """Return all exercises. Raises ProgramEnded, TimeoutError."""
        await self.program.send("list")
        found = await self.program.event("exercises", _TIMEOUT)
        return msgspec.convert(found["exercises"], list[ListedExercise])

    async def send(self, line: str) -> None:
        """Send a line. Raises ProgramEnded."""
        await self.program.send(line)

    def _receive(self, event: Event) -> None:
        match event.get("event"):
            case "exercise":
                self.shown = msgspec.convert(event["exercise"], ShownExercise | None)
                self.changed()
            case "refused":
                self.refused(str(event["message"]))
