"""Whoever follows refused learns whose command was refused, and why; technicians may not."""

from __future__ import annotations

from contextlib import aclosing

import pytest

from rescue_client import JournalClient
from rescue_client.connection import Connection
from rescue_common.state_directory import Access
from rescue_emulator.testing import CommandRefused, World
from rescue_protos.errors import PermissionDenied


async def test_a_refused_command_is_told_and_an_accepted_one_is_not() -> None:
    async with World() as host, host.share() as world:
        alice, bob = await world.technician("alice"), await world.technician("bob")
        async with aclosing(world.journal.watch_refused_commands("alice")) as found:
            assert await anext(found) == ()
            session, _ = await alice.pin("Ms Vos")
            for technician in (bob, alice):
                with pytest.raises(CommandRefused):
                    await technician.command("hold", session)
            [refusal] = await anext(found)
        assert (refusal.technician, refusal.session, refusal.method) == ("alice", session, "HoldSession")
        assert refusal.reason == "STEP_NOT_POSSIBLE"
        assert "hold" in refusal.message

        async with Connection.find(user="alice", secret=Access.read(host.data).secrets["alice"], data=host.data) as own:
            with pytest.raises(PermissionDenied):
                await anext(JournalClient(own).watch_refused_commands())
