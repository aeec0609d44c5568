"""Server-sent events that a page can resume: what is new is kept for a while, with its revision.

A message with a revision is part of the page's state and is delivered exactly once per page, in order; one without
(the clock, a lost server) has a meaning only now. A page that reads too slowly is disconnected; it
connects again by itself with the last revision that it has seen, and continues from there. A revision belongs to a
history: after a restored backup the page gets the whole state.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass

KEPT_MESSAGES = 2000  # messages that a page can be behind when it comes back
_BACKLOG = 500  # messages that a page can be behind while it is connected

Data = Mapping[str, object]
_ID = re.compile(r"([0-9a-z]{0,64}):([0-9]{1,18})")


@dataclass(frozen=True, slots=True, kw_only=True)
class EventId:
    """The id of a server-sent event: a history and a revision in it, written HISTORY:REVISION."""

    history: str
    revision: int

    @staticmethod
    def read(text: str) -> EventId | None:
        """Return the id in a text; None if it is none."""
        found = _ID.fullmatch(text)
        return EventId(history=found[1], revision=int(found[2])) if found else None

    def __str__(self) -> str:
        return f"{self.history}:{self.revision}"


def written(kind: str, data: Data, mark: EventId | None = None) -> str:
    """Return a message as it stands in the stream."""
    first = f"id: {mark}\n" if mark is not None else ""
    return f"{first}event: {kind}\ndata: {json.dumps(data)}\n\n"


class Feed:
    """The messages for all pages of one login. `whole` returns the state as of a revision, for a new page."""

    def __init__(self, whole: Callable[[], tuple[int, Data]]) -> None:
        self._whole = whole
        self._history = ""
        self._oldest = 0
        self._kept: deque[tuple[int, str]] = deque()
        self._pages: set[asyncio.Queue[str | None]] = set()

    def begin_at(self, revision: int, *, history: str = "") -> None:
        """Begin with a whole state: nothing before this revision can be resumed, and every page gets all of it."""
        self._kept.clear()
        self._history = history
        self._oldest = revision
        self._send(self._snapshot())

    def publish(self, kind: str, data: Data, *, revision: int | None = None) -> None:
        """Send a message to every page, and keep it if it has a revision."""
        message = written(kind, data, None if revision is None else self._id(revision))
        if revision is not None:
            self._kept.append((revision, message))
            if len(self._kept) > KEPT_MESSAGES:
                self._oldest = self._kept.popleft()[0]
        self._send(message)

    def end(self) -> None:
        """End every page's stream."""
        for page in self._pages:
            self._cut_off(page)

    async def messages(self, after: EventId | None, *, first: Callable[[], str] = str) -> AsyncIterator[str]:
        """Yield what followed a revision, or the whole state if that is not kept any more; then all new messages.

        `first` returns what comes in between: facts of now, which have no revision.
        """
        page: asyncio.Queue[str | None] = asyncio.Queue(_BACKLOG)
        self._pages.add(page)
        try:
            newest = self._whole()[0]
            if after is not None and after.history == self._history and self._oldest <= after.revision <= newest:
                missed = [message for revision, message in self._kept if revision > after.revision]
            else:
                missed = [self._snapshot()]
            yield "retry: 700\n\n" + "".join(missed) + first()
            while (message := await page.get()) is not None:
                yield message
        finally:
            self._pages.discard(page)

    def _snapshot(self) -> str:
        revision, state = self._whole()
        return written("snapshot", state, self._id(max(revision, 0)))

    def _id(self, revision: int) -> EventId:
        return EventId(history=self._history, revision=revision)

    def _send(self, message: str) -> None:
        for page in self._pages:
            if page.qsize() >= _BACKLOG - 1:
                self._cut_off(page)
            else:
                page.put_nowait(message)

    @staticmethod
    def _cut_off(page: asyncio.Queue[str | None]) -> None:
        while not page.empty():
            page.get_nowait()
        page.put_nowait(None)
