"""A class with real pages: the trainer sees everybody live and acts for one or all; trainees have only their code."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, aclosing
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest

from rescue_client.connection import Connection
from rescue_client.console import ConsoleClient
from rescue_client.queue_view import QueueView
from rescue_client.records import Status
from rescue_common.processes.child import Program
from rescue_emulator.classroom.model import Classroom, plan
from rescue_emulator.classroom.report import ReportFormat, class_report
from rescue_emulator.classroom.setting_up import set_up
from rescue_emulator.classroom.store import ClassStore
from rescue_emulator.exercises.progress import Score, now_text
from rescue_emulator.exercises.texts import ExerciseTexts
from tests.e2e.web.browser import DESKTOP, PHONE, Opening, Site
from tests.e2e.web.test_doors import Visitor

pytestmark = pytest.mark.timeout(300)  # a browser and some programs on a busy machine


async def made(site: Site, people: list[str]) -> Classroom:
    """A class as `rescue class new` makes it."""
    store = ClassStore(site.world.data)
    planned = plan("monday", people=people, server=site.world.address)
    store.write(planned)
    return await set_up(site.world.admin, planned, valid_for=timedelta(hours=1), keep=store.write)


async def joined(site: Site, browser: Any, code: str, *, size: dict[str, int] = DESKTOP, locale: str = "en-GB") -> Any:
    """The page of somebody who has joined with their code, in a browser of their own."""
    visit = await browser.new_context(viewport=size, locale=locale, reduced_motion="reduce")
    visit.set_default_timeout(60_000)
    page = await visit.new_page()
    await page.goto(f"{site.url}join/{code}")
    await page.locator("form button").click()
    await page.locator("body:not([inert]) #sign-out").wait_for()
    return page


async def test_a_trainer_gives_two_people_an_exercise_and_sees_how_they_do(
    site: Site, browser: Any, open_page: Opening, faultless: Any
) -> None:
    classroom = await made(site, ["Ann", "Ben"])
    trainer = await open_page("admin")
    await trainer.get_by_role("link", name="Class").click()
    ann_card, ben_card = (trainer.get_by_role("article", name=name) for name in ("Ann", "Ben"))
    await ann_card.get_by_text(f"code {classroom.member('Ann').code}").wait_for()

    ann = await joined(site, browser, classroom.member("Ann").code)
    await ann_card.get_by_text("has joined, console connected").wait_for()

    await trainer.get_by_label("Exercise", exact=True).select_option("14")
    await trainer.get_by_role("button", name="Start for all").click()
    for card in (ann_card, ben_card):
        await card.get_by_text("their turn").wait_for()
        await card.get_by_text("Active", exact=True).wait_for()
    await faultless(trainer)
    await trainer.reload()  # a page that is closed in the middle loses nothing
    await ann_card.get_by_text("their turn").wait_for()

    await ann.locator("#queue button").click()
    await ann.locator("#session").get_by_role("button", name="Hold session").click()
    await ann_card.get_by_text("Solved.").wait_for()
    await ann_card.get_by_text("✓ 1 solved").wait_for()
    account = classroom.member("Ben").account
    async with Connection(site.world.address, user=account, secret=classroom.secrets[account]) as theirs:
        console = ConsoleClient(theirs)
        (entry,) = (await console.queue()).entries
        await console.end(entry.session)
    await ben_card.get_by_text("Not solved.").wait_for()
    await ben_card.get_by_text("✗ 1 not solved").wait_for()

    for button, pace in (("Pause", "stands still"), ("Run", "1 times as fast as life")):
        await trainer.get_by_role("button", name=button).click()
        await trainer.get_by_text(f"Emulated time: {pace}").wait_for()
    await ann_card.get_by_role("button", name="New customer").click()
    await ann_card.get_by_text("Waiting").wait_for()
    assert await ben_card.get_by_text("Waiting").count() == 0, "a channel's call lands in one group"
    await ann_card.get_by_role("button", name="Pull the cable").click()
    await trainer.get_by_label("Advance by").fill("1m")
    await trainer.get_by_role("button", name="Advance").click()
    await ann_card.get_by_text("Reconnecting").first.wait_for()
    await ann.locator("#queue").get_by_text("Reconnecting").first.wait_for()
    await ann_card.get_by_role("button", name="Put the cable in").click()
    await ann_card.get_by_text("Waiting").wait_for()
    await trainer.get_by_label("Exercise", exact=True).select_option("8")
    await ben_card.get_by_role("button", name="Start the exercise").click()
    await ben_card.get_by_text("asked for a prediction").wait_for()
    await trainer.get_by_role("button", name="End all sessions of the class").click()
    for card in (ann_card, ben_card):
        await card.get_by_text("The queue is empty.").wait_for()
        await card.get_by_text("no exercise").wait_for()
    await ben_card.get_by_role("button", name="New code").click()
    await ben_card.get_by_text(classroom.member("Ben").code).wait_for(state="detached")
    await ann.context.close()
    scores = ClassStore(site.world.data).scores("monday").read()
    assert [(score.person, score.exercise, score.solved) for score in scores] == [
        ("Ann", "14", True),
        ("Ben", "14", False),
    ]


async def test_a_trainee_starts_an_exercise_and_plays_a_customer_without_an_administrator(
    site: Site, browser: Any, faultless: Any
) -> None:
    classroom = await made(site, ["Ann", "Ben"])
    ann = await joined(site, browser, classroom.member("Ann").code)
    await ann.get_by_role("button", name="Exercises").click()
    await ann.locator("#row").select_option("14")
    await ann.get_by_role("button", name="Start", exact=True).click()
    await ann.locator("#lines").get_by_text("It is your turn.").wait_for()
    assert await ann.locator("#user").inner_text() == "monday-1", "their own console, not another account's"
    task = await ann.locator("#task").inner_text()
    assert task.endswith("is Active in your queue. Bring it to On Hold. You play alice.")
    title, customer = [await ann.locator(one).bounding_box() for one in ("#queue-title", "#own-customer")]
    assert title["x"] + title["width"] + 8 <= customer["x"] or title["y"] + title["height"] <= customer["y"]
    await faultless(ann)
    await ann.reload()
    await ann.locator("#lines").get_by_text("It is your turn.").wait_for()
    await ann.locator("#queue button").click()
    await ann.locator("#session").get_by_role("button", name="Hold session").click()
    await ann.locator("#result").get_by_text("Solved.").wait_for()
    await ann.get_by_role("button", name="End the exercise").click()
    await ann.locator("#queue button").wait_for(state="detached")

    async with ann.context.expect_page() as opening:
        await ann.get_by_role("link", name="Be a customer").click()
    customer = await opening.value
    await customer.locator("body:not([inert])").wait_for()
    await customer.get_by_label("Your name").fill("Mr Bos")
    await customer.get_by_role("button", name="Join").click()
    await ann.locator("#queue").get_by_text("Mr Bos").wait_for()
    await ann.context.close()
    [score] = ClassStore(site.world.data).scores("monday").read("Ann")
    assert (score.exercise, score.solved) == ("14", True)


async def test_an_exercise_with_a_clock_of_its_own_shows_its_console_and_gives_the_own_one_back(
    site: Site, browser: Any, open_page: Opening, faultless: Any
) -> None:
    classroom = await made(site, ["Ann", "Ben"])
    trainer = await open_page("admin")
    await trainer.get_by_role("link", name="Class").click()
    ann_card, ben_card = (trainer.get_by_role("article", name=name) for name in ("Ann", "Ben"))
    ann = await joined(site, browser, classroom.member("Ann").code)
    await trainer.get_by_label("Exercise", exact=True).select_option("5")
    await ann_card.get_by_role("button", name="Start the exercise").click()
    await ann.get_by_text("This exercise has a server and a clock of its own").wait_for()
    await ann.locator("#queue button").get_by_text("Waiting").wait_for()
    await ann_card.get_by_text("Waiting", exact=True).wait_for()
    assert await ben_card.get_by_text("Waiting", exact=True).count() == 0
    await ann_card.get_by_text("has joined, console connected").wait_for()
    await faultless(ann)
    await ann.reload()
    await ann.locator("#prediction").select_option("Removed from TC queue")
    await ann.locator("#question").get_by_role("button").click()
    await ann.locator("#result").get_by_text("Solved.").wait_for()
    await ann.get_by_role("button", name="End the exercise").click()
    await ann_card.get_by_text("no exercise").wait_for()
    await ann_card.get_by_role("button", name="New customer").click()
    await ann.locator("#queue").get_by_text("Waiting").wait_for()  # their own console again

    await ann_card.get_by_role("button", name="Start the exercise").click()
    await ann_card.get_by_text("asked for a prediction").wait_for()
    await ann.context.close()
    await ann_card.get_by_text("has joined, no console").wait_for()  # although the coach has one


async def test_everybody_reads_an_exercise_in_the_language_of_their_own_page(
    site: Site, browser: Any, open_page: Opening
) -> None:
    classroom = await made(site, ["Ann", "Ben"])
    trainer = await open_page("admin")
    await trainer.goto(f"{site.url}class")
    pages = {}
    for person, locale in (("Ann", "nl-NL"), ("Ben", "en-GB")):
        pages[person] = await joined(site, browser, classroom.member(person).code, locale=locale)
    await trainer.get_by_label("Exercise", exact=True).select_option("14")
    await trainer.get_by_role("button", name="Start for all").click()
    await pages["Ann"].get_by_text("U bent aan de beurt.").wait_for()
    await pages["Ben"].get_by_text("It is your turn.").wait_for()
    await pages["Ben"].get_by_label("Language").select_option("nl")
    await trainer.get_by_label("Exercise", exact=True).select_option("3")
    await trainer.get_by_role("button", name="Start for all").click()
    await pages["Ben"].locator("#task").get_by_text("Aan het wachten").wait_for()
    for page in pages.values():
        await page.context.close()


async def width(page: Any) -> int:
    return int(await page.evaluate("document.documentElement.scrollWidth"))


async def test_a_report_is_as_wide_as_a_phone(browser: Any) -> None:
    at = now_text(datetime(2026, 3, 4, 9, tzinfo=UTC))
    score = Score(at=at, person="Ann", exercise="14", trainee="alice", solved=False, why="astray", seconds=30.0)
    visit = await browser.new_context(viewport=PHONE)
    page = await visit.new_page()
    await page.set_content(class_report("monday", ["Ann"], [score], ReportFormat.HTML, ExerciseTexts("nl")))
    assert await width(page) == PHONE["width"]
    await visit.close()


async def test_pages_on_a_phone_are_as_wide_as_the_phone_and_show_the_exercise_that_the_trainer_chose(
    site: Site, browser: Any, open_page: Opening
) -> None:
    classroom = await made(site, ["Ann"])
    trainer = await open_page("admin", size=PHONE, lang="nl")
    await trainer.goto(f"{site.url}class")
    ann = await joined(site, browser, classroom.member("Ann").code, size=PHONE)
    for row, status in (("3", "Waiting"), ("14", "Active")):
        await trainer.get_by_label("Oefening", exact=True).select_option(row)
        await trainer.get_by_role("button", name="Start voor iedereen").click()
        await ann.get_by_text(f"is {status} in your queue.").wait_for()
        assert await ann.locator("#row").input_value() == row
    assert (await width(trainer), await width(ann)) == (PHONE["width"], PHONE["width"])
    await ann.get_by_label("Language").select_option("nl")
    await trainer.get_by_label("Oefening", exact=True).select_option("28")
    await trainer.get_by_role("button", name="Start voor iedereen").click()
    await ann.locator("#queue .chip").get_by_text("Opnieuw verbinding maken").wait_for()
    names = "[...document.querySelectorAll('#queue button > :first-child')].map(one => one.getClientRects()[0].width)"
    assert min(await ann.evaluate(names)) >= 100, "a long status leaves room for the customer's name"
    await ann.get_by_label("Taal").select_option("en")
    await trainer.get_by_label("Oefening", exact=True).select_option("14")
    await trainer.get_by_role("button", name="Start voor iedereen").click()
    await ann.get_by_text("is Active in your queue.").wait_for()
    card = trainer.get_by_role("article", name="Ann")
    await card.get_by_text("rij 14: Actief → Onderbroken").wait_for()
    await ann.locator("#queue button").click()
    await ann.locator("#session").get_by_role("button", name="Hold session").click()
    await card.get_by_text("Opgelost.").wait_for()
    await ann.context.close()


@pytest.mark.long
async def test_a_killed_web_process_loses_no_score_and_the_lesson_goes_on(site: Site) -> None:
    classroom = await made(site, ["Ann", "Ben"])
    admin = Visitor(site.url)
    await admin.sign_in("admin", site.secrets["admin"])

    async def ask(admin: Visitor, **body: Any) -> int:
        return (await admin.ask("POST", "/class/act", {"class": "monday", **body}, X_Rescue_Proof=admin.proof))[0]

    async def active(account: str) -> str:
        """Wait until somebody's session is Active; return it."""
        async with aclosing(consoles[account].watch()) as updates:
            view = QueueView(technician=account)
            async for update in updates:
                view = view.after(update)
                for entry in view.entries.values():
                    if entry.status == Status.ACTIVE:
                        return entry.session
        raise AssertionError("the watch ended")

    async with AsyncExitStack() as stack:
        consoles = {}
        for account in ("monday-1", "monday-2"):
            connection = Connection(site.world.address, user=account, secret=classroom.secrets[account])
            consoles[account] = ConsoleClient(await stack.enter_async_context(connection))
        assert await ask(admin, what="start", who=["monday-1"], row="14") == 200
        session = await active("monday-1")
        scores = ClassStore(site.world.data).scores("monday")
        await shown(admin, '"is_turn": true')
        await consoles["monday-1"].hold(session)
        await shown(admin, '"phase": "over"')
        assert await ask(admin, what="start", who=["monday-2"], row="14") == 200
        await active("monday-2")
        await site.program.kill()
        assert [(score.person, score.solved) for score in scores.read()] == [("Ann", True)]

        port = str(urlsplit(site.url).port)
        again = await Program.start(
            "web", "rescue_web", "--data", str(site.world.data), "--listen", f"127.0.0.1:{port}", "--json"
        )
        stack.push_async_callback(again.stop)
        await again.event("ready", 60)
        admin = Visitor(site.url)
        await admin.sign_in("admin", site.secrets["admin"])
        assert await ask(admin, what="reset") == 200
        assert [len((await one.queue()).entries) for one in consoles.values()] == [0, 0]
        assert await ask(admin, what="start", who=["monday-2"], row="14") == 200
        await active("monday-2")


