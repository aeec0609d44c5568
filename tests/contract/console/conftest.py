"""A fake session server for consoles, clients of it, and scripted consoles as processes."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from rescue_client.connection import Connection
from rescue_client.console import ConsoleClient
from rescue_common.state_directory import Access
from tests.contract.console.console_process import ClientOf, ConsoleProcess, StartConsole
from tests.fakes.console_peer import Peer


@pytest.fixture
async def peer(tmp_path: Path) -> AsyncIterator[Peer]:
    """A booted peer with an empty queue."""
    peer = Peer(tmp_path)  # type: ignore[abstract]  # the commands are added by their names
    await peer.boot()
    yield peer
    await peer.crash()
    peer.release_ports()


@pytest.fixture
def client_of(peer: Peer) -> ClientOf:
    """Make a client of the peer; it looks the address up in the state directory."""

    @contextlib.asynccontextmanager
    async def make(secret: str = "opensesame", **options: Any) -> AsyncIterator[ConsoleClient]:
        def locate() -> tuple[str, str]:
            access = Access.read(peer.data)
            return access.server, access.secrets["alice"]

        connection = Connection(peer.address, user="alice", secret=secret, locate=locate, **options)
        async with connection:
            yield ConsoleClient(connection)

    return make


@pytest.fixture
async def console(tmp_path: Path) -> AsyncIterator[StartConsole]:
    """Start scripted consoles on the peer's state directory; they are killed in the end."""
    started: list[asyncio.subprocess.Process] = []

    async def start(*options: str, technician: str = "alice", json_lines: bool = True, **env: str) -> ConsoleProcess:
        quiet = {name: value for name, value in os.environ.items() if not name.startswith(("RESCUE_", "LC_", "LANG"))}
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "rescue_console",
            technician,
            *(["--json"] if json_lines else []),
            "--data",
            str(tmp_path),
            *options,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env={**quiet, **env},
        )
        started.append(process)
        return ConsoleProcess(process)

    yield start
    for process in started:
        if process.returncode is None:
            process.kill()
            await process.wait()
