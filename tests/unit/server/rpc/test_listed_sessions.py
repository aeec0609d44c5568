"""What the public API lists is kept up to date by looking at what changed, and is what a look at everything finds."""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any

from rescue_server.core import commands, decide
from rescue_server.rpc.listed_sessions import LISTED_AFTER_END, ListedSessions
from tests.unit.server.runtime.test_growth import FEW, NOON, House, house_of


def touch(listed: ListedSessions, session: str) -> None:
    applied: Any = SimpleNamespace(after=SimpleNamespace(id=session))
    listed.on_applied(applied)


def found_by_looking_at_everything(house: House, now: datetime) -> set[str]:
    return {
        session.id
        for session in house.engine.published.sessions.values()
        if session.ended_at is None or session.entries or now < session.ended_at + LISTED_AFTER_END
    }


async def test_it_is_what_a_look_at_everything_finds() -> None:
    for seed in range(20):
        chance, house, now = random.Random(seed), house_of(4), NOON
        listed = ListedSessions(house.engine)
        await listed.prepare()
        for _ in range(60):
            now += timedelta(minutes=chance.choice((0, 1, 30)))
            context = decide.Context(now=now, organization=house.engine.ahead.organization, in_focus=frozenset())
            open_ones = [one for one in house.engine.ahead.sessions.values() if one.entries]
            if open_ones and chance.random() < 0.6:
                session = chance.choice(open_ones)
                command = commands.EndSession(technician=next(iter(session.entries)), session=session.id)
                house.publish(*decide.decide(session, command, context))
                touch(listed, session.id)
            else:
                touch(listed, house.session("t499"))
            messages = listed.messages(now)
            assert {one.session for one in messages} == found_by_looking_at_everything(house, now)
            for one in messages:
                session = house.engine.published.sessions[one.session]
                assert one.in_queue == bool(session.entries)
        for session_id in list(house.engine.published.sessions)[:3]:
            house.engine.forget([session_id])
        assert {one.session for one in listed.messages(now)} == found_by_looking_at_everything(house, now)


async def test_an_answer_looks_at_what_changed_alone() -> None:
    house = house_of(FEW)
    listed = ListedSessions(house.engine)
    await listed.prepare()
    listed.messages(NOON)
    session = house.session("t499")
    touch(listed, session)
    house.steps.taken = 0
    assert len(listed.messages(NOON)) == len(house.engine.published.sessions)
    assert house.steps.taken <= 1


async def test_what_was_forgotten_while_the_clock_stands_takes_no_memory() -> None:
    house = house_of(2)
    listed = ListedSessions(house.engine)
    await listed.prepare()
    for _ in range(500):
        session = house.session("t499")
        house.end(session)
        touch(listed, session)
        listed.messages(NOON)
        house.engine.forget([session])
    assert {one.session for one in listed.messages(NOON)} == found_by_looking_at_everything(house, NOON)
    assert len(listed._over) < 100
