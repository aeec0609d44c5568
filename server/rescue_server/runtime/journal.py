"""Reading the journal: from any revision on, once or as it grows, each event with what it changed.

What is not asked for is not read. To explain the events after a revision, or those of one session, takes the earlier
events of their sessions only, which the store finds by an index. It is read in pieces, and readers take turns, user by
user: however much one user reads, others wait for one piece at most.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass

import msgspec

from rescue_server.core import events, organization
from rescue_server.core.history import EventHistory, ExplainedEvent
from rescue_server.core.posting import without_secrets
from rescue_server.runtime.engine import Engine
from rescue_server.runtime.state import AnyEvent, AppliedEvent, read_event
from rescue_server.store.protocol import StoredEvent

WITHHELD = "withheld"
_READ = 50  # events read from the store in one turn
_PORTION = 20  # events explained before other tasks run
_HASHES = {
    events.SessionCreated: "ticket_hash",
    events.PinRedeemed: "ticket_hash",
    organization.SecretChanged: "secret_hash",
    organization.AuthcodeIssued: "code_hash",
    organization.ApiTokenIssued: "code_hash",
    organization.ReportSettingsChanged: "code_hash",
    organization.JoinCodeIssued: "code_hash",
    organization.JoinCodeUsed: "joiner_hash",
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
        self._turns = Turns()
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

    async def read(self, after: int, *, user: str, session: str = "") -> AsyncGenerator[Piece, None]:
        """Yield the lines after a revision, up to the last one now: of one session, or all."""
        reading = _Reading(self._engine, self._turns, user, session, after)
        async for piece in reading.up_to(self._engine.published.revision):
            yield piece

    async def follow(self, after: int, *, user: str, session: str = "") -> AsyncGenerator[Piece, None]:
        """Yield the lines after a revision, then each new line, until the server shuts down."""
        published = self._engine.published
        reading = _Reading(self._engine, self._turns, user, session, after)
        yield Piece(lines=(), through=after)
        self.followers += 1
        try:
            while not self._draining:
                self._news.clear()
                if reading.through >= published.revision:
                    await self._news.wait()
                    continue
                async for piece in reading.up_to(published.revision):
                    yield piece
        finally:
            self.followers -= 1


class Turns:
    """Gives turns to one reader at a time. Each user has one reader in the line, so that users take turns."""

    def __init__(self) -> None:
        self._all = asyncio.Lock()
        self._users: dict[str, asyncio.Lock] = {}
        self._readers = Counter[str]()

    @property
    def is_idle(self) -> bool:
        """Whether nobody reads or waits."""
        return not self._users

    @contextlib.asynccontextmanager
    async def of(self, user: str) -> AsyncIterator[None]:
        """Wait for a turn of this user, and have it for the length of the block."""
        self._readers[user] += 1
        try:
            async with self._users.setdefault(user, asyncio.Lock()), self._all:
                yield
        finally:
            self._readers[user] -= 1
            if not self._readers[user]:
                del self._readers[user], self._users[user]


class _Reading:
    """One reader's way through the journal; `through` is how far they have come."""

    def __init__(self, engine: Engine, turns: Turns, user: str, session: str, after: int) -> None:
        self._engine = engine
        self._turns = turns
        self._user = user
        self._session = session
        self._after = after
        self._history = EventHistory()
        # A session is explained from its beginning on; of all events, only the sessions that are concerned.
        self.through = 0 if session else after

    async def up_to(self, last: int) -> AsyncIterator[Piece]:
        """Yield the lines that are left up to this published revision."""
        while self.through < last:
            async with self._turns.of(self._user):
                batch = await self._engine.stored_events(self.through, through=last, limit=_READ, stream=self._session)
                lines = await self._explained(batch)
            # With less than was asked for, there is no more to read.
            self.through = batch[-1].revision if len(batch) == _READ else last
            if self.through > self._after:
                fresh = tuple(line for line in lines if line.stored.revision > self._after)
                yield Piece(lines=fresh, through=self.through)

    async def _explained(self, batch: list[StoredEvent]) -> list[Line]:
        lines = []
        for number, stored in enumerate(batch):
            if number % _PORTION == 0:
                await asyncio.sleep(0)
            event = read_event(stored)
            if self._history.lacks(event):
                await self._read_earlier(stored)
            explained = self._history.explain(event)
            if explained is not None:
                lines.append(Line(stored=stored, event=event, explained=explained))
        return lines

    async def _read_earlier(self, stored: StoredEvent) -> None:
        """Take in what happened to the session of an event before."""
        after, before = 0, stored.revision - 1
        while batch := await self._engine.stored_events(after, through=before, limit=_READ, stream=stored.stream):
            for number, earlier in enumerate(batch):
                if number % _PORTION == 0:
                    await asyncio.sleep(0)
                event = read_event(earlier)
                assert not isinstance(event, organization.OrganizationEvent)  # it is of a session's stream
                self._history.take_in(event)
            after = batch[-1].revision


def shown_body(line: Line, technician: str | None) -> bytes:
    """Return the event as JSON with all its fields, as far as this technician may read it; None is an administrator."""
    event, shown = line.event, _fields(line)
    hidden = _HASHES.get(type(event), "")
    if hidden and getattr(event, hidden):
        shown[hidden] = WITHHELD
    if isinstance(event, organization.AccountChanged) and event.change.sso_password_hash:
        shown["change"] = {**event.change.given(), "sso_password_hash": WITHHELD}
    if isinstance(event, organization.PostSettingsChanged):
        shown["changes"] = {name: without_secrets(value) for name, value in event.changes.items()}
    if (
        isinstance(event, events.ChatSent | events.NoteAdded)
        and technician is not None
        and technician not in line.explained.present
    ):
        shown["text"] = ""
    return msgspec.json.encode(shown)


def _fields(line: Line) -> dict[str, object]:
    if isinstance(line.event, organization.OrganizationEvent):
        return msgspec.json.decode(line.stored.body, type=dict[str, object])
    # What is stored leaves out defaults. Who reads the journal gets every field, whichever version stored the event.
    return {"type": type(line.event).__name__, **msgspec.structs.asdict(line.event)}
