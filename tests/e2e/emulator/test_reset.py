"""`rescue reset`: every session ends, every queue is empty, and all else stays as it was."""

from __future__ import annotations

import asyncio
import json
import os
import sys

import grpc
import pytest

from rescue_common.state_directory import Access
from rescue_emulator.testing import World
from rescue_protos.v1 import access_pb2, access_pb2_grpc, admin_pb2, admin_pb2_grpc


async def rescue(world: World, *arguments: str) -> str:
    process = await asyncio.create_subprocess_exec(
        *[sys.executable, "-m", "rescue_emulator", *arguments],
        env={**os.environ, "RESCUE_DATA": str(world.data)},
        stdout=asyncio.subprocess.PIPE,
    )
    out, _ = await asyncio.wait_for(process.communicate(), 30)
    assert process.returncode == 0
    return out.decode()


async def test_all_sessions_end_and_people_secrets_and_settings_stay() -> None:
    async with World() as world:
        alice, bob = await world.technician("alice"), await world.technician("bob")
        await world.set("group:Support", idle_timeout="7m")
        await alice.pin("Waits for nobody")
        held, pin = await alice.pin("Is on hold")
        computer = await world.computer(pin=pin)
        await alice.start(held)
        await alice.hold(held)
        given, pin = await alice.pin("Is handed over")
        await world.computer(pin=pin)
        await alice.start(given)
        await alice.transfer(given, bob)
        closed, pin = await alice.pin("Closes the applet")
        leaving = await world.computer(pin=pin)
        await alice.start(closed)
        await leaving.close()
        await alice.sees(closed, "Closed")
        await bob.sees(given, "Incoming")
        before, access = await world.admin.organization(), Access.read(world.data)

        assert json.loads(await rescue(world, "reset", "--json"))["sessions"] == 4

        assert [await alice.queue(), await bob.queue()] == [[], []]
        await computer.ended()
        after = await world.admin.organization()
        assert (after.groups, after.channels, after.administrators) == (
            before.groups,
            before.channels,
            before.administrators,
        )
        assert Access.read(world.data) == access
        await alice.sync()
        assert [update.row for update in alice.history(held)][-2:] == [16, 10]  # it is resumed to be ended
        assert "admin reset the server" in await rescue(world, "why", held)
        assert json.loads(await rescue(world, "reset", "--json"))["sessions"] == 0
        await alice.pin("The next lesson")


async def test_a_reset_that_is_repeated_ends_nothing_that_was_opened_after_it() -> None:
    async with World() as world, grpc.aio.insecure_channel(world.address) as channel:
        alice = await world.technician("alice")
        secret = Access.read(world.data).secrets["admin"]
        signed_in = await access_pb2_grpc.AccessServiceStub(channel).SignIn(
            access_pb2.SignInRequest(user="admin", secret=secret)
        )
        request = admin_pb2.ResetSessionsRequest(request_id="the lesson's end")

        async def reset() -> admin_pb2.ResetSessionsResponse:
            stub = admin_pb2_grpc.AdminServiceStub(channel)
            return await stub.ResetSessions(request, metadata=(("authorization", f"Bearer {signed_in.token}"),))

        for number in range(45):  # more than one portion
            await alice.pin(f"Customer {number}")
        assert (await reset()).sessions == 45
        assert await alice.queue() == []
        opened, _ = await alice.pin("Of the next lesson")
        assert (await reset()).sessions == 45
        assert [entry.session for entry in await alice.queue()] == [opened]


async def test_a_guest_cannot_end_the_sessions_of_others() -> None:
    async with World() as host, World.external(data=host.data, share=True) as guest:
        with pytest.raises(RuntimeError, match="external server"):
            await guest.admin.reset_sessions()
