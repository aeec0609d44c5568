"""How leases are judged and an advance is walked, with applets that answer and applets that do not."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from rescue_common.emulated_time import END_OF_TIME
from rescue_server.clock import ServerClock
from rescue_server.core import customer_side, organization
from rescue_server.core.events import LinkLost
from rescue_server.runtime import command_handlers, engine
from rescue_server.runtime.applet_orders import Probe
from rescue_server.runtime.attachments import AppletConnection, Attachments
from rescue_server.runtime.engine import Outcome, Request, live_engine
from rescue_server.runtime.schedule import roll_call, timekeeper
from rescue_server.runtime.schedule.live import LiveSchedule
from rescue_server.runtime.schedule.timekeeper import Timekeeper
from rescue_server.runtime.state import AnyEvent, AppliedEvent, read_event
from rescue_server.store.memory import MemoryStore
from rescue_server.store.protocol import Store

NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)
PATIENCE = 20  # real seconds on a busy machine


class Signal:
    """A subscriber that says when something was published."""

    def __init__(self, published: asyncio.Event) -> None:
        self._published = published

    def on_applied(self, applied: AppliedEvent) -> None:
        self._published.set()


async def ordered(attachment: AppletConnection) -> None:
    """Wait until something is in the outbox."""
    news = asyncio.Event()
    attachment.wake = news.set
    if not attachment.outbox:
        await news.wait()
    attachment.wake = None


class Office:
    """An engine and its timekeeper; the test turns the clock, and answers for the applets or does not."""

    def __init__(self, *, store: Store | None = None, start: datetime = NOON) -> None:
        self.seconds = 0.0
        clock = ServerClock(start=start, monotonic=lambda: self.seconds)
        self.engine = live_engine(store or MemoryStore(), clock)
        self.attachments = Attachments()
        self.keeper = Timekeeper(self.engine, self.attachments)
        self.work: list[asyncio.Future[None]] = [asyncio.ensure_future(self.engine.run())]

    async def stop(self) -> None:
        for task in self.work:
            task.cancel()
        await asyncio.gather(*self.work, return_exceptions=True)

    async def applet(self, *, answers: bool) -> tuple[str, AppletConnection]:
        """Attach an applet now; return its session."""
        pin = f"{self.engine.published.last_session:06}"
        session = (await self.engine.perform(command_handlers.create_pin("alice", "", lambda: pin))).session
        await self.engine.perform(command_handlers.redeem_pin(pin, "", "hash"))
        await self.engine.perform(command_handlers.of_applet(session, customer_side.on_attach))
        attachment = self.attachments.take_place(session, "i", 1)
        assert attachment is not None
        if answers:
            self.work.append(asyncio.ensure_future(self._answer(attachment)))
        return session, attachment

    async def _answer(self, attachment: AppletConnection) -> None:
        while True:
            await ordered(attachment)
            while attachment.outbox:
                if isinstance(attachment.outbox.pop(0), Probe):
                    self.keeper.renew_lease(attachment.session, answered=True)

    @property
    def losses(self) -> dict[str, datetime]:
        events: list[AnyEvent] = [read_event(stored) for stored in self.engine.store.read()]
        return {event.session: event.at for event in events if isinstance(event, LinkLost)}


@pytest.fixture
async def office() -> AsyncIterator[Office]:
    found = Office()
    events: list[AnyEvent] = [
        organization.GroupAdded(at=NOON, name="Support"),
        organization.TechnicianAdded(at=NOON, name="alice", group="Support"),
    ]
    await found.engine.perform(lambda desk, context: Outcome(events=events))
    yield found
    await found.stop()
    await found.engine.close()


async def test_an_advance_leaves_alive_who_answers_and_ends_who_does_not_at_its_due_time(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(timekeeper, "ANSWER_WITHIN", 0.1)
    monkeypatch.setattr(roll_call, "ANSWER_WITHIN", 0.1)
    lively, _ = await office.applet(answers=True)
    silent, _ = await office.applet(answers=False)
    office.seconds = 7.0
    later, _ = await office.applet(answers=False)
    async with asyncio.timeout(PATIENCE):
        await office.keeper.advance(timedelta(hours=3))
    assert office.losses == {silent: NOON + 60 * SECOND, later: NOON + 67 * SECOND}
    assert office.engine.schedule.leases.due(lively) == NOON + timedelta(hours=3) + 67 * SECOND


async def test_a_command_wakes_nobody_unless_something_falls_due_earlier(office: Office) -> None:
    changed = office.engine.schedule.changed
    await office.applet(answers=False)
    office.work.append(asyncio.ensure_future(office.keeper.run()))
    await asyncio.sleep(0.05)
    assert not changed.is_set()
    await office.engine.perform(command_handlers.create_pin("alice", "", lambda: "999999"))
    assert not changed.is_set(), "its PIN expires after the lease of the applet"
    await office.applet(answers=False)
    assert changed.is_set(), "a lease begins, and its probe may be the next"


def once(number: int) -> Request:
    return Request(principal="admin", id=f"request {number}", fingerprint="")


async def test_a_repeated_advance_happens_once(office: Office) -> None:
    hour = timedelta(hours=1)
    await asyncio.gather(office.keeper.advance(hour, once(1)), office.keeper.advance(hour, once(1)))
    assert office.engine.clock.now() == NOON + hour
    await office.keeper.advance(hour, once(2))
    await office.keeper.advance(hour, once(1))
    assert office.engine.clock.now() == NOON + 2 * hour


async def test_a_repeat_goes_on_where_the_first_one_was_cut_short(office: Office) -> None:
    """The server dies at a barrier in the middle of an advance. Its next start has the target in the store."""
    hour = timedelta(hours=1)
    session, _ = await office.applet(answers=True)
    office.keeper.barriers.add(NOON + hour / 2, session)
    there = asyncio.Event()
    office.engine.clock.on_change(lambda: there.set() if office.engine.clock.now() == NOON + hour / 2 else None)
    advance = asyncio.ensure_future(office.keeper.advance(hour, once(1)))
    async with asyncio.timeout(PATIENCE):
        await there.wait()
    advance.cancel()
    await asyncio.gather(advance, return_exceptions=True)
    await office.engine.flush()

    successor = Office(store=office.engine.store, start=NOON + hour / 4)
    try:
        successor.engine.load()
        async with asyncio.timeout(PATIENCE):
            await successor.keeper.advance(hour, once(1))
        assert successor.engine.clock.now() == NOON + hour
    finally:
        await successor.stop()


async def test_nobody_waits_for_an_applet_whose_computer_says_that_it_cannot_answer(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(roll_call, "ANSWER_WITHIN", 10 * PATIENCE)
    lively, _ = await office.applet(answers=True)
    cut_off, _ = await office.applet(answers=False)
    office.keeper.cable_reported(cut_off, carries=False)
    async with asyncio.timeout(PATIENCE):
        await office.keeper.advance(timedelta(hours=3))
    assert office.losses == {cut_off: NOON + 60 * SECOND}
    assert office.engine.schedule.leases.due(lively) == NOON + timedelta(hours=3) + 60 * SECOND


async def test_an_applet_that_can_answer_again_has_its_time(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(roll_call, "ANSWER_WITHIN", 10 * PATIENCE)
    session, attachment = await office.applet(answers=False)
    office.keeper.cable_reported(session, carries=False)
    office.keeper.cable_reported(session, carries=True)
    advance = asyncio.ensure_future(office.keeper.advance(timedelta(hours=3)))
    async with asyncio.timeout(PATIENCE):
        await ordered(attachment)
        await asyncio.sleep(3 * roll_call.CUT_OFF_WITHIN)
        assert not office.losses
        office.keeper.renew_lease(session, answered=True)
        await advance
    assert not office.losses


@pytest.mark.parametrize("leaves", [True, False], ids=["its connection ends", "its cable is cut"])
async def test_an_answer_counts_until_something_happens_to_the_applet(
    office: Office, monkeypatch: pytest.MonkeyPatch, leaves: bool
) -> None:
    """It answers at the first roll call. Ten minutes later its computer does something, and it answers no more."""
    monkeypatch.setattr(roll_call, "ANSWER_WITHIN", 0.1)
    session, attachment = await office.applet(answers=True)
    barrier = office.keeper.barriers.add(NOON + 600 * SECOND, session)

    def happen() -> None:
        if office.engine.clock.now() == barrier.due:
            office.work.pop().cancel()
            if leaves:
                office.attachments.leave(attachment)
            office.keeper.barriers.release(barrier)
            forget()

    forget = office.engine.clock.on_change(happen)
    async with asyncio.timeout(PATIENCE):
        await office.keeper.advance(timedelta(hours=3))
    assert office.losses == {session: NOON + 660 * SECOND}


async def test_what_falls_due_at_one_moment_is_applied_in_portions_and_before_any_command(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "PORTION", 5)
    sessions = [(await office.applet(answers=False))[0] for _ in range(50)]
    office.engine.schedule.leases.confirm_expired(sessions)
    office.seconds = 60.0
    turns: list[int] = []

    def turn() -> None:
        turns.append(office.engine.ahead.revision)
        if len(turns) < 100:
            asyncio.get_running_loop().call_soon(turn)

    turn()
    catching_up = asyncio.ensure_future(office.engine.catch_up_in_portions())
    await asyncio.sleep(0)
    answer = await office.engine.perform(command_handlers.create_pin("alice", "", lambda: "999999"))
    assert await catching_up == 50
    assert answer.revision > max(event.revision for event in office.engine.store.read() if b"LinkLost" in event.body)
    assert len(set(turns)) >= 10, "others have their turn in between"


async def steps_of_an_advance(office: Office, applets: int) -> float:
    """Return how often an advance over so many silent applets looked at a lease, for each of them."""
    for _ in range(applets):
        office.seconds += 0.01
        await office.applet(answers=False)
    schedule = office.engine.schedule
    assert isinstance(schedule, LiveSchedule)
    looked, look = 0, schedule._reconnect_period

    def count(session: str) -> timedelta:
        nonlocal looked
        looked += 1
        return look(session)

    schedule.leases._period_of = count
    async with asyncio.timeout(PATIENCE):
        await office.keeper.advance(timedelta(hours=24))
    at = [stored.at for stored in office.engine.store.read()]
    assert at == sorted(at)
    assert sorted(office.losses.values()) == list(office.losses.values())
    assert len(office.losses) == len(office.engine.published.sessions)
    return looked / applets


async def test_an_advance_does_not_look_longer_at_each_applet_the_more_there_are(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(roll_call, "ANSWER_WITHIN", 0.0)
    few = await steps_of_an_advance(office, 30)
    many = await steps_of_an_advance(office, 300)
    assert many <= 1.2 * few, (few, many)


async def test_each_barrier_goes_out_two_seconds_ahead_also_while_another_is_unanswered(office: Office) -> None:
    first, to_first = await office.applet(answers=False)
    office.seconds = 1.0
    _, to_second = await office.applet(answers=False)
    assert office.keeper.next_probe() == NOON + 58 * SECOND
    office.seconds = 58.5
    office.work.append(asyncio.ensure_future(office.keeper.run()))
    async with asyncio.timeout(PATIENCE):
        await ordered(to_first)
    assert [type(order) for order in to_first.outbox] == [Probe]
    assert not to_second.outbox
    assert office.keeper.next_probe() == NOON + 59 * SECOND, "it must not wait until the first is judged"
    office.keeper.renew_lease(first, answered=True)
    assert office.keeper.next_probe() == NOON + 59 * SECOND


async def test_a_lease_is_not_judged_before_its_barrier_had_its_time(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The clock has jumped past the due time: it is held there until the judgement, and goes on from there."""
    monkeypatch.setattr(timekeeper, "ANSWER_WITHIN", 0.1)
    monkeypatch.setattr(roll_call, "ANSWER_WITHIN", 0.1)
    monkeypatch.setattr(roll_call, "BACK_WITHIN", 0.0)
    lively, _ = await office.applet(answers=True)
    silent, _ = await office.applet(answers=False)
    office.seconds = 61.0
    office.work.append(asyncio.ensure_future(office.keeper.run()))
    stepped = asyncio.Event()
    office.engine.subscribe(Signal(stepped))
    async with asyncio.timeout(PATIENCE):
        await stepped.wait()
    assert set(office.losses) == {silent}
    assert office.engine.schedule.leases.due(lively) == NOON + 121 * SECOND
    assert not office.engine.clock.read().standing


