"""The connection over which a server that follows forwards calls to the leader."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from typing import Any

import grpc

from rescue_common.background_tasks import BackgroundTasks
from rescue_common.tls import BadTls, Tls
from rescue_server.cluster.standing import MemberStanding

_OPTIONS = (
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 500),
    ("grpc.max_reconnect_backoff_ms", 500),
    ("grpc.keepalive_time_ms", 5_000),
    ("grpc.http2.ping_timeout_ms", 2_000),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.max_pings_without_data", 0),
    ("grpc.enable_http_proxy", 0),
    ("grpc.max_receive_message_length", -1),  # a report is one message, however long it is
)


class NoLeader(Exception):
    """No other server leads, as far as this one knows, or it cannot be called."""


@contextlib.contextmanager
def closed_is_broken() -> Iterator[None]:
    """Take a call whose channel was closed for one whose connection broke.

    gRPC says that it was cancelled, as if its caller were gone; then nobody would answer the caller.
    """
    try:
        yield
    except asyncio.CancelledError:
        if (task := asyncio.current_task()) is None or task.cancelling():
            raise
        nothing, said = grpc.aio.Metadata(), "another server leads by now"
        raise grpc.aio.AioRpcError(grpc.StatusCode.UNAVAILABLE, nothing, nothing, said) from None


def open_member_channel(address: str, tls: Tls | None) -> grpc.aio.Channel:
    """Open a channel to another server of the cluster."""
    if tls is None:
        return grpc.aio.insecure_channel(address, options=list(_OPTIONS))
    files = tls.read_files()
    credentials = grpc.ssl_channel_credentials(files.ca, files.key, files.cert)
    return grpc.aio.secure_channel(address, credentials, options=list(_OPTIONS))


class LeaderChannel:
    """A channel to whoever leads; another one when the leader changes."""

    def __init__(self, standing: MemberStanding, *, tls: Tls | None) -> None:
        self._standing = standing
        self._tls = tls
        self._address = ""
        self._channel: grpc.aio.Channel | None = None
        self._tasks = BackgroundTasks()

    def unary(self, path: str) -> Any:
        """Return the method of the leader that takes and returns bytes. Raises NoLeader."""
        return self._current().unary_unary(path)

    def stream(self, path: str) -> Any:
        """Return the same for a stream of bytes. Raises NoLeader."""
        return self._current().stream_stream(path)

    def follow(self) -> None:
        """Close the channel to a server that leads no more: it may stand still, and who waits for it is to go on."""
        if self._channel is not None and self._standing.leader_address != self._address:
            self._tasks.start(self._channel.close())
            self._channel = None

    async def close(self) -> None:
        """Close the channel: its calls end."""
        if self._channel is not None:
            await self._channel.close()

    def _current(self) -> grpc.aio.Channel:
        address = self._standing.leader_address
        if not address:
            raise NoLeader
        self.follow()
        if self._channel is None:
            try:
                self._address, self._channel = address, open_member_channel(address, self._tls)
            except BadTls as error:  # somebody renews the files just now
                raise NoLeader from error
        return self._channel
