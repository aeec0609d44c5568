"""The health of a server, by the standard gRPC health service. It needs no sign-in.

Source: the health checking protocol of gRPC, `grpc.health.v1`.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from rescue_client.channel import open_channel, within
from rescue_common.tls import Tls
from rescue_protos.error_details import from_rpc_error

SERVING = "SERVING"
"""The server accepts calls."""


async def check_health(address: str, *, timeout: timedelta, tls: Callable[[], Tls | None] = Tls.of_environment) -> str:
    """Return the health of the server at HOST:PORT: SERVING, or NOT_SERVING while it starts or shuts down.

    The check takes `timeout` at most, in real time. Raises BadTls, and RescueError: Unavailable if nothing answers.
    """
    async with open_channel(address, tls=tls) as channel:
        request = health_pb2.HealthCheckRequest()
        try:
            answer = await within(timeout.total_seconds(), health_pb2_grpc.HealthStub(channel).Check(request))
        except grpc.aio.AioRpcError as error:
            raise from_rpc_error(error) from None
    return str(health_pb2.HealthCheckResponse.ServingStatus.Name(answer.status))
