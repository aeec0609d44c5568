"""A class of ten, end to end: five people in browsers of their own, five in terminals, and the trainer's page.

From `rescue class new` to the report: everybody solves one exercise.
"""

from __future__ import annotations

import asyncio
import csv
import io
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from rescue_common.processes.child import Program
from tests.e2e.web.browser import DESKTOP, Opening, Site, until

pytestmark = [pytest.mark.long, pytest.mark.timeout(600)]
IN_BROWSERS = 5


async def rescue(site: Site, *arguments: str) -> str:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "rescue_emulator", *arguments, "--data", str(site.world.data)),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await asyncio.wait_for(process.communicate(), 120)
    assert process.returncode == 0, err.decode()
    return out.decode()


class InBrowser:
    """A person at a page."""

    def __init__(self, page: Any) -> None:
        self.page = page

    @classmethod
    async def joined(cls, browser: Any, link: str) -> InBrowser:
        visit = await browser.new_context(viewport=DESKTOP, locale="en-GB", reduced_motion="reduce")
        visit.set_default_timeout(120_000)
        page = await visit.new_page()
        await page.goto(link)
        await page.get_by_role("button", name="Join").click()
        await page.locator("body:not([inert]) #sign-out").wait_for()
        return cls(page)

    async def hold(self) -> None:
        await self.page.locator("#lines").get_by_text("It is your turn.").wait_for()
        await self.page.locator("#queue button").click()
        await self.page.locator("#session").get_by_role("button", name="Hold session").click()
        await self.page.locator("#result").get_by_text("Solved.").wait_for()

    async def sessions(self) -> int:
        return int(await self.page.locator("#queue button").count())

    async def close(self) -> None:
        await self.page.context.close()


class InTerminal:
    """A person at a terminal of another account, with nothing but the code and the address."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self._lines = 0

    @classmethod
    async def joined(cls, command: list[str], there: Path) -> InTerminal:
        assert command[0] == "rescue"
        arguments = (*command[1:], "--json", "--data", str(there))
        program = await Program.start("terminal", "rescue_emulator", *arguments)
        await program.event("snapshot-end", 120)
        return cls(program)

    async def hold(self) -> None:
        entry = await self.program.event(lambda line: line.get("event") == "entry" and line["status"] == "Active", 120)
        await self._typed(f"hold {entry['session']}")

    async def sessions(self) -> int:
        return len((await self._typed("queue"))["entries"])

    async def close(self) -> None:
        await self.program.stop()

    async def _typed(self, line: str) -> dict[str, Any]:
        self._lines += 1
        number = self._lines
        await self.program.send(line)
        reply = await self.program.event(lambda event: event.get("reply") == number, 60)
        assert reply["ok"], reply
        return dict(reply)


async def test_ten_people_join_learn_and_get_told_what_to_look_at_again(
    site: Site, browser: Any, open_page: Opening, tmp_path: Path
) -> None:
    await rescue(site, "class", "new", "monday", "--people", "10", "--web", site.url)
    handout = await rescue(site, "class", "handout", "monday")
    assert site.secrets["admin"] not in handout
    links = [line.partition(": ")[2] for line in handout.splitlines() if line.startswith("In a browser")]
    commands = [line.partition(": ")[2].split() for line in handout.splitlines() if line.startswith("In a terminal")]
    assert (len(links), len(commands)) == (10, 10)

    trainer = await open_page("admin")
    await trainer.goto(f"{site.url}class")
    await trainer.locator("body:not([inert])").wait_for()
    people: list[InBrowser | InTerminal] = []
    people += await asyncio.gather(*(InBrowser.joined(browser, link) for link in links[:IN_BROWSERS]))
    people += await asyncio.gather(
        *(InTerminal.joined(command, tmp_path / str(number)) for number, command in enumerate(commands[IN_BROWSERS:]))
    )
    try:
        cards = trainer.get_by_role("article")
        await until(trainer, "document.querySelectorAll('article').length === 10")
        for number in range(10):
            await cards.nth(number).get_by_text("has joined, console connected").wait_for()

        await trainer.get_by_label("Exercise", exact=True).select_option("14")
        await trainer.get_by_role("button", name="Start for all").click()
        for number in range(10):  # in a terminal one sees the session, and the trainer says when to begin
            await cards.nth(number).get_by_text("their turn").wait_for()
        await asyncio.gather(*(person.hold() for person in people))
        for number in range(10):
            await cards.nth(number).get_by_text("Solved.").wait_for()
        assert [await person.sessions() for person in people] == [1] * 10, "each sees the session of their own exercise"

        # A call through one group's channel disturbs nobody else.
        await cards.nth(0).get_by_role("button", name="New customer").click()
        await cards.nth(0).get_by_text("Waiting").wait_for()
        assert [await person.sessions() for person in people] == [2] + [1] * 9

        await cards.nth(1).get_by_role("button", name="Start the exercise").click()
        await cards.nth(1).get_by_text("their turn").wait_for()
        await trainer.get_by_role("button", name="End all sessions of the class").click()
        for number in range(10):
            await cards.nth(number).get_by_text("The queue is empty.").wait_for()
        assert [await person.sessions() for person in people] == [0] * 10
    finally:
        await asyncio.gather(*(person.close() for person in people))

    rows = list(csv.DictReader(io.StringIO(await rescue(site, "class", "report", "monday", "--format", "csv"))))
    assert sorted((row["person"], row["exercise"], row["solved"]) for row in rows) == [
        (f"monday-{number:02d}", "14", "True") for number in range(1, 11)
    ]
    told = json.loads(await rescue(site, "class", "show", "monday", "--json"))
    assert all(person["joined"] for person in told["people"])
    assert "monday-10: 1 solved" in await rescue(site, "class", "report", "monday")
    assert "has ended" in await rescue(site, "class", "end", "monday")
    left = await site.world.admin.organization()
    assert not [group.name for group in left.groups if "monday" in group.name]
