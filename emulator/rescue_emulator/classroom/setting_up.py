"""Making a class on the server, and removing it again. Both can be interrupted and repeated."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta

from rescue_client.admin import AdminClient, Organization
from rescue_emulator.classroom.model import BadClass, Classroom, Member, organized
from rescue_protos.errors import AlreadyExists, NotFound

Keep = Callable[[Classroom], None]


async def set_up(admin: AdminClient, classroom: Classroom, *, valid_for: timedelta, keep: Keep) -> Classroom:
    """Make everything of a class that is not there yet, and a code for everybody without one.

    `keep` stores the class as it grows, so that no secret is lost. Raises RescueError.
    """
    made = await _make_accounts(admin, classroom)
    keep(made)
    for member in made.members:
        if not member.code:
            made = made.with_member(await with_new_code(admin, member, valid_for=valid_for))
    made = replace(made, is_ready=True)
    keep(made)
    return made


async def with_new_code(admin: AdminClient, member: Member, *, valid_for: timedelta) -> Member:
    """Return a member with a new code; the former one becomes invalid. Raises RescueError."""
    issued = await admin.issue_join_code(member.account, valid_for=valid_for)
    return replace(member, code=issued.code, valid_until=issued.valid_until)


def require_free(organization: Organization, classroom: Classroom) -> None:
    """Raise BadClass if somebody or something on the server has a name that the class would use."""
    parts = [organized(classroom, group) for group in classroom.groups]
    taken = {name for group in organization.groups for name in (group.name, *group.technicians)}
    taken |= {channel.name for channel in organization.channels} | set(organization.administrators)
    wanted = {name for part in parts for name in (*part.groups, *part.technicians, *part.channels)}
    if both := sorted(wanted & taken):
        raise BadClass(
            f"the server has {both[0]!r} already, and class {classroom.name} would need that name: choose another"
        )


async def reset(admin: AdminClient, classroom: Classroom, groups: Iterable[str]) -> int:
    """End the sessions of these groups of a class; return how many there were. Raises RescueError."""
    technicians = [name for group in groups for name in organized(classroom, group).technicians]
    return (await admin.reset_sessions(technicians=technicians)).sessions


async def take_down(admin: AdminClient, classroom: Classroom) -> None:
    """End the sessions of a class, and remove its people, groups and channels from the server. Raises RescueError."""
    await reset(admin, classroom, classroom.groups)
    parts = [organized(classroom, group) for group in classroom.groups]
    await asyncio.gather(*(_if_there(admin.remove_channel(one)) for part in parts for one in part.channels))
    await asyncio.gather(*(_if_there(admin.remove_technician(one)) for part in parts for one in part.technicians))
    await asyncio.gather(*(_if_there(admin.remove_group(one)) for part in parts for one in part.groups))


async def _make_accounts(admin: AdminClient, classroom: Classroom) -> Classroom:
    secrets = dict(classroom.secrets)

    async def add_technician(account: str, home: str) -> None:
        if account in secrets:
            return
        try:
            secrets[account] = (await admin.add_technician(account, group=home)).secret
        except AlreadyExists:  # an interrupted run made it, and its secret was lost
            secrets[account] = (await admin.renew_secret(account)).secret

    parts = [organized(classroom, group) for group in classroom.groups]
    homes = [(home, group) for group, part in zip(classroom.groups, parts, strict=True) for home in part.groups]
    await asyncio.gather(*(_once(admin.add_group(home, tenant=group)) for home, group in homes))
    people = [one for part in parts for one in part.technicians.items()]
    await asyncio.gather(*(add_technician(account, home) for account, home in people))
    channels = [one for part in parts for one in part.channels.items()]
    await asyncio.gather(*(_once(admin.add_channel(channel, groups=served_by)) for channel, served_by in channels))
    return replace(classroom, secrets=secrets)


async def _once(adding: Awaitable[object]) -> None:
    with suppress(AlreadyExists):  # an interrupted run made it
        await adding


async def _if_there(removing: Awaitable[object]) -> None:
    with suppress(NotFound):  # an interrupted run removed it
        await removing
