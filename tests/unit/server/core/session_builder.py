"""Builds one session step by step, for tests that read like sentences."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import msgspec

from rescue_server.core import commands
from rescue_server.core.customer_side import (
    on_attach,
    on_customer_chat,
    on_going_down,
    on_goodbye,
    on_sign_of_life,
    on_terms,
    redeem_pin,
    start_through_channel,
)
from rescue_server.core.decide import Context, create_pin, decide, on_due, on_focus
from rescue_server.core.events import AnySessionEvent, Process
from rescue_server.core.organization import Organization
from rescue_server.core.queue import QueueUpdate, updates
from rescue_server.core.session import Session, apply
from rescue_server.core.status import Link
from rescue_server.core.timers import DeadlineKind, SessionDeadline, deadlines
from rescue_server.settings import SessionSettings

START = datetime.fromisoformat("2026-01-01T00:00:00+00:00")
GROUPS = {"alice": "Support", "bob": "Support", "carol": "Support", "dave": "Network", "erin": "Network"}
NO_TIME = timedelta(0)


class SessionBuilder:
    """One session and its technicians: alice, bob, carol of Support, dave and erin of Network. Both serve channel Web.

    `do("alice hold")` gives a command, `customer("down")` acts for the customer's side. `sees` has the status that each
    technician sees, `updates` the updates of each event.
    """

    def __init__(self, *, channel: str = "", **settings: timedelta | str) -> None:
        owners = ("group:Support", "group:Network", "channel:Web")
        self.organization = Organization(
            technicians=GROUPS,
            channels={"Web": ("Support", "Network")},
            settings=dict.fromkeys(owners, SessionSettings().changed(settings)),
        )
        self.now = START
        self.in_focus: frozenset[str] = frozenset()
        self.updates: list[dict[str, QueueUpdate]] = []
        self.events: list[AnySessionEvent] = []
        if channel:
            self._session: Session | None = None
            self.take(
                start_through_channel(
                    session="1", channel=channel, customer="Jan", ticket_hash="h", context=self.context
                )
            )
        else:
            self._session = None
            self.take(create_pin(session="1", technician="alice", pin="123456", customer="Jan", context=self.context))

    @property
    def session(self) -> Session:
        assert self._session is not None
        return self._session

    @property
    def context(self) -> Context:
        return Context(organization=self.organization, in_focus=self.in_focus, now=self.now)

    @property
    def sees(self) -> dict[str, str]:
        return {name: str(self.session.status_for(name)) for name in sorted(self.session.entries)}

    @property
    def last(self) -> dict[str, tuple[str, str]]:
        """What the last event changed in the queues: from which status to which."""
        return {
            name: (str(update.previous), str(update.entry.status))
            for name, update in self.updates[-1].items()
            if update.status_changed and update.entry is not None
        }

    def do(self, line: str) -> None:
        """A technician's command, in the words of the scripted console, without the session."""
        name, verb, *rest = line.split()
        who = {"technician": name, "session": "1"}
        word = rest[0] if rest else ""
        command: commands.AnyCommand
        match verb:
            case "start":
                command = commands.StartSession(**who)
            case "hold":
                command = commands.HoldSession(**who)
            case "transfer":
                command = commands.TransferSession(**who, target=word if ":" in word else f"technician:{word}")
            case "invite":
                command = commands.InviteTechnician(**who, invited=word)
            case "remove":
                command = commands.RemoveTechnician(**who, removed=word)
            case "offer":
                command = commands.OfferLead(**who, to=word)
            case "cancel":
                command = commands.CancelLeadOffer(**who)
            case "accept":
                command = commands.AcceptLead(**who)
            case "reboot":
                command = commands.RebootComputer(**who, order=word or "order")
            case "chat":
                command = commands.SendChatLine(**who, text="hello")
            case "note":
                command = commands.AddNote(**who, text="they called before")
            case "open":
                command = commands.OpenProcess(**who, process=Process(word))
            case "close":
                command = commands.CloseProcess(**who, process=Process(word))
            case _:
                command = commands.EndSession(**who)
        self.take(decide(self.session, command, self.context))

    def customer(self, what: str) -> None:
        """Act for the customer's side: redeem, attach (join, come back), accept, decline, down, close, chat, beat."""
        session, context = self.session, self.context
        match what:
            case "redeem":
                self.take(redeem_pin(session, ticket_hash="h", customer="", context=context))
            case "attach":
                self.take(on_attach(session, context))
            case "accept" | "decline":
                self.take(on_terms(session, accepted=what == "accept", context=context))
            case "down":
                self.take(on_going_down(session, order=session.reboot_order, context=context))
            case "close":
                self.take(on_goodbye(session, context))
            case "chat":
                self.take(on_customer_chat(session, text="hello", context=context))
            case "beat":
                self.take(on_sign_of_life(session, context))

    def link(self, link: Link) -> None:
        """Bring the connected link into this state."""
        match link:
            case Link.REBOOTING:
                self.customer("down")
            case Link.RECONNECTING | Link.OFFLINE:
                lost = SessionDeadline(self.now, DeadlineKind.RECONNECTING, "", "1", timedelta(minutes=1))
                self.take(on_due(self.session, lost))
                if link is Link.OFFLINE:
                    self.take(on_due(self.session, msgspec.structs.replace(lost, kind=DeadlineKind.OFFLINE)))

    def focus(self, name: str, on: bool) -> None:
        self.in_focus = self.in_focus | {name} if on else self.in_focus - {name}
        self.take(on_focus(self.session, technician=name, focused=on, context=self.context))

    def set(self, owner: str, **changes: timedelta | str) -> None:
        changed = {**self.organization.settings, owner: self.organization.settings_of(owner).changed(changes)}
        self.organization = replace(self.organization, settings=changed)

    def advance(self, *, minutes: float = 0, seconds: float = 0) -> list[str]:
        """Let time pass; return what fell due on the way: event, technician and seconds since the beginning."""
        until, fired = self.now + timedelta(minutes=minutes, seconds=seconds), []
        while (due := deadlines(self.session, self.organization)) and due[0].due <= until:
            self.now = max(due[0].due, self.now)
            self.take(on_due(self.session, msgspec.structs.replace(due[0], due=self.now)))
            if due[0].kind is not DeadlineKind.IDLE_ALARM:
                passed = f"{(self.now - START).total_seconds():g}"
                fired.append(" ".join(filter(None, (due[0].kind.name, due[0].technician, passed))))
        self.now = until
        return fired

    def take(self, events: list[AnySessionEvent]) -> None:
        for event in events:
            before, self._session = self._session, apply(self._session, event)
            self.updates.append(updates(before, event, self._session, self.organization))
            self.events.append(event)


def joined(**settings: Any) -> SessionBuilder:
    builder = SessionBuilder(**settings)
    builder.customer("redeem")
    builder.customer("attach")
    return builder


ROLES: dict[str, list[str]] = {
    # the role of bob's entry, and what leads to it from a session that has just joined (alice's entry is Waiting)
    "waiting": [],
    "lead": ["alice transfer bob", "bob start", "bob invite alice", "alice start"],
    "lead on hold": ["alice transfer bob", "bob start", "bob hold"],
    "incoming": ["alice transfer bob"],
    "outgoing": ["alice transfer bob", "bob transfer carol"],
    "collaborator": ["alice start", "alice invite bob", "bob start"],
    "collaborator on hold": ["alice start", "alice invite bob", "bob start", "bob hold"],
    "held by the lead": ["alice start", "alice invite bob", "bob start", "alice hold"],
    "invited": ["alice start", "alice invite bob"],
}


def with_role(role: str, link: Link = Link.CONNECTED) -> tuple[SessionBuilder, str]:
    """Build a session in which a technician has this role on this link; return both."""
    builder = joined()
    for line in ROLES[role]:
        builder.do(line)
    builder.link(link)
    return builder, "alice" if role == "waiting" else "bob"
