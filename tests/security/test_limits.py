"""Every limit: what is refused, with which error, and that honest use stays below."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import fields, replace
from pathlib import Path
from types import TracebackType
from typing import TypeAlias

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration
from grpc_health.v1 import health_pb2, health_pb2_grpc

from rescue_client.channel import Metadata
from rescue_protos.errors import ResourceExhausted
from rescue_protos.v1 import (
    admin_pb2,
    admin_pb2_grpc,
    applet_pb2,
    clock_pb2,
    clock_pb2_grpc,
    console_pb2,
    fault_pb2,
    fault_pb2_grpc,
)
from rescue_server.core.organization import NAME_LENGTH
from rescue_server.core.texts import CHAT_LENGTH, COMMENT_LENGTH, CUSTOMER_LENGTH
from rescue_server.rpc.applet_service import INSTANCE_LENGTH
from rescue_server.rpc.clock_service import CLOCK_BARRIERS_EACH
from rescue_server.rpc.console_service import CONSOLE_ID_LENGTH
from rescue_server.rpc.sources import source_of
from rescue_server.runtime.limits import LIMITS, Limits, Pace, Slots
from rescue_server.settings import TERMS_LENGTH
from tests.security.conftest import House, Opened, Refused, calling_from, received

SMALL = replace(
    LIMITS,
    streams_per_technician=3,
    streams_per_administrator=2,
    streams_per_computer=2,
    anonymous_streams_per_peer=2,
    attachments_per_peer=2,
    unproven_attachments_per_peer=1,
    open_sessions_per_technician=3,
    open_sessions_per_channel=2,
    channel_starts_at_once=1,
    channel_starts_per_second=0.1,
    unconfirmed_chat_lines=3,
    applet_messages_per_second=100.0,
    commands_under_way_per_stream=2,
)


def test_every_limit_of_the_server_is_reached_here() -> None:
    assert [one.name for one in fields(Limits) if getattr(SMALL, one.name) == getattr(LIMITS, one.name)] == []


Watch: TypeAlias = "grpc.aio.UnaryStreamCall[console_pb2.WatchQueueRequest, console_pb2.WatchQueueResponse]"
Attachment: TypeAlias = "grpc.aio.StreamStreamCall[applet_pb2.AttachRequest, applet_pb2.AttachResponse]"


@pytest.fixture
async def small(open_house: Opened, tmp_path: Path) -> AsyncIterator[House]:
    async with open_house(tmp_path / "state", limits=SMALL) as house:
        yield house


def watch(house: House, metadata: Metadata, console: str = "c") -> Watch:
    return house.console.WatchQueue(console_pb2.WatchQueueRequest(console=console), metadata=metadata)


async def test_streams_of_a_technician_and_a_place_that_is_free_again(small: House, refused: Refused) -> None:
    alice, bob = await small.signed_in("alice"), await small.signed_in("bob")
    watches = [watch(small, alice) for _ in range(3)]
    for one in watches:
        assert (await received(one)).HasField("snapshot")
    async with refused("RESOURCE_EXHAUSTED", "LIMIT_REACHED") as errors:
        await watch(small, alice).read()
    assert isinstance(errors[0], ResourceExhausted)
    assert errors[0].metadata["limit"] == "3"
    theirs = watch(small, bob)
    assert (await received(theirs)).HasField("snapshot")
    watches[0].cancel()
    async with asyncio.timeout(20):
        while True:
            again = watch(small, alice)
            try:
                assert (await received(again)).HasField("snapshot")
                break
            except grpc.aio.AioRpcError:
                await asyncio.sleep(0.01)
    for one in (*watches, theirs, again):
        one.cancel()


async def test_streams_of_an_administrator(small: House, refused: Refused) -> None:
    admin = await small.signed_in("admin")
    stub = admin_pb2_grpc.AdminServiceStub(small.channel)
    watches = [stub.WatchQueues(admin_pb2.WatchQueuesRequest(), metadata=admin) for _ in range(2)]
    for one in watches:
        assert isinstance(await one.read(), admin_pb2.WatchQueuesResponse)
    async with refused("RESOURCE_EXHAUSTED", "LIMIT_REACHED") as errors:
        await stub.WatchQueues(admin_pb2.WatchQueuesRequest(), metadata=admin).read()
    assert errors[0].metadata["limit"] == "2"
    for one in watches:
        one.cancel()


async def test_messages_of_an_applet_are_read_no_faster_than_the_limit(small: House) -> None:
    redeemed = await small.redeem((await small.new_pin(await small.signed_in("alice"))).pin)
    call, _ = await attached(small, redeemed, "i")
    began, most, heard = time.monotonic(), 400, 0
    sending = asyncio.create_task(send_heartbeats(call, most))
    async with asyncio.timeout(60):
        while heard < most:
            heard = max(heard, (await received(call)).heartbeat_reply.number)
    await sending
    # Two seconds' worth may come at once. A machine that is slow only makes it longer.
    assert time.monotonic() - began >= (most - 2 * SMALL.applet_messages_per_second) / SMALL.applet_messages_per_second
    call.cancel()


async def send_heartbeats(call: Attachment, most: int) -> None:
    for number in range(1, most + 1):
        await call.write(applet_pb2.AttachRequest(heartbeat=applet_pb2.Heartbeat(number=number)))


async def test_barriers_of_a_computer(small: House, refused: Refused) -> None:
    redeemed = await small.redeem((await small.new_pin(await small.signed_in("alice"))).pin)
    metadata = (("rescue-session", redeemed.session), ("rescue-ticket", redeemed.ticket))
    call = clock_pb2_grpc.ClockServiceStub(small.channel).WatchClock(metadata=metadata)
    for number in range(1, CLOCK_BARRIERS_EACH + 2):
        await call.write(clock_pb2.WatchClockRequest(barrier=clock_pb2.ClockBarrier(number=number)))
    async with refused("RESOURCE_EXHAUSTED", "LIMIT_REACHED") as errors:
        while await call.read() is not grpc.aio.EOF:
            pass
    assert str(CLOCK_BARRIERS_EACH) in str(errors[0])


async def test_streams_of_a_computer(small: House, refused: Refused) -> None:
    redeemed = await small.redeem((await small.new_pin(await small.signed_in("alice"))).pin)
    metadata = (("rescue-session", redeemed.session), ("rescue-ticket", redeemed.ticket))
    stub = clock_pb2_grpc.ClockServiceStub(small.channel)
    follows = [stub.WatchClock(metadata=metadata) for _ in range(2)]
    for one in follows:
        assert isinstance(await one.read(), clock_pb2.WatchClockResponse)
    async with refused("RESOURCE_EXHAUSTED", "LIMIT_REACHED"):
        await stub.WatchClock(metadata=metadata).read()
    for one in follows:
        one.cancel()


async def test_streams_of_a_peer_that_is_not_signed_in(small: House, refused: Refused) -> None:
    stub = health_pb2_grpc.HealthStub(small.channel)
    watches = [stub.Watch(health_pb2.HealthCheckRequest()) for _ in range(2)]
    for one in watches:
        assert (await received(one)).status == health_pb2.HealthCheckResponse.SERVING
    async with refused("RESOURCE_EXHAUSTED", "LIMIT_REACHED"):
        await stub.Watch(health_pb2.HealthCheckRequest()).read()
    for one in watches:
        one.cancel()


async def attached(
    house: House, redeemed: applet_pb2.RedeemPinResponse, instance: str
) -> tuple[Attachment, applet_pb2.AttachResponse]:
    call = house.applet.Attach()
    hello = applet_pb2.Hello(session=redeemed.session, ticket=redeemed.ticket, instance=instance, attempt=1)
    await call.write(applet_pb2.AttachRequest(hello=hello))
    return call, await received(call)


async def test_commands_of_a_stream_that_are_under_way(open_house: Opened, tmp_path: Path) -> None:
    async with open_house(tmp_path / "state", limits=SMALL, paused=True) as house, asyncio.timeout(30):
        alice, admin = await house.signed_in("alice"), await house.signed_in("admin")
        rule = fault_pb2.AddFaultRequest(text="delay next 2 CreatePin by 10s")
        await fault_pb2_grpc.FaultServiceStub(house.channel).AddFault(rule, metadata=admin)
        call = house.console.SendCommands(metadata=alice)
        requests = [console_pb2.CreatePinRequest(request_id=str(number)) for number in range(1, 4)]
        commands = [console_pb2.Command(number=int(one.request_id), create_pin=one) for one in requests]
        await call.write(console_pb2.SendCommandsRequest(commands=commands))
        other = house.console.SendCommands(metadata=alice)  # has its own
        await other.write(console_pb2.SendCommandsRequest(commands=[console_pb2.Command(number=9)]))
        assert [answer.number for answer in (await received(other)).answers] == [9]
        reading = asyncio.create_task(received(call))
        listed = await house.console.ListQueue(console_pb2.ListQueueRequest(), metadata=alice)
        assert list(listed.entries) == []
        assert not reading.done()
        clock = clock_pb2_grpc.ClockServiceStub(house.channel)
        advance = clock_pb2.AdvanceClockRequest(request_id="on", by=Duration(seconds=10))
        await clock.AdvanceClock(advance, metadata=admin)
        found = [answer.number for answer in (await reading).answers]
        while len(found) < 3:
            found += [answer.number for answer in (await received(call)).answers]
        assert sorted(found) == [1, 2, 3]


async def test_attachments_of_a_peer(small: House, refused: Refused) -> None:
    alice = await small.signed_in("alice")
    calls = []
    for number in range(2):
        call, answer = await attached(small, await small.redeem((await small.new_pin(alice)).pin), f"i{number}")
        assert answer.HasField("attached")
        calls.append(call)
    async with refused("RESOURCE_EXHAUSTED", "LIMIT_REACHED"):
        await attached(small, await small.redeem((await small.new_pin(alice)).pin), "i3")
    for call in calls:
        call.cancel()


async def test_attachments_that_say_nothing(small: House, refused: Refused) -> None:
    redeemed = await small.redeem((await small.new_pin(await small.signed_in("alice"))).pin)
    silent = small.applet.Attach()
    await silent.wait_for_connection()
    async with asyncio.timeout(20):
        while True:  # until the server has seen the silent one
            async with refused_or_not() as errors:
                call, _ = await attached(small, redeemed, "i")
                call.cancel()
            if errors:
                break
            await asyncio.sleep(0.02)
    assert errors[0].code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    silent.cancel()


class refused_or_not:
    async def __aenter__(self) -> list[grpc.aio.AioRpcError]:
        self.errors: list[grpc.aio.AioRpcError] = []
        return self.errors

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        if isinstance(error, grpc.aio.AioRpcError):
            self.errors.append(error)
            return True
        return False


async def test_open_sessions_of_a_technician_and_of_a_channel(small: House, refused: Refused) -> None:
    alice, bob = await small.signed_in("alice"), await small.signed_in("bob")
    created = [await small.new_pin(alice) for _ in range(3)]
    request = console_pb2.CreatePinRequest(request_id="one too many")
    async with refused("RESOURCE_EXHAUSTED", "LIMIT_REACHED") as errors:
        await small.console.CreatePin(request, metadata=alice)
    assert "technician:alice has 3 open sessions" in str(errors[0])
    assert (await small.new_pin(bob)).pin
    end = console_pb2.EndSessionRequest(request_id="end", session=created[0].session)
    await small.console.EndSession(end, metadata=alice)
    assert (await small.console.CreatePin(request, metadata=alice)).pin  # the same request: it was only too early
    starts = [applet_pb2.StartThroughChannelRequest(request_id=f"start {n}", channel="Web") for n in range(3)]
    for start in starts[:2]:
        assert (await small.applet.StartThroughChannel(start)).ticket
    async with refused("RESOURCE_EXHAUSTED", "LIMIT_REACHED"):
        await small.applet.StartThroughChannel(starts[2])


async def test_sessions_that_one_address_starts_through_channels(small: House, refused: Refused) -> None:
    """Nobody signs in for that. Who is refused may come again, others are not concerned, nor is this machine."""

    def start(request_id: str) -> applet_pb2.StartThroughChannelRequest:
        return applet_pb2.StartThroughChannelRequest(request_id=request_id, channel="Web")

    async with calling_from("127.1.0.1", small) as stranger, calling_from("127.1.0.2", small) as other:
        first = await stranger.StartThroughChannel(start("first"))
        async with refused("RESOURCE_EXHAUSTED", "LIMIT_REACHED") as errors:
            await stranger.StartThroughChannel(start("second"))
        assert 0 < errors[0].retry_after <= 1 / SMALL.channel_starts_per_second
        assert await stranger.StartThroughChannel(start("first")) == first  # a retry starts nothing
        small.now += 1 / SMALL.channel_starts_per_second
        assert (await stranger.StartThroughChannel(start("second"))).ticket
        for request_id in ("third", "fourth"):  # too many of the channel, which costs nothing
            async with refused("RESOURCE_EXHAUSTED", "LIMIT_REACHED") as errors:
                await other.StartThroughChannel(start(request_id))
            assert "channel:Web has 2 open sessions" in str(errors[0])
    async with refused("RESOURCE_EXHAUSTED", "LIMIT_REACHED") as errors:
        await small.applet.StartThroughChannel(start("from here"))
    assert "channel:Web has 2 open sessions" in str(errors[0])


async def test_open_sessions_are_counted_anew_after_a_restart(
    open_house: Opened, tmp_path: Path, refused: Refused
) -> None:
    async with open_house(tmp_path / "state", limits=SMALL) as house:
        alice = await house.signed_in("alice")
        for _ in range(3):
            await house.new_pin(alice)
    async with open_house(tmp_path / "state", limits=SMALL) as house:
        alice = await house.signed_in("alice")
        async with refused("RESOURCE_EXHAUSTED", "LIMIT_REACHED"):
            await house.new_pin(alice)


async def test_a_message_that_is_too_long_is_refused_and_the_connection_lives(house: House) -> None:
    alice = await house.signed_in("alice")
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await house.new_pin(alice, "x" * 1_000_000)
    assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert (await house.new_pin(alice)).pin


async def test_a_chat_line_is_refused_while_the_computer_has_not_confirmed_many(small: House, refused: Refused) -> None:
    alice = await small.signed_in("alice")
    redeemed = await small.redeem((await small.new_pin(alice)).pin)
    call, _ = await attached(small, redeemed, "i")
    start = console_pb2.StartSessionRequest(request_id="s", session=redeemed.session)
    await small.console.StartSession(start, metadata=alice)

    async def say(number: int) -> int:
        line = console_pb2.SendChatRequest(request_id=f"c{number}", session=redeemed.session, text=f"line {number}")
        return (await small.console.SendChat(line, metadata=alice)).revision

    revisions = [await say(number) for number in range(3)]
    async with refused("RESOURCE_EXHAUSTED", "LIMIT_REACHED") as errors:
        await say(3)
    assert errors[0].metadata == {"limit": "3", "what": "unconfirmed chat lines"}
    confirmation = applet_pb2.Heartbeat(number=1, chat_after=revisions[0])
    await call.write(applet_pb2.AttachRequest(heartbeat=confirmation))
    while not (await received(call)).HasField("heartbeat_reply"):
        pass
    assert await say(3) > revisions[-1]  # the same request again: a refusal by a limit is not kept
    call.cancel()


async def test_names_and_texts_have_a_longest_length(house: House, refused: Refused) -> None:
    alice, admin = await house.signed_in("alice"), await house.signed_in("admin")
    session = (await house.new_pin(alice, "C" * CUSTOMER_LENGTH)).session
    async with refused("INVALID_ARGUMENT", "BAD_VALUE") as errors:
        await house.new_pin(alice, "C" * (CUSTOMER_LENGTH + 1))
    assert "customer" in errors[0].fields
    redeemed = await house.redeem((await house.new_pin(alice)).pin)
    call, _ = await attached(house, redeemed, "i")
    start = console_pb2.StartSessionRequest(request_id="s", session=redeemed.session)
    await house.console.StartSession(start, metadata=alice)
    chat = console_pb2.SendChatRequest(request_id="c1", session=redeemed.session, text="x" * CHAT_LENGTH)
    await house.console.SendChat(chat, metadata=alice)
    chat = console_pb2.SendChatRequest(request_id="c2", session=redeemed.session, text="x" * (CHAT_LENGTH + 1))
    async with refused("INVALID_ARGUMENT", "BAD_VALUE"):
        await house.console.SendChat(chat, metadata=alice)
    transfer = console_pb2.TransferSessionRequest(
        request_id="t", session=redeemed.session, technician="bob", comment="x" * (COMMENT_LENGTH + 1)
    )
    async with refused("INVALID_ARGUMENT", "BAD_VALUE"):
        await house.console.TransferSession(transfer, metadata=alice)
    stub = admin_pb2_grpc.AdminServiceStub(house.channel)
    for number, name in enumerate(("n" * (NAME_LENGTH + 1), "a\x1b[31m", "", " a", "a:b", "a\nb", "\u202ea")):
        async with refused("INVALID_ARGUMENT", "BAD_VALUE"):
            await stub.AddGroup(admin_pb2.AddGroupRequest(request_id=f"g{number}", name=name), metadata=admin)
    terms = admin_pb2.ChangeSettingsRequest(request_id="terms", group="Support", set_terms=True)
    terms.settings.terms = "x" * (TERMS_LENGTH + 1)
    async with refused("INVALID_ARGUMENT", "BAD_VALUE"):
        await stub.ChangeSettings(terms, metadata=admin)
    long = console_pb2.StartSessionRequest(request_id="r" * 65, session=session)
    async with refused("INVALID_ARGUMENT", "BAD_VALUE"):
        await house.console.StartSession(long, metadata=alice)
    call.cancel()


async def test_ids_and_what_the_customer_writes_have_a_longest_length(house: House, refused: Refused) -> None:
    alice = await house.signed_in("alice")
    async with refused("INVALID_ARGUMENT", "BAD_VALUE") as errors:
        await watch(house, alice, "c" * (CONSOLE_ID_LENGTH + 1)).read()
    assert "console" in errors[0].fields
    pin = (await house.new_pin(alice)).pin
    long = applet_pb2.RedeemPinRequest(request_id="r1", pin=pin, customer="C" * (CUSTOMER_LENGTH + 1))
    async with refused("INVALID_ARGUMENT", "BAD_VALUE") as errors:
        await house.applet.RedeemPin(long)
    assert "customer" in errors[0].fields
    redeemed = await house.redeem(pin)  # it was not spent
    async with refused("INVALID_ARGUMENT", "BAD_VALUE") as errors:
        await attached(house, redeemed, "i" * (INSTANCE_LENGTH + 1))
    assert "instance" in errors[0].fields
    call, _ = await attached(house, redeemed, "i" * INSTANCE_LENGTH)
    for text, accepted in (("x" * CHAT_LENGTH, True), ("x" * (CHAT_LENGTH + 1), False)):
        said = applet_pb2.Report(request_id=f"{len(text)}", chat=applet_pb2.CustomerChat(text=text))
        await call.write(applet_pb2.AttachRequest(report=said))
        async with asyncio.timeout(20):
            while not (answer := await received(call)).HasField("receipt"):
                pass
        assert (answer.receipt.request_id, answer.receipt.refusal == "") == (said.request_id, accepted)
    call.cancel()


async def test_what_a_caller_wrote_comes_back_shortened(house: House, refused: Refused) -> None:
    """gRPC drops answers whose metadata is too long; the error would then be another than the true one."""
    alice = await house.signed_in("alice")
    start = console_pb2.StartSessionRequest(request_id="x", session="9" * 200_000)
    async with refused("NOT_FOUND", "UNKNOWN_SESSION") as errors:
        await house.console.StartSession(start, metadata=alice)
    assert len(str(errors[0])) < 1000
    async with refused("UNAUTHENTICATED", "WRONG_SECRET"):
        await house.token("é" * 100_000, "wrong")


def test_places_and_pace() -> None:
    places = Slots()
    with places.taken("a", 1, "things"):
        with pytest.raises(ResourceExhausted), places.taken("a", 1, "things"):
            pass
        with places.taken("b", 1, "things"):
            assert len(places) == 2
    assert len(places) == 0
    pace = Pace(10.0, now=0.0)
    assert [pace.wait(0.0) for _ in range(20)] == [0.0] * 20
    assert pace.wait(0.0) == pytest.approx(0.1)
    assert pace.wait(10.0) == 0.0


@pytest.mark.parametrize(
    ("peer", "source"),
    [
        ("ipv4:127.0.0.1:4711", "127.0.0.1"),
        ("ipv6:%5B2001:db8::1%5D:4711", "2001:db8::/64"),
        ("ipv6:[2001:db8::ffff]:1", "2001:db8::/64"),
        ("ipv6:%5B::ffff:10.0.0.1%5D:1", "10.0.0.1"),
        ("ipv6:%5Bfe80::1%25eth0%5D:1", "fe80::/64"),
        ("ipv6:%5B::1%5D:1", "::1"),
        ("unix:", "unix"),
        ("", ""),
    ],
)
def test_what_counts_as_one_source(peer: str, source: str) -> None:
    assert source_of(peer) == source
