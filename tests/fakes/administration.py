"""A fake server of the administrator's services: sign-in, Administration Center and clock."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import grpc

from rescue_protos.errors import NotLeading, RescueError, Unauthenticated
from rescue_protos.v1 import (
    access_pb2,
    access_pb2_grpc,
    admin_pb2,
    admin_pb2_grpc,
    clock_pb2,
    clock_pb2_grpc,
)
from tests.fakes.scripted_server import Context, ScriptedServer, unimplemented


class FakeAdministration(
    ScriptedServer,
    access_pb2_grpc.AccessServiceServicer,
    admin_pb2_grpc.AdminServiceServicer,
    clock_pb2_grpc.ClockServiceServicer,
):
    """Records its requests in `requests`, refuses them with the errors in `refusals`, else replies plausibly."""

    def __init__(self) -> None:
        super().__init__()
        self.requests: list[Any] = []
        self.refusals: list[RescueError] = []
        self.sign_ins = 0
        self.secret = "s3cret"
        self.leader = ""
        """If it is set, this server refuses every sign-in, and names that one."""
        self.now = datetime(2026, 1, 5, 9, tzinfo=UTC)
        self.speed: float = 1
        self.paused = True
        self.received = asyncio.Event()
        self.gate: asyncio.Event | None = None
        """If it is set, each reply waits for it."""

    def register(self, server: grpc.aio.Server) -> None:
        access_pb2_grpc.add_AccessServiceServicer_to_server(self, server)
        admin_pb2_grpc.add_AdminServiceServicer_to_server(self, server)
        clock_pb2_grpc.add_ClockServiceServicer_to_server(self, server)

    async def _record(self, request: object, context: Context) -> None:
        metadata: Mapping[str, Any] = dict(context.invocation_metadata() or ())
        assert metadata["authorization"] == "Bearer token of admin"
        self.requests.append(request)
        self.received.set()
        if self.gate is not None:
            await self.gate.wait()
        if self.refusals:
            await self.refuse(context, self.refusals.pop(0))

    async def SignIn(self, request: access_pb2.SignInRequest, context: Context) -> access_pb2.SignInResponse:
        self.sign_ins += 1
        if self.leader:
            await self.refuse(context, NotLeading.of(self.leader))
        if request.secret != self.secret:
            await self.refuse(context, Unauthenticated("wrong secret", reason="WRONG_SECRET"))
        return access_pb2.SignInResponse(token=f"token of {request.user}")

    async def GetOrganization(
        self, request: admin_pb2.GetOrganizationRequest, context: Context
    ) -> admin_pb2.GetOrganizationResponse:
        await self._record(request, context)
        found = admin_pb2.GetOrganizationResponse(revision=9, administrators=["admin"])
        group = found.groups.add(name="Support", technicians=["alice", "bob"])
        group.settings.reconnect_period.FromSeconds(60)
        found.channels.add(name="Web", groups=["Support"]).settings.terms = "Be nice"
        return found

    async def ChangeSettings(
        self, request: admin_pb2.ChangeSettingsRequest, context: Context
    ) -> admin_pb2.ChangeSettingsResponse:
        await self._record(request, context)
        return admin_pb2.ChangeSettingsResponse(revision=10, settings=request.settings)

    async def AddTechnician(
        self, request: admin_pb2.AddTechnicianRequest, context: Context
    ) -> admin_pb2.AddTechnicianResponse:
        await self._record(request, context)
        return admin_pb2.AddTechnicianResponse(revision=11, secret="fresh")

    async def AddChannel(self, request: admin_pb2.AddChannelRequest, context: Context) -> admin_pb2.AddChannelResponse:
        await self._record(request, context)
        return admin_pb2.AddChannelResponse(revision=12)

    def _reading(self) -> clock_pb2.ClockReading:
        found = clock_pb2.ClockReading(speed=self.speed, paused=self.paused)
        found.now.FromDatetime(self.now)
        return found

    async def GetClock(self, request: clock_pb2.GetClockRequest, context: Context) -> clock_pb2.GetClockResponse:
        await self._record(request, context)
        return clock_pb2.GetClockResponse(clock=self._reading())

    async def AdvanceClock(
        self, request: clock_pb2.AdvanceClockRequest, context: Context
    ) -> clock_pb2.AdvanceClockResponse:
        await self._record(request, context)
        self.now += request.by.ToTimedelta()
        return clock_pb2.AdvanceClockResponse(clock=self._reading())

    async def SetClockSpeed(
        self, request: clock_pb2.SetClockSpeedRequest, context: Context
    ) -> clock_pb2.SetClockSpeedResponse:
        await self._record(request, context)
        self.speed, self.paused = request.speed, False
        return clock_pb2.SetClockSpeedResponse(clock=self._reading())

    async def PauseClock(self, request: clock_pb2.PauseClockRequest, context: Context) -> clock_pb2.PauseClockResponse:
        await self._record(request, context)
        self.paused = True
        return clock_pb2.PauseClockResponse(clock=self._reading())

    AddGroup = AddAdministrator = MoveTechnician = RemoveTechnicianAccount = RemoveGroup = RemoveChannel = (
        RenewSecret
    ) = ResetSessions = unimplemented
    WatchQueues = WatchClock = IssueJoinCode = ListJoinCodes = Join = unimplemented
    ChangeUser = CreateUser = RemoveAdministrator = ChangeGroup = ChangeChannel = ChangeAccount = unimplemented
    IssueApiToken = unimplemented
