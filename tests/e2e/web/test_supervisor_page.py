"""The supervisor's page in a real browser: the clock, all queues, and computers with their switches."""

from __future__ import annotations

from typing import Any

import pytest

from tests.e2e.web.browser import PHONE, Opening, Site

pytestmark = pytest.mark.timeout(300)  # a browser and five programs on a busy machine


@pytest.mark.long
async def test_a_page_that_is_opened_while_the_server_is_away_comes_to_life(site: Site, open_page: Opening) -> None:
    admin = await open_page("admin")
    await admin.get_by_role("article", name="alice").wait_for()
    await site.world.kill_server()
    await admin.get_by_text("The server is lost").wait_for()
    await admin.reload()
    await admin.locator("body:not([inert])").wait_for()
    await site.world.restart_server()
    await admin.get_by_text("The server is back.").wait_for()
    await admin.get_by_label("Channel", exact=True).select_option("Web")


async def test_a_supervisor_sees_all_and_moves_time_cables_and_power(
    site: Site, open_page: Opening, faultless: Any
) -> None:
    admin = await open_page("admin", size=PHONE)
    await admin.get_by_label("Customer's name").fill("Mr Bos")
    await admin.get_by_label("Channel", exact=True).select_option("Web")
    await admin.get_by_role("button", name="New customer").click()
    computer = admin.get_by_role("article", name="Mr Bos")
    await computer.get_by_text("joined").wait_for()
    for technician in ("alice", "bob", "carol", "dave"):
        await admin.get_by_role("article", name=technician).get_by_text("Waiting").wait_for()

    await computer.get_by_role("button", name="Pull the cable").click()
    await computer.get_by_role("button", name="Put the cable in").wait_for()
    await admin.get_by_label("Advance by").fill("1m")
    await admin.get_by_role("button", name="Advance").click()
    alice = admin.get_by_role("article", name="alice")
    await alice.get_by_text("Reconnecting").wait_for()
    await computer.get_by_role("button", name="Put the cable in").click()
    await alice.get_by_text("Waiting").wait_for()

    await computer.get_by_role("button", name="Shut down").click()
    await alice.get_by_text("Rebooting").wait_for()
    await computer.get_by_role("button", name="Boot", exact=True).click()
    await alice.get_by_text("Waiting").wait_for()

    show = admin.get_by_role("button", name="Show 1001")
    assert (await show.bounding_box())["height"] < 45, "one line"
    await show.click()
    await admin.locator("#timeline svg").get_by_text("Rebooting", exact=True).first.wait_for()
    await admin.get_by_label("Speed").fill("60")
    await admin.get_by_role("button", name="Run").click()
    await admin.get_by_text("60 times as fast as life").wait_for()
    await site.world.clock.set_speed(20)
    await admin.get_by_text("20 times as fast as life").wait_for()
    assert await admin.get_by_label("Speed").input_value() == "20"
    await admin.get_by_role("button", name="Pause").click()
    await admin.get_by_text("stands still").wait_for()
    assert (await site.world.clock.show()).paused
    assert await admin.evaluate("document.documentElement.scrollWidth <= innerWidth")
    await faultless(admin)

    await computer.get_by_role("button", name="Pull the plug").click()
    await computer.get_by_role("button", name="Forget").click()
    await computer.wait_for(state="detached")

    end_all, dialog = admin.get_by_role("button", name="End all sessions …"), admin.get_by_role("dialog")
    await end_all.click()
    await faultless(admin)
    await dialog.get_by_role("button", name="Cancel").click()
    await alice.get_by_text("Waiting").wait_for()
    await end_all.click()
    await dialog.get_by_role("button", name="End all sessions").click()
    await admin.get_by_text("No sessions.").wait_for()
    await alice.get_by_text("empty").wait_for()
