"""The Administration Center's side of the contract."""

from __future__ import annotations

import asyncio
import errno
import logging
from collections.abc import AsyncIterator, Callable, Collection, Iterator
from contextlib import aclosing, contextmanager
from typing import Any

from rescue_protos.errors import (
    OUTCOME_UNKNOWN,
    InvalidArgument,
    RescueError,
    ShuttingDown,
    StorageFull,
    StorageUnavailable,
)
from rescue_protos.v1 import admin_pb2 as pb
from rescue_protos.v1 import admin_pb2_grpc
from rescue_server.clock import wall_clock
from rescue_server.core.clearing import is_concerned
from rescue_server.rpc import detail_messages, translate
from rescue_server.rpc.call_context import CallContext
from rescue_server.rpc.guard import caller
from rescue_server.rpc.queue_overview import overview
from rescue_server.runtime import command_handlers, join_codes, setting_handlers, user_handlers
from rescue_server.runtime.credentials import hash_chosen, hash_secret, new_secret, require_secret, secret_fits
from rescue_server.runtime.engine import Answer, Engine, Handler
from rescue_server.startup.issued_access import IssuedSecrets

_RESET_AT_ONCE = 20  # sessions
log = logging.getLogger(__name__)


class AdminService(admin_pb2_grpc.AdminServiceServicer):
    """`issued` is where clients of the same account find secrets. Join codes are derived from the server's `key`."""

    def __init__(self, engine: Engine, issued: IssuedSecrets, key: bytes) -> None:
        self._engine = engine
        self._key = key
        self._issued = issued
        self._draining = asyncio.Event()
        self._background: set[asyncio.Task[tuple[Answer, str]]] = set()

    def drain(self) -> None:
        """End every overview: the server shuts down."""
        self._draining.set()

    async def GetOrganization(
        self, request: pb.GetOrganizationRequest, context: CallContext
    ) -> pb.GetOrganizationResponse:
        state = self._engine.published
        organization = state.organization
        answer = pb.GetOrganizationResponse(revision=state.revision, administrators=sorted(organization.administrators))
        for name in organization.groups:
            owner = f"group:{name}"
            answer.groups.add(
                name=name,
                settings=translate.settings_of(organization, owner),
                technicians=organization.members(owner),
            )
        for name in sorted(organization.channels):
            answer.channels.add(
                name=name,
                settings=translate.settings_of(organization, f"channel:{name}"),
                groups=organization.channels[name],
            )
        return answer

    async def ChangeSettings(
        self, request: pb.ChangeSettingsRequest, context: CallContext
    ) -> pb.ChangeSettingsResponse:
        kind = request.WhichOneof("owner")
        if kind is None:
            raise InvalidArgument.of("owner", "name a group or a channel")
        owner = f"{kind}:{getattr(request, kind)}"
        changes = translate.changes(request.settings, with_terms=request.set_terms)
        post = translate.post_changes(request.settings)
        answer = await self._perform(request, setting_handlers.change_settings(caller().name, owner, changes, post))
        settings = translate.settings_of(self._engine.published.organization, owner)
        return pb.ChangeSettingsResponse(revision=answer.revision, settings=settings)

    async def AddGroup(self, request: pb.AddGroupRequest, context: CallContext) -> pb.AddGroupResponse:
        answer = await self._perform(request, command_handlers.add_group(caller().name, request.name, request.tenant))
        return pb.AddGroupResponse(revision=answer.revision)

    async def AddTechnician(self, request: pb.AddTechnicianRequest, context: CallContext) -> pb.AddTechnicianResponse:
        answer, secret = await self._with_secret(
            request,
            request.name,
            lambda h: command_handlers.add_technician(caller().name, request.name, request.group, h),
        )
        return pb.AddTechnicianResponse(revision=answer.revision, secret=secret)

    async def AddChannel(self, request: pb.AddChannelRequest, context: CallContext) -> pb.AddChannelResponse:
        handler = command_handlers.add_channel(caller().name, request.name, tuple(request.groups))
        return pb.AddChannelResponse(revision=(await self._perform(request, handler)).revision)

    async def AddAdministrator(
        self, request: pb.AddAdministratorRequest, context: CallContext
    ) -> pb.AddAdministratorResponse:
        answer, secret = await self._with_secret(
            request, request.name, lambda h: command_handlers.add_administrator(caller().name, request.name, h)
        )
        return pb.AddAdministratorResponse(revision=answer.revision, secret=secret)

    async def MoveTechnician(
        self, request: pb.MoveTechnicianRequest, context: CallContext
    ) -> pb.MoveTechnicianResponse:
        handler = command_handlers.move_technician(caller().name, request.technician, request.group)
        return pb.MoveTechnicianResponse(revision=(await self._perform(request, handler)).revision)

    async def RemoveTechnicianAccount(
        self, request: pb.RemoveTechnicianAccountRequest, context: CallContext
    ) -> pb.RemoveTechnicianAccountResponse:
        handler = command_handlers.remove_technician(caller().name, request.technician)
        answer = await self._perform(request, handler)
        if request.technician not in self._engine.published.organization.secret_hashes:
            with _later():
                self._issued.forget(request.technician)
        return pb.RemoveTechnicianAccountResponse(revision=answer.revision)

    async def RemoveGroup(self, request: pb.RemoveGroupRequest, context: CallContext) -> pb.RemoveGroupResponse:
        handler = command_handlers.remove_group(caller().name, request.group)
        return pb.RemoveGroupResponse(revision=(await self._perform(request, handler)).revision)

    async def RemoveChannel(self, request: pb.RemoveChannelRequest, context: CallContext) -> pb.RemoveChannelResponse:
        handler = command_handlers.remove_channel(caller().name, request.channel)
        return pb.RemoveChannelResponse(revision=(await self._perform(request, handler)).revision)

    async def RenewSecret(self, request: pb.RenewSecretRequest, context: CallContext) -> pb.RenewSecretResponse:
        answer, secret = await self._with_secret(
            request, request.user, lambda h: command_handlers.renew_secret(caller().name, request.user, h)
        )
        return pb.RenewSecretResponse(revision=answer.revision, secret=secret)

    async def IssueJoinCode(self, request: pb.IssueJoinCodeRequest, context: CallContext) -> pb.IssueJoinCodeResponse:
        valid_for = translate.period("valid_for", request.valid_for)
        if not join_codes.SHORTEST <= valid_for <= join_codes.LONGEST:
            raise InvalidArgument.of("valid_for", "one minute to 366 days, in real time")
        asked = translate.request_of(caller().name, request)
        code = join_codes.derive_code(self._key, asked.id, asked.fingerprint)
        handler = join_codes.issue(caller().name, request.technician, code, until=wall_clock() + valid_for)
        answer = await self._engine.perform(handler, asked)
        # Of a repeated request, the code may have been replaced since.
        until = self._engine.published.organization.join_codes[request.technician].until
        return pb.IssueJoinCodeResponse(revision=answer.revision, code=code, valid_until=translate.timestamp(until))

    async def ListJoinCodes(self, request: pb.ListJoinCodesRequest, context: CallContext) -> pb.ListJoinCodesResponse:
        answer = pb.ListJoinCodesResponse()
        for technician, known in sorted(self._engine.published.organization.join_codes.items()):
            until, used = translate.timestamp(known.until), bool(known.joiner_hash)
            answer.codes.add(technician=technician, valid_until=until, used=used)
        return answer

    async def ChangeUser(self, request: pb.ChangeUserRequest, context: CallContext) -> pb.ChangeUserResponse:
        name, secret = detail_messages.new_name(request), request.secret
        require_secret("secret", secret)
        secret_hash = hash_chosen(secret) if secret else ""
        change = detail_messages.person_change(request)
        handler = user_handlers.change_user(caller().name, request.user, change, new_name=name, secret_hash=secret_hash)
        # The access file has secrets by name: a renamed user's moves along.
        kept = secret or (self._issued.secrets.get(request.user, "") if name else "")
        if not kept:
            return pb.ChangeUserResponse(revision=(await self._perform(request, handler)).revision)
        answer, _ = await self._with_secret(request, name or request.user, lambda _: handler, secret=kept)
        if request.user not in self._engine.published.organization.secret_hashes:
            with _later():
                self._issued.forget(request.user)
        return pb.ChangeUserResponse(revision=answer.revision)

    async def CreateUser(self, request: pb.CreateUserRequest, context: CallContext) -> pb.CreateUserResponse:
        secret = new_secret()
        handler = user_handlers.create_user(caller().name, request.group, hash_secret(secret))
        answer = await self._perform(request, handler)
        return pb.CreateUserResponse(revision=answer.revision, node=answer.node)

    async def RemoveAdministrator(
        self, request: pb.RemoveAdministratorRequest, context: CallContext
    ) -> pb.RemoveAdministratorResponse:
        handler = user_handlers.remove_administrator(caller().name, request.administrator)
        answer = await self._perform(request, handler)
        if request.administrator not in self._engine.published.organization.secret_hashes:
            with _later():
                self._issued.forget(request.administrator)
        return pb.RemoveAdministratorResponse(revision=answer.revision)

    async def ChangeGroup(self, request: pb.ChangeGroupRequest, context: CallContext) -> pb.ChangeGroupResponse:
        name, change = detail_messages.new_name(request), detail_messages.group_change(request)
        handler = user_handlers.change_group(caller().name, request.group, change, new_name=name)
        return pb.ChangeGroupResponse(revision=(await self._perform(request, handler)).revision)

    async def ChangeChannel(self, request: pb.ChangeChannelRequest, context: CallContext) -> pb.ChangeChannelResponse:
        handler = user_handlers.change_channel(caller().name, request.channel, request.group, serves=request.serves)
        return pb.ChangeChannelResponse(revision=(await self._perform(request, handler)).revision)

    async def ChangeAccount(self, request: pb.ChangeAccountRequest, context: CallContext) -> pb.ChangeAccountResponse:
        handler = user_handlers.change_account(caller().name, detail_messages.account_change(request))
        return pb.ChangeAccountResponse(revision=(await self._perform(request, handler)).revision)

    async def IssueApiToken(self, request: pb.IssueApiTokenRequest, context: CallContext) -> pb.IssueApiTokenResponse:
        if request.token_hash:
            translate.require_sha256("token_hash", request.token_hash)
        handler = user_handlers.issue_api_token(caller().name, request.administrator, request.token_hash)
        return pb.IssueApiTokenResponse(revision=(await self._perform(request, handler)).revision)

    async def ResetSessions(self, request: pb.ResetSessionsRequest, context: CallContext) -> pb.ResetSessionsResponse:
        begun = await self._perform(request, command_handlers.begin_reset(request.technicians))
        revision = begun.revision
        # Portions: commands of others are decided between two of them.
        left = self._left_up_to(int(begun.session), request.technicians)
        for start in range(0, len(left), _RESET_AT_ONCE):
            portion = left[start : start + _RESET_AT_ONCE]
            cleared = await self._engine.perform(command_handlers.clear_sessions(caller().name, portion))
            revision = cleared.revision
        return pb.ResetSessionsResponse(revision=revision, sessions=begun.sessions)

    def _left_up_to(self, last: int, technicians: Collection[str]) -> list[str]:
        sessions = self._engine.ahead.sessions.unpacked()
        return [session.id for session in sessions if int(session.id) <= last and is_concerned(session, technicians)]

    async def WatchQueues(
        self, request: pb.WatchQueuesRequest, context: CallContext
    ) -> AsyncIterator[pb.WatchQueuesResponse]:
        async with aclosing(overview(self._engine, until=self._draining)) as states:
            async for state in states:
                yield state
        raise ShuttingDown.of()

    async def _with_secret(
        self, request: Any, user: str, handler_with: Callable[[str], Handler], *, secret: str = ""
    ) -> tuple[Answer, str]:
        """Perform with a secret, a fresh one if it is empty. A repeated request is answered without one."""
        # A task of its own: if the caller goes away, the access file must still get the new secret.
        renewing = asyncio.create_task(self._give_secret(request, user, handler_with, secret or new_secret()))
        self._background.add(renewing)
        renewing.add_done_callback(self._done)
        return await asyncio.shield(renewing)

    def _done(self, renewing: asyncio.Task[tuple[Answer, str]]) -> None:
        self._background.discard(renewing)
        if not renewing.cancelled():
            renewing.exception()  # the caller may be gone

    async def _give_secret(
        self, request: Any, user: str, handler_with: Callable[[str], Handler], secret: str
    ) -> tuple[Answer, str]:
        try:
            self._issued.prepare({user: secret})
        except OSError as error:
            raise _unwritable(error) from None
        holds = is_unknown = False
        try:
            answer = await self._perform(request, handler_with(hash_secret(secret)))
            holds = secret_fits(secret, self._engine.published.organization.secret_hashes.get(user, ""))
        except StorageUnavailable as error:
            is_unknown = error.reason == OUTCOME_UNKNOWN  # then it stays pending: the next start compares it
            raise
        finally:
            with _later():
                if holds:
                    self._issued.write({user: secret})
                elif not is_unknown:
                    self._issued.revoke({user: secret})
        return answer, secret if holds else ""

    async def _perform(self, request: Any, handler: Handler) -> Answer:
        return await self._engine.perform(handler, translate.request_of(caller().name, request))


@contextmanager
def _later() -> Iterator[None]:
    """Log a failed write. The next write, or `IssuedSecrets.confirm` at the next start, makes it good."""
    try:
        yield
    except OSError as error:
        log.error("access.json could not be written, and is behind the store: %s", error.strerror or error)


def _unwritable(error: OSError) -> RescueError:
    message = "access.json could not be written, and nothing changed; try again"
    return StorageFull(message) if error.errno in (errno.ENOSPC, errno.EDQUOT) else StorageUnavailable(message)
