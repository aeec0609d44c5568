"""The side of the contract that the program of the public API calls: facts at one revision, and its users' codes."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from datetime import UTC
from typing import Protocol

from rescue_protos.v1 import public_api_pb2 as pb
from rescue_protos.v1 import public_api_pb2_grpc
from rescue_server.faults.injector import FaultInjector
from rescue_server.rpc import public_api_facts as facts
from rescue_server.rpc import translate
from rescue_server.rpc.call_context import CallContext
from rescue_server.rpc.guard import require_enabled
from rescue_server.rpc.listed_sessions import ListedSessions
from rescue_server.rpc.sources import source_of
from rescue_server.runtime import command_handlers
from rescue_server.runtime.change_counter import ChangeCounter
from rescue_server.runtime.console_presences import ConsolePresences
from rescue_server.runtime.credentials import Tokens
from rescue_server.runtime.ended_sessions import ended_sessions
from rescue_server.runtime.engine import Engine
from rescue_server.runtime.session_logs import session_log
from rescue_server.runtime.state import ORGANIZATION

_PORTION = 500  # sessions in one message
_ENDED_PORTION = 50  # so few that other calls need not wait
_LONGEST_BREATH = 0.01  # real seconds


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
        *,
        alone: bool = True,
    ) -> None:
        self._engine = engine
        self._presences = presences
        self._tokens = tokens
        self._faults = faults
        self._on_request = on_request
        self._listed = ListedSessions(engine)
        # Of several servers another one may lead by now: then nothing here tells a companion that it has changed.
        self._changes = ChangeCounter(shared=alone)
        engine.subscribe(self._changes)
        engine.watch.add_observer(self._changes)
        engine.clock.on_change(self._changes.set)
        faults.on_api_change(self._changes.set)

    async def ReadFacts(
        self, request: pb.ReadFactsRequest, context: CallContext
    ) -> AsyncIterator[pb.ReadFactsResponse]:
        await self._listed.prepare()
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
        sessions = self._listed.messages(now)
        first.sessions.extend(sessions[:_PORTION])
        yield first
        for start in range(_PORTION, len(sessions), _PORTION):
            yield pb.ReadFactsResponse(revision=first.revision, sessions=sessions[start : start + _PORTION])

    async def ReadAccount(self, request: pb.ReadAccountRequest, context: CallContext) -> pb.ReadAccountResponse:
        state = self._engine.published
        account = facts.account(state.organization)
        account.ClearField("authcodes")
        account.ClearField("api_tokens")
        account.ClearField("report_settings")
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

    async def ChangeReportSettings(
        self, request: pb.ChangeReportSettingsRequest, context: CallContext
    ) -> pb.ChangeReportSettingsResponse:
        translate.require_sha256("code_hash", request.code_hash)
        change = command_handlers.change_report_settings(request.user, request.code_hash, dict(request.changes))
        answer = await self._engine.perform(change, translate.request_of(request.user, request))
        return pb.ChangeReportSettingsResponse(revision=answer.revision)

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
        portion, began = pb.ReadEndedResponse(), time.monotonic()
        async for session, record in ended_sessions(self._engine, begin, end):
            portion.sessions.append(facts.ended(session, record))
            if request.with_log and (log := await session_log(self._engine, session.id)) is not None:
                portion.sessions[-1].chat, portion.sessions[-1].notes = log.chat(), log.notes()
                portion.sessions[-1].participants.extend(sorted(log.participants))
            if len(portion.sessions) == _ENDED_PORTION:
                took = time.monotonic() - began
                yield portion
                await asyncio.sleep(min(took, _LONGEST_BREATH))  # half of the time is for others
                portion, began = pb.ReadEndedResponse(), time.monotonic()
        if portion.sessions:
            yield portion

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


def _source(address: str) -> str:
    """Return what wrong secrets of an address are counted under."""
    return source_of(f"ipv6:[{address}]:0" if ":" in address else f"ipv4:{address}:0")
