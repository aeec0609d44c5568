"""Clients that know several servers: each uses one while it works, and another one after a failure."""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from rescue_emulator.world.world import World

pytestmark = pytest.mark.timeout(90)


@dataclass(frozen=True, slots=True)
class Twins:
    """Two servers of one history. The second is down, and can take the place of the first."""

    first: World
    second: World
    both: World
    """Its programs know both addresses."""

    async def replace(self) -> None:
        """Kill the first server; the second one goes on from what it stored."""
        await self.first.kill_server()
        shutil.copytree(self.first.data, self.second.data, dirs_exist_ok=True)
        await self.second.restart_server()


@pytest.fixture
async def twins(tmp_path: Path) -> AsyncIterator[Twins]:
    async with World(data=tmp_path / "first") as first, World(data=tmp_path / "second") as second:
        await second.stop_server()
        server = f"{first.address},{second.address}"
        async with World.external(server=server, data=first.data, share=False) as both:
            yield Twins(first, second, both)


async def test_consoles_and_computers_go_on_at_the_other_server(twins: Twins) -> None:
    alice = await twins.both.technician("alice")
    session, pin = await alice.pin("Ms Vos")
    computer = await twins.both.computer(pin=pin)
    await alice.command("start", session)
    await alice.sees(session, "Active")

    await twins.replace()

    await alice.command("hold", session)
    await alice.sees(session, "On Hold")
    await alice.command("start", session)
    await alice.chat(session, "still there?")
    await computer.program.until(
        lambda: next((e for e in computer.program.events if e.get("text") == "still there?"), None),
        timeout=20,
        what="the line of the chat",
    )
    snapshots = sum(e.get("event") == "snapshot-end" for e in alice.program.events)
    assert snapshots == 1, "the other server resumed the watch"
    assert not [e for e in alice.program.events if e.get("status") == "Reconnecting"]


async def test_every_command_that_calls_a_server_finds_the_one_that_answers(twins: Twins) -> None:
    alive, dead = twins.first.address, twins.second.address
    for server in (f"{alive},{dead}", f"{dead},{alive}"):
        where = ["--server", server, "--data", str(twins.first.data)]
        for command in (["clock", "show"], ["health"], ["admin", "show"], ["events", "--json"], ["fault", "list"]):
            done = await asyncio.to_thread(_rescue, *command, *where)
            assert done.returncode == 0, (command, done.stderr)
    nobody = await asyncio.to_thread(_rescue, "health", "--json", "--server", f"{dead},127.0.0.1:1")
    assert nobody.returncode == 1
    assert len(nobody.stderr.splitlines()) == 1
    assert dead in nobody.stderr
    assert "127.0.0.1:1" in nobody.stderr


async def test_the_state_directory_can_name_several(twins: Twins) -> None:
    path = twins.first.data / "access.json"
    access = json.loads(path.read_text())
    path.write_text(json.dumps(access | {"servers": [twins.second.address, twins.first.address]}))
    done = await asyncio.to_thread(_rescue, "clock", "show", "--data", str(twins.first.data))
    assert done.returncode == 0, done.stderr


def _rescue(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "rescue_emulator", *arguments], capture_output=True, text=True, timeout=60, check=False
    )
