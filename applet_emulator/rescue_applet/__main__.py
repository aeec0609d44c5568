"""The command line of the customer's computer: `rescue applet`, or `python -m rescue_applet`."""

from __future__ import annotations

import asyncio
import os
import random
import re
import signal
import sys
import uuid
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import click

from rescue_applet import commands, events
from rescue_applet.computer import EmulatedComputer, TermsPolicy
from rescue_applet.network.cable import CannotLay
from rescue_applet.network.cables import KINDS
from rescue_applet.output import Printer
from rescue_applet.saved_state import saved_state
from rescue_applet.servers import Servers
from rescue_applet.terminal_input import read_lines
from rescue_applet.ticket_file import JoinRequest, SavedTicket, TicketFile
from rescue_common.cli_options import SERVERS, tls_options
from rescue_common.durations import parse_duration
from rescue_common.exit_status import INTERRUPTED
from rescue_common.extras import is_textual_installed
from rescue_common.languages import LANGUAGES, language_of_environment
from rescue_common.signals import Terminated, expect_children, run_until_signalled
from rescue_common.state_directory import NoAccess, TlsEnvironment, find_servers


def _duration(_context: click.Context, _parameter: click.Parameter, text: str) -> timedelta:
    try:
        return parse_duration(text)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


def _six_digits(_context: click.Context, _parameter: click.Parameter, pin: str | None) -> str | None:
    if pin is not None and not re.fullmatch(r"[0-9]{6}", pin):
        raise click.BadParameter("a PIN has six digits")
    return pin


@dataclass(frozen=True, slots=True, kw_only=True)
class ComputerCommandLine:
    """The options as given."""

    pin: str | None
    channel: str | None
    name: str
    terms: str
    boot_time: timedelta
    lan: str
    seed: int | None
    server: str | None
    data: str | None
    as_json: bool
    plain: bool
    language: str

    @property
    def joins(self) -> bool:
        """Whether it says which session to join; else the full screen asks for a PIN."""
        return bool(self.pin or self.channel)

    def shows_full_screen(self) -> bool:
        return not (self.as_json or self.plain) and _can_show_full_screen()

    def join_request(self, entered_pin: str) -> JoinRequest:
        return JoinRequest(
            request_id=str(uuid.uuid4()),
            pin=entered_pin or self.pin or "",
            channel=self.channel or "",
            customer=self.name,
            language=self.language,
        )


class Computers:
    """Makes the computer of a command line, once for each PIN that is entered; all have the same seed."""

    def __init__(self, command_line: ComputerCommandLine) -> None:
        self._options = command_line
        self._seed = random.randrange(2**31) if command_line.seed is None else command_line.seed
        self._tls_environment = TlsEnvironment()

    def find_servers(self) -> tuple[str, ...]:
        """Return the servers' addresses as they are now. Raises NoAccess."""
        self._tls_environment.update(server=self._options.server, data=self._options.data, behind_cable=True)
        return find_servers(server=self._options.server, data=self._options.data)

    @asynccontextmanager
    async def plugged_in(self, entered_pin: str, listener: events.Listener) -> AsyncIterator[EmulatedComputer]:
        """Make a computer with saved state and a cable, and remove both afterwards. Raises CannotLay."""
        servers = Servers(self.find_servers, choose=random.Random(self._seed).choice)
        cable = KINDS[self._options.lan](servers)
        try:
            with saved_state() as place:
                file = TicketFile(place / "ticket.json")
                file.write(SavedTicket(join_request=self._options.join_request(entered_pin)))
                yield EmulatedComputer(
                    ticket_file=file.path,
                    servers=servers,
                    cable=cable,
                    boot_time=self._options.boot_time,
                    terms=TermsPolicy(self._options.terms),
                    listener=listener,
                    seed=self._seed,
                )
        finally:
            await cable.close()


