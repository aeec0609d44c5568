"""The screens of the demo: plain lines in a pipe; on a terminal, lines with the present queues below them."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from datetime import datetime, timedelta
from types import TracebackType
from typing import TYPE_CHECKING, Protocol, Self

import click

from rescue_protos.status_table import REMOVED, REMOVED_TIMED_OUT, labels

if TYPE_CHECKING:
    from rich.console import Console, Group, RenderableType
    from rich.live import Live
    from rich.text import Text

    from rescue_emulator.world.records import StatusUpdate

AFTERWARDS = (
    ("rescue server", "in one terminal: the session server"),
    ("rescue console alice", "in a second: a technician's console; make a PIN"),
    ("rescue applet --pin PIN", "in a third: the customer's computer"),
    ("rescue conformance", "plays all 62 published status changes"),
)
_COLOURS = {
    "Connecting": "blue",
    "Waiting": "yellow",
    "Active": "green",
    "On Hold": "yellow",
    "Reconnecting": "red",
    "Offline": "red",
    "Incoming": "blue",
    "Outgoing": "blue",
    "Invitation": "blue",
    "Collaborating": "cyan",
    "Rebooting": "magenta",
    "Timed Out": "red",
}
_TECHNICIANS = ("alice", "bob")


class Screen(Protocol):
    """Where the demo shows its story. `pause` is the time between two acts, in real seconds."""

    pause: float

    def __enter__(self) -> Self: ...
    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...
    def starting(self, what: str) -> None:
        """Show that processes are being started."""

    def pages(self, url: str, secrets: Mapping[str, str]) -> None:
        """Show the address of the web pages, and how to sign in there."""

    def act(self, title: str) -> None:
        """Show the title of an act."""

    def update(self, technician: str, update: StatusUpdate) -> None:
        """Show a change of a technician's queue."""

    def computer(self, state: str) -> None:
        """Show the state of the customer's computer."""

    def finish(self) -> None:
        """Show that the story is over, and what to try next."""


def choose_screen(*, lang: str) -> Screen:
    """Return the screen that fits stdout; `lang` is that of the consoles."""
    fits = sys.stdout.isatty() and os.environ.get("TERM") != "dumb"
    return TerminalScreen(lang=lang) if fits else PlainScreen(lang=lang)


class PlainScreen:
    """Prints one line for each event, without control characters, so that it suits logs and pipes."""

    pause = 0.0  # nobody watches

    def __init__(self, *, lang: str) -> None:
        self._labels = labels(lang)
        self._acts = 0
        self._elapsed = _Elapsed()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass

    def starting(self, what: str) -> None:
        click.echo(f"Starting {what}, each a process of its own.")

    def pages(self, url: str, secrets: Mapping[str, str]) -> None:
        click.echo(_where(url, secrets))

    def act(self, title: str) -> None:
        self._acts += 1
        click.echo(f"\n{self._acts}. {title}")

    def update(self, technician: str, update: StatusUpdate) -> None:
        row = f"row {update.row}" if update.row else "new"
        at, before, after = self._elapsed.at(update), self._labels.get(update.previous or ""), update.label
        change = f"{before} -> {after}" if before else after
        click.echo(f"   {at}  {technician:<5}  {change}  ({row}: {update.cause})")

    def computer(self, state: str) -> None:
        pass  # the title of the act says it

    def finish(self) -> None:
        click.echo("\nThat was a support call. To go on by yourself:")
        width = max(len(command) for command, _ in AFTERWARDS)
        for command, what in AFTERWARDS:
            click.echo(f"   {command:<{width}}   {what}")


class TerminalScreen:
    """The story scrolls; the computer and both queues stay at the bottom."""

    pause = 1.4

    def __init__(self, console: Console | None = None, *, lang: str) -> None:
        from rich.console import Console
        from rich.live import Live

        self._console = console or Console(highlight=False)
        self._labels = labels(lang)
        self._acts = 0
        self._elapsed = _Elapsed()
        self._computer = "off"
        self._queues: dict[str, StatusUpdate] = {}
        self._live: Live = Live(
            self._below(), console=self._console, refresh_per_second=8, redirect_stderr=False, transient=False
        )

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.stop()

    def starting(self, what: str) -> None:
        self._console.print(f"[dim]Starting {what}, each a process of its own.[/dim]")

    def pages(self, url: str, secrets: Mapping[str, str]) -> None:
        self._console.print(_where(url, secrets), markup=False, highlight=False)

    def act(self, title: str) -> None:
        from rich.table import Table

        self._acts += 1
        line = Table.grid(padding=(0, 1))
        line.add_column(width=2, justify="right")
        line.add_column()
        line.add_row(f"[bold]{self._acts}[/bold]", f"[bold]{title}[/bold]")
        self._console.print()
        self._console.print(line)

    def update(self, technician: str, update: StatusUpdate) -> None:
        from rich.table import Table
        from rich.text import Text

        self._queues[technician] = update
        line = Table.grid(padding=(0, 2), expand=True)
        for width in (2, 7, 5, 30):
            line.add_column(width=width, no_wrap=width < 30)
        line.add_column(ratio=1, style="dim")
        before = self._labels.get(update.previous or "")
        change = Text(f"{before} → " if before else "").append(update.label, style=_colour(update.status))
        row = f" (row {update.row})" if update.row else ""
        line.add_row("", self._elapsed.at(update), technician, change, Text(update.cause + row))
        self._console.print(line)
        self._live.update(self._below(), refresh=True)

    def computer(self, state: str) -> None:
        self._computer = state
        self._live.update(self._below(), refresh=True)

    def finish(self) -> None:
        from rich.table import Table

        self._live.stop()
        self._console.print("\n[bold]That was a support call. To go on by yourself:[/bold]")
        table = Table.grid(padding=(0, 2))
        table.add_column(no_wrap=True, style="cyan")
        table.add_column()
        for command, what in AFTERWARDS:
            table.add_row(f"   {command}", what)
        self._console.print(table)

    def _below(self) -> Group:
        from rich.columns import Columns
        from rich.console import Group
        from rich.panel import Panel
        from rich.text import Text

        colour = {"on": "green", "off": "dim", "rebooting": "magenta"}.get(self._computer, "red")
        panels: list[RenderableType] = [
            Panel(Text(self._computer, style=colour), title="customer's computer", title_align="left", width=25)
        ]
        for technician in _TECHNICIANS:
            panels.append(Panel(self._queue(technician), title=f"{technician}'s queue", title_align="left", width=25))
        return Group("", Columns(panels, padding=(0, 1)))

    def _queue(self, technician: str) -> Text:
        from rich.text import Text

        update = self._queues.get(technician)
        if update is None or update.status in (REMOVED, REMOVED_TIMED_OUT):
            return Text("empty", style="dim")
        return Text(update.label, style=f"bold {_colour(update.status)}")


def _where(url: str, secrets: Mapping[str, str]) -> str:
    who = "".join(f"\n   {user:<6} {secret}" for user, secret in secrets.items())
    return f"In the browser: {url}, signed in as{who}"


class _Elapsed:
    """Emulated time since the first update."""

    def __init__(self) -> None:
        self._first: datetime | None = None

    def at(self, update: StatusUpdate) -> str:
        self._first = self._first or update.at
        seconds = max(update.at - self._first, timedelta(0)) // timedelta(seconds=1)
        return f"{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}"


def _colour(status: str) -> str:
    return _COLOURS.get(status, "bright_black")
