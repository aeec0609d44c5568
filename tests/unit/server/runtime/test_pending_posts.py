"""Posts of an engine: stored with what made them due, kept while they are pending, explained after their session."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from datetime import timedelta

from rescue_server.clock import ServerClock
from rescue_server.core import commands, customer_side, events, organization
from rescue_server.core.posting import PostKind
from rescue_server.core.posts import Post, PostState
from rescue_server.runtime import command_handlers
from rescue_server.runtime.due_posts import follow_with_posts
from rescue_server.runtime.engine import Engine, Outcome, live_engine
from rescue_server.runtime.hooks import Hooks
from rescue_server.runtime.journal import Journal
from rescue_server.runtime.retention import Retention
from rescue_server.runtime.state import AnyEvent
from rescue_server.store.memory import MemoryStore
from tests.unit.server.core.session_builder import START

URL = "http://localhost/end"


@contextlib.asynccontextmanager
async def office(store: MemoryStore) -> AsyncIterator[Engine]:
    """An engine whose clock stands still."""
    hooks = Hooks(follow_up=follow_with_posts(store.identity().history))
    engine = live_engine(store, ServerClock(start=START, monotonic=lambda: 0.0), hooks=hooks)
    engine.load()
    running = asyncio.create_task(engine.run())
    try:
        yield engine
    finally:
        running.cancel()


async def led_and_ended(engine: Engine) -> Post:
    """Let alice lead and end session 1001, and session 1002 begin; return the post of the first one's end."""
    founding: list[AnyEvent] = [
        organization.GroupAdded(at=START, name="Support"),
        organization.TechnicianAdded(at=START, name="alice", group="Support"),
        organization.PostSettingsChanged(at=START, group="Support", changes={"end": URL}),
    ]
    await engine.perform(lambda state, context: Outcome(events=founding))
    await engine.perform(command_handlers.create_pin("alice", "Jan", lambda: "123456"))
    await engine.perform(
        command_handlers.of_applet(
            "1001", lambda s, x: customer_side.redeem_pin(s, ticket_hash="h", customer="", context=x)
        )
    )
    await engine.perform(command_handlers.of_applet("1001", customer_side.on_attach))
    for command in (commands.StartSession, commands.EndSession):
        await engine.perform(command_handlers.command(command(technician="alice", session="1001")))
    await engine.perform(command_handlers.create_pin("alice", "Piet", lambda: "123457"))
    [post] = engine.published.sessions["1001"].posts
    return post


async def add(engine: Engine, *found: AnyEvent) -> None:
    await engine.perform(lambda state, context: Outcome(events=found))


async def test_what_makes_a_post_due_is_stored_with_it_and_a_restart_keeps_it_pending() -> None:
    store = MemoryStore()
    async with office(store) as engine:
        post = await led_and_ended(engine)
        assert (post.kind, post.technician, post.group, post.state) == (
            PostKind.END, "alice", "Support", PostState.PENDING,
        )  # fmt: skip
    async with office(store) as again:
        assert again.published.sessions["1001"].posts == (post,)


async def test_a_session_is_not_forgotten_while_a_post_of_it_is_pending() -> None:
    async with office(MemoryStore()) as engine:
        retention = Retention(engine, keep_ended=timedelta(0), real_now=lambda: 0.0)
        engine.subscribe(retention)
        post = await led_and_ended(engine)
        assert (await retention.sweep(), await retention.sweep()) == (0, 0)
        sent = events.PostSent(
            session="1001", at=START, delivery=post.delivery, kind=post.kind, url=URL, attempt=1, status=200
        )
        await add(engine, sent)
        assert [await retention.sweep(), await retention.sweep()].count(1) == 1
        assert "1001" not in engine.published.sessions


async def test_the_journal_explains_what_became_of_a_post_after_the_session_was_gone() -> None:
    async with office(MemoryStore()) as engine:
        post = await led_and_ended(engine)
        tried = {"session": "1001", "at": START, "delivery": post.delivery, "kind": post.kind}
        await add(engine, events.PostFailed(**tried, url=URL, attempt=1, status=500))  # type: ignore[arg-type]
        await add(engine, events.PostGivenUp(**tried, url=URL, attempt=1))  # type: ignore[arg-type]
        await add(engine, events.PostRetried(**tried, administrator="admin"))  # type: ignore[arg-type]
        journal = Journal(engine)
        last = engine.published.revision
        for after in (0, last - 3, last - 1):
            pieces = [piece async for piece in journal.read(after, user="admin")]
            lines = [line for piece in pieces for line in piece.lines]
            codes = [line.explained.cause.code for line in lines if line.stored.stream == "1001"]
            assert codes[-1] == "PostRetried.end"
            assert ["PostDue.end", "PostFailed.end", "PostGivenUp.end", "PostRetried.end"][after - last :] == codes[
                after - last if after else -4 :
            ]
            assert all("alice" in line.explained.known for line in lines if line.stored.stream == "1001")
