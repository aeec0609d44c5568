"""Applets that are attached at a server that does not lead."""

from __future__ import annotations

import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from rescue_emulator.world.cluster_programs import ClusterPrograms
from rescue_emulator.world.computer import Computer
from rescue_emulator.world.technician import Technician
from rescue_emulator.world.world import World

pytestmark = pytest.mark.timeout(120)


@pytest.fixture
async def cluster(tmp_path: Path) -> AsyncIterator[ClusterPrograms]:
    programs = ClusterPrograms(tmp_path, servers=2, nodes=1, options=["--paused"])
    try:
        await programs.open()
        yield programs
    finally:
        await programs.close()


@pytest.fixture
async def edge(cluster: ClusterPrograms) -> str:
    (follows,) = set(cluster.names) - {await cluster.next_leader()}
    return follows


@pytest.fixture
async def world(cluster: ClusterPrograms, edge: str) -> AsyncIterator[World]:
    """Programs that know the edge alone."""
    visiting = World.external(server=cluster.address_of(edge), data=cluster.data(edge), share=False)
    async with visiting:
        yield visiting


async def attached(world: World) -> tuple[Technician, Computer, str]:
    alice = await world.technician("alice")
    session, pin = await alice.pin("Ms Vos")
    computer = await world.computer(pin=pin)
    await alice.start(session)
    return alice, computer, session


async def shows(computer: Computer, text: str) -> None:
    """Wait until the customer sees a line of the chat."""
    await computer.event(lambda event: event.get("text") == text, timeout=20)


def links(computer: Computer) -> list[str]:
    """Return what the applet said of its connection."""
    return [str(event["state"]) for event in computer.program.events if event.get("event") == "link"]


async def test_an_applet_answers_for_hours_of_an_advance(world: World) -> None:
    alice, computer, session = await attached(world)
    await world.advance(hours=3)
    assert alice.status(session) == "Active"
    await alice.hold(session)
    await alice.start(session)
    await alice.chat(session, "still there?")
    await shows(computer, "still there?")


async def test_the_leaders_death_is_not_noticed_by_an_applet(cluster: ClusterPrograms, world: World) -> None:
    alice, computer, session = await attached(world)
    before = links(computer)
    await cluster.kill_server()
    await alice.chat(session, "good morning")
    await shows(computer, "good morning")
    await computer.chat("hello")
    await alice.hold(session)
    await alice.start(session)
    await world.advance(hours=1)
    assert alice.status(session) == "Active"
    assert links(computer) == before
    assert "Reconnecting" not in [update.status for update in alice.history(session)]


async def test_what_an_applet_reports_while_nobody_leads_is_not_lost(cluster: ClusterPrograms, world: World) -> None:
    alice, computer, _session = await attached(world)
    killed = await cluster.next_leader()
    os.kill(cluster.programs[killed].pid, signal.SIGSTOP)
    await computer.chat("is anybody there?")
    await cluster.kill_server(killed)
    await alice.program.event(lambda event: event.get("text") == "is anybody there?", 20)
    await alice.sync()
    said = [event["text"] for event in alice.program.events if event.get("event") == "chat"]
    assert said == ["is anybody there?"]


async def test_an_applet_loses_its_lan_and_reboots_at_an_edge(world: World) -> None:
    alice, computer, session = await attached(world)
    async with computer.lan_off():
        await world.advance(minutes=1)
        await alice.sees(session, "Reconnecting")
        await world.advance(minutes=10)
        await alice.sees(session, "Offline")
    await alice.sees(session, "Active")
    await computer.reboot("30s")
    await alice.sees(session, "Rebooting")
    await world.advance(seconds=40)
    await alice.sees(session, "Active")


async def test_rules_about_heartbeats_hold_at_an_edge(world: World) -> None:
    alice, _, session = await attached(world)
    await world.faults.add(f"lose next 1000 heartbeats at {session}")
    await world.advance(minutes=1)
    await alice.sees(session, "Reconnecting")
    await world.faults.clear()
    await alice.sees(session, "Active")
