"""The client of the program that serves the public API: facts at one revision, and the codes of users."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from google.protobuf.timestamp_pb2 import Timestamp

from rescue_client.api_holding import Holding
from rescue_client.api_records import (
    Account,
    ApiFault,
    AppletLink,
    ChannelNode,
    ChatAndNotes,
    ConsoleTime,
    EndedSession,
    EntryFacts,
    EntryLeft,
    EntryRole,
    Facts,
    GroupNode,
    HandledRequest,
    Person,
    SessionEnd,
    SessionFacts,
)
from rescue_client.api_reports import ended_session
from rescue_client.connection import Connection
from rescue_client.console import ConsoleClient
from rescue_client.service import ServiceClient
from rescue_protos.v1 import applet_pb2, public_api_pb2_grpc
from rescue_protos.v1 import public_api_pb2 as pb

if TYPE_CHECKING:
    from rescue_protos.v1.public_api_pb2_grpc import PublicApiServiceAsyncStub

_TIMEOUT = 10.0  # real seconds
_ROLES = {pb.EntryRole.Value(f"ENTRY_ROLE_{role.name}"): role for role in EntryRole}
_LINKS = {pb.LinkState.Value(f"LINK_STATE_{link.name}"): link for link in AppletLink}
_LEFT = {pb.EntryLeft.Value(f"ENTRY_LEFT_{left.name}"): left for left in EntryLeft}
_ENDS = {applet_pb2.EndReason.Value(f"END_REASON_{end.name}"): end for end in SessionEnd}


class ApiClient:
    """`connection` is that of a companion: its user is empty, its secret the key that the server gave it.

    `connect` returns a connection of the companion as a user, for another who asked for it.
    """

    def __init__(self, connection: Connection, connect: Callable[[str, str], Connection]) -> None:
        self._connect = connect
        self._service: ServiceClient[PublicApiServiceAsyncStub] = ServiceClient(
            connection, public_api_pb2_grpc.PublicApiServiceStub, timeout=_TIMEOUT
        )
        self._known: Facts | None = None
        self._holding = Holding()
        self._next: asyncio.Task[Facts] | None = None
        self._sessions: dict[str, tuple[pb.SessionFacts, SessionFacts]] = {}

    def held(self) -> tuple[Facts, datetime] | None:
        """Return the facts that were read last, and the emulated time, if nothing has changed since."""
        now = None if self._known is None else self._holding.now()
        return None if self._known is None or now is None else (self._known, now)

    async def facts(self) -> Facts:
        """Return the facts as they are now, or later. Requests that wait at once share one call. Raises RescueError."""
        if (held := self.held()) is not None:
            return replace(held[0], now=held[1])
        running = self._next
        if running is not None:
            # It may have been answered from before this request; the one after it is not.
            await asyncio.wait([running])
        if self._next is None or self._next is running:
            self._next = asyncio.create_task(self._read())
        return await asyncio.shield(self._next)

    @asynccontextmanager
    async def console(self, technician: str, *, acts_for: str) -> AsyncIterator[ConsoleClient]:
        """Act as a technician, for the user who asked for it."""
        async with self._connect(technician, acts_for) as connection:
            yield ConsoleClient(connection)

    async def check_secret(self, user: str, secret: str, *, source: str) -> None:
        """Check a user's secret. Raises Unauthenticated; ResourceExhausted after too many wrong ones of the source."""
        request = pb.CheckSecretRequest(user=user, secret=secret, source=source)
        await self._service.call_once(lambda stub: stub.CheckSecret, request)

    async def check_sso_password(self, user: str, password: str, *, source: str) -> None:
        """Check the password with which users sign in by their SSO id. Raises what `check_secret` raises."""
        request = pb.CheckSsoPasswordRequest(user=user, password=password, source=source)
        await self._service.call_once(lambda stub: stub.CheckSsoPassword, request)

    @asynccontextmanager
    async def administration(self, administrator: str) -> AsyncIterator[Connection]:
        """Act as an administrator, who asked for it."""
        async with self._connect(administrator, administrator) as connection:
            yield connection

    async def issue_authcode(self, user: str, code_hash: str) -> None:
        """Keep the hash of a code that stands for the user. Raises RescueError."""
        request = pb.IssueAuthcodeRequest(request_id=str(uuid.uuid4()), user=user, code_hash=code_hash)
        await self._service.call_idempotent(lambda stub: stub.IssueAuthcode, request)

    async def change_report_settings(self, user: str, code_hash: str, changes: Mapping[str, str]) -> None:
        """Change what the reports are about that a code of the user asks for, in JSON by name. Raises RescueError."""
        request = pb.ChangeReportSettingsRequest(
            request_id=str(uuid.uuid4()), user=user, code_hash=code_hash, changes=changes
        )
        await self._service.call_idempotent(lambda stub: stub.ChangeReportSettings, request)

    async def session_log(self, session: int) -> ChatAndNotes | None:
        """Return what was said and noted in a session; None if there is no such session. Raises RescueError."""
        request = pb.ReadSessionLogRequest(session=str(session))
        log = await self._service.call_idempotent(lambda stub: stub.ReadSessionLog, request)
        if not log.found:
            return None
        return ChatAndNotes(chat=log.chat, notes=log.notes, participants=frozenset(log.participants))

    async def take_fault(self, method: str) -> ApiFault | None:
        """Return what a fault rule does to a call of a method, after its delay; None if nothing. Raises RescueError."""
        request = pb.TakeFaultRequest(method=method)
        async with aclosing(self._service.stream(lambda stub: stub.TakeFault, request)) as stream:
            async for fault in stream:
                if fault.word or fault.status or fault.cut:
                    return ApiFault(word=fault.word, status=fault.status, is_cut=fault.cut)
        return None

    async def ended(self, begin: datetime, end: datetime, *, with_log: bool = False) -> AsyncIterator[EndedSession]:
        """Deliver the sessions that are over and began in the range, in the order of their beginning.

        Raises RescueError.
        """
        request = pb.ReadEndedRequest(with_log=with_log)
        request.begin.FromDatetime(begin)
        request.end.FromDatetime(end)
        async with aclosing(self._service.stream(lambda stub: stub.ReadEnded, request)) as stream:
            async for portion in stream:
                for message in portion.sessions:
                    yield ended_session(message)

    async def report_requests(self, requests: Sequence[HandledRequest]) -> None:
        """Have requests logged and counted. Raises RescueError."""
        told = (
            pb.HandledRequest(method=one.method, soap=one.is_soap, word=one.word, user=one.user, seconds=one.seconds)
            for one in requests
        )
        await self._service.call_once(lambda stub: stub.ReportRequests, pb.ReportRequestsRequest(requests=told))

    async def presences(self, begin: datetime, end: datetime) -> list[ConsoleTime]:
        """Return when technicians had a console connected, as far as it overlaps a range. Raises RescueError."""
        request = pb.ReadPresencesRequest()
        request.begin.FromDatetime(begin)
        request.end.FromDatetime(end)
        async with aclosing(self._service.stream(lambda stub: stub.ReadPresences, request)) as stream:
            return [
                ConsoleTime(
                    technician=one.technician,
                    address=one.address,
                    since=_moment(one.since),
                    until=_moment(one.until) if one.HasField("until") else None,
                )
                async for one in stream
            ]

    async def _read(self) -> Facts:
        try:
            self._known = await self._fetch(self._known)
            return self._known
        finally:
            self._next = None

    async def _fetch(self, known: Facts | None) -> Facts:
        request = pb.ReadFactsRequest(known_revision=known.revision if known else 0)
        portions: list[pb.ReadFactsResponse] = []
        async with aclosing(self._service.stream(lambda stub: stub.ReadFacts, request)) as stream:
            portions.extend([portion async for portion in stream])
        first = portions[0]
        now, connected = _moment(first.now), frozenset(first.connected)
        self._holding.renew(first.validity, now)
        if known is not None and first.unchanged:
            return replace(known, now=now, connected=connected, faulted=frozenset(first.faulted))
        known_sessions = self._sessions
        self._sessions = {
            message.session: _translated(known_sessions.get(message.session), message)
            for portion in portions
            for message in portion.sessions
        }
        sessions = (session for _, session in self._sessions.values())
        return Facts(
            revision=first.revision,
            now=now,
            connected=connected,
            last_session=first.last_session,
            faulted=frozenset(first.faulted),
            account=_account(first.account),
            sessions=tuple(sorted(sessions, key=lambda session: session.id)),
        )


