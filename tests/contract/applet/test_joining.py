"""Joining a session, and what the customer sees of it."""

from __future__ import annotations

import asyncio

from rescue_protos.v1 import applet_pb2 as pb
from tests.contract.applet.conftest import Peer, Start

PIN = ("--pin", "123456")


async def test_it_joins_with_a_pin_and_hears_the_clock_with_its_ticket(peer: Peer, start: Start) -> None:
    customer = await start(*PIN, "--name", "Carl")
    await customer.joined()
    assert peer.asked == ["123456 Carl"]
    await peer.until(lambda: peer.clock_tickets == ["s1 t1"])


async def test_it_joins_through_a_channel(peer: Peer, start: Start) -> None:
    customer = await start("--channel", "Web")
    await customer.joined()
    assert peer.asked == ["Web "]


async def test_an_unknown_pin_is_said_once_and_exits_with_1(peer: Peer, start: Start) -> None:
    customer = await start("--pin", "000000")
    error = await customer.sees(event="error")
    assert (error["code"], error["reason"]) == ("NOT_FOUND", "PIN_UNKNOWN")
    assert error["message"] == "there is no such PIN"
    assert await customer.exit() == 1


async def test_terms_are_asked_and_accepted(peer: Peer, start: Start) -> None:
    peer.terms = "Be kind"
    customer = await start(*PIN)
    await customer.sees(event="terms", text="Be kind")
    assert peer.said == []
    customer.type("accept")
    await customer.sees(event="joined")
    assert peer.said == ["terms"]


async def test_terms_are_accepted_by_option(peer: Peer, start: Start) -> None:
    peer.terms = "Be kind"
    customer = await start(*PIN, "--terms", "accept")
    await customer.joined()
    assert peer.said == ["terms"]


async def test_declined_terms_end_it(peer: Peer, start: Start) -> None:
    peer.terms = "Be kind"
    customer = await start(*PIN)
    await customer.sees(event="terms")
    customer.type("decline")
    await customer.sees(event="ended", reason="terms-declined")
    assert await customer.exit() == 0
    assert [report.terms.accepted for report in peer.reports.values()] == [False]


async def test_an_ended_session_is_told_and_the_computer_exits(peer: Peer, start: Start) -> None:
    customer = await start(*PIN)
    applet = await customer.joined()
    peer.send(ended=pb.Ended(reason=pb.END_REASON_ENDED_BY_TECHNICIAN))
    await customer.sees(event="ended", reason="ended-by-technician")
    assert await customer.exit() == 0
    assert not customer.has_process(applet)


async def test_who_comes_back_to_an_ended_session_is_told_so(peer: Peer, start: Start) -> None:
    customer = await start(*PIN)
    await customer.joined()
    async with customer.lan_off():
        await customer.sees(event="link", state="lost")
        peer.ended = pb.END_REASON_IDLE_TIMEOUT
    await customer.sees(event="ended", reason="idle-timeout", within=5)
    assert await customer.exit() == 0


async def test_chat_lines_and_who_helps_are_told(peer: Peer, start: Start) -> None:
    customer = await start(*PIN)
    await customer.joined()
    line = pb.AppletChatLine(text="hello")
    setattr(line, "from", "alice")
    peer.send(chat=line)
    await customer.sees(event="chat", text="hello", sender="alice")
    peer.send(view=pb.SessionView(customer="Carl", lead="alice", collaborators=["bob"]))
    await customer.sees(event="view", lead="alice", collaborators=["bob"], on_hold=False)


async def test_a_malformed_line_is_answered_and_the_end_of_input_leaves_it_running(peer: Peer, start: Start) -> None:
    customer = await start(*PIN)
    await customer.joined()
    customer.type("dance")
    await customer.sees(event="error")
    customer.type("chat still here")
    assert customer.process.stdin is not None
    customer.process.stdin.close()
    await peer.until(lambda: peer.said == ["chat"])
    await asyncio.sleep(0.2)
    assert customer.process.returncode is None
