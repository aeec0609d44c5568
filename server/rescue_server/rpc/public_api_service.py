"""The side of the contract that the program of the public API calls: facts at one revision, and its users' codes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Protocol

from rescue_protos.v1 import public_api_pb2 as pb
from rescue_protos.v1 import public_api_pb2_grpc
from rescue_server.core.session import Session
from rescue_server.core.session_record import SessionRecord
from rescue_server.faults.injector import FaultInjector
from rescue_server.rpc import public_api_facts as facts
from rescue_server.rpc import translate
from rescue_server.rpc.call_context import CallContext
from rescue_server.rpc.guard import require_enabled
from rescue_server.rpc.sources import source_of
from rescue_server.runtime import command_handlers
from rescue_server.runtime.change_counter import ChangeCounter
from rescue_server.runtime.console_presences import ConsolePresences
from rescue_server.runtime.credentials import Tokens
from rescue_server.runtime.ended_sessions import ended_sessions
from rescue_server.runtime.engine import Engine
from rescue_server.runtime.session_logs import session_log
from rescue_server.runtime.state import ORGANIZATION, AppliedEvent

LISTED_AFTER_END = timedelta(hours=1)  # emulated
_PORTION = 500  # sessions in one message
_ENDED_PORTION = 100  # so few that other calls need not wait


class OnRequest(Protocol):
    """Receives each request of the public API that was answered, with how long it took in real seconds."""

    def __call__(self, method: str, word: str, *, user: str, is_soap: bool, seconds: float) -> None: ...


class PublicApiService(public_api_pb2_grpc.PublicApiServiceServicer):
    """Reads are answered from the published state."""

    def __init__(
        self,
        engine: Engine,
        tokens: Tokens,
        faults: FaultInjector,
        presences: ConsolePresences,
        on_request: OnRequest,
    ) -> None:
        self._engine = engine
        self._presences = presences
        self._tokens = tokens
        self._faults = faults
        self._on_request = on_request
        self._messages: dict[str, tuple[Session, SessionRecord, pb.SessionFacts]] = {}
        self._touched: set[str] | None = None  # by an event since they were last looked at; None: all of them
        self._changes = ChangeCounter()
        engine.subscribe(self._changes)
        engine.subscribe(self)
        engine.watch.add_observer(self._changes)
        engine.clock.on_change(self._changes.set)
        faults.on_api_change(self._changes.set)

    def on_applied(self, applied: AppliedEvent) -> None:
        """An event was published."""
        if applied.after is not None and self._touched is not None:
            self._touched.add(applied.after.id)

    async def ReadFacts(
        self, request: pb.ReadFactsRequest, context: CallContext
    ) -> AsyncIterator[pb.ReadFactsResponse]:
        self._engine.catch_up()
        await self._engine.flush()
        # From here on nothing waits until everything is read: all of it is of one revision.
        state, now = self._engine.published, self._engine.clock.now()
        watch = self._engine.watch
        first = pb.ReadFactsResponse(
            revision=state.revision,
            now=translate.timestamp(now),
            last_session=state.last_session,
            validity=self._validity(),
            faulted=self._faults.api_methods,
        )
        first.connected.extend(name for name in sorted(state.organization.technicians) if watch.connected(name))
        if request.known_revision == state.revision:
            first.unchanged = True
            yield first
            return
        first.account.CopyFrom(facts.account(state.organization))
        sessions = self._listed(now)
        first.sessions.extend(sessions[:_PORTION])
        yield first
        for start in range(_PORTION, len(sessions), _PORTION):
            yield pb.ReadFactsResponse(revision=first.revision, sessions=sessions[start : start + _PORTION])

    async def ReadAccount(self, request: pb.ReadAccountRequest, context: CallContext) -> pb.ReadAccountResponse:
        state = self._engine.published
        account = facts.account(state.organization)
        account.ClearField("authcodes")
        account.ClearField("api_tokens")
        return pb.ReadAccountResponse(revision=state.revision, account=account)

    async def CheckSecret(self, request: pb.CheckSecretRequest, context: CallContext) -> pb.CheckSecretResponse:
        secret_hash = self._engine.published.organization.secret_hashes.get(request.user)
        self._tokens.check(request.user, request.secret, secret_hash, source=_source(request.source))
        require_enabled(self._engine.published.organization, request.user)
        return pb.CheckSecretResponse()

    async def CheckSsoPassword(
        self, request: pb.CheckSsoPasswordRequest, context: CallContext
    ) -> pb.CheckSsoPasswordResponse:
        organization = self._engine.published.organization
        # Also for nobody: the answer must not say who exists.
        there = request.user in organization.secret_hashes
        known = organization.account.sso_password_hash if there else ""
        self._tokens.check(request.user, request.password, known, source=_source(request.source))
        require_enabled(organization, request.user)
        return pb.CheckSsoPasswordResponse()

    async def IssueAuthcode(self, request: pb.IssueAuthcodeRequest, context: CallContext) -> pb.IssueAuthcodeResponse:
        translate.require_sha256("code_hash", request.code_hash)
        asked = translate.request_of(request.user, request)
        answer = await self._engine.perform(command_handlers.issue_authcode(request.user, request.code_hash), asked)
        return pb.IssueAuthcodeResponse(revision=answer.revision)

    async def ReadSessionLog(
        self, request: pb.ReadSessionLogRequest, context: CallContext
    ) -> pb.ReadSessionLogResponse:
        log = await session_log(self._engine, request.session) if request.session != ORGANIZATION else None
        if log is None:
            return pb.ReadSessionLogResponse()
        return pb.ReadSessionLogResponse(
            found=True, chat=log.chat(), notes=log.notes(), participants=sorted(log.participants)
        )

    async def TakeFault(
        self, request: pb.TakeFaultRequest, context: CallContext
    ) -> AsyncIterator[pb.TakeFaultResponse]:
        fault = await self._faults.affect_api(request.method)
        if fault is None:
            yield pb.TakeFaultResponse()
        else:
            yield pb.TakeFaultResponse(word=fault.word, status=fault.status, cut=fault.is_cut)

    async def ReportRequests(
        self, request: pb.ReportRequestsRequest, context: CallContext
    ) -> pb.ReportRequestsResponse:
        for one in request.requests:
            self._on_request(one.method, one.word, user=one.user, is_soap=one.soap, seconds=one.seconds)
        return pb.ReportRequestsResponse()

    def _validity(self) -> pb.Validity:
        clock, changes = self._engine.clock.read(), self._changes
        found = pb.Validity(
            file=changes.path,
            mark=changes.mark,
            number=changes.value,
            speed=0.0 if clock.standing else clock.speed,
        )
        if (deadline := self._engine.schedule.next_deadline()) is not None:
            found.due_at.CopyFrom(translate.timestamp(deadline.due))
        return found

    async def ReadEnded(
        self, request: pb.ReadEndedRequest, context: CallContext
    ) -> AsyncIterator[pb.ReadEndedResponse]:
        begin, end = (moment.ToDatetime(tzinfo=UTC) for moment in (request.begin, request.end))
        portion: list[pb.EndedSession] = []
        async for session, record in ended_sessions(self._engine, begin, end):
            portion.append(facts.ended(session, record))
            if request.with_log and (log := await session_log(self._engine, session.id)) is not None:
                portion[-1].chat, portion[-1].notes = log.chat(), log.notes()
                portion[-1].participants.extend(sorted(log.participants))
            if len(portion) == _ENDED_PORTION:
                yield pb.ReadEndedResponse(sessions=portion)
                portion = []
                await asyncio.sleep(0)
        if portion:
            yield pb.ReadEndedResponse(sessions=portion)

    async def ReadPresences(
        self, request: pb.ReadPresencesRequest, context: CallContext
    ) -> AsyncIterator[pb.ReadPresencesResponse]:
        begin, end = (moment.ToDatetime(tzinfo=UTC) for moment in (request.begin, request.end))
        async for one in self._presences.read(begin, end):
            found = pb.ReadPresencesResponse(
                technician=one.technician, address=one.address, since=translate.timestamp(one.since)
            )
            if one.until is not None:
                found.until.CopyFrom(translate.timestamp(one.until))
            yield found

    def _listed(self, now: datetime) -> list[pb.SessionFacts]:
        """Return the messages of the sessions that are listed. One that did not change is translated once.

        A session that is listed no more comes back by an event alone, so only the listed and the touched are looked at:
        many more that are over may be kept for reports.
        """
        sessions = self._engine.published.sessions
        kept, self._messages, long_ago = self._messages, {}, now - LISTED_AFTER_END
        asked = sessions.keys() if self._touched is None else kept.keys() | self._touched
        for session_id in asked:
            session = sessions.get(session_id)
            if session is None or (
                session.ended_at is not None and not session.entries and session.ended_at <= long_ago
            ):
                continue
            record = self._engine.records.of(session_id)
            known = kept.get(session_id)
            if known is None or known[0] is not session or known[1] is not record:
                known = session, record, facts.session(session, record)
            self._messages[session_id] = known
        self._touched = set()
        return [message for _, _, message in self._messages.values()]


def _source(address: str) -> str:
    """Return what wrong secrets of an address are counted under."""
    return source_of(f"ipv6:[{address}]:0" if ":" in address else f"ipv4:{address}:0")
