"""What full screens are told in these tests: one busy queue, word for word, and a client that delivers it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from rescue_client.clock import ClockReading
from rescue_client.connection import Connection
from rescue_client.records import (
    Cause,
    ChatReceived,
    Colleague,
    Directory,
    Entry,
    EntryChanged,
    LeadOfferReceived,
    Participant,
    PinCreated,
    Process,
    Snapshot,
    Status,
    Update,
)

SNAPSHOTS = Path(__file__).parent / "snapshots"
SIZES = ("80x24", "200x60")
NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


class Scripted:
    """What a console hears, word for word and at one moment of the clock, so that its pictures never differ."""

    technician = "alice"

    def __init__(self, *updates: Update, now: datetime) -> None:
        self._updates = updates
        self._now = now
        self.connection = Connection("127.0.0.1:1", user=self.technician, secret="")  # nobody leads exercises there
        self.focus: list[bool] = []

    async def watch(self) -> AsyncGenerator[Update, None]:
        for update in self._updates:
            yield update
        await asyncio.Event().wait()

    async def watch_clock(self) -> AsyncGenerator[ClockReading | None, None]:
        yield ClockReading(now=self._now, speed=0)
        await asyncio.Event().wait()

    async def directory(self) -> Directory:
        staff = (("alice", "Support", True), ("bob", "Support", True), ("carol", "Support", False))
        people = (*staff, ("dave", "Network", True))
        return Directory(
            technicians=tuple(Colleague(name=name, group=group, connected=there) for name, group, there in people),
            groups=("Network", "Support"),
            channels=("Web",),
        )

    async def create_pin(self, customer: str = "") -> PinCreated:
        return PinCreated(revision=99, session="1012", pin="480315", valid_for=timedelta(minutes=20))


def busy_queue(seconds: int = 0) -> tuple[Update, ...]:
    """A queue in which a good deal has happened; the last thing to happen is session 1007's."""
    story = Story()
    story.add("1004", Status.WAITING, 0, "SessionCreated", customer="Jan de Vries", due=timedelta(minutes=14))
    story.add("1005", Status.INVITATION, 60, "TechnicianInvited", customer="Els", introduced_by="bob", others=("bob",))
    comment = "Printer does not print; drivers are fresh"
    story.add("1006", Status.INCOMING, 90, "SessionTransferred", customer="Piet", introduced_by="dave", comment=comment)
    story.add("1007", Status.CONNECTING, 120, "SessionCreated", customer="Sanne Jansen", pin="")
    story.add("1007", Status.WAITING, 180, "AppletJoined", row=1)
    possible = ("hold", "transfer", "invite", "remove", "lead offer", "reboot", "chat", "note", "open", "close", "end")
    story.add("1007", Status.ACTIVE, 240, "SessionStarted", row=3, allowed=possible, lead=True)
    story.add("1007", Status.RECONNECTING, 420, "LinkLost", row=12, allowed=("remove", "end"), lead=True)
    processes = (Process.REMOTE_CONTROL,)
    story.add("1007", Status.ACTIVE, 480, "LinkRestored", row=22, allowed=possible, lead=True, processes=processes)
    story.add("1008", Status.TIMED_OUT, 500, "IdleTimedOut", customer="Karim", row=9, allowed=("end",))
    story.chat("1007", "", "It is back, I think.")
    story.chat("1007", "alice", "Good. I will have a look at your printer now.")
    story.chat("1007", "bob", "Mind the spooler.")
    return tuple(story.updates)


SETTINGS = {
    "LinkLost": ("reconnect-period", timedelta(seconds=60)),
    "IdleTimedOut": ("idle-timeout", timedelta(minutes=1)),
}
ABOUT = {"TechnicianInvited": "alice", "SessionTransferred": "technician:alice", "LeadOffered": "alice"}
TOLD = {
    "SessionCreated": "alice created a PIN",
    "TechnicianInvited": "bob invited alice",
    "SessionTransferred": "dave transferred the session to technician alice",
    "AppletJoined": "the customer's applet joined",
    "SessionStarted": "alice clicked Start session",
    "LinkLost": "the applet has been silent for the reconnect period",
    "LinkRestored": "the applet is back",
    "IdleTimedOut": "alice did nothing for the active session idle time-out",
    "LeadOffered": "bob offered the lead status to alice",
}


class Story:
    """Updates as a server would send them."""

    def __init__(self) -> None:
        self.updates: list[Update] = [Snapshot(revision=1, at=NOON, entries=())]
        self._last: dict[str, Entry] = {}

    def add(self, session: str, status: Status, second: int, event: str, **facts: Any) -> None:
        before = self._last.get(session)
        at = NOON + timedelta(seconds=second)
        participants = [Participant(technician="alice", status=status, lead=bool(facts.get("lead")))]
        for name in facts.get("others", ("bob",) if facts.get("lead") else ()):
            participants.append(Participant(technician=name, status=Status.COLLABORATING))
        due = facts.get("due")
        entry = Entry(
            session=session,
            status=status,
            customer=facts.get("customer") or (before.customer if before else ""),
            pin=facts.get("pin", ""),
            created_at=before.created_at if before else at,
            since=at,
            joined_at=None if status is Status.CONNECTING else at,
            participants=tuple(participants),
            comment=facts.get("comment", ""),
            introduced_by=facts.get("introduced_by", ""),
            lead_offered_to=facts.get("lead_offered_to", ""),
            processes=facts.get("processes", ()),
            allowed=facts.get("allowed", ("start", "transfer", "reboot", "end")),
            due_at=at + due if due else None,
            due_by="waiting-timeout" if due else "",
        )
        setting, value = SETTINGS.get(event, ("", None))
        technician = facts.get("introduced_by") or "alice"
        cause = Cause(
            text=TOLD[event],
            event=event,
            code=event,
            technician=technician,
            about=ABOUT.get(event, ""),
            setting=setting,
            setting_value=value,
        )
        self._last[session] = entry
        self.updates.append(
            EntryChanged(
                revision=len(self.updates) + 1,
                at=at,
                cause=cause,
                entry=entry,
                previous=before.status if before else None,
                row=facts.get("row"),
            )
        )

    def offer(self, session: str, sender: str) -> None:
        cause = Cause(
            text=TOLD["LeadOffered"],
            event="LeadOffered",
            code="LeadOffered",
            technician=sender,
            about=ABOUT["LeadOffered"],
        )
        at = NOON + timedelta(seconds=510)
        self.updates.append(
            LeadOfferReceived(revision=len(self.updates) + 1, at=at, cause=cause, session=session, sender=sender)
        )

    def chat(self, session: str, sender: str, text: str) -> None:
        at = NOON + timedelta(seconds=505)
        revision = len(self.updates) + 1
        self.updates.append(ChatReceived(revision=revision, at=at, session=session, sender=sender, text=text))
