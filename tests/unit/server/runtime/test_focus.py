"""A change of focus is recorded in every session in which it stops an idle clock, and delays nobody's command."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime

import pytest

from rescue_server.clock import ServerClock
from rescue_server.core import commands, customer_side
from rescue_server.core import organization as core_organization
from rescue_server.core.events import FocusChanged
from rescue_server.runtime import command_handlers
from rescue_server.runtime.engine import Engine, Outcome, live_engine
from rescue_server.runtime.focus import PORTION, record_focus
from rescue_server.runtime.hooks import Hooks
from rescue_server.runtime.state import AnyEvent, read_event
from rescue_server.store.memory import MemoryStore

START = datetime.fromisoformat("2026-01-01T00:00:00+00:00")
SESSIONS = 20 * PORTION


@dataclass
class Office:
    """An engine with alice, who is in focus as the test says, and many sessions that they lead."""

    engine: Engine
    store: MemoryStore
    in_focus: frozenset[str] = frozenset()

    def focus(self, focused: bool) -> asyncio.Task[None]:
        self.in_focus = frozenset({"alice"} if focused else ())
        return asyncio.create_task(record_focus(self.engine, "alice", focused))

    @property
    def changes(self) -> list[FocusChanged]:
        return [event for stored in self.store.read() if isinstance(event := read_event(stored), FocusChanged)]

    @property
    def focused(self) -> int:
        led = [session for session in self.engine.published.queue_of("alice") if session.lead]
        return sum(session.entries["alice"].focused for session in led)


@pytest.fixture
async def office() -> AsyncIterator[Office]:
    store = MemoryStore()
    engine = live_engine(store, ServerClock(start=START), hooks=Hooks(in_focus=lambda: found.in_focus))
    found = Office(engine, store)
    engine.load()
    organization: list[AnyEvent] = [
        core_organization.GroupAdded(at=START, name="Support"),
        core_organization.TechnicianAdded(at=START, name="alice", group="Support"),
        core_organization.ChannelAdded(at=START, name="Web", groups=("Support",)),
    ]
    work = asyncio.create_task(engine.run())
    await engine.perform(lambda state, context: Outcome(events=organization))
    starts = (command_handlers.start_through_channel("Web", f"{n}", f"{n}") for n in range(SESSIONS))
    sessions = [done.session for done in await asyncio.gather(*(engine.perform(start) for start in starts))]
    lead = [command_handlers.of_applet(session, customer_side.on_attach) for session in sessions]
    lead += [
        command_handlers.command(commands.StartSession(technician="alice", session=session)) for session in sessions
    ]
    await asyncio.gather(*(engine.perform(handler) for handler in lead))
    yield found
    work.cancel()


async def test_a_command_is_decided_between_two_portions(office: Office) -> None:
    focusing = office.focus(True)
    await asyncio.sleep(0)
    await office.engine.perform(command_handlers.create_pin("alice", "Jan", lambda: "123456"))
    assert PORTION <= len(office.changes) <= 3 * PORTION
    await focusing
    assert (len(office.changes), office.focused) == (SESSIONS, SESSIONS)


async def test_the_last_change_holds_however_they_overtake_each_other(office: Office) -> None:
    changes = []
    for focused in (True, False, True, False, True):
        changes.append(office.focus(focused))
        for _ in range(3):
            await office.engine.perform(command_handlers.create_pin("alice", "Jan", iter(PINS).__next__))
    await asyncio.gather(*changes)
    assert office.focused == SESSIONS
    await office.focus(False)
    assert office.focused == 0


async def test_a_change_that_is_out_of_date_goes_no_further(office: Office) -> None:
    first = office.focus(True)
    await asyncio.sleep(0)
    await office.engine.perform(command_handlers.create_pin("alice", "Jan", lambda: "123456"))
    second = office.focus(False)
    await first
    assert 0 < len([change for change in office.changes if change.focused]) <= 3 * PORTION
    await second
    assert office.focused == 0


async def test_who_waits_brings_the_focus_along_when_they_start_the_session(office: Office) -> None:
    """Hundreds may wait for a session: what their focus does there would be work for nothing."""
    made = await office.engine.perform(command_handlers.create_pin("alice", "Jan", lambda: "123456"))
    await office.engine.perform(command_handlers.redeem_pin("123456", "", "hash"))
    await office.engine.perform(command_handlers.of_applet(made.session, customer_side.on_attach))
    await office.focus(True)
    assert made.session not in {change.session for change in office.changes}
    assert not office.engine.published.sessions[made.session].entries["alice"].focused
    start = command_handlers.command(commands.StartSession(technician="alice", session=made.session))
    await office.engine.perform(start)
    assert office.engine.published.sessions[made.session].entries["alice"].focused
    assert office.focused == SESSIONS + 1


PINS = [f"{number:06d}" for number in range(100)]
