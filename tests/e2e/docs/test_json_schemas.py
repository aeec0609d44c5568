"""What the programs print with `--json` has the form of the published schemas."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from rescue_emulator.testing import CommandRefused, Status, World

SCHEMAS = Path(__file__).parents[3] / "docs" / "reference" / "schema"

pytestmark = pytest.mark.timeout(120)  # real programs, on a machine that may be busy


def check(name: str, lines: Iterable[Mapping[str, Any]]) -> None:
    """Fail if a line does not have the form of the schema, or if there is no line."""
    schema = json.loads((SCHEMAS / f"{name}.json").read_text(encoding="utf-8"))
    validator = jsonschema.Draft202012Validator(schema)
    lines = list(lines)
    assert lines, f"{name} printed nothing"
    wrong = [f"{line}: {error.message}" for line in lines for error in validator.iter_errors(line)]
    assert wrong == []


async def printed(world: World, *words: str) -> list[dict[str, Any]]:
    """Run `rescue` with these words and `--json` beside the world's server; return its lines."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "rescue_emulator", *words, "--json"),
        env={**os.environ, "RESCUE_DATA": str(world.data)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(60):
        output, errors = await process.communicate()
    assert process.returncode == 0, errors.decode()
    return [json.loads(line) for line in output.decode().splitlines()]


@pytest.mark.parametrize("path", sorted(SCHEMAS.glob("*.json")), ids=lambda path: path.stem)
def test_a_schema_is_a_schema(path: Path) -> None:
    jsonschema.Draft202012Validator.check_schema(json.loads(path.read_text(encoding="utf-8")))


async def test_every_program_prints_what_its_schema_says(tmp_path: Path) -> None:
    async with World(api=True, options=("--api-proxy", "127.0.0.1:0")) as world:
        await world.set("group:Support", terms="Do you agree?", idle_timeout="10m")
        await world.admin.change_settings("group:Support", {"post-start": "http://127.0.0.1:1/"})  # nobody is there
        alice, bob = await world.technician("alice"), await world.technician("bob")
        session, pin = await alice.pin("Ms Vos")
        computer = await world.computer(pin=pin)
        await alice.start(session)
        await alice.invite(session, "bob")
        await bob.start(session)
        await alice.chat(session, "Good morning")
        await computer.chat("Hello")
        await alice.offer_lead(session, "bob")
        await alice.open(session, "remote-control")
        await alice.queue()
        async with computer.lan_off():
            await world.advance(minutes=1)
            await alice.sees(session, Status.RECONNECTING)
        await alice.sees(session, Status.ACTIVE)
        await alice.close(session, "remote-control")
        for refused in (("nonsense",), ("hold", "9"), ("lead", session, "accept")):
            with pytest.raises(CommandRefused):
                await alice.command(*refused)
        await alice.focus(False)
        await world.advance(minutes=10)
        journal = await printed(world, "events")
        check("events", journal)
        check("why", await printed(world, "why", session))
        check("clock", await printed(world, "clock", "show"))
        check("admin-show", await printed(world, "admin", "show"))
        check("fault", await printed(world, "fault", "add", "when any becomes Active: lan off for 40s"))
        check("fault", await printed(world, "fault", "clear"))
        check("api-users", await printed(world, "api", "users"))
        check("api-env", await printed(world, "api", "env", "--proxy"))
        posts = await printed(world, "posts")
        check("posts", [*posts, *await printed(world, "posts", "retry", str(posts[0]["delivery"]))])
        last = str(alice.status(session))
        check("wait", await printed(world, "wait", session, "--technician", "alice", "--status", last))
        file = tmp_path / "run.jsonl"
        file.write_text("".join(json.dumps(line) + "\n" for line in journal), encoding="utf-8")
        check("coverage", await printed(world, "coverage", str(file)))
        check("server", world.server.events)
        check("applet", computer.program.events)
        check("console", [*alice.program.events, *bob.program.events])
        assert {"entry", "snapshot-end", "chat", "details"} <= {str(line.get("event")) for line in alice.program.events}


async def test_conformance_prints_what_its_schema_says() -> None:
    async with World() as world:
        check("conformance", await printed(world, "conformance", "--rows", "1"))
