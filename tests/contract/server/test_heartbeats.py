"""Heartbeats are answered while orders go out on the same stream: each once, in order, and nothing collides."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from rescue_protos.v1 import applet_pb2 as pb
from rescue_protos.v1 import console_pb2
from rescue_server.runtime.attachments import AppletConnection
from rescue_server.runtime.limits import LIMITS
from tests.security.conftest import House, fresh_id, opened, received

MANY = 200


async def chat(house: House, session: str) -> None:
    alice = await house.signed_in("alice")
    await house.console.StartSession(
        console_pb2.StartSessionRequest(request_id=fresh_id(), session=session), metadata=alice
    )
    for number in range(MANY):
        line = console_pb2.SendChatRequest(request_id=fresh_id(), session=session, text=str(number))
        await house.console.SendChat(line, metadata=alice)


async def test_heartbeats_and_orders_share_a_stream(tmp_path: Path) -> None:
    limits = replace(LIMITS, applet_messages_per_second=10 * MANY)
    async with opened(tmp_path, limits=limits) as house, asyncio.timeout(60):
        joined = await house.redeem((await house.new_pin(await house.signed_in("alice"))).pin)
        call = house.applet.Attach()
        hello = pb.Hello(session=joined.session, ticket=joined.ticket, instance="i", attempt=1)
        await call.write(pb.AttachRequest(hello=hello))
        assert (await received(call)).HasField("attached")

        async def beat() -> None:
            for number in range(MANY):
                await call.write(pb.AttachRequest(heartbeat=pb.Heartbeat(number=number)))

        async with asyncio.TaskGroup() as group:
            group.create_task(chat(house, joined.session))
            group.create_task(beat())
            lines: list[str] = []
            replies: list[int] = []
            while len(lines) < MANY or len(replies) < MANY:
                match await received(call):
                    case pb.AttachResponse() as answer if answer.HasField("chat"):
                        lines.append(answer.chat.text)
                    case pb.AttachResponse() as answer if answer.HasField("heartbeat_reply"):
                        replies.append(answer.heartbeat_reply.number)
        call.cancel()
    assert lines == [str(number) for number in range(MANY)]
    assert replies == list(range(MANY))


async def test_heartbeats_alone_do_not_wake_the_writer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A heartbeat that wakes a second task costs a third more; 10,000 applets send one every few seconds."""
    woken: list[object] = []
    send = AppletConnection.send

    def counted(self: AppletConnection, order: object) -> None:
        woken.append(order)
        send(self, order)  # type: ignore[arg-type]

    async with opened(tmp_path) as house, asyncio.timeout(60):
        joined = await house.redeem((await house.new_pin(await house.signed_in("alice"))).pin)
        call = house.applet.Attach()
        hello = pb.Hello(session=joined.session, ticket=joined.ticket, instance="i", attempt=1)
        await call.write(pb.AttachRequest(hello=hello))
        assert (await received(call)).HasField("attached")
        monkeypatch.setattr(AppletConnection, "send", counted)
        for number in range(20):
            await call.write(pb.AttachRequest(heartbeat=pb.Heartbeat(number=number)))
            while not (answer := await received(call)).HasField("heartbeat_reply"):
                pass
            assert answer.heartbeat_reply.number == number
        assert woken == []
        call.cancel()
