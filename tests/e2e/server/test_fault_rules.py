"""Fault rules through World and the command line: bound to a moment, to a role, and to nobody but administrators."""

from __future__ import annotations

import asyncio
import json
import os
import sys

import grpc
import pytest

from rescue_client.channel import SignedInChannel, open_channel
from rescue_common.state_directory import Access
from rescue_emulator.world.technician import CommandRefused
from rescue_emulator.world.world import World
from rescue_protos.error_details import from_rpc_error
from rescue_protos.errors import InvalidArgument, NotFound, PermissionDenied
from rescue_protos.v1 import fault_pb2, fault_pb2_grpc


async def rescue(world: World, *arguments: str) -> tuple[int, list[str], str]:
    """Run `rescue` at the world's server; return exit status, lines and stderr."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "rescue_emulator", *arguments, "--data", str(world.data)),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={name: value for name, value in os.environ.items() if not name.startswith("RESCUE_")},
    )
    out, err = await process.communicate()
    assert process.returncode is not None
    return process.returncode, out.decode().splitlines(), err.decode()


async def test_a_status_cuts_the_lan_and_a_reboot_kills_the_applet() -> None:
    async with World() as world:
        alice, bob = await world.technician("alice"), await world.technician("bob")
        session, pin = await alice.pin("Customer")
        computer = await world.computer(pin=pin, boot_time="20s")
        await world.faults.add(f"when {session} becomes Active for bob: lan off")
        rule = await world.faults.add(f"when {session} becomes Active for alice: lan off for 70s")
        assert (rule.state, rule.fired_at) == ("armed", None)

        await alice.start(session)
        await world.advance(seconds=60)
        await alice.sees(session, "Reconnecting")
        await world.advance(seconds=10)
        await alice.sees(session, "Active")
        states = {rule.number: rule.state for rule in await world.faults.all()}
        assert states == {1: "armed", 2: "spent"}

        await world.faults.add(f"when {session} becomes Rebooting: kill applet")
        first = computer.applet_pid
        await computer.reboot()
        await world.advance(seconds=20)
        await alice.sees(session, "Active")
        started = [event["pid"] for event in computer.program.events if event["event"] == "applet"]
        assert len(started) == 3, "the applet after the reboot died, and another took its place"
        assert started[0] == first

        # Already so: at once; and of a session that nobody names.
        await world.faults.add("when any is Active for alice: kill applet")
        await computer.event(lambda e: e["event"] == "applet" and e["pid"] not in started, timeout=30)
        del bob


async def test_calls_of_a_role_fail_and_are_delayed_and_their_replies_get_lost() -> None:
    async with World() as world:
        alice, bob = await world.technician("alice"), await world.technician("bob")
        session, pin = await alice.pin("Customer")
        computer = await world.computer(pin=pin)
        await world.faults.add("fail next 2 StartSession of alice with RESOURCE_EXHAUSTED")
        for _ in range(2):
            with pytest.raises(CommandRefused, match="RESOURCE_EXHAUSTED"):
                await alice.start(session)
        await alice.start(session)
        await alice.sees(session, "Active")

        # Carried out once, though the first reply is lost and the console has to ask again.
        await world.faults.add("lose next reply of SendChat of alice")
        await alice.chat(session, "hello")
        await computer.event("chat")
        await alice.invite(session, "bob")
        await bob.start(session)
        await alice.chat(session, "hello again")
        await computer.event(lambda e: e["event"] == "chat" and e["text"] == "hello again")
        said = [event["text"] for event in computer.program.events if event["event"] == "chat"]
        assert said == ["hello", "hello again"]

        # The second call from now on is the moment; then alice's hold waits for emulated time.
        await world.faults.add("when SyncQueue of bob is called 2 times: delay next HoldSession by 30s")
        await bob.sync()
        assert (await world.faults.all())[-1].state == "armed"
        await bob.sync()
        holding = asyncio.create_task(alice.hold(session))
        async with asyncio.timeout(20):
            while (await world.faults.all())[-1].state != "spent":  # noqa: ASYNC110 - the server tells nobody
                await asyncio.sleep(0.02)
        assert alice.status(session) == "Active"
        await world.advance(seconds=30)
        await holding
        await alice.sees(session, "On Hold")


@pytest.mark.long
async def test_heartbeats_and_their_replies_get_lost() -> None:
    async with World() as world:
        alice = await world.technician("alice")
        session, pin = await alice.pin("Customer")
        computer = await world.computer(pin=pin)
        await world.faults.add(f"lose next heartbeat reply at {session}")
        await computer.event(lambda e: e["event"] == "link" and e["state"] == "lost", timeout=30)
        await world.faults.add(f"lose next heartbeat at {session}")
        await computer.event(lambda e: e["event"] == "link" and e["state"] == "lost", timeout=30)
        assert {rule.state for rule in await world.faults.all()} == {"spent"}
        assert alice.status(session) == "Waiting", "a transport that breaks alone changes no status"


async def test_rules_are_for_administrators_and_bad_ones_are_refused() -> None:
    async with World() as world:
        for bad in ("explode", "when 1001 is Active for nobody: lan off"):
            with pytest.raises((InvalidArgument, NotFound)):
                await world.faults.add(bad)
        with pytest.raises(NotFound, match="fault list"):
            await world.faults.clear(9)
        assert await world.faults.all() == []
        async with open_channel(world.address) as channel:
            alice = SignedInChannel(channel, user="alice", secret=Access.read(world.data).secrets["alice"])
            stub = fault_pb2_grpc.FaultServiceStub(channel)
            with pytest.raises(PermissionDenied):
                await alice.call(lambda _, m: stub.ListFaults(fault_pb2.ListFaultsRequest(), metadata=m))
            with pytest.raises(grpc.RpcError) as refused:
                await stub.ListFaults(fault_pb2.ListFaultsRequest())
            assert from_rpc_error(refused.value).code == "UNAUTHENTICATED"

        status, lines, _ = await rescue(world, "fault", "add", "when 1001 becomes Active: lan off for 40s", "--json")
        assert status == 0
        assert json.loads(lines[0]) == {
            "number": 1,
            "rule": "when 1001 becomes Active: lan off for 40s",
            "state": "armed",
            "fired_at": None,
            "left": 0,
        }
        status, lines, _ = await rescue(world, "fault", "list")
        assert status == 0
        assert "when 1001 becomes Active: lan off for 40s  (armed)" in lines[0]
        status, _, stderr = await rescue(world, "fault", "add", "when it rains: lan off")
        assert status == 1
        assert "possible: 1001 becomes Active" in stderr
        status, lines, _ = await rescue(world, "fault", "clear", "--json")
        assert (status, json.loads(lines[0])) == (0, {"removed": 1})
