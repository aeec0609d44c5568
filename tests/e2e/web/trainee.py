"""A technician at exercises with what their page uses, without a browser: its requests, and its stream of events."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any
from urllib.parse import urlsplit

from rescue_emulator.exercises.model import Exercise, row_exercise
from rescue_emulator.exercises.texts import ExerciseTexts, split_step
from rescue_emulator.scenarios.model import Step
from tests.e2e.web.test_doors import Visitor

PAGE = "trainee"


@dataclass(slots=True)
class Trainee:
    """Signed in as `visitor`; reads the events as a page does, and opens them anew when another console is shown."""

    visitor: Visitor
    url: str
    language: str = "en"
    state: Mapping[str, Any] | None = None
    console: str = ""
    entries: dict[str, Any] = field(default_factory=dict)
    _news: asyncio.Event = field(default_factory=asyncio.Event)
    _reading: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Trainee:
        self._reading = asyncio.create_task(self._read())
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.gather(self._reading, return_exceptions=True)

    async def post(self, path: str, **body: Any) -> tuple[int, Any]:
        """Send what the page would send."""
        proof = {"X-Rescue-Proof": self.visitor.proof}
        return await self.visitor.ask("POST", f"{path}?lang={self.language}", body, **proof)

    async def until(self, look: Callable[[Mapping[str, Any]], Any], timeout: float = 40) -> Mapping[str, Any]:
        """Wait until the exercise is shown so."""
        async with asyncio.timeout(timeout):
            while self.state is None or not look(self.state):
                self._news.clear()
                await self._news.wait()
        return self.state

    async def stopped(self) -> None:
        """Wait until no exercise is shown."""
        async with asyncio.timeout(20):
            while self.state is not None:
                self._news.clear()
                await self._news.wait()

    async def do(self, row: int) -> Mapping[str, Any]:
        """Do the exercise of a row by its hints, and return how it ended."""
        exercise = row_exercise(row)
        status, answer = await self.post("/exercise", what="start", row=str(row))
        assert status == 200, answer
        turns = 0
        while True:
            state = await self.until(partial(_goes_on, row, turns))
            if state["phase"] in ("over", "failed"):
                return state
            if state["question"]:
                label = ExerciseTexts(self.language).status(exercise.expected[-1].status)
                assert label in state["choices"]
                await self.post("/exercise", what="answer", text=label)
                await self.until(lambda s: not s["question"])
            elif state["is_turn"]:
                turns = _turns(state)
                await self.act(await self.asked_for(exercise), state["session"])

    async def asked_for(self, exercise: Exercise) -> Step:
        """Ask for all hints, and return the step that the last one names."""
        known = sum(line["kind"] == "hint" for line in (self.state or {})["lines"])
        for _ in range(3):
            await self.post("/exercise", what="hint")
        state = await self.until(lambda s: sum(line["kind"] == "hint" for line in s["lines"]) == known + 3)
        hint = [line["text"] for line in state["lines"] if line["kind"] == "hint"][-1].removeprefix("3/3 ")
        texts = ExerciseTexts(self.language)
        return next(s for s in exercise.scenario.steps if s.who == exercise.trainee and f"{texts.step(s)}." == hint)

    async def act(self, step: Step, session: str) -> None:
        """Take a step as the page does."""
        verb, rest = split_step(step)
        first, _, second = verb.partition(" ")
        if first == "focus":
            await self.post("/focus", page=PAGE, on=second == "on")
            return
        words = [first, second, rest] if first == "pin" else [first, session, second, rest]
        _, answer = await self.post("/line", line=" ".join(filter(None, words)))
        assert answer["ok"], (step, answer)

    async def _read(self) -> None:
        while True:
            with suppress(ConnectionError, asyncio.IncompleteReadError):
                await self._read_once()

    async def _read_once(self) -> None:
        at = urlsplit(self.url)
        reader, writer = await asyncio.open_connection(at.hostname, at.port, limit=2**24)
        try:
            head = f"GET /events?page={PAGE} HTTP/1.1\r\nHost: localhost\r\nCookie: {self.visitor.cookie}\r\n\r\n"
            writer.write(head.encode())
            kind = ""
            while line := await reader.readline():
                text = line.decode().rstrip()
                if text.startswith("event: "):
                    kind = text.removeprefix("event: ")
                elif text.startswith("data: ") and self._took(kind, json.loads(text.removeprefix("data: "))):
                    return
        finally:
            writer.close()

    def _took(self, kind: str, data: Mapping[str, Any]) -> bool:
        """Take in an event; return whether another console is shown from now on."""
        if kind == "snapshot":
            self.entries = {entry["session"]: entry for entry in data["entries"]}
        if kind == "update":
            self.entries[data["session"]] = data["entry"]
        if kind != "exercise":
            return False
        self.state = data["exercise"]
        self._news.set()
        before, self.console = self.console, (self.state or {}).get("console", "")
        return before != self.console


def _goes_on(row: int, turns: int, state: Mapping[str, Any]) -> bool:
    """Whether there is something to do after so many turns in the exercise of a row, or it is over."""
    is_over = state["phase"] in ("over", "failed")
    return state["exercise"] == str(row) and (bool(state["question"]) or is_over or _turns(state) > turns)


def _turns(state: Mapping[str, Any]) -> int:
    return sum(line["kind"] == "turn" for line in state["lines"])
