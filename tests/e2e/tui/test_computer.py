"""A customer at the full-screen computer: keys pressed, a real applet process behind it, a real server."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest

from rescue_applet.__main__ import ComputerCommandLine, Computers
from rescue_applet.computer import TermsPolicy
from rescue_applet.tui.app import CustomerComputer
from rescue_emulator.world.technician import Technician
from rescue_emulator.world.world import World
from tests.e2e.tui.fake_technician import Reader

pytestmark = pytest.mark.timeout(300)  # for a busy machine


class Customer(Reader):
    """Somebody at the computer."""

    app: CustomerComputer

    async def sits_dark(self) -> None:
        await self.until(lambda: self.app.query_one("#monitor").has_class("-dark"), "dark")


@asynccontextmanager
async def computer(world: World, *, pin: str | None = None, channel: str | None = None) -> AsyncIterator[Customer]:
    """The computer as `rescue applet` starts it; without a PIN and a channel the customer enters the PIN."""
    command_line = ComputerCommandLine(
        pin=pin,
        channel=channel,
        name="Jan",
        terms=TermsPolicy.ASK.value,
        boot_time=timedelta(seconds=30),
        lan="relay",
        seed=0,
        server=world.address,
        data=None,
        as_json=False,
        plain=False,
        language="en",
    )
    app = CustomerComputer(
        Computers(command_line).plugged_in, name="Jan", asks_pin=not command_line.joins, language="en", splash=0.3
    )
    async with app.run_test(size=(80, 24)) as pilot:
        customer = Customer(app, pilot)
        yield customer
        if app.is_running:
            app.action_unplug()
            await customer.until(lambda: app._computer is None, "unplugged")


async def joined(customer: Customer, alice: Technician) -> str:
    session, pin = await alice.pin("Jan")
    await customer.reads("Enter the PIN")
    await customer.write(pin)
    await alice.sees(session, "Waiting", timeout=30)
    await customer.reads("Waiting for a technician.", session)
    return session


async def test_a_wrong_pin_can_be_entered_again() -> None:
    async with World() as world, computer(world) as customer:
        alice = await world.technician("alice")
        session, pin = await alice.pin("Jan")
        wrong = f"{(int(pin) + 1) % 1_000_000:06}"
        await customer.write(wrong[:3])
        await customer.reads("A PIN has six digits.")
        await customer.press("home", "ctrl+k")
        await customer.write(wrong)
        await customer.until(lambda: customer.app._problem and customer.app._computer is None, "refused")
        await customer.reads("Enter the PIN")
        await customer.write(pin)
        await alice.sees(session, "Waiting", timeout=30)


async def test_the_customer_sees_what_happens_and_does_what_customers_do() -> None:
    async with World() as world, computer(world) as customer:
        alice = await world.technician("alice")
        session = await joined(customer, alice)
        await alice.command("start", session)
        await customer.reads("alice is helping you.")
        await alice.command("chat", session, "Good morning")
        await customer.reads("alice: Good morning")
        await customer.press("m")
        await customer.write("Hello")
        await customer.reads("You: Hello")
        await customer.press("escape")
        await alice.command("hold", session)
        await customer.reads("alice has put you on hold")
        await alice.command("start", session)

        await customer.press("l")
        await customer.reads("○ off")
        await world.advance(minutes=1)
        await alice.sees(session, "Reconnecting", timeout=30)
        await customer.reads("Connection lost", "× lost")
        await customer.press("l")
        await alice.sees(session, "Active", timeout=30)
        await customer.reads("● connected")

        before = customer.app.model.pid
        await customer.press("r")
        await customer.sits_dark()
        await customer.reads("The computer is off.")
        await alice.sees(session, "Rebooting", timeout=30)
        await world.advance(seconds=30)
        await alice.sees(session, "Active", timeout=30)
        await customer.reads("alice is helping you.")
        assert customer.app.model.pid not in (0, before), "another process of the applet"

        await customer.press("o")  # down until told to boot
        await customer.reads("The computer is off.")
        await customer.press("r")
        await customer.is_told("the computer is rebooting")
        await customer.press("b")
        await alice.sees(session, "Active", timeout=30)

        await customer.press("c")
        await alice.sees(session, "Closed", timeout=30)
        await customer.reads("The session is over: you closed")
        await customer.press("space")
        await customer.until(lambda: not customer.app.is_running, "gone")
        assert customer.app.return_value == 0


@pytest.mark.parametrize("started_with", ["--pin", "--channel"])
async def test_keys_work_at_once_when_the_command_line_says_the_session(started_with: str) -> None:
    async with World() as world:
        alice = await world.technician("alice")
        pin = (await alice.pin("Jan")).pin if started_with == "--pin" else None
        async with computer(world, pin=pin, channel=None if pin else "Web") as customer:
            await customer.reads("Waiting for a technician.")
            assert customer.app.focused is None
            await customer.write("123456")
            assert customer.app.is_running, "a PIN that nobody asked for ends nothing"
            await customer.press("l")
            await customer.reads("○ off")
            await customer.press("l")
            await customer.reads("● connected")
            await customer.press("m")
            await customer.write("Hello")
            await customer.reads("You: Hello")


@pytest.mark.parametrize(("key", "status"), [("a", "Waiting"), ("d", "Connecting")])
async def test_terms_are_read_and_answered(key: str, status: str) -> None:
    async with World() as world, computer(world) as customer:
        await world.set("group:Support", terms="We look at your screen.")
        alice = await world.technician("alice")
        session, pin = await alice.pin("Jan")
        await customer.write(pin)
        await customer.reads("Do you accept these terms?", "We look at your screen.", "[a] Accept", "[d] Decline")
        await customer.press(key)
        if key == "d":
            await customer.reads("The session is over: you declined")
        await alice.sees(session, status, timeout=30)


async def test_pulling_the_plug_ends_it_without_a_word() -> None:
    async with World() as world, computer(world) as customer:
        alice = await world.technician("alice")
        session = await joined(customer, alice)
        await customer.press("q")
        await customer.until(lambda: not customer.app.is_running, "gone")
        await alice.sync()
        assert alice.status(session) == "Waiting"


async def test_a_line_that_is_written_while_the_cable_is_off_is_shown_as_not_sent_yet() -> None:
    async with World(paused=True) as world, computer(world) as customer:
        alice = await world.technician("alice")
        session = await joined(customer, alice)
        await alice.start(session)
        await customer.reads("alice is helping you.")
        await customer.press("l")
        await customer.until(lambda: not customer.app.model.cable, "cut")
        await customer.press("m")
        await customer.write("hello?")
        await customer.reads("You (not sent yet): hello?")
        await customer.press("escape", "l")
        await customer.until(lambda: "not sent yet" not in customer.screen, "sent")
        await customer.reads("You: hello?")
