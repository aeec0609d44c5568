"""The Administration Center's side of the contract."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from typing import Any, TypeAlias

import grpc

from rescue_protos.v1 import admin_pb2 as pb
from rescue_protos.v1 import admin_pb2_grpc
from rescue_server.errors import BadValue, ShuttingDown
from rescue_server.rpc import translate
from rescue_server.rpc.guard import caller
from rescue_server.rpc.overview import overview
from rescue_server.runtime import acts
from rescue_server.runtime.engine import Act, Answer, Engine
from rescue_server.runtime.identity import hash_secret, new_secret

Context: TypeAlias = "grpc.aio.ServicerContext[Any, Any]"


class AdminService(admin_pb2_grpc.AdminServiceServicer):
    """`keep_secret(user, secret)` puts a new secret where clients of the same account find it."""

    def __init__(self, engine: Engine, keep_secret: Callable[[str, str], None]) -> None:
        self._engine = engine
        self._keep_secret = keep_secret
        self._draining = asyncio.Event()

    def drain(self) -> None:
        """End every overview: the server shuts down."""
        self._draining.set()

    async def GetOrganization(self, request: pb.GetOrganizationRequest, context: Context) -> pb.GetOrganizationResponse:
        desk = self._engine.published
        organization = desk.organization
        answer = pb.GetOrganizationResponse(revision=desk.revision, administrators=sorted(organization.administrators))
        for name in organization.groups:
            owner = f"group:{name}"
            answer.groups.add(
                name=name,
                settings=translate.settings(organization.settings_of(owner)),
                technicians=organization.members(owner),
            )
        for name in sorted(organization.channels):
            answer.channels.add(
                name=name,
                settings=translate.settings(organization.settings_of(f"channel:{name}")),
                groups=organization.channels[name],
            )
        return answer

    async def ChangeSettings(self, request: pb.ChangeSettingsRequest, context: Context) -> pb.ChangeSettingsResponse:
        kind = request.WhichOneof("owner")
        if kind is None:
            raise BadValue("owner", "name a group or a channel")
        owner = f"{kind}:{getattr(request, kind)}"
        changes = translate.changes(request.settings, with_terms=request.set_terms)
        answer = await self._perform(request, acts.change_settings(caller().name, owner, changes))
        settings = self._engine.published.organization.settings_of(owner)
        return pb.ChangeSettingsResponse(revision=answer.revision, settings=translate.settings(settings))

    async def AddGroup(self, request: pb.AddGroupRequest, context: Context) -> pb.AddGroupResponse:
        answer = await self._perform(request, acts.add_group(caller().name, request.name))
        return pb.AddGroupResponse(revision=answer.revision)

    async def AddTechnician(self, request: pb.AddTechnicianRequest, context: Context) -> pb.AddTechnicianResponse:
        answer, secret = await self._with_secret(
            request, request.name, lambda h: acts.add_technician(caller().name, request.name, request.group, h)
        )
        return pb.AddTechnicianResponse(revision=answer.revision, secret=secret)

    async def AddChannel(self, request: pb.AddChannelRequest, context: Context) -> pb.AddChannelResponse:
        act = acts.add_channel(caller().name, request.name, tuple(request.groups))
        return pb.AddChannelResponse(revision=(await self._perform(request, act)).revision)

    async def AddAdministrator(
        self, request: pb.AddAdministratorRequest, context: Context
    ) -> pb.AddAdministratorResponse:
        answer, secret = await self._with_secret(
            request, request.name, lambda h: acts.add_administrator(caller().name, request.name, h)
        )
        return pb.AddAdministratorResponse(revision=answer.revision, secret=secret)

    async def MoveTechnician(self, request: pb.MoveTechnicianRequest, context: Context) -> pb.MoveTechnicianResponse:
        act = acts.move_technician(caller().name, request.technician, request.group)
        return pb.MoveTechnicianResponse(revision=(await self._perform(request, act)).revision)

    async def RemoveTechnicianAccount(
        self, request: pb.RemoveTechnicianAccountRequest, context: Context
    ) -> pb.RemoveTechnicianAccountResponse:
        act = acts.remove_technician(caller().name, request.technician)
        return pb.RemoveTechnicianAccountResponse(revision=(await self._perform(request, act)).revision)

    async def RenewSecret(self, request: pb.RenewSecretRequest, context: Context) -> pb.RenewSecretResponse:
        answer, secret = await self._with_secret(
            request, request.user, lambda h: acts.renew_secret(caller().name, request.user, h)
        )
        return pb.RenewSecretResponse(revision=answer.revision, secret=secret)

    async def WatchQueues(
        self, request: pb.WatchQueuesRequest, context: Context
    ) -> AsyncIterator[pb.WatchQueuesResponse]:
        async with aclosing(overview(self._engine, until=self._draining)) as states:
            async for state in states:
                yield state
        raise ShuttingDown

    async def _with_secret(self, request: Any, user: str, act_with: Callable[[str], Act]) -> tuple[Answer, str]:
        """Perform with a fresh secret; a repeated request is answered without one, since only hashes are kept."""
        secret = new_secret()
        secret_hash = await asyncio.to_thread(hash_secret, secret)
        answer = await self._perform(request, act_with(secret_hash))
        if self._engine.published.organization.secret_hashes.get(user) != secret_hash:
            return answer, ""
        self._keep_secret(user, secret)
        return answer, secret

    async def _perform(self, request: Any, act: Act) -> Answer:
        return await self._engine.perform(act, translate.request_of(caller().name, request))