@click.command()
@click.option("--pin", metavar="NNNNNN", callback=_six_digits, help="The PIN that the technician gave.")
@click.option("--channel", metavar="NAME", help="Start through this channel instead of with a PIN.")
@click.option("--name", default="", help="The customer's name.")
@click.option(
    "--terms",
    type=click.Choice([policy.value for policy in TermsPolicy]),
    default=TermsPolicy.ASK.value,
    show_default=True,
    help="What to do when terms are to be accepted.",
)
@click.option(
    "--boot-time",
    metavar="DURATION",
    callback=_duration,
    default="30s",
    show_default=True,
    help="How long a reboot takes, in emulated time.",
)
@click.option(
    "--lan", type=click.Choice(list(KINDS)), default="relay", show_default=True, help="The kind of network cable."
)
@click.option(
    "--seed",
    type=int,
    help="What decides everything random, also the first server.  [default: a random one]",
)
@tls_options
@click.option(
    "--server", type=SERVERS, metavar="HOST:PORT[,...]", help="The server. [env: RESCUE_SERVER; default: as in --data]"
)
@click.option("--data", metavar="DIR", help="The state directory in which to look up the server.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line.")
@click.option("--plain", is_flag=True, help="Lines in and out, also on a terminal that could show more.")
@click.option(
    "--lang",
    "language",
    type=click.Choice(LANGUAGES, case_sensitive=False),
    envvar=["RESCUE_APPLET_LANG", "RESCUE_LANG"],
    default=language_of_environment,
    show_default="the language of the environment",
    help="The language of the full screen, and of the session.",
)
def applet(**given: Any) -> None:
    """The customer's computer with the applet on it: on the full screen of a terminal, else line by line.

    Lines on stdin, one a line: accept, decline, lan off, lan on, reboot [DURATION|hold], boot, chat TEXT,
    kill (the applet's process), close, quit. The end of input leaves it running.

    \b
    Examples:
      rescue applet --pin 123456 --name 'Ms Vos'
      rescue applet --channel Web --terms accept --json

    \b
    Faults of the LAN add up; `lan on` lifts all, `lan lift off|loss up|loss down|loss|delay|flap` one:
      lan off [for 40s]           nothing is carried
      lan loss up|down [for 40s]  what goes one way is lost (up: to the server)
      lan loss 30% [for 40s]      so many segments are lost and sent again
      lan delay 200ms [±50ms]     everything arrives later (real time)
      lan flap 3s/2s [×4]         3s off, 2s on, four times; 1s..5s is random
      lan half-open               present connections die without a close
      lan reset                   present connections are reset
    Durations are emulated time.
    """
    command_line = ComputerCommandLine(**given)
    full_screen = command_line.shows_full_screen()
    if (command_line.pin and command_line.channel) or not (command_line.joins or full_screen):
        raise click.UsageError("give either --pin or --channel")
    if sys.stdin is not None and sys.stdin.isatty() and not command_line.as_json and not full_screen:
        print(f"Commands: {commands.HELP}", file=sys.stderr)
    # gRPC writes to stderr about lost connections, here and in the applet. The emulator loses them on purpose.
    os.environ.setdefault("GRPC_VERBOSITY", "ERROR")
    sys.exit(_run(command_line, Printer(as_json=command_line.as_json), full_screen=full_screen))


def _run(command_line: ComputerCommandLine, listener: Printer, *, full_screen: bool) -> int:
    """Run the computer; return the exit status."""
    computers = Computers(command_line)
    try:
        computers.find_servers()
        if not full_screen:
            return run_until_signalled(_run_line_by_line(computers.plugged_in("", listener), listener))
        from rescue_applet.tui.app import run

        return run(
            computers.plugged_in,
            name=command_line.name,
            asks_pin=not command_line.joins,
            language=command_line.language,
            listener=listener,
        )
    except Terminated:  # before the computer was there
        return 0
    except KeyboardInterrupt:
        return INTERRUPTED
    except NoAccess as error:
        listener.failure(events.Error(code="UNAVAILABLE", reason="NO_ACCESS", message=str(error)))
    except CannotLay as error:
        listener.failure(events.Error(code="FAILED_PRECONDITION", reason="NO_SUCH_CABLE", message=str(error)))
    return 1


def _can_show_full_screen() -> bool:
    # Textual draws on stderr.
    on_terminal = all(stream is not None and stream.isatty() for stream in (sys.stdin, sys.stdout, sys.stderr))
    if not on_terminal or os.environ.get("TERM", "dumb") == "dumb":
        return False
    if is_textual_installed():
        return True
    print(
        "The full screen needs Textual: pip install 'rescue-emulator[tui]'. Here it is line by line.", file=sys.stderr
    )
    return False


async def _run_line_by_line(plugged_in: AbstractAsyncContextManager[EmulatedComputer], listener: Printer) -> int:
    """Run the computer line by line; return the exit status. Raises CannotLay."""
    async with plugged_in as computer:
        return await _live(computer, listener)


async def _live(computer: EmulatedComputer, listener: Printer) -> int:
    interrupted = False

    def interrupt() -> None:
        nonlocal interrupted
        interrupted = True
        computer.pull_plug()

    def receive(line: str) -> None:
        if not line.strip():
            return
        try:
            command = commands.parse_command(line)
        except commands.BadCommand as error:
            listener(events.Error(message=str(error)))
        else:
            computer.execute(command)

    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, computer.pull_plug)
    loop.add_signal_handler(signal.SIGINT, interrupt)
    listener.on_output_lost = computer.pull_plug
    read_lines(receive)
    outcome = await computer.run()
    if isinstance(outcome, events.Error):
        listener.failure(outcome)
        return 1
    if outcome is not None:
        listener(outcome)
    return INTERRUPTED if interrupted else int(listener.is_output_lost)


if __name__ == "__main__":
    expect_children()
    applet(prog_name="rescue applet", auto_envvar_prefix="RESCUE_APPLET")
