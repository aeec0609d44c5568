"""getSession: the rows of sessions, made from facts."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from rescue_api import times
from rescue_api.answer_cache import SECONDS
from rescue_api.answers import Column, Kind, Row, Shape, Style
from rescue_api.nodes import NodeDirectory
from rescue_api.statuses import SOAP_STATUSES, SessionStatus, status_of
from rescue_client.api_records import EntryFacts, EntryRole, Facts, SessionFacts
from rescue_common.emulated_time import END_OF_TIME

LISTED_AFTER_END = timedelta(hours=1)  # emulated
_CUSTOM_FIELDS = 6
_LEADS = (EntryRole.LEAD, EntryRole.LEAD_ON_HOLD)


def shape(fields: int, item: str) -> Shape:
    """Return the shape of getSession with so many custom fields."""
    custom = [
        Column(key=f"field{number}", title=f"Custom Field {number}", element=f"sCustomField{number}")
        for number in range(fields)
    ]
    columns = (
        Column(key="id", title="ID", element="iID", kind=Kind.INT),
        Column(key="status_code", element="bStatus", values=SOAP_STATUSES),
        Column(key="status", title="Status", element="sStatus"),
        Column(key="entry_id", title="Entry ID", element="iEntry", kind=Kind.INT),
        Column(key="entry", title="Entry", element="sEntry"),
        Column(key="technician_id", title="Technician ID", element="iTechnician", kind=Kind.INT),
        Column(key="technician", title="Technician", element="sTechnician"),
        Column(key="started", title="Start Time"),
        Column(key="started_exactly", element="sStartTime"),
        Column(key="waiting", title="Waiting Time", element="iWaitingTimeInSec", kind=Kind.INT),
        *custom,
        Column(key="language", title="Language", element="sLanguage"),
        Column(key="to", title="Transferred To", element="sTransferredTo"),
        Column(key="comment", title="Transferred Comment", element="sTransferredComment"),
        Column(key="is_lead", title="Is Lead Technician"),
        Column(key="leads", element="bIsLead", kind=Kind.BOOLEAN),
        Column(key="handing_off", title="HandingOff"),
        Column(key="hands_off", element="bHandingOff", kind=Kind.BOOLEAN),
    )
    return Shape(style=Style.TABLE, columns=columns, container="aSessions", item=item)


def rows_of_technicians(facts: Facts, technicians: frozenset[str]) -> Iterator[tuple[Row, datetime]]:
    """Yield a row for each entry of these technicians, by session, then technician; and since when it waits."""
    directory = NodeDirectory.of(facts)
    for session in _listed(facts):
        for entry in session.entries:
            if entry.technician in technicians and (status := status_of(session, entry)) is not None:
                yield _row(directory, session, entry, status, entry.technician), entry.since


def rows_of_channel(facts: Facts, channel: str) -> Iterator[tuple[Row, datetime]]:
    """Yield one row for each session of the channel; its technician is the lead, or nobody."""
    directory = NodeDirectory.of(facts)
    for session in _listed(facts):
        if session.channel != channel:
            continue
        shown = [(entry, status) for entry in session.entries if (status := status_of(session, entry)) is not None]
        shown.sort(key=lambda one: (one[0].role not in _LEADS, one[0].role is not EntryRole.OUTGOING))
        if shown:
            entry, status = shown[0]
            who = entry.technician if entry.role in _LEADS else ""
            yield _row(directory, session, entry, status, who), entry.since


def same_until(facts: Facts) -> datetime:
    """Return the moment from which a session is not listed any more although nothing has happened."""
    over = (session.ended_at + LISTED_AFTER_END for session in _listed(facts) if session.ended_at is not None)
    return min((moment for moment in over if facts.now < moment), default=END_OF_TIME)


def _listed(facts: Facts) -> Iterator[SessionFacts]:
    for session in facts.sessions:
        if session.ended_at is None or session.in_queue or facts.now < session.ended_at + LISTED_AFTER_END:
            yield session


def _row(directory: NodeDirectory, session: SessionFacts, entry: EntryFacts, status: SessionStatus, who: str) -> Row:
    fields = (*session.fields, *("",) * _CUSTOM_FIELDS)
    leads = bool(who) and entry.role in _LEADS and session.ended_at is None
    hands_off = bool(who) and session.lead_offered_to == who
    moving = entry.role in (EntryRole.OUTGOING, EntryRole.INCOMING) and entry.left is None
    began = session.started_at or session.created_at
    return {
        "id": session.id,
        "status_code": status.soap,
        "status": status.words,
        "entry_id": directory.channel_node(session),
        "entry": session.channel,
        "technician_id": directory.person_node(who) if who else 0,
        "technician": who,
        "started": times.minute(began),
        "started_exactly": times.second(began),
        "waiting": SECONDS,
        **{f"field{number}": fields[number] for number in range(_CUSTOM_FIELDS)},
        "language": session.language,
        "to": session.transferred_to if moving else "",
        "comment": session.transfer_comment if moving else "",
        "is_lead": "yes" if leads else "",
        "leads": leads,
        "handing_off": "yes" if hands_off else "",
        "hands_off": hands_off,
    }
