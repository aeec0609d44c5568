"""Applets that are attached at a server that does not lead."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from typing import TypeAlias

import grpc
import pytest

from rescue_client import Connection, ConsoleClient
from rescue_common.state_directory import find_secret
from rescue_emulator.world.cluster_programs import ClusterPrograms
from rescue_emulator.world.computer import Computer
from rescue_emulator.world.technician import Technician
from rescue_emulator.world.world import World
from rescue_protos.error_details import from_rpc_error
from rescue_protos.errors import InvalidArgument
from rescue_protos.v1 import applet_pb2 as pb
from rescue_protos.v1 import applet_pb2_grpc

pytestmark = pytest.mark.timeout(120)


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
    await alice.chat(session, "welcome back")
    await shows(computer, "welcome back")  # an applet that is not attached again yet reports no reboot
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


async def test_rules_about_heartbeats_hold_at_an_edge_that_leads_by_now(cluster: ClusterPrograms, world: World) -> None:
    alice, _, session = await attached(world)
    await cluster.kill_server()
    await alice.chat(session, "good morning")  # somebody leads
    await world.faults.add(f"lose next 1000 heartbeats at {session}")
    await world.advance(minutes=1)
    await alice.sees(session, "Reconnecting")


async def test_an_applet_with_a_message_that_is_too_large_ends_itself_and_not_the_link(
    cluster: ClusterPrograms, edge: str
) -> None:
    largest = pb.Hello(session="1001", ticket="x" * (256 * 1024 - 20), instance="i")  # that gRPC lets in
    async with grpc.aio.insecure_channel(cluster.address_of(edge)) as channel:
        attachment: Attachment = applet_pb2_grpc.AppletServiceStub(channel).Attach()
        await attachment.write(pb.AttachRequest(hello=largest))
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await attachment.read()
    assert isinstance(from_rpc_error(caught.value), InvalidArgument)


async def test_lines_that_an_applet_has_confirmed_stay_so_when_the_leader_dies(
    cluster: ClusterPrograms, edge: str
) -> None:
    """A line that counts as not confirmed is sent again by each leader, and of those only so many are possible."""
    secret = find_secret("alice", data=cluster.data(edge))
    async with (
        Connection(cluster.address_of(edge), user="alice", secret=secret) as connection,
        grpc.aio.insecure_channel(cluster.address_of(edge)) as channel,
    ):
        console = ConsoleClient(connection)
        created = await console.create_pin("Ms Vos")
        applets = applet_pb2_grpc.AppletServiceStub(channel)
        joined = await applets.RedeemPin(pb.RedeemPinRequest(request_id="join", pin=created.pin, customer="Ms Vos"))
        attachment: Attachment = applets.Attach()
        hello = pb.Hello(session=joined.session, ticket=joined.ticket, instance="i", attempt=1)
        await attachment.write(pb.AttachRequest(hello=hello))
        await attachment.write(
            pb.AttachRequest(report=pb.Report(request_id="yes", terms=pb.TermsAnswer(accepted=True)))
        )
        await told(attachment, "receipt")
        await console.start(joined.session)
        await console.chat(joined.session, "before")
        revision = (await told(attachment, "chat")).chat.revision
        await attachment.write(pb.AttachRequest(heartbeat=pb.Heartbeat(number=1, chat_after=revision)))
        await told(attachment, "heartbeat_reply")
        await cluster.kill_server()
        await console.chat(joined.session, "after")
        assert (await told(attachment, "chat")).chat.text == "after"


Attachment: TypeAlias = "grpc.aio.StreamStreamCall[pb.AttachRequest, pb.AttachResponse]"


async def told(attachment: Attachment, kind: str) -> pb.AttachResponse:
    """Return the next message of this kind."""
    async with asyncio.timeout(20):
        while True:
            message = await attachment.read()
            assert isinstance(message, pb.AttachResponse)
            if message.WhichOneof("message") == kind:
                return message
