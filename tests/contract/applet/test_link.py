"""The link: heartbeats, a lost LAN, a close, a restarted server."""

from __future__ import annotations

import asyncio
import os
import signal

from rescue_protos.v1 import applet_pb2 as pb
from tests.contract.applet.conftest import Peer, Start

PIN = ("--pin", "123456")


async def test_the_lan_is_lost_in_silence_and_back_within_five_seconds_though_the_clock_is_paused(
    peer: Peer, start: Start
) -> None:
    peer.set_clock(paused=True)
    customer = await start(*PIN)
    await customer.joined()
    async with customer.lan_off():
        heard = len(peer.heartbeats)
        await customer.sees(event="link", state="lost")
        customer.type("chat I was cut off")
        await asyncio.sleep(1)
        assert (len(peer.heartbeats), len(peer.hellos), peer.said) == (heard, 1, [])
    await customer.sees(event="link", state="connected", within=5)
    await peer.until(lambda: peer.said == ["chat"])
    assert [hello.attempt for hello in peer.hellos] == sorted(hello.attempt for hello in peer.hellos)
    assert len({hello.instance for hello in peer.hellos}) == 1


async def test_the_computer_says_when_its_cable_cannot_carry_also_to_a_server_that_was_away(
    peer: Peer, start: Start
) -> None:
    customer = await start(*PIN)
    await customer.joined()
    await peer.until(lambda: bool(peer.clock_tickets))
    async with customer.lan_off():
        await peer.until(lambda: peer.cable_reports == [False])
        await peer.stop()
        await peer.start()
        await peer.until(lambda: peer.cable_reports == [False, False])
    await peer.until(lambda: peer.cable_reports == [False, False, True])


async def test_heartbeats_follow_the_speed_of_the_clock(peer: Peer, start: Start) -> None:
    customer = await start(*PIN)
    await customer.joined()
    await peer.until(lambda: bool(peer.clock_tickets))
    peer.set_clock(speed=60)
    await peer.until(lambda: len(peer.heartbeats) >= 5, within=3)


async def test_a_barrier_is_answered_at_once(peer: Peer, start: Start) -> None:
    customer = await start(*PIN)
    await customer.joined()
    peer.send(probe=pb.Probe(number=9))
    await peer.until(lambda: 9 in [heartbeat.probe for heartbeat in peer.heartbeats], within=1)


async def test_unanswered_heartbeats_are_a_lost_link(peer: Peer, start: Start) -> None:
    customer = await start(*PIN)
    await customer.joined()
    peer.answers_heartbeats = False
    await customer.sees(event="link", state="lost")
    await customer.sees(event="link", state="connected")
    assert len(peer.hellos) == 2


async def test_a_close_says_goodbye(peer: Peer, start: Start) -> None:
    customer = await start(*PIN)
    await customer.joined()
    customer.type("close")
    await customer.sees(event="ended", reason="closed-by-customer")
    assert await customer.exit() == 0
    assert peer.said == ["goodbye"]


async def test_a_close_while_the_lan_is_off_is_delivered_after_its_return(peer: Peer, start: Start) -> None:
    customer = await start(*PIN)
    applet = await customer.joined()
    async with customer.lan_off():
        await customer.sees(event="link", state="lost")
        customer.type("close")
        # Even the death of the process does not undo it.
        await asyncio.sleep(0.5)
        os.kill(applet, signal.SIGKILL)
        await customer.sees(event="applet")
        assert peer.said == []
    await customer.sees(event="ended", reason="closed-by-customer")
    assert await customer.exit() == 0
    assert peer.said == ["goodbye"]
    assert len(peer.hellos) == 2


async def test_it_finds_a_restarted_server_at_its_new_address(peer: Peer, start: Start) -> None:
    customer = await start(*PIN)
    await customer.joined()
    await peer.until(lambda: len(peer.clock_tickets) == 1)
    await peer.stop()
    await customer.sees(event="link", state="lost")
    await peer.start()
    await customer.sees(event="link", state="connected", within=5)
    await peer.until(lambda: len(peer.clock_tickets) == 2)
