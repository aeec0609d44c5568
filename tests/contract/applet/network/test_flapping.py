"""A flap against the clock: a clock barrier for each turn, and the seed decides them all."""

from __future__ import annotations

import asyncio

from rescue_applet.clock import SECOND, BarrierReleased, CableReport, ComputerBarrier, FollowedClock, ServerReading
from rescue_applet.events import CableChanged, Event
from rescue_applet.faults.schedule import FaultSchedule
from rescue_applet.network.relay import Relay
from rescue_common.lan_notation import parse_lan_fault
from tests.contract.applet.network.conftest import Wire

EPOCH = 1_800_000_000 * SECOND


async def played(relay: Relay, fault: str, seed: int) -> tuple[list[tuple[float, str]], list[str]]:
    """Let a fault run its course on a paused clock that is moved from clock barrier to clock barrier.

    Returns each change of the cable with its emulated second, and what was sent to the server.
    """
    clock = FollowedClock()
    clock.update(ServerReading(at=EPOCH, speed=0.0))
    start = clock.now
    changes: list[tuple[float, str]] = []
    faults: list[list[str]] = []
    reported = asyncio.Event()

    def hear(event: Event) -> None:
        assert isinstance(event, CableChanged)
        changes.append(((clock.now - start) / SECOND, event.state))
        faults.append(event.faults)
        reported.set()

    async def at_once() -> None:
        return

    said = []
    async with asyncio.timeout(20), asyncio.TaskGroup() as tasks:
        lan = FaultSchedule(relay, clock, seed=seed, listener=hear, start=tasks.create_task, back=at_once)
        lan.apply(parse_lan_fault(fault))
        upcoming = 0
        while not faults or faults[-1]:
            while isinstance(saying := await clock.outgoing.get(), CableReport):
                pass
            said.append(type(saying).__name__)
            if isinstance(saying, ComputerBarrier):
                upcoming = saying.due - start + EPOCH
                clock.confirm(saying.number, upcoming)
            if len(said) == 1:
                await reported.wait()  # from now on a change is reported before its barrier is released
            if len(said) == 1 or isinstance(saying, BarrierReleased):
                clock.update(ServerReading(at=upcoming, speed=0.0))
    return changes, said


async def test_it_is_off_and_on_for_its_times(wire: Wire) -> None:
    changes, said = await played(wire.relay, "flap 3s/2s ×3", seed=1)
    assert changes == [(0, "off"), (3, "on"), (5, "off"), (8, "on"), (10, "off"), (13, "on")]
    # The next barrier stands before the last one is released: an advance cannot run past a turn.
    assert said == ["ComputerBarrier", *["ComputerBarrier", "BarrierReleased"] * 4, "BarrierReleased"]


async def test_the_same_seed_replays_it_and_another_one_does_not(wire: Wire) -> None:
    fault = "flap 1s..9s/1s..5s ×6"
    first, _ = await played(wire.relay, fault, seed=11)
    again, _ = await played(wire.relay, fault, seed=11)
    other, _ = await played(wire.relay, fault, seed=12)
    assert first == again != other
    assert len(first) == 12


async def test_a_fault_that_lasts_is_lifted_at_its_end(wire: Wire) -> None:
    changes, _ = await played(wire.relay, "off for 40s", seed=1)
    assert changes == [(0, "off"), (40, "on")]
