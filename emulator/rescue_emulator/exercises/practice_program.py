"""A practice as a program of its own, for consoles: lines in, one JSON object a line out.

Lines: `list`, `start ROW`, `next`, `hint`, `answer TEXT`, `stop`; the end of the input ends it. Objects: `exercises`
(the answer to `list`), `exercise` (how the attempt stands, null if there is none, and how to open the trainee's
console), `refused` (why something is not possible).
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Mapping

from rescue_common.processes.child import ProgramEnded
from rescue_emulator.exercises.practice import Practice, exercise_of_row
from rescue_emulator.exercises.progress import ProgressFile
from rescue_protos.errors import RescueError

Show = Callable[[str], None]


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
                    reason = (str(error) or type(error).__name__).partition("\n")[0]
                    self._print({"event": "refused", "message": reason})
        finally:
            await self._practice.close()

    async def _do(self, line: str) -> None:
        verb, _, rest = line.strip().partition(" ")
        match verb:
            case "list":
                self._print({"event": "exercises", "exercises": self._practice.listed(self._language)})
            case "start":
                await self._start(rest)
            case "next":
                following = self._practice.next_row()
                if following is None:
                    raise ValueError("all exercises are solved")
                await self._start(following.name)
            case "hint":
                self._practice.hint()
            case "answer":
                self._practice.answer(rest)
            case "stop":
                await self._practice.close()
            case _:
                raise ValueError(f"{verb!r} is no command: list, start, next, hint, answer and stop are")

    async def _start(self, row: str) -> None:
        exercise = exercise_of_row(row)
        if exercise is None:
            raise ValueError(f"there is no exercise {row!r}: they have the numbers 1 to 62")
        await self._practice.start(exercise, language=self._language)

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
