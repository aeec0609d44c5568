"""The dialogs before a command is sent: the choice of a person, of a process, and the confirmation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from textual.app import App
from textual.notifications import SeverityLevel

from rescue_client.clock import EmulatedClock
from rescue_client.console import ConsoleClient
from rescue_client.queue_view import QueueView
from rescue_client.records import (
    KNOWN_PROCESSES,
    Answer,
    Colleague,
    Directory,
    Entry,
    PinCreated,
    Process,
    Status,
    Target,
    TargetKind,
)
from rescue_common.natural_order import natural_key
from rescue_common.terminal import safe
from rescue_console import urgency
from rescue_console.commands import (
    Command,
    Involvement,
    Note,
    OnSession,
    Pin,
    SessionAction,
    Transfer,
    UseProcess,
    WithTechnician,
)
from rescue_console.tui.choose import Choice, Choose, Chosen
from rescue_console.tui.dialogs import Confirm, NewNote, NewPin
from rescue_console.tui.texts import Sentences
from rescue_protos.errors import RescueError


class Console(Protocol):
    """What the dialogs need of the console that they are shown over."""

    client: ConsoleClient
    wording: Sentences

    view: QueueView
    clock: EmulatedClock

    async def send(self, command: Command) -> Answer | None:
        """Send a command; None if it was refused, which is then shown."""

    def select(self, session: str) -> None:
        """Select a session's row."""

    def action_give(self, name: str) -> None:
        """Give a command to the selected session."""

    def announce(self, message: str, *, severity: SeverityLevel = "information") -> None:
        """Show a message for a while."""


class CommandDialogs:
    """Turns the name of a command into the command, by dialogs over the console. `app` shows the dialogs."""

    def __init__(self, app: App[int], console: Console) -> None:
        self._screens = app
        self._console = console

    async def command(self, name: str, entry: Entry | None) -> Command | None:
        """Return the command for an entry; None if the technician went back, or if all is done already."""
        if entry is None or name == "pin":
            await self._new_pin()
            return None
        session, title = entry.session, self._console.wording.labels.command(name)
        match name:
            case "start" | "hold" | "reboot" | "lead cancel" | "lead accept":
                return OnSession(action=SessionAction(name), session=session)
            case "end":
                return OnSession(action=SessionAction.END, session=session) if await self._really_end(entry) else None
            case "transfer":
                return await self._transfer(entry, title)
            case "invite":
                chosen = await self._choose(title, await self._colleagues(entry))
                if chosen is not None:
                    return WithTechnician(involvement=Involvement.INVITE, session=session, technician=chosen.key)
            case "remove" | "lead offer":
                chosen = await self._choose(title, self._participants(entry, lead=name == "lead offer"))
                if chosen is not None:
                    return WithTechnician(involvement=Involvement(name), session=session, technician=chosen.key)
            case "open" | "close":
                chosen = await self._choose(title, self._processes(entry, opened=name == "close"))
                if chosen is not None:
                    return UseProcess(session=session, process=Process(chosen.key), opened=name == "open")
            case "note":
                if text := await self._screens.push_screen_wait(NewNote(title, self._console.wording)):
                    return Note(session=session, text=text)
        return None

    async def _new_pin(self) -> None:
        console = self._console

        async def create(customer: str) -> PinCreated | None:
            answer = await console.send(Pin(customer=customer))
            if not isinstance(answer, PinCreated):
                return None
            console.select(answer.session)
            return answer

        dialog = NewPin(
            console.wording,
            create=create,
            entry=lambda session: console.view.entries.get(session),
            now=lambda: console.clock.now,
        )
        following = await self._screens.push_screen_wait(dialog)
        if following is not None:
            console.action_give(following)

    async def _really_end(self, entry: Entry) -> bool:
        question, wording = urgency.before_ending(entry), self._console.wording
        if not question:
            return True
        about = f"{wording.text('Session')} {entry.session} {safe(entry.customer)}".strip()
        asked = f"{about}\n{wording.text(question)}"
        return await self._screens.push_screen_wait(Confirm(wording.labels.command("end"), asked, wording))

    async def _transfer(self, entry: Entry, title: str) -> Transfer | None:
        directory = await self._directory()
        if directory is None:
            return None
        text = self._console.wording.text
        choices = [
            Choice(key="", label=text("Technicians")),
            *self._people(directory, entry, key=lambda name: f"technician:{name}"),
            Choice(key="", label=text("Technician groups")),
            *(Choice(key=f"group:{group}", label=safe(group)) for group in sorted(directory.groups, key=natural_key)),
            Choice(key="", label=text("Channels")),
            *(
                Choice(key=f"channel:{channel}", label=safe(channel))
                for channel in sorted(directory.channels, key=natural_key)
            ),
        ]
        chosen = await self._choose(title, choices, comment=True)
        if chosen is None:
            return None
        kind, _, name = chosen.key.partition(":")
        target = Target(kind=TargetKind(kind), name=name)
        return Transfer(session=entry.session, target=target, comment=chosen.comment)

    async def _colleagues(self, entry: Entry) -> list[Choice]:
        directory = await self._directory()
        if directory is None:
            return []
        taking_part = {who.technician for who in entry.participants}
        return [choice for choice in self._people(directory, entry, key=str) if choice.key not in taking_part]

    def _people(self, directory: Directory, entry: Entry, *, key: Callable[[str], str]) -> list[Choice]:
        text = self._console.wording.text
        taking_part = {who.technician for who in entry.participants}

        def remark(who: Colleague) -> str:
            there = f"● {text('there')}" if who.connected else f"○ {text('away')}"
            inside = f" · {text('in the session')}" if who.name in taking_part else ""
            return f"{there} · {safe(who.group)}{inside}"

        others = [who for who in directory.technicians if who.name != self._console.client.technician]
        others.sort(key=lambda who: natural_key(who.name))
        return [Choice(key=key(who.name), label=f"{safe(who.name):<12}", remark=remark(who)) for who in others]

    def _participants(self, entry: Entry, *, lead: bool) -> list[Choice]:
        labels = self._console.wording.labels
        wanted = (Status.COLLABORATING,) if lead else (Status.COLLABORATING, Status.INVITATION, Status.REBOOTING)
        return [
            Choice(key=who.technician, label=f"{safe(who.technician):<12}", remark=labels.status(who.status))
            for who in sorted(entry.participants, key=lambda who: natural_key(who.technician))
            if who.technician != self._console.client.technician and who.status in wanted
        ]

    def _processes(self, entry: Entry, *, opened: bool) -> list[Choice]:
        names = [process for process in KNOWN_PROCESSES if (process in entry.processes) is opened]
        return [Choice(key=process.value, label=self._console.wording.labels.process(process)) for process in names]

    async def _directory(self) -> Directory | None:
        try:
            return await self._console.client.directory()
        except RescueError as error:
            self._console.announce(safe(self._console.wording.labels.refusal(error)), severity="error")
            return None

    async def _choose(self, title: str, choices: Sequence[Choice], *, comment: bool = False) -> Chosen | None:
        return await self._screens.push_screen_wait(Choose(title, choices, self._console.wording, comment=comment))
