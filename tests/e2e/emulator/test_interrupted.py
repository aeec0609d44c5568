"""Ctrl-C ends every program in order, whatever it is doing at that moment: its own exit status and no traceback."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import pytest

from rescue_emulator import World

_AT_ONCE = 4  # programs


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """`at_work` is in the line by which it shows that it runs; then `typed` keeps it busy.

    `tries` is how often it is interrupted in the long test: less often if it starts slowly.
    """

    words: tuple[str, ...]
    at_work: bytes
    typed: bytes = b""
    status: int = 130
    tries: int = 100


_PROGRAMS: Mapping[str, Program] = MappingProxyType(
    {
        "server": Program(
            words=("server", "--web", "127.0.0.1:0", "--data", "OWN"), at_work=b"ready", status=0, tries=20
        ),
        "json": Program(
            words=("console", "alice", "--json"), at_work=b"snapshot", typed=b"pin x\nqueue\nsync\n" * 20, tries=400
        ),
        "plain": Program(
            words=("console", "bob", "--plain"), at_work=b"ueue", typed=b"pin x\nqueue\nsync\n" * 20, tries=400
        ),
        "applet": Program(
            words=("applet", "--channel", "Web", "--json"), at_work=b"applet", typed=b"lan off\nlan on\n" * 20
        ),
        "web": Program(words=("web", "--json"), at_work=b"ready", tries=20),
        "events": Program(words=("events", "--follow"), at_work=b"PIN"),
    }
)


async def _interrupt(program: Program, data: Path, own: Path, *, after: float) -> str:
    """Start a program, interrupt it `after` real seconds of work, and return its exit status and its complaints."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "rescue_emulator"),
        *(str(own) if word == "OWN" else word for word in program.words),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "RESCUE_DATA": str(data)},
    )
    assert process.stdin is not None
    assert process.stdout is not None
    async with asyncio.timeout(60):
        while program.at_work not in (line := await process.stdout.readline()):
            assert line, f"{program.words} ended by itself: {await process.communicate()}"
        process.stdin.write(program.typed)
        await asyncio.sleep(after)
        process.send_signal(signal.SIGINT)
        _, err = await process.communicate()
    complaints = err.decode() if b"Traceback" in err or b"rror" in err else ""
    return f"{process.returncode} {complaints}".strip()


@pytest.mark.parametrize("name", _PROGRAMS)
@pytest.mark.parametrize("is_long", [False, pytest.param(True, marks=[pytest.mark.long, pytest.mark.timeout(900)])])
async def test_ctrl_c_ends_a_program_in_order(name: str, is_long: bool, tmp_path: Path) -> None:
    program, turns = _PROGRAMS[name], asyncio.Semaphore(_AT_ONCE)
    async with World(speed=1) as world:
        await (await world.technician("alice")).pin("Ms Vos")  # something for the journal

        async def once(number: int) -> str:
            async with turns:
                return await _interrupt(program, world.data, tmp_path / str(number), after=random.random() / 5)

        ends = await asyncio.gather(*map(once, range(program.tries if is_long else 2)))
    assert set(ends) == {str(program.status)}
