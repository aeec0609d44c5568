"""Post to URL with real programs: what a receiver gets, what the journal says, and what other machines do not get."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from pathlib import Path

from rescue_emulator.world.world import World
from tests.fakes.post_receiver import PostReceiver, status


async def supported(world: World) -> str:
    """Let alice pick a session up, chat, and end it."""
    alice = await world.technician("alice")
    session, pin = await alice.pin("Ms Vos & Zoon")
    computer = await world.computer(pin=pin)
    await alice.start(session)
    await alice.command("chat", session, "Good morning")
    await computer.chat("Hallo")
    await told(world, session, "ChatSent", 2)
    await alice.end(session)
    return session


async def told(world: World, session: str, name: str, times: int) -> list[str]:
    """Wait until the journal has an event of a session so often; return the causes."""
    causes: list[str] = []
    async with asyncio.timeout(30), aclosing(world.journal.watch(session=session)) as pieces:
        async for piece in pieces:
            causes += [line.cause for line in piece.lines if line.name == name]
            if len(causes) >= times:
                break
    return causes


async def test_a_receiver_gets_the_start_and_the_end_of_a_session() -> None:
    async with PostReceiver() as receiver, World(paused=True) as world:
        urls = {"post-start": receiver.url("/start?key=1", user="reader:pw"), "post-end": receiver.url("/end")}
        await world.admin.change_settings("group:Support", urls)
        session = await supported(world)
        start, end = await receiver.received(2)
        assert (start.line, end.line) == ("POST /start?key=1 HTTP/1.1", "POST /end HTTP/1.1")
        assert start.headers["content-type"] == "application/x-www-form-urlencoded; charset=utf-8"
        assert (start.attempt, end.attempt, start.delivery != end.delivery) == (1, 1, True)
        assert start.fields["SessionID"] == end.fields["SessionID"] == session
        assert (start.fields["TechName"], start.fields["CField0"]) == ("alice", "Ms Vos & Zoon")
        assert (start.fields["ClosingTime"], end.fields["ClosingTime"] != "") == ("", True)
        assert "alice: Good morning\n" in end.fields["ChatLog"]
        assert "Ms Vos & Zoon: Hallo\n" in end.fields["ChatLog"]
        assert await told(world, session, "PostSent", 2) == [
            f"the start of the session was posted to {receiver.url('/start')} (HTTP 200)",
            f"the end of the session was posted to {receiver.url('/end')} (HTTP 200)",
        ]


async def test_as_xml_with_the_type_of_xml() -> None:
    async with PostReceiver() as receiver, World() as world:
        await world.admin.change_settings("group:Support", {"post-end": receiver.url(), "post-as": "xml"})
        session = await supported(world)
        [end] = await receiver.received(1)
        assert end.headers["content-type"] == "text/xml; charset=utf-8"
        assert end.body.startswith(
            b'<?xml version="1.0" encoding="utf-8"?><session><sessionid>' + session.encode() + b"</sessionid>"
        )
        assert b"<cfield0>Ms Vos &amp; Zoon</cfield0>" in end.body


async def test_what_is_pending_survives_a_restart(tmp_path: Path) -> None:
    async with PostReceiver(lambda post: status(503)) as receiver:
        async with World(data=tmp_path / "data") as world:
            await world.admin.change_settings("group:Support", {"post-end": receiver.url()})
            await supported(world)
            [first] = await receiver.received(1)
        receiver.answer = lambda post: status(204)
        before = len(receiver.posts)
        async with World(data=tmp_path / "data"):
            again = (await receiver.received(before + 1))[-1]
        assert again.delivery == first.delivery
        assert again.body == first.body


async def test_another_machine_gets_nothing_without_the_option() -> None:
    async with World() as world:
        await world.admin.change_settings("group:Support", {"post-start": "http://192.0.2.1/hook?key=1"})
        alice = await world.technician("alice")
        session, pin = await alice.pin("Ms Vos")
        await world.computer(pin=pin)
        await alice.start(session)
        [failed] = await told(world, session, "PostFailed", 1)
        assert failed == (
            "attempt 1 to post the start of the session to http://192.0.2.1/hook failed: "
            "192.0.2.1 is not this machine: posts go elsewhere only with `rescue server --post-anywhere`"
        )


async def test_a_fault_rule_answers_in_the_place_of_the_receiver() -> None:
    async with PostReceiver() as receiver, World() as world:
        await world.admin.change_settings("group:Support", {"post-start": receiver.url()})
        await world.faults.add("when post: answer 500")
        alice = await world.technician("alice")
        session, pin = await alice.pin("Ms Vos")
        await world.computer(pin=pin)
        await alice.start(session)
        [post] = await receiver.received(1)
        assert post.attempt == 2
        [failed] = await told(world, session, "PostFailed", 1)
        assert failed.endswith(" failed: HTTP 500")
