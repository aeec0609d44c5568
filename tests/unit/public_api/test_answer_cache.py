"""An answer is given again only while it would be written the same."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from rescue_api import sessions
from rescue_api.answer_cache import AnswerCache
from rescue_api.answers import as_text
from rescue_client.api_records import Account, AppletLink, EntryFacts, EntryRole, Facts, SessionEnd, SessionFacts

NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)
NOBODY = Account(people=(), groups=(), channels=(), authcodes={})
SHAPE = sessions.shape(6, "SESSION_V3")


def session(number: int, since: datetime, ended_at: datetime | None = None) -> SessionFacts:
    entry = EntryFacts(technician="alice", role=EntryRole.WAITING, since=since)
    return SessionFacts(
        id=number,
        created_at=since,
        link=AppletLink.CONNECTED,
        entries=(entry,),
        in_queue=ended_at is None,
        ended_at=ended_at,
        end=SessionEnd.ENDED_BY_TECHNICIAN if ended_at else None,
    )


def facts(*found: SessionFacts, now: datetime = NOON) -> Facts:
    return Facts(revision=1, now=now, connected=frozenset(), last_session=2000, account=NOBODY, sessions=tuple(found))


def text(of: Facts) -> str:
    return as_text(SHAPE, list(sessions.rows_of_technicians(of, frozenset({"alice"}))))


def test_an_answer_is_written_otherwise_exactly_when_it_is_said_to_be() -> None:
    chance = random.Random(3)
    for _ in range(200):
        waits = [session(1001 + n, NOON - timedelta(seconds=chance.uniform(-2, 4000))) for n in range(3)]
        over = session(1009, NOON - timedelta(hours=2), NOON - timedelta(minutes=chance.uniform(50, 70)))
        known = facts(*waits, over)
        until = sessions.changes_at(known)
        assert until > NOON
        just_before = until - timedelta(microseconds=1)
        assert text(replace(known, now=just_before)) == text(known)
        assert text(replace(known, now=until)) != text(known)


def test_it_is_kept_for_the_same_facts_until_then() -> None:
    cache, known = AnswerCache(), facts(session(1001, NOON))
    cache.keep("asked", known, NOON + timedelta(seconds=1), b"answer")
    assert cache.find("asked", replace(known, now=NOON + timedelta(seconds=0.9))) == b"answer"
    assert cache.find("asked otherwise", known) is None
    for other in (
        replace(known, now=NOON + timedelta(seconds=1)),
        replace(known, now=NOON - timedelta(seconds=1)),
        replace(known, connected=frozenset({"alice"})),
        replace(known, sessions=()),
        replace(known, account=replace(NOBODY, authcodes={"x": "alice"})),
    ):
        assert cache.find("asked", other) is None


def test_it_does_not_grow_without_bound() -> None:
    cache, known = AnswerCache(), facts()
    for number in range(1000):
        cache.keep(number, known, NOON + timedelta(days=1), b"answer")
    assert [number for number in range(1000) if cache.find(number, known)] == list(range(936, 1000))