async def test_nothing_is_remembered_of_barriers_to_sessions_that_ended(office: Office) -> None:
    session, attachment = await office.applet(answers=False)
    office.seconds = 59.0
    office.work.append(asyncio.ensure_future(office.keeper.run()))
    async with asyncio.timeout(PATIENCE):
        await ordered(attachment)
    leases = office.engine.schedule.leases
    assert leases.probed_at(session) is not None
    await office.engine.perform(command_handlers.of_applet(session, customer_side.on_goodbye))
    another, attachment = await office.applet(answers=False)
    office.seconds += 59.0
    office.engine.schedule.changed.set()
    async with asyncio.timeout(PATIENCE):
        await ordered(attachment)
    assert leases.probed_at(session) is None
    assert leases.probed_at(another) is not None


async def test_the_end_of_the_calendar_is_said_and_nothing_else_stops(
    office: Office, caplog: pytest.LogCaptureFixture
) -> None:
    office.seconds = 1e12
    office.work.append(asyncio.ensure_future(office.keeper.run()))
    session, _ = await office.applet(answers=False)
    assert office.engine.schedule.leases.due(session) == END_OF_TIME + 60 * SECOND
    assert not office.work[-1].done()
    assert caplog.text.count("the end of its calendar") == 1


async def test_a_server_whose_loop_was_blocked_for_long_counts_as_one_that_was_away(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(timekeeper, "MARK_CLOCK", 0.01)
    monkeypatch.setattr(timekeeper, "LATE", 0.1)
    office.work.append(asyncio.ensure_future(office.keeper.mark_regularly()))
    await asyncio.sleep(0)
    assert not office.keeper._roll_calls.in_grace
    asyncio.get_running_loop().call_soon(time.sleep, 0.2)
    await asyncio.sleep(0.02)
    assert office.keeper._roll_calls.in_grace
