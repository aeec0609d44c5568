"""What is noted of a call is asked of gRPC while there is a call."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import grpc

from rescue_server.observe.interceptor import Call, Observing


class OneCall:
    """What gRPC hands to a handler; to ask it anything about a call that is over ends the process (SIGSEGV)."""

    over = False

    def peer(self) -> str:
        assert not self.over, "of a call that is over, gRPC has nothing left to ask"
        return "ipv4:127.0.0.1:4711"


async def test_a_stream_whose_caller_has_gone_is_noted_without_asking_grpc() -> None:
    async def endless(request: Any, context: Any) -> AsyncIterator[str]:
        while True:
            yield "news"

    seen: list[Call] = []
    handler: Any = Observing([seen.append]).wrap("/service/Watch", grpc.unary_stream_rpc_method_handler(endless))
    call = OneCall()
    stream = handler.unary_stream("request", call)
    assert await anext(stream) == "news"
    call.over = True
    await stream.aclose()
    [noted] = seen
    assert (noted.method, noted.code, noted.peer) == ("/service/Watch", "CANCELLED", "127.0.0.1")
