"""Joining with a code: what a technician signs in with, for a code that an administrator gave out."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field

import grpc

from rescue_client.channel import VISITOR, open_channel, within
from rescue_common.tls import Tls
from rescue_protos.error_details import from_rpc_error
from rescue_protos.v1 import access_pb2, access_pb2_grpc

_TIMEOUT = 10.0  # real seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class JoinedTechnician:
    """Who one is after joining."""

    user: str
    secret: str = field(repr=False)


def new_joiner() -> str:
    """Return a text that a program keeps, so that it can use its code again."""
    return secrets.token_urlsafe(24)


async def join(
    address: str, code: str, *, joiner: str, visitor: str = "", tls: Callable[[], Tls | None] = Tls.of_environment
) -> JoinedTechnician:
    """Exchange a join code at the server HOST:PORT. It may be repeated with the same `joiner`.

    `visitor` is the address of the person for whom a program joins. Raises BadTls, and RescueError: Unauthenticated if
    there is no such code, JoinCodeRefused if somebody else has used it or it has expired.
    """
    async with open_channel(address, tls=tls) as channel:
        request = access_pb2.JoinRequest(code=code, joiner=joiner)
        metadata = ((VISITOR, visitor),) if visitor else ()
        stub = access_pb2_grpc.AccessServiceStub(channel)
        try:
            answer = await within(_TIMEOUT, stub.Join(request, metadata=metadata))
        except grpc.aio.AioRpcError as error:
            raise from_rpc_error(error) from None
    return JoinedTechnician(user=answer.user, secret=answer.secret)
