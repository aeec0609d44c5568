"""Records the journals under `journals/`, with real programs.

    python tests/contract/server/record_journals.py tests/contract/server/journals/VERSION

`-conformance.jsonl` are conformance scenarios, as few as cover all 62 rows. The others (`-others.jsonl`,
`-removals.jsonl`, `-public-api.jsonl`, `-posts.jsonl`, `-people.jsonl`, `-join-codes.jsonl`) have the events that no
row needs, so that all together have every kind of event.

A recording is never made anew for a version that is released: that later versions still read it is what it is for.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import sys
import tempfile
import threading
from contextlib import aclosing
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from urllib.parse import urlencode
from urllib.request import urlopen

from rescue_client.admin import AdminClient
from rescue_client.connection import Connection
from rescue_client.console import ConsoleClient
from rescue_client.joining import join, new_joiner
from rescue_client.people import PeopleClient
from rescue_common.state_directory import Access
from rescue_emulator.conformance.row_scenarios import read_scenarios
from rescue_emulator.scenarios.model import Scenario
from rescue_emulator.scenarios.player import Player
from rescue_emulator.scenarios.stage import Stage
from rescue_emulator.world.world import World
from rescue_protos.status_table import read_rows

_OLD_STORE = Path(__file__).parent / "store-0.1.0"


def rows_of(scenario: Scenario) -> set[int]:
    """The rows that a scenario's consoles show, and its own: row 61 is shown by nothing happening."""
    shown = {one.row for queue in scenario.queues.values() for one in queue if one.row is not None}
    return shown | {scenario.row or 0}


def choose() -> list[Scenario]:
    """Few scenarios that together show every row: always the one that adds most."""
    scenarios = [scenario for row in read_rows() for scenario in read_scenarios(row.row)]
    missing = {row.row for row in read_rows()}
    chosen = []
    while missing:
        best = max(scenarios, key=lambda scenario: len(rows_of(scenario) & missing))
        chosen.append(best)
        missing -= rows_of(best)
    return sorted(chosen, key=lambda scenario: scenario.row or 0)


async def record_conformance(target: Path) -> None:
    """Play them one after the other in one world, and write down its journal."""
    async with World(paused=True) as world:
        player = Player(await Stage.build(world, lang="en"))
        for scenario in choose():
            played = await player.play(scenario)
            print(scenario.row, "ok" if played.ok else played.deviations)
            await player.clear()
        await write_down(world, target)


async def record_others(target: Path) -> None:
    """Let happen what no row needs: chat, processes, a lead that is offered in vain, an administrator at work."""
    async with World(paused=True) as world:
        alice, bob = await world.technician("alice"), await world.technician("bob")
        session, pin = await alice.pin("Customer")
        computer = await world.computer(pin=pin)
        await alice.command("start", session)
        await alice.command("chat", session, "Good morning")
        await computer.chat("Hello")
        await alice.note(session, "They called before.")
        await alice.command("open", session, "file-manager")
        await alice.command("close", session, "file-manager")
        await alice.command("invite", session, "bob")
        await bob.command("start", session)
        await alice.command("lead", session, "offer", "bob")
        await alice.command("lead", session, "cancel")
        await bob.command("end", session)
        await world.advance(minutes=1)
        await alice.command("end", session)
        await world.admin.add_group("Night")
        await world.admin.add_technician("erin", group="Night")
        await world.admin.move_technician("erin", group="Support")
        await world.admin.remove_technician("erin")
        await world.set("group:Support", waiting_timeout="2m")
        unheeded, pin = await alice.pin("Customer")
        await world.computer(pin=pin)
        await world.advance(minutes=3)
        await alice.sees(unheeded, "Removed from TC queue")
        await world.set("group:Support", terms="Be kind.")
        declined, pin = await alice.pin("Customer")
        await (await world.computer(pin=pin, terms="decline", wait=False)).ended()
        await world.advance(minutes=21)
        await alice.sees(declined, "Removed from TC queue")
        await write_down(world, target)


async def record_removals(target: Path) -> None:
    """Make a technician group and a channel, and remove both."""
    async with World(paused=True) as world:
        await world.admin.add_group("Night")
        await world.admin.add_channel("Phone", groups=["Night"])
        await world.admin.remove_channel("Phone")
        await world.admin.remove_group("Night")
        await write_down(world, target)


