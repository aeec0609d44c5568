"""Refused commands are told to those who follow, and a follower that does not read costs bounded memory."""

from __future__ import annotations

from contextlib import aclosing
from datetime import UTC, datetime

from rescue_server.runtime.refused_commands import MOST_WAITING, Refused, RefusedCommands


def refused(number: int) -> Refused:
    return Refused(
        at=datetime(2026, 1, 5, tzinfo=UTC), technician="alice", session=str(number), method="", reason="", message=""
    )


async def test_a_follower_gets_what_is_refused_from_its_first_message_on() -> None:
    told = RefusedCommands()
    told.publish(refused(1))
    async with aclosing(told.follow()) as found:
        assert await anext(found) == ()
        told.publish(refused(2))
        assert [one.session for one in await anext(found)] == ["2"]
        assert told.is_followed
        told.drain()
        assert [one async for one in found] == []
    assert not told.is_followed


async def test_a_follower_that_does_not_read_keeps_the_newest() -> None:
    told = RefusedCommands()
    async with aclosing(told.follow()) as found:
        await anext(found)
        for number in range(MOST_WAITING + 7):
            told.publish(refused(number))
        waiting = await anext(found)
    assert (len(waiting), waiting[0].session) == (MOST_WAITING, "7")
