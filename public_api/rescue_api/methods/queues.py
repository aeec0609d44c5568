"""What queues hold, and who could take a call."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from rescue_api import sessions
from rescue_api.answers import Row
from rescue_api.calls import ApiCall
from rescue_api.nodes import NodeType, serves, technicians_below
from rescue_api.words import MethodFailed, Word
from rescue_client.api_records import ChannelNode
from rescue_common.emulated_time import END_OF_TIME


async def is_any_tech_available(call: ApiCall) -> Sequence[Row]:
    """Return whether somebody who serves the channel has a console."""
    channel = call.node("channelid", word=Word.INVALID_CHANNEL_ID).of
    if not isinstance(channel, ChannelNode):
        raise MethodFailed(Word.INVALID_CHANNEL_ID)
    call.holds_until = END_OF_TIME  # or until the facts change
    return ({"value": serves(call.facts.account, channel, call.facts.connected)},)


async def get_session_of_all(call: ApiCall) -> Sequence[Row]:
    """Return the sessions of a node; without one, of everybody whom the caller may see."""
    if call.names_node("node"):
        return await get_session(call)
    seen = {call.user.name} if call.user.is_technician else {person.name for person in call.facts.account.people}
    return _listed(call, sessions.rows_of_technicians(call.facts, frozenset(seen)))


async def get_session(call: ApiCall) -> Sequence[Row]:
    """Return the sessions of a technician, of everybody below a node, or of a channel."""
    kind = (call.given("noderef") or "NODE").upper()
    node = call.node("node")
    if (kind == "CHANNEL") is not (node.type is NodeType.CHANNEL) or kind not in ("NODE", "CHANNEL"):
        raise MethodFailed(Word.INVALID_NODE)
    if call.user.is_technician and node.id != call.user.node:
        raise MethodFailed(Word.NOT_LOGGED_IN_AS_ADMIN)
    if kind == "CHANNEL":
        return _listed(call, sessions.rows_of_channel(call.facts, node.name))
    return _listed(call, sessions.rows_of_technicians(call.facts, technicians_below(call.facts.account, node)))


def _listed(call: ApiCall, found: Iterable[tuple[Row, datetime]]) -> Sequence[Row]:
    listed = list(found)
    call.holds_until = sessions.same_until(call.facts)
    call.counts_from = [since for _, since in listed]
    return [row for row, _ in listed]
