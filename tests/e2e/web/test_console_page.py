"""The technician's console in a real browser: a whole support call, at a desk and on a phone."""

from __future__ import annotations

import re
from typing import Any

import pytest

from rescue_emulator.world.computer import Computer
from tests.e2e.web.browser import DESKTOP, PHONE, Opening, Site

pytestmark = pytest.mark.timeout(300)  # a browser and five programs on a busy machine

COMMANDS = (
    "Start session", "Hold session", "Transfer session", "Invite technician", "Remove technician", "Give lead status",
    "Reboot computer", "Note", "End session",
)  # fmt: skip


async def shows(page: Any, status: str) -> None:
    await page.locator("#state .chip", has_text=re.compile(f"^{status}$")).wait_for()


async def click(page: Any, button: str) -> None:
    await page.locator("#session").get_by_role("button", name=button, exact=True).click()


async def confirm(page: Any, button: str) -> None:
    await page.get_by_role("dialog").get_by_role("button", name=button, exact=True).click()


async def joined(site: Site, page: Any, customer: str = "Ms Vos") -> Computer:
    await page.get_by_role("button", name="New PIN").click()
    await page.get_by_label("Customer's name").fill(customer)
    await confirm(page, "Create")
    pin = await page.locator(".pin").inner_text()
    assert re.fullmatch(r"\d{6}", pin)
    assert float(await page.locator(".pin").evaluate("it => parseFloat(getComputedStyle(it).fontSize)")) >= 40
    await page.get_by_role("dialog").get_by_text("valid for").wait_for()
    computer = await site.world.computer(pin=pin, name=customer)
    await page.locator("#dialog:not([open])").wait_for(state="attached")  # the PIN was used
    return computer


async def fits(page: Any) -> None:
    """Nothing of the page stands beyond its right edge."""
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")


@pytest.mark.parametrize("size", [DESKTOP, pytest.param(PHONE, marks=pytest.mark.long)], ids=["desktop", "phone"])
async def test_a_call_from_pin_to_end(site: Site, open_page: Opening, faultless: Any, size: dict[str, int]) -> None:
    alice = await open_page("alice", size=size)
    computer = await joined(site, alice)
    await shows(alice, "Waiting")
    await click(alice, "Start session")
    await shows(alice, "Active")

    await click(alice, "Invite technician")
    await alice.get_by_label("Whom?").select_option("bob")
    await confirm(alice, "Invite technician")
    bob = await open_page("bob", size=size)
    await bob.locator("#queue button", has_text="Ms Vos").click()
    await shows(bob, "Invitation")
    await click(bob, "Start session")
    await shows(bob, "Collaborating")

    await alice.get_by_label("Say something").fill("Did you try it off & <on>?")
    await alice.get_by_role("button", name="Send").click()
    await bob.get_by_role("log").get_by_text("Did you try it off & <on>?").wait_for()
    await computer.chat("Yes.")
    await alice.get_by_role("log").get_by_text("Yes.").wait_for()
    late = await open_page("alice", size=size)  # in another browser: it was told nothing of this
    await late.locator("#queue button", has_text="Ms Vos").click()
    await late.get_by_role("log").get_by_text("Yes.").wait_for()
    await computer.chat("And now?")
    await late.get_by_role("log").get_by_text("And now?").wait_for()
    said = await late.get_by_role("log").locator("p").all_inner_texts()
    assert said == ["alice: Did you try it off & <on>?", "Ms Vos: Yes.", "Ms Vos: And now?"], "each once"
    await late.context.close()

    async with computer.lan_off():
        await site.world.advance(minutes=1)
        await shows(alice, "Reconnecting")
        await site.world.advance(minutes=5)
        await shows(alice, "Offline")
    await shows(alice, "Active")

    await click(alice, "Reboot computer")
    await shows(alice, "Rebooting")
    await shows(bob, "Rebooting")
    await site.world.advance(minutes=1)
    await shows(alice, "Active")

    await click(alice, "Give lead status")
    await confirm(alice, "Give lead status")
    await bob.get_by_role("button", name="Accept lead status").click()
    await shows(bob, "Active")
    await shows(alice, "Collaborating")
    reason = alice.locator("#history").get_by_text("the applet has been silent for the reconnect period").first
    await reason.wait_for()
    await alice.locator("#timeline svg").get_by_text("Offline", exact=True).wait_for()
    for page in (alice, bob):
        await fits(page)
        await faultless(page)

    await click(bob, "End session")
    question = bob.get_by_role("dialog").get_by_text("End the session for everybody?")
    await question.wait_for()
    await faultless(bob)
    await bob.keyboard.press("Enter")  # on Cancel
    await question.wait_for(state="hidden")
    await click(alice, "End session")
    await alice.get_by_role("dialog").get_by_text("Leave the session?").wait_for()
    await alice.keyboard.press("Escape")
    await shows(bob, "Active")  # nothing was ended, and nobody left
    await shows(alice, "Collaborating")
    await click(bob, "End session")
    await bob.keyboard.press("Tab")
    await bob.keyboard.press("Enter")
    await bob.get_by_text("The session left the queue.").wait_for()
    await shows(alice, "Closed")
    await click(alice, "End session")  # which has ended: nothing is asked
    await alice.get_by_text("The queue is empty.").wait_for()
    assert await computer.ended(60) == 0


