"""getReport: a report of the area and range that were set, piece by piece."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

from rescue_api.calls import ApiCall
from rescue_api.nodes import NodeType, serves, technicians_below
from rescue_api.reports.areas import AREAS
from rescue_api.reports.book import Cells, ReportBook
from rescue_api.reports.settings import XML, ReportSettings
from rescue_api.reports.writing import as_text, as_xml
from rescue_api.words import MethodFailed, Word
from rescue_client.api_records import ChannelNode, EndedSession

NODE, CHANNEL = "NODE", "CHANNEL"
EXTERNAL = ("EXTERNALROOT", "EXTERNALTECH", "EXTERNALGROUP")
"""Kinds of nodes that the emulator has none of: their reports are empty."""

_Wanted = Callable[[EndedSession], bool]


async def get_report(call: ApiCall) -> AsyncIterator[str]:
    """Return the report. Its pieces raise RescueError."""
    settings = call.backend.report_settings.of(call.credential)
    wanted = _wanted(call)
    columns, rows = AREAS[settings.area].columns, _rows(call, settings, wanted)
    return as_xml(columns, rows) if settings.output == XML else as_text(columns, rows, settings.delimiter)


async def _rows(call: ApiCall, settings: ReportSettings, wanted: _Wanted | None) -> AsyncIterator[Cells]:
    area = AREAS[settings.area]
    if wanted is None or area.rows is None:
        return
    book = ReportBook.of(call.facts, settings)
    begin, end = settings.moments(call.facts.now)
    async for session in call.backend.client.ended(begin, end, with_log=area.needs_log):
        if wanted(session) and settings.has_room_for(session.began_at):
            for cells in area.rows(book, session):
                yield cells


def _wanted(call: ApiCall) -> _Wanted | None:
    """Return which sessions the node has; None if it has none. Raises MethodFailed."""
    kind = (call.given("nodetype") or NODE).upper()
    if kind in EXTERNAL:
        return None
    node = call.node("node")
    if kind not in (NODE, CHANNEL) or (kind == CHANNEL) is not (node.type is NodeType.CHANNEL):
        raise MethodFailed(Word.INVALID_NODE)
    if call.user.is_technician and node.id != call.user.node:
        raise MethodFailed(Word.NOT_LOGGED_IN_AS_ADMIN)
    if isinstance(node.of, ChannelNode):
        return lambda session: session.channel == node.name
    if node.type is NodeType.ROOT:
        return lambda session: True
    account, technicians = call.facts.account, technicians_below(call.facts.account, node)
    served = {channel.name for channel in account.channels if serves(account, channel, technicians)}

    def below(session: EndedSession) -> bool:
        # One that nobody led is of those who could have led it.
        if session.lead:
            return session.lead in technicians
        return session.channel in served if session.channel else session.creator in technicians

    return below
