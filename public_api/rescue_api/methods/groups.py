"""Technician groups, and the channels that they serve."""

from __future__ import annotations

from collections.abc import Sequence

from rescue_api.answers import Row
from rescue_api.calls import ApiCall
from rescue_api.methods.people import enabled_of, people_client
from rescue_api.nodes import NodeType
from rescue_api.words import MethodFailed, Word
from rescue_client.admin import AdminClient
from rescue_client.api_records import ChannelNode, GroupNode
from rescue_client.people import PeopleClient
from rescue_protos.errors import AlreadyExists, FailedPrecondition, InvalidArgument

_NO_LIMIT = 0


async def get_group(call: ApiCall) -> Sequence[Row]:
    """Return a technician group."""
    group = _group(call)
    row: Row = {
        "node": group.node,
        "name": group.name,
        "description": group.description,
        "type": NodeType.TECHNICIAN_GROUP.value,
        "permissions": group.permissions,
        "locked": group.locked_permissions,
        "enabled": group.enabled,
        "standard": _NO_LIMIT,
        "mobile": _NO_LIMIT,
        "rpat": _NO_LIMIT,
    }
    return (row,)


async def create_group(call: ApiCall) -> Sequence[Row]:
    """Add a technician group."""
    if call.node("parent").type is not NodeType.TECHNICIANS:
        raise MethodFailed(Word.INVALID_NODE)
    name, enabled = call.given("name"), enabled_of(call)
    async with call.backend.client.administration(call.user.name) as connection:
        try:
            await AdminClient(connection).add_group(name)
        except (AlreadyExists, InvalidArgument):
            raise MethodFailed(Word.INVALID_NAME) from None
    async with people_client(call) as people:
        await _describe(call, people, name, enabled=enabled)
    groups = (await call.backend.client.facts()).account.groups
    return ({"value": next(group.node for group in groups if group.name == name)},)


async def set_group(call: ApiCall) -> Sequence[Row]:
    """Change a technician group. What may be left out and is empty stays."""
    group, name, enabled = _group(call), call.given("name"), enabled_of(call)
    if not name:
        raise MethodFailed(Word.INVALID_NAME)
    async with people_client(call) as people:
        await _describe(call, people, group.name, enabled=enabled, name=name if name != group.name else None)
    return ()


async def assign_channel(call: ApiCall) -> Sequence[Row]:
    """Let a group serve a channel."""
    await _change_channel(call, Word.INVALID_ASSIGN, serves=True)
    return ()


async def unassign_channel(call: ApiCall) -> Sequence[Row]:
    """Let a group no longer serve a channel; another one must."""
    await _change_channel(call, Word.INVALID_DEASSIGN, serves=False)
    return ()


async def _describe(call: ApiCall, people: PeopleClient, group: str, *, enabled: bool, name: str | None = None) -> None:
    await people.change_group(
        group,
        name=name,
        description=call.one_line("description").strip() or None,
        permissions=call.given("permission") or None,
        locked_permissions=call.given("lockedpermission") or None,
        enabled=enabled,
    )


async def _change_channel(call: ApiCall, word: Word, *, serves: bool) -> None:
    group, channel = _group(call), call.node("entry", word=Word.INVALID_ENTRY).of
    if not isinstance(channel, ChannelNode):
        raise MethodFailed(Word.INVALID_ENTRY)
    async with call.backend.client.administration(call.user.name) as connection:
        try:
            await PeopleClient(connection).change_channel(channel.name, group=group.name, serves=serves)
        except (AlreadyExists, FailedPrecondition):
            raise MethodFailed(word) from None


def _group(call: ApiCall) -> GroupNode:
    found = call.node("node").of
    if not isinstance(found, GroupNode):
        raise MethodFailed(Word.INVALID_NODE)
    return found
