"""`rescue server --start-at`: where the clock begins, and what a later start does with it."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from rescue_emulator.world.world import World

pytestmark = pytest.mark.timeout(60)
FIRST = datetime(2019, 5, 6, 7, 8, 9, tzinfo=UTC)


async def test_the_clock_begins_there_and_a_later_start_goes_on_from_where_it_stood(tmp_path: Path) -> None:
    async with World(data=tmp_path / "state", options=("--start-at", "2019-05-06T07:08:09Z")) as world:
        assert (await world.clock.show()).now == FIRST
        alice = await world.technician("alice")
        session, _ = await alice.pin("Ms Vos")
        assert alice.history(session)[0].at == FIRST
        reading = await world.advance(minutes=1)
        await world.restart_server("--start-at", "2030-01-01")
        assert (await world.clock.show()).now == reading.now
        note = "goes on from 2019-05-06T07:09:09Z: --start-at is for the first start only"
        assert note in world.server.log_tail()
