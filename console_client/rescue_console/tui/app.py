"""The full-screen console: the list of sessions, the selected one beside it, a toolbar, and what keys do.

Everything shown comes from the queue view, the history and the emulated clock; a command goes out as the scripted
console would send it, and only what the watch then brings changes the picture.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from contextlib import aclosing, suppress
from typing import ClassVar

from rich.text import Text
from textual import events, work
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container
from textual.css.query import NoMatches
from textual.notifications import SeverityLevel
from textual.widgets import DataTable, Input, Static

from rescue_client.clock import EmulatedClock
from rescue_client.console import ConsoleClient
from rescue_client.queue_view import QueueView
from rescue_client.records import Answer, Entry, ServerLost
from rescue_common.exit_status import INTERRUPTED
from rescue_common.languages import LANGUAGES
from rescue_common.terminal import own_screen, safe
from rescue_console.commands import Chat, Command, Note
from rescue_console.execute import execute
from rescue_console.labels import Labels
from rescue_console.tui import frame
from rescue_console.tui.announcements import announcement
from rescue_console.tui.command_dialogs import CommandDialogs
from rescue_console.tui.detail import Detail
from rescue_console.tui.dialogs import Help
from rescue_console.tui.exercises import Exercises
from rescue_console.tui.history_backlog import HistoryBacklog
from rescue_console.tui.queue_table import QueueTable
from rescue_console.tui.session_log import SessionLog
from rescue_console.tui.texts import Sentences
from rescue_console.tui.toolbar import KEYS, CommandButton, Toolbar
from rescue_protos.errors import RescueError

WIDE = 160
"""From so many columns on the list has columns of its own, and there is room for the session beside it."""

_TICK = 0.5


class TechnicianConsole(App[int]):
    """One run of the full-screen console. `failure` is why it had to end, if it had to.

    With `ticking` off nothing is drawn anew just because time goes by, for pictures that are always the same.
    """

    CSS_PATH = "console.tcss"
    ENABLE_COMMAND_PALETTE = False
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (WIDE, "-wide")]  # noqa: RUF012 (Textual declares it so)
    BINDINGS: ClassVar[list[BindingType]] = [
        *(Binding(key, f"give('{name}')", show=False) for name, key in KEYS.items()),
        Binding("f1,question_mark", "help", show=False),
        Binding("f2", "other_language", show=False),
        Binding("f3", "turn_focus", show=False),
        Binding("f4", "exercises", show=False),
        Binding("f5", "hint", show=False),
        Binding("escape", "leave_field", show=False),
        Binding("q,ctrl+q", "leave", show=False),
        Binding("ctrl+c", "interrupt", show=False, priority=True),
    ]

    def __init__(self, client: ConsoleClient, *, labels: Labels, ticking: bool = True) -> None:
        super().__init__()
        self.client = client
        self.view = QueueView(technician=client.technician)
        self.history = SessionLog()
        self.clock = EmulatedClock()
        self.wording = Sentences(labels)
        self.failure: RescueError | None = None
        self._ticking = ticking
        self._dialogs = CommandDialogs(self, self)
        self._exercises = Exercises(self, self, client)
        self._in_focus = True
        self._focus_changed = asyncio.Event()
        self._bright = False
        self._wanted = ""
        self._backlog = HistoryBacklog()
        self._drawn: tuple[object, ...] = ()
        self._redraw: asyncio.TimerHandle | None = None

    # -- what is on the screen -------------------------------------------------------------------------------

    def compose(self) -> ComposeResult:
        yield Static(id="head")
        yield Static(id="banner")
        yield Toolbar(id="toolbar")
        with Container(id="body"):
            yield QueueTable(id="queue")
            yield Detail(id="detail")
        yield Static(id="exercise")
        yield Static(id="foot")

    def on_mount(self) -> None:
        self.title = f"rescue console {self.client.technician}"
        self.query_one(QueueTable).focus()
        self._relabel()
        self._follow_server()
        self.run_worker(self._exercises.follow_coach(), name="coach", group="coach")
        if self._ticking:
            self.set_interval(_TICK, self._tick)

    def on_resize(self) -> None:
        self.call_after_refresh(self.draw)

    async def on_unmount(self) -> None:
        if self._redraw is not None:
            self._redraw.cancel()
        await self._exercises.close()

    @property
    def entry(self) -> Entry | None:
        """The selected entry."""
        return self.view.entries.get(self._main.query_one(QueueTable).session)

    @property
    def _main(self) -> Container:
        """What is below any dialog."""
        return self.screen_stack[0].query_one("#body", Container)

    def select(self, session: str) -> None:
        """Put the cursor on a session, as soon as it is in the queue."""
        self._wanted = session
        self.draw()

    def obstacle(self, name: str) -> str:
        """Return why a command is not possible now, as a sentence; empty if it is."""
        text, entry = self.wording.text, self.entry
        if not self.view.online:
            return text("The server is away: no command is possible.")
        if name == "pin":
            return ""
        if entry is None:
            return f"{text('No session is selected.')} {text('Press n for a new PIN.')}"
        return "" if name in entry.allowed else self.wording.impossible(name, entry)

    def draw(self) -> None:
        """Draw all that changed."""
        self._redraw = None
        if self.is_running and self.screen_stack:
            with suppress(NoMatches):  # the console is being built up, or taken down
                self._draw()

    def _draw(self) -> None:
        screen, wording, now = self.screen_stack[0], self.wording, self.clock.now
        wide = screen.size.width >= WIDE
        screen.query_one(QueueTable).show(self.view.in_order(), now, wording, wide=wide)
        if self._wanted in self.view.entries:
            screen.query_one(QueueTable).select(self._wanted)
            self._wanted = ""
        entry, detail = self.entry, screen.query_one(Detail)
        session = entry.session if entry else ""
        changes, lines = self.history.of(session), self.view.chats.get(session, ())
        self._ask_journal(session)
        why_not = {name: self.obstacle(name) for name in KEYS}
        possible = {name for name, reason in why_not.items() if not reason}
        drawn = (session, entry, changes, lines, wording, frozenset(possible))
        if drawn != self._drawn:
            offered = entry is not None and "lead accept" in possible
            screen.query_one(Toolbar).show(wording, possible=possible, why_not=why_not)
            detail.show_entry(entry, wording, offered=offered, can_chat="chat" in possible)
            if (session, changes, wording) != (*self._drawn[:1], *self._drawn[2:3], *self._drawn[4:5]):
                detail.show_history(changes, wording)
            if (session, lines, wording) != (*self._drawn[:1], *self._drawn[3:5]):
                detail.show_chat(lines, entry, wording)
            self._drawn = drawn
        detail.show_time(entry, changes, now, wording, bright=self._bright)
        screen.query_one("#head", Static).update(self._head(screen.size.width))
        banner = screen.query_one("#banner", Static)
        banner.display = not self.view.online
        screen.set_class(not self.view.online, "-lost")

    def _head(self, width: int) -> Text:
        who, online = self.client.technician, self.view.online
        return frame.head(
            width, technician=who, clock=self.clock, in_focus=self._in_focus, online=online, wording=self.wording
        )

    def _relabel(self) -> None:
        text = self.wording.text
        self._main.query_one(Detail).relabel(self.wording)
        screen = self.screen_stack[0]
        lost = text("The server is lost; the queue is shown as it was. It goes on by itself.")
        screen.query_one("#banner", Static).update(Text(f"! {lost}"))
        self._show_keys()
        self.draw()

    def _show_keys(self) -> None:
        self.screen_stack[0].query_one("#foot", Static).update(
            frame.foot(self.wording, typing=isinstance(self.screen_stack[0].focused, Input))
        )

    def _tick(self) -> None:
        self._bright = not self._bright and self.animation_level != "none"
        self.draw()

    # -- what comes from the server --------------------------------------------------------------------------

    def connect(self, client: ConsoleClient) -> None:
        """Show the queue of another technician from now on."""
        self.workers.cancel_group(self, "server")
        self.client, self.view = client, QueueView(technician=client.technician)
        self.history, self._backlog, self.clock = SessionLog(), HistoryBacklog(), EmulatedClock()
        self._follow_server()
        self.draw()

    def _follow_server(self) -> None:
        self._keep(self._watch(), "watch")
        self._keep(self._follow_clock(), "clock")
        self._keep(self._report_focus(), "focus")

    async def _watch(self) -> None:
        async with aclosing(self.client.watch()) as updates:
            async for update in updates:
                self.view, self.history = self.view.after(update), self.history.after(update)
                self._backlog.receive(update)
                if isinstance(update, ServerLost):
                    self.clock.update(None)
                if announced := announcement(update, self.wording):
                    self.announce(announced)
                if self._redraw is None:  # several changes of one moment are drawn together
                    self._redraw = asyncio.get_running_loop().call_later(0.05, self.draw)

    def _ask_journal(self, session: str) -> None:
        """Read a session's earlier changes and chat from the journal, if the console does not have them yet."""

        async def read_history() -> None:
            try:
                past = await self.client.history(session)
            except RescueError:  # without it the status is shown as it was found
                self._backlog.failed(session)
                return
            self.history, self.view = self.history.recalled(session, past), self.view.with_history(session, past)
            self.draw()

        if self._backlog.take(session):
            self.run_worker(read_history(), name="history", group="history")

    async def _follow_clock(self) -> None:
        async with aclosing(self.client.watch_clock()) as readings:
            async for reading in readings:
                pace = self.clock.rate
                self.clock.update(reading)
                if pace != self.clock.rate or not self._ticking:
                    self.draw()

    def _keep(self, work: Coroutine[None, None, None], name: str) -> None:
        """Run something for as long as the console runs; if the server refuses it for good, the console ends."""

        async def kept() -> None:
            try:
                await work
            except RescueError as error:
                self.failure = error
                self.exit(1)

        self.run_worker(kept(), name=name, group="server")

    # -- what the technician does ----------------------------------------------------------------------------

    def action_give(self, name: str) -> None:
        """Give a command to the selected session, or show why that is not possible."""
        if reason := self.obstacle(name):
            self.announce(reason, severity="warning")
        elif name == "chat":
            self.clear_notifications()  # they would cover what is typed
            self._main.query_one("#chat-line", Input).focus()
        else:
            self._ask_and_send(name, self.entry)

    @work(group="commands")
    async def _ask_and_send(self, name: str, entry: Entry | None) -> None:
        command = await self._dialogs.command(name, entry)
        if command is not None and await self.send(command) is not None and isinstance(command, Note):
            self.announce(self.wording.text("The note is written."))  # no row shows it

    async def send(self, command: Command) -> Answer | None:
        """Send a command, and show a refusal. Returns its answer, None if it was refused."""
        try:
            return await execute(command, self.client)
        except RescueError as error:
            text = self.wording.text
            message = safe(self.wording.labels.refusal(error))
            if error.allowed:
                message += f"\n{text('Possible now')}: {self.wording.commands(error.allowed)}"
            self.announce(message, severity="error")
            return None

    def announce(self, message: str, *, severity: SeverityLevel = "information") -> None:
        """Show a message for a few seconds."""
        self.notify(message, severity=severity, markup=False, timeout=6)

    def on_descendant_focus(self) -> None:
        self._show_keys()

    def on_descendant_blur(self) -> None:
        self._show_keys()

    def on_command_button_pressed(self, event: CommandButton.Pressed) -> None:
        self.action_give(event.command)

    def on_data_table_row_highlighted(self, event: DataTable.RowHighlighted) -> None:
        self.draw()

    @work(group="chat")
    async def _chat(self, field: Input, session: str, line: str) -> None:
        if await self.send(Chat(session=session, text=line)) is None and not field.value:
            field.value = line  # refused: it need not be typed again

    def on_input_submitted(self, event: Input.Submitted) -> None:
        line = event.value.strip()
        if event.input.id != "chat-line" or not line:
            return
        if reason := self.obstacle("chat"):
            self.announce(reason, severity="warning")
        elif self.entry is not None:
            event.input.clear()
            self._chat(event.input, self.entry.session, line)

    def action_leave_field(self) -> None:
        self._main.query_one(QueueTable).focus()

    def action_help(self) -> None:
        self.push_screen(Help(self.wording))

    @work(group="exercises", exclusive=True)
    async def action_exercises(self) -> None:
        await self._exercises.choose()

    @work(group="exercises")
    async def action_hint(self) -> None:
        await self._exercises.hint()

    def action_other_language(self) -> None:
        at = LANGUAGES.index(self.wording.labels.language)
        self.wording = Sentences(Labels.of(LANGUAGES[(at + 1) % len(LANGUAGES)]))
        self._relabel()

    def action_leave(self) -> None:
        self.exit(0)

    def action_interrupt(self) -> None:
        self.exit(INTERRUPTED)

    # -- focus -----------------------------------------------------------------------------------------------

    def on_app_focus(self, event: events.AppFocus) -> None:
        self._set_focus(True)

    def on_app_blur(self, event: events.AppBlur) -> None:
        self._set_focus(False)

    def action_turn_focus(self) -> None:
        """Turn the focus by hand, for terminals that do not report it."""
        self._set_focus(not self._in_focus)

    def _set_focus(self, on: bool) -> None:
        self._in_focus = on
        self._focus_changed.set()
        self.draw()

    async def _report_focus(self) -> None:
        reported = True  # a console starts in focus
        while True:
            await self._focus_changed.wait()
            self._focus_changed.clear()
            if reported != self._in_focus:
                reported = self._in_focus
                try:
                    await self.client.set_focus(reported)
                except RescueError:  # the next watch sends the latest value
                    continue


async def run(client: ConsoleClient, *, labels: Labels) -> int:
    """Run the console on this terminal until the technician leaves, and return its exit status.

    Raises RescueError if the technician cannot sign in or watch.
    """
    await client.sign_in()
    app = TechnicianConsole(client, labels=labels)
    with own_screen():
        status = await app.run_async()
    if app.failure is not None:
        raise app.failure
    return status or 0
