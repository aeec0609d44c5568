"""Translation between the core's types and the contract's messages. Nothing is decided here."""

from __future__ import annotations

import hashlib
import re
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING

from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from rescue_common.causes import sentence
from rescue_common.emulated_time import LONGEST_PERIOD
from rescue_protos.errors import InvalidArgument
from rescue_protos.v1 import applet_pb2, clock_pb2, common_pb2, console_pb2
from rescue_server.clock import ClockState
from rescue_server.core.causes import Cause
from rescue_server.core.events import Process
from rescue_server.core.organization import Organization
from rescue_server.core.posting import PostFormat, PostSettings, without_secrets
from rescue_server.core.queue import QueueEntry
from rescue_server.core.session import EndReason, Session
from rescue_server.core.status import Status
from rescue_server.runtime.applet_orders import SessionView
from rescue_server.runtime.engine import Request
from rescue_server.runtime.watch import Revised
from rescue_server.settings import PERIODS, SessionSettings

if TYPE_CHECKING:
    from rescue_protos.v1.common_pb2 import Process as ProcessValue

_SHA256 = re.compile(r"[0-9a-f]{64}", re.ASCII)
_CHOSEN = frozenset({"secret", "sso_password"})
"""Fields of requests with passwords that somebody chose."""
REQUEST_ID_LENGTH = 64
_STATUS = {status: common_pb2.Status.Value(f"STATUS_{status.name}") for status in Status}
_PROCESS = {process: common_pb2.Process.Value(f"PROCESS_{process.name}") for process in Process}
_PROCESS_OF = {value: process for process, value in _PROCESS.items()}
_POST_FORMAT = {format: common_pb2.PostFormat.Value(f"POST_FORMAT_{format.name}") for format in PostFormat}
_POST_FORMAT_OF = {value: format for format, value in _POST_FORMAT.items()}
_ENDED = {reason: applet_pb2.EndReason.Value(f"END_REASON_{reason.name}") for reason in EndReason}


def request_of(principal: str, message: Message) -> Request:
    """Return who asked under which id, with a fingerprint of the message without passwords. Raises InvalidArgument."""
    request_id: str = message.request_id  # type: ignore[attr-defined]
    if not request_id or len(request_id) > REQUEST_ID_LENGTH:
        raise InvalidArgument.of("request_id", f"a random id of 1 to {REQUEST_ID_LENGTH} characters is needed")
    name, chosen = _fingerprinted(type(message))  # type: ignore[arg-type]  # a class can be hashed
    shown = message
    if chosen:
        shown = type(message)()
        shown.CopyFrom(message)
        for field in chosen:
            # A fingerprint is quick to compute, and is stored: passwords could be guessed by it.
            shown.ClearField(field)
    content = name + shown.SerializeToString(deterministic=True)
    return Request(principal=principal, id=request_id, fingerprint=hashlib.sha256(content).hexdigest())


@cache
def _fingerprinted(kind: type[Message]) -> tuple[bytes, frozenset[str]]:
    """Return the name of a kind of request, and its fields with passwords."""
    return kind.DESCRIPTOR.full_name.encode(), _CHOSEN.intersection(kind.DESCRIPTOR.fields_by_name)


def require_sha256(field: str, value: str) -> None:
    """Raise InvalidArgument if this is no SHA-256 as hexadecimal digits."""
    if not _SHA256.fullmatch(value):
        raise InvalidArgument.of(field, "a SHA-256 in hexadecimal digits is needed")


def timestamp(moment: datetime) -> Timestamp:
    """A moment for the wire."""
    message = Timestamp()
    message.FromDatetime(moment.astimezone(UTC))
    return message


def duration(period: timedelta) -> Duration:
    """A period for the wire."""
    message = Duration()
    message.FromTimedelta(period)
    return message


def period(field: str, message: Duration) -> timedelta:
    """A period from the wire. Raises InvalidArgument if it is none or longer than ten years."""
    try:
        found = message.ToTimedelta()
    except (ValueError, OverflowError):
        raise InvalidArgument.of(field, "this is no duration") from None
    if abs(found) > LONGEST_PERIOD:
        raise InvalidArgument.of(field, "longer than ten years")
    return found


def process_of(value: ProcessValue.ValueType) -> Process:
    """The process of the wire's number. Raises InvalidArgument."""
    if value not in _PROCESS_OF:
        raise InvalidArgument.of("process", f"there are {', '.join(process.value for process in Process)}")
    return _PROCESS_OF[value]


def status(shown: Status | None) -> common_pb2.Status.ValueType:
    """A status for the wire; STATUS_UNSPECIFIED if there is none."""
    return common_pb2.STATUS_UNSPECIFIED if shown is None else _STATUS[shown]


