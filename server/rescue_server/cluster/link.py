"""The follower's side of a link: it keeps in touch with the leader, and tells the election what it hears."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
import time
from collections.abc import AsyncIterator, Callable

import grpc

from rescue_common.hosts import parse_host_port
from rescue_common.tls import BadTls, Tls
from rescue_protos.error_details import from_rpc_error
from rescue_protos.errors import AlreadyExists, RescueError, Unauthenticated
from rescue_protos.v1 import cluster_pb2, cluster_pb2_grpc
from rescue_server.cluster.election import PING, SILENT, Election
from rescue_server.cluster.leader_channel import open_member_channel
from rescue_server.cluster.link_outbox import LinkOutbox
from rescue_server.cluster.link_service import FOLLOWER, LEADER
from rescue_server.cluster.measures import Happened
from rescue_server.cluster.other_transport import find_difference
from rescue_server.cluster.proofs import is_proof, new_nonce, prove
from rescue_server.cluster.reports import Reports
from rescue_server.cluster.standing import MemberStanding
from rescue_server.cluster.uplink import Uplink

log = logging.getLogger(__name__)
_REDIAL = 0.1  # real seconds between attempts
_DIAL_WITHIN = 0.5  # real seconds
_NAME_TAKEN_FOR = 3.0  # real seconds: the link of this server's earlier life may still be known
_DIFFERS_FOR = 3.0  # real seconds: somebody may be renewing the certificates just now


class NotAdmitted(Exception):
    """The leader does not take this server in: another one has its name, it has another key, or it talks otherwise."""


class _Stranger(Exception):
    """Who answers at the leader's address does not prove the key: they got the port of a leader that is gone."""


