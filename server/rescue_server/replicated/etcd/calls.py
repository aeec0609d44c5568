"""Calls of etcd, to one of its nodes; the next node after a failure."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import grpc
from google.protobuf.message import Message

from rescue_server.replicated.credentials import read_user
from rescue_server.replicated.etcd import etcd_pb2
from rescue_server.replicated.log import LogUnavailable, LogUnusable

Reply = TypeVar("Reply", bound=Message)
_OPTIONS = (
    ("grpc.max_receive_message_length", -1),
    ("grpc.max_send_message_length", -1),
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 500),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class EtcdAccess:
    """How to reach the engine: `addresses` as HOST:PORT; USER and PASSWORD in two lines of a file, or none; a CA."""

    addresses: tuple[str, ...]
    credentials: Path | None = None
    tls_ca: bytes | None = None


class EtcdCalls:
    """Connections to every node, of which one is used."""

    def __init__(self, access: EtcdAccess) -> None:
        self._access = access
        self._channels = [_channel(address, access.tls_ca) for address in access.addresses]
        self._turn = itertools.cycle(range(len(self._channels)))
        self._current = self._channels[next(self._turn)]
        self._choosing = threading.Lock()
        self._metadata: Sequence[tuple[str, str]] = ()

    def sign_in(self, timeout: float) -> None:
        """Get a token, if there are credentials. Raises LogUnavailable, LogUnusable."""
        if self._access.credentials is None:
            return
        user, password = read_user(self._access.credentials)
        request = etcd_pb2.AuthenticateRequest(name=user, password=password)
        reply = self.call("Auth/Authenticate", request, etcd_pb2.AuthenticateResponse, timeout)
        self._metadata = (("token", reply.token),)

    def call(self, method: str, request: Message, reply: type[Reply], timeout: float) -> Reply:
        """Make one call to the node in use. Raises LogUnavailable, and uses the next node from then on; LogUnusable."""
        channel = self._current
        send: Callable[..., Any] = channel.unary_unary(
            f"/etcdserverpb.{method}", type(request).SerializeToString, reply.FromString
        )
        try:
            answer: Reply = send(request, timeout=timeout, metadata=self._metadata)
        except grpc.RpcError as error:
            raise self._failure(channel, error) from error
        except ValueError as error:
            raise LogUnavailable("the connection to etcd is closed") from error
        return answer

    def status(self, address: str, timeout: float) -> etcd_pb2.StatusResponse | None:
        """Return what one node says of itself; None if it does not answer."""
        channel = self._channels[self._access.addresses.index(address)]
        send: Callable[..., Any] = channel.unary_unary(
            "/etcdserverpb.Maintenance/Status",
            etcd_pb2.StatusRequest.SerializeToString,
            etcd_pb2.StatusResponse.FromString,
        )
        try:
            answer: etcd_pb2.StatusResponse = send(etcd_pb2.StatusRequest(), timeout=timeout, metadata=self._metadata)
        except (grpc.RpcError, ValueError):
            return None
        return answer

    def watch(self, key: bytes) -> Iterator[etcd_pb2.WatchResponse]:
        """Yield what happens to a key until the node is away. Raises LogUnavailable."""
        channel = self._current
        send: Callable[..., Any] = channel.stream_stream(
            "/etcdserverpb.Watch/Watch",
            etcd_pb2.WatchRequest.SerializeToString,
            etcd_pb2.WatchResponse.FromString,
        )
        open_until = threading.Event()

        def requests() -> Iterator[etcd_pb2.WatchRequest]:
            yield etcd_pb2.WatchRequest(create_request=etcd_pb2.WatchCreateRequest(key=key))
            open_until.wait()

        try:
            yield from send(requests(), metadata=self._metadata)
        except grpc.RpcError as error:
            raise self._failure(channel, error) from error
        except ValueError as error:
            raise LogUnavailable("the connection to etcd is closed") from error
        finally:
            open_until.set()

    def close(self) -> None:
        """Close all connections; calls under way fail."""
        for channel in self._channels:
            channel.close()

    def _failure(self, channel: grpc.Channel, error: grpc.RpcError) -> LogUnavailable | LogUnusable:
        code, details = error.code(), error.details() or ""
        with self._choosing:
            if self._current is channel:
                self._current = self._channels[next(self._turn)]
        if code in {grpc.StatusCode.UNAUTHENTICATED, grpc.StatusCode.PERMISSION_DENIED} or "user name" in details:
            return LogUnusable(f"etcd does not let this server in ({details}): give --cluster-credentials FILE")
        return LogUnavailable(f"etcd does not answer: {details or code}")


def _channel(address: str, tls_ca: bytes | None) -> grpc.Channel:
    if tls_ca is None:
        return grpc.insecure_channel(address, options=_OPTIONS)
    return grpc.secure_channel(address, grpc.ssl_channel_credentials(tls_ca or None), options=_OPTIONS)
