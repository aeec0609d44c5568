"""The public API for tests and scripts: a whole emulator as real processes.

    from rescue_emulator.testing import Status, World

    async with World() as world:
        alice = await world.technician("alice")
        session, pin = await alice.pin("Customer")
        computer = await world.computer(pin=pin)
        await alice.sees(session, Status.WAITING)

`SyncWorld` is the same without `await`. Under pytest, the fixtures `world` and `sync_world` give each test a world.
"""

from __future__ import annotations

from rescue_client.records import Entry, Participant, Process, Status
from rescue_common.processes.child import Program, ProgramEnded
from rescue_emulator.world.api import ApiUser, WorldApi
from rescue_emulator.world.computer import Computer
from rescue_emulator.world.errors import NoPublicApi, NotEntered, NotOwner, WrongEventLoop
from rescue_emulator.world.records import CreatedSession, StatusUpdate
from rescue_emulator.world.sync import SyncApi, SyncComputer, SyncTechnician, SyncWorld
from rescue_emulator.world.technician import CommandRefused, NotSeen, Technician
from rescue_emulator.world.world import World

__all__ = [
    "ApiUser",
    "CommandRefused",
    "Computer",
    "CreatedSession",
    "Entry",
    "NoPublicApi",
    "NotEntered",
    "NotOwner",
    "NotSeen",
    "Participant",
    "Process",
    "Program",
    "ProgramEnded",
    "Status",
    "StatusUpdate",
    "SyncApi",
    "SyncComputer",
    "SyncTechnician",
    "SyncWorld",
    "Technician",
    "World",
    "WorldApi",
    "WrongEventLoop",
]
