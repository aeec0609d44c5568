"""What has to be asked before a command can be sent: whom, what, and whether really."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from rescue_client.records import (
    Colleague,
    Directory,
    Entry,
    PinCreated,
    Process,
    Status,
    Target,
    TargetKind,
)
from rescue_common.terminal import safe
from rescue_console import urgency
from rescue_console.commands import Command, Involvement, OnSession, Pin, Step, Transfer, Use, WithTechnician
from rescue_console.tui.dialogs import Ask, Choice, Choose, Chosen, NewPin
from rescue_protos.errors import RescueError

if TYPE_CHECKING:
    from rescue_console.tui.app import TechnicianConsole


class Asking:
    """Turns the name of a command into the command, by dialogs over the console."""

    def __init__(self, app: TechnicianConsole) -> None:
        self._app = app

    async def command(self, name: str, entry: Entry | None) -> Command | None:
        """Return the command for an entry; None if the technician went back, or if all is done already."""
        if entry is None or name == "pin":
            await self._new_pin()
            return None
        session, title = entry.session, self._app.wording.labels.command(name)
        match name:
            case "start" | "hold" | "reboot" | "lead cancel" | "lead accept":
                return OnSession(step=Step(name), session=session)
            case "end":
                return OnSession(step=Step.END, session=session) if await self._really_end(entry) else None
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
                    return Use(session=session, process=Process(chosen.key), opened=name == "open")
        return None

    async def _new_pin(self) -> None:
        app = self._app

        async def create(customer: str) -> PinCreated | None:
            answer = await app.send(Pin(customer=customer))
            if not isinstance(answer, PinCreated):
                return None
            app.select(answer.session)
            return answer

        dialog = NewPin(app.wording, create=create, entry=lambda s: app.view.entries.get(s), now=lambda: app.clock.now)
        await app.push_screen_wait(dialog)

    async def _really_end(self, entry: Entry) -> bool:
        question, wording = urgency.before_ending(entry), self._app.wording
        if not question:
            return True
        about = f"{wording.text('Session')} {entry.session} {safe(entry.customer)}".strip()
        asked = f"{about}\n{wording.text(question)}"
        return await self._app.push_screen_wait(Ask(wording.labels.command("end"), asked, wording))

    async def _transfer(self, entry: Entry, title: str) -> Transfer | None:
        directory = await self._directory()
        if directory is None:
            return None
        text = self._app.wording.text
        choices = [
            Choice(key="", label=text("Technicians")),
            *self._people(directory, entry, key=lambda name: f"technician:{name}"),
            Choice(key="", label=text("Technician groups")),
            *(Choice(key=f"group:{group}", label=safe(group)) for group in directory.groups),
            Choice(key="", label=text("Channels")),
            *(Choice(key=f"channel:{channel}", label=safe(channel)) for channel in directory.channels),
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
        text = self._app.wording.text
        taking_part = {who.technician for who in entry.participants}

        def remark(who: Colleague) -> str:
            there = f"● {text('there')}" if who.connected else f"○ {text('away')}"
            inside = f" · {text('in the session')}" if who.name in taking_part else ""
            return f"{there} · {safe(who.group)}{inside}"

        others = [who for who in directory.technicians if who.name != self._app.client.technician]
        return [Choice(key=key(who.name), label=f"{safe(who.name):<12}", remark=remark(who)) for who in others]

    def _participants(self, entry: Entry, *, lead: bool) -> list[Choice]:
        labels = self._app.wording.labels
        wanted = (Status.COLLABORATING,) if lead else (Status.COLLABORATING, Status.INVITATION, Status.REBOOTING)
        return [
            Choice(key=who.technician, label=f"{safe(who.technician):<12}", remark=labels.status(who.status))
            for who in entry.participants
            if who.technician != self._app.client.technician and who.status in wanted
        ]

    def _processes(self, entry: Entry, *, opened: bool) -> list[Choice]:
        names = [process for process in Process if (process in entry.processes) is opened]
        return [Choice(key=process.value, label=self._app.wording.labels.process(process)) for process in names]

    async def _directory(self) -> Directory | None:
        try:
            return await self._app.client.directory()
        except RescueError as error:
            self._app.say(safe(self._app.wording.labels.refusal(error)), severity="error")
            return None

    async def _choose(self, title: str, choices: Sequence[Choice], *, comment: bool = False) -> Chosen | None:
        return await self._app.push_screen_wait(Choose(title, choices, self._app.wording, comment=comment))
