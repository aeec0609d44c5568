"""How the exercises of technicians stand, as their coaches show it, and what they ask. Nothing of it is stored."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Iterable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

MOST_WAITING = 200
"""What a coach can be behind; older requests are dropped."""

Shown = TypeVar("Shown")


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a technician asks of their coach; without `ask`, they have begun or ended to watch."""

    technician: str
    ask: str = ""
    language: str = ""
    watching: bool = False


@dataclass(eq=False, slots=True)
class _Coach:
    technicians: frozenset[str]
    waiting: deque[Asked] = field(default_factory=lambda: deque(maxlen=MOST_WAITING))
    news: asyncio.Event = field(default_factory=asyncio.Event)

    def receive(self, asked: Asked) -> None:
        self.waiting.append(asked)
        self.news.set()


class LedExercises(Generic[Shown]):
    """Passes on what coaches show and technicians ask. A technician has one coach: the last who leads them."""

    def __init__(self) -> None:
        self._coaches: dict[str, _Coach] = {}
        self._shown: dict[str, Shown] = {}
        self._watchers: dict[str, set[asyncio.Event]] = {}
        self._draining = False

    def drain(self) -> None:
        """End every stream: the server shuts down."""
        self._draining = True
        for coach in self._coaches.values():
            coach.news.set()
        for technician in self._watchers:
            self._publish(technician)

    def is_led(self, technician: str) -> bool:
        """Whether a technician has a coach."""
        return technician in self._coaches

    def show(self, technician: str, shown: Shown) -> bool:
        """Show a technician how their exercise stands; return whether they have a coach."""
        if technician not in self._coaches:
            return False
        self._shown[technician] = shown
        self._publish(technician)
        return True

    def ask(self, technician: str, ask: str, language: str) -> bool:
        """Pass on what a technician asks; return whether they have a coach."""
        if (coach := self._coaches.get(technician)) is None:
            return False
        coach.receive(Asked(technician=technician, ask=ask, language=language, watching=self._is_watching(technician)))
        return True

    async def lead(self, technicians: Iterable[str]) -> AsyncGenerator[tuple[Asked, ...], None]:
        """Yield what the technicians ask, some at a time, for as long as they are led; first of all none."""
        coach = _Coach(frozenset(technicians))
        for one in coach.technicians:
            if (former := self._coaches.pop(one, None)) is not None:
                former.news.set()
            self._coaches[one] = coach
            self._forget(one)
            if self._is_watching(one):
                coach.receive(Asked(technician=one, watching=True))
        try:
            yield ()
            while not self._draining and self._leads_somebody(coach):
                coach.news.clear()
                if coach.waiting:
                    found = tuple(coach.waiting)
                    coach.waiting.clear()
                    yield found
                else:
                    await coach.news.wait()
        finally:
            for one in coach.technicians:
                if self._coaches.get(one) is coach:
                    del self._coaches[one]
                    self._forget(one)

    async def watch(self, technician: str) -> AsyncGenerator[Shown | None, None]:
        """Yield what is shown to a technician, now and after each change; None while nothing is."""
        news, watchers = asyncio.Event(), self._watchers.setdefault(technician, set())
        watchers.add(news)
        self._report_watching(technician)
        try:
            while not self._draining:
                news.clear()
                yield self._shown.get(technician)
                await news.wait()
        finally:
            watchers.discard(news)
            if not watchers:
                self._watchers.pop(technician, None)
            self._report_watching(technician)

    def _leads_somebody(self, coach: _Coach) -> bool:
        return any(self._coaches.get(one) is coach for one in coach.technicians)

    def _is_watching(self, technician: str) -> bool:
        return bool(self._watchers.get(technician))

    def _report_watching(self, technician: str) -> None:
        if (coach := self._coaches.get(technician)) is not None:
            coach.receive(Asked(technician=technician, watching=self._is_watching(technician)))

    def _forget(self, technician: str) -> None:
        self._shown.pop(technician, None)
        self._publish(technician)

    def _publish(self, technician: str) -> None:
        for news in self._watchers.get(technician, ()):
            news.set()