async def read_account(connection: Connection) -> Account:
    """Return the organization with its node ids, as an administrator. Raises RescueError."""
    service: ServiceClient[PublicApiServiceAsyncStub] = ServiceClient(
        connection, public_api_pb2_grpc.PublicApiServiceStub, timeout=_TIMEOUT
    )
    answer = await service.call_idempotent(lambda stub: stub.ReadAccount, pb.ReadAccountRequest())
    return _account(answer.account)


def _account(message: pb.Account) -> Account:
    return Account(
        people=tuple(_person(one) for one in message.people),
        groups=tuple(
            GroupNode(
                node=one.node,
                name=one.name,
                description=one.description,
                permissions=one.permissions,
                locked_permissions=one.locked_permissions,
                enabled=one.enabled,
            )
            for one in message.groups
        ),
        channels=tuple(ChannelNode(node=one.node, name=one.name, groups=tuple(one.groups)) for one in message.channels),
        authcodes={
            code_hash: user for codes in (message.authcodes, message.api_tokens) for user, code_hash in codes.items()
        },
        account_id=message.account_id,
        organization_name=message.organization_name,
        field_labels=tuple(message.field_labels),
        report_settings={one.code_hash: dict(one.values) for one in message.report_settings},
    )


def _person(message: pb.Person) -> Person:
    return Person(
        node=message.node,
        name=message.name,
        group=message.group,
        email=message.email,
        sso_id=message.sso_id,
        nick=message.nick,
        description=message.description,
        enabled=message.enabled,
        former_names=tuple(message.former_names),
    )


def _translated(
    known: tuple[pb.SessionFacts, SessionFacts] | None, message: pb.SessionFacts
) -> tuple[pb.SessionFacts, SessionFacts]:
    """Return a message with what it says; most say what they said before, and to compare is much quicker."""
    return known if known is not None and known[0] == message else (message, _session(message))


def _session(message: pb.SessionFacts) -> SessionFacts:
    return SessionFacts(
        id=int(message.session),
        created_at=_moment(message.created_at),
        link=_LINKS[message.link],
        channel=message.channel,
        fields=tuple(message.fields),
        started_at=_moment(message.started_at) if message.HasField("started_at") else None,
        entries=tuple(
            EntryFacts(
                technician=entry.technician,
                role=_ROLES[entry.role],
                since=_moment(entry.since),
                left=_LEFT.get(entry.left),
            )
            for entry in message.entries
        ),
        transferred_to=message.transferred_to,
        transfer_comment=message.transfer_comment,
        lead_offered_to=message.lead_offered_to,
        in_queue=message.in_queue,
        language=message.language,
        ended_at=_moment(message.ended_at) if message.HasField("ended_at") else None,
        end=_ENDS.get(message.end),
    )


def _moment(message: Timestamp) -> datetime:
    return message.ToDatetime(tzinfo=UTC)