class LeaderLink:
    """Keeps a link to whoever leads. `on_news` is called after each news, and when the leader is lost.

    What else the leader sends goes to `uplink`, and the news to `take_news`.
    """

    def __init__(
        self,
        standing: MemberStanding,
        uplink: Uplink,
        election: Election,
        *,
        take_news: Callable[[cluster_pb2.LinkNews], None],
        key: bytes,
        tls: Tls | None,
        on_news: Callable[[], None],
        happened: Happened,
    ) -> None:
        self._uplink = uplink
        self._take_news = take_news
        self._standing = standing
        self._election = election
        self._key = key
        self._tls = tls
        self._on_news = on_news
        self._instance = secrets.token_hex(8)
        self._taken_since: float | None = None
        self._differs_since: float | None = None
        self._happened = happened

    async def run(self) -> None:
        """Link until cancelled. Raises NotAdmitted."""
        while True:
            if address := self._standing.leader_address:
                await self._dial(address)
            await asyncio.sleep(_REDIAL)

    async def _dial(self, address: str) -> None:
        try:
            await _knock(address)
        except ConnectionRefusedError:
            self._election.lost(time.monotonic())
            self._on_news()
            return
        except (OSError, TimeoutError):
            return  # a silent leader is found by its silence
        self._election.reached(time.monotonic())
        try:
            async with contextlib.AsyncExitStack() as stack:
                channel = await stack.enter_async_context(open_member_channel(address, self._tls))
                await self._follow(address, cluster_pb2_grpc.ClusterServiceStub(channel))
        except _Stranger:
            log.warning("at %s is somebody who has not the key of this cluster", address)
            self._election.lost(time.monotonic())
            self._on_news()
        except TimeoutError:
            log.info("%s is silent", address)
        except BadTls as error:  # somebody renews the files just now
            log.warning("no link to %s: %s", address, error)

    async def _follow(self, address: str, stub: cluster_pb2_grpc.ClusterServiceAsyncStub) -> None:
        nonce, proved = new_nonce(), asyncio.get_running_loop().create_future()
        call = stub.Link(self._requests(nonce, proved))
        try:
            while True:
                async with asyncio.timeout(SILENT):
                    response = await call.read()
                if not isinstance(response, cluster_pb2.LinkResponse):
                    await call.code()  # the stream has ended: raise why
                    return
                if response.HasField("proof"):
                    self._check(response.proof, nonce)
                    proved.set_result(response.proof.nonce)
                elif not proved.done():
                    raise _Stranger
                elif response.HasField("news"):
                    self._take(response.news)
                else:
                    self._uplink.received(response)
        except grpc.aio.AioRpcError as error:
            if proved.done():
                self._judge(from_rpc_error(error))
            elif not (self._happened.linked or self._happened.led):
                await self._find_difference(address)
        finally:
            call.cancel()
            self._uplink.ended()

    def _check(self, given: cluster_pb2.LinkProof, nonce: bytes) -> None:
        if not is_proof(given.proof, self._key, LEADER, nonce, self._standing.place.leader):
            raise _Stranger

    def _take(self, news: cluster_pb2.LinkNews) -> None:
        self._taken_since, self._happened.linked = None, True
        self._take_news(news)
        self._election.received(time.monotonic(), rank=self._standing.roster.rank())
        self._on_news()

    async def _requests(self, nonce: bytes, proved: asyncio.Future[bytes]) -> AsyncIterator[cluster_pb2.LinkRequest]:
        standing = self._standing
        me = (standing.name, standing.address, self._instance)
        greeting = cluster_pb2.LinkGreeting(server=me[0], address=me[1], instance=me[2], nonce=nonce)
        yield cluster_pb2.LinkRequest(greeting=greeting)
        proof = prove(self._key, FOLLOWER, await proved, *me)
        yield cluster_pb2.LinkRequest(proof=cluster_pb2.LinkProof(proof=proof))
        outbox: LinkOutbox[cluster_pb2.LinkRequest] = LinkOutbox()
        self._uplink.opened(outbox)
        reports = Reports(standing)
        while True:
            if (report := reports.due(time.monotonic())) is not None:
                yield cluster_pb2.LinkRequest(report=report)
            for message in await outbox.take(within=PING):
                yield message
                reports.sent(time.monotonic())

    def _judge(self, error: RescueError) -> None:
        """Find out what the end of a link means. Raises NotAdmitted."""
        if isinstance(error, Unauthenticated):
            raise NotAdmitted(str(error))
        if isinstance(error, AlreadyExists):
            self._election.received(time.monotonic())  # it is there, whatever it says
            self._taken_since = self._taken_since or time.monotonic()
            if time.monotonic() - self._taken_since > _NAME_TAKEN_FOR:
                raise NotAdmitted(str(error))

    async def _find_difference(self, address: str) -> None:
        """Find out whether this server can link at all. Raises NotAdmitted.

        One that has linked or led before is not asked: its options fit, and it leads if the leader cannot be reached.
        """
        why = await find_difference(
            address, has_tls=self._tls is not None, is_leader=lambda: self._proves_itself(address)
        )
        if why is None:
            self._differs_since = None
            return
        now = time.monotonic()
        self._election.received(now)  # it is there, whatever it says
        self._differs_since = self._differs_since or now
        if now - self._differs_since > _DIFFERS_FOR:
            raise NotAdmitted(why)

    async def _proves_itself(self, address: str) -> bool:
        """Find out whether the leader is at this address without TLS. What it is told for that is no secret."""
        nonce = new_nonce()
        async with open_member_channel(address, None) as channel:
            call = cluster_pb2_grpc.ClusterServiceStub(channel).Link(
                self._requests(nonce, asyncio.get_running_loop().create_future())
            )
            try:
                async with asyncio.timeout(_DIAL_WITHIN):
                    response = await call.read()
                    if isinstance(response, cluster_pb2.LinkResponse):
                        self._check(response.proof, nonce)
                        return True
            except (grpc.aio.AioRpcError, TimeoutError, _Stranger):
                pass
            finally:
                call.cancel()
        return False


async def _knock(address: str) -> None:
    """Find out whether the port is open. Raises OSError, TimeoutError."""
    host, port = parse_host_port(address)
    async with asyncio.timeout(_DIAL_WITHIN):
        _, writer = await asyncio.open_connection(host.strip("[]"), port)
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()
