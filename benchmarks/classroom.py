"""A class with real programs: how soon each page shows what its person did, and what the server spends."""

from __future__ import annotations

import asyncio
import json
import statistics
import tempfile
import time
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from benchmarks.programs import cpu_of
from rescue_common.processes.child import Program
from rescue_common.state_directory import Access
from rescue_emulator.classroom.model import plan
from rescue_emulator.classroom.setting_up import set_up
from rescue_emulator.classroom.store import ClassStore
from rescue_emulator.testing import World

EVERY = 3.0  # real seconds between two commands of a person
_JOINER = "0123456789abcdef0123"


def lesson(kind: str, *, people: int, seconds: float) -> dict[str, float]:
    """Let people hold and resume their sessions on their pages, while a trainer's page is open."""
    return asyncio.run(_lesson(people, seconds))


async def _lesson(people: int, seconds: float) -> dict[str, float]:
    async with AsyncExitStack() as stack:
        data = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
        world = await stack.enter_async_context(World(data=data, paused=False, speed=1))
        store = ClassStore(data)
        planned = plan("bench", people=people)
        store.write(planned)
        began = time.monotonic()
        made = await set_up(world.admin, planned, valid_for=timedelta(hours=1), keep=store.write)
        took = time.monotonic() - began
        web = await Program.start("web", "rescue_web", "--data", str(data), "--json")
        stack.push_async_callback(web.stop)
        url = str((await web.event("ready", 60))["web"])
        trainer = Page(url)
        await trainer.enter("/sign-in", {"user": "admin", "secret": Access.read(data).secrets["admin"]})
        pages = [Page(url) for _ in made.members]
        for page, member in zip(pages, made.members, strict=True):
            await page.enter("/join", {"code": member.code, "joiner": _JOINER})
        for page in (trainer, *pages):
            stack.push_async_callback(page.close)
        await asyncio.gather(*(_begin(world, page, group) for page, group in zip(pages, made.groups, strict=True)))
        spent, at = cpu_of(world.server.pid), time.monotonic()
        delays = await asyncio.gather(
            *(_act(page, EVERY * number / people, seconds) for number, page in enumerate(pages))
        )
        passed = time.monotonic() - at
        found = sorted(delay for some in delays for delay in some)
        return {
            "set up s": took,
            "p50 ms to the page": statistics.median(found) * 1000,
            "p95 ms to the page": found[int(len(found) * 0.95)] * 1000,
            "longest ms to the page": found[-1] * 1000,
            "% of a core, server": (cpu_of(world.server.pid) - spent) / passed * 100,
            "commands": 0 - len(found),  # more is better
        }


async def _begin(world: World, page: Page, group: str) -> None:
    """Give a person a customer, and start the session."""
    computer = await world.computer(channel=f"Web-{group}")
    page.session = str(computer.session)
    await page.shown("Waiting")
    await page.order("start")
    await page.shown("Active")


async def _act(page: Page, later: float, seconds: float) -> list[float]:
    """Hold and resume in turn, and return after how many real seconds the page showed each."""
    await asyncio.sleep(later)  # a class does not act at one moment
    delays = []
    end = time.monotonic() + seconds
    for command, status in [("hold", "On Hold"), ("start", "Active")] * 100:
        began = time.monotonic()
        if began >= end:
            break
        await page.order(command)
        await page.shown(status)
        delays.append(page.shown_at - began)
        await asyncio.sleep(max(0.0, began + EVERY - time.monotonic()))
    return delays


@dataclass(slots=True)
class Page:
    """A browser's page without a browser: it signs in, follows the events, and sends commands."""

    url: str
    session: str = ""
    shown_at: float = 0.0
    _cookie: str = ""
    _proof: str = ""
    _status: dict[str, str] = field(default_factory=dict)
    _news: asyncio.Condition = field(default_factory=asyncio.Condition)
    _following: asyncio.Task[None] | None = None

    async def enter(self, path: str, body: dict[str, str]) -> None:
        """Sign in or join, and follow the events."""
        headers, _ = await self._ask("POST", path, body)
        self._cookie = headers["set-cookie"].partition(";")[0]
        self._proof = json.loads((await self._ask("GET", "/me"))[1])["proof"]
        self._following = asyncio.create_task(self._follow())

    async def order(self, command: str) -> None:
        """Send a command for the session."""
        _, answer = await self._ask("POST", "/line", {"line": f"{command} {self.session}"})
        if not json.loads(answer).get("ok"):
            raise RuntimeError(f"{command} was refused: {answer}")

    async def shown(self, status: str) -> None:
        """Wait until the session has this status. Raises TimeoutError."""
        async with asyncio.timeout(30), self._news:
            await self._news.wait_for(lambda: self._status.get(self.session) == status)

    async def close(self) -> None:
        """Close the page."""
        if self._following is not None:
            self._following.cancel()
            await asyncio.gather(self._following, return_exceptions=True)

    async def _follow(self) -> None:
        reader, writer = await self._request("GET", "/events?page=1")
        kind = ""
        try:
            while line := (await reader.readline()).decode().strip("\r\n") or not reader.at_eof():
                if not isinstance(line, str):
                    continue
                if line.startswith("event: "):
                    kind = line.removeprefix("event: ")
                elif line.startswith("data: ") and kind in ("snapshot", "update"):
                    await self._take(json.loads(line.removeprefix("data: ")))
        finally:
            writer.close()

    async def _take(self, data: dict[str, Any]) -> None:
        at = time.monotonic()
        async with self._news:
            for entry in data.get("entries", [data.get("entry")]):
                if entry is not None:
                    self._status[entry["session"]] = entry["status"]
            self.shown_at = at
            self._news.notify_all()

    async def _ask(self, method: str, path: str, body: dict[str, str] | None = None) -> tuple[dict[str, str], str]:
        reader, writer = await self._request(method, path, body)
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:])}
        content = (await reader.readexactly(int(headers.get("content-length", 0)))).decode()
        writer.close()
        if " 200 " not in head[0]:
            raise RuntimeError(f"{method} {path}: {head[0]} {content}")
        return headers, content

    async def _request(
        self, method: str, path: str, body: dict[str, str] | None = None
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        where = urlsplit(self.url)
        reader, writer = await asyncio.open_connection(where.hostname, where.port, limit=1 << 22)
        content = json.dumps(body).encode() if body is not None else b""
        lines = [f"{method} {path} HTTP/1.1", f"Host: {where.netloc}", f"Cookie: {self._cookie}"]
        lines += [f"X-Rescue-Proof: {self._proof}", "Content-Type: application/json", f"Content-Length: {len(content)}"]
        writer.write("\r\n".join([*lines, "", ""]).encode() + content)
        await writer.drain()
        return reader, writer
