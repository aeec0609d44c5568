"""Faults of the LAN through World: real processes, emulated time."""

from __future__ import annotations

import pytest

from rescue_emulator.world.computer import Computer
from rescue_emulator.world.technician import CommandRefused
from rescue_emulator.world.world import World


def cable(computer: Computer) -> list[tuple[str, list[str]]]:
    """Return state and faults of each change of the cable."""
    return [(e["state"], list(e.get("faults", ()))) for e in computer.program.events if e["event"] == "cable"]


async def test_faults_of_the_lan_last_for_their_blocks_and_their_emulated_time() -> None:
    async with World(seed=5) as world:
        alice = await world.technician("alice")
        session, pin = await alice.pin("Customer")
        computer = await world.computer(pin=pin)
        await alice.start(session)

        await computer.lan("off for 90s")
        await world.advance(seconds=60)
        await alice.sees(session, "Reconnecting")
        await world.advance(seconds=30)
        # The advance has waited for the applet to come back.
        assert cable(computer)[-1] == ("on", [])
        await alice.sees(session, "Active")

        async with computer.lan("flap 3s/2s ×3"):
            flapping = ["flap 3s/2s ×3"]
            assert cable(computer)[-1] == ("off", flapping)
            await world.advance(seconds=3)
            assert cable(computer)[-1] == ("on", flapping)
            await world.advance(seconds=2)
            assert cable(computer)[-1] == ("off", flapping)
            await world.advance(seconds=8)
            assert cable(computer)[-1] == ("on", [])
        await alice.sees(session, "Active")

        async with computer.lan("delay 50ms ±50ms"), computer.lan("loss up"):
            assert cable(computer)[-1] == ("on", ["delay 0.05s ±0.05s", "loss up"])
            seeds = {e.get("seed") for e in computer.program.events if "delay" in str(e.get("faults"))}
            assert len(seeds) == 1
            assert None not in seeds
            await world.advance(seconds=60)
            await alice.sees(session, "Reconnecting")
        assert cable(computer)[-1] == ("on", [])
        await alice.sees(session, "Active")

        await computer.lan("half-open")
        await computer.event(lambda e: e["event"] == "link" and e["state"] == "lost", timeout=30)
        await computer.lan("reset")
        await world.advance(minutes=2)
        await alice.sees(session, "Active")

        async with computer.lan("delay 1ms"):
            async with computer.lan_off():
                assert cable(computer)[-1] == ("off", ["delay 0.001s", "off"])
            assert cable(computer)[-1] == ("on", ["delay 0.001s"])
        async with computer.lan("off"):
            with pytest.raises(CommandRefused, match="reset has no effect while the LAN is off"):
                await computer.lan("reset")