def entry(line: QueueEntry) -> common_pb2.QueueEntry:
    """A queue entry for the wire."""
    message = common_pb2.QueueEntry(
        session=line.session,
        status=_STATUS[line.status],
        customer=line.customer,
        channel=line.channel,
        pin=line.pin,
        created_at=timestamp(line.created_at),
        since=timestamp(line.since),
        comment=line.comment,
        introduced_by=line.introduced_by,
        lead_offered_to=line.lead_offered_to,
        processes=[_PROCESS[process] for process in line.processes],
        allowed=line.allowed,
        due_by=line.due_by,
    )
    if line.joined_at is not None:
        message.joined_at.CopyFrom(timestamp(line.joined_at))
    if line.due_at is not None:
        message.due_at.CopyFrom(timestamp(line.due_at))
    for one in line.participants:
        message.participants.add(technician=one.technician, status=_STATUS[one.status], lead=one.lead)
    return message


def cause(why: Cause) -> common_pb2.Cause:
    """A cause for the wire."""
    message = common_pb2.Cause(
        text=sentence(why),
        event=why.event,
        technician=why.technician,
        about=why.about,
        setting=why.setting,
        code=why.code,
        facts=why.facts,
    )
    if why.value is not None:
        message.setting_value.CopyFrom(duration(why.value))
    return message


def delta(revised: Revised) -> console_pb2.QueueDelta:
    """An update for the wire."""
    update = revised.update
    message = console_pb2.QueueDelta(revision=revised.revision, at=timestamp(update.at), cause=cause(update.cause))
    line = entry(update.entry) if update.entry is not None else None
    if update.alarm_due is not None:
        message.alarm.CopyFrom(console_pb2.IdleAlarm(session=update.session, due_at=timestamp(update.alarm_due)))
    elif update.status_changed:
        previous = _STATUS[update.previous] if update.previous is not None else common_pb2.STATUS_UNSPECIFIED
        message.status.CopyFrom(console_pb2.StatusChange(entry=line, previous=previous, row=update.row))
    elif update.chat_text:
        said = common_pb2.ChatLine(**{"from": update.chat_from}, text=update.chat_text)
        message.chat.CopyFrom(console_pb2.SessionChat(session=update.session, line=said, entry=line))
    elif update.lead_offered_by:
        offer = console_pb2.LeadOffer(session=update.session, **{"from": update.lead_offered_by}, entry=line)
        message.lead_offer.CopyFrom(offer)
    elif line is not None:
        message.entry.CopyFrom(line)
    return message


def view(shown: SessionView, settings: SessionSettings) -> applet_pb2.SessionView:
    """What the applet shows, for the wire."""
    return applet_pb2.SessionView(
        customer=shown.customer,
        lead=shown.lead,
        collaborators=shown.collaborators,
        on_hold=shown.on_hold,
        heartbeat_interval=duration(settings.heartbeat_interval),
    )


def ended(session: Session) -> applet_pb2.Ended:
    """Why the session is over, for the wire."""
    if session.end_reason is not None:
        return applet_pb2.Ended(reason=_ENDED[session.end_reason])
    return applet_pb2.Ended(reason=applet_pb2.END_REASON_TERMS_DECLINED)


def settings(values: SessionSettings, post: PostSettings | None = None) -> common_pb2.Settings:
    """Settings for the wire; a channel posts nothing."""
    message = common_pb2.Settings(terms=values.terms)
    for name in PERIODS:
        getattr(message, name).CopyFrom(duration(getattr(values, name)))
    if post is not None:
        message.post.start, message.post.end = without_secrets(post.start), without_secrets(post.end)
        message.post.format = _POST_FORMAT[post.format]
    return message


def settings_of(organization: Organization, owner: str) -> common_pb2.Settings:
    """The settings of "group:NAME" or "channel:NAME", for the wire. Raises NotFound."""
    kind, _, name = owner.partition(":")
    post = organization.posting_of(name) if kind == "group" else None
    return settings(organization.settings_of(owner), post)


def post_changes(message: common_pb2.Settings) -> dict[str, str]:
    """The fields of Post to URL that are set in a message. Raises InvalidArgument."""
    post = message.post
    found = {name: getattr(post, name) for name in ("start", "end") if post.HasField(name)}
    if post.format:
        if post.format not in _POST_FORMAT_OF:
            raise InvalidArgument.of("post-as", f"there are {' and '.join(PostFormat)}")
        found["format"] = _POST_FORMAT_OF[post.format].value
    return found


def changes(message: common_pb2.Settings, *, with_terms: bool) -> dict[str, timedelta | str]:
    """The settings that are set in a message. Raises InvalidArgument."""
    found: dict[str, timedelta | str] = {
        field.name: period(field.name.replace("_", "-"), value)
        for field, value in message.ListFields()
        if field.name in PERIODS
    }
    if with_terms:
        found["terms"] = message.terms
    return found


def reading(clock: ClockState) -> clock_pb2.ClockReading:
    """The clock, for the wire."""
    return clock_pb2.ClockReading(
        now=timestamp(clock.now), speed=clock.speed, standing=clock.standing, paused=clock.paused
    )