async def shown(admin: Visitor, wanted: str) -> None:
    """Wait until the trainer's page is sent a text."""

    def read() -> None:
        connection = admin._connection()
        connection.request("GET", "/events?page=x", headers={"Cookie": admin.cookie})
        answer = connection.getresponse()
        while wanted not in answer.readline().decode():
            pass
        connection.close()

    await asyncio.wait_for(asyncio.to_thread(read), 60)


async def test_the_trainers_routes_are_closed_to_trainees_and_bad_input_is_said(site: Site) -> None:
    classroom = await made(site, ["Ann", "Ben"])
    ann, admin = Visitor(site.url), Visitor(site.url)
    await ann.sign_in("monday-1", classroom.secrets["monday-1"])
    await admin.sign_in("admin", site.secrets["admin"])
    body = {"class": "monday", "what": "reset", "who": []}
    assert (await ann.ask("POST", "/class/act", body, X_Rescue_Proof=ann.proof))[0] == 403
    assert (await ann.ask("GET", "/class"))[0] == 303
    assert (await Visitor(site.url).ask("GET", "/class"))[0] == 303
    for wrong, status in (
        ({"class": "tuesday", "what": "reset"}, 409),
        ({"class": "monday", "what": "reset", "who": ["alice"]}, 409),
        ({"class": "monday", "what": "reset", "who": "monday-1"}, 409),
        ({"class": "monday", "what": "reset", "who": [["monday-1"]]}, 409),
        ({"class": "monday", "what": "start", "row": "63"}, 409),
        ({"class": "monday", "what": "off"}, 409),
        ({"class": "monday", "what": "code"}, 400),
        ({"class": "monday", "what": "?"}, 400),
        ({"class": 7, "what": "reset"}, 400),
    ):
        assert (await admin.ask("POST", "/class/act", wrong, X_Rescue_Proof=admin.proof))[0] == status, wrong
    for what, begins in (
        ("html", "<!doctype html>"),
        ("csv", "at,person,"),
        ("junit", "<?xml"),
        ("handout", "<!doctype"),
    ):
        status, content = await admin.ask("GET", f"/class/report/monday/{what}")
        assert (status, content[: len(begins)]) == (200, begins)
        assert admin.headers["content-disposition"].startswith('attachment; filename="monday-')
        assert not any(secret in content for secret in classroom.secrets.values())
    assert f"{site.url}join/" in content, "the handout has the link"
    assert (await ann.ask("GET", "/class/report/monday/handout"))[0] == 403
    assert (await admin.ask("GET", "/class/report/monday/secrets"))[0] == 404
    assert (await admin.ask("GET", "/class/report/tuesday/csv"))[0] == 409
    assert (await admin.ask("GET", "/class/report/../csv"))[0] in (404, 409)
    said = await admin.ask("POST", "/class/act", {"class": "tuesday", "what": "stop"}, X_Rescue_Proof=admin.proof)
    assert "there is no class 'tuesday'" in said[1]["message"]
