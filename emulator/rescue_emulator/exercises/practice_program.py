"""A practice as a program of its own, for consoles: lines in, one JSON object a line out.

Lines: `list`, `start ROW`, `next`, `hint`, `answer TEXT`, `stop`; the end of the input ends it. Objects: `exercises`
(the answer to `list`), `exercise` (how the attempt stands, null if there is none, and how to open the trainee's
console), `refused` (why something is not possible).
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Mapping

from rescue_common.processes.child import ProgramEnded
from rescue_common.reasons import reason_of
from rescue_emulator.exercises.practice import Practice, exercise_of_row
from rescue_emulator.exercises.progress import ProgressFile
from rescue_protos.errors import RescueError

Show = Callable[[str], None]


async def take_ask(practice: Practice, ask: str, *, language: str) -> None:
    """Do what a trainee asks: start ROW, next, hint, answer TEXT or stop.

    Raises ValueError if that is not possible, and what the world raises if it cannot be made.
    """
    verb, _, rest = ask.strip().partition(" ")
    match verb:
        case "start" | "next":
            exercise = practice.next_row() if verb == "next" else exercise_of_row(rest)
            if exercise is None and verb == "next":
                raise ValueError("all exercises are solved")
            if exercise is None:
                raise ValueError(f"there is no exercise {rest!r}: they have the numbers 1 to 62")
            await practice.start(exercise, language=language)
        case "hint":
            practice.hint()
        case "answer":
            practice.answer(rest)
        case "stop":
            await practice.stop()
        case _:
            raise ValueError(f"{verb!r} is no command: list, start, next, hint, answer and stop are")


class PracticeProgram:
    """A practice that is driven by lines. `show` prints a line."""

    def __init__(self, *, person: str, scores: ProgressFile, language: str, show: Show) -> None:
        self._language = language
        self._show = show
        self._practice = Practice(person=person, scores=scores, changed=self._changed)

    async def run(self, lines: AsyncIterator[str]) -> None:
        """Do what the lines say until they end."""
        try:
            async for line in lines:
                try:
                    await self._do(line)
                except (OSError, ProgramEnded, TimeoutError, RescueError, ValueError) as error:
                    reason = reason_of(error)
                    self._print({"event": "refused", "message": reason})
        finally:
            await self._practice.close()

    async def _do(self, line: str) -> None:
        match line.strip():
            case "list":
                self._print({"event": "exercises", "exercises": self._practice.listed(self._language)})
            case "stop":
                await self._practice.close()
            case ask:
                await take_ask(self._practice, ask, language=self._language)

    def _changed(self) -> None:
        state = self._practice.state
        shown: Mapping[str, object] = {"event": "exercise", "exercise": None}
        if state is not None:
            door = self._practice.door()
            opened = {"data": str(door.data), "account": door.account}
            shown = {"event": "exercise", "exercise": {**state.as_json(), "console": opened}}
        self._print(shown)

    def _print(self, shown: Mapping[str, object]) -> None:
        self._show(json.dumps(shown, ensure_ascii=False))
