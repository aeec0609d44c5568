from rescue_emulator.testing import Status, World


async def test_a_cut_cable_shows_as_reconnecting(world: World) -> None:
    alice = await world.technician("alice")
    session, pin = await alice.pin("Ms Vos")
    computer = await world.computer(pin=pin)
    await alice.start(session)
    async with computer.lan_off():
        await world.advance(minutes=1)
        await alice.sees(session, Status.RECONNECTING)
    await alice.sees(session, Status.ACTIVE)
