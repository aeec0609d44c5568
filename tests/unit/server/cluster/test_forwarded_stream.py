"""A stream that a server forwards to the leader, and that breaks there."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from typing import Any, NoReturn, cast

import grpc
import pytest
from google.protobuf.message import Message

from rescue_server.cluster.forwarding import ForwardedStream, Requests
from rescue_server.rpc.call_context import CallContext


class Caller:
    """The caller's call; it ends as the leader's did."""

    async def abort(self, code: grpc.StatusCode, details: str = "", trailing: Iterable[Any] = ()) -> NoReturn:
        raise grpc.aio.AbortError(code)


async def silence() -> AsyncIterator[Message]:
    """A caller who sends nothing, and waits."""
    await asyncio.Event().wait()
    yield Message()


async def test_nothing_waits_for_the_caller_any_more_when_the_leader_has_ended_the_stream() -> None:
    leader = grpc.aio.server()  # it knows no method, so it ends every call
    address = f"127.0.0.1:{leader.add_insecure_port('127.0.0.1:0')}"
    await leader.start()
    async with grpc.aio.insecure_channel(address) as channel:
        requests = Requests(silence())
        stream = ForwardedStream(
            channel.stream_stream("/rescue_protos.v1.Some/Method")(cast("Any", requests)), requests
        )
        with pytest.raises(grpc.aio.AbortError):
            await anext(stream.messages(cast("CallContext", Caller())))
        for _ in range(5):  # what was cancelled ends
            await asyncio.sleep(0)
        assert "_consume_request_iterator" not in "".join(map(repr, asyncio.all_tasks()))
    await leader.stop(None)
