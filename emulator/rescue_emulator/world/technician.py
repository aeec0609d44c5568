"""A technician with a real console: the commands, and the statuses that the queue showed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from rescue_client.admin import AdminClient
from rescue_client.records import Entry, Process, Status
from rescue_common.processes.child import Event, Program
from rescue_emulator.world.belongings import Belongings
from rescue_emulator.world.end_state import what_is_missing
from rescue_emulator.world.people import AccountNames
from rescue_emulator.world.records import CreatedSession, StatusUpdate, read_entry, read_status
from rescue_protos.errors import NotFound

# Real seconds. The console itself waits up to 30 s for a server that cannot be reached.
_REPLY_TIMEOUT = 40.0

# Commands that change nothing are not in the timeline.
_UNTOLD = ("queue", "sync")

#: Called with every update that any console of this process shows; the pytest plugin measures its coverage here.
update_listeners: list[Callable[[StatusUpdate], None]] = []


class CommandRefused(Exception):
    """A program refused a command. `code` is a gRPC status code's name; `possible` names the commands allowed now."""

    def __init__(self, who: str, line: str, reply: Mapping[str, Any]) -> None:
        self.code = str(reply.get("code", ""))
        self.message = str(reply.get("message", ""))
        self.possible = tuple(str(name) for name in reply.get("possible") or ())
        super().__init__(": ".join(filter(None, (who, line, self.code, self.message))))


class NotSeen(AssertionError, TimeoutError):
    """A console did not show the expected status in time; `report` says what every console showed."""

    def __init__(self, sentence: str, report: str) -> None:
        super().__init__(f"{sentence}\n{report}")
        self.sentence = sentence
        self.report = report


