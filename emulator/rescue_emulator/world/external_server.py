"""The people that a world brings along to a server that others use too, and how they leave it.

Each world gets a small organization of its own, so that worlds see nothing of each other but the clock.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import Mapping, Sequence

from rescue_client.admin import AdminClient
from rescue_common.processes.child import ProgramEnded
from rescue_emulator.world.people import CHANNELS, GROUPS, Names
from rescue_emulator.world.technician import CommandRefused, Technician
from rescue_protos.errors import RescueError
from rescue_protos.status_table import REMOVED, REMOVED_TIMED_OUT

_GONE = (None, REMOVED, REMOVED_TIMED_OUT)
_PATIENCE = 10.0  # real seconds for leaving


def fresh_names() -> Names:
    """Return names that no other world has."""
    return Names(suffix=secrets.token_hex(4))


async def arrive(admin: AdminClient, names: Names) -> Mapping[str, str]:
    """Make the organization, if its names are the world's own; return the secrets by account. Raises RescueError."""
    if not names.suffix:
        await admin.organization()  # so that a wrong address or secret is told now
        return {}
    for group in GROUPS:
        await admin.add_group(names.of(group))
    people = [(name, group) for group, members in GROUPS.items() for name in members]
    done = await asyncio.gather(
        *(admin.add_technician(names.of(name), group=names.of(group)) for name, group in people)
    )
    for name, groups in CHANNELS.items():
        await admin.add_channel(names.of(name), groups=map(names.of, groups))
    return {names.of(name): one.secret for (name, _), one in zip(people, done, strict=True)}


async def depart(admin: AdminClient, names: Names, technicians: Sequence[Technician]) -> None:
    """End the world's sessions and remove its people; what cannot be undone stays, under names nobody else has."""
    async with asyncio.timeout(_PATIENCE):
        for session in dict.fromkeys(session for technician in technicians for session in technician.sessions):
            await end_session(session, technicians)
        for name in (name for members in GROUPS.values() for name in members) if names.suffix else ():
            with contextlib.suppress(RescueError):
                await admin.remove_technician(names.of(name))


async def end_session(session: str, technicians: Sequence[Technician]) -> bool:
    """End a session for all, by what the technicians themselves can do; return whether it is over for them.

    A lead's or a waiting entry ends it; the others start it first. Ended entries are left to who has them.
    """
    for _ in technicians:
        left = [one for one in technicians if one.status(session) not in _GONE and one.program.status is None]
        if not left:
            return True
        for technician in left:
            for command in ("end", "start", "end"):
                try:
                    await technician.command(command, session)
                except (CommandRefused, ProgramEnded):
                    continue  # not from this status; what follows is, or a colleague's command was enough
                if command == "end":
                    break
        await asyncio.gather(*(one.sync() for one in left if one.program.status is None))
    return all(one.status(session) in _GONE or one.program.status is not None for one in technicians)
