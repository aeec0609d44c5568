"""The link, as everybody sees it: LAN losses and reboots that really happen, while the clock stands still."""

from __future__ import annotations

import asyncio
import os
import signal
from datetime import timedelta
from pathlib import Path

import pytest

from rescue_emulator.world.technician import Technician
from tests.e2e.conftest import Office

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(90)]

MINUTE = timedelta(minutes=1)
BACK = 30  # real seconds of patience on a busy machine; tests/contract/applet measures the five that are promised


def shown(technician: Technician, session: str) -> list[str]:
    return [update.status for update in technician.history(session)]


def established(server_pid: int) -> set[int]:
    """The inodes of the server's TCP sockets that are ESTABLISHED, as the kernel tells."""
    mine = set()
    for entry in Path(f"/proc/{server_pid}/fd").iterdir():
        target = os.readlink(entry)
        if target.startswith("socket:["):
            mine.add(int(target[8:-1]))
    lines = [
        line for name in ("tcp", "tcp6") for line in Path(f"/proc/{server_pid}/net/{name}").read_text().splitlines()[1:]
    ]
    return {int(fields[9]) for fields in map(str.split, lines) if fields[3] == "01" and int(fields[9]) in mine}


async def test_a_pulled_cable_leaves_the_servers_socket_established(office: Office) -> None:
    before = established(office.world.server.pid)
    session, computer = await office.active()
    of_the_applet = established(office.world.server.pid) - before
    assert of_the_applet
    await computer.lan_off()
    await office.world.advance(minutes=1)
    await office.alice.sees(session, "Reconnecting")
    await office.world.advance(minutes=5)
    await office.alice.sees(session, "Offline")
    assert of_the_applet & established(office.world.server.pid), "no FIN and no RST came through a pulled cable"
    await computer.lan_on()
    await office.alice.sees(session, "Active", timeout=BACK)
    lost, offline = office.alice.history(session)[-3:-1]
    assert offline.at - lost.at == 5 * MINUTE
    await office.alice.command("end", session)


async def test_a_blip_shows_nothing_at_all(office: Office) -> None:
    session, computer = await office.active()
    before, revision = shown(office.alice, session), office.alice.history(session)[-1].revision
    async with computer.lan_off():
        await office.world.advance(seconds=59)
    await office.world.advance(seconds=59)
    await office.world.sync()
    assert shown(office.alice, session) == before
    assert office.alice.history(session)[-1].revision == revision
    await office.alice.command("end", session)


async def test_a_reboot_ends_the_applets_process_and_another_comes_back(office: Office) -> None:
    session, computer = await office.active(boot_time="2m")
    first = computer.applet_pid
    await office.alice.command("reboot", session)
    await office.alice.sees(session, "Rebooting")
    with pytest.raises(ProcessLookupError):
        await _gone(first)
    await office.world.advance(minutes=10)  # silence while rebooting stays Rebooting, and the boot is waited for
    await office.alice.sees(session, "Active", timeout=BACK)
    assert computer.applet_pid != first
    down, back = office.alice.history(session)[-2:]
    assert (down.status, down.row, back.status, back.row) == ("Rebooting", 11, "Active", 52)
    assert timedelta(minutes=1, seconds=59) <= back.at - down.at < timedelta(minutes=10)
    await office.alice.command("end", session)


async def test_hours_leave_a_live_applet_alive_and_a_dead_one_goes_at_its_due_times(office: Office) -> None:
    living, alive = await office.active()
    dying, cut_off = await office.active()
    before = shown(office.alice, living)
    now = (await office.world.clock.show()).now
    await cut_off.lan_off()
    await office.world.advance(hours=8)
    assert shown(office.alice, living) == before
    lost, offline = office.alice.history(dying)[-2:]
    assert (lost.status, offline.status) == ("Reconnecting", "Offline")
    assert lost.at - now <= MINUTE
    assert offline.at - lost.at == 5 * MINUTE
    await cut_off.lan_on()
    await office.alice.sees(dying, "Active", timeout=BACK)
    for session in (living, dying):
        await office.alice.command("end", session)
    assert await alive.ended(BACK) == 0


async def test_closing_without_a_lan_is_two_changes_when_it_is_back(office: Office) -> None:
    session, computer = await office.active()
    await computer.lan_off()
    await computer.close()
    await office.world.advance(minutes=1)
    await office.alice.sees(session, "Reconnecting")
    await computer.lan_on()
    await office.alice.sees(session, "Closed", timeout=BACK)
    lost, back, closed = office.alice.history(session)[-3:]
    assert [change.status for change in (lost, back, closed)] == ["Reconnecting", "Active", "Closed"]
    assert lost.revision < back.revision < closed.revision
    assert await computer.ended(BACK) == 0
    await office.alice.command("end", session)


