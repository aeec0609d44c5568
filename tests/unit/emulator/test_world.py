"""A world of real processes: each test is a story that a customer's call could be."""

from __future__ import annotations

import os
import re
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from rescue_common.state_directory import Access
from rescue_emulator.testing import CommandRefused, NotSeen, World
from rescue_protos.errors import InvalidArgument

if TYPE_CHECKING:
    from tests.unit.emulator.conftest import Rescue


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with World() as found:
        yield found


def is_running(pid: int | None) -> bool:
    assert pid is not None
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


async def test_a_call_with_a_network_loss(world: World) -> None:
    alice = await world.technician("alice")
    session, pin = await alice.pin("Customer")
    await alice.sees(session, "Connecting")
    computer = await world.computer(pin=pin)
    assert computer.session == session
    await alice.sees(session, "Waiting")
    await alice.command("start", session)
    await alice.sees(session, "Active")
    async with computer.lan_off():
        await world.advance(minutes=1)
        await alice.sees(session, "Reconnecting")
    await alice.sees(session, "Active")
    await computer.close()
    await alice.sees(session, "Closed")
    assert await computer.ended() == 0
    rows = [update.row for update in alice.history(session)]
    assert [update.status for update in alice.history(session)] == [
        "Connecting",
        "Waiting",
        "Active",
        "Reconnecting",
        "Active",
        "Closed",
    ]
    assert rows[0] is None
    assert all(isinstance(row, int) for row in rows[1:])


async def test_a_reboot_starts_another_applet_process(world: World) -> None:
    alice = await world.technician("alice", lang="nl")
    session, pin = await alice.pin()
    computer = await world.computer(pin=pin, boot_time="45s")
    await alice.sees(session, "Waiting")
    first = computer.applet_pid
    await computer.reboot()
    await alice.sees(session, "Rebooting")
    await world.advance(seconds=45)
    await alice.sees(session, "Waiting")
    assert computer.applet_pid != first
    assert alice.history(session)[-2].label != "Rebooting"


async def test_advance_returns_when_the_consoles_have_shown_the_effects(world: World) -> None:
    alice = await world.technician("alice")
    session, _ = await alice.pin()
    await world.set("group:Support", connecting_timeout=timedelta(minutes=3))
    before = (await world.clock.show()).now
    reading = await world.advance(minutes=3)
    assert reading.now - before == timedelta(minutes=3)
    assert alice.status(session) == "Removed from TC queue"
    assert alice.history(session)[-1].at == reading.now


async def test_a_bad_setting_is_refused_with_the_range(world: World) -> None:
    with pytest.raises(InvalidArgument, match="999"):
        await world.set("group:Support", idle_timeout="1000m")


async def test_the_organization_is_changed_from_the_command_line(world: World, rescue: Rescue) -> None:
    async def run(*arguments: str) -> str:
        done = await rescue("admin", *arguments, "--data", str(world.data))
        assert (done.status, "Warning" in done.err) == (0, False), done.err
        return done.out.strip()

    await run("add", "group", "Night")
    secret = await run("add", "technician", "erin", "--group", "Support", "--show-secret")
    assert Access.read(world.data).secrets["erin"] == secret
    erin = await world.technician("erin")
    renewed = await run("renew-secret", "erin", "--show-secret")
    assert Access.read(world.data).secrets["erin"] == renewed != secret
    await erin.program.stop()
    await run("move", "technician", "erin", "--group", "Night")
    await run("add", "channel", "Late", "--group", "Night", "--group", "Network")
    await run("add", "administrator", "root")
    await run("set", "group:Night", "idle-timeout=2m", "terms=Be kind")
    organization = await world.admin.organization()
    night = next(group for group in organization.groups if group.name == "Night")
    assert night.technicians == ("erin",)
    assert night.settings.periods["idle-timeout"] == timedelta(minutes=2)
    assert night.settings.terms == "Be kind"
    assert next(c for c in organization.channels if c.name == "Late").groups == ("Network", "Night")
    assert organization.administrators == ("admin", "root")
    await run("set", "group:Night", "terms=")
    await run("remove", "technician", "erin")
    night = next(g for g in (await world.admin.organization()).groups if g.name == "Night")
    assert (night.technicians, night.settings.terms) == ((), "")


async def test_a_channel_serves_all_its_technicians(world: World) -> None:
    alice, dave = await world.technician("alice"), await world.technician("dave")
    computer = await world.computer(channel="Web", name="Visitor")
    assert computer.session is not None
    await alice.sees(computer.session, "Waiting")
    await dave.sees(computer.session, "Waiting")
    await dave.command("start", computer.session)
    await alice.sees(computer.session, "Removed from TC queue")
    with pytest.raises(CommandRefused):
        await alice.command("start", computer.session)


async def test_everything_goes_on_after_a_crash_of_the_server(world: World) -> None:
    alice = await world.technician("alice")
    session, pin = await alice.pin()
    await world.computer(pin=pin)
    await alice.sees(session, "Waiting")
    await world.advance(seconds=1)
    address, before = world.address, (await world.clock.show()).now
    await world.kill_server()
    await world.restart_server()
    assert world.address == address
    assert before <= (await world.clock.show()).now < before + timedelta(seconds=30)
    await alice.command("start", session)
    await alice.sees(session, "Active")
    await world.advance(seconds=1)
    assert [update.status for update in alice.history(session)] == ["Connecting", "Waiting", "Active"]


async def test_a_failure_tells_what_everybody_saw(world: World) -> None:
    alice = await world.technician("alice")
    session, _ = await alice.pin()
    with pytest.raises(NotSeen) as unseen:
        await alice.sees(session, "Active", timeout=0.2)
    text = str(unseen.value)
    assert text.startswith("alice saw 'Connecting' of session")
    assert re.search(rf"\n  \d\d:\d\d:\d\d   {session} #\d+: alice Connecting: alice created", text)
    assert "server | " in text


async def test_nothing_is_left_behind() -> None:
    async with World() as world:
        alice = await world.technician("alice")
        _, pin = await alice.pin()
        computer = await world.computer(pin=pin)
        data, programs = world.data, [world.server, alice.program, computer.program]
        applet = computer.applet_pid
        assert is_running(applet)
    assert not data.exists()
    assert [program.status for program in programs] == [0, 0, 0]
    assert not is_running(applet)


async def test_a_given_state_directory_is_kept_and_used_again(tmp_path: Path) -> None:
    async with World(data=tmp_path) as world:
        alice = await world.technician("alice")
        session, _ = await alice.pin()
    async with World(data=tmp_path) as world:
        alice = await world.technician("alice")
        assert alice.status(session) == "Connecting"
        assert alice.history(session) == []


async def test_with_a_speed_time_moves_by_itself() -> None:
    async with World(speed=3600) as world:
        alice = await world.technician("alice")
        session, _ = await alice.pin()
        await alice.sees(session, "Removed from TC queue", timeout=10)
