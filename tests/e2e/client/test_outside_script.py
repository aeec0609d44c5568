"""A script of somebody who only knows `rescue_client`, as a process beside a real server."""

from __future__ import annotations

import ast
import asyncio
import os
import sys
from pathlib import Path

from rescue_emulator import World

SCRIPT = Path(__file__).parents[3] / "docs" / "examples" / "follow_queue.py"


async def test_a_script_with_rescue_client_alone_follows_a_queue_and_catches_a_refusal() -> None:
    async with World() as world:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            str(SCRIPT),
            "alice",
            env={**os.environ, "RESCUE_DATA": str(world.data)},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        async with asyncio.timeout(30):
            output, errors = await process.communicate()
    assert (process.returncode, errors.decode()) == (0, "")
    first, *rest = output.decode().splitlines()
    assert first.startswith("session ")
    assert ": the customer's PIN is " in first
    assert rest == [
        "the queue shows Connecting",
        "refused (STEP_NOT_POSSIBLE); possible: end",
        "the session left the queue",
    ]


def test_the_script_imports_rescue_client_alone() -> None:
    tree = ast.parse(SCRIPT.read_text(encoding="utf-8"))
    imported = {
        name
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in ([node.module] if isinstance(node, ast.ImportFrom) else [alias.name for alias in node.names])
    }
    assert imported - set(sys.stdlib_module_names) == {"rescue_client"}
