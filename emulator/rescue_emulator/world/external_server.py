"""A world on an external server: what it makes there for itself, and how it leaves nothing of that behind.

On a shared server each world creates a small organization of its own. Such worlds share nothing but the clock.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import warnings
from collections.abc import Sequence
from datetime import timedelta

from rescue_client.clock import ClockClient, ClockReading
from rescue_client.connection import Connection
from rescue_client.console import ConsoleClient
from rescue_client.overview import OverviewClient
from rescue_client.records import Entry
from rescue_common.processes.child import ProgramEnded
from rescue_common.state_directory import NoAccess
from rescue_emulator.world.belongings import Belongings
from rescue_emulator.world.own_clients import WorldAdmin, WorldFaults
from rescue_emulator.world.people import CHANNELS, GROUPS, AccountNames
from rescue_emulator.world.server_access import ServerAccess
from rescue_emulator.world.technician import CommandRefused, Technician
from rescue_emulator.world.timeline import Timeline
from rescue_protos.errors import FailedPrecondition, NotFound, RescueError, Unavailable
from rescue_protos.status_table import REMOVED, REMOVED_TIMED_OUT

_REMOVED_STATUSES = (None, REMOVED, REMOVED_TIMED_OUT)
_TIMEOUT = timedelta(seconds=5)  # an external server runs already, or does not exist
_LEAVING_TIMEOUT = 10.0  # real seconds
_ROUNDS = 3  # the second ends what the first could only start; the third removes entries that are left as Closed


def unique_names() -> AccountNames:
    """Return names that no other world has."""
    return AccountNames(suffix=secrets.token_hex(4))


async def create_accounts(access: ServerAccess, own: Belongings) -> None:
    """Create the world's organization, unless it uses the server's. Raises NoAccess and RescueError."""
    try:
        async with access.connect(_TIMEOUT) as connection:
            await _create_accounts(WorldAdmin(connection, own), own)
    except Unavailable as error:
        error.add_note(f"No server was found at {access.address}, where this world expects one: does it run there?")
        raise


async def _create_accounts(admin: WorldAdmin, own: Belongings) -> None:
    if not own.shares or own.outlasts:
        await admin.organization()  # a wrong address or secret is reported now
        return
    for group in GROUPS:
        await admin.add_group(group)
    people = [(name, group) for group, members in GROUPS.items() for name in members]
    await asyncio.gather(*(admin.add_technician(name, group=group) for name, group in people))
    for name, groups in CHANNELS.items():
        await admin.add_channel(name, groups=groups)
    own.timeline = Timeline()  # it tells what the test does from now on


async def leave(access: ServerAccess, own: Belongings) -> None:
    """Remove from an external server what a world made there, and restore what it changed; warn if that fails."""
    try:
        async with asyncio.timeout(_LEAVING_TIMEOUT), access.connect(_TIMEOUT) as connection:
            await _leave(connection, own, access)
    except Unavailable:
        pass  # the server has ended
    except (RescueError, NoAccess, TimeoutError) as error:
        warnings.warn(f"this world left something behind on {access.address}: {error}", stacklevel=2)


async def _leave(connection: Connection, own: Belongings, access: ServerAccess) -> None:
    admin = WorldAdmin(connection, own)
    await WorldFaults(connection, own).clear()
    await _end_sessions(connection, own, access)
    for owner, settings in own.settings.items():
        if own.outlasts or owner.partition(":")[2] not in (*own.groups, *own.channels):
            await admin.change_settings(owner, settings)
    if not own.outlasts:
        await _remove(admin, own)
    if own.pace is not None:
        await _restore_pace(ClockClient(connection), own.pace)


async def _remove(admin: WorldAdmin, own: Belongings) -> None:
    for remove, names in (
        (admin.remove_channel, own.channels),
        (admin.remove_technician, own.technicians),
        (admin.remove_group, own.groups),
    ):
        for name in list(names):
            with contextlib.suppress(NotFound):  # another administrator was quicker
                await remove(name)


async def _end_sessions(connection: Connection, own: Belongings, access: ServerAccess) -> None:
    """End the world's sessions, also those that none of its consoles shows."""
    for _ in range(_ROUNDS):
        left = await _queues(connection, own)
        for technician, entries in left.items():
            secret = own.secrets.get(technician)
            async with access.connect_as(technician, secret, timeout=connection.timeout) as connected:
                console = ConsoleClient(connected)
                for entry in entries:
                    await _end_entry(console, entry.session)
        if not left:
            return


async def _queues(connection: Connection, own: Belongings) -> dict[str, list[Entry]]:
    """Return the entries of the world's sessions, by technician."""
    async with contextlib.aclosing(OverviewClient(connection).watch()) as states:
        overview = await anext(states)
    people = () if own.outlasts else own.technicians  # who stays may have sessions of their own
    entries = {
        queue.technician: [
            entry for entry in queue.entries if queue.technician in people or entry.session in own.sessions
        ]
        for queue in overview.queues
    }
    return {technician: some for technician, some in entries.items() if some}


async def _end_entry(console: ConsoleClient, session: str) -> None:
    for command in (console.end, console.start, console.end):
        try:
            await command(session)
        except (FailedPrecondition, NotFound):
            continue  # not allowed in this status: try the next, or a colleague has ended it
        if command == console.end:
            return


async def _restore_pace(clock: ClockClient, found: ClockReading) -> None:
    await clock.set_speed(found.speed)
    if found.paused:
        await clock.pause()


async def end_session(session: str, technicians: Sequence[Technician]) -> bool:
    """End a session in every queue, by commands of its technicians; return True if no queue shows it any more.

    A lead ends the session, and a waiting entry can be ended at once; from other statuses it must be started first.
    """
    for _ in technicians:
        left = [one for one in technicians if _shows(one, session)]
        if not left:
            return True
        for technician in left:
            for command in ("end", "start", "end"):
                try:
                    await technician.command(command, session)
                except (CommandRefused, ProgramEnded):
                    continue  # not allowed in this status: try the next, or a colleague has ended it
                if command == "end":
                    break
        await asyncio.gather(*(one.sync() for one in left if one.program.status is None))
    return not any(_shows(one, session) for one in technicians)


def _shows(technician: Technician, session: str) -> bool:
    return technician.status(session) not in _REMOVED_STATUSES and technician.program.status is None