async def test_every_command_works_and_what_is_not_possible_says_why(site: Site, open_page: Opening) -> None:
    alice = await open_page("alice")
    await joined(site, alice)
    await shows(alice, "Waiting")
    # Of a waiting session.
    possible = {"Start session", "Transfer session", "Reboot computer", "End session"}
    for command in COMMANDS:
        button = alice.locator("#toolbar").get_by_role("button", name=command, exact=True)
        assert (await button.get_attribute("aria-disabled") == "false") == (command in possible)
    hold = alice.locator("#toolbar").get_by_role("button", name="Hold session", exact=True)
    await hold.focus()  # disabled, but a keyboard reaches it, and it says why
    await alice.keyboard.press("Enter")
    await alice.locator("#message", has_text="possible as active lead").wait_for()
    await shows(alice, "Waiting")

    await click(alice, "Start session")
    await shows(alice, "Active")
    await click(alice, "Hold session")
    await shows(alice, "On Hold")
    await click(alice, "Start session")
    await shows(alice, "Active")
    await alice.get_by_label("Remote control").check()
    await alice.locator("#message", has_text="done").wait_for()
    await alice.keyboard.press("w")
    await alice.get_by_label("A note that the customer does not see").fill('asked "about" the <cable>')
    await confirm(alice, "Note")
    await alice.locator("#dialog:not([open])").wait_for(state="attached")
    noted = [str(piece) async for piece in site.world.journal.read() if "NoteAdded" in str(piece)]
    assert len(noted) == 1
    assert "the <cable>" in noted[0]
    assert (await site.world.admin.organization()).revision  # the server is there and well
    await alice.get_by_label("Remote control").uncheck()

    await click(alice, "Invite technician")
    await alice.get_by_label("Whom?").select_option("carol")
    await confirm(alice, "Invite technician")
    await alice.locator("#participants", has_text="carol").wait_for()
    await click(alice, "Remove technician")
    await confirm(alice, "Remove technician")
    await alice.locator("#participants:not(:has-text('carol'))").wait_for()

    await click(alice, "Transfer session")
    await alice.get_by_label("To whom?").select_option("technician:dave")
    await alice.get_by_label("Comment").fill("printer on fire")
    await confirm(alice, "Transfer session")
    await shows(alice, "Outgoing")
    dave = await open_page("dave", lang="nl")
    await dave.get_by_role("button", name="printer on fire").click()
    await dave.locator("#state .chip", has_text="Inkomend").wait_for()
    await dave.locator("#toolbar").get_by_role("button", name="Sessie starten").click()
    await dave.locator("#state .chip", has_text="Actief").wait_for()
    await dave.locator("#language").select_option("en")
    await shows(dave, "Active")


async def test_only_a_page_that_somebody_looks_at_is_in_focus(site: Site, open_page: Opening) -> None:
    await site.world.set("group:Support", idle_timeout="1m")
    alice = await open_page("alice")
    await joined(site, alice)
    await click(alice, "Start session")
    await shows(alice, "Active")
    await site.world.advance(minutes=3)
    await shows(alice, "Active")  # a page in focus keeps its entry alive
    await alice.evaluate("document.hasFocus = () => false; dispatchEvent(new Event('blur'))")
    await alice.locator("#facts", has_text="idle time-out").wait_for()
    await site.world.advance(minutes=1)
    await shows(alice, "Timed Out")


async def test_a_waiting_session_turns_red_when_it_does_on_the_full_screen(site: Site, open_page: Opening) -> None:
    await site.world.set("group:Support", waiting_timeout="10m")
    alice = await open_page("alice")
    await joined(site, alice)
    await shows(alice, "Waiting")
    red = alice.locator("#queue .urgent")
    await site.world.advance(minutes=7, seconds=55)
    await alice.locator("#facts", has_text=re.compile(r"2:0[45] \(waiting time-out\)")).wait_for()
    assert not await red.is_visible()
    await site.world.advance(seconds=5)
    await red.get_by_text("times out in 2:00").wait_for()
    await alice.locator("#facts .urgent").wait_for()


async def test_a_lost_server_is_said_and_nothing_is_missed(site: Site, open_page: Opening) -> None:
    alice = await open_page("alice")
    await joined(site, alice)
    await shows(alice, "Waiting")
    await site.world.kill_server()
    banner = alice.get_by_role("alert").get_by_text("The server is lost")
    await banner.wait_for()
    assert await alice.locator("#queue").get_by_text("Ms Vos").count() == 1  # readable, as it was
    assert await alice.get_by_role("button", name="Start session").get_attribute("aria-disabled") == "true"
    await site.world.restart_server()
    await banner.wait_for(state="hidden", timeout=60_000)
    await click(alice, "Start session")
    await alice.locator("#history").get_by_text("Waiting → Active").wait_for()
    steps = await alice.locator("#history b").all_inner_texts()
    assert steps == ["new: Connecting", "Connecting → Waiting", "Waiting → Active"]


async def test_who_was_removed_is_shown_the_door_and_told_why(site: Site, open_page: Opening) -> None:
    # A request that is on its way meets the refusal before the watch does.
    carol = await open_page("carol", lang="nl", expected=("401 (Unauthorized)",))
    await site.world.admin.remove_technician("carol")
    await carol.locator("#sign-in").wait_for()
    await carol.get_by_text("U bent afgemeld").wait_for()


@pytest.mark.long
async def test_a_name_that_turns_the_writing_around_turns_only_itself(site: Site, open_page: Opening) -> None:
    alice = await open_page("alice")
    await joined(site, alice, "\u202eeve")
    await shows(alice, "Waiting")
    for place in ("#queue", "#session-title"):
        found = await alice.locator(f"{place} bdi", has_text="eve").evaluate("it => getComputedStyle(it).unicodeBidi")
        assert found in ("isolate", "plaintext")
