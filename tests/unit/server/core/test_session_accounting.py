"""What a session's time was spent on, step by step."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from rescue_server.core import events
from rescue_server.core.session import Session, apply
from rescue_server.core.session_accounting import SessionAccount
from rescue_server.core.session_record import SessionRecord, follow
from rescue_server.core.status import Role
from tests.unit.server.core.session_builder import START, SessionBuilder


def account_of(built: SessionBuilder) -> SessionAccount:
    session: Session | None = None
    record = SessionRecord()
    for event in built.events:
        before, session = session, apply(session, event)
        record = follow(record, before, event, session)
    return record.account


def seconds(built: SessionBuilder) -> dict[str, int]:
    spent = account_of(built).spent
    figures = {name: int(getattr(spent, name).total_seconds()) for name in spent.__struct_fields__}
    return {name: figure for name, figure in figures.items() if figure}


def test_each_second_counts_once_for_what_the_leading_entry_shows() -> None:
    built = SessionBuilder()
    built.advance(seconds=2)
    built.customer("redeem")
    built.advance(seconds=3)
    built.customer("attach")
    built.advance(seconds=7)
    built.do("alice start")
    built.advance(seconds=11)
    built.do("alice open remote-control")
    built.advance(seconds=13)
    built.do("alice close remote-control")
    built.do("alice hold")
    built.advance(seconds=17)
    built.do("alice start")
    built.do("alice transfer bob")
    built.advance(seconds=19)
    built.do("bob start")
    built.do("bob reboot")
    built.customer("down")
    built.advance(seconds=23)
    built.customer("attach")
    built.do("bob end")
    assert seconds(built) == {
        "connecting": 5,
        "waiting": 7,
        "active": 24,
        "work": 13,
        "hold": 17,
        "transfer": 19,
        "rebooting": 23,
    }
    account = account_of(built)
    assert account.spent.total == timedelta(seconds=24 + 17 + 19 + 23)
    assert (account.lead, account.last_role, account.tools) == ("bob", Role.LEAD, ("remote-control", "reboot"))
    assert account.last_action_at == built.now
    built.advance(minutes=1)
    assert built.session.ended_at is not None
    (moved,) = account.transfers
    assert (moved.technician, moved.source, moved.target, moved.to) == (
        "alice",
        "technician:alice",
        "technician:bob",
        "bob",
    )
    assert moved.over_at is not None
    assert (moved.waited, moved.over_at - moved.at) == (timedelta(seconds=7), timedelta(seconds=19))


def test_a_transfer_that_is_passed_on_is_over_and_one_that_is_taken_back_has_nobody() -> None:
    built = SessionBuilder()
    built.customer("redeem")
    built.customer("attach")
    for line in ("alice start", "alice transfer dave", "dave transfer bob"):
        built.do(line)
        built.advance(seconds=5)
    built.do("dave start")
    first, second = account_of(built).transfers
    assert (first.source, first.target, first.to) == ("technician:alice", "technician:dave", "")
    assert first.over_at == second.at == START + timedelta(seconds=10)
    assert (second.source, second.target, second.to) == ("technician:dave", "technician:bob", "")
    assert second.over_at == START + timedelta(seconds=15)


def test_what_waits_in_a_channel_is_transferred_from_the_channel() -> None:
    common: Any = {"session": "1", "at": START}
    made = events.SessionCreated(
        **common, owner="channel:Web", channel="Web", ticket_hash="h", entries=("alice", "bob")
    )
    moved = events.SessionTransferred(**common, technician="alice", target="group:Network", targets=("dave",))
    session, record = apply(None, made), SessionRecord()
    for event in (events.AppletJoined(**common), moved):
        before, session = session, apply(session, event)
        record = follow(record, before, event, session)
    assert [one.source for one in record.account.transfers] == ["channel:Web"]


def test_after_the_end_nothing_counts() -> None:
    built = SessionBuilder()
    built.customer("redeem")
    built.customer("attach")
    built.do("alice start")
    built.customer("close")
    built.advance(minutes=1)
    built.do("alice end")
    assert seconds(built) == {}
    assert account_of(built).last_role is Role.LEAD
    assert account_of(built).last_action_at == START
