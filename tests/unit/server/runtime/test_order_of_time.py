"""The journal's time never goes back, also when something falls due late."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from rescue_server.clock import ServerClock
from rescue_server.core import customer_side, organization
from rescue_server.core.events import ConnectingTimedOut, LinkLost
from rescue_server.runtime import command_handlers, setting_handlers
from rescue_server.runtime.engine import Engine, Outcome, live_engine
from rescue_server.runtime.state import AnyEvent, read_event
from rescue_server.store import MemoryStore

NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


@pytest.fixture
async def engine() -> AsyncIterator[Engine]:
    found = live_engine(MemoryStore(), ServerClock(start=NOON, paused=True))
    running = asyncio.create_task(found.run())
    events: list[AnyEvent] = [
        organization.GroupAdded(at=NOON, name="Support"),
        organization.TechnicianAdded(at=NOON, name="alice", group="Support"),
    ]
    await found.perform(lambda desk, context: Outcome(events=events))
    yield found
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await found.close()


async def journal_of(engine: Engine) -> list[AnyEvent]:
    engine.catch_up()
    await engine.flush()
    events = [read_event(stored) for stored in engine.store.read()]
    assert all(before.at <= after.at for before, after in pairwise(events))
    return events


async def test_a_setting_that_is_past_already_is_due_when_it_is_changed(engine: Engine) -> None:
    await engine.perform(command_handlers.create_pin("alice", "", lambda: "111111"))
    engine.clock.move_to(NOON + 5 * MINUTE)
    await engine.perform(setting_handlers.change_settings("admin", "group:Support", {"connecting_timeout": MINUTE}))
    last = (await journal_of(engine))[-1]
    assert isinstance(last, ConnectingTimedOut)
    assert last.at == NOON + 5 * MINUTE


async def test_a_lease_that_is_judged_late_ends_after_what_was_stored_meanwhile(engine: Engine) -> None:
    session = (await engine.perform(command_handlers.create_pin("alice", "", lambda: "111111"))).session
    await engine.perform(command_handlers.redeem_pin("111111", "", "hash"))
    await engine.perform(command_handlers.of_applet(session, customer_side.on_attach))
    engine.clock.move_to(NOON + 1.5 * MINUTE)
    await engine.perform(command_handlers.create_pin("alice", "", lambda: "222222"))
    engine.schedule.leases.confirm_expired([session])
    last = (await journal_of(engine))[-1]
    assert isinstance(last, LinkLost)
    assert last.at == NOON + 1.5 * MINUTE


async def test_what_is_due_in_time_happens_at_its_due_time(engine: Engine) -> None:
    await engine.perform(command_handlers.create_pin("alice", "", lambda: "111111"))
    engine.clock.move_to(NOON + 60 * MINUTE)
    last = (await journal_of(engine))[-1]
    assert isinstance(last, ConnectingTimedOut)
    assert last.at == NOON + 20 * MINUTE
