"""A person at the full-screen console, against a real server with real computers and colleagues."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import partial

import pytest
from textual.events import AppBlur, AppFocus

from rescue_client.connection import Connection
from rescue_client.console import ConsoleClient
from rescue_client.records import Process, Status
from rescue_common.state_directory import Access
from rescue_console.commands import OnSession, SessionAction
from rescue_console.labels import Labels
from rescue_console.tui.app import TechnicianConsole
from rescue_console.tui.dialogs import NewPin
from rescue_console.tui.toolbar import KEYS, widget_id
from rescue_emulator.world.world import World
from tests.e2e.tui.fake_technician import Reader

pytestmark = pytest.mark.timeout(300)  # for a busy machine


class Person(Reader):
    """A technician."""

    app: TechnicianConsole

    def allowed(self) -> tuple[str, ...]:
        """What the selected session's status allows."""
        return self.app.entry.allowed if self.app.entry is not None else ()

    def participants(self) -> list[str]:
        """Who takes part in the selected session."""
        return [who.technician for who in self.app.entry.participants] if self.app.entry is not None else []

    async def sees(self, session: str, status: Status) -> None:
        """Wait until the entry has a status and the screen shows it."""

        def shown() -> bool:
            entry = self.app.view.entries.get(session)
            label = self.app.wording.labels.status(status)
            return entry is not None and entry.status is status and label in self.screen

        await self.until(shown, f"{session} {status}")

    async def new_pin(self, customer: str) -> tuple[str, str]:
        """Create a session by the dialog; return its number and PIN, as the dialog shows them."""
        await self.press("n")
        await self.reads("Create PIN")
        await self.write(customer)
        await self.reads("Tell the customer this PIN", "valid for")
        entry = max(self.app.view.entries.values(), key=lambda entry: int(entry.session))
        await self.reads(f"(Session {entry.session}): {entry.pin}")
        return entry.session, entry.pin


@asynccontextmanager
async def console(
    world: World, technician: str = "alice", *, size: tuple[int, int] = (80, 24), language: str = "en"
) -> AsyncIterator[Person]:
    def locate() -> tuple[str, str]:
        access = Access.read(world.data)
        return access.server, access.secrets[technician]

    address, secret = locate()
    async with Connection(address, user=technician, secret=secret, locate=locate) as connection:
        app = TechnicianConsole(ConsoleClient(connection), labels=Labels.of(language))
        async with app.run_test(size=size) as pilot:
            person = Person(app, pilot)
            await person.until(lambda: app.view.revision is not None and app.clock.now is not None, "listed")
            yield person


async def test_every_command_for_one_technician_by_its_key() -> None:
    async with World() as world, console(world) as alice:
        session, pin = await alice.new_pin("Jan")
        computer = await world.computer(pin=pin)
        await alice.is_told("The PIN has been used.", "Waiting")
        await alice.sees(session, Status.WAITING)
        assert not isinstance(alice.app.screen, NewPin)

        await alice.press("s")
        await alice.sees(session, Status.ACTIVE)
        await alice.press("h")
        await alice.sees(session, Status.ON_HOLD)
        await alice.press("s")
        await alice.sees(session, Status.ACTIVE)

        await alice.press("m")
        await alice.write("Hello Jan")
        await computer.event(lambda line: line.get("event") == "chat" and line["text"] == "Hello Jan")
        await alice.reads("alice: Hello Jan")
        await alice.press("escape")

        await alice.press("w")
        await alice.reads("A note that the customer does not see")
        await alice.write("Asked about the cable")
        await alice.is_told("The note is written.")
        await alice.press("w", "escape")  # nothing is written
        noted = [piece async for piece in world.journal.read(session=session) if "NoteAdded" in str(piece)]
        assert len(noted) == 1
        assert "Asked about the cable" in str(noted)

        await alice.press("o")
        await alice.reads("Remote control", "Calling Card deployment")
        await alice.press("enter")
        await alice.until(lambda: alice.app.view.entries[session].processes == (Process.REMOTE_CONTROL,), "open")
        await alice.reads("open: Remote control")
        await alice.press("c")
        await alice.reads("Close process")
        await alice.press("enter")
        await alice.until(lambda: not alice.app.view.entries[session].processes, "closed")

        await alice.press("b")
        await alice.sees(session, Status.REBOOTING)
        await world.advance(seconds=30)
        await alice.sees(session, Status.ACTIVE)
        await alice.reads("row 52")  # the history says why

        await alice.press("e")
        await alice.reads("End the session for everybody?")
        await alice.press("escape")
        await alice.sees(session, Status.ACTIVE)
        await alice.press("e", "enter")
        await alice.is_told(session, "left the queue", "alice ended the session")
        assert session not in alice.app.view.entries


