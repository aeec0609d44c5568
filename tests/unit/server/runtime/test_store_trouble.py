"""What the engine does when storing fails: nothing is half done, and what time brings comes when there is room."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from rescue_protos.errors import STORAGE_ERRORS, StorageFull, StorageUnavailable
from rescue_server.clock import ServerClock
from rescue_server.core import commands, customer_side, decide, organization
from rescue_server.core.events import LinkLost, SessionHeld
from rescue_server.core.status import Link
from rescue_server.core.timers import SessionDeadline
from rescue_server.runtime import command_handlers, setting_handlers
from rescue_server.runtime.attachments import Attachments
from rescue_server.runtime.engine import Engine, Outcome, Request, live_engine
from rescue_server.runtime.presence import Presence
from rescue_server.runtime.schedule.live import LiveSchedule
from rescue_server.runtime.schedule.timekeeper import Timekeeper
from rescue_server.runtime.state import EngineState
from rescue_server.store import JournalUnreadable, MemoryStore, StoredAnswer, StoredEvent, StoreFull, StoreUnavailable
from rescue_server.store.protocol import ClockMark

NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def first_deadline(engine: Engine) -> SessionDeadline | None:
    """The first deadline, leases apart."""
    assert isinstance(engine.schedule, LiveSchedule)
    return engine.schedule.deadlines.first()


class Disk(MemoryStore):
    """Takes nothing while it is full."""

    full = False
    refused = 0

    def append(
        self, events: Sequence[StoredEvent], answers: Sequence[StoredAnswer] = (), clock: ClockMark | None = None
    ) -> None:
        if self.full:
            self.refused += 1
            raise StoreFull(path=None)  # type: ignore[arg-type]
        super().append(events, answers, clock)


class Office:
    """An engine and its timekeeper, with one waiting session whose applet will never answer."""

    def __init__(self) -> None:
        self.disk = Disk()
        self.clock = ServerClock(start=NOON, paused=True)
        self.engine = live_engine(self.disk, self.clock)
        self.timekeeper = Timekeeper(self.engine, Attachments())
        self.session = ""

    async def open(self) -> None:
        await self.engine.perform(
            lambda desk, context: Outcome(
                events=[
                    organization.GroupAdded(at=NOON, name="Support"),
                    organization.TechnicianAdded(at=NOON, name="alice", group="Support"),
                ]
            )
        )
        self.session = (await self.engine.perform(command_handlers.create_pin("alice", "", lambda: "111111"))).session
        await self.engine.perform(command_handlers.redeem_pin("111111", "", "hash"))
        await self.engine.perform(command_handlers.of_applet(self.session, customer_side.on_attach))

    @property
    def link(self) -> Link:
        return self.engine.published.sessions[self.session].link


@pytest.fixture
async def office() -> AsyncIterator[Office]:
    found = Office()
    running = asyncio.create_task(found.engine.run())
    await found.open()
    yield found
    found.disk.full = False
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await found.engine.close()


async def test_a_lost_link_that_could_not_be_stored_keeps_its_due_time(office: Office) -> None:
    office.engine.schedule.leases.confirm_expired([office.session])
    due = office.engine.schedule.leases.due(office.session)
    office.clock.move_to(NOON + MINUTE)
    office.disk.full = True
    for _ in range(3):
        office.engine.catch_up()
        await office.engine.flush()
        assert office.link is Link.CONNECTED
        assert office.engine.schedule.leases.due(office.session) == due
        assert office.engine.schedule.leases.is_confirmed_expired(office.session)
    office.disk.full = False
    office.engine.catch_up()
    await office.engine.flush()
    assert office.link is Link.RECONNECTING
    lost = office.engine.published.sessions[office.session]
    assert lost.link_since == NOON + MINUTE


async def test_an_advance_is_refused_before_time_moves_and_works_once_there_is_room(office: Office) -> None:
    office.disk.full = True
    with pytest.raises(STORAGE_ERRORS) as caught:
        await office.timekeeper.advance(10 * MINUTE)
    assert isinstance(caught.value, StorageFull)
    assert office.clock.now() == NOON
    office.disk.full = False
    await office.timekeeper.advance(MINUTE)
    assert office.link is Link.RECONNECTING


async def test_a_disk_that_fills_up_during_an_advance_stops_it_there(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    confirm_expired = office.engine.schedule.leases.confirm_expired

    def judge_and_fill_up(sessions: Iterable[str]) -> None:
        confirm_expired(sessions)
        office.disk.full = True

    monkeypatch.setattr(office.engine.schedule.leases, "confirm_expired", judge_and_fill_up)
    with pytest.raises(STORAGE_ERRORS):
        await office.timekeeper.advance(10 * MINUTE)
    monkeypatch.undo()
    assert office.clock.now() == NOON + MINUTE
    office.disk.full = False
    await office.timekeeper.advance(5 * MINUTE)
    assert office.link is Link.OFFLINE


async def test_a_pace_that_cannot_be_stored_is_not_taken(office: Office) -> None:
    office.disk.full = True
    with pytest.raises(STORAGE_ERRORS):
        await office.timekeeper.run_at(60)
    assert office.clock.read().paused
    office.disk.full = False
    await office.timekeeper.run_at(60)
    office.disk.full = True
    with pytest.raises(STORAGE_ERRORS):
        await office.timekeeper.pause()
    assert not office.clock.read().paused
    assert office.clock.speed == 60


async def test_a_session_that_could_not_be_stored_leaves_nothing_behind(office: Office) -> None:
    office.disk.full = True

    def come_and_join(desk: EngineState, context: decide.Context) -> Outcome:
        [created] = decide.create_pin(session="1002", technician="alice", pin="222222", customer="", context=context)
        after = desk.apply(created).after
        assert after is not None
        events = [created, *customer_side.redeem_pin(after, ticket_hash="hash", customer="", context=context)]
        desk.forget("1002")
        desk.revision -= 1
        return Outcome(events=events)

    creating = asyncio.ensure_future(office.engine.perform(come_and_join))
    await asyncio.sleep(0)
    joining = asyncio.ensure_future(office.engine.perform(command_handlers.of_applet("1002", customer_side.on_attach)))
    for refused in await asyncio.gather(creating, joining, return_exceptions=True):
        assert isinstance(refused, STORAGE_ERRORS)
    assert "1002" not in office.engine.ahead.sessions
    assert "1002" not in list(office.engine.schedule.leases)
    office.disk.full = False
    await office.timekeeper.advance(3 * MINUTE)


async def test_a_setting_that_could_not_be_stored_moves_no_deadline(office: Office) -> None:
    made = await office.engine.perform(command_handlers.create_pin("alice", "", lambda: "333333"))
    before = first_deadline(office.engine)
    office.disk.full = True
    with pytest.raises(STORAGE_ERRORS):
        await office.engine.perform(
            setting_handlers.change_settings("admin", "group:Support", {"connecting_timeout": MINUTE})
        )
    assert first_deadline(office.engine) == before
    assert made.session in office.engine.published.sessions


async def test_a_refused_command_may_be_repeated_and_takes_effect_once(office: Office) -> None:
    request = Request(principal="alice", id="r1", fingerprint="f")
    start = command_handlers.command(commands.StartSession(technician="alice", session=office.session))
    office.disk.full = True
    with pytest.raises(STORAGE_ERRORS):
        await office.engine.perform(start, request)
    office.disk.full = False
    first, again = await asyncio.gather(*(office.engine.perform(start, request) for _ in range(2)))
    assert first == again == await office.engine.perform(start, request)


async def test_a_caller_who_goes_away_tears_nothing_in_two(office: Office) -> None:
    request = Request(principal="alice", id="r1", fingerprint="f")
    start = command_handlers.command(commands.StartSession(technician="alice", session=office.session))
    asking = asyncio.create_task(office.engine.perform(start, request))
    await asyncio.sleep(0)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    answer = await office.engine.perform(start, request)
    await office.engine.flush()
    assert office.engine.store.answer("alice", "r1") is not None
    assert answer.revision == office.engine.published.revision


async def test_timers_that_cannot_be_stored_are_tried_once_a_second_and_no_more(office: Office) -> None:
    office.engine.schedule.leases.confirm_expired([office.session])
    office.clock.move_to(NOON + MINUTE)
    office.disk.full = True
    running = asyncio.create_task(office.timekeeper.run())
    await asyncio.sleep(1.2)
    assert 1 <= office.disk.refused <= 4
    running.cancel()


async def test_one_console_that_returns_out_of_focus_does_not_speak_for_the_others() -> None:
    told: list[tuple[str, bool]] = []

    async def tell(technician: str, focused: bool) -> None:
        told.append((technician, focused))

    presence = Presence(tell)
    presence.assume(frozenset({"alice"}))
    await presence.set("alice", "second", False)
    await presence.set("alice", "first", True)
    assert told == []
    await presence.set("alice", "first", False)
    assert told == [("alice", False)]


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b'{"type":"SessionFrozen","session":"1001","at":"2026-03-04T12:00:00Z"}', "SessionFrozen"),
        (b"{", "truncated"),
        (b"[]", "object"),
    ],
)
def test_an_event_that_means_nothing_is_named_at_start(body: bytes, why: str) -> None:
    store = MemoryStore()
    store.append([StoredEvent(revision=1, at=NOON, stream="1001", body=body)])
    with pytest.raises(JournalUnreadable, match=r"event 1 of the journal \(1001\).*--restore") as caught:
        live_engine(store, ServerClock(start=NOON, paused=True)).load()
    assert why in caught.value.why


@pytest.mark.parametrize(
    "event",
    [SessionHeld(session="1001", at=NOON, technician="alice"), LinkLost(session="1001", at=NOON, period=MINUTE)],
)
def test_an_event_that_fits_to_nothing_is_named_at_start(event: SessionHeld | LinkLost) -> None:
    store = MemoryStore()
    store.append([StoredEvent(revision=1, at=NOON, stream="1001", body=msgspec.json.encode(event))])
    with pytest.raises(JournalUnreadable, match="event 1"):
        live_engine(store, ServerClock(start=NOON, paused=True)).load()


@pytest.mark.parametrize(("is_uncertain", "reason"), [(True, "OUTCOME_UNKNOWN"), (False, "STORE_UNAVAILABLE")])
async def test_only_what_is_certain_is_said_of_a_commit_that_failed(
    office: Office, monkeypatch: pytest.MonkeyPatch, is_uncertain: bool, reason: str
) -> None:
    def fail(*_: object) -> None:
        raise StoreUnavailable(path=Path("store"), cause="a test", is_uncertain=is_uncertain)

    monkeypatch.setattr(office.disk, "append", fail)
    with pytest.raises(StorageUnavailable) as refused:
        await office.engine.perform(command_handlers.create_pin("alice", "", lambda: "222222"))
    assert refused.value.reason == reason
    assert ("nothing changed" in str(refused.value)) is not is_uncertain
