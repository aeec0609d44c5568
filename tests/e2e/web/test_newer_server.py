"""Pages in a browser, before a server of tomorrow."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from pytest_asyncio import fixture

from rescue_common.processes.child import Program
from rescue_protos.v1 import access_pb2
from tests.fakes.newer_server import UNKNOWN, NewerServer, cases

_UNKNOWN = (
    "WatchQueues:queues.entries.status",
    "WatchQueue:snapshot.entries.status",
    "WatchQueue:delta.what",
    "ListEvents:events.changes.previous",
    "ListEvents:events.changes.status",
)


@fixture(loop_scope="session")
async def server() -> AsyncIterator[NewerServer]:
    server = NewerServer()
    for case in cases():
        if str(case) in _UNKNOWN:
            server.answers.setdefault(case.method.name, []).append(case.answer())
    server.answers["WatchQueue"][0].snapshot.entries[0].processes[:] = [UNKNOWN]
    await server.start()
    yield server
    await server.stop()


@pytest.mark.parametrize("administrator", [False, True])
async def test_a_page_shows_the_unknown_as_unknown(server: NewerServer, browser: Any, administrator: bool) -> None:
    server.answers["SignIn"] = [access_pb2.SignInResponse(token="t", administrator=administrator)]
    program = await Program.start("web", "rescue_web", "--server", server.address, "--json")
    context = await browser.new_context(locale="nl-NL")
    context.set_default_timeout(30_000)
    troubles: list[str] = []
    try:
        page = await context.new_page()
        page.on("pageerror", lambda error: troubles.append(str(error)))
        await page.goto((await program.event("ready", 60))["web"])
        await page.locator("#user").fill("alice")
        await page.locator("#secret").fill("s")
        await page.locator("#sign-in button").click()
        await page.locator("body:not([inert]) .chip", has_text="Onbekend").first.wait_for()
        if not administrator:
            await page.locator("#message", has_text="Een nieuwere server").wait_for()
            await page.locator("#queue button").first.click()
            assert await page.get_by_label("Onbekend proces").is_disabled()
            await page.locator("#history", has_text="Onbekend →").wait_for()
            await page.locator("#timeline svg").wait_for()
    finally:
        await context.close()
        await program.stop()
    assert troubles == []
