"""A technician at a real console: what he commands, and what his queue showed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from rescue_common.processes.child import Event, Program
from rescue_emulator.world.people import Names
from rescue_protos.status_table import labels

# Real seconds: a console itself holds a command for up to 30 s while the server is away.
_REPLY_TIMEOUT = 40.0

#: How often each row of the published table was shown by any console of this process; for coverage.
rows_shown: Counter[int] = Counter()


class CommandRefused(Exception):
    """A program refused a command. `code` is a gRPC status code's name, `possible` what can be done instead."""

    def __init__(self, who: str, line: str, reply: Mapping[str, Any]) -> None:
        self.code = str(reply.get("code", ""))
        self.message = str(reply.get("message", ""))
        self.possible = tuple(str(name) for name in reply.get("possible") or ())
        super().__init__(": ".join(filter(None, (who, line, self.code, self.message))))


class NotSeen(AssertionError, TimeoutError):
    """A console did not come to show what was expected; `report` tells what everybody saw."""

    def __init__(self, sentence: str, report: str) -> None:
        super().__init__(f"{sentence}\n{report}")
        self.sentence = sentence
        self.report = report


@dataclass(frozen=True, slots=True, kw_only=True)
class Update:
    """One change of status that a console showed.

    Statuses are the published table's English names, `label` is in the console's language. `previous` is
    None and `row` is None for a new entry; `at` is emulated time (UTC).
    """

    status: str
    previous: str | None
    row: int | None
    cause: str
    label: str
    revision: int
    at: datetime

    @classmethod
    def read(cls, event: Event) -> Update:
        """Read it from a console's `entry` line."""
        return cls(
            status=event["status"],
            previous=event["previous"],
            row=event["row"],
            cause=event["cause"],
            label=event["label"],
            revision=event["revision"],
            at=datetime.fromisoformat(event["at"]),
        )

    def __str__(self) -> str:
        row = "new" if self.row is None else f"row {self.row}"
        at = f"{self.at:%H:%M:%S}"
        return f"{at} #{self.revision} {self.previous or '-'} -> {self.status} ({row}: {self.cause})"


