import asyncio

from rescue_emulator.testing import World


async def main() -> None:
    async with World(seed=42) as world:
        alice = await world.technician("alice")
        session, pin = await alice.pin("Ms Vos")
        computer = await world.computer(pin=pin)
        await alice.start(session)
        await computer.reboot("30s")
        await alice.sees(session, "Rebooting")
        await world.advance(seconds=30)
        await alice.sees(session, "Active")
        for update in alice.history(session):
            print(update.previous, "->", update.status)


asyncio.run(main())
