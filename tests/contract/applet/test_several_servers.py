"""A computer that knows several servers finds one that serves it."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import grpc
import pytest

from rescue_protos.errors import NotLeading
from rescue_protos.v1 import applet_pb2 as pb
from tests.contract.applet.conftest import Peer, Start

PIN = ("--pin", "123456")


class Follower(Peer):
    """A server of a cluster that does not lead: it names the leader, and serves nothing. It counts its refusals."""

    leader = ""
    refusals = 0

    async def _refuse(self, _request: Any, context: grpc.aio.ServicerContext[Any, Any]) -> Any:
        self.refusals += 1
        await self.refuse(context, NotLeading.of(self.leader))

    async def _refuse_stream(
        self, requests: object, context: grpc.aio.ServicerContext[Any, Any]
    ) -> AsyncIterator[pb.AttachResponse]:
        await self._refuse(requests, context)
        yield pb.AttachResponse()

    RedeemPin = _refuse  # type: ignore[assignment]
    Attach = WatchClock = _refuse_stream  # type: ignore[assignment]


@pytest.fixture
async def follower(tmp_path: Path) -> AsyncIterator[Follower]:
    (tmp_path / "follower").mkdir()
    follower = Follower(data=tmp_path / "follower")
    await follower.start()
    yield follower
    await follower.stop()


async def test_a_server_that_does_not_lead_names_the_one_that_does(
    peer: Peer, follower: Follower, start: Start
) -> None:
    follower.leader = peer.address
    customer = await start(*PIN, "--server", follower.address)
    await customer.joined()
    assert follower.refusals == 1
    await peer.until(lambda: bool(peer.clock_tickets))


async def test_an_attached_applet_finds_the_server_that_took_over(peer: Peer, follower: Follower, start: Start) -> None:
    customer = await start(*PIN, "--server", f"{peer.address},{follower.address}", "--seed", "0")
    follower.leader = peer.address
    await customer.joined()
    refusals = follower.refusals
    await peer.stop()
    await customer.sees(event="link", state="lost")
    await peer.start()  # at another port, which only the follower knows
    follower.leader = peer.address
    await customer.sees(event="link", state="connected")
    assert follower.refusals > refusals


async def test_a_server_that_accepts_connections_and_says_nothing_is_left(peer: Peer, start: Start) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        where = f"127.0.0.1:{silent.getsockname()[1]},{peer.address}"
        for seed in ("0", "1", "2"):
            customer = await start(*PIN, "--server", where, "--seed", seed)
            await customer.joined()
            await customer.stop()


async def test_a_cut_cable_does_not_change_the_server(peer: Peer, follower: Follower, start: Start) -> None:
    customer = await start(*PIN, "--server", f"{peer.address},{follower.address}", "--seed", "0")
    follower.leader = peer.address
    await customer.joined()
    refusals = follower.refusals
    async with customer.lan_off():
        await customer.sees(event="link", state="lost")
    await customer.sees(event="link", state="connected")
    assert follower.refusals == refusals
