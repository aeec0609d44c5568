"""The applet's process, seen by the computer: start it, send it orders, read its news and kill it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from pathlib import Path

from rescue_applet import child_protocol
from rescue_common.processes.forked import CannotFork, ForkedProcess, inherited_fork_server

_MODULE = "rescue_applet.applet_process"


class AppletChild:
    """A running applet process."""

    def __init__(self, process: asyncio.subprocess.Process | ForkedProcess) -> None:
        self._process = process

    @staticmethod
    async def start(*, relay: str, ticket_file: Path, entry: tuple[str, ...] = ()) -> AppletChild:
        """Start the applet with the address of the cable's near end and its ticket file.

        `entry` is a command that runs the applet where the cable ends, for example in a network namespace.
        """
        arguments = (relay, str(ticket_file))
        server = inherited_fork_server()
        if server is not None and not entry:
            with contextlib.suppress(CannotFork):
                return AppletChild(await server.fork(_MODULE, arguments, os.environ, loads=(_MODULE,), stderr=2))
        process = await asyncio.create_subprocess_exec(
            *entry,
            *(sys.executable, "-P", "-m", _MODULE, *arguments),
            stdin=PIPE,
            stdout=PIPE,
            limit=child_protocol.LONGEST_LINE,
            # Ctrl-C on a terminal is meant for the computer; the applet goes with it.
            process_group=0,
        )
        return AppletChild(process)

    @property
    def pid(self) -> int:
        return self._process.pid

    def send(self, order: child_protocol.Orders) -> None:
        """Send an order. One that comes too late is lost with the process."""
        if self._process.stdin is not None and not self._process.stdin.is_closing():
            self._process.stdin.write(child_protocol.encode(order))

    async def news(self) -> AsyncIterator[child_protocol.News]:
        """Yield the applet's news until its process has ended."""
        assert self._process.stdout is not None  # it was asked for
        while line := await self._process.stdout.readline():
            # A process that is killed while it speaks leaves half a line.
            if line.endswith(b"\n"):
                yield child_protocol.read_news(line)
        await self._process.wait()

    async def ends_within(self, seconds: float) -> bool:
        """Wait for the end of the process for this long (real time); return whether it has ended."""
        try:
            async with asyncio.timeout(seconds):
                await self._process.wait()
        except TimeoutError:
            return False
        return True

    def kill(self) -> None:
        """Kill it at once."""
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()

    async def kill_and_wait(self) -> None:
        """End it at once; return when it is gone."""
        self.kill()
        await self._process.wait()
