"""The examples of every `--help`, run one after the other in one world as somebody who tries them all would."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

import pytest

from rescue_emulator.testing import World
from tests.help_examples import Example, commands, examples

LASTING = {
    "rescue server", "rescue server certificates", "rescue server backup", "rescue web", "rescue replay",
    "rescue applet", "rescue exec", "rescue demo", "rescue conformance", "rescue exercise", "rescue exercise start",
    "rescue exercise next", "rescue exercise check", "rescue class join",
    "rescue cluster", "rescue posts retry",
}  # fmt: skip
"""Those whose examples need a place of their own or go on until somebody ends them; each has tests of its own."""

IN_ORDER = ("rescue events", "rescue scenario record", "rescue why", "rescue wait")
"""Before anything is changed; the rest in the order of `rescue --help`."""


def to_run() -> list[Example]:
    found = [one for name, command in commands() if name not in LASTING for one in examples(name, command)]
    first = [one for one in found if one.command in IN_ORDER]
    # A full screen, what follows the journal until it is interrupted or takes a class's time to tell, another server.
    lasting = ("rescue console alice", "--follow", "--narrate", "run-1.jsonl", "--data DIR", "--server 127.0.0.1:50051")
    every = [*first, *(one for one in found if one not in first)]
    left = [one for one in every if not one.line.endswith(lasting[0]) and not any(w in one.line for w in lasting[1:])]
    return sorted(left, key=lambda one: one.command == "rescue class end")  # after what else is done with the class


@pytest.mark.long
@pytest.mark.timeout(400)
async def test_the_examples_do_what_they_say(tmp_path: Path) -> None:
    wrong: list[str] = []
    async with World(api=True) as world:
        alice, bob = await world.technician("alice"), await world.technician("bob")
        session, pin = await alice.pin("Ms Vos")
        assert session == "1001"
        await world.computer(pin=pin)
        await alice.start(session)
        await alice.command("invite", session, "bob")
        await bob.command("start", session)
        await alice.command("hold", session)  # bob's entry, too: what the example of `rescue wait` waits for
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        environment = {**os.environ, "RESCUE_DATA": str(world.data), "PATH": path}
        for example in to_run():
            process = await asyncio.create_subprocess_shell(
                example.line,
                cwd=tmp_path,
                env=environment,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT,
            )
            said, _ = await asyncio.wait_for(process.communicate(), 60)
            if process.returncode:
                wrong.append(f"{example.line}: {process.returncode}: {said.decode()[-300:]}")
    assert wrong == []
    assert {"call.svg", "statuses.svg", "story.yaml", "journal.jsonl"} <= set(os.listdir(tmp_path))
