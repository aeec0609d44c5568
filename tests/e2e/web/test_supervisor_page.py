"""The supervisor's page in a real browser: the clock, all queues, and computers with their switches."""

from __future__ import annotations

import json
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


def thousand_sessions() -> str:
    """The first message of a page whose server has 1,000 sessions."""
    entries = [
        {
            "session": str(1001 + number), "customer": f"Customer {number}", "channel": "Web", "lead": "alice",
            "status": "On Hold" if number % 10 == 0 else "Active", "since": "2026-01-05T09:00:00.000Z",
        }
        for number in range(1000)
    ]  # fmt: skip
    queues = [
        {"technician": name, "group": group, "connected": True, "entries": entries[first::4]}
        for first, (name, group) in enumerate(
            [("alice", "Support"), ("bob", "Support"), ("carol", "Support"), ("dave", "Network")]
        )
    ]
    clock = {"now": "2026-01-05T09:30:00.000Z", "speed": 1, "set": 1, "paused": False}
    state = {"queues": queues, "online": True, "computers": [], "classes": []}
    return f"event: clock\ndata: {json.dumps(clock)}\n\nevent: snapshot\ndata: {json.dumps(state)}\n\n: open\n\n"


async def test_a_session_of_a_thousand_is_found_by_words_status_and_group(
    site: Site, open_page: Opening, faultless: Any
) -> None:
    admin = await open_page("admin")
    stream = thousand_sessions()
    await admin.route("**/events*", lambda route: route.fulfill(body=stream, content_type="text/event-stream"))
    await admin.reload()
    await admin.get_by_text("shown: 100 of 1000").wait_for()
    assert await admin.locator("#sessions tbody tr").count() == 100
    assert await admin.locator("#queues li").count() == 4 * 9, "eight of each queue, and how many more"
    await admin.get_by_label("Search").fill("customer 99 alice")
    await admin.get_by_text("shown: 2 of 1000").wait_for()  # 992 and 996
    await faultless(admin)
    await admin.get_by_label("Search").fill("1041")
    await admin.get_by_text("shown: 1 of 1000").wait_for()
    await admin.get_by_label("Search").fill("")
    await admin.get_by_label("Status").select_option("On Hold")
    await admin.get_by_text("shown: 100 of 1000").wait_for()
    await admin.get_by_label("Technician group").select_option("Network")
    await admin.get_by_text("shown: 0 of 1000").wait_for()
    await admin.get_by_text("No session is like that.").wait_for()
    await admin.unroute_all()