class Technician:
    """A technician whose console runs as a process, `program`. Get one from `World.technician`.

    `name` is what the test calls him, `account` what the server does (the same, unless the server is shared).
    A session is its id, as from `pin`. Every command raises CommandRefused if it is not possible now,
    TimeoutError, and ProgramEnded if the console is gone.
    """

    def __init__(self, name: str, program: Program, *, report: Callable[[], str], names: Names | None = None) -> None:
        self.name = name
        self.program = program
        self._names = names or Names()
        self.account = self._names.of(name)
        self._report = report
        self._shown: dict[str, str] = {}
        self._history: dict[str, list[Update]] = {}
        self._replies: dict[int, Event] = {}
        self._lines = 0
        program.listen(self._hear)

    async def command(self, *words: str, timeout: float = _REPLY_TIMEOUT) -> dict[str, Any]:
        """Give a command of the scripted console, for example `command("transfer", session, "technician:bob")`.

        Returns the reply. `timeout` is in real seconds. On a shared server names are to be the accounts'.
        """
        line = " ".join(words)
        self._lines += 1
        number = self._lines  # counted before anything is awaited: replies come in the order of the lines
        await self.program.send(line)
        reply = await self.program.until(
            lambda: self._replies.pop(number, None), timeout=timeout, what=f"reply to {line!r}"
        )
        if not reply.get("ok"):
            raise CommandRefused(self.name, line, reply)
        return dict(reply)

    async def pin(self, customer: str = "") -> tuple[str, str]:
        """Create a session; return its id and its PIN."""
        reply = await self.command("pin", customer) if customer else await self.command("pin")
        return reply["session"], reply["pin"]

    async def queue(self) -> list[dict[str, Any]]:
        """Return the entries of the queue, as the scripted console prints them."""
        return list((await self.command("queue"))["entries"])

    async def start(self, session: str) -> None:
        """Start the session, or take it up again."""
        await self.command("start", session)

    async def hold(self, session: str) -> None:
        """Put it on hold."""
        await self.command("hold", session)

    async def end(self, session: str) -> None:
        """End it, leave it, or clear it away, whichever the entry's status means by that."""
        await self.command("end", session)

    async def reboot(self, session: str) -> None:
        """Order the customer's computer to reboot."""
        await self.command("reboot", session)

    async def transfer(self, session: str, to: str | Technician, *, comment: str = "") -> None:
        """Transfer it to a technician, or to "technician:NAME", "group:NAME" or "channel:NAME"."""
        target = f"technician:{to.account}" if isinstance(to, Technician) else self._names.owner(to)
        words = ["comment", comment] if comment else []
        await self.command("transfer", session, f'"{target}"', *words)

    async def invite(self, session: str, whom: str | Technician) -> None:
        """Invite a technician into it."""
        await self.command("invite", session, self._whom(whom))

    async def remove(self, session: str, whom: str | Technician) -> None:
        """Remove an invited or collaborating technician from it."""
        await self.command("remove", session, self._whom(whom))

    async def offer_lead(self, session: str, to: str | Technician) -> None:
        """Offer the lead to a collaborating technician."""
        await self.command("lead", session, "offer", self._whom(to))

    async def cancel_lead(self, session: str) -> None:
        """Take the offer back."""
        await self.command("lead", session, "cancel")

    async def accept_lead(self, session: str) -> None:
        """Accept the lead."""
        await self.command("lead", session, "accept")

    async def focus(self, on: bool) -> None:
        """Say whether the console is in focus."""
        await self.command("focus", "on" if on else "off")

    async def open(self, session: str, process: str) -> None:
        """Open a process that prevents the idle time-out, such as "remote-control"."""
        await self.command("open", session, process)

    async def close(self, session: str, process: str) -> None:
        """Close it."""
        await self.command("close", session, process)

    async def chat(self, session: str, text: str) -> None:
        """Write a line to all participants and the customer."""
        await self.command("chat", session, text)

    async def sync(self) -> None:
        """Return when every update up to now has been shown."""
        await self.command("sync")

    async def sees(self, session: str, status: str, timeout: float = 10) -> None:
        """Wait until the last status that the queue showed for the session is this one (real seconds).

        Raises NotSeen, an AssertionError and TimeoutError, with every console's view and every log's end; ValueError
        at once for what is no status, which no patience would bring.
        """
        if status not in labels("en"):
            raise ValueError(f"{status!r} is no status (possible: {', '.join(labels('en'))})")
        try:
            await self.program.until(
                lambda: True if self.status(session) == status else None, timeout=timeout, what=status
            )
        except TimeoutError:
            last = self.status(session) or "nothing"
            message = f"{self.name} saw {last!r} of session {session}, not {status!r}, within {timeout:g} s"
            raise NotSeen(message, self._report()) from None

    def status(self, session: str) -> str | None:
        """Return the last status that the queue showed, also if that is a removal; None if there was none."""
        return self._shown.get(session)

    def history(self, session: str) -> list[Update]:
        """Return all changes of status that the queue showed, oldest first."""
        return list(self._history.get(session, ()))

    @property
    def sessions(self) -> list[str]:
        """All sessions that the queue ever showed, oldest first."""
        return list(self._shown)

    def view(self) -> str:
        """Return, for a person, what the queue showed."""
        lines = [f"{self.name}'s queue:" if self._shown else f"{self.name}'s queue: nothing yet"]
        for session, status in self._shown.items():
            lines.append(f"  {session}: {status}")
            lines += [f"    {update}" for update in self._history.get(session, ())]
        return "\n".join(lines)

    def _whom(self, technician: str | Technician) -> str:
        account = technician.account if isinstance(technician, Technician) else self._names.of(technician)
        return f'"{account}"'

    def _hear(self, event: Event) -> None:
        if "reply" in event:
            self._replies[int(event["reply"])] = event
        elif event.get("event") == "entry":
            session = str(event["session"])
            self._shown[session] = str(event["status"])
            if not event.get("snapshot"):
                update = Update.read(event)
                self._history.setdefault(session, []).append(update)
                if update.row is not None:
                    rows_shown[update.row] += 1