async def test_every_command_that_involves_others() -> None:
    async with World() as world, console(world, size=(200, 60)) as alice:
        bob, carol = await world.technician("bob"), await world.technician("carol")
        session, pin = await alice.new_pin("Els")
        await world.computer(pin=pin)
        await alice.press("escape", "s")
        await alice.sees(session, Status.ACTIVE)

        await alice.press("i")
        await alice.reads("Invite technician", "● there · Support", "○ away · Network")
        await alice.press("enter")  # bob is the first
        await bob.sees(session, "Invitation")
        await bob.command("start", session)
        await alice.reads("+ Collaborating")

        def offered_to() -> str:
            return alice.app.view.entries[session].lead_offered_to

        await alice.until(lambda: "lead offer" in alice.allowed(), "possible")
        await alice.press("g")
        await alice.reads("Give lead status", "bob")
        await alice.press("enter")
        await alice.until(lambda: offered_to() == "bob", "offered")
        await alice.press("k")
        await alice.until(lambda: not offered_to(), "cancelled")
        await alice.press("g")
        await alice.reads("Give lead status")
        await alice.press("enter")
        await alice.until(lambda: offered_to() == "bob", "offered again")
        await bob.command("lead", session, "accept")
        await alice.sees(session, Status.COLLABORATING)

        offer = alice.app.query_one("#offer")
        await alice.until(lambda: not offer.display, "no offer stands above the chat")
        await bob.command("lead", session, "offer", "alice")
        await alice.until(lambda: offer.display, "the offer stands above the chat")
        await alice.until(lambda: offer.has_class("-bright"), "it blinks")
        await alice.until(lambda: not offer.has_class("-bright"), "it blinks")
        await alice.press("a")
        await alice.sees(session, Status.ACTIVE)
        await alice.until(lambda: not offer.display, "no offer stands above the chat")

        await alice.press("x")
        await alice.reads("Remove technician", "bob")
        await alice.press("enter")
        await bob.sees(session, "Removed from TC queue")

        await alice.until(lambda: "transfer" in alice.allowed(), "possible")
        await alice.press("t")
        await alice.reads("Transfer session", "Technician groups", "Channels", "Web")
        await alice.press("down", "tab")  # carol
        await alice.write("Printer again")
        await carol.sees(session, "Incoming")
        await alice.sees(session, Status.OUTGOING)
        assert (await carol.command("queue"))["entries"][0]["comment"] == "Printer again"
        await alice.press("s")
        await alice.sees(session, Status.ACTIVE)


async def test_a_console_that_comes_later_tells_what_happened_before() -> None:
    async with World() as world:
        plain = await world.technician("alice")
        session, pin = await plain.pin("Jan")
        computer = await world.computer(pin=pin)
        await plain.start(session)
        await plain.command("chat", session, "Hello Jan")
        await computer.chat("It smokes")
        await plain.program.event(lambda line: line.get("event") == "chat" and line["role"] == "customer", 30)
        async with computer.lan_off():
            await world.advance(minutes=1)
            await plain.sees(session, "Reconnecting", timeout=30)
            async with console(world, size=(200, 60)) as alice:
                await alice.reads("alice created a PIN", "row 3", "(reconnect period: 1m)")
                assert "found when the queue was listed" not in alice.screen
                await alice.reads("alice: Hello Jan", "Jan: It smokes")
                await computer.cable("on")
                await alice.reads("the applet is back")
                await computer.chat("Out now")
                await alice.reads("Jan: Out now")
                said = [line.text for line in alice.app.view.chats[session]]
                assert said == ["Hello Jan", "It smokes", "Out now"], "each once"
                told = [change.status for change in alice.app.history.of(session)]
                before = (Status.CONNECTING, Status.WAITING, Status.ACTIVE, Status.RECONNECTING)
                assert told == [*before, Status.ACTIVE], "each once"


@pytest.mark.parametrize("language", ["en", "nl"])
async def test_what_the_status_forbids_is_dim_and_says_why_when_asked(language: str) -> None:
    async with World() as world, console(world, language=language) as alice:
        labels = Labels.of(language)
        await alice.press("n", "enter")
        await alice.until(lambda: alice.app.view.entries, "a session")
        await alice.press("escape")
        await alice.sees(next(iter(alice.app.view.entries)), Status.CONNECTING)
        revision = alice.app.view.revision
        forbidden = [name for name in KEYS if name not in ("pin", "end")]
        for name in forbidden:
            button = alice.app.query_one(f"#{widget_id(name)}")
            await alice.until(partial(button.has_class, "-impossible"), f"{name} is dim")
            told = (f"{labels.command(name)}: {labels.needs(name)}", labels.status("Connecting"))
            await alice.press(KEYS[name])
            await alice.is_told(*told, f"{labels.text('Possible now')}: {labels.command('end')}.")
            assert f"[{KEYS[name]}]" not in str(button.render())
        await alice.app.send(
            OnSession(action=SessionAction.HOLD, session=next(iter(alice.app.view.entries)))
        )  # a race lost
        await alice.is_told({"en": "hold is not possible here", "nl": "is daarbij niet mogelijk"}[language])
        assert len(alice.app.screen_stack) == 1, "no dialog opened"
        assert alice.app.view.revision == revision, "nothing was sent"
        for name in ("pin", "end"):
            assert f"[{KEYS[name]}]" in str(alice.app.query_one(f"#{widget_id(name)}").render())
        alice.app.clear_notifications()
        await alice.pilot.click(f"#{widget_id('hold')}")
        await alice.is_told(labels.needs("hold"))


