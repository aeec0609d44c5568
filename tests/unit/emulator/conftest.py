"""A small real server of the Administration Center's and the clock's services, in this process."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import grpc
import pytest

from rescue_common.state_directory import Access
from rescue_protos.error_details import to_status
from rescue_protos.errors import RescueError, Unauthenticated
from rescue_protos.v1 import (
    access_pb2,
    access_pb2_grpc,
    admin_pb2,
    admin_pb2_grpc,
    clock_pb2,
    clock_pb2_grpc,
)


async def refuse(context: grpc.aio.ServicerContext, error: RescueError) -> None:
    await context.abort(*to_status(error))


@dataclass
class Desk(
    access_pb2_grpc.AccessServiceServicer,
    admin_pb2_grpc.AdminServiceServicer,
    clock_pb2_grpc.ClockServiceServicer,
):
    """Notes what it is asked, refuses what it is told to refuse, and answers plausibly."""

    asked: list[object] = field(default_factory=list)
    refusals: list[RescueError] = field(default_factory=list)
    now: datetime = datetime(2026, 1, 5, 9, tzinfo=UTC)
    speed: float = 1
    paused: bool = True
    address: str = ""

    async def SignIn(self, request, context):
        if request.secret != "s3cret":
            await refuse(context, Unauthenticated("wrong secret", reason="BAD_SECRET"))
        return access_pb2.SignInResponse(token=f"token of {request.user}")

    async def _note(self, request, context) -> None:
        metadata: Mapping[str, str] = dict(context.invocation_metadata())
        assert metadata["authorization"] == "Bearer token of admin"
        self.asked.append(request)
        if self.refusals:
            await refuse(context, self.refusals.pop(0))

    async def GetOrganization(self, request, context):
        await self._note(request, context)
        found = admin_pb2.GetOrganizationResponse(revision=9, administrators=["admin"])
        group = found.groups.add(name="Support", technicians=["alice", "bob"])
        group.settings.reconnect_period.FromSeconds(60)
        found.channels.add(name="Web", groups=["Support"]).settings.terms = "Be nice"
        return found

    async def ChangeSettings(self, request, context):
        await self._note(request, context)
        return admin_pb2.ChangeSettingsResponse(revision=10, settings=request.settings)

    async def AddTechnician(self, request, context):
        await self._note(request, context)
        return admin_pb2.AddTechnicianResponse(revision=11, secret="fresh")

    async def AddChannel(self, request, context):
        await self._note(request, context)
        return admin_pb2.AddChannelResponse(revision=12)

    def _reading(self) -> clock_pb2.ClockReading:
        found = clock_pb2.ClockReading(speed=self.speed, paused=self.paused)
        found.now.FromDatetime(self.now)
        return found

    async def GetClock(self, request, context):
        await self._note(request, context)
        return clock_pb2.GetClockResponse(clock=self._reading())

    async def AdvanceClock(self, request, context):
        await self._note(request, context)
        self.now += request.by.ToTimedelta()
        return clock_pb2.AdvanceClockResponse(clock=self._reading())

    async def SetClockSpeed(self, request, context):
        await self._note(request, context)
        self.speed, self.paused = request.speed, False
        return clock_pb2.SetClockSpeedResponse(clock=self._reading())

    async def PauseClock(self, request, context):
        await self._note(request, context)
        self.paused = True
        return clock_pb2.PauseClockResponse(clock=self._reading())


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    found = Desk()
    server = grpc.aio.server()
    access_pb2_grpc.add_AccessServiceServicer_to_server(found, server)
    admin_pb2_grpc.add_AdminServiceServicer_to_server(found, server)
    clock_pb2_grpc.add_ClockServiceServicer_to_server(found, server)
    found.address = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    await server.start()
    yield found
    await server.stop(None)


@pytest.fixture
def state(desk: Desk, tmp_path: Path) -> Path:
    """A state directory that leads to the desk."""
    Access(server=desk.address, secrets={"admin": "s3cret", "alice": "other"}).write(tmp_path)
    return tmp_path


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("RESCUE_SERVER", "RESCUE_SECRET", "RESCUE_DATA", "RESCUE_CONFIG", "RESCUE_JSON"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "no-config"))
    monkeypatch.setenv("HOME", str(tmp_path))


@dataclass(frozen=True)
class Outcome:
    """How a run of `rescue` ended."""

    status: int
    out: str
    err: str


class Rescue:
    """Runs the command as a process; the desk answers meanwhile."""

    async def __call__(self, *arguments: str, **environment: str) -> Outcome:
        import os
        import sys

        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "rescue_emulator",
            *arguments,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env={**os.environ, **environment},
        )
        out, err = await asyncio.wait_for(process.communicate(), timedelta(seconds=30).total_seconds())
        assert process.returncode is not None
        return Outcome(process.returncode, out.decode(), err.decode())


@pytest.fixture
def rescue() -> Rescue:
    return Rescue()
