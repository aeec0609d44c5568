"""Follow a technician's queue, give commands, and handle a command that the server refuses.

Run it as the user who runs the server: `python follow_queue.py alice`. If the server has `--data DIR`,
set RESCUE_DATA to DIR. It needs nothing but `rescue_client`.
"""

import asyncio
import sys
from contextlib import aclosing

from rescue_client import ConsoleClient, FailedPrecondition, QueueView, connect


async def main(technician: str) -> None:
    async with connect(technician) as connection:
        console = ConsoleClient(connection)
        created = await console.create_pin("Ms Vos")
        print(f"session {created.session}: the customer's PIN is {created.pin}")
        view = QueueView(technician=technician)
        async with aclosing(console.watch()) as updates:
            async for update in updates:
                was_in_queue = created.session in view.entries
                view = view.after(update)
                entry = view.entries.get(created.session)
                if entry is None and was_in_queue:
                    print("the session left the queue")
                    return
                if entry is not None and not was_in_queue:
                    print(f"the queue shows {entry.status}")
                    try:
                        await console.hold(created.session)
                    except FailedPrecondition as error:
                        print(f"refused ({error.reason}); possible: {', '.join(error.allowed)}")
                    await console.end(created.session)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
