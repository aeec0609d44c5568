"""The listening gRPC server: all services, health and reflection, and how it stops."""

from __future__ import annotations

from collections.abc import Sequence

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from rescue_protos.v1 import (
    access_pb2,
    access_pb2_grpc,
    admin_pb2,
    admin_pb2_grpc,
    applet_pb2,
    applet_pb2_grpc,
    clock_pb2,
    clock_pb2_grpc,
    console_pb2,
    console_pb2_grpc,
    fault_pb2,
    fault_pb2_grpc,
    journal_pb2,
    journal_pb2_grpc,
)
from rescue_server.rpc.admin_service import AdminService
from rescue_server.rpc.applet_service import AppletService
from rescue_server.rpc.clock_service import AccessService, ClockService
from rescue_server.rpc.console_service import ConsoleService
from rescue_server.rpc.fault_service import FaultService
from rescue_server.rpc.guard import Guard
from rescue_server.rpc.journal_service import JournalService

STOP_WITHIN = 2.0  # real seconds for streams to end by themselves
_OPTIONS = (
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
)
_NAMES = tuple(
    module.DESCRIPTOR.services_by_name[service].full_name
    for module, service in (
        (access_pb2, "AccessService"),
        (applet_pb2, "AppletService"),
        (console_pb2, "ConsoleService"),
        (admin_pb2, "AdminService"),
        (clock_pb2, "ClockService"),
        (fault_pb2, "FaultService"),
        (journal_pb2, "JournalService"),
    )
)


class CannotListen(Exception):
    """The address is in use or not ours."""


class Listener:
    """One listening server. `around` are interceptors that go around the guard, outermost first."""

    def __init__(
        self,
        *,
        around: Sequence[grpc.aio.ServerInterceptor] = (),
        guard: Guard,
        access: AccessService,
        applet: AppletService,
        console: ConsoleService,
        admin: AdminService,
        control: ClockService,
        journal: JournalService,
        fault: FaultService,
    ) -> None:
        self._server = grpc.aio.server(interceptors=[*around, guard], options=list(_OPTIONS))
        self._draining = (applet, console, control, admin, journal)
        self._health = health.aio.HealthServicer()
        access_pb2_grpc.add_AccessServiceServicer_to_server(access, self._server)
        applet_pb2_grpc.add_AppletServiceServicer_to_server(applet, self._server)
        console_pb2_grpc.add_ConsoleServiceServicer_to_server(console, self._server)
        admin_pb2_grpc.add_AdminServiceServicer_to_server(admin, self._server)
        clock_pb2_grpc.add_ClockServiceServicer_to_server(control, self._server)
        fault_pb2_grpc.add_FaultServiceServicer_to_server(fault, self._server)
        journal_pb2_grpc.add_JournalServiceServicer_to_server(journal, self._server)
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._server)
        reflection.enable_server_reflection((*_NAMES, health.SERVICE_NAME, reflection.SERVICE_NAME), self._server)

    def bind(self, host: str, ports: list[int], credentials: grpc.ServerCredentials | None = None) -> int:
        """Take the first of these ports that is free (0: any) and return it; with TLS if credentials are given.

        Who calls from now on waits for `start`. Raises CannotListen.
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
        for name in ("", *_NAMES):
            await self._health.set(name, health_pb2.HealthCheckResponse.SERVING)

    async def stop(self) -> None:
        """Take no more calls, end the streams with a clear status, and wait for calls that are under way."""
        await self._health.enter_graceful_shutdown()
        for service in self._draining:
            service.drain()
        await self._server.stop(STOP_WITHIN)
