"""The plain console: commands typed at a prompt, the queue as a table, and each row of it that changes.

For terminals that a full-screen console does not suit, and for reading along in a file. Rich draws the table
(and minds NO_COLOR); everything that other people wrote is shown as `safe` text, never as markup.
"""

from __future__ import annotations

import asyncio
import sys
from contextlib import aclosing, nullcontext

from rich.console import Console
from rich.table import Table
from rich.text import Text

from rescue_client.console import ConsoleClient
from rescue_client.queue_view import QueueView
from rescue_client.records import (
    Answer,
    Bookmark,
    ChatReceived,
    EntryChanged,
    IdleAlarm,
    LeadOfferReceived,
    PinCreated,
    QueueListing,
    ServerBack,
    ServerLost,
    Snapshot,
    Transferred,
    UnknownUpdate,
    Update,
)
from rescue_common.durations import format_duration
from rescue_common.terminal import safe
from rescue_console.commands import USAGE, BadLine, parse
from rescue_console.execute import execute
from rescue_console.labels import UNKNOWN_UPDATE, Labels
from rescue_console.plain_exercise import PlainExercise
from rescue_console.plain_queue import QueueRows
from rescue_console.prompt import Prompt
from rescue_console.terminal_input import typed_lines
from rescue_protos.errors import RescueError

_EXERCISE = b"exercise "
_TOGETHER = 0.05
"""Changes within so many seconds are drawn together."""


