"""What the trainee's queue shows on a server that an exercise has of its own: the trainer wants to see it, too."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import aclosing, suppress

from rescue_client.connection import Connection
from rescue_client.overview import OverviewClient
from rescue_console import json_lines
from rescue_console.labels import Labels
from rescue_emulator.world.world import World
from rescue_protos.errors import RescueError

_LABELS = "en"  # pages name statuses by themselves


class OwnQueue:
    """The queue of one technician of a world, from now on. `changed` is called after each change of `entries`."""

    def __init__(self, world: World, technician: str, *, changed: Callable[[], None]) -> None:
        self.entries: list[dict[str, object]] = []
        self._technician = technician
        self._changed = changed
        self._connection = Connection.find(data=world.data, user="admin")
        self._following = asyncio.create_task(self._follow())

    async def close(self) -> None:
        """Follow it no longer."""
        self._following.cancel()
        await asyncio.gather(self._following, return_exceptions=True)
        await self._connection.close()

    async def _follow(self) -> None:
        with suppress(RescueError):  # the server is gone, and the exercise with it
            async with aclosing(OverviewClient(self._connection).watch()) as overviews:
                async for overview in overviews:
                    found = [queue for queue in overview.queues if queue.technician == self._technician]
                    labels = Labels.of(_LABELS)
                    entries = [line for queue in found for line in json_lines.entry_lines(queue.entries, labels)]
                    if entries != self.entries:
                        self.entries = entries
                        self._changed()
