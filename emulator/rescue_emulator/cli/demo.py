"""`rescue demo`: one support call with real processes, for people who see this for the first time.

This module has the story: who does what, in which order. `demo_screens` shows it.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING

import click

from rescue_common.cli_options import FiniteRange
from rescue_common.signals import Terminated, run_until_signalled
from rescue_emulator.cli.options import console_language

if TYPE_CHECKING:
    from rescue_common.processes.child import Event
    from rescue_emulator.cli.demo_screens import Screen
    from rescue_emulator.world.technician import Technician
    from rescue_emulator.world.world import World

CUSTOMER = "Ms Vos"


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--speed",
    type=FiniteRange(1, 100),
    default=20,
    show_default=True,
    metavar="N",
    help="Emulated seconds in a real one: at 1, the minute until a lost network shows is a minute.",
)
@console_language
@click.option(
    "--web/--no-web",
    default=None,
    help="Show it in the browser too, until Ctrl-C.  [default: on a terminal, for the time of the demo]",
)
def demo(*, speed: float, lang: str, web: bool | None) -> int:
    """Play a support call, and show the queues as they change.

    A session server, a customer's computer and the consoles of two technicians run as real processes. The call
    has a network loss, a reboot and a hand-over of the lead.

    \b
    Examples:
      rescue demo
      rescue demo --lang nl --speed 5 --no-web
    """
    from rescue_common.extras import WEB_MISSING, is_web_installed
    from rescue_common.processes.child import ProgramEnded
    from rescue_emulator.cli.demo_screens import choose_screen
    from rescue_emulator.world.technician import CommandRefused

    if web and not is_web_installed():
        raise click.ClickException(WEB_MISSING)
    pages = web if web is not None else sys.stdout.isatty() and is_web_installed()
    try:
        run_until_signalled(_play(choose_screen(lang=lang), speed=speed, lang=lang, pages=pages, stay=bool(web)))
    except Terminated:
        raise KeyboardInterrupt from None  # SIGTERM: all processes were ended before the end of the story
    except (ProgramEnded, CommandRefused, TimeoutError) as error:
        raise click.ClickException(f"the story broke off: {error}") from None
    return 0


async def _play(screen: Screen, *, speed: float, lang: str, pages: bool, stay: bool) -> None:
    from rescue_emulator.world.world import World

    with screen:
        screen.starting(f"a session server, {speed:g} times as fast as life, and the consoles of alice and bob")
        async with World(speed=speed) as world, AsyncExitStack() as beside:
            if pages:
                await beside.enter_async_context(_pages(world, screen))
            alice, bob = await asyncio.gather(*(world.technician(name, lang=lang) for name in ("alice", "bob")))
            await _call(world, alice, bob, screen, speed=speed)
            if stay:
                screen.finish()
                click.echo("\nThe server and its pages stay until Ctrl-C.")
                await asyncio.Event().wait()
        screen.finish()


@asynccontextmanager
async def _pages(world: World, screen: Screen) -> AsyncIterator[None]:
    """Serve the consoles to browsers, and print how to sign in."""
    from rescue_common.processes.child import Program
    from rescue_common.state_directory import Access

    program = await Program.start("web", "rescue_web", "--data", str(world.data), "--json")
    try:
        url = (await program.event("ready", 30))["web"]
        secrets = Access.read(world.data).secrets
        screen.pages(url, {user: secrets[user] for user in ("admin", "alice", "bob")})
        yield
    finally:
        await program.stop()


async def _call(world: World, alice: Technician, bob: Technician, screen: Screen, *, speed: float) -> None:
    """Play the story."""
    minute = 60 / speed + 15  # real seconds; timeout for what takes an emulated minute

    @asynccontextmanager
    async def act(title: str) -> AsyncIterator[None]:
        screen.act(title)
        await asyncio.sleep(screen.pause / 2)
        yield
        # The updates of an act must be printed under its heading, before the next act begins.
        await asyncio.gather(alice.sync(), bob.sync())
        await asyncio.sleep(screen.pause)

    for technician in (alice, bob):
        technician.program.listen(partial(_show_update, screen, technician.name))
    async with act("alice makes a PIN code and reads it out to the customer."):
        session, pin = await alice.pin(CUSTOMER)
    async with act(f"{CUSTOMER} runs the applet with PIN {pin}."):
        computer = await world.computer(pin=pin, name=CUSTOMER)
        screen.computer("on")
        await alice.sees(session, "Waiting")
    async with act("alice starts the session and invites bob to look at it too."):
        await alice.command("start", session)
        await alice.command("invite", session, "bob")
        await bob.command("start", session)
    async with act("A foot catches the network cable: the applet falls silent, and nobody says goodbye."):
        await computer.lan_off()
        screen.computer("no network")
        await alice.sees(session, "Reconnecting", timeout=minute)
    async with act("The cable is back. The applet finds its session again by itself."):
        await computer.lan_on()
        screen.computer("on")
        await alice.sees(session, "Active", timeout=15)
    async with act("alice reboots the computer: its applet really ends, and a new one comes back."):
        await alice.command("reboot", session)
        await alice.sees(session, "Rebooting")
        screen.computer("rebooting")
        await alice.sees(session, "Active", timeout=minute)
        screen.computer("on")
    async with act("alice hands the lead to bob, who accepts."):
        await alice.command("lead", session, "offer", "bob")
        await bob.command("lead", session, "accept")
    async with act("All is well again. bob ends the session; alice clears it from the queue."):
        await bob.command("end", session)
        await alice.sees(session, "Closed")
        await alice.command("end", session)
        screen.computer("off")


def _show_update(screen: Screen, technician: str, event: Event) -> None:
    from rescue_emulator.world.records import StatusUpdate

    if event.get("event") == "entry" and not event.get("snapshot"):
        screen.update(technician, StatusUpdate.read(event))
