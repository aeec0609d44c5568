"""After a restore the server has another history: whoever was away goes on in none but this one."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from rescue_client import Connection, ConsoleClient, JournalClient, QueueView
from rescue_client.records import Snapshot
from rescue_emulator.testing import Technician, World
from rescue_protos.errors import HistoryChanged
from rescue_protos.v1 import journal_pb2, journal_pb2_grpc
from rescue_server.store import STORE_FILE


@dataclass
class Restored:
    """A world whose server can be backed up and restored."""

    world: World
    alice: Technician
    backups: Path
    numbers: list[int] = field(default_factory=list)

    async def back_up(self) -> None:
        command = (sys.executable, "-m", "rescue_server", "backup", str(self.backups / "b"))
        process = await asyncio.create_subprocess_exec(*command, "--data", str(self.world.data))
        assert await process.wait() == 0

    async def restore(self) -> None:
        await self.world.stop_server()
        await self.world.restart_server("--restore", str(self.backups / "b"))

    async def restore_while_alice_is_away(self) -> None:
        """Her console stands still, as on a laptop that sleeps."""
        os.kill(self.alice.program.pid, signal.SIGSTOP)
        try:
            await self.restore()
        finally:
            os.kill(self.alice.program.pid, signal.SIGCONT)

    async def pin(self, customer: str) -> str:
        made = await self.alice.pin(customer)
        self.numbers.append(int(made.session))
        return made.session


@pytest.fixture
async def restored(tmp_path: Path) -> AsyncIterator[Restored]:
    async with World() as world:
        yield Restored(world, await world.technician("alice"), tmp_path)


async def test_a_console_that_was_away_gets_the_whole_queue_of_the_other_history(restored: Restored) -> None:
    await restored.pin("kept")
    await restored.back_up()
    for number in range(3):
        await restored.pin(f"only before {number}")
    async with Connection.find(user="alice", data=restored.world.data) as connection:
        console, view = ConsoleClient(connection), QueueView(technician="alice")
        async with aclosing(console.watch()) as updates:
            async for update in updates:
                view = view.after(update)
                break
        # The console is away: its next watch goes on after its last revision.
        before = view
        await restored.restore()
        for number in range(8):
            await restored.pin(f"after {number}")
        async with aclosing(console.watch()) as updates, asyncio.timeout(30):
            async for update in updates:
                view = view.after(update)
                if isinstance(update, Snapshot):
                    compacted, history = update.compacted, update.history
                    break
        queue = {entry.session: entry.customer for entry in (await console.queue()).entries}
    assert compacted
    assert history not in ("", before.history)
    assert {name: entry.customer for name, entry in view.entries.items()} == queue
    assert set(queue.values()) == {"kept", *(f"after {number}" for number in range(8))}
    assert len(set(restored.numbers)) == len(restored.numbers), "no session number is given out twice"


async def test_a_scripts_lines_are_the_queue_of_the_other_history(restored: Restored) -> None:
    """A script forgets at the end of a compacted snapshot whatever was not in it."""
    await restored.pin("kept")
    await restored.back_up()
    for number in range(3):
        await restored.pin(f"only before {number}")
    await restored.restore_while_alice_is_away()
    await restored.alice.sync()
    queue = {entry.session for entry in await restored.alice.queue()}
    told, listed = set[str](), set[str]()
    for line in restored.alice.program.events:
        if line.get("event") == "entry":
            (listed if line.get("snapshot") else told).add(line["session"])
        elif line.get("event") == "snapshot-end":
            told, listed = (listed if line["compacted"] else told | listed), set()
    assert told == queue
    assert len(queue) == 1
    assert set(restored.alice.sessions) == queue, "a test is not shown either what is no more"


async def test_a_sync_waits_for_the_history_of_its_answer(restored: Restored) -> None:
    """The console is far ahead in revisions."""
    await restored.back_up()
    for number in range(10):
        await restored.pin(f"before {number}")
    await restored.restore_while_alice_is_away()
    fresh = await restored.pin("after")
    await restored.alice.sync()
    shown = {entry.session for entry in await restored.alice.queue()}
    assert shown == {fresh}
    assert restored.alice.status(fresh) is not None


@pytest.mark.parametrize("method", ["ListEvents", "WatchEvents"])
async def test_events_are_never_sent_without_their_history(restored: Restored, method: str) -> None:
    """Who loses the stream after any message must be able to say which history they have seen."""
    async with Connection.find(user="admin", data=restored.world.data) as connection, connection.channel() as channel:
        stub = channel.stub(journal_pb2_grpc.JournalServiceStub)
        request = getattr(journal_pb2, f"{method}Request")()
        call = getattr(stub, method)(request, metadata=await channel.metadata())
        read = [await call.read()]
        while not read[-1].events:
            read.append(await call.read())
        call.cancel()
    assert all(message.history for message in read)


async def test_the_journal_is_not_followed_from_one_history_into_another(restored: Restored) -> None:
    await restored.back_up()
    await restored.pin("before")
    async with (
        Connection.find(user="admin", data=restored.world.data) as connection,
        aclosing(JournalClient(connection).watch()) as pieces,
        asyncio.timeout(60),
    ):
        while not (await anext(pieces)).lines:  # who has seen nothing may follow any history
            pass
        await restored.restore()
        with pytest.raises(HistoryChanged, match="beginning"):
            async for _ in pieces:
                pass


async def test_the_customers_computer_shows_each_line_of_the_other_history(restored: Restored) -> None:
    world, alice = restored.world, restored.alice
    session, pin = await alice.pin("Ms Vos")
    computer = await world.computer(pin=pin)
    await alice.start(session)
    await restored.back_up()
    before = [f"before {number}" for number in range(5)]
    for line in before:
        await alice.chat(session, line)

    async def shown(lines: list[str]) -> None:
        def found() -> bool | None:
            return [one["text"] for one in computer.program.events if one.get("event") == "chat"] == lines or None

        await computer.program.until(found, timeout=30, what=f"the lines {lines}")

    await shown(before)
    await restored.restore()
    await alice.sees(session, "Active", timeout=30)
    await alice.chat(session, "after")  # its revision is one that the computer has seen already
    await shown([*before, "after"])


async def test_numbers_go_on_after_those_of_the_replaced_store(restored: Restored) -> None:
    await restored.back_up()
    first = await restored.pin("before")
    for _ in range(2):
        await restored.restore()
        assert int(await restored.pin("after")) > int(first)
    assert len(set(restored.numbers)) == 3


async def test_a_store_that_cannot_be_read_leaves_numbers_out(restored: Restored) -> None:
    await restored.pin("kept")
    await restored.back_up()
    await restored.pin("lost")
    await restored.world.stop_server()
    store = restored.world.data / STORE_FILE
    content = store.read_bytes()
    store.write_bytes(content[:4096] + bytes(len(content) - 4096))
    await restored.world.restart_server("--restore", str(restored.backups / "b"))
    assert int(await restored.pin("after")) > restored.numbers[0] + 1000
