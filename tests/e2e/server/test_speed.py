"""A clock that runs, faster than life: who is alive stays alive, and a loss is shown within the emulated minute."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from rescue_emulator.world.world import World

pytestmark = pytest.mark.timeout(90)

BACK = 30  # real seconds of patience on a busy machine


async def test_a_loss_is_reconnecting_within_the_emulated_minute_at_sixtyfold_speed() -> None:
    async with World(paused=False, speed=60) as world:
        alice = await world.technician("alice")
        session, pin = await alice.pin()
        computer = await world.computer(pin=pin)
        await alice.sees(session, "Waiting")
        await computer.lan_off()
        off_at = (await world.clock.show()).now
        await alice.sees(session, "Reconnecting", timeout=BACK)
        await alice.sees(session, "Offline", timeout=BACK)
        lost, offline = alice.history(session)[-2:]
        assert lost.at <= off_at + timedelta(minutes=1)
        assert offline.at - lost.at == timedelta(minutes=5)
        await computer.lan_on()
        await alice.sees(session, "Waiting", timeout=BACK)


async def test_a_live_applet_is_never_shown_as_lost_however_fast_the_clock_runs() -> None:
    async with World() as world:
        alice = await world.technician("alice")
        session, pin = await alice.pin()
        computer = await world.computer(pin=pin)
        joined_at = (await world.clock.set_speed(3600)).now
        async with asyncio.timeout(BACK):
            while (await world.clock.show()).now < joined_at + timedelta(hours=2):
                await computer.chat("still here")
                await alice.program.event("chat", BACK)
        await alice.sync()
        assert [update.status for update in alice.history(session)] == ["Connecting", "Waiting"]
