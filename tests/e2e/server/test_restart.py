"""A server that goes away and comes back, in order or not: all is as it was, and consoles go on by themselves."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
import pytest_asyncio

from rescue_emulator.world.technician import Technician
from rescue_emulator.world.world import World

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(90)]

BACK = 30  # real seconds of patience on a busy machine


@pytest_asyncio.fixture(loop_scope="module")
async def world() -> AsyncIterator[World]:
    async with World() as world:
        yield world


def seen_once(technician: Technician) -> None:
    """No update twice: each console's updates have growing revisions, and each begins where the last one ended."""
    revisions = [
        e["revision"] for e in technician.program.events if e.get("event") == "entry" and not e.get("snapshot")
    ]
    assert revisions == sorted(revisions)
    for session in technician.sessions:
        updates = technician.history(session)
        assert [update.previous for update in updates[1:]] == [update.status for update in updates[:-1]]
    assert sum(e.get("event") == "snapshot-end" for e in technician.program.events) == 1, "resumed, not begun anew"


async def test_every_session_queue_pin_setting_timer_and_the_clock_are_as_they_were(world: World) -> None:
    alice, bob = await asyncio.gather(world.technician("alice"), world.technician("bob"))
    await world.set("group:Support", waiting_timeout="30m", terms="")
    waiting, pin = await alice.pin("Waits")
    first = await world.computer(pin=pin)
    active, pin = await alice.pin("Talks")
    second = await world.computer(pin=pin)
    await alice.command("start", active)
    await alice.command("invite", active, "bob")
    await bob.sees(active, "Invitation")
    await bob.command("start", active)
    await alice.command("lead", active, "offer", "bob")
    await alice.command("open", active, "file-manager")
    lost, pin = await alice.pin("Loses the network")
    third = await world.computer(pin=pin)
    await third.lan_off()
    await world.advance(minutes=2)
    await alice.sees(lost, "Reconnecting")
    unused, unused_pin = await alice.pin("Comes later")
    before = [(await one.command("queue"))["entries"] for one in (alice, bob)]
    settings, now = await world.set("group:Support", idle_timeout="0"), (await world.clock.show())

    await world.server.kill()
    await world.restart_server()

    await asyncio.gather(alice.sync(), bob.sync())
    assert [(await one.command("queue"))["entries"] for one in (alice, bob)] == before
    assert await world.set("group:Support", idle_timeout="0") == settings
    assert await world.clock.show() == now
    # The PIN is still good, the offer stands, and orders reach the applets again.
    late = await world.computer(pin=unused_pin)
    await alice.sees(unused, "Waiting", timeout=BACK)
    await bob.command("lead", active, "accept")
    await bob.sees(active, "Active")
    # The timers go on: three minutes of the five, and twenty-eight of the thirty, were left.
    await world.advance(minutes=28)
    offline = next(update for update in alice.history(lost) if update.status == "Offline")
    reconnecting = next(update for update in alice.history(lost) if update.status == "Reconnecting")
    assert offline.at - reconnecting.at == timedelta(minutes=5)
    assert alice.status(waiting) == "Removed from TC queue"
    assert alice.history(waiting)[-1].at == alice.history(waiting)[1].at + timedelta(minutes=30)
    await third.lan_on()
    # The waiting time-out, which went on counting while it was lost, may have come meanwhile.
    assert alice.status(lost) in ("Offline", "Removed from TC queue")
    await asyncio.gather(alice.sync(), bob.sync())
    seen_once(alice)
    seen_once(bob)
    assert await first.ended(BACK) == 0
    for computer in (second, late):
        assert computer.program.status is None


async def test_an_orderly_restart_loses_no_command_and_no_update(world: World) -> None:
    alice = await world.technician("alice")
    session, pin = await alice.pin()
    computer = await world.computer(pin=pin)
    await alice.sees(session, "Waiting")
    assert await world.server.stop() == 0
    starting = asyncio.create_task(alice.command("start", session))  # waits for the server, with its request id
    await alice.program.event(lambda e: e.get("event") == "server" and e["state"] == "lost", BACK)
    await world.restart_server()
    await starting
    await alice.sees(session, "Active")
    await computer.chat("still here")
    await alice.program.event("chat", BACK)
    seen_once(alice)


async def test_who_was_in_focus_has_five_real_seconds_to_come_back(world: World) -> None:
    alice, bob = await asyncio.gather(world.technician("alice"), world.technician("bob"))
    await world.set("group:Support", idle_timeout="1m")
    session, pin = await alice.pin()
    await world.computer(pin=pin)
    await alice.command("start", session)
    await alice.command("invite", session, "bob")
    await bob.sees(session, "Invitation")
    await bob.command("start", session)
    await world.server.kill()
    await alice.program.kill()
    await world.restart_server()
    back_at = time.monotonic()
    await bob.sync()
    while bob.status(session) == "Collaborating":
        assert time.monotonic() - back_at < BACK
        await world.advance(minutes=1)
        await asyncio.sleep(0.2)
    assert time.monotonic() - back_at > 4.5, "until then alice counted as in focus"
    assert bob.status(session) == "Closed"  # alice timed out; bob, whose console came back, did not


async def test_a_console_that_is_killed_is_out_of_focus_and_harms_nobody(world: World) -> None:
    alice, bob = await asyncio.gather(world.technician("alice"), world.technician("bob"))
    await world.set("group:Support", idle_timeout="1m")
    session, pin = await alice.pin()
    computer = await world.computer(pin=pin)
    await alice.command("start", session)
    await alice.command("invite", session, "bob")
    await bob.sees(session, "Invitation")
    await bob.command("start", session)
    await world.advance(minutes=10)
    assert bob.status(session) == "Collaborating"
    await bob.program.kill()
    async with asyncio.timeout(BACK):  # the server has to notice that the connection is gone
        while [p["technician"] for p in await _participants(alice, session)] != ["alice"]:
            await world.advance(minutes=1)
    assert alice.status(session) == "Active"
    assert computer.program.status is None
    again = await world.technician("bob")
    assert again.status(session) is None


async def _participants(technician: Technician, session: str) -> list[dict[str, object]]:
    entries = (await technician.command("queue"))["entries"]
    return next(list(entry["participants"]) for entry in entries if entry["session"] == session)
