"""Reading the journal: from any revision on, once or as it grows, each event with what it changed.

It is read from the store in pieces, so a reader costs little memory and delays others only briefly.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

import msgspec

from rescue_server.core import events, organization
from rescue_server.core.history import EventHistory, ExplainedEvent
from rescue_server.runtime.engine import Engine
from rescue_server.runtime.state import AnyEvent, AppliedEvent, read_event
from rescue_server.store.protocol import StoredEvent

WITHHELD = "withheld"
_READ = 1000  # events read from the store at a time
_PORTION = 100  # events delivered before other tasks run
_HASHES = {
    events.SessionCreated: "ticket_hash",
    events.PinRedeemed: "ticket_hash",
    organization.SecretChanged: "secret_hash",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line of the journal, with the changes and the cause that it explains."""

    stored: StoredEvent
    event: AnyEvent
    explained: ExplainedEvent


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """The next lines. They are complete up to revision `through`."""

    lines: tuple[Line, ...]
    through: int


class Journal:
    """The journal of one engine."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._news = asyncio.Event()
        self._draining = False
        self.followers = 0

    def on_applied(self, applied: AppliedEvent) -> None:
        """Wake the followers: an event was published."""
        self._news.set()

    def drain(self) -> None:
        """End every follower: the server shuts down."""
        self._draining = True
        self._news.set()

    async def read(self, after: int, *, session: str = "") -> AsyncIterator[Piece]:
        """Yield the lines after a revision, up to the last one now: of one session, or all."""
        last = self._engine.published.revision
        async for piece in self._read(EventHistory(), 0, after, last, session):
            yield piece

    async def follow(self, after: int, *, session: str = "", from_now: bool = False) -> AsyncIterator[Piece]:
        """Yield the lines after a revision, then each new line, until the server shuts down.

        `from_now` skips the earlier lines if there is no newer one; then it is not known who had an entry once.
        """
        published = self._engine.published
        caught_up = from_now and after >= published.revision
        history = EventHistory(published.sessions if caught_up else None)
        read_through = published.revision if caught_up else 0
        yield Piece(lines=(), through=after)
        self.followers += 1
        try:
            while not self._draining:
                self._news.clear()
                last = published.revision
                if read_through == last:
                    await self._news.wait()
                    continue
                async for piece in self._read(history, read_through, after, last, session):
                    yield piece
                read_through = last
        finally:
            self.followers -= 1

    async def _read(
        self, history: EventHistory, read_through: int, after: int, last: int, session: str
    ) -> AsyncIterator[Piece]:
        while read_through < last:
            batch = [
                stored for stored in await self._engine.stored_events(read_through, _READ) if stored.revision <= last
            ]
            for start in range(0, len(batch), _PORTION):
                part = batch[start : start + _PORTION]
                lines = _explained(history, part, session)
                if part[-1].revision > after:
                    fresh = tuple(line for line in lines if line.stored.revision > after)
                    yield Piece(lines=fresh, through=part[-1].revision)
                await asyncio.sleep(0)
            # Nothing more to read although something is missing: that has been compacted.
            read_through = batch[-1].revision if batch else last


def shown_body(line: Line, technician: str | None) -> bytes:
    """Return the event as JSON, as far as this technician may read it; None is an administrator."""
    hidden = _HASHES.get(type(line.event), "")
    if hidden and getattr(line.event, hidden):
        return _without(line.stored.body, hidden, WITHHELD)
    if isinstance(line.event, events.ChatSent) and technician is not None and technician not in line.explained.present:
        return _without(line.stored.body, "text", "")
    return line.stored.body


def _explained(history: EventHistory, batch: list[StoredEvent], session: str) -> list[Line]:
    lines = []
    for stored in batch:
        if session and stored.stream != session:
            continue
        event = read_event(stored)
        explained = history.explain(event)
        if explained is not None:
            lines.append(Line(stored=stored, event=event, explained=explained))
    return lines


def _without(body: bytes, name: str, instead: str) -> bytes:
    found = msgspec.json.decode(body, type=dict[str, object])
    return msgspec.json.encode({**found, name: instead})
