"""What the engine does with periods that are overdue, and with request ids that are used twice."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from datetime import datetime, timedelta

import pytest

from rescue_protos.errors import CommandNotAllowed, RequestReused
from rescue_server.clock import ServerClock
from rescue_server.core import commands, customer_side
from rescue_server.core import events as core_events
from rescue_server.core import organization as core_organization
from rescue_server.core.status import Link
from rescue_server.runtime import command_handlers, setting_handlers
from rescue_server.runtime.engine import Outcome, Request, live_engine
from rescue_server.runtime.state import AnyEvent, read_event
from rescue_server.store.memory import MemoryStore

START = datetime.fromisoformat("2026-01-01T00:00:00+00:00")
MINUTE = timedelta(minutes=1)


class Office:
    """An engine whose clock the test turns; alice leads session 1001, whose applet never answers."""

    def __init__(self, store: MemoryStore) -> None:
        self.store = store
        self.seconds = 0.0
        self.clock = ServerClock(start=START, monotonic=lambda: self.seconds)
        self.engine = live_engine(store, self.clock)
        self.engine.load()

    @property
    def journal(self) -> list[AnyEvent]:
        return [read_event(stored) for stored in self.store.read()]

    async def open(self) -> None:
        organization: list[AnyEvent] = [
            core_organization.GroupAdded(at=START, name="Support"),
            core_organization.TechnicianAdded(at=START, name="alice", group="Support"),
        ]
        await self.engine.perform(lambda desk, context: Outcome(events=organization))
        await self.engine.perform(command_handlers.create_pin("alice", "Jan", lambda: "123456"))
        await self.engine.perform(
            command_handlers.of_applet(
                "1001", lambda s, x: customer_side.redeem_pin(s, ticket_hash="h", customer="", context=x)
            )
        )
        await self.engine.perform(command_handlers.of_applet("1001", customer_side.on_attach))
        await self.engine.perform(command_handlers.command(commands.StartSession(technician="alice", session="1001")))

    async def after(self, minutes: float) -> None:
        self.seconds += 60 * minutes
        self.engine.schedule.leases.renew("1001", self.clock.now())
        self.engine.catch_up()
        await self.engine.flush()

    async def set(self, **changes: timedelta) -> None:
        await self.engine.perform(setting_handlers.change_settings("admin", "group:Support", changes))
        self.engine.catch_up()
        await self.engine.flush()


@contextlib.asynccontextmanager
async def running(store: MemoryStore) -> AsyncIterator[Office]:
    office = Office(store)
    work = asyncio.ensure_future(office.engine.run())
    try:
        yield office
    finally:
        work.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await work


@pytest.fixture
async def office() -> AsyncIterator[Office]:
    async with running(MemoryStore()) as office:
        await office.open()
        yield office


async def test_an_idle_time_out_that_a_new_setting_makes_overdue_is_due_now(office: Office) -> None:
    await office.after(minutes=10)
    await office.set(idle_timeout=MINUTE)
    *_, changed, timed_out = office.journal
    assert isinstance(changed, core_organization.SettingsChanged)
    assert isinstance(timed_out, core_events.IdleTimedOut)
    assert timed_out.at == changed.at == START + 10 * MINUTE


async def test_a_lease_that_a_new_setting_makes_overdue_is_due_now(office: Office) -> None:
    await office.after(minutes=0)
    office.seconds += 50
    await office.set(reconnect_period=timedelta(seconds=20))
    office.engine.schedule.leases.confirm_expired(["1001"])
    office.engine.catch_up()
    await office.engine.flush()
    *_, changed, lost = office.journal
    assert isinstance(changed, core_organization.SettingsChanged)
    assert isinstance(lost, core_events.LinkLost)
    assert lost.at == changed.at == START + timedelta(seconds=50)


async def test_an_alarm_that_a_reboot_held_back_is_raised_on_the_return(office: Office) -> None:
    await office.set(idle_timeout=10 * MINUTE)
    await office.engine.perform(
        command_handlers.of_applet("1001", lambda s, x: customer_side.on_going_down(s, order="", context=x))
    )
    await office.after(minutes=9.5)
    await office.engine.perform(command_handlers.of_applet("1001", customer_side.on_attach))
    office.engine.catch_up()
    await office.engine.flush()
    *_, back, alarm = office.journal
    assert isinstance(back, core_events.LinkRestored)
    assert isinstance(alarm, core_events.IdleAlarmRaised)
    assert alarm.at == back.at
    assert alarm.due == START + 10 * MINUTE


async def test_a_wrong_use_of_a_request_id_does_not_spoil_the_right_one(office: Office) -> None:
    asked = Request(principal="alice", id="r1", fingerprint="hold")
    hold = command_handlers.command(commands.HoldSession(technician="alice", session="1001"))
    answer = await office.engine.perform(hold, asked)
    async with running(office.store) as again:  # which has only the store to remember by
        with pytest.raises(RequestReused):
            await again.engine.perform(hold, Request(principal="alice", id="r1", fingerprint="something else"))
        assert await again.engine.perform(hold, asked) == answer


async def test_a_refusal_is_the_answer_to_its_request_for_good(office: Office) -> None:
    asked = Request(principal="alice", id="r1", fingerprint="start")
    start = command_handlers.command(commands.StartSession(technician="alice", session="1001"))
    with pytest.raises(CommandNotAllowed, match="is Active"):
        await office.engine.perform(start, asked)
    await office.engine.perform(command_handlers.command(commands.HoldSession(technician="alice", session="1001")))
    with pytest.raises(CommandNotAllowed, match="is Active"):
        await office.engine.perform(start, asked)


async def test_a_restart_begins_every_lease_anew(office: Office) -> None:
    office.seconds += 59
    await office.engine.mark_clock()
    async with running(office.store) as again:
        assert again.engine.published.sessions["1001"].link is Link.CONNECTED
        assert again.engine.schedule.leases.due("1001") == again.clock.now() + MINUTE
