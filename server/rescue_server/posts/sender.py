"""Sends what is due to be posted: at least once, in order within a session, and sessions do not wait for each other.

The posts are part of the published state, so a start finds those that are pending. What comes of an attempt is an
event, stored before the next attempt: only one whose result was not stored is made again, and bears the same numbers.
Periods are real seconds, because receivers are real; after a start, a pending post is tried at once.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TypeVar

import msgspec

from rescue_protos.errors import STORAGE_ERRORS
from rescue_server.core import decide, events
from rescue_server.core.organization import Organization, OrganizationEvent
from rescue_server.core.posting import PostKind, PostSettings, without_query
from rescue_server.core.posts import Post, first_pending
from rescue_server.faults.http_rules import AffectPost
from rescue_server.posts.body import CONTENT_TYPES, body_of, fields_of, name_now, posted_technician
from rescue_server.posts.facts import NoSuchPost, read_facts
from rescue_server.posts.target import AttemptFailed, PostTarget, find_target
from rescue_server.runtime.engine import Engine, Outcome
from rescue_server.runtime.state import AppliedEvent, EngineState, read_event

PAUSES = (1.0, 5.0, 25.0, 125.0, 625.0)
"""Real seconds from a failure to the next attempt. After the last of them a post is given up."""
AT_ONCE = 200
"""Attempts under way: each takes a socket. Further ones wait until one is over, ten seconds at most."""
_STORE_AGAIN = 1.0  # real seconds
_CUT = "a fault rule has cut the connection"
_READ = 500  # events of a session, at a time

Deliver = Callable[[PostTarget, dict[str, str], bytes], Awaitable[int]]
T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptResult:
    """What came of one: an HTTP status, or the reason why there was none, and whether there never can be one."""

    url: str
    status: int = 0
    reason: str = ""
    is_impossible: bool = False
    is_extra: bool = False

    @property
    def is_success(self) -> bool:
        """Whether the receiver took the post."""
        return 200 <= self.status < 300


@dataclass(slots=True, eq=False)
class _Worker:
    """What sends one session's posts. `hurry` is set when an administrator does not want to wait.

    `is_from_start`: whether it has yet to try at once what was pending at the start of the server.
    """

    hurry: asyncio.Event = field(default_factory=asyncio.Event)
    is_from_start: bool = False
    task: asyncio.Task[None] | None = None


class PostSender:
    """One server's. `pause` sleeps for real seconds; `deliver` makes an attempt, unless a fault rule affects it."""

    def __init__(
        self,
        engine: Engine,
        *,
        anywhere: bool = False,
        affected: Callable[[str], AffectPost | None] = lambda session: None,
        deliver: Deliver | None = None,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._engine = engine
        self._anywhere = anywhere
        self._affected = affected
        self._deliver = deliver or _deliver
        self._pause = pause
        self._workers: dict[str, _Worker] = {}
        self._tasks: asyncio.TaskGroup | None = None
        self._sockets = asyncio.Semaphore(AT_ONCE)

    async def run(self) -> None:
        """Send what is pending and what becomes due, until cancelled."""
        async with asyncio.TaskGroup() as self._tasks:
            for session in list(self._engine.published.sessions.unpacked()):
                if first_pending(session.posts) is not None:
                    self._wake(session.id).is_from_start = True
            await asyncio.Event().wait()

    def on_applied(self, applied: AppliedEvent) -> None:
        """A post may be due, or an administrator wants one at once."""
        match applied.event:
            case events.PostDue(session=session):
                self._wake(session)
            case events.PostRetried(session=session):
                self._wake(session).hurry.set()

    def _wake(self, session_id: str) -> _Worker:
        worker = self._workers.get(session_id)
        if worker is None:
            worker = _Worker()
            if self._tasks is not None:  # before that, `run` will find it
                self._workers[session_id] = worker
                worker.task = self._tasks.create_task(self._work(session_id, worker))
        return worker

    async def _work(self, session_id: str, worker: _Worker) -> None:
        """Send a session's posts, one after the other, until none is pending."""
        try:
            waits = False
            while (post := self._next(session_id)) is not None:
                if waits and post.failures:
                    await self._wait(PAUSES[min(post.failures, len(PAUSES)) - 1], worker.hurry)
                    waits = False
                    continue  # the post may have been changed meanwhile
                worker.hurry.clear()
                result = await self._attempt(session_id, post)
                # A server that starts again and again must not use up the attempts of minutes in seconds.
                is_extra = worker.is_from_start and post.failures > 0
                worker.is_from_start = False
                await self._record(session_id, post, replace(result, is_extra=is_extra))
                waits = True
        finally:
            del self._workers[session_id]

    def _next(self, session_id: str) -> Post | None:
        session = self._engine.published.sessions.get(session_id)
        return None if session is None else first_pending(session.posts)

    async def _wait(self, seconds: float, hurry: asyncio.Event) -> None:
        waiting = {asyncio.ensure_future(self._pause(seconds)), asyncio.ensure_future(hurry.wait())}
        try:
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for each in waiting:
                each.cancel()

    async def _attempt(self, session_id: str, post: Post) -> AttemptResult:
        organization = self._engine.published.organization
        settings = _settings(organization, post)
        url = settings.start if post.kind is PostKind.START else settings.end
        if not url:
            return AttemptResult(
                url="", reason=f"the group {post.group} has no URL for it any more", is_impossible=True
            )
        shown = without_query(url)
        if (fault := self._affected(session_id)) is not None:
            return AttemptResult(url=shown, status=fault.status, reason="" if fault.status else _CUT)
        try:
            facts = read_facts(await self._stored_events(session_id), post.delivery)
            fields = fields_of(facts, posted_technician(organization, facts.technician, facts.node))
            headers = {
                "Content-Type": CONTENT_TYPES[settings.format],
                "User-Agent": "rescue-emulator",
                "X-Rescue-Delivery": post.delivery,
                "X-Rescue-Attempt": str(post.attempts + 1),
            }
            async with self._sockets:
                target = await find_target(url, anywhere=self._anywhere)
                return AttemptResult(
                    url=shown, status=await self._deliver(target, headers, body_of(fields, settings.format))
                )
        except AttemptFailed as failure:
            return AttemptResult(url=shown, reason=str(failure))
        except NoSuchPost:
            return AttemptResult(url=shown, reason="the server has forgotten the session", is_impossible=True)

    async def _stored_events(self, session_id: str) -> list[tuple[int, events.AnySessionEvent]]:
        found: list[tuple[int, events.AnySessionEvent]] = []
        while True:
            after = found[-1][0] if found else 0
            through = self._engine.published.revision
            read = partial(self._engine.stored_events, after, through=through, limit=_READ, stream=session_id)
            batch = await self._until_stored(read)
            for stored in batch:
                event = read_event(stored)
                assert not isinstance(event, OrganizationEvent)  # it is of a session's stream
                found.append((stored.revision, event))
            if len(batch) < _READ:
                return found

    async def _record(self, session_id: str, post: Post, attempt: AttemptResult) -> None:
        """Store what came of an attempt. While the store refuses, nothing is sent again."""

        def handle(state: EngineState, context: decide.Context) -> Outcome:
            session = state.sessions.get(session_id)
            posts = () if session is None else session.posts
            now = next((each for each in posts if each.delivery == post.delivery), None)
            is_new = now is not None and now.attempts == post.attempts
            return Outcome(events=_events(session_id, now, attempt, context) if now is not None and is_new else [])

        await self._until_stored(lambda: self._engine.perform(handle))

    async def _until_stored(self, call: Callable[[], Awaitable[T]]) -> T:
        while True:
            with contextlib.suppress(*STORAGE_ERRORS):
                return await call()
            await self._pause(_STORE_AGAIN)


async def _deliver(target: PostTarget, headers: dict[str, str], body: bytes) -> int:
    """Make an attempt. The modules of HTTP are loaded by the first one: most servers post nothing."""
    from rescue_server.posts.delivery import deliver

    return await deliver(target, headers, body)


def _settings(organization: Organization, post: Post) -> PostSettings:
    """Return where the group of a post posts now; if it was renamed, it is the lead's."""
    group = post.group
    if f"group:{group}" not in organization.settings:
        group = organization.technicians.get(name_now(organization, post.technician, post.node), "")
    return organization.posting.get(group, PostSettings())


def _events(
    session_id: str, post: Post, attempt: AttemptResult, context: decide.Context
) -> list[events.AnySessionEvent]:
    sent = events.PostSent(
        session=session_id,
        at=context.now,
        delivery=post.delivery,
        kind=post.kind,
        url=attempt.url,
        attempt=post.attempts + 1,
        status=attempt.status,
    )
    if attempt.is_success:
        return [sent]
    facts = msgspec.structs.asdict(sent)
    failed = events.PostFailed(**facts, reason=attempt.reason, extra=attempt.is_extra)
    del facts["status"]
    if attempt.is_impossible:
        return [events.PostGivenUp(**facts | {"attempt": post.attempts}, reason=attempt.reason)]
    if attempt.is_extra or post.failures < len(PAUSES):
        return [failed]
    return [failed, events.PostGivenUp(**facts)]
