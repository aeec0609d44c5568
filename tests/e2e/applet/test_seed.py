"""The seed replays a run: what chance decides on a cable, and so what the consoles show of it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from rescue_emulator.world.world import World


async def shown(seed: int) -> list[tuple[str, timedelta]]:
    """What a console shows of a LAN that flaps at random: statuses, and their times since the first."""
    async with World(seed=seed) as world:
        alice = await world.technician("alice")
        session, pin = await alice.pin("Customer")
        computer = await world.computer(pin=pin)
        await alice.start(session)
        await computer.lan("flap 61s..90s/2s..20s ×4")
        await world.advance(minutes=8)
        history = alice.history(session)
        return [(update.status, update.at - history[0].at) for update in history]


@pytest.mark.long
async def test_the_same_seed_shows_the_same_at_the_same_times() -> None:
    first, again = await shown(11), await shown(11)
    assert [status for status, _ in first].count("Reconnecting") == 4, "it was back in between"
    assert first == again
