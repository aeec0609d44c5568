"""A link or a code instead of a name and a secret, in a real browser and over HTTP."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tests.e2e.web.browser import PHONE, Site
from tests.e2e.web.test_doors import Visitor

pytestmark = pytest.mark.timeout(300)  # a browser and five programs on a busy machine
HOUR = timedelta(hours=1)
JOINER = "0123456789abcdef"


async def test_a_link_signs_in_whoever_opens_it_first(site: Site, browser: Any, faultless: Any) -> None:
    made = await site.world.admin.issue_join_code("alice", valid_for=HOUR)
    first = await browser.new_context(viewport=PHONE, locale="en-GB", reduced_motion="reduce")
    second = await browser.new_context(locale="nl-NL")
    try:
        page = await first.new_page()
        await page.goto(f"{site.url}join/{made.code}")
        await page.locator("body:not([inert])").wait_for()
        assert (await site.world.admin.join_codes())[0].used is False, "a link that is only looked at is not used"
        await faultless(page)
        await page.get_by_role("button", name="Join").click()
        await page.locator("body:not([inert]) #sign-out").wait_for()
        assert await page.locator("#user").inner_text() == "alice"
        await page.get_by_role("button", name="Sign out").click()
        await page.get_by_role("link", name="I have a code").click()
        await page.get_by_label("The code on your handout").fill(made.code.lower().replace("-", " "))
        await page.get_by_role("button", name="Join").click()
        await page.locator("body:not([inert]) #sign-out").wait_for()

        other = await second.new_page()
        await other.goto(f"{site.url}join/{made.code}")
        await other.get_by_role("button", name="Deelnemen").click()
        await other.get_by_text("iemand doet al mee met deze code: vraag een nieuwe code").wait_for()
        await other.get_by_label("De code op uw blad").fill("ABCD-EFGH")
        await other.get_by_role("button", name="Deelnemen").click()
        await other.get_by_text("de deelnamecode is niet bekend").wait_for()
    finally:
        await first.close()
        await second.close()


async def test_a_code_gives_a_login_and_never_the_secret(site: Site) -> None:
    made = await site.world.admin.issue_join_code("alice", valid_for=HOUR)
    visitor = Visitor(site.url)
    assert (await visitor.ask("POST", "/join", {"code": made.code, "joiner": JOINER}, Origin="null"))[0] == 403
    for body in ({}, {"code": ""}, {"code": 7, "joiner": JOINER}, {"code": " "}):
        assert (await visitor.ask("POST", "/join", body))[0] == 400, body
    assert (await visitor.ask("POST", "/join", {"code": made.code, "joiner": "short"}))[0] == 409
    status, answer = await visitor.ask("POST", "/join", {"code": made.code, "joiner": JOINER})
    assert (status, answer) == (200, {"ok": True})
    visitor.cookie = visitor.headers["set-cookie"].partition(";")[0]
    status, me = await visitor.ask("GET", "/me")
    assert (status, me["user"]) == (200, "alice")
    assert site.secrets["alice"] not in str(me)
    late = Visitor(site.url)
    status, answer = await late.ask("POST", "/join", {"code": made.code, "joiner": JOINER[::-1]})
    assert (status, answer["message"]) == (409, "somebody has joined with this code already: ask for a new code")
    assert "set-cookie" not in late.headers
