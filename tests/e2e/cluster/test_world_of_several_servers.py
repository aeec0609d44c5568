"""A world of several servers: a test kills the server that leads, or a node of the engine, and its subject goes on."""

from __future__ import annotations

from functools import partial

import pytest

from rescue_common.processes.child import Event
from rescue_emulator.world.sync import SyncWorld
from rescue_emulator.world.world import World

pytestmark = pytest.mark.timeout(180)


@pytest.mark.long
async def test_a_server_and_a_node_are_killed_and_come_back() -> None:
    async with World(servers=3, nodes=3, seed=1) as world:
        alice = await world.technician("alice")
        session, pin = await alice.pin("Ms Vos")
        computer = await world.computer(pin=pin)
        await alice.start(session)
        await world.kill_server()
        await alice.hold(session)
        await world.kill_node()
        await alice.start(session)
        await world.restart_server()
        await world.kill_server()
        async with computer.lan_off():
            await world.advance(minutes=1)
            await alice.sees(session, "Reconnecting")
        await alice.sees(session, "Active")
        starts = [event for event in alice.program.events if event.get("event") == "snapshot-end"]
        assert len(starts) == 1, "a console resumes, and needs no second snapshot"
        assert "node n" in world.report()


def test_without_await_the_next_server_leads() -> None:
    with SyncWorld(servers=2, nodes=1) as world:
        session, _ = world.technician("alice").pin("Ms Vos")
        killed = world.server
        world.kill_server()
        assert killed.status is not None
        alice = world.technicians[0]
        alice.pin("Mr Berg")
        assert session in alice.sessions
        assert world.stop_server() == 0


def _says(text: str, event: Event) -> bool:
    return event.get("text") == text


async def test_a_server_that_does_not_lead_is_killed_and_comes_back() -> None:
    async with World(servers=3, nodes=1, seed=1) as world:
        leader = world.server
        alice = await world.technician("alice")
        session, pin = await alice.pin("Ms Vos")
        computer = await world.computer(pin=pin)
        await alice.start(session)
        for left in (1, 0):
            await world.kill_edge()
            assert world.server.name != leader.name
            assert world.server.status is not None
            await alice.chat(session, f"{left} left")  # whoever is attached again is judged, and not before
            await computer.event(partial(_says, f"{left} left"), timeout=20)
            async with computer.lan_off():
                await world.advance(minutes=1)
                await alice.sees(session, "Reconnecting")
            await alice.sees(session, "Active")
            assert len([name for name in ("s1", "s2", "s3") if f"server {name}, which" in world.report()]) == 2 - left
        assert leader.status is None
        with pytest.raises(ValueError, match="no server follows: restart_server"):
            await world.kill_edge()
        await world.restart_server()
        with pytest.raises(ValueError, match=f"{leader.name} does not follow: these do: s., s."):
            await world.kill_edge(leader.name)


async def test_a_world_of_one_server_has_no_node_and_no_edge() -> None:
    async with World() as world:
        with pytest.raises(ValueError, match=r"World\(servers=3, nodes=3\)"):
            await world.kill_node()
        with pytest.raises(ValueError, match=r"World\(servers=3, nodes=3\)"):
            await world.kill_edge()


def test_several_servers_have_their_own_state_directory() -> None:
    with pytest.raises(ValueError, match="state directories of its own"):
        World(servers=2, data="somewhere")
