"""Kill the server that leads, and see the work go on."""

import asyncio

from rescue_emulator import World


async def main() -> None:
    async with World(servers=2, nodes=1) as world:
        alice = await world.technician("alice")
        session, pin = await alice.pin("Ms Vos")
        await world.computer(pin=pin)
        await world.kill_server()
        await alice.start(session)  # the next server carries it out
        await alice.sees(session, "Active")


asyncio.run(main())