async def test_a_lost_server_freezes_the_queue_until_it_is_back() -> None:
    async with World() as world, console(world) as alice:
        session, _ = await alice.new_pin("Piet")
        await alice.press("escape")
        await world.kill_server()
        await alice.reads("The server is lost", session, "Piet")
        await alice.press("n")
        await alice.is_told("The server is away: no command is possible.")
        await world.restart_server()
        await alice.is_told("The server is back.")
        await alice.until(lambda: "The server is lost" not in alice.screen, "without the banner")
        await alice.press("e", "enter")
        await alice.until(lambda: session not in alice.app.view.entries, "ended after the return")


async def test_the_terminals_focus_is_what_the_idle_time_out_hears() -> None:
    async with World() as world, console(world) as alice:
        await world.set("group:Support", idle_timeout="1m")
        session, pin = await alice.new_pin("Jan")
        await world.computer(pin=pin)
        await alice.press("escape", "s")
        await alice.sees(session, Status.ACTIVE)
        await world.advance(minutes=5)
        await alice.sees(session, Status.ACTIVE)

        def waits_for_time_out() -> bool:
            return alice.app.view.entries[session].due_by == "idle-timeout"

        alice.app.post_message(AppBlur())
        await alice.reads("not in focus")
        await alice.until(waits_for_time_out, "the idle clock runs")
        alice.app.post_message(AppFocus())
        await alice.until(lambda: not waits_for_time_out(), "the idle clock stands")
        await alice.press("f3")  # by hand, where a terminal does not tell
        await alice.until(waits_for_time_out, "the idle clock runs")
        await world.advance(seconds=61)
        await alice.sees(session, Status.TIMED_OUT)
        await alice.reads("time-out: 1m)")  # the history names the setting that decided


async def test_waiting_is_told_in_emulated_time_and_turns_red_before_it_is_over() -> None:
    async with World() as world, console(world) as alice:
        await world.set("group:Support", waiting_timeout="2m")
        session, pin = await alice.new_pin("Jan")
        await world.computer(pin=pin)
        await alice.press("escape")
        await alice.sees(session, Status.WAITING)
        await world.advance(seconds=75)
        await alice.reads("○ Waiting", "1:15", "waiting time-out: in 0:45")
        await world.advance(seconds=30)
        await alice.reads("! Waiting", "-0:15")
        await world.advance(timedelta(seconds=15))
        await alice.is_told(session, "left the queue", "nobody started the session within the waiting time-out")


async def test_the_language_changes_while_it_runs() -> None:
    async with World() as world, console(world) as alice:
        await alice.new_pin("Jan")
        await alice.press("escape", "f2")
        await alice.reads("Technicusconsole", "Bezig met verbinden", "Pincode", "Geschiedenis")
        await alice.press("f1")
        await alice.reads("Sessie onderbreken", "Onderbroken")
        await alice.press("escape", "f2")
        await alice.reads("Technician Console", "Connecting", "New PIN", "History")


async def test_the_keys_of_commands_work_while_a_pin_is_shown() -> None:
    async with World() as world, console(world) as alice:
        session, _ = await alice.new_pin("Jan")
        await alice.press("i")
        await alice.is_told(f"Session {session}: Connecting", "Invite technician")
        assert not isinstance(alice.app.screen, NewPin)
        other, _ = await alice.new_pin("Els")
        await alice.press("n")
        await alice.reads("Name of the customer")
        await alice.press("escape")
        await alice.sees(other, Status.CONNECTING)


async def test_what_is_typed_in_a_picker_chooses_by_name_and_names_are_in_natural_order() -> None:
    async with World() as world, console(world) as alice:
        for number in (10, 2, 1):
            await world.admin.add_technician(f"tech{number}", group="Support")
        session, pin = await alice.new_pin("Jan")
        await world.computer(pin=pin)
        await alice.sees(session, Status.WAITING)
        await alice.press("s")
        await alice.sees(session, Status.ACTIVE)
        await alice.press("i")
        await alice.reads("Invite technician", "tech10")
        lines = [line.split()[1] for line in alice.screen.splitlines() if "tech" in line and "Support" in line]
        assert lines == ["tech1", "tech2", "tech10"]
        await alice.press(*"tech2")
        await alice.reads("typed: tech2")
        await alice.until(lambda: "bob" not in alice.screen)
        await alice.press("enter")
        await alice.until(lambda: alice.participants() == ["alice", "tech2"])
