"""Chat lines that were sent while the customer was away arrive when they are back, once."""

from __future__ import annotations

import asyncio
import contextlib

import pytest

from rescue_emulator import CommandRefused, World
from rescue_server.runtime.limits import LIMITS


async def test_chat_lines_survive_a_lan_loss_and_a_reboot_and_come_once() -> None:
    async with World(paused=True) as world:
        alice = await world.technician("alice")
        session, pin = await alice.pin("Ms Vos")
        computer = await world.computer(pin=pin, terms="accept", boot_time="30s")
        await alice.command("start", session)
        await alice.command("chat", session, "before")
        await computer.event(lambda event: event.get("text") == "before")
        await computer.lan_off()
        await computer.event(lambda event: event.get("state") == "lost", timeout=15)
        await alice.command("chat", session, "while away")
        await computer.lan_on()
        await computer.event(lambda event: event.get("text") == "while away", timeout=15)
        await computer.reboot()
        await alice.sees(session, "Rebooting")
        await world.advance(seconds=30)
        await alice.sees(session, "Active", timeout=20)
        await alice.command("chat", session, "after")
        await computer.event(lambda event: event.get("text") == "after")
        said = [event["text"] for event in computer.program.events if event["event"] == "chat"]
        assert said == ["before", "while away", "after"]


async def test_many_lines_that_were_sent_while_the_customer_was_away_all_arrive_in_order() -> None:
    lines = [f"line {number}" for number in range(300)]
    async with World(paused=True) as world:
        alice = await world.technician("alice")
        session, pin = await alice.pin("Ms Vos")
        computer = await world.computer(pin=pin, terms="accept")
        await alice.command("start", session)
        await computer.lan_off()
        await computer.event(lambda event: event.get("state") == "lost", timeout=15)
        for line in lines:
            await alice.command("chat", session, line)
        await computer.lan_on()
        await computer.event(lambda event: event.get("text") == lines[-1], timeout=15)
        assert [event["text"] for event in computer.program.events if event["event"] == "chat"] == lines


@pytest.mark.long
async def test_a_technician_hears_that_a_line_was_not_sent() -> None:
    async with World(paused=True) as world:
        alice = await world.technician("alice")
        session, pin = await alice.pin("Ms Vos")
        computer = await world.computer(pin=pin, terms="accept")
        await alice.command("start", session)
        await computer.lan_off()
        await computer.event(lambda event: event.get("state") == "lost", timeout=15)
        for number in range(LIMITS.unconfirmed_chat_lines):
            await alice.command("chat", session, f"line {number}")
        with pytest.raises(CommandRefused, match="has not received the last 500 chat lines"):
            await alice.command("chat", session, "one too many")
        await computer.lan_on()
        await computer.event(lambda event: event.get("text") == "line 499", timeout=15)
        async with asyncio.timeout(15):
            while True:  # the computer confirms with its next heartbeat
                with contextlib.suppress(CommandRefused):
                    await alice.command("chat", session, "now")
                    break
        await computer.event(lambda event: event.get("text") == "now", timeout=15)
        texts = [event["text"] for event in computer.program.events if event["event"] == "chat"]
        assert texts == [*(f"line {number}" for number in range(LIMITS.unconfirmed_chat_lines)), "now"]
