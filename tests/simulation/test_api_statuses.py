"""getSession is the queues through the specification's table: in random lives of sessions, at every revision."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from rescue_api.sessions import rows_of_technicians
from rescue_client.api import _session as read_session
from rescue_client.api_records import Account, Facts
from rescue_client.records import Status as Shown
from rescue_emulator.conformance.api_statuses import NO_ROW, allowed
from rescue_protos.errors import FailedPrecondition
from rescue_server.core import events
from rescue_server.core.customer_side import start_through_channel
from rescue_server.core.decide import Context, create_pin
from rescue_server.core.organization import Organization
from rescue_server.core.queue import updates
from rescue_server.core.session import Session, apply
from rescue_server.core.session_record import SessionRecord, follow
from rescue_server.core.status import LEADS, Link, Role, Status
from rescue_server.rpc import public_api_facts
from tests.simulation.state_space import START, TECHNICIANS, organization_of, steps_of

pytestmark = pytest.mark.no_cover
LIVES, STEPS = 40, 40
NOBODY = Account(people=(), groups=(), channels=(), authcodes={})

# The specification's table, written down a second time on purpose.
LOST = {Link.AWAITING: "Connecting", Link.RECONNECTING: "Reconnecting", Link.OFFLINE: "Offline"}
LOST[Link.REBOOTING] = "Rebooting"
HELD = (Role.LEAD_ON_HOLD, Role.COLLABORATOR_ON_HOLD, Role.HELD_BY_LEAD)
MOVING = (Role.OUTGOING, Role.INCOMING)
CONNECTED = {Role.WAITING: "Waiting", Role.LEAD: "Active", Role.COLLABORATOR: "Active"}
CONNECTED |= dict.fromkeys(HELD, "On Hold") | dict.fromkeys(MOVING, "Transferring")
CUSTOMER_CLOSED = {Role.WAITING: "Closed by waiting customer"} | dict.fromkeys(MOVING, "Closed by customer")
ENDS: dict[type, str] = {
    events.SessionEnded: "Closed by technician",
    events.IdleTimedOut: "Timed out",
    events.WaitingTimedOut: "Timed out",
    events.ConnectingTimedOut: "Timed out",
}


@dataclass
class Life:
    """One session, what the queues show of it, and what the table says of each technician who was in it."""

    organization: Organization
    session: Session | None = None
    record: SessionRecord = field(default_factory=SessionRecord)
    shown: dict[str, tuple[Status, Status | None]] = field(default_factory=dict)
    left: dict[str, str] = field(default_factory=dict)
    story: list[str] = field(default_factory=list)

    def happens(self, event: events.AnySessionEvent) -> None:
        self.story.append(type(event).__name__)
        before, self.session = self.session, apply(self.session, event)
        self.record = follow(self.record, before, event, self.session)
        for technician, update in updates(before, event, self.session, self.organization).items():
            if update.entry is not None and (update.status_changed or update.previous is None):
                self.shown[technician] = update.entry.status, update.previous
        if before is not None:
            self._leave(before, event, self.session)

    def _leave(self, before: Session, event: events.AnySessionEvent, after: Session) -> None:
        if before.ended_at is None and after.ended_at is not None:
            for technician, entry in before.entries.items():
                if entry.role is not Role.INVITED:
                    self.left[technician] = _end(event, entry.role, declined=before.declined)
        elif isinstance(event, events.EntryDismissed) and self.left.get(event.technician) == "Timed out":
            self.left[event.technician] = "Timed out: closed by technician"
        elif isinstance(event, events.SessionStarted) and before.entries[event.technician].role is Role.INCOMING:
            self.left |= {name: "Transferred" for name, one in before.entries.items() if one.role is Role.OUTGOING}

        if after.ended_at is None:  # who was given it again has a new entry, and the former one is forgotten
            self.left = {name: words for name, words in self.left.items() if name not in after.entries}

    def expected(self) -> dict[str, str]:
        session = self.session
        assert session is not None
        if session.ended_at is not None:
            return self.left
        here = {
            name: LOST.get(session.link) or CONNECTED[entry.role]
            for name, entry in session.entries.items()
            if entry.role is not Role.INVITED
        }
        return self.left | here


def _end(event: events.AnySessionEvent, role: Role, *, declined: bool) -> str:
    if declined and not isinstance(event, events.SessionEnded):
        return "Closed by customer"
    if isinstance(event, events.AppletClosed):
        return CUSTOMER_CLOSED.get(role, "Closed by active customer")
    return ENDS[type(event)]


def rows(life: Life) -> dict[str, tuple[str, bool]]:
    """What getSession shows of each technician: the status, and whether they lead."""
    assert life.session is not None
    facts = Facts(
        revision=1,
        now=START,
        connected=frozenset(),
        last_session=1,
        account=NOBODY,
        sessions=(read_session(public_api_facts.session(life.session, life.record)),),
    )
    found = rows_of_technicians(facts, frozenset(TECHNICIANS))
    return {str(row["technician"]): (str(row["status"]), bool(row["leads"])) for row, _ in found}


@pytest.mark.parametrize("count", [2, 3, 4])
@pytest.mark.parametrize("born", ["pin", "Web", "EngineState"])
def test_get_session_is_the_queues_through_the_table(count: int, born: str) -> None:
    for seed in range(LIVES):
        life = live(random.Random(f"{seed} {count} {born}"), count, born)
        for happened in life:
            compare(happened, f"seed {seed}: {', '.join(happened.story)}")


def live(chance: random.Random, count: int, born: str) -> Iterator[Life]:
    """Yield a session after each event of its life."""
    organization = organization_of(count)
    context = Context(organization=organization, in_focus=frozenset(), now=START)
    if born == "pin":
        first = create_pin(session="1", technician="alice", pin="123456", customer="", context=context)
    else:
        first = start_through_channel(session="1", channel=born, customer="", ticket_hash="hash", context=context)
    life, following = Life(organization), list(first)
    for _ in range(STEPS):
        for event in following:
            life.happens(event)
            yield life
        assert life.session is not None
        possible = [one for one in steps_of(life.session, context) if not isinstance(one, FailedPrecondition) and one]
        if not possible:
            return
        # Ends are frequent among what is possible, and would make most lives short.
        going_on = [one for one in possible if apply(life.session, one[0]).ended_at is None]
        following = chance.choice(going_on if going_on and chance.random() < 0.8 else possible)


def compare(life: Life, story: str) -> None:
    found, session = rows(life), life.session
    assert session is not None
    assert {name: words for name, (words, _) in found.items()} == life.expected(), story
    for technician, (_, leads) in found.items():
        entry = session.entries.get(technician)
        assert leads is (session.ended_at is None and entry is not None and entry.role in LEADS), story
    for technician, (status, previous) in life.shown.items():
        words = found[technician][0] if technician in found else NO_ROW
        possible = allowed(Shown(status), Shown(previous) if previous else None)
        assert words in possible, f"{technician}: {words} in {status} after {previous}; {story}"
