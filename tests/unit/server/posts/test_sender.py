"""The sender over an engine: order, retries after real seconds, restarts, an impatient administrator."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

import pytest

from rescue_protos.errors import StorageUnavailable
from rescue_server.clock import ServerClock
from rescue_server.core import commands, customer_side, events, organization
from rescue_server.core.posts import PostState
from rescue_server.faults.http_rules import AffectPost
from rescue_server.posts.sender import PAUSES, PostSender
from rescue_server.posts.target import AttemptFailed, PostTarget
from rescue_server.runtime import command_handlers
from rescue_server.runtime.due_posts import follow_with_posts
from rescue_server.runtime.engine import Engine, Outcome, live_engine
from rescue_server.runtime.hooks import Hooks
from rescue_server.runtime.state import AnyEvent, AppliedEvent, read_event
from rescue_server.store.memory import MemoryStore
from tests.unit.server.core.session_builder import START

URLS = {"start": "http://reader:pw@127.0.0.1/start?key=1", "end": "http://127.0.0.1/end"}
FOUNDING: list[AnyEvent] = [
    organization.GroupAdded(at=START, name="Support"),
    organization.TechnicianAdded(at=START, name="alice", group="Support"),
    organization.PostSettingsChanged(at=START, group="Support", changes=URLS),
]


@dataclass(slots=True)
class Attempted:
    """One attempt: to which path, for which session, with which numbers."""

    path: str
    session: str
    delivery: str
    number: int


@dataclass
class Office:
    """An engine with a sender whose pauses end when the test says so. `answer` returns a status for an attempt."""

    store: MemoryStore
    answer: Callable[[Attempted], int] = lambda attempt: 200
    affected: Callable[[str], AffectPost | None] = lambda session: None
    attempts: list[Attempted] = field(default_factory=list)
    pauses: asyncio.Queue[tuple[float, asyncio.Future[None]]] = field(default_factory=asyncio.Queue)

    @contextlib.asynccontextmanager
    async def open(self) -> AsyncIterator[Engine]:
        hooks = Hooks(follow_up=follow_with_posts(self.store.identity().history))
        engine = live_engine(self.store, ServerClock(start=START, monotonic=lambda: 0.0), hooks=hooks)
        engine.load()
        sender = PostSender(engine, affected=self.affected, deliver=self.deliver, pause=self.pause)
        engine.subscribe(sender)
        running = [asyncio.create_task(engine.run()), asyncio.create_task(sender.run())]
        try:
            yield engine
        finally:
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)

    async def deliver(self, target: PostTarget, headers: dict[str, str], body: bytes) -> int:
        attempt = Attempted(
            path=target.path,
            session=body.decode().partition("&")[0].removeprefix("SessionID="),
            delivery=headers["X-Rescue-Delivery"],
            number=int(headers["X-Rescue-Attempt"]),
        )
        self.attempts.append(attempt)
        return self.answer(attempt)

    async def pause(self, seconds: float) -> None:
        over = asyncio.get_running_loop().create_future()
        self.pauses.put_nowait((seconds, over))
        await over

    async def paused(self) -> tuple[float, asyncio.Future[None]]:
        """Wait until the sender pauses; return for how long it would, and what ends the pause."""
        async with asyncio.timeout(10):
            return await self.pauses.get()

    @property
    def journal(self) -> list[str]:
        """The names of what became of posts."""
        names = [type(event).__name__ for event in map(read_event, self.store.read())]
        return [name for name in names if name.startswith("Post") and name != "PostSettingsChanged"]


async def begin(engine: Engine, *sessions: str, ends: bool = True) -> None:
    """Let alice lead these sessions, and end them."""
    if not engine.published.revision:
        await engine.perform(lambda state, context: Outcome(events=FOUNDING))
    for session in sessions:
        await engine.perform(command_handlers.create_pin("alice", "Jan", session.zfill(6).__str__))
        await engine.perform(
            command_handlers.of_applet(
                session, lambda s, x: customer_side.redeem_pin(s, ticket_hash="h", customer="", context=x)
            )
        )
        await engine.perform(command_handlers.of_applet(session, customer_side.on_attach))
        await engine.perform(command_handlers.command(commands.StartSession(technician="alice", session=session)))
        if ends:
            await engine.perform(command_handlers.command(commands.EndSession(technician="alice", session=session)))


async def settled(engine: Engine, *sessions: str) -> None:
    """Wait until nothing of these sessions, or of any, is pending."""
    news = asyncio.Event()

    class Listening:
        def on_applied(self, applied: AppliedEvent) -> None:
            news.set()

    engine.subscribe(Listening())
    async with asyncio.timeout(10):
        while any(
            post.state is PostState.PENDING
            for session in engine.published.sessions.values()
            for post in session.posts
            if session.id in (sessions or (session.id,))
        ):
            news.clear()
            await news.wait()


def state_of(engine: Engine) -> str:
    return engine.published.sessions["1001"].posts[0].state.value


async def test_a_session_is_posted_at_its_start_and_at_its_end() -> None:
    office = Office(MemoryStore())
    async with office.open() as engine:
        await begin(engine, "1001")
        await settled(engine)
    assert [(a.path, a.session, a.number) for a in office.attempts] == [
        ("/start?key=1", "1001", 1),
        ("/end", "1001", 1),
    ]
    assert len({a.delivery for a in office.attempts}) == 2
    assert sorted(office.journal) == ["PostDue", "PostDue", "PostSent", "PostSent"]


async def test_a_failed_post_is_tried_five_times_more_and_then_given_up() -> None:
    office = Office(MemoryStore(), lambda attempt: 503 if attempt.path != "/end" else 200)
    async with office.open() as engine:
        await begin(engine, "1001")
        for expected in PAUSES:
            seconds, over = await office.paused()
            assert seconds == expected
            over.set_result(None)
        await settled(engine)
    assert [a.number for a in office.attempts] == [1, 2, 3, 4, 5, 6, 1]
    assert [a.path for a in office.attempts[-2:]] == ["/start?key=1", "/end"]  # the end waited: order within a session
    assert len({a.delivery for a in office.attempts[:6]}) == 1
    assert office.journal == ["PostDue", "PostDue", *["PostFailed"] * 6, "PostGivenUp", "PostSent"] or (
        office.journal == ["PostDue", "PostFailed", "PostDue", *["PostFailed"] * 5, "PostGivenUp", "PostSent"]
    )
    failed = next(e for e in map(read_event, office.store.read()) if isinstance(e, events.PostFailed))
    assert (failed.url, failed.attempt, failed.status) == ("http://127.0.0.1/start", 1, 503)


async def test_sessions_do_not_wait_for_each_other() -> None:
    office = Office(MemoryStore(), lambda attempt: 500 if attempt.session == "1001" else 200)
    async with office.open() as engine:
        await begin(engine, "1001", "1002")
        await office.paused()
        await settled(engine, "1002")
    assert [a.path for a in office.attempts if a.session == "1002"] == ["/start?key=1", "/end"]


async def test_what_is_pending_at_a_start_is_sent_at_once_with_the_next_number() -> None:
    store = MemoryStore()
    before = Office(store, lambda attempt: 500)
    async with before.open() as engine:
        await begin(engine, "1001")
        await before.paused()
    after = Office(store)
    async with after.open() as engine:
        await settled(engine)
    assert [(a.path, a.number) for a in after.attempts] == [("/start?key=1", 2), ("/end", 1)]
    assert after.attempts[0].delivery == before.attempts[0].delivery


async def test_an_attempt_whose_result_was_not_stored_is_made_again_with_the_same_numbers() -> None:
    """As after kill -9: the receiver has it, and the server does not know."""
    store, killed = MemoryStore(), asyncio.Event()

    class Killed(Office):
        async def deliver(self, target: PostTarget, headers: dict[str, str], body: bytes) -> int:
            await super().deliver(target, headers, body)
            killed.set()
            await asyncio.Event().wait()
            return 200

    before = Killed(store)
    async with before.open() as engine:
        await begin(engine, "1001", ends=False)
        await killed.wait()
    after = Office(store)
    async with after.open() as engine:
        await settled(engine)
    assert after.attempts == before.attempts


async def test_an_administrator_need_not_wait_and_can_have_a_given_up_post_sent() -> None:
    statuses = iter([500, *[404] * 6, 200])
    office = Office(MemoryStore(), lambda attempt: next(statuses))
    async with office.open() as engine:
        await begin(engine, "1001", ends=False)
        await office.paused()
        [post] = engine.published.sessions["1001"].posts

        async def retry() -> None:
            about = {"delivery": post.delivery, "kind": post.kind, "administrator": "admin"}
            retried = events.PostRetried(session="1001", at=START, **about)  # type: ignore[arg-type]
            await engine.perform(lambda state, context: Outcome(events=[retried]))

        await retry()
        for _ in PAUSES:
            (await office.paused())[1].set_result(None)
        await settled(engine)
        assert state_of(engine) == "given up"
        await retry()
        await settled(engine)
        assert state_of(engine) == "sent"
    assert [a.number for a in office.attempts] == [*range(1, 9)]


async def test_a_post_whose_group_has_no_url_any_more_is_given_up_at_once() -> None:
    office = Office(MemoryStore(), lambda attempt: 500)
    async with office.open() as engine:
        await begin(engine, "1001", ends=False)
        _, over = await office.paused()
        off = organization.PostSettingsChanged(at=START, group="Support", changes={"start": ""})
        await engine.perform(lambda state, context: Outcome(events=[off]))
        over.set_result(None)
        await settled(engine)
        assert engine.published.sessions["1001"].posts[0].answer == "the group Support has no URL for it any more"
    assert office.journal == ["PostDue", "PostFailed", "PostGivenUp"]
    assert len(office.attempts) == 1


async def test_while_the_store_refuses_nothing_is_sent_again(monkeypatch: pytest.MonkeyPatch) -> None:
    office = Office(MemoryStore())
    async with office.open() as engine:
        await begin(engine, "1001", ends=False)
        await settled(engine)
        perform, refusals = engine.perform, iter([True, True])

        async def refuse(*given: object) -> object:
            if next(refusals, False):
                raise StorageUnavailable("the disk is full")
            return await perform(*given)  # type: ignore[arg-type]

        await engine.perform(command_handlers.create_pin("alice", "Jan", lambda: "001002"))
        monkeypatch.setattr(engine, "perform", refuse)
        await perform(command_handlers.command(commands.EndSession(technician="alice", session="1001")))
        for _ in range(2):
            seconds, over = await office.paused()
            assert seconds == 1.0
            over.set_result(None)
        await settled(engine)
    assert [a.path for a in office.attempts] == ["/start?key=1", "/end"]


async def test_a_reason_is_stored_in_the_place_of_a_status() -> None:
    def refuse(attempt: Attempted) -> int:
        raise AttemptFailed("connection refused")

    office = Office(MemoryStore(), refuse)
    async with office.open() as engine:
        await begin(engine, "1001", ends=False)
        await office.paused()
        [post] = engine.published.sessions["1001"].posts
    assert (post.attempts, post.failures, post.answer) == (1, 1, "connection refused")


async def test_a_fault_rule_can_cut_a_connection_that_the_receiver_never_sees() -> None:
    office = Office(MemoryStore(), affected=lambda session: AffectPost(times=1, status=0))
    async with office.open() as engine:
        await begin(engine, "1001", ends=False)
        await office.paused()
        [post] = engine.published.sessions["1001"].posts
    assert (post.answer, office.attempts) == ("a fault rule has cut the connection", [])


async def test_a_group_that_is_renamed_meanwhile_still_posts() -> None:
    office = Office(MemoryStore(), lambda attempt: 500)
    async with office.open() as engine:
        await begin(engine, "1001")
        _, over = await office.paused()
        renamed = organization.GroupRenamed(at=START, name="Support", to="Help")
        await engine.perform(lambda state, context: Outcome(events=[renamed]))
        office.answer = lambda attempt: 200
        over.set_result(None)
        await settled(engine)
    assert [a.path for a in office.attempts] == ["/start?key=1", "/start?key=1", "/end"]


async def test_starts_of_the_server_use_up_no_attempts() -> None:
    store, numbers = MemoryStore(), []
    for start in range(12):
        office = Office(store, lambda attempt: 503)
        async with office.open() as engine:
            if start == 0:
                await begin(engine, "1001", ends=False)
            assert (await office.paused())[0] == PAUSES[0]
            [post] = engine.published.sessions["1001"].posts
            assert (post.state, post.failures) == (PostState.PENDING, 1)
        numbers += [attempt.number for attempt in office.attempts]
    assert numbers == [*range(1, 13)]
