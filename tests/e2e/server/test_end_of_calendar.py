"""A clock that reaches the end of its calendar stands there; everything else goes on, also after a start."""

from __future__ import annotations

import contextlib
from datetime import timedelta
from pathlib import Path

import pytest

from rescue_common.emulated_time import END_OF_TIME, MAX_SPEED
from rescue_common.private_files import make_private
from rescue_emulator.world.world import World
from rescue_protos.errors import InvalidArgument
from rescue_server.store.files import STORE_FILE
from rescue_server.store.protocol import ClockMark
from rescue_server.store.sqlite import SqliteStore

pytestmark = pytest.mark.timeout(90)


async def test_sessions_go_on_at_the_end_of_the_calendar_and_after_a_restart(tmp_path: Path) -> None:
    data = tmp_path / "state"
    make_private(data)
    with contextlib.closing(SqliteStore.open(data / STORE_FILE)) as store:
        store.mark_clock(ClockMark(now=END_OF_TIME - timedelta(hours=1), speed=MAX_SPEED, paused=False))
    async with World(data=data, speed=MAX_SPEED) as world:
        alice = await world.technician("alice")
        session, pin = await alice.pin("Ms Vos")
        await world.computer(pin=pin)
        await alice.sees(session, "Waiting")
        await alice.start(session)
        reading = await world.clock.show()
        assert (reading.now, reading.standing, reading.paused) == (END_OF_TIME, True, False)
        with pytest.raises(InvalidArgument, match=f"{END_OF_TIME:%Y-%m-%d}"):
            await world.advance(minutes=1)
    async with World(data=data, paused=False) as world:
        alice = await world.technician("alice")
        assert [entry["status"] for entry in (await alice.command("queue"))["entries"]] == ["Active"]
        session, _ = await alice.pin("Mr Bos")
        await alice.sees(session, "Connecting")
        assert (await world.clock.show()).now == END_OF_TIME
