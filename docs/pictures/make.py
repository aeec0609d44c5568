"""Makes the pictures of the README: `python docs/pictures/make.py [--check] [--screens]`.

The drawings come from the published table and from a call that is written down here, so they are the same each time,
and `--check` (a test runs it) says which are stale. `--screens` takes the screenshots anew: it plays a call with real
programs and a real browser, so it needs Debian's chromium, and no two runs give the same bytes.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from rescue_console.timeline import Change, TimelineEntry
from rescue_console.timeline_svg import timeline_svg
from rescue_emulator.pictures.statechart import Format, statechart

HERE = Path(__file__).parent
_BEGAN = datetime(2026, 1, 5, 9, tzinfo=UTC)


def drawings() -> dict[str, str]:
    """Return the drawings by file name."""
    found = {"statuses.mermaid": statechart(Format.MERMAID), "statuses.dot": statechart(Format.DOT)}
    for lang in ("en", "nl"):
        found[f"statuses-{lang}.svg"] = statechart(Format.SVG, lang=lang)
        found[f"timeline-{lang}.svg"] = timeline_svg(_call(), session="1001", lang=lang)
    return found


def _call() -> list[TimelineEntry]:
    """A call with a LAN loss, a reboot and a hand-over of the lead, as the journal tells it."""
    story: list[tuple[float, str, str, dict[str, str]]] = [
        (0, "SessionCreated", "alice created a PIN", {"alice": "Connecting"}),
        (40, "AppletJoined", "the customer's applet joined", {"alice": "Waiting"}),
        (55, "SessionStarted", "alice clicked Start session", {"alice": "Active"}),
        (80, "TechnicianInvited", "alice invited bob", {"bob": "Invitation"}),
        (95, "SessionStarted", "bob clicked Start session", {"bob": "Collaborating"}),
        (160, "LinkLost", "the applet has been silent for the reconnect period", {"alice": "Reconnecting"}),
        (190, "LinkRestored", "the applet is back", {"alice": "Active"}),
        (
            240,
            "RebootBegan",
            "the customer's computer reboots, as alice ordered",
            {"alice": "Rebooting", "bob": "Rebooting"},
        ),
        (275, "LinkRestored", "the applet is back after the reboot", {"alice": "Active", "bob": "Collaborating"}),
        (300, "LeadAccepted", "bob accepted the lead status", {"alice": "Collaborating", "bob": "Active"}),
        (360, "SessionEnded", "bob ended the session", {"alice": "Closed", "bob": "Removed from TC queue"}),
    ]
    from rescue_protos.status_table import row_of

    shown: dict[str, str] = {}
    happenings = []
    for number, (seconds, event, cause, changes) in enumerate(story, 1):
        happenings.append(
            TimelineEntry(
                revision=number,
                at=_BEGAN + timedelta(seconds=seconds),
                event=event,
                cause=cause,
                changes=tuple(
                    Change(
                        technician=name,
                        status=status,
                        previous=shown.get(name),
                        row=row_of(shown[name], status) if name in shown else None,
                    )
                    for name, status in changes.items()
                ),
            )
        )
        shown |= changes
    return happenings


async def screens() -> None:
    """Play a call in a browser and take pictures of its pages."""
    from playwright.async_api import async_playwright

    from rescue_common.processes.child import Program
    from rescue_common.state_directory import Access
    from rescue_emulator.testing import World

    async with World() as world, async_playwright() as playwright:
        web = await Program.start("web", "rescue_web", "--data", str(world.data), "--json")
        url, secrets = (await web.event("ready", 60))["web"], Access.read(world.data).secrets
        browser = await playwright.chromium.launch(
            executable_path="/usr/bin/chromium", args=["--no-sandbox", "--disable-gpu", "--disable-quic"]
        )

        async def page_of(user: str, *, width: int, height: int, lang: str = "en-GB") -> Any:
            context = await browser.new_context(
                viewport={"width": width, "height": height}, locale=lang, reduced_motion="reduce"
            )
            page = await context.new_page()
            await page.goto(url)
            await page.locator("#user").fill(user)
            await page.locator("#secret").fill(secrets[user])
            await page.locator("#sign-in button").click()
            await page.locator("body:not([inert]) #sign-out").wait_for()
            return page

        alice = await page_of("alice", width=1180, height=1080)
        await alice.get_by_role("button", name="New PIN").click()
        await alice.get_by_label("Customer's name").fill("Ms Vos")
        await alice.get_by_role("button", name="Create").click()
        pin = await alice.locator(".pin").inner_text()
        await alice.screenshot(path=HERE / "web-pin.png")
        await alice.get_by_role("dialog").get_by_role("button", name="Close").click()
        computer = await world.computer(pin=pin, name="Ms Vos")
        await alice.locator("#toolbar").get_by_role("button", name="Start session").click()
        await alice.locator("#state .chip", has_text="Active").wait_for()
        session = str(computer.session)
        bob = await page_of("bob", width=390, height=844, lang="nl-NL")
        console = await world.technician("alice")
        await console.command("invite", session, "bob")
        await bob.locator("#queue button").first.click()
        await bob.locator("#toolbar").get_by_role("button", name="Sessie starten").click()
        async with computer.lan_off():
            await world.advance(minutes=2)
            await alice.locator("#state .chip", has_text="Reconnecting").wait_for()
        await alice.locator("#state .chip", has_text="Active").wait_for()
        await console.command("lead", session, "offer", "bob")
        await console.command("chat", session, "Bob takes it from here.")
        admin = await page_of("admin", width=1180, height=1240)
        await admin.get_by_label("Customer's name").fill("Mr Bos")
        await admin.get_by_label("Channel", exact=True).select_option("Web")
        await admin.get_by_role("button", name="New customer").click()
        await admin.get_by_role("article", name="Mr Bos").get_by_text("joined, Session").wait_for()
        await admin.get_by_role("button", name=f"Show {session}").click()
        await admin.locator("#timeline svg").wait_for()
        await alice.locator("#history").get_by_text("the applet is back").wait_for()
        await bob.locator("#offer button").wait_for()
        await alice.screenshot(path=HERE / "web-console.png", full_page=True)
        await bob.evaluate("scrollTo(0, 0)")
        await bob.screenshot(path=HERE / "web-phone-nl.png")
        await admin.evaluate("scrollTo(0, 0)")
        await admin.screenshot(path=HERE / "web-supervisor.png")
        await _customer(browser, url, console)
        await _exercise(await page_of("carol", width=1180, height=900))
        await browser.close()
        await web.stop()


async def _customer(browser: Any, url: str, alice: Any) -> None:
    session, pin = await alice.pin("Ms Vos")
    context = await browser.new_context(viewport={"width": 1000, "height": 520}, reduced_motion="reduce")
    page = await context.new_page()
    await page.goto(f"{url}customer?pin={pin}&name=Ms%20Vos")
    await page.get_by_role("button", name="Join").click()
    await page.get_by_text("Waiting for a technician.").wait_for()
    await alice.start(session)
    await alice.command("chat", session, "Hello, what happened?")
    await page.locator("#chat").get_by_text("Hello, what happened?").wait_for()
    await page.screenshot(path=HERE / "web-customer.png")


async def _exercise(page: Any) -> None:
    await page.get_by_role("button", name="Exercises").click()
    await page.get_by_label("Change").select_option("14")
    await page.get_by_role("button", name="Start", exact=True).click()
    await page.get_by_text("It is your turn.").wait_for()
    await page.get_by_role("button", name="Hint").click()
    await page.locator("#queue button").first.click()
    await page.locator("#history").get_by_text("alice clicked Start session").wait_for()
    await page.locator("#queue .figures", has_text=":").wait_for()
    await page.screenshot(path=HERE / "web-exercise.png")


def main() -> int:
    """Make or check the pictures; 1 if one is stale."""
    asked = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    asked.add_argument("--check", action="store_true", help="only say which drawings are stale")
    asked.add_argument("--screens", action="store_true", help="take the screenshots, too")
    options = asked.parse_args()
    stale = 0
    for name, drawn in drawings().items():
        file = HERE / name
        if file.exists() and file.read_text(encoding="utf-8") == drawn:
            continue
        stale += 1
        if options.check:
            print(f"{file.relative_to(HERE.parents[1])} is stale: python docs/pictures/make.py")
        else:
            file.write_text(drawn, encoding="utf-8")
            print(f"made {name}", file=sys.stderr)
    if options.screens:
        asyncio.run(screens())
    return 1 if options.check and stale else 0


if __name__ == "__main__":
    sys.exit(main())
