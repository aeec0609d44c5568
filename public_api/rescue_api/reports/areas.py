"""The areas of reports: the columns of each, and the rows that it makes of sessions that are over."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from rescue_api.reports.book import Cells, ReportBook
from rescue_api.times import span
from rescue_client.api_records import EndedSession, TransferFacts

LOGIN, PERFORMANCE = 2, 4
FIELD_LABELS = ("Name", *(f"Custom field {number}" for number in range(1, 6)))
"""The titles of the custom fields, where the organization has no others."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportArea:
    """One area: `name` is that of SOAP. `rows` makes the rows of one session; None if sessions make none.

    `needs_log`: the rows have chat or notes.
    """

    name: str
    columns: tuple[str, ...]
    rows: Callable[[ReportBook, EndedSession], Iterator[Cells]] | None = None
    needs_log: bool = False


def _session(book: ReportBook, one: EndedSession) -> Iterator[Cells]:
    if one.started_at is None:
        return
    spent = one.spent
    yield (
        book.moment(one.started_at),
        book.moment(one.ended_at),
        book.moment(one.last_action_at),
        one.lead,
        book.person_node(one.lead),
        str(one.id),
        book.session_type(),
        book.status(one),
        *book.fields(one),
        one.tracking,
        one.address,
        "",
        book.tools(one),
        "",
        book.channel_node(one.channel),
        one.channel,
        "",
        span(spent.connecting),
        span(spent.waiting),
        span(spent.total),
        span(spent.active),
        span(spent.work),
        span(spent.hold),
        span(spent.transfer),
        span(spent.rebooting),
        span(spent.reconnecting),
        one.platform,
        "",
        book.group(one.lead),
        book.email(one.lead),
        "00:00:00",
    )


def _missed(book: ReportBook, one: EndedSession) -> Iterator[Cells]:
    if one.joined and one.started_at is None:
        yield (
            *_unanswered(book, one),
            *book.fields(one),
            one.tracking,
            one.address,
            book.channel_node(one.channel),
            one.channel,
            span(one.spent.waiting),
        )


def _failed(book: ReportBook, one: EndedSession) -> Iterator[Cells]:
    if not one.joined:
        yield (
            *_unanswered(book, one),
            book.fields(one)[0],
            one.address,
            book.channel_node(one.channel),
            one.channel,
            span(one.spent.connecting),
        )


def _unanswered(book: ReportBook, one: EndedSession) -> Cells:
    return (
        book.moment(one.created_at),
        book.moment(one.ended_at),
        str(one.id),
        book.session_type(),
        book.status(one),
    )


def _chat(book: ReportBook, one: EndedSession) -> Iterator[Cells]:
    if one.started_at is not None:
        yield (
            *_lasted(book, one),
            one.lead,
            book.person_node(one.lead),
            book.fields(one)[0],
            one.chat,
            one.notes,
        )


def _custom_fields(book: ReportBook, one: EndedSession) -> Iterator[Cells]:
    if one.started_at is not None:
        yield (
            *_lasted(book, one),
            *book.fields(one),
            one.tracking,
            one.lead,
            book.person_node(one.lead),
            book.group(one.lead),
            book.email(one.lead),
        )


def _lasted(book: ReportBook, one: EndedSession) -> Cells:
    return book.moment(one.started_at), book.moment(one.ended_at), span(one.spent.total), str(one.id)


def _transfers(book: ReportBook, one: EndedSession) -> Iterator[Cells]:
    for moved in one.transfers:
        yield (
            str(one.id),
            book.moment(moved.at),
            span(moved.waited),
            moved.technician,
            _name(moved.source),
            _name(_reached(moved)),
            moved.comment,
            span(moved.lasted),
        )


def _transfers_extended(book: ReportBook, one: EndedSession) -> Iterator[Cells]:
    for moved in one.transfers:
        reached = _reached(moved)
        source_group, target_group = _group(book, moved.source), _group(book, reached)
        yield (
            str(one.id),
            book.moment(moved.at),
            span(moved.waited),
            book.person_node(moved.technician),
            moved.technician,
            _node(book, moved.source),
            _name(moved.source),
            _node(book, reached),
            _name(reached),
            moved.comment,
            span(moved.lasted),
            book.group_node(source_group),
            source_group,
            book.group_node(target_group),
            target_group,
            one.chat,
        )


def _reached(moved: TransferFacts) -> str:
    """Return who picked it up; where it was to go if nobody did."""
    return f"technician:{moved.picked_up_by}" if moved.picked_up_by else moved.target


def _name(written: str) -> str:
    return written.partition(":")[2]


def _node(book: ReportBook, written: str) -> str:
    kind, _, name = written.partition(":")
    match kind:
        case "technician":
            return book.person_node(name)
        case "channel":
            return book.channel_node(name)
    return book.group_node(name)