class Technician:
    """A technician whose console runs as a process, `program`. Get one from `World.technician`.

    `in_focus` is whether the console is in focus; a new one is. `name` is the name in the test, `account` the name on
    the server; they differ only on a shared server. A `session` is its id, such as `pin` returns. Every command raises
    CommandRefused if the server or the console refuses it, TimeoutError if no reply comes, and ProgramEnded if the
    console has ended.
    """

    def __init__(
        self, name: str, program: Program, *, report: Callable[[], Awaitable[str]], own: Belongings | None = None
    ) -> None:
        self.name = name
        self.program = program
        self._own = own or Belongings()
        self._names = self._own.names
        self.account = self._names.account(name)
        self.in_focus: bool = True
        self._report = report
        self._shown: dict[str, Status] = {}
        self._listed: set[str] = set()  # by the snapshot that is being told
        self._history: dict[str, list[StatusUpdate]] = {}
        self._replies: dict[int, Event] = {}
        self._lines = 0
        program.listen(self._receive)

    @property
    def names(self) -> AccountNames:
        """The names of the world's people on the server."""
        return self._own.names

    @property
    def secret(self) -> str:
        """The secret to sign in with as a technician whom the world made on a shared server; else empty."""
        return self._own.secrets.get(self.account, "")

    async def command(self, *words: str, timeout: float = _REPLY_TIMEOUT) -> dict[str, Any]:
        """Send a command of the scripted console, for example `command("transfer", session, "technician:bob")`.

        Returns the reply as the console prints it. `timeout` is in real seconds. Names mean the world's own people; in
        a command that is one text with quotes, they must be accounts (see `account`).
        """
        single = len(words) == 1 and '"' not in words[0]
        spoken = self._names.command(words[0].split(" ") if single else words)
        line = " ".join(spoken)
        self._lines += 1
        if spoken[0] not in _UNTOLD:
            self._own.timeline.act(f"{self.name}: {self._names.plain_text(line)}")
        number = self._lines  # counted before the first await, because replies come in the order of the lines
        await self.program.send(line)
        reply = await self.program.until(
            lambda: self._replies.pop(number, None), timeout=timeout, what=f"reply to {line!r}"
        )
        if not reply.get("ok"):
            raise CommandRefused(self.name, line, reply)
        if spoken[0] == "focus":
            self.in_focus = spoken[1] == "on"
        if "pin" in reply:
            self._own.sessions.add(str(reply["session"]))
        return dict(reply)

    async def pin(self, customer: str = "") -> CreatedSession:
        """Create a session and its PIN. Use `.session` and `.pin`, or unpack: `session, pin = await alice.pin()`."""
        words = ("pin", customer) if customer else ("pin",)
        return CreatedSession.read(await self.command(*words))

    async def queue(self) -> list[Entry]:
        """Return the entries of the queue, as the server has them now."""
        return [read_entry(line, self._names) for line in (await self.command("queue"))["entries"]]

    async def start(self, session: str) -> None:
        """Start the session, or continue it after a hold."""
        await self.command("start", session)

    async def hold(self, session: str) -> None:
        """Put the session on hold."""
        await self.command("hold", session)

    async def end(self, session: str) -> None:
        """End the session, leave it, or remove the entry, depending on the status of the entry."""
        await self.command("end", session)

    async def reboot(self, session: str) -> None:
        """Order the customer's computer to reboot."""
        await self.command("reboot", session)

    async def transfer(self, session: str, to: str | Technician, *, comment: str = "") -> None:
        """Transfer the session to a technician, or to "technician:NAME", "group:NAME" or "channel:NAME"."""
        target = f"technician:{to.name}" if isinstance(to, Technician) else to
        words = ["comment", comment] if comment else []
        await self.command("transfer", session, f'"{target}"', *words)

    async def invite(self, session: str, whom: str | Technician) -> None:
        """Invite a technician into the session."""
        await self.command("invite", session, _quoted(whom))

    async def remove(self, session: str, whom: str | Technician) -> None:
        """Remove an invited or collaborating technician from the session."""
        await self.command("remove", session, _quoted(whom))

    async def offer_lead(self, session: str, to: str | Technician) -> None:
        """Offer the lead to a collaborating technician."""
        await self.command("lead", session, "offer", _quoted(to))

    async def cancel_lead(self, session: str) -> None:
        """Withdraw the offer of the lead."""
        await self.command("lead", session, "cancel")

    async def accept_lead(self, session: str) -> None:
        """Accept the lead."""
        await self.command("lead", session, "accept")

    async def focus(self, on: bool) -> None:
        """Set whether the console is in focus."""
        await self.command("focus", "on" if on else "off")

    async def open(self, session: str, process: Process | str) -> None:
        """Open a process that prevents the idle time-out, such as `Process.REMOTE_CONTROL` or "remote-control"."""
        await self.command("open", session, process)

    async def close(self, session: str, process: Process | str) -> None:
        """Close a process that was opened."""
        await self.command("close", session, process)

    async def chat(self, session: str, text: str) -> None:
        """Send a chat line to all participants and the customer."""
        await self.command("chat", session, text)

    async def note(self, session: str, text: str) -> None:
        """Write a note about the session; the customer does not see it."""
        await self.command("note", session, text)

    async def sync(self) -> None:
        """Return when every update up to now has been shown."""
        await self.command("sync")

    async def sees(self, session: str, status: Status | str, timeout: float = 10) -> None:
        """Wait until the queue shows this status for the session, for up to `timeout` real seconds.

        `status` is a `Status` or its English label. Raises NotSeen, which is an AssertionError and a TimeoutError, with
        every console's view and the last log lines. Raises ValueError at once if the label does not exist.
        """
        wanted = read_status(status)
        try:
            await self.program.until(
                lambda: True if self.status(session) == wanted else None, timeout=timeout, what=str(wanted)
            )
        except TimeoutError:
            last = str(self.status(session) or "nothing")
            message = f"{self.name} saw {last!r} of session {session}, not {str(wanted)!r}, within {timeout:g} s"
            message += f"\n{what_is_missing(self.status(session), wanted)}"
            raise NotSeen(message, await self._report()) from None

    def status(self, session: str) -> Status | None:
        """Return the last status that the queue showed, also if it was a removal; None if it showed none."""
        return self._shown.get(session)

    def history(self, session: str) -> list[StatusUpdate]:
        """Return all status updates that the queue showed, oldest first."""
        return list(self._history.get(session, ()))

    @property
    def sessions(self) -> list[str]:
        """The sessions that the queue has shown, oldest first; after a restore, those of the restored history."""
        return list(self._shown)

    def view(self) -> str:
        """Return what the queue shows, as text for people."""
        shown = ", ".join(f"{session} {status}" for session, status in self._shown.items())
        return f"{self.name}'s queue: {shown or 'nothing'}"

    def _receive(self, event: Event) -> None:
        if "reply" in event:
            self._replies[int(event["reply"])] = event
        elif event.get("event") == "entry":
            session = str(event["session"])
            self._shown[session] = Status(event["status"])
            if event.get("snapshot"):
                self._listed.add(session)
            else:
                update = StatusUpdate.read(event, self._names)
                self._own.timeline.shown(self.name, session, update)
                self._history.setdefault(session, []).append(update)
                for listener in update_listeners:
                    listener(update)
        elif event.get("event") == "snapshot-end":
            if event["compacted"]:  # what was shown before may be of a history that is no more
                self._shown = {session: status for session, status in self._shown.items() if session in self._listed}
            self._listed.clear()


def _quoted(technician: str | Technician) -> str:
    return f'"{technician.name if isinstance(technician, Technician) else technician}"'


async def queue_is_shown(console: Program, timeout: float) -> None:
    """Wait until a console has shown its queue. Raises TimeoutError, ProgramEnded."""

    def shown() -> Event | None:
        return next((event for event in console.events if event.get("event") == "snapshot-end"), None)

    await console.until(shown, timeout=timeout, what="event snapshot-end")


async def require_technician(admin: AdminClient, name: str) -> None:
    """Raise NotFound, which says who there is, if an organization has no such technician. Raises RescueError."""
    found = await admin.organization()
    there = sorted(one for group in found.groups for one in group.technicians)
    if name not in there:
        raise NotFound.of("technician", name, "there are: " + ", ".join(there)) from None
