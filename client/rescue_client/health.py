"""The health of a server, by the standard gRPC health service. It needs no sign-in.

Source: the health checking protocol of gRPC, `grpc.health.v1`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from rescue_client.channel import open_channel, within
from rescue_common.tls import Tls
from rescue_protos.error_details import from_rpc_error
from rescue_protos.errors import NotFound, RescueError
from rescue_protos.health_names import LEADER

SERVING = "SERVING"
"""The server accepts calls."""


async def check_health(
    address: str, *, timeout: timedelta, tls: Callable[[], Tls | None] = Tls.of_environment, name: str = ""
) -> str:
    """Return the health of the server at HOST:PORT: SERVING, or NOT_SERVING while it starts or shuts down.

    `name` is that of one service. The check takes `timeout` at most, in real time. Raises BadTls, and RescueError:
    Unavailable if nothing answers.
    """
    async with open_channel(address, tls=tls) as channel:
        request = health_pb2.HealthCheckRequest(service=name)
        try:
            answer = await within(timeout.total_seconds(), health_pb2_grpc.HealthStub(channel).Check(request))
        except grpc.aio.AioRpcError as error:
            raise from_rpc_error(error) from None
    return str(health_pb2.HealthCheckResponse.ServingStatus.Name(answer.status))


async def leads_cluster(
    address: str, *, timeout: timedelta, tls: Callable[[], Tls | None] = Tls.of_environment
) -> bool | None:
    """Return whether the server at HOST:PORT leads its cluster; None if it is alone.

    Raises as `check_health` does.
    """
    try:
        return await check_health(address, timeout=timeout, tls=tls, name=LEADER) == SERVING
    except NotFound:
        return None


async def find_serving(
    addresses: Sequence[str], *, timeout: timedelta, tls: Callable[[], Tls | None] = Tls.of_environment
) -> tuple[str, str]:
    """Ask the servers in order until one is SERVING; return its address and its health, else those of the last answer.

    Each check takes `timeout` at most, in real time. Raises BadTls, and the last RescueError if nothing answers.
    """
    answers: list[tuple[str, str]] = []
    failure: RescueError | None = None
    for address in addresses:
        try:
            answers.append((address, await check_health(address, timeout=timeout, tls=tls)))
        except RescueError as error:
            failure = error
        else:
            if answers[-1][1] == SERVING:
                return answers[-1]
    if not answers and failure is not None:
        raise failure
    return answers[-1]
