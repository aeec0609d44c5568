"""Many commands by a stream while the server is killed: each is done once, and each is answered."""

from __future__ import annotations

import asyncio
from pathlib import Path

from rescue_client import Connection, ConsoleClient
from rescue_emulator.testing import World

MANY = 400


async def test_a_server_that_is_killed_loses_no_command_of_a_stream_and_does_none_twice(tmp_path: Path) -> None:
    async with World(data=tmp_path / "data") as world:
        await world.technician("alice")
        async with Connection.find(user="alice", data=world.data) as connection:
            console = ConsoleClient(connection)
            answered, some_answered = 0, asyncio.Event()

            async with console.by_stream() as quick, asyncio.timeout(60):

                async def create(number: int) -> str:
                    nonlocal answered
                    made = await quick.create_pin(str(number))
                    answered += 1
                    if answered == MANY // 4:
                        some_answered.set()
                    return made.session

                creating = [asyncio.create_task(create(number)) for number in range(MANY)]
                await some_answered.wait()
                await world.kill_server()
                at_the_kill = answered
                await world.restart_server()
                sessions = await asyncio.gather(*creating)

            assert at_the_kill < MANY, "the server was killed too late to show anything"
            queue = await console.queue()
        assert sorted(int(entry.customer) for entry in queue.entries) == list(range(MANY))
        assert {entry.session for entry in queue.entries} == set(sessions)
