"""What a technician chooses for their browser, the keys, and how the page uses its width; in a real browser."""

from __future__ import annotations

from typing import Any

import pytest

from tests.e2e.web.browser import Opening, Site, until

pytestmark = pytest.mark.timeout(300)


async def test_keys_do_what_the_buttons_do_and_can_be_turned_off(
    site: Site, open_page: Opening, faultless: Any
) -> None:
    page = await open_page("alice", size={"width": 1100, "height": 800})
    await page.get_by_text("The queue is empty.").wait_for()
    await page.get_by_text("New PIN (key n) begins a session").wait_for()
    await page.locator("body").press("h")
    await page.get_by_text("No session is selected.", exact=True).first.wait_for()
    await page.locator("body").press("n")
    await page.get_by_label("Customer's name").fill("Ms Vos")  # a key in a field is a letter
    await page.keyboard.press("Enter")
    pin = await page.locator(".pin").inner_text()
    await page.get_by_role("dialog").get_by_role("button", name="Close").click()
    await site.world.computer(pin=pin, name="Ms Vos")
    await page.locator("#state .chip", has_text="Waiting").wait_for()
    for key, status in (("s", "Active"), ("h", "On Hold"), ("s", "Active")):
        await page.locator("body").press(key)
        await page.locator("#state .chip", has_text=status).wait_for()
    await page.locator("body").press("a")
    await page.locator("#message.bad", has_text="Accept lead").wait_for()

    await page.locator("body").press("?")
    help_dialog = page.get_by_role("dialog", name="Keys")
    await help_dialog.get_by_text("Hold session").wait_for()
    await faultless(page)
    await help_dialog.get_by_label("Single keys are commands").uncheck()
    await help_dialog.get_by_role("button", name="Close").click()
    await page.locator("body").press("h")
    await page.locator("body").press("?")
    await help_dialog.wait_for()
    assert await page.locator("#state .chip").inner_text() == "Active"


async def test_look_times_sounds_and_notifications_are_ones_own_choice(
    site: Site, open_page: Opening, faultless: Any
) -> None:
    page = await open_page("bob")
    carol = await site.world.technician("carol")
    session, pin = await carol.pin("Mr Bos")
    await site.world.computer(pin=pin)
    await carol.start(session)
    await page.evaluate(
        "() => { window.heard = []; const Real = AudioContext;"
        " window.AudioContext = class extends Real { constructor() { super(); window.heard.push(1); } } }"
    )
    await carol.command("invite", session, "bob")
    since = page.locator("#queue [data-since]")
    await since.wait_for()
    assert await page.evaluate("heard.length") == 0, "sounds are off by default"
    assert (await since.inner_text()).count(":") == 1

    await page.get_by_role("button", name="Settings").click()
    await page.get_by_label("Times").select_option("time of day")
    await page.get_by_label("Look").select_option("dark")
    await page.get_by_label("Sound when a session waits").check()
    await page.evaluate("heard.length = 0")
    await faultless(page)
    await page.get_by_role("dialog").get_by_role("button", name="Close").click()
    await until(page, "document.querySelector('#queue [data-since]').textContent.split(':').length === 3")
    await page.emulate_media(color_scheme="light")
    assert await page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(21, 24, 27)"
    await site.world.computer(channel="Web")
    await until(page, "heard.length >= 1")
    await page.reload()
    await page.locator("body:not([inert])").wait_for()
    await until(page, "document.documentElement.dataset.theme === 'dark'")


async def test_the_session_and_its_timeline_are_side_by_side_where_there_is_room(
    site: Site, open_page: Opening
) -> None:
    page = await open_page("alice", size={"width": 1100, "height": 800})
    alice = await site.world.technician("alice")
    await alice.pin("Ms Vos")
    await page.locator("#queue button").click()
    work, story = page.locator(".work"), page.locator(".story")
    assert (await work.bounding_box())["y"] == (await story.bounding_box())["y"]
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    await page.set_viewport_size({"width": 1000, "height": 800})
    assert (await work.bounding_box())["y"] < (await story.bounding_box())["y"]


async def test_a_browser_that_may_notifies_of_a_session_that_waits_while_nobody_looks(
    site: Site, open_page: Opening
) -> None:
    page = await open_page("bob")
    await page.context.grant_permissions(["notifications"], origin=site.url.rstrip("/"))
    # Every notification is still a real one; the page cannot tell.
    await page.evaluate(
        "() => { window.noted = []; const Real = Notification;"
        " window.Notification = class extends Real { constructor(title, more) { super(title, more);"
        " this.addEventListener('show', () => noted.push(title)); } } }"
    )
    await page.get_by_role("button", name="Settings").click()
    await page.get_by_label("Notify me when a session waits").check()
    await page.get_by_role("dialog").get_by_role("button", name="Close").click()
    carol = await site.world.technician("carol")

    async def invited(customer: str) -> None:
        session, pin = await carol.pin(customer)
        await site.world.computer(pin=pin)
        await carol.start(session)
        await carol.command("invite", session, "bob")
        await page.locator("#queue").get_by_text(customer).wait_for()

    await invited("Mr Bos")
    assert await page.evaluate("noted.length") == 0, "who looks at the page sees it there"
    inspector = await page.context.new_cdp_session(page)
    await inspector.send("Emulation.setFocusEmulationEnabled", {"enabled": False})
    other = await page.context.new_page()
    await other.bring_to_front()
    await until(page, "!document.hasFocus()")
    await invited("Ms Vos")
    await until(page, "noted.length === 1")
    assert (await page.evaluate("noted[0]")).endswith(": Invitation")
