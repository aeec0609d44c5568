"""Worlds and TLS: a server that speaks it can be visited, and a world's own server is not mistaken for one."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

import pytest

from rescue_common.processes.child import Program
from rescue_common.state_directory import Access
from rescue_emulator.testing import World
from rescue_server.startup.certificates import make_certificates


@pytest.fixture(autouse=True)
def own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("RESCUE_")]:
        monkeypatch.delenv(name)


@pytest.mark.parametrize("told_by", ["the environment", pytest.param("the state directory", marks=pytest.mark.long)])
async def test_a_server_that_wants_certificates_is_visited(
    told_by: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    state, tls = tmp_path / "state", tmp_path / "state" / "tls"
    make_certificates(tls)
    files = ("--tls-cert", str(tls / "server.pem"), "--tls-key", str(tls / "server.key"))
    options = ("--data", str(state), "--paused", "--json", *files, "--tls-client-ca", str(tls / "ca.pem"))
    server = await Program.start("server", "rescue_server", *options)
    try:
        await server.event("ready", timeout=30)
        access = Access.read(state)
        if told_by == "the environment":
            monkeypatch.setenv("RESCUE_DATA", str(tmp_path / "none"))
            monkeypatch.setenv("RESCUE_SERVER", access.server)
            monkeypatch.setenv("RESCUE_SECRET", access.secrets["admin"])
            for name, file in (("CA", "ca.pem"), ("CERT", "client.pem"), ("KEY", "client.key")):
                monkeypatch.setenv(f"RESCUE_TLS_{name}", str(tls / file))
        async with World.external(data=state if told_by == "the state directory" else None) as world:
            async with world.share() as guest:
                assert (await guest.clock.show()).paused
            alice = await world.technician("alice")
            session, pin = await alice.pin("Customer")
            await world.computer(pin=pin)
            await alice.sees(session, "Waiting")
    finally:
        await server.stop()


async def test_a_world_gives_its_own_server_certificates(tmp_path: Path) -> None:
    tls = tmp_path / "state" / "tls"
    make_certificates(tls)
    options = ("--tls-cert", str(tls / "server.pem"), "--tls-key", str(tls / "server.key"))
    async with World(data=tmp_path / "state", options=options) as world:
        assert Access.read(world.data).tls is not None
        alice = await world.technician("alice")
        session, pin = await alice.pin("Customer")
        await world.computer(pin=pin)
        await alice.sees(session, "Waiting")
        await world.restart_server()
        await alice.start(session)
        async with world.share() as guest:
            assert (await guest.clock.show()).paused


async def test_a_world_of_its_own_does_not_mind_how_others_are_reached(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_certificates(tmp_path)
    monkeypatch.setenv("RESCUE_TLS_CA", str(tmp_path / "ca.pem"))
    monkeypatch.setenv("RESCUE_SECRET", "somebody else's")
    async with World() as world, world.share() as guest:
        alice = await guest.technician("alice")
        await alice.pin("Customer")
        assert (await world.clock.show()).paused


@pytest.mark.long
async def test_a_command_with_a_server_of_its_own_does_not_either(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_certificates(tmp_path)
    monkeypatch.setenv("RESCUE_TLS_CA", str(tmp_path / "ca.pem"))
    command = [sys.executable, "-m", "rescue_emulator"]
    process = await asyncio.create_subprocess_exec(
        *(*command, "exec", "--", *command, "clock"), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    out, err = await asyncio.wait_for(process.communicate(), 60)
    assert (process.returncode, b"paused" in out) == (0, True), err
