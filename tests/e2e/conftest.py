"""One world per module, its time standing still: starting processes is what costs. Each test has its own session."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest_asyncio

from rescue_emulator.world.computer import Computer
from rescue_emulator.world.technician import Technician
from rescue_emulator.world.world import World


@dataclass(frozen=True, slots=True)
class Office:
    """A world with the consoles of two technicians."""

    world: World
    alice: Technician
    bob: Technician

    async def call(self, **how: Any) -> tuple[str, Computer]:
        """A customer joins by a PIN of alice's: her entry is Waiting."""
        session, pin = await self.alice.pin("Jan")
        computer = await self.world.computer(pin=pin, **how)
        await self.alice.sees(session, "Waiting")
        return session, computer

    async def active(self, **how: Any) -> tuple[str, Computer]:
        """As `call`, and alice starts it."""
        session, computer = await self.call(**how)
        await self.alice.command("start", session)
        await self.alice.sees(session, "Active")
        return session, computer


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def office() -> AsyncIterator[Office]:
    async with World() as world:
        yield Office(world, await world.technician("alice"), await world.technician("bob"))
