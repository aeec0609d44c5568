"""What the full screens look like, at both sizes and in both languages, compared with the committed pictures."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest
from textual.pilot import Pilot

from rescue_applet import events
from rescue_applet.tui.app import CustomerComputer
from rescue_client.records import ServerLost, Status, Update
from rescue_common.languages import LANGUAGES
from rescue_console.labels import Labels
from rescue_console.tui.app import TechnicianConsole
from rescue_console.tui.queue_table import QueueTable
from tests.e2e.tui.fake_technician import Reader
from tests.e2e.tui.pictures import NOON, SIZES, SNAPSHOTS, Scripted, Story, busy_queue

Compare = Callable[[Pilot[Any], str], Awaitable[None]]
every_size = pytest.mark.parametrize("size", SIZES)
every_language = pytest.mark.parametrize("language", LANGUAGES)


def _cells(size: str) -> tuple[int, int]:
    columns, lines = size.split("x")
    return int(columns), int(lines)


@asynccontextmanager
async def console(*updates: Update, size: str, language: str, selected: str = "1007") -> AsyncIterator[Pilot[int]]:
    client: Any = Scripted(*updates, now=NOON + timedelta(seconds=760))
    app = TechnicianConsole(client, labels=Labels.of(language), ticking=False)
    async with app.run_test(size=_cells(size)) as pilot:
        while not app.view.entries or app.clock.now is None:
            await pilot.pause(0.01)
        app.draw()
        app.query_one(QueueTable).select(selected)
        await pilot.pause(0.1)
        yield pilot


@every_size
@every_language
async def test_a_busy_queue(looks_like: Compare, size: str, language: str) -> None:
    async with console(*busy_queue(), size=size, language=language) as pilot:
        await looks_like(pilot, f"queue-{language}-{size}")


@every_size
@every_language
async def test_choosing_whom_to_transfer_to(looks_like: Compare, size: str, language: str) -> None:
    async with console(*busy_queue(), size=size, language=language) as pilot:
        await pilot.press("t")
        await looks_like(pilot, f"transfer-{language}-{size}")


@every_language
async def test_a_new_pin_is_shown_large(looks_like: Compare, language: str) -> None:
    async with console(*busy_queue(), size="80x24", language=language) as pilot:
        await pilot.press("n", "J", "a", "n", "enter")
        await looks_like(pilot, f"pin-{language}-80x24")


@every_language
async def test_an_offered_lead_stands_above_the_chat(looks_like: Compare, language: str) -> None:
    story = Story()
    possible = ("hold", "lead accept", "reboot", "chat", "note", "open", "end")
    story.add("1007", Status.COLLABORATING, 120, "TechnicianInvited", customer="Sanne", introduced_by="bob",
              lead_offered_to="alice", allowed=possible, others=("bob",))  # fmt: skip
    async with console(*story.updates, size="80x24", language=language) as pilot:
        await looks_like(pilot, f"offer-{language}-80x24")


@every_language
async def test_a_lost_server_has_a_banner(looks_like: Compare, language: str) -> None:
    lost = ServerLost(reason="gone")
    async with console(*busy_queue(), lost, size="80x24", language=language) as pilot:
        await looks_like(pilot, f"lost-{language}-80x24")


@every_language
async def test_help_fits(looks_like: Compare, language: str) -> None:
    async with console(*busy_queue(), size="80x24", language=language) as pilot:
        await pilot.press("f1")
        await looks_like(pilot, f"help-{language}-80x24")


async def test_who_types_is_told_how_the_keys_come_back() -> None:
    async with console(*busy_queue(), size="80x24", language="en") as pilot:
        person = Reader(pilot.app, pilot)
        await person.press("k")  # not possible, and the reason covers the field
        await person.is_told("possible as long as your offer")
        await person.press("m")
        await person.reads("Enter send", "Esc back to the keys")
        assert person.messages == [], "nothing covers what is typed"
        await person.press("escape")
        await person.reads("F1 help")


@pytest.mark.parametrize("width", [80, 119, 120, 159, 160, 200])
async def test_the_session_has_room_at_every_width(width: int) -> None:
    async with console(*busy_queue(), size=f"{width}x30", language="nl") as pilot:
        assert pilot.app.query_one("#detail").size.width >= 38


async def test_without_colours_no_colour_is_left(monkeypatch: pytest.MonkeyPatch, looks_like: Compare) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    async with console(*busy_queue(), size="80x24", language="en") as pilot:
        await looks_like(pilot, "queue-no-color-80x24")
    picture = (SNAPSHOTS / "queue-no-color-80x24.svg").read_text(encoding="utf-8")
    inside = picture[picture.index('clip-path="url(#terminal-clip-terminal)"') :]
    colours = set(re.findall(r"fill: #([0-9a-f]{6})", picture)) | set(re.findall(r'fill="#([0-9a-f]{6})"', inside))
    colours.discard("c5c8c6")  # the picture's own default, where nothing is written
    assert {colour for colour in colours if len({colour[0:2], colour[2:4], colour[4:6]}) > 1} == set()


# -- the customer's computer ---------------------------------------------------------------------------------------

STORY = {
    "terms": (
        events.AppletStarted(pid=4711),
        events.LinkChanged(state=events.LinkState.CONNECTED),
        events.Terms(text="We see your screen for as long as you let us.\nWe keep nothing."),
    ),
    "helped": (
        events.AppletStarted(pid=4711),
        events.LinkChanged(state=events.LinkState.CONNECTED),
        events.Joined(session="1007"),
        events.CustomerView(customer="Jan", lead="alice", collaborators=["bob"], on_hold=False),
        events.ChatLineReceived(sender="alice", text="Good morning! I am going to look at your printer."),
        events.ChatLineReceived(sender="", text="Please do."),
    ),
    "lost": (
        events.AppletStarted(pid=4711),
        events.Joined(session="1007"),
        events.CustomerView(customer="Jan", lead="alice", collaborators=[], on_hold=True),
        events.CableChanged(state=events.CableState.OFF, faults=["off"]),
        events.LinkChanged(state=events.LinkState.LOST),
    ),
    "dark": (events.AppletStarted(pid=4711), events.Joined(session="1007"), events.Rebooting()),
    "over": (
        events.AppletStarted(pid=4711),
        events.Joined(session="1007"),
        events.Ended(reason="ended-by-technician"),
    ),
}


@asynccontextmanager
async def computer(*told: events.Event, size: str, language: str, pin: bool = False) -> AsyncIterator[Pilot[int]]:
    app = CustomerComputer(_never, name="Jan", asks_pin=True, language=language, ticking=False)
    async with app.run_test(size=_cells(size)) as pilot:
        await pilot.pause(0.05)
        if not pin:
            app._awaits_pin = False
            for event in told:
                app.receive(event)
            app.set_focus(None)
        await pilot.pause(0.1)
        yield pilot


def _never(pin: str, listener: events.Listener) -> Any:
    raise AssertionError("this computer only shows what it is told")


@every_language
@pytest.mark.parametrize(("scene", "size"), [*((scene, "80x24") for scene in STORY), ("helped", "200x60")])
async def test_the_customers_computer(looks_like: Compare, scene: str, size: str, language: str) -> None:
    async with computer(*STORY[scene], size=size, language=language) as pilot:
        await looks_like(pilot, f"computer-{scene}-{language}-{size}")


@every_language
async def test_the_customer_is_asked_for_the_pin(looks_like: Compare, language: str) -> None:
    async with computer(size="80x24", language=language, pin=True) as pilot:
        await looks_like(pilot, f"computer-pin-{language}-80x24")
