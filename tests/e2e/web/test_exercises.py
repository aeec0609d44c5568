"""Exercises on the technician's page: over HTTP by scripted trainees, and in a real browser."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from rescue_emulator.exercises.progress import ProgressFile
from tests.e2e.web.browser import Opening, Site
from tests.e2e.web.test_doors import Visitor
from tests.e2e.web.trainee import Trainee

pytestmark = pytest.mark.timeout(300)


async def trainee(site: Site, user: str, language: str = "en") -> Trainee:
    visitor = Visitor(site.url)
    assert await visitor.sign_in(user, site.secrets[user]) == 200
    return Trainee(visitor, site.url, language)


async def test_a_row_is_solved_by_what_the_page_sends_and_the_score_is_kept(site: Site) -> None:
    async with await trainee(site, "alice") as alice:
        over = await alice.do(14)
        assert (over["solved"], over["wrong"], over["refused"], over["hints"]) == (True, 0, 0, 3)
        assert over["explanation"] == "The lead technician put the running session on hold."
        assert set(alice.entries) == {over["session"]}, "the queue of the exercise is shown"
        _, listed = await alice.visitor.ask("GET", "/exercises?lang=nl")
        assert [one["exercise"] for one in listed["exercises"] if one["solved"]] == ["14"]

        status, _ = await alice.post("/exercise", what="next")
        assert status == 200
        following = await alice.until(lambda s: s["exercise"] == "15" and s["is_turn"])
        await alice.post("/line", line=f"lead {following['session']} accept")
        await alice.until(lambda s: s["refused"] == 1)
        await alice.post("/line", line=f"end {following['session']}")
        lost = await alice.until(lambda s: s["phase"] == "over")
        assert (lost["solved"], lost["why"], lost["wrong"]) == (False, "astray", 1)
        assert (await alice.post("/exercise", what="stop"))[0] == 200
        await alice.stopped()
    scores = ProgressFile(site.world.data / "scores").read("alice")
    assert [(one.exercise, one.solved, one.refused) for one in scores] == [("14", True, 0), ("15", False, 1)]


async def test_what_cannot_be_done_is_said(site: Site) -> None:
    async with await trainee(site, "alice", "nl") as alice:
        for body, status, said in (
            ({"what": "start", "row": "63"}, 409, "1 tot en met 62"),
            ({"what": "start", "row": "-1"}, 409, "1 tot en met 62"),
            ({"what": "start", "row": 14}, 400, "row"),
            ({"what": "start", "row": "14", "predict": "yes"}, 400, "predict"),
            ({"what": "fly"}, 400, "mogelijk zijn"),
        ):
            found, answer = await alice.post("/exercise", **body)
            assert (found, said in answer["message"]) == (status, True), answer
        for harmless in ({"what": "hint"}, {"what": "answer", "text": "x"}, {"what": "stop"}):
            assert (await alice.post("/exercise", **harmless))[0] == 200
    async with await trainee(site, "admin") as admin:
        assert (await admin.post("/exercise", what="next"))[0] == 403


@pytest.mark.long
@pytest.mark.timeout(900)
@pytest.mark.parametrize("language", ["en", "nl"])
async def test_every_row_is_solved_by_what_the_page_sends(site: Site, language: str) -> None:
    unsolved: dict[int, Any] = {}

    async def do(user: str, rows: Sequence[int]) -> None:
        async with await trainee(site, user, language) as one:
            for row in rows:
                over = await one.do(row)
                if not over["solved"] or over["wrong"] or over["refused"]:
                    unsolved[row] = over

    users = ("alice", "bob", "carol", "dave")
    await asyncio.gather(*(do(user, range(1 + at, 63, len(users))) for at, user in enumerate(users)))
    assert unsolved == {}


async def test_a_person_does_an_exercise_in_the_browser(site: Site, open_page: Opening, faultless: Any) -> None:
    page = await open_page("alice", expected=("409",))
    await page.get_by_role("button", name="Exercises").click()
    await faultless(page)
    await page.get_by_label("Change").select_option("14")
    await page.get_by_role("button", name="Start", exact=True).click()
    await page.get_by_text("It is your turn.").wait_for()
    await page.get_by_text("is Active in your queue. Bring it to On Hold.").wait_for()
    for _ in range(2):
        await page.get_by_role("button", name="Hint").click()
    await page.get_by_text("2/3 The command is: Hold session").wait_for()
    await page.locator("#queue button").first.click()
    await page.locator("#toolbar").get_by_role("button", name="Hold session").click()
    await page.get_by_text("Solved. The lead technician put the running session on hold.").wait_for()
    await page.get_by_text("Wrong steps: 0 · Refused commands: 0 · Hints: 2").wait_for()
    await faultless(page)
    await page.get_by_role("button", name="End the exercise").click()
    await page.get_by_text("The queue is empty.").wait_for()
    await page.locator("#row option:checked", has_text="✓ row 14").wait_for(state="attached")


async def begin(page: Any, row: str, *, start: str) -> None:
    if await page.locator("#exercise").is_hidden():
        await page.locator("#exercises").click()
    await page.locator("#row").select_option(row)
    await page.get_by_role("button", name=start, exact=True).click()


@pytest.mark.long
async def test_one_exercise_after_another_is_done_in_the_browser(site: Site, open_page: Opening) -> None:
    page = await open_page("carol")
    result = page.locator("#result")

    await begin(page, "15", start="Start")  # Active → Outgoing: a dialog asks to whom
    await page.get_by_text("It is your turn.").wait_for()
    await page.locator("#queue button").first.click()
    await page.locator("#history").get_by_text("alice clicked Start session").wait_for()  # the trainee's history
    await page.locator("body").press("t")
    await page.get_by_label("To whom?").select_option("technician:bob")
    await page.get_by_role("dialog").get_by_role("button", name="Transfer session").click()
    await result.get_by_text("Solved.").wait_for()

    await begin(page, "38", start="Start")  # Incoming → Active: the trainee is another technician
    await page.get_by_text("is Incoming in your queue.").wait_for()
    await page.get_by_text("It is your turn.").wait_for()
    await page.locator("#queue button").first.click()
    await page.locator("#toolbar").get_by_role("button", name="Start session").click()
    await result.get_by_text("Solved.").wait_for()

    await begin(page, "12", start="Start")  # Active → Reconnecting: time passes while one watches
    await page.get_by_label("Which status will you see next?").select_option("Offline")
    await page.get_by_role("button", name="Answer").click()
    await page.get_by_text("No. Reconnecting.").wait_for()
    await result.get_by_text("Solved.").wait_for()
    await page.get_by_text("Predictions: 0/1").wait_for()

    await begin(page, "14", start="Start")
    await page.get_by_text("It is your turn.").wait_for()
    await page.locator("#queue button").first.click()
    await page.locator("body").press("e")  # another way out than the row's
    await page.get_by_role("dialog").get_by_role("button", name="End session").click()
    await result.get_by_text("Not solved. The change comes about like this:").wait_for()
    await page.get_by_text("Wrong steps: 1").wait_for()
    await page.reload()
    await result.get_by_text("Not solved.").wait_for()


@pytest.mark.long
async def test_a_prediction_is_given_in_dutch_in_the_browser(site: Site, open_page: Opening) -> None:
    page = await open_page("dave", lang="nl")
    await begin(page, "2", start="Beginnen")
    await page.get_by_label("Welke status ziet u straks?").select_option("Verwijderd uit wachtrij van de technicus")
    await page.get_by_role("button", name="Antwoorden").click()
    await page.locator("#result").get_by_text("Opgelost.").wait_for()
    await page.get_by_text("Voorspellingen: 1/1").wait_for()
