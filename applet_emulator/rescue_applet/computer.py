"""The customer's computer: its power, its network and its applet together, and what the customer does.

`power_switch` runs the applet's process, `faults.schedule` the network. This module connects the two.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from datetime import timedelta
from enum import StrEnum
from pathlib import Path

from rescue_applet import child_protocol, commands, events
from rescue_applet.clock import FollowedClock
from rescue_applet.connectivity import Connectivity
from rescue_applet.faults.schedule import FaultSchedule
from rescue_applet.network.cable import Cable, CannotLay
from rescue_applet.power_switch import PowerHooks, PowerSwitch
from rescue_applet.servers import Servers
from rescue_common.lan_notation import Off

Outcome = events.Ended | events.Error | None


class TermsPolicy(StrEnum):
    """What the customer does when the terms are shown."""

    ACCEPT = "accept"
    DECLINE = "decline"
    ASK = "ask"


class EmulatedComputer:
    """One computer with one applet. `listener` gets every event, in order."""

    def __init__(
        self,
        *,
        ticket_file: Path,
        servers: Servers,
        cable: Cable,
        boot_time: timedelta,
        terms: TermsPolicy,
        listener: events.Listener,
        seed: int = 0,
    ) -> None:
        self._servers = servers
        self._boot_time = boot_time
        self._listener = listener
        self._clock = FollowedClock()
        self._faults = FaultSchedule(
            cable, self._clock, seed=seed, listener=listener, start=self._start, back=self._lan_back
        )
        self._connectivity = Connectivity()
        self._power = PowerSwitch(
            ticket_file=ticket_file,
            cable=cable,
            clock=self._clock,
            connectivity=self._connectivity,
            listener=listener,
            hooks=PowerHooks(
                on_news=self._receive,
                first_orders=self._first_orders,
                start=self._start,
                until_back=self._link_back,
            ),
        )
        self._clock.on_speed = lambda speed: self._send(child_protocol.SpeedChanged(speed=speed))
        self._outcome: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        self._last_word: Outcome = None
        self._background: set[asyncio.Task[None]] = set()
        self._tasks: asyncio.TaskGroup | None = None
        self._followed = False
        self._answer = None if terms is TermsPolicy.ASK else terms is TermsPolicy.ACCEPT
        self._terms_shown = False
        self._joined = False
        self._closed = False
        self._view: events.CustomerView | None = None

    @property
    def clock(self) -> FollowedClock:
        """The emulated time on this computer."""
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
        """Stop at once, without a message."""
        self._end(None)

    def execute(self, command: commands.Command) -> None:
        """Do what the customer does. What is not possible now is answered with an Error event."""
        try:
            self._execute(command)
        except CannotLay as error:
            self._cable_broke(error)

    def _execute(self, command: commands.Command) -> None:
        match command:
            case commands.SwitchLan(on=True):
                self._connectivity.excuse()
                self._faults.lift()
            case commands.SwitchLan():
                self._faults.apply(Off())
            case commands.ApplyLanFault():
                self._faults.apply(command.fault)
            case commands.LiftLanFault():
                self._faults.lift(command.slot)
            case commands.KillApplet():
                self._power.kill_applet()
            case commands.PullPlug():
                self.pull_plug()
            case commands.Boot():
                if not self._power.boot():
                    self._refuse("the computer is running: there is nothing to boot")
            case _ if self._power.rebooting:
                self._refuse("the computer is rebooting: only boot, lan, kill and quit are possible")
            case commands.Reboot():
                after = None if command.hold else command.boot_time
                if not command.hold and after is None:
                    after = self._boot_time
                self._power.go_down(order_id="", after=after)
            case _ if self._closed:
                self._refuse("the applet is closed")
            case commands.AnswerTerms():
                self._answer_terms(accepted=command.accepted)
            case commands.WriteChatLine():
                self._send_or_refuse(child_protocol.SendChat(text=command.text))
            case commands.CloseApplet():
                self._closed = True
                self._send_or_refuse(child_protocol.Close())

    def _execute_order(self, number: int, line: str) -> None:
        """Carry out the order of a server's fault rule, then report it to the server."""

        def done() -> None:
            self._clock.order_done(number)

        try:
            command = commands.parse_command(line)
        except commands.BadCommand as error:  # a newer server
            self._refuse(str(error))
            done()
            return
        try:
            match command:
                case commands.SwitchLan(on=True):
                    self._faults.lift(done=done)
                case commands.LiftLanFault():
                    self._faults.lift(command.slot, done=done)
                case commands.ApplyLanFault():
                    self._faults.apply(command.fault, done=done)
                case _:
                    self._execute(command)
                    done()
        except CannotLay as error:
            self._cable_broke(error)

    # Its applet's life and link.

    async def _stay_on(self) -> None:
        if await self._power.stay_on(lambda: self._last_word is not None):
            self._end(self._last_word)
        else:
            self._end(events.Error(message="the applet's process dies as soon as it is started"))

    def _first_orders(self) -> Iterator[child_protocol.Orders]:
        yield child_protocol.SpeedChanged(speed=self._clock.speed)
        if self._closed:
            yield child_protocol.Close()

    async def _link_back(self) -> None:
        if not self._power.rebooting and self._faults.carries:
            await self._connectivity.back()

    async def _lan_back(self) -> None:
        # The applet may not have detected the loss yet, so its reported link is not reliable here.
        self._connectivity.lost()
        self._send(child_protocol.CheckReach())
        await self._link_back()

    # The applet's news.

    def _receive(self, news: child_protocol.News) -> None:
        match news:
            case child_protocol.TicketKept():
                self._power.applet_works()
                self._follow_clock(news)
            case child_protocol.RebootRequested():
                self._power.go_down(order_id=news.order_id, after=self._boot_time)
            case child_protocol.WentDown():
                pass
            case child_protocol.Reached():
                self._connectivity.found()
            case child_protocol.Unreachable():
                self._leave_server(news.leader)
                self._not_reached(news)
            case child_protocol.ConnectionLost():
                self._leave_server(news.leader)
            case child_protocol.Failed():
                self._last_word = events.Error(code=news.code, reason=news.reason, message=news.message)
            case events.Ended():
                self._last_word = news
            case events.Terms():
                self._show_terms(news)
            case _:
                self._pass_on(news)

    def _pass_on(
        self,
        news: events.Joined
        | events.LinkChanged
        | events.ChatLineReceived
        | events.ChatLineUnsent
        | events.CustomerView
        | events.Error,
    ) -> None:
        match news:
            case events.LinkChanged(state=events.LinkState.CONNECTED):
                self._connectivity.found()
            case events.LinkChanged():
                self._connectivity.lost()
            case events.Joined() if self._joined:
                return
            case events.Joined():
                self._joined = True
            case events.CustomerView() if news == self._view:
                return
            case events.CustomerView():
                self._view = news
        self._listener(news)

    def _not_reached(self, news: child_protocol.Unreachable) -> None:
        if not self._faults.carries:
            self._connectivity.excuse()
        elif self._connectivity.is_hopeless():
            message = f"the server does not answer: {news.message}"
            self._end(events.Error(code="UNAVAILABLE", reason="SERVER_AWAY", message=message))

    def _leave_server(self, leader: str) -> None:
        # What a cut cable keeps apart says nothing about the server.
        if self._faults.carries:
            self._servers.leave_dialled(named=leader)

    def _follow_clock(self, ticket: child_protocol.TicketKept) -> None:
        if not self._followed:
            self._followed = True
            self._start(self._follow(ticket))

    async def _follow(self, ticket: child_protocol.TicketKept) -> None:
        follow = await asyncio.to_thread(_import_clock_stream)
        await follow(
            self._clock,
            servers=self._servers,
            session=ticket.session,
            ticket=ticket.ticket,
            order=self._execute_order,
        )

    def _show_terms(self, terms: events.Terms) -> None:
        if self._answer is not None:
            self._send(child_protocol.GiveAnswer(accepted=self._answer))
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
                self._send(child_protocol.GiveAnswer(accepted=accepted))

    def _send(self, order: child_protocol.Orders) -> None:
        self._power.send(order)

    def _send_or_refuse(self, order: child_protocol.Orders) -> None:
        if not self._power.runs_applet and not isinstance(order, child_protocol.Close):
            unsent = order.text if isinstance(order, child_protocol.SendChat) else ""
            self._refuse("the applet is being started: try again", unsent=unsent)
        self._send(order)

    def _refuse(self, message: str, *, unsent: str = "") -> None:
        self._listener(events.Error(message=message, unsent=unsent))

    # Its tasks.

    async def _unless_cable_breaks(self, work: Coroutine[None, None, None]) -> None:
        try:
            await work
        except CannotLay as error:
            self._cable_broke(error)

    def _cable_broke(self, error: CannotLay) -> None:
        # The interface was removed from outside. The computer cannot control its cable any more, so it ends.
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


def _import_clock_stream() -> Callable[..., Coroutine[None, None, None]]:
    from rescue_applet.clock_stream import watch_clock  # to import gRPC takes a while: the cable works meanwhile

    return watch_clock
