"""An exercise of a class on the plain console: each line of it once, as it comes."""

from __future__ import annotations

import shlex
from collections.abc import Callable

from rescue_client.console import ConsoleClient
from rescue_common.languages import catalog_of
from rescue_common.terminal import safe
from rescue_console.coached_exercises import CoachedExercises
from rescue_console.exercise_program import ShownExercise
from rescue_console.labels import Labels

_SIGNS = {"turn": "►", "wrong": "✗", "hint": "?"}


class PlainExercise:
    """What the coach shows, printed by `show` as far as it is new."""

    def __init__(self, client: ConsoleClient, labels: Labels, *, show: Callable[[str], None]) -> None:
        self._client = client
        self._show = show
        self._before: ShownExercise | None = None
        self._coached = CoachedExercises(client, changed=self._changed, refused=lambda message: show(safe(message)))
        self._coached.language = labels.language

    async def follow(self) -> None:
        """Print what the coach shows, for as long as the console runs."""
        await self._coached.follow()

    async def ask(self, text: str) -> None:
        """Ask the coach for something, or print that there is none."""
        await self._coached.send(text)

    def _changed(self) -> None:
        before, shown = self._before, self._coached.shown
        self._before = shown
        if shown is None:
            if before is not None:
                self._show(self._text("The exercise has ended."))
            return
        if before is None or before.title != shown.title or shown.lines[: len(before.lines)] != before.lines:
            before = None  # another attempt
            self._begin(shown)
        for line in shown.lines[len(before.lines) if before else 0 :]:
            self._show(f"{_SIGNS.get(line.kind, '●')} {safe(line.text)}")
        if shown.task and (before is None or shown.task != before.task):
            self._show(safe(shown.task))
        if shown.question and (before is None or shown.question != before.question):
            self._show(f"? {safe(shown.question)} (exercise answer …: {', '.join(map(safe, shown.choices))})")
        if shown.is_over and (before is None or not before.is_over):
            self._show(f"{safe(shown.verdict)} {safe(shown.explanation)}")

    def _begin(self, shown: ShownExercise) -> None:
        self._show(safe(shown.title))
        if (where := shown.console) is not None and where.server:
            at = self._client.connection.beside(where.server, user=where.account, secret=where.secret).address
            command = f"RESCUE_SECRET={where.secret} rescue console {shlex.quote(where.account)} --server {at}"
            self._show(safe(self._text("Open your console in another terminal: {command}").format(command=command)))

    def _text(self, english: str) -> str:
        return catalog_of(self._coached.language).text("exercise", english)