async def record_api(target: Path) -> None:
    """Take over a store of before node ids, and request a code of the public API and what its reports are about."""
    with tempfile.TemporaryDirectory() as directory:
        data = Path(shutil.copytree(_OLD_STORE, Path(directory) / "data"))
        async with World(data=data, options=("--api", "127.0.0.1:0")) as world:
            password = Access.read(data).secrets["admin"]
            form = urlencode({"email": "admin", "pwd": password})
            answer = await asyncio.to_thread(urlopen, f"{world.api.url}/requestAuthCode.aspx?{form}")
            code = answer.read().decode().partition("AUTHCODE:")[2]
            for asked in (
                f"setReportArea.aspx?area=5&authcode={code}",
                f"setDelimiter.aspx?delimiter=;&authcode={code}",
            ):
                await asyncio.to_thread(urlopen, f"{world.api.url}/{asked}")
            async with (
                Connection.find(user="alice", data=data) as connection,
                aclosing(ConsoleClient(connection).watch()) as updates,
            ):
                await anext(updates)
            await journal_has(world, "ConsoleWent")
            await write_down(world, target)


async def record_posts(target: Path) -> None:
    """Let a group post its sessions: the start in vain, the end to a receiver."""
    with HTTPServer(("127.0.0.1", 0), Receiver) as receiver:
        threading.Thread(target=receiver.serve_forever, daemon=True).start()
        async with World(paused=True) as world:
            urls = {"post-start": "http://reader:pw@127.0.0.1:1/start?key=1"}
            await world.admin.change_settings("group:Support", urls)
            alice = await world.technician("alice")
            session, pin = await alice.pin("Customer")
            await world.computer(pin=pin)
            await alice.start(session)
            await journal_has(world, "PostFailed")
            urls = {"post-start": "", "post-end": f"http://127.0.0.1:{receiver.server_port}/end"}
            await world.admin.change_settings("group:Support", urls)
            await run(world, "posts", "retry", json.loads(await run(world, "posts", "--pending", "--json"))["delivery"])
            await journal_has(world, "PostGivenUp")
            await alice.end(session)
            await journal_has(world, "PostSent")
            await write_down(world, target)
        receiver.shutdown()


class Receiver(BaseHTTPRequestHandler):
    """Takes each post."""

    def do_POST(self) -> None:
        """Answer with success."""
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(204)
        self.end_headers()


async def journal_has(world: World, name: str) -> None:
    """Wait until an event has happened."""
    async with aclosing(world.journal.watch()) as pieces:
        async for piece in pieces:
            if any(line.name == name for line in piece.lines):
                return


async def run(world: World, *words: str) -> str:
    """Run `rescue` beside the world's server; return what it prints."""
    command = (sys.executable, "-m", "rescue_emulator", *words, "--data", str(world.data))
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    output, _ = await process.communicate()
    assert process.returncode == 0
    return output.decode()


async def record_join_codes(target: Path) -> None:
    """Make a code for alice, who joins with it."""
    async with World(paused=True) as world:
        made = await world.admin.issue_join_code("alice", valid_for=timedelta(hours=1))
        await join(world.address, made.code, joiner=new_joiner())
        await write_down(world, target)


async def record_people(target: Path) -> None:
    """Change what is known of people, groups, a channel and the organization, and their names."""
    async with World(paused=True) as world:
        async with Connection.find(user="admin", data=world.data) as connection:
            people, admin = PeopleClient(connection), AdminClient(connection)
            await people.set_account({"organization-name": "Example", "sso-password": "secret"})
            await people.change_user("alice", email="alice@example.com", enabled=False)
            await people.change_user("bob", name="rob")
            await people.change_group("Network", name="Night", description="at night")
            await people.change_channel("Web", group="Night", serves=False)
            await admin.add_administrator("grace")
            await people.issue_api_token("grace")
            await people.remove_administrator("grace")
        await write_down(world, target)


async def write_down(world: World, target: Path) -> None:
    """Print the world's journal into a file, by the command that people use."""
    command = (sys.executable, "-m", "rescue_emulator", "events", "--json", "--data", str(world.data))
    with target.open("wb") as file:
        process = await asyncio.create_subprocess_exec(*command, stdout=file)
        assert await process.wait() == 0


async def main(stem: str) -> None:
    """Record all."""
    await record_api(Path(f"{stem}-public-api.jsonl"))
    await record_posts(Path(f"{stem}-posts.jsonl"))
    await record_join_codes(Path(f"{stem}-join-codes.jsonl"))
    await record_people(Path(f"{stem}-people.jsonl"))
    await record_removals(Path(f"{stem}-removals.jsonl"))
    await record_others(Path(f"{stem}-others.jsonl"))
    await record_conformance(Path(f"{stem}-conformance.jsonl"))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
