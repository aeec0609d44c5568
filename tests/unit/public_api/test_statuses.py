"""What the API shows of an entry: the specification's table, row by row."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from rescue_api.statuses import status_of
from rescue_client.api_records import AppletLink, EntryFacts, EntryLeft, EntryRole, SessionEnd, SessionFacts

NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)


def shown(
    role: EntryRole,
    link: AppletLink = AppletLink.CONNECTED,
    *,
    end: SessionEnd | None = None,
    left: EntryLeft | None = None,
    was_active: bool = True,
) -> tuple[str, str] | None:
    entry = EntryFacts(technician="alice", role=role, since=NOON, left=left)
    started = NOON if was_active else None
    session = SessionFacts(id=1001, created_at=NOON, link=link, end=end, started_at=started, entries=(entry,))
    status = status_of(session, entry)
    return status and (status.soap.removeprefix("SESSION_"), status.words)


def test_the_link_wins_over_the_role() -> None:
    for role in set(EntryRole) - {EntryRole.INVITED}:
        assert shown(role, AppletLink.AWAITING) == ("CONNECTING", "Connecting")
        assert shown(role, AppletLink.RECONNECTING) == ("CONNECTIONPROBLEM", "Reconnecting")
        assert shown(role, AppletLink.OFFLINE) == ("OFFLINE", "Offline")
        assert shown(role, AppletLink.REBOOTING) == ("REBOOTING", "Rebooting")


@pytest.mark.parametrize(
    ("role", "expected"),
    [
        (EntryRole.WAITING, ("WAITING", "Waiting")),
        (EntryRole.LEAD, ("PICKEDUP", "Active")),
        (EntryRole.COLLABORATOR, ("PICKEDUP", "Active")),
        (EntryRole.LEAD_ON_HOLD, ("ONHOLD", "On Hold")),
        (EntryRole.COLLABORATOR_ON_HOLD, ("ONHOLD", "On Hold")),
        (EntryRole.HELD_BY_LEAD, ("ONHOLD", "On Hold")),
        (EntryRole.OUTGOING, ("TRANSFERINGBUTNOTPICKEDUP", "Transferring")),
        (EntryRole.INCOMING, ("TRANSFERINGBUTNOTPICKEDUP", "Transferring")),
        (EntryRole.INVITED, None),
    ],
)
def test_an_entry_of_a_connected_session(role: EntryRole, expected: tuple[str, str] | None) -> None:
    assert shown(role) == expected


@pytest.mark.parametrize(
    ("end", "role", "was_active", "expected"),
    [
        (SessionEnd.ENDED_BY_TECHNICIAN, EntryRole.LEAD, True, ("CLOSEDBYTECHNICIAN", "Closed by technician")),
        (
            SessionEnd.CLOSED_BY_CUSTOMER,
            EntryRole.LEAD,
            True,
            ("CLOSEDBYACTIVECUSTOMER", "Closed by active customer"),
        ),
        (
            SessionEnd.CLOSED_BY_CUSTOMER,
            EntryRole.WAITING,
            False,
            ("CLOSEDBYWAITINGCUSTOMER", "Closed by waiting customer"),
        ),
        (
            SessionEnd.CLOSED_BY_CUSTOMER,
            EntryRole.LEAD_ON_HOLD,
            True,
            ("ONHOLDBUTCUSTOMERLEFT", "Closed by active customer"),
        ),
        (
            SessionEnd.CLOSED_BY_CUSTOMER,
            EntryRole.OUTGOING,
            False,
            ("CUSTOMERLEFTSESSION_DURINGTRANSFER_WITHOUTPICKUP", "Closed by customer"),
        ),
        (
            SessionEnd.CLOSED_BY_CUSTOMER,
            EntryRole.INCOMING,
            True,
            ("CUSTOMERLEFTSESSION_DURINGTRANSFER", "Closed by customer"),
        ),
        (SessionEnd.IDLE_TIMEOUT, EntryRole.LEAD, True, ("TIMEOUT_SESSIONIDLETECHSIDE", "Timed out")),
        (SessionEnd.WAITING_TIMEOUT, EntryRole.WAITING, False, ("WAITINGTIMEOUT_NOTPICKEDUP", "Timed out")),
        (SessionEnd.CONNECTING_TIMEOUT, EntryRole.WAITING, False, ("SYSTEMTIMEOUT_NOTPICKEDUP", "Timed out")),
        (SessionEnd.TERMS_DECLINED, EntryRole.WAITING, False, ("TERMSANDCONDITIONSDECLINED", "Closed by customer")),
    ],
)
def test_an_entry_of_a_session_that_is_over(
    end: SessionEnd, role: EntryRole, was_active: bool, expected: tuple[str, str]
) -> None:
    assert shown(role, end=end, left=EntryLeft.ENDED, was_active=was_active) == expected


def test_end_on_a_timed_out_entry_shows_who_closed_it() -> None:
    expected = ("TIMEOUT_SESSIONIDLETECHSIDE", "Timed out: closed by technician")
    assert shown(EntryRole.LEAD, end=SessionEnd.IDLE_TIMEOUT, left=EntryLeft.DISMISSED) == expected


def test_who_passed_a_session_on_sees_it_as_transferred_whatever_becomes_of_it() -> None:
    expected = ("CLOSED_TRANSFERREDANOTHERTECH", "Transferred")
    for end in (None, *SessionEnd):
        assert shown(EntryRole.OUTGOING, end=end, left=EntryLeft.PICKED_UP) == expected
