"""What is forgotten, and that a store which is used for a week does not grow for ever: with the real store."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from rescue_protos.errors import Unauthenticated
from rescue_server.clock import ServerClock
from rescue_server.core import commands, customer_side
from rescue_server.core import organization as core_organization
from rescue_server.runtime import command_handlers, setting_handlers
from rescue_server.runtime.credentials import hash_ticket
from rescue_server.runtime.engine import Answer, Outcome, Request, live_engine
from rescue_server.runtime.idempotency import Handler
from rescue_server.runtime.retention import KEEP_ANSWERS, MOST_ENDED, WARN_EVERY, Retention
from rescue_server.runtime.state import read_event
from rescue_server.store import STORE_FILE, SqliteStore

NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
DAY = 24 * HOUR


class Office:
    """An engine on a real store, a clock that is moved by hand, and a retention whose real time is, too."""

    def __init__(self, path: Path, *, keep_ended: timedelta = DAY, most_ended: int = MOST_ENDED) -> None:
        store = SqliteStore.open(path / STORE_FILE)
        mark = store.clock()
        self.clock = ServerClock(start=mark.now if mark else NOON, paused=True)
        self.engine = live_engine(store, self.clock)
        self.engine.load()
        self.real = 0.0
        self.retention = Retention(
            self.engine, keep_ended=keep_ended, most_ended=most_ended, real_now=lambda: self.real
        )
        self.engine.subscribe(self.retention)
        self.asked = 0

    async def found(self) -> None:
        await self.engine.perform(
            lambda desk, context: Outcome(
                events=[
                    core_organization.GroupAdded(at=NOON, name="Support"),
                    core_organization.TechnicianAdded(at=NOON, name="alice", group="Support"),
                    core_organization.TechnicianAdded(at=NOON, name="bob", group="Support"),
                ]
            )
        )

    async def ask(self, act: Handler, request: str = "", principal: str = "alice") -> Answer:
        self.asked += 1
        name = request or str(uuid.uuid4())
        return await self.engine.perform(act, Request(principal=principal, id=name, fingerprint="same"))

    async def session(self) -> str:
        """A customer who calls, is helped and goes; returns the session, which nobody sees any more."""
        session = await self.open_session()
        await self.ask(command_handlers.command(commands.StartSession(technician="alice", session=session)))
        await self.ask(
            command_handlers.command(commands.SendChatLine(technician="alice", session=session, text="hello " * 50))
        )
        await self.ask(command_handlers.command(commands.EndSession(technician="alice", session=session)))
        return session

    async def open_session(self) -> str:
        made = await self.ask(command_handlers.create_pin("alice", "Customer", lambda: f"{self.asked:06d}"))
        await self.ask(command_handlers.redeem_pin(made.pin, "Customer", hash_ticket(made.session)), principal="applet")
        await self.engine.perform(command_handlers.of_applet(made.session, customer_side.on_attach))
        return made.session

    async def pass_time(self, by: timedelta) -> None:
        self.clock.hold()
        self.clock.move_to(self.clock.now() + by)
        self.clock.release()
        self.real += by.total_seconds()

    async def sweep_twice(self) -> int:
        """The first notes what is gone, the second forgets it."""
        return await self.retention.sweep() + await self.retention.sweep()


@asynccontextmanager
async def at_work(path: Path, *, keep_ended: timedelta = DAY, most_ended: int = MOST_ENDED) -> AsyncIterator[Office]:
    office = Office(path, keep_ended=keep_ended, most_ended=most_ended)
    running = asyncio.create_task(office.engine.run())
    try:
        yield office
    finally:
        await office.engine.flush()
        running.cancel()
        await office.engine.close()


async def test_a_session_is_forgotten_when_it_ended_long_ago_and_no_queue_shows_it(tmp_path: Path) -> None:
    async with at_work(tmp_path) as office:
        await office.found()
        gone, shown = await office.session(), await office.open_session()
        await office.pass_time(DAY - timedelta(seconds=1))
        assert await office.sweep_twice() == 0
        await office.pass_time(timedelta(seconds=1))
        assert await office.sweep_twice() == 1
        assert set(office.engine.published.sessions) == set(office.engine.ahead.sessions) == {shown}
        assert {event.stream for event in office.engine.store.read()} == {"organization", shown}
        with pytest.raises(Unauthenticated):
            command_handlers.admit(office.engine.published, gone, gone)
    async with at_work(tmp_path) as office:
        assert set(office.engine.published.sessions) == {shown}


async def test_while_the_clock_stands_a_session_is_forgotten_after_as_much_real_time(tmp_path: Path) -> None:
    async with at_work(tmp_path) as office:
        await office.found()
        await office.session()
        shown = await office.open_session()
        office.real += DAY.total_seconds() - 1
        assert await office.sweep_twice() == 0
        office.real += 1
        assert await office.sweep_twice() == 1
        assert set(office.engine.published.sessions) == {shown}
        assert office.clock.now() == NOON


async def test_of_those_that_ended_the_newest_are_kept_also_across_restarts(tmp_path: Path) -> None:
    async with at_work(tmp_path, most_ended=3) as office:
        await office.found()
        sessions = [await office.session() for _ in range(5)]
        shown = await office.open_session()
    async with at_work(tmp_path, most_ended=3) as office:
        assert await office.sweep_twice() == 2
        assert set(office.engine.published.sessions) == {*sessions[2:], shown}
        assert await office.sweep_twice() == 0


async def test_the_log_says_when_sessions_are_forgotten_because_of_their_number(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with at_work(tmp_path, most_ended=3) as office:
        await office.found()
        for _ in range(5):
            await office.session()
        assert await office.sweep_twice() == 2
        assert caplog.messages == [
            "2 ended sessions are forgotten because there are more than 3: reports lack them (--most-ended)"
        ]
        for _ in range(2):  # not each time
            await office.session()
            assert await office.sweep_twice() == 1
        assert len(caplog.messages) == 1
        office.real += WARN_EVERY
        await office.session()
        await office.sweep_twice()
        assert caplog.messages[1].startswith("3 ended sessions are forgotten")
        await office.pass_time(DAY)
        assert await office.sweep_twice() > 0, "of age"
        assert len(caplog.messages) == 2


async def test_while_the_clock_stands_changed_settings_do_not_add_up_either(tmp_path: Path) -> None:
    async with at_work(tmp_path) as office:
        await office.found()
        before = len(list(office.engine.store.read()))
        for day in range(5):
            for minute in range(1, 31):
                await set_idle(office, minute + day)
            await office.retention.sweep()
            office.real += DAY.total_seconds() + 1
        await office.retention.sweep()
        assert len(list(office.engine.store.read())) == before + 1
        assert office.engine.published.organization.idle_timeout("alice") == timedelta(minutes=34)


async def test_a_number_is_never_given_out_twice(tmp_path: Path) -> None:
    async with at_work(tmp_path) as office:
        await office.found()
        sessions = [await office.session() for _ in range(3)]
        await office.pass_time(2 * DAY)
        assert await office.sweep_twice() == 2
    async with at_work(tmp_path) as office:
        assert await office.open_session() == str(int(sessions[-1]) + 1)


async def test_consoles_resume_over_what_was_forgotten_and_after_a_restart_only_behind_it(tmp_path: Path) -> None:
    async with at_work(tmp_path) as office:
        await office.found()
        start = office.engine.published.revision
        gone = await office.session()
        ended = office.engine.published.revision
        await office.open_session()
        await office.pass_time(2 * DAY)
        assert await office.sweep_twice() == 1
        watcher = office.engine.watch.open("alice", "c")
        watcher.after = start
        taken = office.engine.watch.take(watcher)
        assert taken is not None  # what happened is in the ring, forgotten or not
        assert gone in {revised.update.session for revised in taken}
    async with at_work(tmp_path) as office:
        assert office.engine.watch.oldest_resumable("alice") == ended


async def test_an_answer_outlives_every_retry_and_a_report_its_session(tmp_path: Path) -> None:
    async with at_work(tmp_path) as office:
        await office.found()
        session = await office.open_session()
        chat = command_handlers.of_applet(
            session, lambda s, x: customer_side.on_customer_chat(s, text="once", context=x)
        )
        said = await office.ask(chat, "report", principal=f"session:{session}")
        asked = await office.ask(command_handlers.create_pin("alice", "", lambda: "111111"), "pin")
        await office.retention.sweep()
        office.real += KEEP_ANSWERS - 1
        await office.retention.sweep()
        store = office.engine.store
        assert store.answer("alice", "pin") is not None
        office.real += 1
        await office.retention.sweep()
        assert store.answer("alice", "pin") is None
        assert store.answer(f"session:{session}", "report") is not None
        office.engine._requests._remembered.clear()  # as after a restart
        assert (await office.ask(chat, "report", principal=f"session:{session}")).revision == said.revision
        assert asked.session in office.engine.published.sessions


async def test_a_restart_makes_no_answer_older(tmp_path: Path) -> None:
    async with at_work(tmp_path) as office:
        await office.found()
        await office.ask(command_handlers.create_pin("alice", "", lambda: "111111"), "pin")
    async with at_work(tmp_path) as office:
        office.real = 10 * KEEP_ANSWERS  # the machine's clock says nothing about how long ago that was
        await office.retention.sweep()
        assert office.engine.store.answer("alice", "pin") is not None


async def test_who_is_no_technician_any_more_costs_no_memory(tmp_path: Path) -> None:
    def rings(office: Office) -> dict[str, int]:
        return {name: len(ring.updates) for name, ring in office.engine.watch._rings.items()}

    async with at_work(tmp_path) as office:
        await office.found()
        await office.engine.perform(command_handlers.add_technician("admin", "guest", "Support", "hash"))
        made = await office.ask(command_handlers.create_pin("guest", "", lambda: "111111"), principal="guest")
        await office.ask(
            command_handlers.command(commands.EndSession(technician="guest", session=made.session)), principal="guest"
        )
        assert rings(office) == {"guest": 2}
        await office.engine.perform(command_handlers.remove_technician("admin", "guest"))
        assert rings(office) == {"guest": 0}
    async with at_work(tmp_path) as office:
        assert rings(office) == {"guest": 0}


async def set_idle(office: Office, minutes: int) -> None:
    changes: dict[str, timedelta | str] = {"idle_timeout": timedelta(minutes=minutes)}
    await office.engine.perform(setting_handlers.change_settings("admin", "group:Support", changes))


async def test_changed_settings_do_not_add_up_and_stay_as_they_are(tmp_path: Path) -> None:
    async with at_work(tmp_path) as office:
        await office.found()
        before = len(list(office.engine.store.read()))
        for day in range(40):
            for minute in range(1, 31):
                await set_idle(office, minute + day)
            await office.retention.sweep()
            held = list(office.engine.store.read())
            assert len(held) <= before + 1 + 30, "one that stands for all before, and those of the last day"
            await office.pass_time(DAY)
        assert len(held) == before + 1 + 30
        organization = office.engine.published.organization
    async with at_work(tmp_path) as office:
        assert office.engine.published.organization == organization
        assert office.engine.published.organization.idle_timeout("alice") == timedelta(minutes=69)


async def test_a_session_that_goes_on_keeps_the_settings_it_has_seen(tmp_path: Path) -> None:
    async with at_work(tmp_path) as office:
        await office.found()
        session = await office.open_session()
        for minutes in (5, 6, 7):
            await set_idle(office, minutes)
        await office.ask(command_handlers.command(commands.StartSession(technician="alice", session=session)))
        await set_idle(office, 8)
        await set_idle(office, 0)
        await office.pass_time(DAY)
        await office.retention.sweep()
        events = [read_event(stored) for stored in office.engine.store.read()]
    idle = [event.periods["idle_timeout"] for event in events if isinstance(event, core_organization.SettingsChanged)]
    assert idle == [timedelta(minutes=7), timedelta(0)]
    async with at_work(tmp_path) as office:  # the journal is still one that a server starts with
        await office.ask(command_handlers.command(commands.EndSession(technician="alice", session=session)))


async def sizes_of(office: Office) -> tuple[int, int]:
    """Bytes of the store with its log folded in, and of the log before that."""
    store = office.engine.store
    assert isinstance(store, SqliteStore)
    log = store.path.with_name(f"{STORE_FILE}-wal").stat().st_size
    await office.engine.in_store(lambda: store._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall())
    return store.path.stat().st_size, log


@pytest.mark.long
async def test_the_store_levels_off_in_a_week_of_work(tmp_path: Path) -> None:
    sizes: list[int] = []
    logs: list[int] = []
    async with at_work(tmp_path) as office:
        await office.found()
        for _ in range(7):
            for _ in range(24):
                for _ in range(3):
                    await office.session()
                await office.pass_time(HOUR)
                await office.retention.sweep()
            size, log = await sizes_of(office)
            sizes.append(size)
            logs.append(log)
        assert len(office.engine.published.sessions) <= 3 * 27
        held = sum(1 for _ in office.engine.store.read())
    assert held < office.engine.published.revision / 4
    assert sizes[-1] <= sizes[2] * 1.1, sizes
    assert max(logs) < 8 * 2**20, logs
