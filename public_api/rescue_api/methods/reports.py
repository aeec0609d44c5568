"""getReport: a report of the area and range that were set, piece by piece."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import datetime

from rescue_api.calls import ApiCall
from rescue_api.nodes import NodeType, serves, technicians_below
from rescue_api.reports.areas import AREAS, FIELD_LABELS, LOGIN, PERFORMANCE
from rescue_api.reports.book import Cells, ReportBook
from rescue_api.reports.people_rows import PerformanceTally, login_row
from rescue_api.reports.settings import XML, ReportSettings
from rescue_api.reports.writing import as_text, as_xml
from rescue_api.words import MethodFailed, Word
from rescue_client.api_records import ChannelNode, EndedSession

NODE, CHANNEL = "NODE", "CHANNEL"
EXTERNAL = ("EXTERNALROOT", "EXTERNALTECH", "EXTERNALGROUP")
"""Kinds of nodes that the emulator has none of: their reports are empty."""


@dataclass(frozen=True, slots=True)
class _Below:
    """The technicians of a node, and whether a session is one of its own."""

    technicians: frozenset[str]
    has: Callable[[EndedSession], bool]


async def get_report(call: ApiCall) -> AsyncIterator[str]:
    """Return the report. Its pieces raise RescueError."""
    settings = call.report_settings
    below = _below(call)
    asked = (call.credential, call.given("node"), call.given("nodetype").upper(), settings.area)
    call.backend.limits.report((*asked, settings.moments(call.facts.now)))
    labels = dict(zip(FIELD_LABELS, call.facts.account.field_labels, strict=False))
    columns = [labels.get(title, title) for title in AREAS[settings.area].columns]
    rows = _rows(call, settings, below)
    return as_xml(columns, rows) if settings.output == XML else as_text(columns, rows, settings.delimiter)


async def _rows(call: ApiCall, settings: ReportSettings, below: _Below | None) -> AsyncIterator[Cells]:
    if below is None:
        return
    book = ReportBook.of(call.facts, settings)
    begin, end = settings.moments(call.facts.now)
    if settings.area == LOGIN:
        rows = _logins(call, book, below, begin, end)
    elif settings.area == PERFORMANCE:
        rows = _performance(call, book, below, begin, end)
    else:
        rows = _of_sessions(call, book, below, begin, end)
    async for cells in rows:
        yield cells


async def _of_sessions(
    call: ApiCall, book: ReportBook, below: _Below, begin: datetime, end: datetime
) -> AsyncIterator[Cells]:
    area = AREAS[book.settings.area]
    if area.rows is not None:
        async for session in _sessions(call, book, below, begin, end):
            for cells in area.rows(book, session):
                yield cells


async def _sessions(
    call: ApiCall, book: ReportBook, below: _Below, begin: datetime, end: datetime
) -> AsyncIterator[EndedSession]:
    with_log = AREAS[book.settings.area].needs_log
    async for session in call.backend.client.ended(begin, end, with_log=with_log):
        if below.has(session) and book.settings.has_room_for(session.began_at):
            yield session


async def _logins(
    call: ApiCall, book: ReportBook, below: _Below, begin: datetime, end: datetime
) -> AsyncIterator[Cells]:
    """Deliver the presences that began in the range and are over."""
    found = await call.backend.client.presences(begin, end)
    for one in sorted(found, key=lambda one: (one.since, one.technician)):
        fits = one.technician in below.technicians and begin <= one.since and book.settings.has_room_for(one.since)
        if fits and one.until is not None:
            yield login_row(book, one, one.until)


async def _performance(
    call: ApiCall, book: ReportBook, below: _Below, begin: datetime, end: datetime
) -> AsyncIterator[Cells]:
    now = call.facts.now
    tally = PerformanceTally(book, begin, min(end, now))
    for one in await call.backend.client.presences(begin, end):
        if one.technician in below.technicians:
            tally.add_presence(one, one.until or now)
    async for session in _sessions(call, book, below, begin, end):
        tally.add_session(session)
    for cells in tally.rows():
        yield cells


def _below(call: ApiCall) -> _Below | None:
    """Return what the node has; None if it has nothing. Raises MethodFailed."""
    kind = (call.given("nodetype") or NODE).upper()
    if kind in EXTERNAL:
        return None
    node = call.node("node")
    if kind not in (NODE, CHANNEL) or (kind == CHANNEL) is not (node.type is NodeType.CHANNEL):
        raise MethodFailed(Word.INVALID_NODE)
    if call.user.is_technician and node.id != call.user.node:
        raise MethodFailed(Word.NOT_LOGGED_IN_AS_ADMIN)
    account, technicians = call.facts.account, technicians_below(call.facts.account, node)
    if isinstance(node.of, ChannelNode):
        return _Below(frozenset(), lambda session: session.channel == node.name)
    if node.type is NodeType.ROOT:
        return _Below(technicians, lambda session: True)
    served = {channel.name for channel in account.channels if serves(account, channel, technicians)}

    def has(session: EndedSession) -> bool:
        # One that nobody led is of those who could have led it.
        if session.lead:
            return session.lead in technicians
        return session.channel in served if session.channel else session.creator in technicians

    return _Below(technicians, has)
