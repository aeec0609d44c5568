"""A world on an external server: its own accounts there, and their removal.

Each such world creates a small organization of its own. Worlds on one server share nothing but the clock.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import Mapping, Sequence

from rescue_client.admin import AdminClient
from rescue_common.processes.child import ProgramEnded
from rescue_emulator.world.people import CHANNELS, GROUPS, AccountNames
from rescue_emulator.world.technician import CommandRefused, Technician
from rescue_protos.errors import RescueError
from rescue_protos.status_table import REMOVED, REMOVED_TIMED_OUT

_REMOVED_STATUSES = (None, REMOVED, REMOVED_TIMED_OUT)
_REMOVAL_TIMEOUT = 10.0  # real seconds


def unique_names() -> AccountNames:
    """Return names that no other world has."""
    return AccountNames(suffix=secrets.token_hex(4))


async def create_accounts(admin: AdminClient, names: AccountNames) -> Mapping[str, str]:
    """Create the world's organization, unless it uses the server's; return the secrets by account.

    Raises RescueError.
    """
    if not names.suffix:
        await admin.organization()  # a wrong address or secret is reported now
        return {}
    for group in GROUPS:
        await admin.add_group(names.account(group))
    people = [(name, group) for group, members in GROUPS.items() for name in members]
    done = await asyncio.gather(
        *(admin.add_technician(names.account(name), group=names.account(group)) for name, group in people)
    )
    for name, groups in CHANNELS.items():
        await admin.add_channel(names.account(name), groups=map(names.account, groups))
    return {names.account(name): one.secret for (name, _), one in zip(people, done, strict=True)}


async def remove_accounts(admin: AdminClient, names: AccountNames, technicians: Sequence[Technician]) -> None:
    """End the world's sessions and remove its technicians.

    The API cannot remove groups and channels: they stay, under names that no other world uses.
    """
    async with asyncio.timeout(_REMOVAL_TIMEOUT):
        for session in dict.fromkeys(session for technician in technicians for session in technician.sessions):
            await end_session(session, technicians)
        for name in (name for members in GROUPS.values() for name in members) if names.suffix else ():
            with contextlib.suppress(RescueError):
                await admin.remove_technician(names.account(name))


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