def _group(book: ReportBook, written: str) -> str:
    kind, _, name = written.partition(":")
    return name if kind == "group" else book.group(name) if kind == "technician" else ""


_START, _END, _TOTAL = "Start Time", "End Time", "Total Time"
_ID, _WHO, _WHO_ID, _EMAIL, _GROUP = (
    "Session ID",
    "Technician Name",
    "Technician ID",
    "Technician Email",
    "Technician Group",
)
_CHANNEL = ("Channel ID", "Channel Name")
AREAS = {
    0: ReportArea(
        name="SESSION",
        columns=(
            _START,
            _END,
            "Last Action Time",
            _WHO,
            _WHO_ID,
            _ID,
            "Session Type",
            "Status",
            *FIELD_LABELS,
            "Tracking ID",
            "Customer IP",
            "Device ID",
            "Incident Tools Used",
            "Resolved Unresolved",
            *_CHANNEL,
            "Calling Card",
            "Connecting Time",
            "Waiting Time",
            _TOTAL,
            "Active Time",
            "Work Time",
            "Hold Time",
            "Time in Transfer",
            "Rebooting Time",
            "Reconnecting Time",
            "Platform",
            "Browser Type",
            _GROUP,
            _EMAIL,
            "Wrap Time",
        ),
        rows=_session,
    ),
    1: ReportArea(
        name="CUSTOMERSURVEY",
        columns=("Source", _ID, "Date", "Name", _WHO, _WHO_ID, _EMAIL),
    ),
    LOGIN: ReportArea(
        name="LOGIN",
        columns=("Login Time", "Logout Time", "Total Login Time", _WHO, _WHO_ID, _EMAIL, _GROUP, "IP Address"),
    ),
    3: ReportArea(
        name="MISSEDSESSIONS",
        columns=(
            _START,
            _END,
            _ID,
            "Session Type",
            "Status",
            *FIELD_LABELS,
            "Tracking ID",
            "Customer IP",
            *_CHANNEL,
            "Waiting Time",
        ),
        rows=_missed,
    ),
    PERFORMANCE: ReportArea(
        name="PERFORMANCE",
        columns=(
            _WHO,
            _WHO_ID,
            _EMAIL,
            _GROUP,
            "Date",
            "Total Login Time",
            "Number of Sessions",
            "Number of Sessions per Hour",
            "Average Pick-up Speed",
            "Average Duration",
            "Average Work Time",
            "Longest Session",
            "Total Active Time",
            "Total Work Time",
        ),
    ),
    5: ReportArea(
        name="CHATLOG",
        columns=(_START, _END, _TOTAL, _ID, _WHO, _WHO_ID, "Name", "Chat Log", "Notes"),
        rows=_chat,
        needs_log=True,
    ),
    6: ReportArea(
        name="CUSTOMFIELDS",
        columns=(_START, _END, _TOTAL, _ID, *FIELD_LABELS, "Tracking ID", _WHO, _WHO_ID, _GROUP, _EMAIL),
        rows=_custom_fields,
    ),
    7: ReportArea(
        name="TRANSFERREDSESSIONS",
        columns=(
            _ID,
            "Time of Transfer",
            "Waiting Time",
            "Transferred By",
            "Transferred From",
            "Transferred To",
            "Transfer Comment",
            "Time in Transfer",
        ),
        rows=_transfers,
    ),
    8: ReportArea(name="TECHNICIANSURVEY", columns=("Source", _ID, "Date", _WHO, _WHO_ID, _EMAIL)),
    9: ReportArea(name="COLLABORATIONCHATLOG", columns=(_ID, _START, _END, _WHO, _WHO_ID, "Chat Log")),
    10: ReportArea(
        name="FAILEDSESSIONS",
        columns=(
            _START,
            _END,
            _ID,
            "Session Type",
            "Status",
            "Name",
            "Customer IP",
            *_CHANNEL,
            "Connecting Time",
        ),
        rows=_failed,
    ),
    16: ReportArea(
        name="TRANSFERREDSESSIONSEXTENDED",
        columns=(
            _ID,
            "Time of Transfer",
            "Waiting Time",
            "Transferred By \u2013 Technician ID",
            "Transferred By",
            "Transferred From \u2013 Technician/Channel ID",
            "Transferred From",
            "Transferred To \u2013 Technician/Channel ID",
            "Transferred To",
            "Transfer Comment",
            "Time in Transfer",
            "Transferred From \u2013 Technician Group ID",
            "Transferred From \u2013 Technician Group",
            "Transferred To \u2013 Technician Group ID",
            "Transferred To \u2013 Technician Group",
            "Chatlog",
        ),
        rows=_transfers_extended,
        needs_log=True,
    ),
}
"""The areas by number."""

AREA_NAMES = {number: area.name for number, area in AREAS.items()}
"""The areas by number, as SOAP names them."""