class PlainConsole:
    """One run of the plain console."""

    def __init__(self, client: ConsoleClient, *, labels: Labels, console: Console | None = None) -> None:
        self._client = client
        self._labels = labels
        self._console = console or Console(highlight=False)
        self._view = QueueView(technician=client.technician)
        self._rows = QueueRows(client.technician, labels)
        asks = sys.stdin.isatty() and self._console.is_terminal
        self._exercise = PlainExercise(client, labels, show=self._print_exercise)
        self._prompt = Prompt(self._console, f"{safe(client.technician)}> ") if asks else None
        self._drawing: asyncio.TimerHandle | None = None
        self._is_new = False  # a whole queue came

    async def run(self) -> None:
        """Show and obey until `quit` or the end of input.

        Raises RescueError if the technician cannot sign in or watch, OSError if the output cannot be written.
        """
        await self._client.sign_in()
        failure: Exception | None = None
        try:
            async with asyncio.TaskGroup() as tasks:
                showing = [tasks.create_task(one) for one in (self._show_updates(), self._exercise.follow())]
                if self._prompt is not None:
                    self._print_line(self._labels.text("Type `help` for the commands, `quit` to leave."), style="dim")
                with self._prompt.on_terminal(0) if self._prompt is not None else nullcontext():
                    await self._execute_lines()
                for task in showing:
                    task.cancel()
        except* (RescueError, OSError) as failures:
            failure = failures.exceptions[0]
        finally:
            self._prompt = None  # the terminal is the shell's again
            if self._drawing is not None:
                self._draw()
        if failure is not None:  # raised up there, early releases of Python 3.11 would put it into a group again
            raise failure from None

    async def _show_updates(self) -> None:
        async with aclosing(self._client.watch()) as updates:
            async for update in updates:
                self._view = self._view.after(update)
                self._announce(update)
                self._is_new |= isinstance(update, Snapshot)
                if self._drawing is None and not isinstance(update, Bookmark):
                    self._drawing = asyncio.get_running_loop().call_later(_TOGETHER, self._draw)

    def _announce(self, update: Update) -> None:
        text = self._labels.text
        match update:
            case ChatReceived():
                sender = update.sender or self._labels.customer(self._view.entries.get(update.session))
                self._print_line(f"{update.session} <{safe(sender)}> {safe(update.text)}", style="cyan")
            case IdleAlarm():
                self._print_line(f"{update.session}: {text('times out at')} {update.due_at:%H:%M:%S}", style="bold red")
            case LeadOfferReceived():
                offers = text("offers you the lead status")
                self._print_line(f"{update.session}: {safe(update.sender)} {offers}", style="bold green")
            case EntryChanged(entry=entry, previous=previous):
                before = f"{self._labels.status(previous)} → " if previous else ""
                self._print_line(
                    f"{update.at:%H:%M:%S} {entry.session} {before}{self._labels.status(entry.status)}"
                    f" ({safe(self._labels.cause(update.cause, update.cause.text))})",
                    style="dim",
                )
            case Snapshot(compacted=True):
                self._print_line(
                    text("The console was away for long: changes and chat lines are missing here."), style="bold red"
                )
            case UnknownUpdate():
                why = f" ({safe(self._labels.cause(update.cause, update.cause.text))})" if update.cause.text else ""
                self._print_line(f"{update.at:%H:%M:%S} {text(UNKNOWN_UPDATE)}{why}", style="dim")
            case ServerLost():
                self._print_line(text("The server is lost; waiting for it."), style="bold red")
            case ServerBack():
                self._print_line(text("The server is back."), style="bold green")

    async def _execute_lines(self) -> None:
        async with aclosing(typed_lines(splitter=self._prompt)) as lines:
            await self._client.wait_for_queue()
            self._draw()
            async for typed in lines:
                word = typed.line.strip()
                if word in (b"quit", b"exit"):
                    return
                if word in (b"help", b"?"):
                    self._help()
                elif word.startswith(_EXERCISE):
                    await self._exercise.ask(word.removeprefix(_EXERCISE).decode(errors="replace").strip())
                else:
                    await self._execute(typed.line)
                self._show_prompt()

    async def _execute(self, line: bytes) -> None:
        try:
            command = parse(line)
            if command is not None:
                self._report(await execute(command, self._client))
        except BadLine as error:
            self._print_line(safe(self._labels.bad_line(error)), style="red")
            if error.usage:
                self._print_line(f"{self._labels.text('usage')}: {error.usage}")
        except RescueError as error:
            self._print_line(f"{error.code}: {safe(self._labels.refusal(error))}", style="red")
            if error.allowed:
                self._print_line(f"{self._labels.text('possible')}: {self._rows.commands(error.allowed)}")

    def _report(self, answer: Answer) -> None:
        text = self._labels.text
        match answer:
            case PinCreated():
                valid = f"({text('valid for')} {format_duration(answer.valid_for)})"
                self._print_line(
                    f"{text('PIN')} {answer.pin}  {text('Session')} {answer.session}  {valid}", style="bold"
                )
            case Transferred():
                self._print_line(f"{text('done')}: {', '.join(safe(name) for name in answer.incoming)}", style="green")
            case QueueListing(entries=entries):
                self._print(self._rows.whole(entries, self._view))
            case _:
                self._print_line(text("done"), style="green")

    def _draw(self) -> None:
        if self._drawing is not None:
            self._drawing.cancel()
            self._drawing = None
        try:
            if self._is_new:
                self._is_new = False
                self._print(self._rows.whole(self._view.in_order(), self._view))
            elif (changed := self._rows.changed(self._view)) is not None:
                self._print(changed)
            self._show_prompt()
        except BrokenPipeError:
            pass  # the next line that somebody waits for finds out, too, and ends the console

    def _help(self) -> None:
        table = Table(box=None, show_header=False)
        for name, usage in USAGE.items():
            table.add_row(Text(usage), Text(self._labels.command(name), style="dim"))
        asks = "exercise start ROW|next|hint|answer TEXT|stop"
        table.add_row(Text(asks), Text(self._labels.text("Exercises"), style="dim"))
        for name in ("help", "quit"):
            table.add_row(Text(name), Text(self._labels.command(name), style="dim"))
        self._print(table)

    def _print_exercise(self, text: str) -> None:
        self._print_line(text, style="bold")
        self._show_prompt()

    def _print_line(self, text: str, *, style: str = "") -> None:
        self._print(Text(text, style=style))

    def _print(self, printed: Text | Table) -> None:
        if self._prompt is not None:
            self._prompt.hide()
        self._console.print(printed)

    def _show_prompt(self) -> None:
        if self._prompt is not None:
            self._prompt.show()
