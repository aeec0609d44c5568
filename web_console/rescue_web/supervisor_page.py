"""The state behind a supervisor's pages: all queues, the clock, and the computers that were started from them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import aclosing, suppress
from datetime import timedelta

from rescue_client.admin import AdminClient
from rescue_client.clock import ClockClient, ClockReading
from rescue_client.connection import Connection
from rescue_client.overview import Overview, OverviewClient
from rescue_common.durations import BadDuration, parse_duration
from rescue_common.emulated_time import MAX_SPEED, format_timestamp
from rescue_console import json_lines
from rescue_console.labels import Labels
from rescue_protos.errors import RescueError
from rescue_web.classes import Classes
from rescue_web.computers import NotPossible, StartedComputers
from rescue_web.feed import Data, EventId, Feed, written

_CLOCK_EVERY = 1.0  # real seconds
_REST = 4  # times as long as it took to write the queues
_CLASSES_EVERY = 2.0


class SupervisorPage:
    """What the pages of one administrator's login show."""

    def __init__(self, connection: Connection, computers: StartedComputers, classes: Classes) -> None:
        self.feed = Feed(self._whole)
        self.clock = ClockClient(connection)
        self._admin = AdminClient(connection)
        self._client = OverviewClient(connection)
        self.connection = connection
        self._computers = computers
        self._classes = classes
        self.overview = Overview(revision=-1, queues=())
        self._clock: Data = {}
        self._work: list[asyncio.Task[None]] = []
        self._failure = ""
        self._changed = asyncio.Event()

    async def messages(self, page: str, after: EventId | None) -> AsyncIterator[str]:
        """Yield the messages for one page. The page shows one state, so it always begins with the whole state."""
        if not self._work:
            follow = (self._follow_queues(), self._show_queues(), self._follow_clock(), self._follow_classes())
            self._work = [asyncio.create_task(each) for each in follow]
        async for message in self.feed.messages(None, first=self._now):
            yield message

    async def close(self) -> None:
        """Close the connection and end the pages' streams."""
        self.feed.end()
        for task in self._work:
            task.cancel()
        await asyncio.gather(*self._work, return_exceptions=True)
        await self.connection.close()

    def computers_changed(self) -> None:
        """Send the changed list of computers to the pages."""
        self.feed.publish("computers", {"computers": self._computers.as_json()})

    def classes_changed(self) -> None:
        """Send the changed classes to the pages."""
        self.feed.publish("classes", self._classes.as_json())

    async def reset(self) -> None:
        """End all sessions and clear all queues. Raises RescueError."""
        await self._admin.reset_sessions()

    async def turn_clock(self, what: str, value: str) -> Data:
        """Advance by a duration, set the speed, or pause. Raises RescueError, NotPossible."""
        try:
            match what:
                case "advance":
                    by = parse_duration(value)
                    if by <= timedelta(0):
                        raise NotPossible("the clock only goes forward")
                    reading = await self.clock.advance(by)
                case "speed":
                    reading = await self.clock.set_speed(_speed(value))
                case "pause":
                    reading = await self.clock.pause()
                case _:
                    raise NotPossible("the clock cannot {what}", what=repr(what))
        except BadDuration as error:
            raise NotPossible("{text} is no duration; write it like 90s, 5m or 1h30m", text=repr(error.text)) from None
        self._read(reading)
        return self._clock

    async def _follow_queues(self) -> None:
        try:
            async with aclosing(self._client.watch()) as states:
                async for state in states:
                    self.overview = state
                    self._changed.set()
        except RescueError as error:
            self._failure = str(error)
            self.feed.publish("refused", {"message": self._failure})

    async def _show_queues(self) -> None:
        """Send the queues after changes; the more there is of them, the more rarely: it must not take all the time."""
        while True:
            await self._changed.wait()
            self._changed.clear()
            began = time.monotonic()
            self.feed.publish("snapshot", self._whole()[1])
            await asyncio.sleep((time.monotonic() - began) * _REST)

    async def _follow_clock(self) -> None:
        while True:
            try:
                self._read(await self.clock.show())
            except RescueError:
                self._clock = {**self._clock, "speed": 0}
                self.feed.publish("clock", self._clock)
            await asyncio.sleep(_CLOCK_EVERY)

    async def _follow_classes(self) -> None:
        while True:
            with suppress(RescueError, OSError, NotPossible):
                await self._classes.refresh(self._admin)
            await asyncio.sleep(_CLASSES_EVERY)

    def _read(self, reading: ClockReading) -> None:
        now = format_timestamp(reading.now, timespec="milliseconds")
        self._clock = {
            "now": now,
            "speed": 0 if reading.paused else reading.speed,
            "set": reading.speed,
            "paused": reading.paused,
        }
        self.feed.publish("clock", self._clock)

    def _whole(self) -> tuple[int, Data]:
        state = self.overview
        queues = [
            {
                "technician": queue.technician,
                "group": queue.group,
                "connected": queue.connected,
                "entries": json_lines.entry_lines(queue.entries, Labels.of("en")),
            }
            for queue in state.queues
        ]
        return state.revision, {"queues": queues, "online": state.online, "computers": self._computers.as_json()}

    def _now(self) -> str:
        clock = written("clock", self._clock) if self._clock else ""
        classes = written("classes", self._classes.as_json())
        return clock + classes + (written("refused", {"message": self._failure}) if self._failure else "")


def _speed(value: str) -> float:
    try:
        speed = float(value)
    except ValueError:
        speed = 0.0
    if not 0 < speed <= MAX_SPEED:
        raise NotPossible("the speed is a number above 0, at most {limit}", limit=f"{MAX_SPEED:g}")
    return speed
