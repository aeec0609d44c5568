"""The client for Node of the documents, with what npm has, beside a real server."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest

from rescue_common.state_directory import Access
from rescue_emulator.testing import World
from tests.machine_needs import not_to_be_had

ROOT = Path(__file__).parents[3]
PACKAGES = Path(__file__).parent / "node" / "node_modules"


@pytest.mark.timeout(120)
async def test_node_signs_in_commands_resumes_its_watch_and_reads_why_it_was_refused(tmp_path: Path) -> None:
    node = shutil.which("node")
    if node is None or not (PACKAGES / "@grpc" / "grpc-js").exists():
        not_to_be_had("@grpc/grpc-js is not installed: make node-example")
    shutil.copy(ROOT / "docs" / "examples" / "grpc_node.mjs", tmp_path)
    (tmp_path / "node_modules").symlink_to(PACKAGES)
    command = [sys.executable, "-m", "rescue_emulator", "docs", "proto", "--out", "proto"]
    await asyncio.to_thread(subprocess.run, command, cwd=tmp_path, check=True, capture_output=True)
    async with World() as world:
        secret = Access.read(world.data).secrets["alice"]
        there = {**os.environ, "RESCUE_SERVER": world.address, "RESCUE_SECRET": secret}
        client = partial(subprocess.run, cwd=tmp_path, env=there, capture_output=True, text=True, timeout=60)
        done = await asyncio.to_thread(client, [str(node), "grpc_node.mjs"])
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        "the same session: true",
        "1001 STATUS_CONNECTING",
        "9 STEP_NOT_POSSIBLE",
    ]
