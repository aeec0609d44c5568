"""A technician's console behind their browser pages: one watch of the queue for all pages that are open.

The pages of one login share the console, like windows of one program. It is in focus while one of the pages is, and it
is closed soon after the last page.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing, suppress
from datetime import datetime

from rescue_client.connection import Connection
from rescue_client.console import ConsoleClient
from rescue_client.queue_view import QueueView
from rescue_client.records import (
    Bookmark,
    Entry,
    EntryChanged,
    EntryDetails,
    ServerBack,
    ServerLost,
    Snapshot,
    UnknownUpdate,
    Update,
)
from rescue_common.emulated_time import format_timestamp
from rescue_console import json_lines, urgency
from rescue_console.commands import BadLine, parse
from rescue_console.execute import execute
from rescue_console.labels import Labels
from rescue_protos.errors import RescueError
from rescue_web.feed import Data, EventId, Feed, written

STAYS_OPEN = 5.0
"""Real seconds for which the console stays open after its last page: long enough for a reload."""

_QUEUE_TIMEOUT = 3.0  # real seconds; then a page is shown without its queue: the server may be away
_ENGLISH = "en"  # pages name statuses by themselves


class TechnicianPage:
    """One technician's console for the pages of one login."""

    def __init__(self, client: ConsoleClient, connection: Connection, *, server: str = "") -> None:
        self.client = client
        self.connection = connection
        self.server = server
        self._exercise: Data | None = None
        self.feed = Feed(self._whole)
        self.failure = ""
        self.presence_changed: Callable[[], None] = lambda: None
        """Called when the first page opens or the last one closes."""
        self._view = QueueView(technician=client.technician)
        self._focused: dict[str, bool] = {}
        self._work: list[asyncio.Task[None]] = []
        self._clock: Data = {}
        self._closing: asyncio.TimerHandle | None = None

    async def messages(self, page: str, after: EventId | None) -> AsyncIterator[str]:
        """Yield the messages for one page, for as long as it is open."""
        await self._opened(page)
        try:
            async for message in self.feed.messages(after, first=self._now):
                yield message
        finally:
            self._closed(page)

    @property
    def is_open(self) -> bool:
        """Whether a page shows it."""
        return bool(self._focused)

    def show_exercise(self, shown: Data | None) -> None:
        """Show the pages how an exercise stands; None if none is being done."""
        if shown is not None or self._exercise is not None:
            self._exercise = shown
            self.feed.publish("exercise", {"exercise": shown})

    async def focus(self, page: str, on: bool) -> None:
        """Set whether a person looks at a page. Raises RescueError."""
        if page in self._focused:
            self._focused[page] = on
            await self.client.set_focus(any(self._focused.values()))

    async def answer(self, line: str, language: str) -> Data:
        """Execute a line and answer it as the scripted console does; what is wrong is in the page's language."""
        try:
            command = parse(line.encode())
            if command is None:
                raise BadLine("the line is empty")
        except BadLine as error:
            return json_lines.bad_line(0, error) | {"message": Labels.of(language).bad_line(error)}
        try:
            return json_lines.reply(0, await execute(command, self.client), Labels.of(_ENGLISH))
        except RescueError as error:
            return json_lines.refusal(0, error) | {"message": Labels.of(language).refusal(error)}

    async def close(self) -> None:
        """Close the console; colleagues see it as not connected."""
        self.feed.end()
        if self._closing is not None:
            self._closing.cancel()
        work, self._work = self._work, []
        for task in work:
            task.cancel()
        await asyncio.gather(*work, return_exceptions=True)
        await self.client.connection.close()
        await self.connection.close()

    async def _opened(self, page: str) -> None:
        if self._closing is not None:
            self._closing.cancel()
            self._closing = None
        is_first = not self._focused
        self._focused.setdefault(page, False)
        if is_first:
            self.presence_changed()
        if not self._work:
            await self.client.set_focus(False)
            self._work = [asyncio.create_task(self._follow_queue()), asyncio.create_task(self._follow_clock())]
        with suppress(RescueError, TimeoutError):
            async with asyncio.timeout(_QUEUE_TIMEOUT):
                await self.client.wait_for_queue()

    def _closed(self, page: str) -> None:
        self._focused.pop(page, None)
        if not any(self._focused.values()):
            self._spawn_unfocus()
        if not self._focused:
            self.presence_changed()
            self._closing = asyncio.get_running_loop().call_later(STAYS_OPEN, self._stop)

    def _spawn_unfocus(self) -> None:
        async def unfocus() -> None:
            with suppress(RescueError):
                await self.client.set_focus(False)

        if self._work:
            self._work.append(asyncio.create_task(unfocus()))

    def _stop(self) -> None:
        for task in self._work:
            task.cancel()
        self._work = []

    async def _follow_queue(self) -> None:
        try:
            async with aclosing(self.client.watch()) as updates:
                async for update in updates:
                    self._take(update)
        except RescueError as error:
            self.failure = str(error)
            self.feed.publish("refused", {"message": self.failure})

    def _take(self, update: Update) -> None:
        before, self._view = self._view, self._view.after(update)
        match update:
            case Snapshot():
                self.feed.begin_at(update.revision, history=update.history)
            case ServerLost() | ServerBack():
                self.feed.publish("server", {"online": self._view.online})
            case Bookmark():
                pass
            case UnknownUpdate():
                self.feed.publish("unknown", {"cause": update.cause.text}, revision=update.revision)
            case _:
                lines = list(json_lines.update_lines(update, before, Labels.of(_ENGLISH)))
                session = update.entry.session if isinstance(update, EntryChanged | EntryDetails) else update.session
                data = {"session": session, "entry": self._entry(session), "lines": lines, **self._extra(session)}
                self.feed.publish("update", data, revision=update.revision)

    async def _follow_clock(self) -> None:
        async with aclosing(self.client.watch_clock()) as readings:
            async for reading in readings:
                if reading is not None:
                    self._clock = {"now": _time(reading.now), "speed": reading.rate}
                else:
                    self._clock = {**self._clock, "speed": 0}
                self.feed.publish("clock", self._clock)

    def _whole(self) -> tuple[int, Data]:
        view = self._view
        entries = _entries(view.in_order())
        chats = {
            session: [{"revision": line.revision, "from": line.sender, "text": line.text} for line in lines]
            for session, lines in view.chats.items()
        }
        alarms = {session: _time(due) for session, due in view.alarms.items()}
        known = -1 if view.revision is None else view.revision
        return known, {"entries": entries, "chats": chats, "alarms": alarms, "online": view.online}

    def _entry(self, session: str) -> object:
        entry = self._view.entries.get(session)
        return _entries((entry,))[0] if entry is not None else None

    def _extra(self, session: str) -> Data:
        alarm = self._view.alarms.get(session)
        return {"alarm": _time(alarm) if alarm else None}

    def _now(self) -> str:
        clock = written("clock", self._clock) if self._clock else ""
        refused = written("refused", {"message": self.failure}) if self.failure else ""
        exercise = written("exercise", {"exercise": self._exercise})
        return written("server", {"online": self._view.online}) + clock + exercise + refused


def _entries(entries: tuple[Entry, ...]) -> list[object]:
    lines = json_lines.entry_lines(entries, Labels.of(_ENGLISH))
    return [{**line, **_urgency(entry)} for entry, line in zip(entries, lines, strict=True)]


def _urgency(entry: Entry) -> Data:
    urgent_from = urgency.urgent_from(entry)
    return {"urgent_from": _time(urgent_from) if urgent_from else None, "before_ending": urgency.before_ending(entry)}


def _time(moment: datetime) -> str:
    return format_timestamp(moment, timespec="milliseconds")
