"""A scripted console as a process, for the tests of its lines."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

from rescue_client.console import ConsoleClient

ClientOf = Callable[..., AbstractAsyncContextManager[ConsoleClient]]
StartConsole = Callable[..., "Awaitable[ConsoleProcess]"]


class ConsoleProcess:
    """A scripted console as a process, one JSON object a line."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.seen: list[dict[str, Any]] = []

    async def type(self, *lines: str | bytes) -> None:
        assert self.process.stdin is not None
        for line in lines:
            self.process.stdin.write((line if isinstance(line, bytes) else line.encode()) + b"\n")
        await self.process.stdin.drain()

    async def until(self, wanted: Callable[[dict[str, Any]], bool], timeout: float = 15) -> dict[str, Any]:
        """Read on until a line that is wanted, and return it."""
        assert self.process.stdout is not None
        async with asyncio.timeout(timeout):
            while line := await self.process.stdout.readline():
                self.seen.append(json.loads(line))
                if wanted(self.seen[-1]):
                    return self.seen[-1]
        raise AssertionError(f"the console ended after {self.seen}")

    async def reply(self, number: int, timeout: float = 15) -> dict[str, Any]:
        """Return a reply, also if it was read over before."""

        def wanted(line: dict[str, Any]) -> bool:
            return line.get("reply") == number

        seen = next(filter(wanted, self.seen), None)
        return seen or await self.until(wanted, timeout)

    async def event(self, name: str, **fields: Any) -> dict[str, Any]:
        return await self.until(lambda line: {**line, "event": name, **fields} == line)

    async def end(self) -> tuple[int, list[dict[str, Any]], str]:
        """Close the input; return the exit status, all that it printed, and its stderr."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        async with asyncio.timeout(15):
            out, err = await self.process.communicate()
        self.seen += [json.loads(line) for line in out.splitlines()]
        assert self.process.returncode is not None
        return self.process.returncode, self.seen, err.decode()
