"""Post to URL by several servers: only the leader sends, and what it had not sent when it died the next one sends."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from rescue_emulator.world.cluster_programs import ClusterPrograms
from rescue_emulator.world.computer import Computer
from rescue_emulator.world.technician import Technician
from rescue_emulator.world.world import World
from tests.fakes.post_receiver import OK, SILENCE, PostReceiver
from tests.torture.machine import paused

pytestmark = pytest.mark.timeout(120)


@pytest.fixture
async def receiver(world: World) -> AsyncIterator[PostReceiver]:
    """A receiver of the posts of Support, which takes each one and says nothing."""
    async with PostReceiver(lambda post: SILENCE) as silent:
        there = {"post-start": silent.url("/start"), "post-end": silent.url("/end")}
        await world.admin.change_settings("group:Support", there)
        yield silent


async def begun(world: World, alice: Technician, customer: str) -> tuple[str, Computer]:
    """A session that has just become due to be posted."""
    session, pin = await alice.pin(customer)
    computer = await world.computer(pin=pin)
    await alice.start(session)
    return session, computer


async def test_the_next_leader_sends_what_is_under_way_and_what_waits_for_it_in_order(
    cluster: ClusterPrograms, world: World, receiver: PostReceiver
) -> None:
    alice = await world.technician("alice")
    session, _ = await begun(world, alice, "Ms Vos")
    [first] = await receiver.received(1)
    await alice.end(session)
    await cluster.kill_server()
    again = (await receiver.received(2))[1]
    assert (again.delivery, again.attempt, again.body) == (first.delivery, first.attempt, first.body)
    receiver.answer = lambda post: OK
    await cluster.start_dead()
    await cluster.kill_server()
    once_more, end = (await receiver.received(4))[2:]
    assert replace(once_more, headers=first.headers) == first, "the first of a session's posts comes before the second"
    assert (end.line, end.attempt) == ("POST /end HTTP/1.1", 1)

    await begun(world, alice, "Mr Berg")
    assert [post.line for post in (await receiver.received(5))[4:]] == ["POST /start HTTP/1.1"], "by one server only"


@pytest.mark.long
async def test_a_leader_that_wakes_up_when_another_one_leads_sends_nothing_more(
    cluster: ClusterPrograms, world: World, receiver: PostReceiver
) -> None:
    alice = await world.technician("alice")
    await begun(world, alice, "Ms Vos")
    await receiver.received(1)
    receiver.answer = lambda post: OK
    former = await cluster.next_leader()
    with paused(cluster.programs[former].pid):
        await begun(world, alice, "Mr Berg")  # by the next leader
        assert await cluster.next_leader() != former
        assert len(await receiver.received(3)) == 3, "that of Ms Vos again, that of Mr Berg once"
    await cluster.programs[former].event(lambda event: event.get("event") == "follows", 60)
    await begun(world, alice, "Ms Li")
    posts = await receiver.received(4)
    assert len({post.delivery for post in posts}) == 3
    assert len(posts) == 4
