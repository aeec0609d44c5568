"""The load of a torture run: technicians at real consoles, customers at real computers, and somebody at the clock.

All of them choose by dice of their own, from the run's seed, and write down what they did and saw. What they meet,
refusals and outages, is no matter to them: the checker judges it afterwards.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import signal
from collections.abc import Awaitable, Callable, Iterator
from contextvars import ContextVar
from datetime import timedelta
from functools import partial
from typing import Any

import rescue_client.console as client_module
from rescue_client.connection import Connection
from rescue_client.console import ConsoleClient
from rescue_client.queue_view import QueueView
from rescue_client.records import (
    KNOWN_PROCESSES,
    Bookmark,
    Entry,
    EntryChanged,
    EntryDetails,
    ServerBack,
    ServerLost,
    Snapshot,
    Target,
    TargetKind,
)
from rescue_common.processes.child import ProgramEnded
from rescue_common.state_directory import Access
from rescue_emulator import CommandRefused, World
from rescue_emulator.world.computer import Computer
from rescue_protos.errors import RescueError, Unavailable
from tests.torture.history import Command, Console, History, Outcome, Seen, moment
from tests.torture.machine import paused

TECHNICIANS = ("alice", "bob", "carol")
WEB = Target(kind=TargetKind.CHANNEL, name="Web")
_request: ContextVar[str] = ContextVar("request")


@contextlib.contextmanager
def chosen_request_ids() -> Iterator[None]:
    """Let consoles take their request ids from whoever commands, so that a retry can be made with the same one."""
    usual = client_module._fresh_id
    client_module._fresh_id = _request.get
    try:
        yield
    finally:
        client_module._fresh_id = usual


class Desk:
    """A technician at one console."""

    def __init__(self, world: World, history: History, technician: str, number: int) -> None:
        name = f"{technician}/{number}"
        self.console = Console(name=name, technician=technician)
        history.consoles.append(self.console)
        secret = Access.read(world.data).secrets[technician]
        self.connection = Connection(world.address, user=technician, secret=secret, timeout=timedelta(seconds=60))
        self.client = ConsoleClient(self.connection, in_focus=number == 0)
        self._history = history
        self._dice = random.Random(f"{history.seed} {name}")
        self._view = QueueView(technician=technician)
        self._made = 0

    async def watch(self) -> None:
        """Write down every update, until cancelled."""
        async with contextlib.aclosing(self.client.watch()) as updates:
            async for update in updates:
                self._view = self._view.after(update)
                if not isinstance(update, ServerLost | ServerBack):
                    self.console.seen.append(_seen(update))

    async def work(self) -> None:
        """Give commands, until cancelled."""
        while True:
            with contextlib.suppress(Unavailable):  # on a busy machine no server may have lived long enough yet
                await self.client.wait_for_queue()
                break
        while True:
            entries = list(self._view.entries.values())
            joined = [entry for entry in entries if entry.joined_at]
            if joined and self._dice.random() < 0.9:
                await self._command_to(self._dice.choice(joined))
            elif entries and self._dice.random() < 0.7:
                await self._command_to(self._dice.choice(entries))
            elif len(entries) < 12:
                token = self._token()
                await self._do("pin", "", token, partial(self.client.create_pin, token))
            await asyncio.sleep(self._dice.uniform(0.0, 0.12))

    async def settle(self) -> None:
        """Wait until all that there is to see has been seen."""
        self.console.synced = (await self.client.sync()).revision

    async def _command_to(self, entry: Entry) -> None:
        dice, client, session = self._dice, self.client, entry.session
        other = dice.choice([name for name in (*TECHNICIANS, "dave") if name != self.console.technician])
        token = self._token()
        target = dice.choice(
            [Target(kind=TargetKind.TECHNICIAN, name=other), Target(kind=TargetKind.CHANNEL, name="Web")]
        )
        process = dice.choice(KNOWN_PROCESSES)
        ways: dict[str, Callable[[], Awaitable[Any]]] = {
            "chat": lambda: client.chat(session, token),
            "start": lambda: client.start(session),
            "hold": lambda: client.hold(session),
            "transfer": lambda: client.transfer(session, target, token),
            "invite": lambda: client.invite(session, other),
            "remove": lambda: client.remove(session, other),
            "lead offer": lambda: client.offer_lead(session, other),
            "lead cancel": lambda: client.cancel_lead(session),
            "lead accept": lambda: client.accept_lead(session),
            "open": lambda: client.open_process(session, process),
            "close": lambda: client.close_process(session, process),
            "reboot": lambda: client.reboot(session),
            "end": lambda: client.end(session),
        }
        rare = {"end": 0.15 if entry.joined_at else 0.02, "reboot": 0.1}
        possible = [kind for kind in entry.allowed if kind in ways and dice.random() < rare.get(kind, 1)]
        kind = dice.choice(possible) if possible and dice.random() < 0.95 else dice.choice(["chat", "hold"])
        await self._do(kind, session, token if kind in ("chat", "transfer") else "", ways[kind])

    async def _do(self, kind: str, session: str, token: str, way: Callable[[], Awaitable[Any]]) -> None:
        request = f"{self._history.seed}-{self.console.name}-{self._made}"
        # Some are asked again, at once or after the next death: the answer must be the same, the effect one.
        for _ in range(2 if self._dice.random() < 0.15 else 1):
            _request.set(request)
            invoked, outcome, revision, code = moment(), Outcome.ANSWERED, 0, ""
            try:
                revision = (await way()).revision
            except (Unavailable, asyncio.CancelledError) as error:
                outcome = Outcome.UNKNOWN
                if isinstance(error, asyncio.CancelledError):
                    raise
            except RescueError as error:
                outcome, code = Outcome.REFUSED, error.reason
            finally:
                self._history.commands.append(
                    Command(
                        request=request,
                        technician=self.console.technician,
                        kind=kind,
                        session=session,
                        token=token,
                        invoked=invoked,
                        outcome=outcome,
                        code=code,
                        revision=revision,
                        answered=moment(),
                    )
                )
            if outcome is not Outcome.ANSWERED:
                break
            await asyncio.sleep(self._dice.choice([0.0, 0.0, 1.5]))

    def _token(self) -> str:
        self._made += 1
        return f"token {self._history.seed} {self.console.name} {self._made}"


class Customer:
    """Somebody with a computer, who calls again whenever a call is over. A gentle one never breaks anything."""

    def __init__(self, world: World, history: History, number: int, *, gentle: bool) -> None:
        self._world = world
        self._history = history
        self._number = number
        self._gentle = gentle
        self._dice = random.Random(f"{history.seed} customer {number}")
        self.computer: Computer | None = None

    async def live(self) -> None:
        """Call for help again and again, until cancelled."""
        calls = 0
        while True:
            calls += 1
            name = f"customer {self._number}.{calls}"
            computer, session = await self._world.computer(channel="Web", name=name, boot_time="20s", wait=False), ""
            try:
                session = await computer.joined(60)
                if not self._gentle:
                    self._history.silenced.add(session)
                self.computer = computer
                await self._be_there(computer, session)
            except (ProgramEnded, TimeoutError, BrokenPipeError):
                # The session ended meanwhile, or the server was away for too long. Nobody sits there any more.
                await self._unplug(computer, session)

    async def _unplug(self, computer: Computer, session: str) -> None:
        if computer.program.status is None:
            if session:
                self._history.silenced.add(session)
                self._history.dead.add(session)
            await computer.program.kill()

    async def _be_there(self, computer: Computer, session: str) -> None:
        dice, said = self._dice, 0
        while computer.program.status is None:
            await asyncio.sleep(dice.uniform(0.1, 0.8))
            deed = dice.random()
            if deed < 0.5 or self._gentle:
                said += 1
                await computer.chat(f"said {said} by {computer.name}")
                continue
            with contextlib.suppress(CommandRefused):  # as when it is rebooting already
                await self._do_harm(computer, session, deed)

    async def _do_harm(self, computer: Computer, session: str, deed: float) -> None:
        dice = self._dice
        if deed < 0.65:
            async with computer.lan_off():
                await asyncio.sleep(dice.uniform(0.1, 4))
        elif deed < 0.8 and computer.applet_pid:
            with contextlib.suppress(ProcessLookupError):
                os.kill(computer.applet_pid, signal.SIGKILL)
        elif deed < 0.88:
            await computer.reboot("20s")
        elif deed < 0.92:
            await self._unplug(computer, session)
        elif deed < 0.96 and computer.applet_pid:
            with paused(computer.applet_pid):
                await asyncio.sleep(dice.uniform(0.1, 4))
        elif deed < 0.98:
            await computer.close()


class Timer:
    """Somebody at the clock, who lets it run, runs it faster, stops it and moves it."""

    def __init__(self, world: World, history: History) -> None:
        self._world = world
        self._dice = random.Random(f"{history.seed} clock")

    async def play(self) -> None:
        """Until cancelled."""
        dice = self._dice
        while True:
            await asyncio.sleep(dice.uniform(0.2, 2))
            deed = dice.random()
            with contextlib.suppress(RescueError):
                if deed < 0.5:
                    await self._world.clock.advance(timedelta(seconds=dice.uniform(1, 90)))
                elif deed < 0.7:
                    await self._world.clock.pause()
                else:
                    await self._world.clock.set_speed(dice.choice([1, 5, 30]))


def _seen(update: Any) -> Seen:
    match update:
        case Snapshot(revision=revision, entries=entries):
            queue = tuple((entry.session, str(entry.status)) for entry in entries)
            return Seen(kind="snapshot", revision=revision, queue=queue)
        case Bookmark(revision=revision):
            return Seen(kind="bookmark", revision=revision)
        case EntryChanged(revision=revision, entry=entry, previous=previous):
            return Seen(
                kind="delta",
                revision=revision,
                session=entry.session,
                previous=str(previous) if previous else None,
                status=str(entry.status),
            )
        case EntryDetails(revision=revision, entry=entry):
            return Seen(kind="delta", revision=revision, session=entry.session)
    return Seen(kind="delta", revision=update.revision, session=update.session)
