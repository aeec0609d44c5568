"""The overview of all queues, asked of a real server."""

from __future__ import annotations

from contextlib import aclosing

import pytest

from rescue_client.connection import NO_WAIT, Connection
from rescue_client.overview import OverviewClient
from rescue_emulator import World
from rescue_protos.errors import PermissionDenied


async def test_an_administrator_sees_every_queue_and_each_change_of_one() -> None:
    async with World() as world:
        await world.technician("alice")
        async with (
            Connection.find(user="admin", server=world.address, data=world.data, timeout=NO_WAIT) as connection,
            aclosing(OverviewClient(connection).watch()) as states,
        ):
            first = await anext(states)
            assert [queue.technician for queue in first.queues] == ["alice", "bob", "carol", "dave"]
            assert [queue.technician for queue in first.queues if queue.connected] == ["alice"]
            bob = await world.technician("bob")
            session, _ = await bob.pin("Ms Vos")
            async for state in states:
                seen = {queue.technician: queue for queue in state.queues}
                if seen["bob"].entries:
                    break
            entry = seen["bob"].entries[0]
            assert (entry.session, entry.status, entry.customer) == (session, "Connecting", "Ms Vos")
            assert seen["alice"].entries == ()
            await world.admin.add_technician("erin", group="Network")
            async for state in states:
                if any(queue.technician == "erin" and queue.group == "Network" for queue in state.queues):
                    break


async def test_the_overview_goes_on_after_a_restart_of_the_server() -> None:
    async with (
        World() as world,
        Connection.find(user="admin", server=world.address, data=world.data, timeout=NO_WAIT) as connection,
        aclosing(OverviewClient(connection).watch()) as states,
    ):
        before = await anext(states)
        await world.server.kill()
        away = await anext(states)
        assert (away.online, away.queues) == (False, before.queues)
        await world.restart_server()
        back = await anext(states)  # with a token that the new server knows
        assert (back.online, back.queues) == (True, before.queues)


async def test_a_technician_may_not_look_into_other_queues() -> None:
    async with (
        World() as world,
        Connection.find(user="alice", server=world.address, data=world.data, timeout=NO_WAIT) as connection,
        aclosing(OverviewClient(connection).watch()) as states,
    ):
        with pytest.raises(PermissionDenied):
            await anext(states)
