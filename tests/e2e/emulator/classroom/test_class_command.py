"""`rescue class` from the making of a class to its end, with a server and terminals as real processes."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

from rescue_common.processes.child import Program
from rescue_common.state_directory import Access
from rescue_emulator.classroom.store import ClassStore
from rescue_emulator.exercises.progress import Score
from rescue_emulator.testing import Status, World


async def rescue(*arguments: str, status: int | None = 0) -> str:
    """Run a command, and return what it says on both outputs. Without a `status` any failure will do."""
    process = await asyncio.create_subprocess_exec(
        *[sys.executable, "-m", "rescue_emulator", *arguments],
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    out, _ = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode == status if status is not None else process.returncode in (1, 2), out.decode()
    return out.decode()


async def made(world: World, name: str, *options: str) -> list[dict[str, Any]]:
    said = await rescue("class", "new", name, *options, "--data", str(world.data), "--json")
    people: list[dict[str, Any]] = json.loads(said)["people"]
    return people


async def joined(world: World, code: str, there: Path) -> Program:
    """A terminal of somebody who has only the code and the address."""
    arguments = ("class", "join", code, "--server", world.address, "--json", "--data", str(there))
    program = await Program.start(f"join {code}", "rescue_emulator", *arguments)
    await program.event("snapshot-end", 30)
    return program


async def test_two_people_join_and_no_group_sees_the_other(tmp_path: Path) -> None:
    async with World() as world:
        people = await made(world, "monday", "--person", "Ann", "--person", "Ben")
        assert [one["technician"] for one in people] == ["monday-1", "monday-2"]
        secrets = Access.read(world.data).secrets
        ann, ben = [await joined(world, one["code"], tmp_path / one["person"]) for one in people]
        try:
            computer = await world.computer(channel="Web-monday-1", name="Ms Vos")
            await ann.event(lambda line: line.get("customer") == "Ms Vos" and line["status"] == Status.WAITING, 20)
            await ben.send("sync")
            await ben.event(lambda line: line.get("reply") == 1, 20)
            assert [line for line in ben.events if line.get("event") == "entry"] == []
            shown = json.loads(await rescue("class", "show", "monday", "--data", str(world.data), "--json"))
            assert [one["joined"] for one in shown["people"]] == [True, True]
            left_behind = [path.read_text() for who in ("Ann", "Ben") for path in (tmp_path / who).iterdir()]
            assert not any(secret in text for secret in secrets.values() for text in left_behind)

            assert "cleared 0 sessions" in await rescue("class", "reset", "monday", "Ben", "--data", str(world.data))
            assert "cleared 1 session" in await rescue("class", "reset", "monday", "Ann", "--data", str(world.data))
            await computer.ended()
        finally:
            await asyncio.gather(ann.stop(), ben.stop())

        # The window was closed: the same account of the same machine comes back, and nobody else gets in.
        again = await joined(world, people[0]["code"], tmp_path / "Ann")
        await again.stop()
        refused = await rescue(
            "class", "join", people[0]["code"], "--server", world.address, "--data", str(tmp_path / "Eve"), status=1
        )
        assert refused == "Error: somebody has joined with this code already: ask for a new code\n"
        wrong = await rescue(
            "class", "join", "ABCD-EFGH", "--server", world.address, "--data", str(tmp_path / "Eve"), status=1
        )
        assert "look for a typing error" in wrong
        new_code = json.loads(await rescue("class", "code", "monday", "Ann", "--data", str(world.data), "--json"))
        eve = await joined(world, new_code["code"], tmp_path / "Eve")
        await eve.stop()


async def test_a_class_ends_without_a_trace_and_others_keep_what_they_have(tmp_path: Path) -> None:
    async with World() as world:
        before = await world.admin.organization()
        alice = await world.technician("alice")
        mine, _ = await alice.pin("Mr Bos")
        await made(world, "monday", "--people", "3", "--group-size", "2", "--web", "http://10.0.0.5:8080")
        data = ("--data", str(world.data))
        assert "monday: 3 people in 2 groups" in await rescue("class", "list", *data)
        taken = await rescue("class", "new", "monday", "--people", "2", *data, status=1)
        assert "there is a class 'monday' already" in taken
        page = tmp_path / "handout.html"
        await rescue("class", "handout", "monday", "--format", "html", "--output", str(page), *data)
        assert page.read_text().count("<section>") == 3
        assert page.read_text().count("http://10.0.0.5:8080/join/") == 6
        assert page.read_text().count(f"--server 10.0.0.5:{world.address.rpartition(':')[2]}") == 3
        other = await rescue("class", "handout", "monday", "--at", "127.0.0.1:1", *data)
        assert other.count("--server 127.0.0.1:1") == 3, "as it was asked for"
        score = Score(at="2026-03-04T09:00:00+00:00", person="monday-1a", exercise="14", trainee="alice", solved=False)
        ClassStore(world.data).scores("monday").add(score)
        assert "monday-2a: 0 solved" in await rescue("class", "report", "monday", *data)
        called = await world.computer(channel="Web-monday-1")
        assert "cleared 0 sessions" in await rescue("class", "reset", "monday", "monday-2", *data), "a group"
        assert "cleared 1 session" in await rescue("class", "reset", "monday", "monday-1b", *data), "a person's group"
        await called.ended()
        computer = await world.computer(channel="Web-monday-2")
        assert await rescue("class", "end", "monday", *data) == "class monday has ended\n"
        await computer.ended()
        after = await world.admin.organization()
        assert (after.groups, after.channels) == (before.groups, before.channels)
        assert alice.status(mine) == Status.CONNECTING
        assert "there is no class 'monday'" in await rescue("class", "show", "monday", *data, status=1)
        assert "look again: row 14" in await rescue("class", "report", "monday", *data), "the scores stay"
        assert "there is no class 'tuesday'" in await rescue("class", "report", "tuesday", *data, status=1)


async def test_an_interrupted_making_goes_on(tmp_path: Path) -> None:
    async with World() as world:
        data = ("--data", str(world.data))
        await made(world, "monday", "--people", "2")
        file = world.data / "classes/monday/class.json"
        kept = json.loads(file.read_text())
        for member in kept["members"]:
            member.update(code="", valid_until=None)
        file.write_text(json.dumps({**kept, "secrets": {}, "is_ready": False}))  # as it was before the first answer
        assert "not ready" in await rescue("class", "list", *data)
        people = await made(world, "monday", "--people", "2")
        assert all(one["code"] for one in people)
        program = await joined(world, people[1]["code"], tmp_path / "there")
        await program.stop()


BAD = (
    (("new", "monday"), "say how many people there are"),
    (("new", "monday", "--people", "2", "--person", "Ann"), "say how many people there are"),
    (("new", "Monday", "--people", "2"), "is no name of a class"),
    (("new", "monday", "--people", "101"), "a class has 1 to 100 people"),
    (("new", "monday", "--person", "../x"), "is no name"),
    (("new", "monday", "--person", "=cmd()"), "'=cmd()' is no name: a letter or digit, then up to 63 letters"),
    (("new", "tuesday", "--people", "2", "--valid-for", "10s"), "one minute to 366 days"),
    (("new", "monday", "--people", "2", "--valid-for", "-1h"), "'-1h'"),
    (("new", "monday", "--people", "2", "--web", "foo"), "is no address of pages"),
    (("code", "nobody", "Ann"), "there is no class 'nobody'"),
)


async def test_bad_input_is_said_in_a_line() -> None:
    async with World() as world:
        for arguments, why in BAD:
            said = await rescue("class", *arguments, "--data", str(world.data), status=None)
            assert why in said
            assert "Traceback" not in said


async def test_a_name_that_the_server_has_already_is_left_alone() -> None:
    async with World() as world:
        await world.admin.add_technician("monday-2", group="Support")
        before = Access.read(world.data).secrets["monday-2"]
        said = await rescue("class", "new", "monday", "--people", "2", "--data", str(world.data), status=2)
        assert "the server has 'monday-2' already" in said
        assert Access.read(world.data).secrets["monday-2"] == before
