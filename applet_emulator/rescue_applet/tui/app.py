"""The customer's computer on a full screen: its lamps, its screen with the applet's window, and keys for what
customers do.

Every key is one of the `commands`; everything shown follows from the computer's events.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, suppress
from datetime import timedelta
from typing import ClassVar

from rich.table import Table
from rich.text import Text
from textual import events as textual_events
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container, Horizontal, Vertical, VerticalScroll
from textual.css.query import NoMatches
from textual.widgets import Input, Static

from rescue_applet import commands, events
from rescue_applet.computer import EmulatedComputer, Outcome
from rescue_applet.network.cable import CannotLay
from rescue_applet.output import Printer
from rescue_applet.texts import problem, text
from rescue_applet.view_model import Power, ScreenModel
from rescue_common.durations import format_elapsed
from rescue_common.exit_status import INTERRUPTED
from rescue_common.languages import LANGUAGES
from rescue_common.state_directory import NoAccess
from rescue_common.terminal import own_screen, safe

PlugIn = Callable[[str, events.Listener], AbstractAsyncContextManager[EmulatedComputer]]
"""Makes the computer for a PIN (empty if the command line chat where to go), with a listener."""

SPLASH = 1.2  # real seconds
"""For how many real seconds one sees the computer start."""
READING = 15.0  # real seconds
"""After so many real seconds the screen of a session that is over closes by itself."""
_TICK = 0.5  # real seconds


class AnswerButton(Static, can_focus=True):
    """A button under the terms."""

    def on_click(self) -> None:
        self.app.call_later(self.app.run_action, f"app.{self.id}")

    def on_key(self, event: textual_events.Key) -> None:
        if event.key in ("enter", "space"):
            event.stop()
            self.on_click()


class CustomerComputer(App[int]):
    """One computer. `asks_pin`: the customer enters the PIN here. `last_word` is why it ended, if it did by itself."""

    CSS_PATH = "computer.tcss"
    ENABLE_COMMAND_PALETTE = False
    AUTO_FOCUS = None  # else the first field would get the keys that are commands, also while it is hidden
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("l", "switch_lan", show=False),
        Binding("r", "execute('reboot')", show=False),
        Binding("o", "execute('reboot hold')", show=False),
        Binding("b", "execute('boot')", show=False),
        Binding("c", "execute('close')", show=False),
        Binding("k", "execute('kill')", show=False),
        Binding("a", "accept", show=False),
        Binding("d", "decline", show=False),
        Binding("m", "chat", show=False),
        Binding("escape", "leave_field", show=False),
        Binding("f2", "other_language", show=False),
        Binding("q,ctrl+q", "unplug", show=False),
        Binding("ctrl+c", "interrupt", show=False, priority=True),
    ]

    def __init__(
        self, plug_in: PlugIn, *, name: str, asks_pin: bool, language: str, ticking: bool = True, splash: float = SPLASH
    ) -> None:
        super().__init__()
        self.model = ScreenModel()
        self.language = language
        self.last_word: events.Ended | events.Error | None = None
        self._plug_in = plug_in
        self._customer = name
        self._asks_pin = self._awaits_pin = asks_pin
        self._ticking = ticking
        self._splash_lasts = splash
        self._splash = False
        self._computer: EmulatedComputer | None = None
        self._booted_at = self._down_at = 0
        self._problem = ""

    def compose(self) -> ComposeResult:
        yield Static(id="head")
        with Container(id="columns"):
            yield Static(id="case")
            with Container(id="monitor"):
                yield Static(id="dark")
                with Vertical(id="window"):
                    yield Static(id="news")
                    yield Static(id="lost")
                    with Vertical(id="ask"):
                        yield Input(id="pin", max_length=6, restrict=r"[0-9]*")
                        yield Static(id="problem")
                    with Vertical(id="terms"):
                        with VerticalScroll(id="wording"):
                            yield Static(id="paragraphs")
                        with Horizontal(id="answers"):
                            yield AnswerButton(id="accept", classes="answer")
                            yield AnswerButton(id="decline", classes="answer")
                    with Vertical(id="talk"):
                        with VerticalScroll(id="chat"):
                            yield Static(id="lines")
                        yield Input(id="chat-line", max_length=2000)
        yield Static(id="foot")

    def on_mount(self) -> None:
        self.title = "rescue applet"
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, self.action_unplug)
        self.set_focus(None)
        if self._asks_pin:
            self.query_one("#pin", Input).focus()
        else:
            self._switch_on("")
        self.draw()
        if self._ticking:
            self.set_interval(_TICK, self.draw)

    def on_resize(self) -> None:
        self.call_after_refresh(self.draw)

    # -- the computer ----------------------------------------------------------------------------------------

    def _switch_on(self, pin: str) -> None:
        self._awaits_pin, self._problem, self.model = False, "", ScreenModel()
        self.run_worker(self._live(pin), name="computer")

    async def _live(self, pin: str) -> None:
        outcome: Outcome
        try:
            async with self._plug_in(pin, self.receive) as self._computer:
                outcome = await self._computer.run()
        except (CannotLay, NoAccess) as error:
            outcome = events.Error(message=str(error))
        self._computer = None
        if outcome is None:
            self.exit(0)
        elif isinstance(outcome, events.Error) and self._asks_pin and not self.model.session:
            self._problem, self._awaits_pin = (
                problem(outcome, self.language),
                True,
            )  # a wrong PIN: the customer tries again
            self.query_one("#pin", Input).clear()
            self.draw()
            self.query_one("#pin", Input).focus()
        elif isinstance(outcome, events.Error):
            self.last_word = outcome
            self.exit(1)
        else:
            self.last_word = outcome
            self.receive(outcome)
            self.set_focus(None)
            self.set_timer(READING, lambda: self.exit(0))

    def receive(self, event: events.Event) -> None:
        """Something happened."""
        before, self.model = self.model, self.model.after(event)
        if isinstance(event, events.Error):
            self.notify(safe(problem(event, self.language)), severity="warning", markup=False, timeout=6)
        if self.model.starts != before.starts:
            self._booted_at, self._splash = self._now, self._splash_lasts > 0 and before.power is Power.OFF
            if self._splash:
                self.set_timer(self._splash_lasts, self._end_splash)
        if isinstance(event, events.Rebooting):
            self._down_at = self._now
            self.set_focus(None)
        self.draw()

    def _end_splash(self) -> None:
        self._splash = False
        self.draw()

    @property
    def _now(self) -> int:
        """The emulated time, in nanoseconds."""
        return self._computer.clock.now if self._computer else 0

    # -- what is on the screen -------------------------------------------------------------------------------

    def draw(self) -> None:
        """Draw everything as it is."""
        if self.is_running and self.screen_stack:
            with suppress(NoMatches):  # the screen is being built up, or taken down
                self._draw()

    def _draw(self) -> None:
        screen, model, translate = self.screen_stack[0], self.model, self._translate
        screen.query_one("#head", Static).update(self._head(screen.size.width))
        screen.query_one("#foot", Static).update(self._foot())
        case = screen.query_one("#case", Static)
        case.border_title = translate("Computer")
        case.update(self._lamps())
        monitor = screen.query_one("#monitor")
        dark = not self._awaits_pin and not model.ended and (model.power is not Power.ON or self._splash)
        monitor.set_class(dark, "-dark")
        screen.query_one("#dark", Static).update(self._darkness())
        screen.query_one("#window").border_title = translate("Support")
        screen.query_one("#news", Static).update(Text(self._news()))
        lost = screen.query_one("#lost", Static)
        lost.display = model.link is events.LinkState.LOST and not model.ended
        lost.update(Text(translate("Connection lost; trying to reconnect …")))
        screen.query_one("#ask").display = self._awaits_pin
        screen.query_one("#problem", Static).update(Text(safe(self._problem)))
        pin = screen.query_one("#pin", Input)
        pin.placeholder, pin.disabled = translate("six digits"), not self._awaits_pin
        screen.query_one("#terms").display = asks = model.asks_terms
        if asks:
            paragraphs = "\n".join(safe(line) for line in model.terms.splitlines())
            screen.query_one("#paragraphs", Static).update(Text(paragraphs))
            screen.query_one("#accept", Static).update(Text(f"[a] {translate('Accept')}"))
            screen.query_one("#decline", Static).update(Text(f"[d] {translate('Decline')}"))
        screen.query_one("#talk").display = bool(model.session)
        screen.query_one("#chat-line", Input).placeholder = translate("Say something to the technician")
        lines = screen.query_one("#lines", Static)
        chat = self._chat()
        if lines.content != chat:
            lines.update(chat)
            screen.query_one("#chat", VerticalScroll).scroll_end(animate=False)

    def _translate(self, english: str) -> str:
        return text(english, self.language)

    def _head(self, width: int) -> Text:
        whose = f" · {safe(self._customer)}" if self._customer else ""
        title = self._translate("Customer's computer")
        left = Text(f" {title}{whose}", style="bold")
        pace = ""
        if self._computer is not None:
            speed = self._computer.clock.speed
            pace = f"×{speed:g} " if speed else f"{self._translate('the clock stands still')} "
        return left.append(" " * max(width - left.cell_len - len(pace), 1)).append(pace, style="not bold")

    def _lamps(self) -> Table:
        model, translate = self.model, self._translate
        power = Power.ON if self._awaits_pin or model.ended else model.power
        on, off = ("●", "#6fcf97"), ("○", "#ff7b72")
        lamp = {Power.ON: on, Power.OFF: off, Power.STARTING: ("↻", "#f2c94c")}[power]
        link = {None: ("○", "not yet"), "connected": ("●", "connected"), "lost": ("×", "lost")}[model.link]
        up = model.power is Power.ON and self._computer is not None
        grid = Table.grid(padding=(0, 1))
        grid.add_row(translate("Power"), Text(f"{lamp[0]} {translate(power)}", style=lamp[1]))
        cable = on if model.cable else off
        faults = "".join(f"\n{safe(fault)}" for fault in model.faults if fault != "off")
        grid.add_row(
            translate("Cable"), Text(f"{cable[0]} {translate('on' if model.cable else 'off')}{faults}", style=cable[1])
        )
        style = {"●": "#6fcf97", "×": "#ff7b72"}.get(link[0], "#9a9a9a")
        grid.add_row(translate("Link"), Text(f"{link[0]} {translate(link[1])}", style=style))
        grid.add_row(translate("Uptime"), Text(_since(self._booted_at, self._now) if up else "-"))
        grid.add_row(translate("Process"), Text(str(model.pid) if model.pid else translate("none")))
        grid.add_row(translate("Session"), Text(safe(model.session) or "-"))
        return grid

    def _darkness(self) -> Text:
        model, translate = self.model, self._translate
        if model.power is Power.ON or not model.starts:
            return Text(translate("The computer starts up …"), style="#6fcf97")
        down = _since(self._down_at, self._now)
        return Text(f"{translate('The computer is off.')}  {down}\n{translate('Press b to boot it at once.')}")

    def _news(self) -> str:
        model, translate = self.model, self._translate
        if self._awaits_pin:
            return translate("Enter the PIN that the technician gives you:")
        if model.ended:
            return f"{translate('The session is over')}: {translate(model.ended)}. {translate('Press any key.')}"
        if model.asks_terms:
            return translate("Do you accept these terms?")
        if not model.session or model.view is None:
            return translate("Connecting to the server …")
        view = model.view
        if not view.lead:
            return translate("Waiting for a technician.")
        doing = translate("has put you on hold" if view.on_hold else "is helping you")
        names = ", ".join(safe(name) for name in view.collaborators)
        return f"{safe(view.lead)} {doing}" + (f", {translate('with')} {names}." if names else ".")

    def _chat(self) -> Text:
        if not self.model.chat and not self.model.unsent:
            return Text(self._translate("No chat lines yet."), style="#5f6670")
        lines = Text()
        for line in self.model.chat:
            lines.append(
                f"{safe(line.sender) or self._translate('You')}: ", style="bold #0d4f7a" if line.sender else "bold"
            )
            lines.append(f"{safe(line.text)}\n")
        for unsent in self.model.unsent:
            mark = f"{self._translate('You')} ({self._translate('not sent yet')}): "
            lines.append(f"{mark}{safe(unsent)}\n", style="italic #5f6670")
        lines.rstrip()
        return lines

    def _foot(self) -> Text:
        computer = [("l", "LAN off/on"), ("r", "reboot"), ("o", "off till b"), ("b", "boot"), ("q", "pull the plug")]
        asked = [("a", "accept"), ("d", "decline")]
        answers = asked if self.model.asks_terms else [("m", "chat"), ("k", "kill process")]
        applet = [*answers, ("c", "close applet"), ("Esc", "leave field"), ("F2", "in Dutch")]
        return Text("\n").join(self._keys(keys) for keys in (computer, applet))

    def _keys(self, keys: list[tuple[str, str]]) -> Text:
        named = (Text.assemble((key, "bold #ffffff"), f" {self._translate(meaning)}") for key, meaning in keys)
        return Text("  ").join(named)

    # -- what the customer does ------------------------------------------------------------------------------

    def on_key(self, event: textual_events.Key) -> None:
        if self.model.ended:
            self.exit(0)

    def action_execute(self, line: str) -> None:
        """Do what a line of the line mode does."""
        if self._computer is not None:
            self._computer.execute(commands.parse_command(line))

    def action_switch_lan(self) -> None:
        self.action_execute("lan off" if self.model.cable else "lan on")

    def action_accept(self) -> None:
        if self.model.asks_terms:
            self.action_execute("accept")

    def action_decline(self) -> None:
        if self.model.asks_terms:
            self.action_execute("decline")

    def action_chat(self) -> None:
        if self.query_one("#talk").display:
            self.query_one("#chat-line", Input).focus()

    def action_leave_field(self) -> None:
        self.set_focus(None)

    def action_other_language(self) -> None:
        self.language = LANGUAGES[(LANGUAGES.index(self.language) + 1) % len(LANGUAGES)]
        self.draw()

    def action_unplug(self) -> None:
        """The computer goes away without a word."""
        if self._computer is None:
            self.exit(0)
        else:
            self._computer.pull_plug()

    def action_interrupt(self) -> None:
        if self._computer is not None:
            self._computer.pull_plug()
        self.exit(INTERRUPTED)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        written = event.value.strip()
        if event.input.id == "pin":
            if len(written) == 6:
                self.set_focus(None)
                self._switch_on(written)
            else:
                self._problem = self._translate("A PIN has six digits.")
            self.draw()
        elif written and self._computer is not None:
            event.input.clear()
            self.model = self.model.with_unsent(written)
            self.draw()
            self._computer.execute(commands.WriteChatLine(text=written))


def run(plug_in: PlugIn, *, name: str, asks_pin: bool, language: str, listener: Printer) -> int:
    """Show the computer on this terminal until it is gone; return the exit status.

    The last message is printed after the screen has closed.
    """
    app = CustomerComputer(plug_in, name=name, asks_pin=asks_pin, language=language)
    with own_screen():
        status = app.run()
    if isinstance(app.last_word, events.Error):
        listener.failure(app.last_word)
    elif app.last_word is not None:
        listener(app.last_word)
    return status or 0


def _since(moment: int, now: int) -> str:
    """Return the time between two moments, in nanoseconds, as a running clock."""
    return format_elapsed(timedelta(microseconds=(now - moment) // 1000))
