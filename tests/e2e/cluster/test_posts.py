"""Post to URL by several servers: what the leader had not sent when it was killed, the next one sends."""

from __future__ import annotations

import pytest

from rescue_emulator.world.cluster_programs import ClusterPrograms
from rescue_emulator.world.world import World
from tests.e2e.cluster.test_servers import cluster as cluster
from tests.e2e.cluster.test_servers import world as world
from tests.fakes.post_receiver import OK, SILENCE, PostReceiver

pytestmark = pytest.mark.timeout(120)


async def test_the_next_leader_sends_what_is_pending(cluster: ClusterPrograms, world: World) -> None:
    async with PostReceiver(lambda post: SILENCE) as receiver:
        await world.admin.change_settings("group:Support", {"post-start": receiver.url()})
        alice = await world.technician("alice")
        session, pin = await alice.pin("Ms Vos")
        await world.computer(pin=pin)
        await alice.start(session)
        [first] = await receiver.received(1)
        receiver.answer = lambda post: OK
        await cluster.kill_server()
        _, again = await receiver.received(2)
        assert (again.delivery, again.attempt, again.body) == (first.delivery, first.attempt, first.body)
