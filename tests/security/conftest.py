"""A whole server in this process, with every way in that a caller can have."""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
import pytest

from rescue_client.channel import Metadata
from rescue_common.private_files import make_private
from rescue_common.state_directory import Access
from rescue_protos.error_details import from_rpc_error
from rescue_protos.errors import RescueError
from rescue_protos.v1 import access_pb2, access_pb2_grpc, applet_pb2, applet_pb2_grpc, console_pb2, console_pb2_grpc
from rescue_server.app import serving
from rescue_server.runtime.admission import Admission
from rescue_server.runtime.credentials import server_key
from rescue_server.runtime.limits import LIMITS, Limits
from rescue_server.startup.options import ServerOptions
from rescue_server.store.files import STORE_FILE
from rescue_server.store.sqlite import SqliteStore


def fresh_id() -> str:
    return str(uuid.uuid4())


@dataclass
class House:
    """The server and a grpc channel to it. `now` is the time of `Admission`, in real seconds."""

    data: Path
    address: str = ""
    now: float = 1000.0
    channel: grpc.aio.Channel = field(init=False)

    @property
    def secrets(self) -> dict[str, str]:
        return Access.read(self.data).secrets

    async def token(self, user: str, secret: str | None = None) -> str:
        request = access_pb2.SignInRequest(user=user, secret=self.secrets[user] if secret is None else secret)
        return (await access_pb2_grpc.AccessServiceStub(self.channel).SignIn(request, timeout=20)).token

    async def signed_in(self, user: str) -> Metadata:
        return (("authorization", f"Bearer {await self.token(user)}"),)

    @property
    def console(self) -> console_pb2_grpc.ConsoleServiceAsyncStub:
        return console_pb2_grpc.ConsoleServiceStub(self.channel)

    @property
    def applet(self) -> applet_pb2_grpc.AppletServiceAsyncStub:
        return applet_pb2_grpc.AppletServiceStub(self.channel)

    async def new_pin(self, metadata: Metadata, customer: str = "") -> console_pb2.CreatePinResponse:
        request = console_pb2.CreatePinRequest(request_id=fresh_id(), customer=customer)
        return await self.console.CreatePin(request, metadata=metadata, timeout=20)

    async def redeem(self, pin: str) -> applet_pb2.RedeemPinResponse:
        request = applet_pb2.RedeemPinRequest(request_id=fresh_id(), pin=pin)
        return await self.applet.RedeemPin(request, timeout=20)


Opened = Callable[..., contextlib.AbstractAsyncContextManager[House]]


@contextlib.asynccontextmanager
async def opened(data: Path, *, limits: Limits = LIMITS, paused: bool = False) -> AsyncIterator[House]:
    house = House(data)
    make_private(data)
    options = ServerOptions(host="127.0.0.1", port=0, data=data, paused=paused)
    with contextlib.closing(SqliteStore.open(data / STORE_FILE)) as store:
        admission = Admission.by(server_key(data), now=lambda: house.now, wall=lambda: house.now)
        async with serving(options, store, limits=limits, admission=admission) as (address, _):
            house.address = address
            async with grpc.aio.insecure_channel(address, options=[("grpc.use_local_subchannel_pool", 1)]) as channel:
                house.channel = channel
                yield house


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with opened(tmp_path / "state") as house:
        yield house


@pytest.fixture
def open_house() -> Opened:
    return opened


@contextlib.asynccontextmanager
async def calling_from(source: str, house: House) -> AsyncIterator[applet_pb2_grpc.AppletServiceAsyncStub]:
    """A caller of another address: gRPC cannot bind one, so a relay does."""
    host, _, port = house.address.rpartition(":")

    async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there = await asyncio.open_connection(host, int(port), local_addr=(source, 0))
        await asyncio.gather(_copied(reader, there[1]), _copied(there[0], writer), return_exceptions=True)

    server = await asyncio.start_server(relay, "127.0.0.1", 0)
    async with server:
        at = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
        async with grpc.aio.insecure_channel(at, options=[("grpc.use_local_subchannel_pool", 1)]) as channel:
            yield applet_pb2_grpc.AppletServiceStub(channel)


async def _copied(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(65536):
            writer.write(data)
    finally:
        writer.close()


async def received(call: Any) -> Any:
    """Return the next message of a stream that the server must not have ended."""
    message = await call.read()
    assert message is not grpc.aio.EOF, "the stream ended"
    return message


@contextlib.asynccontextmanager
async def refused(code: str, reason: str = "") -> AsyncIterator[list[RescueError]]:
    """The block must fail with this status; the error is in the list afterwards."""
    found: list[RescueError] = []
    try:
        yield found
    except grpc.RpcError as error:
        found.append(from_rpc_error(error))
    assert found, f"nothing was refused, though {code} was expected"
    assert (found[0].code, reason or found[0].reason) == (code, found[0].reason), found[0]


Refused = Callable[..., contextlib.AbstractAsyncContextManager[list[RescueError]]]


@pytest.fixture(name="refused")
def _refused() -> Refused:
    return refused
