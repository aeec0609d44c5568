"""One grpc channel: how it is opened, and which user is signed in on it.

gRPC's defaults let the reconnect back-off grow to two minutes and wait 20 s for a connection. Both are bounded here.
`grpc.min_reconnect_backoff_ms` is also the time-out of one attempt to connect.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import grpc

from rescue_common.tls import Tls
from rescue_protos.error_details import from_rpc_error
from rescue_protos.errors import RescueError, Unauthenticated, Unavailable
from rescue_protos.v1 import access_pb2, access_pb2_grpc

Metadata = tuple[tuple[str, str], ...]
Reply = TypeVar("Reply")
Stub = TypeVar("Stub")

_SIGN_IN_TIMEOUT = 10.0  # real seconds
VISITOR = "rescue-visitor"
"""The metadata with the address of the person for whom a program signs in."""

_ALWAYS = (
    ("grpc.initial_reconnect_backoff_ms", 200),
    ("grpc.min_reconnect_backoff_ms", 1000),
    ("grpc.max_reconnect_backoff_ms", 2000),
    # The processes of one test must not share connections.
    ("grpc.use_local_subchannel_pool", 1),
    # A server is on loopback or its address is given. A proxy from the environment would only do harm.
    ("grpc.enable_http_proxy", 0),
    # A snapshot of a queue is one message, however long it is. The client trusts its server.
    ("grpc.max_receive_message_length", -1),
)
_DETECT_DEAD_PEERS = (
    ("grpc.keepalive_time_ms", 15_000),
    ("grpc.http2.ping_timeout_ms", 5_000),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.max_pings_without_data", 0),
)


def open_channel(
    address: str, *, keepalive: bool = True, tls: Callable[[], Tls | None] = Tls.of_environment
) -> grpc.aio.Channel:
    """Open a grpc channel to HOST:PORT; it connects when it is used.

    It uses TLS with what `tls` returns, and no TLS if that is None. Raises BadTls.

    Without `keepalive` the channel does not detect a peer that is silent. The applet wants that, because only its
    heartbeats decide whether the link works.
    """
    options: tuple[tuple[str, int | str], ...] = _ALWAYS + (_DETECT_DEAD_PEERS if keepalive else ())
    used = tls()
    if used is None:
        return grpc.aio.insecure_channel(address, options=list(options))
    if used.name:
        options += (("grpc.ssl_target_name_override", used.name),)
    return grpc.aio.secure_channel(address, _credentials(used), options=list(options))


async def within(timeout: float, call: Awaitable[Reply]) -> Reply:
    """Await a call for at most `timeout` real seconds. Raises Unavailable after it.

    A deadline of gRPC would count by the wall clock of this process, which jumps, and which tests freeze.
    """
    try:
        async with asyncio.timeout(timeout):
            return await call
    except TimeoutError:
        raise Unavailable("the server does not answer", reason="NO_ANSWER") from None


def _credentials(tls: Tls) -> grpc.ChannelCredentials:
    files = tls.read_files()
    return grpc.ssl_channel_credentials(files.ca, files.key, files.cert)


@dataclass(slots=True)
class Token:
    """What a sign-in brought. The channels of one connection share it: every server of a cluster knows it."""

    metadata: Metadata | None = None
    administrator: bool = False


class SignedInChannel:
    """A grpc channel and the user who calls over it.

    It signs in before the first call, unless `token` has what an earlier channel got, and again when the token expires.
    `visitor` is the address of the person who signs in, if this program does it for somebody else: wrong secrets then
    count as theirs. `acts_for` is the user who has a companion of the server act upon this one.
    """

    def __init__(
        self,
        channel: grpc.aio.Channel,
        *,
        user: str,
        secret: str,
        visitor: str = "",
        acts_for: str = "",
        token: Token | None = None,
    ) -> None:
        self.channel = channel
        self.user = user
        self.has_signed_in = False
        """Whether the server of this channel has accepted the secret."""
        self._token = token or Token()
        self._secret = secret
        self._acts_for = acts_for
        self._visitor: Metadata = ((VISITOR, visitor),) if visitor else ()
        self._refusal: RescueError | None = None
        self._signing_in = asyncio.Lock()
        self._stubs: dict[object, Any] = {}
        self.is_left = False
        """Whether the connection uses another server now."""
        self._on_leaving: set[Callable[[], object]] = set()

    @property
    def is_ready(self) -> bool:
        """Whether the connection is up. A call that failed on a ready channel was answered by the server."""
        return self.channel.get_state() is grpc.ChannelConnectivity.READY

    def leave(self) -> None:
        """End the streams that must be where the commands go: another server is used now."""
        self.is_left = True
        for end in tuple(self._on_leaving):
            end()

    @contextmanager
    def until_left(self, end: Callable[[], object]) -> Iterator[None]:
        """Call `end` if the server of this channel is left within this block."""
        self._on_leaving.add(end)
        try:
            yield
        finally:
            self._on_leaving.discard(end)

    def stub(self, make: Callable[[grpc.aio.Channel], Stub]) -> Stub:
        """Return the stub of a service on this channel; `make` is the stub's class."""
        if make not in self._stubs:
            self._stubs[make] = make(self.channel)
        stub: Stub = self._stubs[make]
        return stub

    async def metadata(self) -> Metadata:
        """Return the metadata that a call must carry; sign in first if necessary. Raises RescueError.

        A secret that was refused is not sent again: it would be refused again.
        """
        async with self._signing_in:
            if self._refusal is not None:
                raise self._refusal.with_traceback(None)  # otherwise its traceback would grow with each call
            if self._token.metadata is None:
                return await self._sign_in()
            return self._token.metadata

    @property
    def administrator(self) -> bool:
        """Whether the user is an administrator; known after the sign-in."""
        return self._token.administrator

    async def sign_in(self) -> None:
        """Have the server of this channel accept the secret, if it has not done so yet. Raises RescueError."""
        if not self.has_signed_in:
            self.forget_token()
            await self.metadata()

    async def _sign_in(self) -> Metadata:
        request = access_pb2.SignInRequest(user=self.user, secret=self._secret, acts_for=self._acts_for)
        try:
            stub = self.stub(access_pb2_grpc.AccessServiceStub)
            answer = await within(_SIGN_IN_TIMEOUT, stub.SignIn(request, metadata=self._visitor))
        except grpc.RpcError as error:
            failure = from_rpc_error(error)
            if isinstance(failure, Unauthenticated):
                self._refusal = failure
            raise failure from None
        self.has_signed_in = True
        self._token.administrator = answer.administrator
        self._token.metadata = (("authorization", f"Bearer {answer.token}"),)
        return self._token.metadata

    def forget_token(self) -> None:
        """Sign in again before the next call, because the server did not accept the token."""
        self._token.metadata = None

    async def call(self, method: Callable[[SignedInChannel, Metadata], Awaitable[Reply]]) -> Reply:
        """Await `method(self, metadata)`; if the token had expired, once more with a new one. Raises RescueError."""
        try:
            return await method(self, await self.metadata())
        except grpc.RpcError as error:
            failure = from_rpc_error(error)
            if not isinstance(failure, Unauthenticated):
                raise failure from None
        self.forget_token()
        try:
            return await method(self, await self.metadata())
        except grpc.RpcError as error:
            raise from_rpc_error(error) from None
