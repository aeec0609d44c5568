"""An answer is given again only while it would be written the same."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from rescue_api import sessions
from rescue_api.answer_cache import SECONDS, AdmittedRequest, AnswerCache, TimedText
from rescue_api.answers import as_text
from rescue_client.api_records import Account, AppletLink, EntryFacts, EntryRole, Facts, SessionEnd, SessionFacts
from rescue_common.emulated_time import END_OF_TIME

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


def listed(of: Facts) -> TimedText:
    """Everything that getSession_v3 would say of alice's sessions."""
    found = list(sessions.rows_of_technicians(of, frozenset({"alice"})))
    return TimedText(as_text(SHAPE, [row for row, _ in found]), [since for _, since in found])


def text(of: Facts) -> bytes:
    return listed(of).at(of.now)[0]


def test_an_answer_is_given_again_as_it_would_be_written_anew() -> None:
    chance = random.Random(3)
    for _ in range(200):
        waits = [session(1001 + n, NOON - timedelta(seconds=chance.uniform(-2, 4000))) for n in range(3)]
        over = session(1009, NOON - timedelta(hours=2), NOON - timedelta(minutes=chance.uniform(50, 70)))
        known, cache = facts(*waits, over), AnswerCache()
        until = sessions.same_until(known)
        cache.keep("asked", known, until, listed(known))
        for _ in range(20):
            later = replace(known, now=NOON + timedelta(minutes=chance.choice((0.05, 15)) * chance.random()))
            found = cache.find("asked", later, later.now)
            assert found == (text(later) if later.now < until else None)
        assert until == END_OF_TIME or b"1009|" not in text(replace(known, now=until))


def test_a_text_says_when_it_will_be_written_otherwise() -> None:
    chance = random.Random(4)
    for _ in range(200):
        since = [NOON - timedelta(seconds=chance.uniform(-2, 4000)) for _ in range(3)]
        timed = TimedText(f"a {SECONDS} b {SECONDS} c {SECONDS}", since)
        now, until = timed.at(NOON)
        assert timed.at(until - timedelta(microseconds=1))[0] == now != timed.at(until)[0]
    assert TimedText("nothing counts").at(NOON) == (b"nothing counts", END_OF_TIME)


def test_a_customer_cannot_write_what_stands_for_seconds() -> None:
    waits = replace(session(1001, NOON), fields=("\ue000{0}%d%s",))
    assert b"|\xee\x80\x80{0}%d%s|" in text(facts(waits))
    assert len(SECONDS) == 32


def test_it_is_kept_for_the_same_facts_until_then() -> None:
    cache, known = AnswerCache(), facts(session(1001, NOON))
    cache.keep("asked", known, NOON + timedelta(seconds=1), TimedText("answer"))
    assert cache.find("asked", known, NOON + timedelta(seconds=0.9)) == b"answer"
    assert cache.find("asked otherwise", known, NOON) is None
    for other in (
        replace(known, now=NOON + timedelta(seconds=1)),
        replace(known, now=NOON - timedelta(seconds=1)),
        replace(known, connected=frozenset({"alice"})),
        replace(known, sessions=()),
        replace(known, account=replace(NOBODY, authcodes={"x": "alice"})),
    ):
        assert cache.find("asked", other, other.now) is None


def test_a_request_is_known_again_while_the_organization_is_the_same() -> None:
    cache = AnswerCache()
    request = AdmittedRequest(NOBODY, "getSession", "admin", "text/plain", "asked")
    cache.admit(b"/API/x.aspx", b"authcode=secret", request)
    assert cache.admitted(b"/API/x.aspx", b"authcode=secret", NOBODY) is request
    assert cache.admitted(b"/API/x.aspx", b"authcode=other", NOBODY) is None
    assert cache.admitted(b"/API/y.aspx", b"authcode=secret", NOBODY) is None
    assert cache.admitted(b"/API/x.aspx", b"authcode=secret", replace(NOBODY)) is None
    assert "secret" not in repr(cache)


def test_it_does_not_grow_without_bound() -> None:
    cache, known = AnswerCache(), facts()
    request = AdmittedRequest(NOBODY, "getSession", "admin", "text/plain", "asked")
    for number in range(1000):
        cache.keep(number, known, NOON + timedelta(days=1), TimedText("answer"))
        cache.admit(b"/", b"%d" % number, request)
    assert [number for number in range(1000) if cache.find(number, known, NOON)] == list(range(936, 1000))
    assert [number for number in range(1000) if cache.admitted(b"/", b"%d" % number, NOBODY)] == list(range(744, 1000))
