"""A real browser on real pages of a real server.

Chromium is Debian's (`apt-get install chromium`), the accessibility checker npm's (`npm install --prefix tests/web`).
Where one of them cannot be had the tests that need it are skipped, and say so; with CI set they fail instead.
"""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from pytest_asyncio import fixture, is_async_test

from rescue_common.processes.child import Program
from rescue_common.state_directory import Access
from rescue_emulator import World
from tests.e2e.web.browser import DESKTOP, Opening, Site
from tests.machine_needs import not_to_be_had

AXE = Path(__file__).parent / "node_modules/axe-core/axe.min.js"
_OPTIONS = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage",
)  # fmt: skip


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run these tests on one event loop, the browser's: to start it for each would take longer than most tests."""
    for item in items:
        if item.path.parent == Path(__file__).parent and is_async_test(item):
            item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)


@fixture(loop_scope="session")
async def site() -> AsyncIterator[Site]:
    """A fresh world with its pages."""
    async with World() as world:
        program = await Program.start("web", "rescue_web", "--data", str(world.data), "--json")
        try:
            ready = await program.event("ready", 60)
            secrets = Access.read(world.data).secrets
            yield Site(world=world, program=program, url=str(ready["web"]), secrets=secrets)
        finally:
            await program.stop()


@fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[Any]:
    """A headless browser, or a skipped test. Each visit is a context of its own: it shares nothing with the others."""
    found = shutil.which("chromium")
    if found is None:
        not_to_be_had("chromium is missing: the pages are NOT tested in a browser")
    from playwright.async_api import async_playwright

    async with async_playwright() as playwright:
        running = await playwright.chromium.launch(executable_path=found, args=list(_OPTIONS))
        try:
            yield running
        finally:
            await running.close()


@fixture(loop_scope="session")
async def open_page(site: Site, browser: Any) -> AsyncIterator[Opening]:
    """Sign somebody in, in a browser of their own; a page that has an unexpected error fails the test.

    With a `path`, that page is opened without a sign-in.
    """
    troubles: list[str] = []
    visits = []

    async def opened(
        user: str,
        *,
        path: str = "",
        size: dict[str, int] | None = None,
        lang: str = "en",
        motion: str = "reduce",
        expected: tuple[str, ...] = (),
    ) -> Any:
        def complain(what: str) -> None:
            if not any(one in what for one in expected):
                troubles.append(f"{user}: {what}")

        context = await browser.new_context(
            viewport=size or DESKTOP, locale={"en": "en-GB", "nl": "nl-NL"}[lang], reduced_motion=motion
        )
        visits.append(context)
        context.set_default_timeout(60_000)
        page = await context.new_page()
        page.on("pageerror", lambda error: complain(str(error)))
        page.on("console", lambda said: complain(said.text) if said.type == "error" else None)
        await page.goto(site.url + path)
        if path:
            await page.locator("body:not([inert])").wait_for()
            return page
        await page.locator("#user").fill(user)
        await page.locator("#secret").fill(site.secrets[user])
        await page.locator("#sign-in button").click()
        await page.locator("body:not([inert]) #sign-out").wait_for()
        return page

    yield opened
    for visit in visits:
        await visit.close()
    # A browser reports the stream that a lost server cuts, and that there is none (503) as long as the server is away;
    # nothing else is to be wrong.
    assert [one for one in troubles if "ERR_" not in one and "503 (Service Unavailable)" not in one] == []


@pytest.fixture
def faultless() -> Callable[[Any], Awaitable[None]]:
    """Check a page's accessibility with axe, in light and dark: WCAG 2 A and AA, and best practices."""
    if not AXE.exists():
        not_to_be_had("axe-core (npm install --prefix tests/web) is missing: accessibility is NOT checked")
    source = AXE.read_text(encoding="utf-8")

    async def check(page: Any) -> None:
        # Beside the page's own scripts: its content security policy holds for the page, not for who examines it.
        await page.evaluate(source)
        # What is dark differs from what is light in its colours, and in nothing else.
        for scheme, rules in (("light", {}), ("dark", {"runOnly": ["color-contrast"]})):
            await page.emulate_media(color_scheme=scheme)
            options = {"resultTypes": ["violations"], **rules}
            found = await page.evaluate("options => axe.run(document, options)", options)
            wrong = [
                f"{rule['id']} ({rule['impact']}): {rule['help']}: {[node['html'][:160] for node in rule['nodes'][:3]]}"
                for rule in found["violations"]
            ]
            assert (scheme, wrong) == (scheme, [])

    return check
