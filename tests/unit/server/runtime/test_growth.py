"""What one act costs does not grow with the sessions, consoles and leases that it has nothing to do with.

Steps are counted, not time: how many sessions, settled sessions, leases and watchers the act looked at, with a
thousand and with ten thousand of them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from rescue_protos.errors import OrganizationRefused
from rescue_server.clock import ServerClock
from rescue_server.core import commands, customer_side, decide, organization
from rescue_server.core.causes import Cause
from rescue_server.core.queue import QueueUpdate
from rescue_server.faults.injector import FaultInjector
from rescue_server.observe.metrics import MeasuredServer
from rescue_server.observe.session_counts import SessionCounts
from rescue_server.rpc.listed_sessions import ListedSessions
from rescue_server.runtime import command_handlers
from rescue_server.runtime.ended_sessions import ended_sessions
from rescue_server.runtime.engine import PORTION, Engine, live_engine
from rescue_server.runtime.retention import Retention
from rescue_server.runtime.schedule.clock_barrier import ClockBarriers
from rescue_server.runtime.state import AnyEvent
from rescue_server.store.memory import MemoryStore
from tests.counted_steps import Steps

NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)
FEW, MANY = 1_000, 10_000
TECHNICIANS = 500
OTHERS = 400  # of them; each of the rest has the same sessions in a small and in a large house


def update() -> QueueUpdate:
    return QueueUpdate(session="1001", at=NOON, cause=Cause(code="", event=""))


@dataclass
class House:
    """A server with sessions of many technicians; each second session is gone. The test turns the real clock."""

    engine: Engine
    retention: Retention
    steps: Steps = field(default_factory=Steps)
    counts: SessionCounts = field(default_factory=SessionCounts)
    real: float = 0.0

    def publish(self, *events: AnyEvent) -> None:
        """Apply events as if they had been stored."""
        for event in events:
            applied = self.engine.ahead.apply(event)
            self.engine.published.apply(event, applied.revision)
            self.engine.schedule.record(applied)
            self.engine.records.record(applied)
            self.retention.on_applied(applied)
            self.counts.change(applied.before, applied.after)

    def context(self) -> decide.Context:
        return decide.Context(
            now=self.engine.clock.now(), organization=self.engine.ahead.organization, in_focus=frozenset()
        )

    def session(self, technician: str) -> str:
        """Create a session that waits for its customer."""
        state, number = self.engine.ahead, self.engine.ahead.next_session_id()
        self.publish(
            *decide.create_pin(
                session=number,
                technician=technician,
                pin=f"{len(state.sessions):06}",
                customer="",
                context=self.context(),
            )
        )
        return number

    def end(self, session: str) -> None:
        """End a session and take it out of its queue."""
        technician = next(iter(self.engine.ahead.sessions[session].entries))
        while self.engine.ahead.sessions[session].entries:
            command = commands.EndSession(technician=technician, session=session)
            self.publish(*decide.decide(self.engine.ahead.sessions[session], command, self.context()))


def house_of(sessions: int) -> House:
    engine = live_engine(MemoryStore(), ServerClock(start=NOON, monotonic=lambda: 0.0))
    house = House(engine, Retention(engine, real_now=lambda: house.real))
    house.publish(organization.GroupAdded(at=NOON, name="Support"))
    house.publish(organization.GroupAdded(at=NOON, name="Small"))
    for number in range(TECHNICIANS):
        house.publish(organization.TechnicianAdded(at=NOON, name=f"t{number}", group="Support"))
    for number in range(sessions):
        session = house.session(f"t{number % OTHERS}")
        if number % 2:
            house.end(session)
    for number in range(sessions):
        engine.watch.open(f"console {number}", "c")
    engine.watch.open("t499", "c")
    count = house.steps.counting
    engine.watch._watchers = count(engine.watch._watchers)
    for _ in range(3):  # of somebody who is always there
        house.session("t499")
    for state in (engine.ahead, engine.published):
        state.sessions._values = count(state.sessions._values)
    house.retention._settled._since = count(house.retention._settled._since)
    return house


Act = Callable[[House], Awaitable[object]]


async def steps_of(act: Act, sessions: int) -> int:
    house = house_of(sessions)
    await house.retention.sweep()  # the first one looks at all that were loaded
    house.real += 10
    house.steps.taken = 0
    await act(house)
    return house.steps.taken


async def sweep_without_anything_to_remove(house: House) -> None:
    assert await house.retention.sweep() == 0


async def sweep_that_removes_two(house: House) -> None:
    house.retention._most_ended = len(house.retention._settled) - 2
    assert await house.retention.sweep() == 2


async def end_a_session(house: House) -> None:
    house.end(house.session("t499"))


async def remove_a_channel_in_use(house: House) -> None:
    house.publish(organization.ChannelAdded(at=NOON, name="Web", groups=("Support",)))
    house.publish(
        *customer_side.start_through_channel(
            session=house.engine.ahead.next_session_id(),
            channel="Web",
            customer="",
            ticket_hash="",
            context=house.context(),
        )
    )
    with pytest.raises(OrganizationRefused, match="still has sessions"):
        command_handlers.remove_channel("admin", "Web")(house.engine.ahead, house.context())


async def arm_a_rule_about_one_queue(house: House) -> None:
    faults = FaultInjector(house.engine.published, house.engine.clock, ClockBarriers(), {})
    await faults.add("when any is Waiting for t499: lan off")


async def change_a_setting_of_a_small_group(house: House) -> None:
    house.publish(organization.TechnicianMoved(at=NOON, name="t499", group="Small"))
    house.publish(
        organization.SettingsChanged(at=NOON, owner="group:Small", periods={"idle_timeout": timedelta(minutes=3)})
    )
    assert house.engine.schedule.is_out_of_date
    await house.engine.catch_up_in_portions()
    assert not house.engine.schedule.is_out_of_date


async def add_a_technician(house: House) -> None:
    house.publish(organization.TechnicianAdded(at=NOON, name="new", group="Small"))
    assert not house.engine.schedule.is_out_of_date


async def scrape_the_metrics(house: House) -> None:
    attachments: Any = ()
    journal: Any = SimpleNamespace(followers=0)
    assert MeasuredServer(house.engine, attachments, journal).gauges(house.counts)


async def wait_until_the_consoles_have_seen_all(house: House) -> None:
    house.engine.watch.publish(house.engine.published.revision, {"t499": update()})
    watcher = next(iter(house.engine.watch.watchers_of("t499")))
    house.engine.watch.take(watcher)
    house.engine.watch.delivered(watcher)
    await house.engine.watch.settled(house.engine.published.revision, timeout=5)


ACTS = (
    scrape_the_metrics,
    wait_until_the_consoles_have_seen_all,
    change_a_setting_of_a_small_group,
    add_a_technician,
    sweep_without_anything_to_remove,
    sweep_that_removes_two,
    end_a_session,
    remove_a_channel_in_use,
    arm_a_rule_about_one_queue,
)


async def test_a_setting_of_all_sessions_is_applied_in_portions(monkeypatch: pytest.MonkeyPatch) -> None:
    """Between two portions others have their turn; a command waits, and finds the new deadlines."""
    house = house_of(FEW)
    house.publish(
        organization.SettingsChanged(
            at=NOON, owner="group:Support", periods={"connecting_timeout": timedelta(minutes=1)}
        )
    )
    longest = 0

    async def others() -> None:
        nonlocal longest
        while house.engine.schedule.is_out_of_date:
            before = house.steps.taken
            await asyncio.sleep(0)
            longest = max(longest, house.steps.taken - before)

    await asyncio.gather(house.engine.catch_up_in_portions(), others())
    assert 0 < longest <= 5 * PORTION


async def look_at_all_that_were_loaded(house: House) -> None:
    await house.retention.sweep()


async def list_the_sessions_for_the_public_api(house: House) -> None:
    listed = ListedSessions(house.engine)
    await listed.prepare()
    assert len(listed.messages(NOON)) == len(house.engine.published.sessions), "all ended in the last hour"


async def gather_the_sessions_of_a_report(house: House) -> None:
    found = [session.id async for session, _ in ended_sessions(house.engine, NOON, NOON + timedelta(days=1))]
    assert len(found) == MANY // 2
    assert found == sorted(found, key=int)


@pytest.mark.parametrize(
    "act",
    [look_at_all_that_were_loaded, list_the_sessions_for_the_public_api, gather_the_sessions_of_a_report],
    ids=lambda act: act.__name__,
)
async def test_what_looks_at_all_sessions_lets_others_run_in_between(act: Act) -> None:
    house, turns = house_of(MANY), 0
    work = asyncio.ensure_future(act(house))
    while not work.done():
        await asyncio.sleep(0)
        turns += 1
    await work
    assert turns >= MANY / 1_000


@pytest.mark.parametrize("act", ACTS, ids=lambda act: act.__name__)
async def test_the_steps_of_an_act_do_not_grow_with_the_sessions(act: Act) -> None:
    few, many = await steps_of(act, FEW), await steps_of(act, MANY)
    assert many <= few + 10, (few, many)


async def test_the_real_time_that_a_session_is_settled_counts_also_while_the_clock_stands() -> None:
    house = house_of(10)
    await house.retention.sweep()
    house.real += timedelta(days=31).total_seconds()
    house.engine.clock.pause()
    assert await house.retention.sweep() == 5


async def test_what_is_counted_as_it_changes_is_what_there_is() -> None:
    house, counted = house_of(50), SessionCounts()
    counted.begin(house.engine.published.sessions.values())
    assert +house.counts.links == counted.links
    assert +house.counts.statuses == counted.statuses
