"""Watchers as positions in a bounded ring: what they are handed, what they cost, and whom they hold up."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

from hypothesis import given, settings
from hypothesis import strategies as st

from rescue_server.core.causes import Cause
from rescue_server.core.queue import QueueUpdate
from rescue_server.runtime.watch import BATCH, Watch

NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)


def update() -> QueueUpdate:
    return QueueUpdate(session="1001", at=NOON, cause=Cause(code="", event=""))


def publish(watch: Watch, count: int, *technicians: str) -> None:
    for _ in range(count):
        watch.publish(watch.revision + 1, {technician: update() for technician in technicians})


def test_a_watcher_gets_everything_once_in_order_and_in_pieces() -> None:
    watch = Watch(ring=1000)
    watcher = watch.open("alice", "c")
    publish(watch, 3 * BATCH, "alice")
    seen: list[int] = []
    while taken := watch.take(watcher):
        assert len(taken) <= BATCH
        seen += [revised.revision for revised in taken]
    assert seen == list(range(1, 3 * BATCH + 1))


def test_a_slow_watcher_costs_a_ring_and_no_more_and_is_told_that_it_fell_out() -> None:
    watch = Watch(ring=8)
    slow, quick = watch.open("alice", "slow"), watch.open("alice", "quick")
    for _ in range(100):
        publish(watch, 1, "alice", "bob")
        taken = watch.take(quick)
        assert taken is not None
        assert [revised.revision for revised in taken] == [watch.revision]
    assert len(watch._rings["alice"].updates) == 8
    assert watch.take(slow) is None
    assert watch.oldest_resumable("alice") == 92
    slow.after = 92
    taken = watch.take(slow)
    assert taken is not None
    assert [revised.revision for revised in taken] == list(range(93, 101))


def test_of_a_retired_technician_nothing_is_kept_but_that_there_was_something() -> None:
    watch = Watch()
    publish(watch, 3, "guest")
    watcher = watch.open("guest", "c")
    watcher.after = 1
    watch.disconnect("guest")
    watch.disconnect("nobody")
    assert not watch._rings["guest"].updates
    assert watch.take(watcher) is None  # another guest's console does not go on where this one's was
    assert watch.oldest_resumable("guest") == 3
    publish(watch, 1, "guest")
    watcher.after = 3
    assert [revised.revision for revised in watch.take(watcher) or []] == [4]


async def test_a_stuck_watcher_is_waited_for_once_and_again_when_it_has_moved() -> None:
    watch = Watch()
    stuck = watch.open("alice", "c")
    publish(watch, 1, "alice")
    await watch.settled(1, timeout=0.01)
    async with asyncio.timeout(5):
        await watch.settled(1, timeout=60)  # not again

    watch.take(stuck)
    watch.delivered(stuck)
    publish(watch, 1, "alice")
    waiting = asyncio.create_task(watch.settled(2, timeout=60))
    await asyncio.sleep(0)
    assert not waiting.done()
    watch.take(stuck)
    watch.delivered(stuck)
    async with asyncio.timeout(5):
        await waiting


@settings(deadline=None)  # the machine may be busy
@given(
    st.lists(st.sets(st.sampled_from(["alice", "bob"])), max_size=40),
    st.integers(0, 45),
    st.integers(1, 8),
)
def test_who_resumes_gets_just_what_followed_or_is_told_that_it_is_gone(
    happened: list[set[str]], after: int, ring: int
) -> None:
    watch = Watch(ring=ring)
    for technicians in happened:
        publish(watch, 1, *technicians)
    followed = [number for number, technicians in enumerate(happened, 1) if "alice" in technicians and number > after]
    watcher = watch.open("alice", "c")
    watcher.after = after
    if after <= len(happened) and len(followed) <= ring:
        assert [revised.revision for revised in watch.take(watcher) or []] == followed
        assert watch.take(watcher) == []
        assert watcher.after == len(happened)
    else:  # what followed fell out of the ring, or the revision is of the future
        assert watch.take(watcher) is None


async def test_only_what_concerns_a_watcher_is_waited_for() -> None:
    watch = Watch()
    watcher = watch.open("alice", "c")
    publish(watch, 3, "bob")
    async with asyncio.timeout(5):
        await watch.settled(3, timeout=60)
    publish(watch, 1, "alice")
    async with asyncio.timeout(5):
        await watch.settled(3, timeout=60)  # the fourth is not asked for
    assert watch.lag(watcher) == 1


def test_a_bookmark_is_wanted_of_the_watches_of_one_console_only() -> None:
    watch = Watch()
    mine, others = watch.open("alice", "mine"), [watch.open("alice", "other"), watch.open("bob", "mine")]
    watch.want_bookmarks("alice", "mine")
    assert mine.bookmark_wanted
    assert mine.news.is_set()
    assert not any(watcher.bookmark_wanted or watcher.news.is_set() for watcher in others)
