"""The listening gRPC server: all services, health and reflection, and how it stops."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from types import ModuleType
from typing import Protocol, cast, runtime_checkable

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

from rescue_protos.health_names import LEADER
from rescue_server.rpc.method_wrapping import Registration, WrapMethod
from rescue_server.rpc.reflection import enable_reflection

_SERVING, _NOT_SERVING = health_pb2.HealthCheckResponse.SERVING, health_pb2.HealthCheckResponse.NOT_SERVING
STOP_WITHIN = 2.0  # real seconds for streams to end by themselves
OPTIONS = (
    ("grpc.so_reuseport", 0),  # a port in use must be an error
    ("grpc.http2.bdp_probe", 0),
    ("grpc.keepalive_time_ms", 10_000),
    ("grpc.http2.ping_timeout_ms", 5_000),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.max_pings_without_data", 0),
    ("grpc.http2.min_recv_ping_interval_without_data_ms", 5_000),
    ("grpc.server.max_pending_requests", 20_000),
    ("grpc.server.max_pending_requests_hard_limit", 40_000),
    ("grpc.max_receive_message_length", 256 * 1024),
    # What is compressed has any size: nothing is unpacked, and gRPC refuses the call.
    ("grpc.compression_enabled_algorithms_bitset", 1),
)


@runtime_checkable
class Drainable(Protocol):
    """A service with open streams."""

    def drain(self) -> None:
        """End every stream with a clear status: the server shuts down."""


@dataclass(frozen=True, slots=True)
class Service:
    """One service: its full name in the contract, what registers it, and what ends its streams at the shutdown."""

    name: str
    register: Callable[[grpc.aio.Server], None]
    drain: Callable[[], None] | None = None

    @classmethod
    def of(cls, messages: ModuleType, stubs: ModuleType, servicer: object) -> Service:
        """Describe a servicer by the two generated modules of its `.proto`, which has one service."""
        ((name, descriptor),) = messages.DESCRIPTOR.services_by_name.items()
        add = getattr(stubs, f"add_{name}Servicer_to_server")
        drain = servicer.drain if isinstance(servicer, Drainable) else None
        return cls(descriptor.full_name, partial(add, servicer), drain)


class CannotListen(Exception):
    """The address is in use, or is not an address of this machine."""


class Listener:
    """One listening server. `wrappers` go around each method, outermost first; `interceptors` around all of them."""

    def __init__(
        self,
        services: Sequence[Service],
        *,
        wrappers: Sequence[WrapMethod],
        interceptors: Sequence[grpc.aio.ServerInterceptor] = (),
    ) -> None:
        self._services = tuple(services)
        self._server = grpc.aio.server(interceptors=list(interceptors), options=list(OPTIONS))
        registration = Registration(self._server, wrappers)
        wrapping = cast("grpc.aio.Server", registration)
        self.prepare = registration.prepare
        """Wraps a method, given by its path, before its first call."""
        self._health = health.aio.HealthServicer()
        for service in self._services:
            service.register(wrapping)
        health_pb2_grpc.add_HealthServicer_to_server(self._health, wrapping)
        names = [service.name for service in self._services]
        enable_reflection((*names, health.SERVICE_NAME), wrapping)

    def bind(self, host: str, ports: list[int], credentials: grpc.ServerCredentials | None = None) -> int:
        """Take the first of these ports that is free (0: any) and return it; with TLS if credentials are given.

        Calls wait for `start`. Raises CannotListen.
        """
        for port in ports:
            try:
                if credentials is None:
                    bound: int = self._server.add_insecure_port(f"{host}:{port}")
                else:
                    bound = self._server.add_secure_port(f"{host}:{port}", credentials)
            except RuntimeError:
                bound = 0
            if bound:
                return bound
        raise CannotListen(
            f"{host}:{ports[-1]} cannot be listened on: it is in use or not of this machine "
            "(choose another with --listen HOST:PORT; port 0 takes a free one)"
        )

    async def start(self) -> None:
        """Answer calls."""
        await self._server.start()
        await self.say(serves=True)

    async def open(self) -> None:
        """Answer calls of a server of a cluster, and say that it is not one to call yet."""
        await self._server.start()
        await self.say(serves=False, leads=False)

    async def say(self, *, serves: bool, leads: bool | None = None) -> None:
        """Have the health service say whether this server is one to call and, in a cluster, whether it leads."""
        names = {"": serves, **{service.name: serves for service in self._services}}
        if leads is not None:
            names[LEADER] = leads
        for name, is_so in names.items():
            await self._health.set(name, _SERVING if is_so else _NOT_SERVING)

    async def stop(self) -> None:
        """Accept no more calls, end the streams with a clear status, and wait for calls that are under way."""
        await self._health.enter_graceful_shutdown()
        for service in self._services:
            if service.drain is not None:
                service.drain()
        await self._server.stop(STOP_WITHIN)
