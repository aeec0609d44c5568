"""Fill a queue with a hundred sessions. Run it beside a server."""

import asyncio

from rescue_client import ConsoleClient, connect


async def main() -> None:
    async with connect("alice") as connection, ConsoleClient(connection).by_stream() as console:
        made = await asyncio.gather(*(console.create_pin(f"customer {number}") for number in range(100)))
        print(len(made), "sessions, the last of them", made[-1].session)
        await asyncio.gather(*(console.end(one.session) for one in made))


asyncio.run(main())
