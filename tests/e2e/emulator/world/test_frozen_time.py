"""A test that freezes the time of its own process: the world is made of other processes, and nothing hangs or fails."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import freezegun
import pytest
import time_machine

from rescue_emulator.testing import NotSeen, Status, SyncWorld, World

LONG_AGO, FAR_AHEAD = "2020-02-29T12:00:00Z", "2050-01-01T00:00:00Z"
Freeze = Callable[[str], AbstractContextManager[Any]]


def time_machine_frozen(when: str) -> AbstractContextManager[Any]:
    return time_machine.travel(when, tick=False)


@pytest.mark.parametrize("when", [LONG_AGO, FAR_AHEAD], ids=["long ago", "far ahead"])
@pytest.mark.parametrize("freeze", [freezegun.freeze_time, time_machine_frozen], ids=["freezegun", "time-machine"])
def test_a_plain_test_can_freeze_its_time(freeze: Freeze, when: str) -> None:
    with SyncWorld() as world, freeze(when):
        alice = world.technician("alice")
        session, pin = alice.pin("Ms Vos")
        world.computer(pin=pin)
        alice.start(session)
        world.advance(minutes=1)
        alice.sees(session, Status.ACTIVE)
        with pytest.raises(NotSeen):  # time-outs are real seconds, also now
            alice.sees(session, Status.CLOSED, timeout=0.1)


@pytest.mark.parametrize("when", [LONG_AGO, FAR_AHEAD], ids=["long ago", "far ahead"])
@pytest.mark.parametrize("freeze", [freezegun.freeze_time, time_machine_frozen], ids=["freezegun", "time-machine"])
async def test_an_async_test_can_freeze_its_time(freeze: Freeze, when: str) -> None:
    async with World() as world:
        with freeze(when):
            alice = await world.technician("alice")
            session, pin = await alice.pin("Ms Vos")
            await world.computer(pin=pin)
            await alice.start(session)
            await world.advance(minutes=1)
            await alice.sees(session, Status.ACTIVE)
