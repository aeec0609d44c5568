"""The core by property: technicians and customers do anything at any time, in any order.

Each change is a row of the table, and each refused command raises a typed error and changes nothing. The stored events,
read back from JSON, give the same session. There is never more than one lead. Periods end at their due times, in the
specified order.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import msgspec
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from rescue_protos.errors import CommandNotAllowed, FailedPrecondition, InvalidArgument, NotFound
from rescue_protos.status_table import read_rows
from rescue_server.core.allowed import allowed_commands
from rescue_server.core.commands import (
    AcceptLead,
    AddNote,
    AnyCommand,
    CancelLeadOffer,
    CloseProcess,
    EndSession,
    HoldSession,
    InviteTechnician,
    OfferLead,
    OpenProcess,
    RebootComputer,
    RemoveTechnician,
    SendChatLine,
    StartSession,
    TransferSession,
)
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
from rescue_server.core.queue import entry_of, updates
from rescue_server.core.session import Session, apply
from rescue_server.core.session_entry import is_held
from rescue_server.core.status import Link, Role
from rescue_server.core.timers import DeadlineKind, SessionDeadline, deadlines
from tests.simulation.spent_oracle import check_spent
from tests.simulation.state_space import START, TECHNICIANS, check, commands_of, organization_of

pytestmark = pytest.mark.no_cover  # counting lines would double the time of so many steps

PUBLISHED = {(row.row, row.start, row.end) for row in read_rows()}
OWNERS = ("group:Support", "group:Network", "channel:Web")
technicians = st.sampled_from(TECHNICIANS)
targets = st.sampled_from(
    [*(f"technician:{name}" for name in TECHNICIANS), "group:Support", "group:Network", "channel:Web", "group:None"]
)
moments = st.sampled_from([0, 1, 10, 30, 59, 60, 61, 119, 300]).map(lambda seconds: timedelta(seconds=seconds))
minutes = st.sampled_from([0, 1, 2, 5, 999]).map(lambda count: timedelta(minutes=count))


def given(make: Callable[..., AnyCommand], **fields: st.SearchStrategy[object]) -> st.SearchStrategy[AnyCommand]:
    return st.builds(make, technician=technicians, session=st.just("1"), **fields)


COMMANDS = st.one_of(
    given(StartSession),
    given(StartSession),
    given(HoldSession),
    given(TransferSession, target=targets, comment=st.sampled_from(["", "please", "two\nlines"])),
    given(InviteTechnician, invited=technicians),
    given(RemoveTechnician, removed=technicians),
    given(OfferLead, to=technicians),
    given(CancelLeadOffer),
    given(AcceptLead),
    given(RebootComputer, order=st.sampled_from(["a", "b"])),
    given(AddNote, text=st.sampled_from(["they called before", "", "x" * 2001])),
    given(SendChatLine, text=st.sampled_from(["hello", "", "x" * 2001])),
    given(OpenProcess, process=st.sampled_from(Process)),
    given(CloseProcess, process=st.sampled_from(Process)),
    given(EndSession),
)


class CoreAtRandom(RuleBasedStateMachine):
    """One session from its creation, its journal, and the time."""

    def __init__(self) -> None:
        super().__init__()
        self.organization: Organization = organization_of(4)
        self.now: datetime = START
        self.focused: frozenset[str] = frozenset({"alice"})
        self.journal: list[AnySessionEvent] = []
        self.session: Session | None = None

    @initialize(channel=st.sampled_from(["", "Web"]), idle=minutes, joins=st.booleans())
    def begin(self, channel: str, idle: timedelta, joins: bool) -> None:
        for owner in OWNERS:
            self._change(owner, waiting_timeout=timedelta(0), idle_timeout=idle)
        if channel:
            self._take(
                start_through_channel(
                    session="1", channel=channel, customer="Jan", ticket_hash="h", context=self.context
                )
            )
        else:
            self._take(create_pin(session="1", technician="alice", pin="123456", customer="", context=self.context))
            if joins:
                self._take(redeem_pin(self._session, ticket_hash="h", customer="Jan", context=self.context))
        if joins:
            self._take(on_attach(self._session, self.context))

    # What technicians do

    @rule(choices=st.lists(st.tuples(st.integers(0, 12), st.integers(0, 99)), min_size=1, max_size=4))
    def something_possible(self, choices: list[tuple[int, int]]) -> None:
        """Try all commands in order and take one that is allowed: most commands chosen at random are refused."""
        for kind, which in choices:
            found: dict[type, list[list[AnySessionEvent]]] = {}
            for technician in self._session.entries:
                for command in commands_of(self._session, technician, self.organization):
                    if not isinstance(command, EndSession):  # the other rules end sessions often enough
                        with contextlib.suppress(FailedPrecondition):
                            events = decide(self._session, command, self.context)
                            found.setdefault(type(command), []).append(events)
            if found:
                chosen = list(found.values())[kind % len(found)]
                self._take(chosen[which % len(chosen)])

    @precondition(lambda self: self.session.ended_at is not None)
    @rule(channel=st.sampled_from(["", "Web"]), idle=minutes)
    def another_customer_comes(self, channel: str, idle: timedelta) -> None:
        self.teardown()
        self.journal, self.session = [], None
        self.begin(channel, idle, joins=True)

    @rule(command=COMMANDS)
    def command(self, command: AnyCommand) -> None:
        before, refusal = self.session, None
        try:
            self._take(decide(self._session, command, self.context))
        except (FailedPrecondition, NotFound, InvalidArgument) as error:
            refusal = error
        if refusal is not None:
            assert self.session is before
            if isinstance(refusal, CommandNotAllowed):
                assert f"is {self._session.status_for(command.technician)}" in str(refusal)
                assert refusal.allowed == allowed_commands(self._session, command.technician)

    @precondition(lambda self: self.session is not None and self.session.ended_at is None)
    @rule(technician=technicians)
    def what_is_possible_is_not_refused(self, technician: str) -> None:
        """The offered commands without an object are accepted, the others are refused."""
        if technician not in self._session.entries:
            return
        offered = entry_of(self._session, technician, self.organization).allowed
        simple: dict[str, Callable[..., AnyCommand]] = {
            "start": StartSession,
            "hold": HoldSession,
            "end": EndSession,
            "lead cancel": CancelLeadOffer,
            "lead accept": AcceptLead,
        }
        for name, command in simple.items():
            accepted = True
            try:
                decide(self._session, command(technician=technician, session="1"), self.context)
            except FailedPrecondition:
                accepted = False
            assert accepted is (name in offered)

    @rule(technician=technicians)
    def focus(self, technician: str) -> None:
        self.focused ^= {technician}
        self._take(
            on_focus(self._session, technician=technician, focused=technician in self.focused, context=self.context)
        )

    # What the customer's side does

    @rule(terms=st.sampled_from(["", "Be nice."]))
    def redeem(self, terms: str) -> None:
        was = self._session
        if was.channel or was.joined_at is not None:
            return
        self._change(was.owner, terms=terms)
        validity = self.organization.settings_of(was.owner).private_code_validity
        usable = not was.is_redeemed and was.ended_at is None and self.now < was.created_at + validity
        try:
            events = redeem_pin(was, ticket_hash="h", customer="Jan", context=self.context)
        except FailedPrecondition:
            assert not usable
        else:
            assert usable
            self._take(events)

    @precondition(lambda self: self.session.is_redeemed)
    @rule(
        what=st.sampled_from(["attach", "attach", "accept", "decline", "heartbeat", "chat", "go down", "obey", "close"])
    )
    def customer(self, what: str) -> None:
        was, context = self._session, self.context
        match what:
            case "attach":
                self._take(on_attach(was, context))
                if was.link not in (Link.AWAITING, Link.CONNECTED) and was.ended_at is None:
                    assert self._session.link is Link.CONNECTED
            case "accept" | "decline":
                self._take(on_terms(was, accepted=what == "accept", context=context))
            case "heartbeat":
                self._take(on_sign_of_life(was, context))
                assert was.link is not Link.REBOOTING or self._session is was, "a heartbeat from before the reboot"
            case "chat":
                self._take(on_customer_chat(was, text="hello", context=context))
            case "go down" | "obey":
                self._take(on_going_down(was, order=was.reboot_order if what == "obey" else "", context=context))
                assert self._session is was or not any(entry.processes for entry in self._session.entries.values())
            case "close" if len(self.journal) > 20:
                self._take(on_goodbye(was, context))
                assert was.link is not Link.CONNECTED or self._session.ended_at is not None

    @precondition(lambda self: self.session.link is Link.CONNECTED and self.session.ended_at is None)
    @rule()
    def fall_silent(self) -> None:
        """The runtime owns the lease. Here it expires at any time, but in the order of the other deadlines."""
        period = self.organization.settings_of(self._session.owner).reconnect_period
        due = self.now + period
        self._pass_until(due - timedelta(microseconds=1))
        if self._session.link is Link.CONNECTED and self._session.ended_at is None:
            self.now = due
            lost = SessionDeadline(due, DeadlineKind.RECONNECTING, "", "1", period)
            self._take(on_due(self._session, lost))
            assert self._session.link.value == Link.RECONNECTING.value
            self._pass_until(due)

    # Time, and the Administration Center

    @rule(by=moments)
    def time_passes(self, by: timedelta) -> None:
        self._pass_until(self.now + by)

    @rule(owner=st.sampled_from(OWNERS), idle=minutes, waiting=minutes)
    def settings_change(self, owner: str, idle: timedelta, waiting: timedelta) -> None:
        self._change(owner, idle_timeout=idle, waiting_timeout=waiting)
        self._pass_until(self.now)

    # What holds after every step

    @invariant()
    def nobody_shares_the_lead(self) -> None:
        if self.session is not None:
            check(self.session)

    @invariant()
    def nothing_overdue_was_left(self) -> None:
        if self.session is not None:
            assert all(deadline.due > self.now for deadline in deadlines(self.session, self.organization))

    @invariant()
    def who_is_held_or_on_hold_does_not_idle(self) -> None:
        if self.session is None:
            return
        idling = {
            deadline.technician
            for deadline in deadlines(self.session, self.organization)
            if deadline.kind in (DeadlineKind.IDLE_LEAD, DeadlineKind.IDLE_COLLABORATOR)
        }
        for name in idling:
            entry = self.session.entries[name]
            assert entry.role in (Role.LEAD, Role.COLLABORATOR)
            assert not is_held(entry, self.session.link)
            assert self.session.link is not Link.REBOOTING

    def teardown(self) -> None:
        """The journal, read back from JSON, gives the same session; its figures add up."""
        if self.session is None:
            return
        check_spent(self.journal)
        stored = [msgspec.json.encode(event) for event in self.journal]
        read = [msgspec.json.decode(line, type=AnySessionEvent) for line in stored]
        assert read == self.journal
        replayed: Session | None = None
        for event in read:
            replayed = apply(replayed, event)
        assert replayed == self.session

    # Helpers

    @property
    def _session(self) -> Session:
        assert self.session is not None
        return self.session

    @property
    def context(self) -> Context:
        return Context(organization=self.organization, in_focus=self.focused, now=self.now)

    def _change(self, owner: str, **changes: timedelta | str) -> None:
        changed = {**self.organization.settings, owner: self.organization.settings_of(owner).changed(changes)}
        self.organization = replace(self.organization, settings=changed)

    def _take(self, events: list[AnySessionEvent]) -> None:
        """Apply and store; every change that a queue shows is a row, and no event changes a status silently."""
        for event in events:
            before, self.session = self.session, apply(self.session, event)
            self.journal.append(event)
            told = updates(before, event, self.session, self.organization)
            for name in self.session.entries:
                line = entry_of(self.session, name, self.organization)
                if name in told:
                    assert told[name].entry in (line, None), "technicians share an update that is not theirs"
                else:
                    assert before is not None
                    assert line == entry_of(before, name, self.organization)
            shown_before = {name: before.status_for(name) for name in before.entries} if before else {}
            shown_after = {name: self.session.status_for(name) for name in self.session.entries}
            for name in TECHNICIANS:
                old, new = shown_before.get(name), shown_after.get(name)
                if old is new:
                    assert name not in told or not told[name].status_changed
                    continue
                update = told[name]
                assert update.status_changed
                assert update.previous is old
                assert update.entry is not None
                assert new is None or update.entry.status is new
                assert old is None or (update.row, old, update.entry.status) in PUBLISHED

    def _pass_until(self, moment: datetime) -> None:
        """Let time pass: what is due is applied at its due time, in the order of the specification."""
        last: tuple[datetime, int] | None = None
        while True:
            due = [each for each in deadlines(self._session, self.organization) if each.due <= moment]
            if not due:
                break
            first = due[0]
            assert first == min(due, key=lambda each: (each.due, each.kind, each.technician))
            at = max(first.due, self.now)
            if last is not None:
                assert last <= (at, first.kind), "a period was applied before one that was due earlier"
            last = (at, first.kind) if at > self.now else None
            self.now = at
            self._take(on_due(self._session, msgspec.structs.replace(first, due=at)))
        self.now = max(self.now, moment)


CoreAtRandom.TestCase.settings = settings(
    max_examples=80, stateful_step_count=50, deadline=None, derandomize=True, database=None
)
TestCoreAtRandom = pytest.mark.timeout(300)(CoreAtRandom.TestCase)
