"""A customer's computer as a page: in a real browser, and over HTTP what its doors let through."""

from __future__ import annotations

from typing import Any

import pytest

from rescue_emulator import World
from rescue_web import customer_page
from rescue_web.computers import StartedComputers
from rescue_web.customer_page import WRONG_JOINS, Customers, TooManyTries
from tests.e2e.web.browser import PHONE, Opening, Site
from tests.e2e.web.test_doors import Visitor

pytestmark = pytest.mark.timeout(300)  # a browser and several programs on a busy machine


async def test_a_person_plays_the_customer_of_another_in_the_browser(
    site: Site, open_page: Opening, faultless: Any
) -> None:
    alice = await site.world.technician("alice")
    session, pin = await alice.pin("Ms Vos")
    customer = await open_page("", path="customer", expected=("409",))
    await faultless(customer)
    await customer.get_by_label("Your name").fill("Ms Vos")
    await customer.get_by_label("The PIN that").fill("000000" if pin != "000000" else "111111")
    await customer.get_by_role("button", name="Join").click()
    await customer.get_by_role("alert").get_by_text("PIN").wait_for()
    await customer.get_by_label("The PIN that").fill(pin)
    await customer.get_by_role("button", name="Join").click()
    await customer.get_by_text("Waiting for a technician.").wait_for()
    await alice.sees(session, "Waiting")

    await alice.start(session)
    await customer.get_by_text("alice is helping you.").wait_for()
    await customer.get_by_label("Say something to the technician").fill("It <b>beeps</b>")
    await customer.get_by_role("button", name="Send").click()
    await customer.locator("#chat").get_by_text("You: It <b>beeps</b>").wait_for()
    await alice.command("chat", session, "Which one?")
    await customer.locator("#chat").get_by_text("alice: Which one?").wait_for()
    await faultless(customer)


@pytest.mark.long
async def test_cable_power_and_keys_of_the_computer_work_in_the_browser(
    site: Site, open_page: Opening, faultless: Any
) -> None:
    alice = await site.world.technician("alice")
    customer = await open_page("", path="customer?channel=Web&name=Ms%20Vos")
    await customer.get_by_role("button", name="Join").click()
    await customer.get_by_text("Waiting for a technician.").wait_for()
    (entry,) = await alice.queue()
    session = entry.session
    await alice.start(session)
    await customer.get_by_text("alice is helping you.").wait_for()
    await alice.command("chat", session, "Which one?")

    await customer.locator("body").press("l")  # the keys are those of the full screen
    await customer.get_by_role("button", name="Put the cable in").wait_for()
    await customer.get_by_text("Connection lost").wait_for()
    await site.world.advance(minutes=1)
    await alice.sees(session, "Reconnecting")
    await customer.get_by_role("button", name="Put the cable in").click()
    await alice.sees(session, "Active")

    await customer.get_by_role("button", name="Switch off").click()
    await alice.sees(session, "Rebooting")
    await customer.get_by_text("The computer is off.").wait_for()
    await customer.get_by_role("button", name="Switch on").click()
    await alice.sees(session, "Active")
    await customer.reload()
    await customer.locator("#chat").get_by_text("alice: Which one?").wait_for()

    await customer.locator("body").press("?")
    await faultless(customer)
    await customer.get_by_label("Single keys are commands").uncheck()
    await customer.get_by_role("button", name="Close", exact=True).click()
    await customer.locator("body").press("l")
    await customer.get_by_role("button", name="Close the applet").click()
    await customer.get_by_text("The session is over").wait_for()
    cable = customer.locator("#lamps dt", has_text="Cable").locator("xpath=following-sibling::dd[1]")
    assert await cable.inner_text() == "● on", "the key l did nothing"
    await customer.get_by_role("button", name="Join another session").click()
    await customer.get_by_label("The PIN that").wait_for()


async def test_terms_are_read_accepted_or_declined_in_dutch(site: Site, open_page: Opening, faultless: Any) -> None:
    await site.world.admin.change_settings("channel:Web", {"terms": "Be kind.\nSay please."})
    alice = await site.world.technician("alice")
    declined = await open_page("", path="customer?channel=Web", size=PHONE, lang="nl")
    await declined.get_by_role("button", name="Deelnemen").click()
    await declined.get_by_text("Say please.").wait_for()
    await faultless(declined)
    assert await declined.evaluate("document.documentElement.scrollWidth <= innerWidth")
    await declined.get_by_role("button", name="Weigeren").click()
    await declined.get_by_text("u hebt de voorwaarden geweigerd").wait_for()

    await declined.get_by_role("button", name="Aan een andere sessie deelnemen").click()
    await declined.get_by_label("Of de naam van een kanaal").fill("Web")
    await declined.get_by_role("button", name="Deelnemen").click()
    await declined.get_by_text("Say please.").wait_for()
    await declined.locator("body").press("a")
    await declined.get_by_text("Even geduld: er komt een technicus.").wait_for()
    assert [entry.status for entry in await alice.queue()][-1] == "Waiting"


