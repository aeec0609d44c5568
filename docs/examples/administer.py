"""Read the organization, change a setting, move the clock and read the journal. Run it beside a server."""

import asyncio
from datetime import timedelta

from rescue_client import AdminClient, ClockClient, InvalidArgument, JournalClient, connect


async def main() -> None:
    async with connect("admin") as connection:
        admin, clock, journal = AdminClient(connection), ClockClient(connection), JournalClient(connection)
        organization = await admin.organization()
        print("groups:", ", ".join(group.name for group in organization.groups))
        await admin.change_settings("group:Support", {"idle-timeout": "10m"})
        try:
            await admin.change_settings("group:Support", {"idle-timeout": "5000m"})
        except InvalidArgument as error:
            print(error)
        reading = await clock.advance(timedelta(minutes=5))
        print("it is", reading.now.isoformat())
        async for piece in journal.read():
            for line in piece.lines:
                print(line.revision, line.cause)


asyncio.run(main())
