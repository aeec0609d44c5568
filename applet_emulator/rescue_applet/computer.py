"""The customer's computer: its power, its applet's process, and what the customer does.

The computer is on or down; while it is down no process of the applet exists. It starts the applet again when that
dies unasked. What the applet remembers across a reboot is in the ticket file on the computer's disk.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from pathlib import Path

from rescue_applet import commands, events, pipe
from rescue_applet.clock import Appointment, Clock
from rescue_applet.faults.lan import Lan
from rescue_applet.network import Cable, CannotLay
from rescue_applet.program import AppletProgram
from rescue_protos.lan_faults import Off

# Real seconds.
GOES_DOWN_WITHIN = 3.0
BACK_WITHIN = 4.0
REACHED_WITHIN = 10.0
BREATH = 0.3
# An applet that dies so often without ever reaching the server will not do better the next time.
HOPELESS = 10

Outcome = events.Ended | events.Error | None


class TermsPolicy(StrEnum):
    """What the customer does when the terms are shown."""

    ACCEPT = "accept"
    DECLINE = "decline"
    ASK = "ask"


@dataclass(slots=True, eq=False)
class _Reboot:
    """A reboot under way. `after` is emulated; None is held until told to boot."""

    order_id: str
    after: timedelta | None
    appointment: Appointment | None = None
    prepared: asyncio.Event = field(default_factory=asyncio.Event)
    boot: asyncio.Event = field(default_factory=asyncio.Event)


class Computer:
    """One computer with one applet. `listener` hears every event, in order."""

    def __init__(
        self,
        *,
        ticket_file: Path,
        server: Callable[[], str],
        cable: Cable,
        boot_time: timedelta,
        terms: TermsPolicy,
        listener: events.Listener,
        seed: int = 0,
    ) -> None:
        self._ticket_file = ticket_file
        self._server = server
        self._boot_time = boot_time
        self._listener = listener
        self._clock = Clock()
        self._lan = Lan(cable, self._clock, seed=seed, listener=listener, start=self._start, back=self._lan_back)
        self._clock.on_speed = lambda speed: self._tell(pipe.Pace(speed=speed))
        self._outcome: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        self._last_word: Outcome = None
        self._background: set[asyncio.Task[None]] = set()
        self._tasks: asyncio.TaskGroup | None = None
        self._applet: AppletProgram | None = None
        self._reboot: _Reboot | None = None
        self._connected = asyncio.Event()
        self._next_dies = False
        self._deaths = 0
        self._unreached_since: float | None = None
        self._followed = False
        self._answer = None if terms is TermsPolicy.ASK else terms is TermsPolicy.ACCEPT
        self._terms_shown = False
        self._joined = False
        self._closed = False
        self._view: events.View | None = None

    @property
    def clock(self) -> Clock:
        """The emulated time as this computer knows it."""
        return self._clock

    async def run(self) -> Outcome:
        """Run until the session is over (Ended), the applet could not do its work (Error) or the plug was
        pulled (None). No process of the applet is left behind."""
        async with asyncio.TaskGroup() as self._tasks:
            self._start(self._stay_on())
            outcome = await self._outcome
            for task in list(self._background):
                task.cancel()
        return outcome

    def pull_plug(self) -> None:
        """Go away without a word."""
        self._end(None)

    def obey(self, command: commands.Command) -> None:
        """Do what the customer does. What is not possible now is answered with an Error event."""
        try:
            self._obey(command)
        except CannotLay as error:
            self._cable_broke(error)

    def _obey(self, command: commands.Command) -> None:
        match command:
            case commands.SwitchLan(on=True):
                self._unreached_since = None
                self._lan.lift()
            case commands.SwitchLan():
                self._lan.strike(Off())
            case commands.StrikeLan():
                self._lan.strike(command.fault)
            case commands.LiftLanFault():
                self._lan.lift(command.slot)
            case commands.KillApplet():
                self._kill_applet()
            case commands.PullPlug():
                self.pull_plug()
            case commands.Boot():
                if self._reboot is None:
                    self._refuse("the computer is running: there is nothing to boot")
                else:
                    self._reboot.boot.set()
            case _ if self._reboot is not None:
                self._refuse("the computer is rebooting: only boot, lan, kill and quit are possible")
            case commands.Reboot():
                after = None if command.hold else command.boot_time
                if not command.hold and after is None:
                    after = self._boot_time
                self._go_down(order_id="", after=after)
            case _ if self._closed:
                self._refuse("the applet is closed")
            case commands.AnswerTerms():
                self._answer_terms(accepted=command.accepted)
            case commands.SayInChat():
                self._tell_or_refuse(pipe.SendChat(text=command.text))
            case commands.CloseApplet():
                self._closed = True
                self._tell_or_refuse(pipe.Close())

    def _obey_server(self, number: int, line: str) -> None:
        """Do what a fault rule of the server's says, and tell the server once it is done."""

        def done() -> None:
            self._clock.obeyed(number)

        try:
            command = commands.parse_command(line)
        except commands.BadCommand as error:  # a newer server
            self._refuse(str(error))
            done()
            return
        try:
            match command:
                case commands.SwitchLan(on=True):
                    self._lan.lift(done=done)
                case commands.LiftLanFault():
                    self._lan.lift(command.slot, done=done)
                case commands.StrikeLan():
                    self._lan.strike(command.fault, done=done)
                case _:
                    self._obey(command)
                    done()
        except CannotLay as error:
            self._cable_broke(error)

    # The power.

    async def _stay_on(self) -> None:
        while True:
            await self._run_applet()
            if self._last_word is not None:
                self._end(self._last_word)
                return
            if self._reboot is not None:
                await self._stay_down(self._reboot)
                continue
            self._deaths += 1
            if self._deaths == HOPELESS:
                self._end(events.Error(message="the applet's process dies as soon as it is started"))
                return
            if self._deaths > 1:
                await asyncio.sleep(BREATH)

    async def _run_applet(self) -> None:
        applet = await AppletProgram.start(
            relay=self._lan.cable.address, ticket_file=self._ticket_file, entry=self._lan.cable.entry
        )
        try:
            self._applet = applet
            self._listener(events.AppletStarted(pid=applet.pid))
            if self._next_dies:
                self._next_dies = False
                applet.kill()
            applet.tell(pipe.Pace(speed=self._clock.speed))
            if self._closed:
                applet.tell(pipe.Close())
            async for news in applet.news():
                self._hear(news)
        finally:
            self._applet = None
            await applet.kill_and_wait()

    def _go_down(self, *, order_id: str, after: timedelta | None) -> None:
        if self._reboot is None:
            self._reboot = _Reboot(order_id, after)
            self._start(self._shut_down(self._reboot))

    async def _shut_down(self, reboot: _Reboot) -> None:
        # First the appointment: whoever sees Rebooting may advance the clock at once.
        if reboot.after is not None:
            reboot.appointment = await self._clock.appoint(reboot.after)
        reboot.prepared.set()
        applet = self._applet
        if applet is not None:
            applet.tell(pipe.GoDown(order_id=reboot.order_id))
            if not await applet.ends_within(GOES_DOWN_WITHIN):
                applet.kill()

    async def _stay_down(self, reboot: _Reboot) -> None:
        self._lan.cable.power_lost()
        self._connected.clear()
        self._listener(events.Rebooting())
        await reboot.prepared.wait()
        waits: list[asyncio.Task[object]] = [asyncio.create_task(reboot.boot.wait())]
        if reboot.appointment is not None:
            waits.append(asyncio.create_task(self._clock.reach(reboot.appointment)))
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
        self._reboot = None
        if reboot.appointment is not None:
            self._start(self._keep(reboot.appointment))

    async def _keep(self, appointment: Appointment) -> None:
        """An advancing clock goes on when the applet is back, or cannot be."""
        await self._link_back()
        self._clock.kept(appointment)

    async def _link_back(self) -> None:
        if self._reboot is not None or not self._lan.carries:
            return
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(BACK_WITHIN):
                await self._connected.wait()

    async def _lan_back(self) -> None:
        # The applet may not have noticed the loss yet: that it believes in its link says nothing.
        self._connected.clear()
        self._tell(pipe.Probe())
        await self._link_back()

    def _kill_applet(self) -> None:
        if self._applet is None or self._reboot is not None:
            self._next_dies = True
        else:
            self._applet.kill()

    # What the applet says.

    def _hear(self, news: pipe.News) -> None:
        match news:
            case pipe.TicketKept():
                self._deaths = 0
                self._follow_clock(news)
            case pipe.RebootOrdered():
                self._go_down(order_id=news.order_id, after=self._boot_time)
            case pipe.WentDown():
                pass
            case pipe.Reached():
                self._connected.set()
            case pipe.Unreachable():
                self._not_reached(news)
            case pipe.Failed():
                self._last_word = events.Error(code=news.code, reason=news.reason, message=news.message)
            case events.Ended():
                self._last_word = news
            case events.Terms():
                self._be_asked(news)
            case _:
                self._pass_on(news)

    def _pass_on(self, news: events.Joined | events.Link | events.Chat | events.View | events.Error) -> None:
        match news:
            case events.Link(state=events.LinkState.CONNECTED):
                self._connected.set()
            case events.Link():
                self._connected.clear()
            case events.Joined() if self._joined:
                return
            case events.Joined():
                self._joined = True
            case events.View() if news == self._view:
                return
            case events.View():
                self._view = news
        self._listener(news)

    def _not_reached(self, news: pipe.Unreachable) -> None:
        now = time.monotonic()
        if not self._lan.carries:
            self._unreached_since = None
        elif self._unreached_since is None:
            self._unreached_since = now
        elif now - self._unreached_since > REACHED_WITHIN:
            message = f"the server does not answer: {news.message}"
            self._end(events.Error(code="UNAVAILABLE", reason="SERVER_AWAY", message=message))

    def _follow_clock(self, ticket: pipe.TicketKept) -> None:
        if not self._followed:
            self._followed = True
            self._start(self._follow(ticket))

    async def _follow(self, ticket: pipe.TicketKept) -> None:
        follow = await asyncio.to_thread(_import_following)
        await follow(
            self._clock,
            server=self._server,
            session=ticket.session,
            ticket=ticket.ticket,
            order=self._obey_server,
        )

    def _be_asked(self, terms: events.Terms) -> None:
        if self._answer is not None:
            self._tell(pipe.GiveAnswer(accepted=self._answer))
        elif not self._terms_shown:
            self._terms_shown = True
            self._listener(terms)

    # What the customer does.

    def _answer_terms(self, *, accepted: bool) -> None:
        if self._joined:
            self._refuse("there are no terms to answer: the session was joined already")
        elif self._answer is not None:
            self._refuse("the terms were answered already")
        else:
            self._answer = accepted
            if self._terms_shown:
                self._tell(pipe.GiveAnswer(accepted=accepted))

    def _tell(self, order: pipe.Orders) -> None:
        if self._applet is not None:
            self._applet.tell(order)

    def _tell_or_refuse(self, order: pipe.Orders) -> None:
        if self._applet is None and not isinstance(order, pipe.Close):
            self._refuse("the applet is being started: try again")
        self._tell(order)

    def _refuse(self, message: str) -> None:
        self._listener(events.Error(message=message))

    # Its tasks.

    async def _unless_cable_breaks(self, work: Coroutine[None, None, None]) -> None:
        try:
            await work
        except CannotLay as error:
            self._cable_broke(error)

    def _cable_broke(self, error: CannotLay) -> None:
        # Somebody took the interface away: a computer that does not know what its cable does is of no use.
        self._end(events.Error(code="FAILED_PRECONDITION", reason="NO_SUCH_CABLE", message=str(error)))

    def _end(self, outcome: Outcome) -> None:
        if not self._outcome.done():
            self._outcome.set_result(outcome)

    def _start(self, work: Coroutine[None, None, None]) -> asyncio.Task[None]:
        assert self._tasks is not None  # it runs
        task = self._tasks.create_task(self._unless_cable_breaks(work))
        self._background.add(task)
        task.add_done_callback(self._background.discard)
        return task


def _import_following() -> Callable[..., Coroutine[None, None, None]]:
    from rescue_applet.following import follow  # gRPC takes a while to import: the cable carries meanwhile

    return follow
