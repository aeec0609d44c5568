"""What is remembered of those who left a session."""

from __future__ import annotations

from rescue_server.core.session import Session, apply
from rescue_server.core.session_record import Left, SessionRecord, follow
from rescue_server.core.status import Role
from tests.unit.server.core.session_builder import START, SessionBuilder, joined


def recorded(built: SessionBuilder) -> SessionRecord:
    session: Session | None = None
    record = SessionRecord()
    for event in built.events:
        before, session = session, apply(session, event)
        record = follow(record, before, event, session)
    return record


def left(built: SessionBuilder) -> dict[str, tuple[Role, Left]]:
    return {name: (former.role, former.left) for name, former in recorded(built).former.items()}


def test_who_passed_a_session_on_is_remembered_when_it_is_picked_up() -> None:
    built = joined()
    built.do("alice start")
    built.do("alice transfer group:Network")
    assert left(built) == {}
    built.advance(minutes=1)
    built.do("dave start")
    assert left(built) == {"alice": (Role.OUTGOING, Left.PICKED_UP)}
    assert recorded(built).transferred_to == "group:Network"
    assert recorded(built).started_at == START


def test_who_takes_part_again_is_not_among_those_who_left() -> None:
    built = joined()
    for line in ("alice start", "alice transfer bob", "bob start", "bob transfer alice"):
        built.do(line)
    assert left(built) == {}
    built.do("alice start")
    assert left(built) == {"bob": (Role.OUTGOING, Left.PICKED_UP)}


def test_the_end_keeps_everybodys_last_role() -> None:
    built = joined()
    for line in ("alice start", "alice invite bob", "bob start", "alice hold"):
        built.do(line)
    built.customer("close")
    assert left(built) == {"alice": (Role.LEAD_ON_HOLD, Left.ENDED), "bob": (Role.HELD_BY_LEAD, Left.ENDED)}
    built.do("bob end")
    assert left(built)["bob"] == (Role.HELD_BY_LEAD, Left.DISMISSED)


def test_a_session_that_nobody_started_has_no_start() -> None:
    built = joined()
    built.do("alice end")
    assert recorded(built).started_at is None
    assert left(built) == {"alice": (Role.WAITING, Left.ENDED)}
