"""Reboots, killed processes, and computers that go away."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

import pytest

from rescue_protos.v1 import applet_pb2 as pb
from tests.contract.applet.conftest import Peer, Start

PIN = ("--pin", "123456")


async def test_a_reboot_ends_the_process_and_takes_emulated_time(peer: Peer, start: Start) -> None:
    peer.set_clock(paused=True)
    customer = await start(*PIN, "--boot-time", "40s")
    first = await customer.joined()
    await peer.until(lambda: bool(peer.clock_tickets))
    await asyncio.sleep(0.2)
    peer.send(reboot=pb.RebootOrder(order_id="o1", technician="alice"))
    peer.send(reboot=pb.RebootOrder(order_id="o2", technician="bob"))
    await customer.sees(event="rebooting")
    assert not customer.has_process(first)
    assert [report.going_down.order_id for report in peer.reports.values()] == ["o1"]
    assert list(peer.barriers.values()) == [peer.epoch + 40 * 10**9]
    peer.advance(39)
    await asyncio.sleep(0.3)
    assert customer.events[-1]["event"] == "rebooting"
    peer.advance(1)
    second = (await customer.sees(event="applet"))["pid"]
    assert second != first
    await customer.sees(event="link", state="connected")
    await peer.until(lambda: not peer.barriers)
    assert peer.asked == ["123456 "]
    assert peer.hellos[0].instance != peer.hellos[1].instance
    assert [event["event"] for event in customer.events].count("joined") == 1


async def test_the_customers_reboot_can_be_held_until_boot(peer: Peer, start: Start) -> None:
    customer = await start(*PIN)
    first = await customer.joined()
    customer.type("reboot hold")
    await customer.sees(event="rebooting")
    assert not customer.has_process(first)
    assert [report.going_down.order_id for report in peer.reports.values()] == [""]
    peer.advance(3600)
    customer.type("chat anybody?")
    await customer.sees(event="error")
    customer.type("boot")
    assert (await customer.sees(event="applet"))["pid"] != first
    await customer.sees(event="link", state="connected")


async def test_of_a_reboot_while_the_lan_is_off_the_server_hears_nothing(peer: Peer, start: Start) -> None:
    customer = await start(*PIN)
    await customer.joined()
    async with customer.lan_off():
        # At once, so that the applet does not know yet that nobody hears it.
        customer.type("reboot hold")
        await customer.sees(event="rebooting")
        customer.type("boot")
        await customer.sees(event="applet")
    await customer.sees(event="link", state="connected", within=5)
    await asyncio.sleep(0.3)
    assert peer.said == []


async def test_a_killed_applet_is_back_within_a_second_and_resumes(peer: Peer, start: Start) -> None:
    customer = await start(*PIN)
    first = await customer.joined()
    os.kill(first, signal.SIGKILL)
    second = (await customer.sees(event="applet", within=1))["pid"]
    assert second != first
    await customer.sees(event="link", state="connected", within=5)
    assert len(peer.asked) == 1
    assert peer.said == []


@pytest.mark.parametrize(("how", "status"), [("quit", 0), ("TERM", 0), ("INT", 130), ("KILL", -9)])
async def test_a_computer_that_goes_away_takes_its_applet_without_a_word(
    peer: Peer, start: Start, how: str, status: int
) -> None:
    customer = await start(*PIN)
    applet = await customer.joined()
    if how == "quit":
        customer.type("quit")
    else:
        customer.process.send_signal(signal.Signals[f"SIG{how}"])
    assert await customer.exit() == status
    await peer.until(lambda: not customer.has_process(applet), within=2)
    assert peer.said == []


async def test_the_disk_goes_with_the_computer(
    peer: Peer, start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = tmp_path / "disks"
    disk.mkdir()
    monkeypatch.setenv("TMPDIR", str(disk))
    customer = await start(*PIN)
    await customer.joined()
    assert [path.stat().st_mode & 0o777 for path in disk.rglob("ticket.json")] == [0o600]
    customer.type("quit")
    assert await customer.exit() == 0
    assert list(disk.iterdir()) == []
