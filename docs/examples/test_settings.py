import pytest

from rescue_emulator.testing import Status, World


async def test_nobody_starts_the_session(world: World) -> None:
    await world.set("group:Support", waiting_timeout="5m")
    alice = await world.technician("alice")
    session, pin = await alice.pin()
    await world.computer(pin=pin)
    await alice.sees(session, Status.WAITING)
    await world.advance(minutes=5)
    await alice.sees(session, Status.REMOVED)


@pytest.mark.rescue(paused=False, speed=60)
async def test_a_world_whose_clock_runs(world: World) -> None:
    alice = await world.technician("alice")
    session, _ = await alice.pin()
    await alice.sees(session, Status.CONNECTING)


async def test_a_reply_that_is_lost(world: World) -> None:
    alice = await world.technician("alice")
    session, pin = await alice.pin()
    await world.computer(pin=pin)
    await world.faults.add("lose next replies of StartSession of alice")
    await alice.start(session)  # the console retries with the same request id: the server answers, it does not repeat
    await alice.sees(session, Status.ACTIVE)