async def test_a_reboot_without_a_lan_reaches_the_server_as_silence(office: Office) -> None:
    session, computer = await office.active()
    first = computer.applet_pid
    await computer.lan_off()
    await computer.reboot("30s")
    await office.world.advance(minutes=2)
    await office.alice.sees(session, "Reconnecting")
    await computer.program.until(
        lambda: True if computer.applet_pid != first else None, timeout=BACK, what="another applet"
    )
    await computer.lan_on()
    await office.alice.sees(session, "Active", timeout=BACK)
    assert shown(office.alice, session)[-3:] == ["Active", "Reconnecting", "Active"]
    await office.alice.command("end", session)


async def test_an_order_from_before_the_loss_is_dropped(office: Office) -> None:
    session, computer = await office.active()
    first = computer.applet_pid
    await computer.lan_off()
    await office.alice.command("reboot", session)
    await office.world.advance(minutes=1)
    await office.alice.sees(session, "Reconnecting")
    await computer.lan_on()
    await office.alice.sees(session, "Active", timeout=BACK)
    # Whatever the cable still held has been delivered before what the customer writes now.
    await computer.chat("am I still here?")
    await office.alice.program.event(lambda e: e.get("event") == "chat" and e.get("session") == session, BACK)
    assert shown(office.alice, session)[-2:] == ["Reconnecting", "Active"]
    assert not [event for event in computer.program.events if event.get("event") == "rebooting"]
    assert computer.applet_pid == first
    # The next order is obeyed.
    await office.alice.command("reboot", session)
    await office.alice.sees(session, "Rebooting", timeout=BACK)
    await office.alice.command("end", session)


async def test_an_order_in_a_blip_is_carried_out_after_it(office: Office) -> None:
    session, computer = await office.active()
    async with computer.lan_off():
        await office.alice.command("reboot", session)
    await office.alice.sees(session, "Rebooting", timeout=BACK)
    assert shown(office.alice, session)[-2:] == ["Active", "Rebooting"]
    await office.alice.command("end", session)


async def test_a_killed_applet_is_back_and_nothing_was_ever_shown(office: Office) -> None:
    session, computer = await office.active()
    before, first = shown(office.alice, session), computer.applet_pid
    assert first is not None
    os.kill(first, signal.SIGKILL)
    await computer.program.until(
        lambda: True if computer.applet_pid != first else None, timeout=BACK, what="another applet"
    )
    await computer.chat("hello again")
    await office.alice.program.event(lambda e: e.get("event") == "chat" and e.get("session") == session, BACK)
    await office.world.advance(minutes=2)
    assert shown(office.alice, session) == before
    await office.alice.command("end", session)


async def test_an_unplugged_computer_goes_offline_and_harms_nobody_else(office: Office) -> None:
    gone, unplugged = await office.active()
    other, computer = await office.active()
    before = shown(office.alice, other)
    await unplugged.program.kill()
    await office.world.advance(minutes=6)
    assert shown(office.alice, gone)[-2:] == ["Reconnecting", "Offline"]
    assert shown(office.alice, other) == before
    for session in (gone, other):
        await office.alice.command("end", session)
    assert await computer.ended(BACK) == 0


async def test_who_comes_back_to_an_ended_session_is_told_and_exits_cleanly(office: Office) -> None:
    session, computer = await office.active()
    await computer.lan_off()
    await office.world.advance(minutes=1)
    await office.alice.sees(session, "Reconnecting")
    await office.alice.command("end", session)
    await computer.lan_on()
    assert await computer.ended(BACK) == 0
    assert computer.program.events[-1]["event"] == "ended"


async def test_what_runs_out_during_a_reboot_is_shown_on_the_return(office: Office) -> None:
    """Two changes with two revisions at the same instant."""
    await office.world.set("group:Support", idle_timeout="1m")
    try:
        session, computer = await office.active(boot_time="3m")
        await office.alice.command("reboot", session)
        await office.alice.sees(session, "Rebooting")
        await office.world.advance(minutes=3)
        await office.alice.sees(session, "Timed Out", timeout=BACK)
        _, active, timed_out = office.alice.history(session)[-3:]
        assert (active.row, timed_out.row) == (52, 9)
        assert active.at == timed_out.at
        assert active.revision < timed_out.revision
        await office.world.advance(minutes=4)
        assert office.alice.status(session) == "Timed Out"  # row 61
        await office.alice.command("end", session)
        assert await computer.ended(BACK) == 0
    finally:
        await office.world.set("group:Support", idle_timeout="0")


async def _gone(pid: int | None) -> None:
    """Raise ProcessLookupError once there is no such process (a zombie is none)."""
    assert pid is not None
    async with asyncio.timeout(BACK):
        while True:
            os.kill(pid, 0)
            if _is_zombie(pid):
                raise ProcessLookupError
            await asyncio.sleep(0.05)


def _is_zombie(pid: int) -> bool:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
