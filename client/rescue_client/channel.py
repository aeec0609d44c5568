"""Opening a grpc channel that notices a dead peer and is back soon after an outage; and signing in.

gRPC's defaults let the reconnect back-off grow to two minutes and wait 20 s for a connection; both are
bounded here. `grpc.min_reconnect_backoff_ms` is also the connect time-out.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import grpc

from rescue_common.tls import Tls
from rescue_protos.error_details import from_rpc_error
from rescue_protos.errors import RescueError, Unauthenticated
from rescue_protos.v1 import access_pb2, access_pb2_grpc

Metadata = tuple[tuple[str, str], ...]
Answer = TypeVar("Answer")

_ALWAYS = (
    ("grpc.initial_reconnect_backoff_ms", 200),
    ("grpc.min_reconnect_backoff_ms", 1000),
    ("grpc.max_reconnect_backoff_ms", 2000),
    # Processes of one test must not share connections behind each other's back.
    ("grpc.use_local_subchannel_pool", 1),
    # Everything is on loopback or named outright; a proxy from the environment would only harm.
    ("grpc.enable_http_proxy", 0),
    # A queue is told in one message, as long as it is; who asks trusts the server.
    ("grpc.max_receive_message_length", -1),
)
_NOTICES_DEAD_PEERS = (
    ("grpc.keepalive_time_ms", 15_000),
    ("grpc.http2.ping_timeout_ms", 5_000),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.max_pings_without_data", 0),
)


def open_channel(
    address: str, *, keepalive: bool = True, tls: Callable[[], Tls | None] = Tls.of_environment
) -> grpc.aio.Channel:
    """Open a grpc channel to HOST:PORT; it connects when it is used.

    It speaks TLS as `tls` says, in the clear if that is None. Raises BadTls.

    Without `keepalive` a connection is believed in for as long as nobody closes it; the applet wants that,
    because only its heartbeats judge the link.
    """
    options: tuple[tuple[str, int | str], ...] = _ALWAYS + (_NOTICES_DEAD_PEERS if keepalive else ())
    spoken = tls()
    if spoken is None:
        return grpc.aio.insecure_channel(address, options=list(options))
    if spoken.name:
        options += (("grpc.ssl_target_name_override", spoken.name),)
    return grpc.aio.secure_channel(address, spoken.credentials(), options=list(options))


class SignedIn:
    """Calls as one user over one grpc channel; signs in when first needed and again when the token expires."""

    def __init__(self, channel: grpc.aio.Channel, *, user: str, secret: str) -> None:
        self.channel = channel
        self.user = user
        self._secret = secret
        self._metadata: Metadata | None = None
        self._refusal: RescueError | None = None
        self.administrator = False  # known once signed in
        self._signing_in = asyncio.Lock()

    async def metadata(self) -> Metadata:
        """Return what a call must carry; signs in if that was not done yet. Raises RescueError.

        A secret that was refused is not tried again: the server would take that for guessing, and make others wait.
        """
        async with self._signing_in:
            if self._refusal is not None:
                raise self._refusal.with_traceback(None)  # else it would grow with each time
            if self._metadata is None:
                stub = access_pb2_grpc.AccessServiceStub(self.channel)
                request = access_pb2.SignInRequest(user=self.user, secret=self._secret)
                try:
                    answer = await stub.SignIn(request, timeout=10)
                except grpc.RpcError as error:
                    failure = from_rpc_error(error)
                    if isinstance(failure, Unauthenticated):
                        self._refusal = failure
                    raise failure from None
                self.administrator = answer.administrator
                self._metadata = (("authorization", f"Bearer {answer.token}"),)
            return self._metadata

    def forget_token(self) -> None:
        """The token was not accepted: sign in again before the next call."""
        self._metadata = None

    async def call(self, method: Callable[[Metadata], Awaitable[Answer]]) -> Answer:
        """Await `method(metadata)`; once more with a fresh token if the old one had expired. Raises RescueError."""
        for last in (False, True):
            metadata = await self.metadata()
            try:
                return await method(metadata)
            except grpc.RpcError as error:
                failure = from_rpc_error(error)
                if not isinstance(failure, Unauthenticated) or last:
                    raise failure from None
                self.forget_token()
        raise AssertionError("unreachable")