async def join(visitor: Visitor, **how: str) -> tuple[int, Any]:
    status, answer = await visitor.ask("POST", "/customer/join", how)
    if status == 200:
        visitor.cookie = visitor.headers["set-cookie"].partition(";")[0]
        visitor.proof = (await visitor.ask("GET", "/customer/me"))[1]["proof"]
    return status, answer


async def test_only_the_customers_own_page_moves_their_computer(site: Site) -> None:
    customer, stranger = Visitor(site.url), Visitor(site.url)
    assert (await join(customer, channel="Web"))[0] == 200
    own = {"X-Rescue-Proof": customer.proof}
    assert (await customer.ask("POST", "/customer/act", {"switch": "lan-off"}))[0] == 403
    assert (await customer.ask("POST", "/customer/act", {"switch": "lan-off"}, Origin="http://evil", **own))[0] == 403
    assert (await stranger.ask("POST", "/customer/act", {"switch": "lan-off"}, **own))[0] == 401
    assert (await stranger.ask("GET", "/customer/events"))[0] == 401
    assert (await customer.ask("GET", "/me"))[0] == 401, "a customer is no technician"
    assert (await customer.ask("POST", "/customer/act", {"switch": "lan-off"}, **own))[0] == 200
    for bad in ({"switch": "explode"}, {"chat": "a\nquit"}, {"chat": "x" * 2001}, {}, {"switch": "boot"}):
        status, answer = await customer.ask("POST", "/customer/act", bad, **own)
        assert (status, answer["ok"], bool(answer["message"])) == (409, False, True), bad
    assert (await customer.ask("POST", "/customer/act", {"switch": 1}, **own))[0] == 400
    assert (await customer.ask("POST", "/customer/sign-out", {}, **own))[0] == 200
    assert (await customer.ask("GET", "/customer/me"))[0] == 401


async def test_a_supervisor_has_switches_for_customers_of_the_page_too(site: Site) -> None:
    customer, admin = Visitor(site.url), Visitor(site.url)
    assert (await join(customer, channel="Web", name="Mr Bos"))[0] == 200
    await admin.sign_in("admin", site.secrets["admin"])
    own = {"X-Rescue-Proof": admin.proof}
    assert (await admin.ask("POST", "/computers/1", {"switch": "lan-off"}, **own))[0] == 200


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ({"pin": "12"}, "six digits"),
        ({"pin": "0000000"}, "six digits"),
        ({}, "either a PIN or a channel"),
        ({"pin": "123456", "channel": "Web"}, "either a PIN or a channel"),
        ({"channel": "Nowhere"}, "Nowhere"),
        ({"channel": "Web", "name": "a\nb"}, "one short line"),
        ({"channel": "--help"}, "--help"),
    ],
)
async def test_what_cannot_join_is_told_why(site: Site, how: dict[str, str], said: str) -> None:
    status, answer = await join(Visitor(site.url), **how)
    assert status == 409
    assert said in answer["message"]


async def test_guessing_of_one_visitor_keeps_no_other_out(site: Site) -> None:
    guesser, other = Visitor(site.url, source="127.0.0.2"), Visitor(site.url, source="127.0.0.3")
    statuses = [(await join(guesser, channel=f"no{number}"))[0] for number in range(WRONG_JOINS.at_once + 1)]
    assert statuses == [409] * WRONG_JOINS.at_once + [429]
    assert (await join(other, channel="Web"))[0] == 200


async def test_an_abandoned_computer_is_switched_off_and_a_visitor_has_only_so_many(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(customer_page, "MAX_EACH", 1)
    async with World() as world:
        computers = StartedComputers(where=["--data", str(world.data)], changed=lambda: None)
        customers = Customers(computers)
        customer = await customers.join(name="", pin="", channel="Web", visitor="2001:db8::1")
        with pytest.raises(TooManyTries):
            await customers.join(name="", pin="", channel="Web", visitor="2001:db8::2")  # the same network
        monkeypatch.setattr(customer_page, "ABANDONED", 0.0)
        page = customer.messages()
        assert "snapshot" in await anext(page)
        await page.aclose()
        assert await customer.computer.program.ended(timeout=20) == 0
        await customers.join(name="", pin="", channel="Web", visitor="2001:db8::2")
        await computers.stop()
