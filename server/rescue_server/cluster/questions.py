"""What a server that follows asks and reports, and waits to be answered."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Awaitable, Callable

from rescue_protos.v1 import cluster_pb2
from rescue_server.cluster.uplink import Uplink
from rescue_server.runtime.watch import Watch

_WITHIN = 5.0  # real seconds
_NO_ANSWER = -1
Make = Callable[[int], cluster_pb2.LinkRequest]


async def _nothing() -> None:
    """There is no log to read yet."""


class Questions:
    """The questions that are open. Each has a number, which the leader's answer carries."""

    def __init__(self, uplink: Uplink, watch: Watch) -> None:
        self._uplink = uplink
        self._watch = watch
        self._numbers = itertools.count(1)
        self._open: dict[int, asyncio.Future[int]] = {}
        self.look: Callable[[], Awaitable[None]] = _nothing
        """Reads the log to its end."""
        uplink.on("answer", self._answered)
        uplink.on_end(self._give_up)

    def send(self, make: Make) -> None:
        """Send what `make` makes of a number, and wait for nothing."""
        self._uplink.send(make(next(self._numbers)))

    async def ask(self, make: Make) -> bool:
        """Send it, and return True when this server has the revision of the answer; at once False if nobody leads."""
        number, answer = next(self._numbers), asyncio.get_running_loop().create_future()
        if not self._uplink.send(make(number)):
            return False
        self._open[number] = answer
        try:
            async with asyncio.timeout(_WITHIN):
                revision = await answer
        except TimeoutError:
            return False  # the effect is seen a moment later
        finally:
            del self._open[number]
        return revision != _NO_ANSWER and await self._watch.reach(revision, timeout=_WITHIN)

    async def catch_up(self) -> None:
        """Wait until this server has what the leader shows now, or what a leader that is gone had stored."""

        def question(number: int) -> cluster_pb2.LinkRequest:
            return cluster_pb2.LinkRequest(revision=cluster_pb2.RevisionQuestion(number=number))

        if not await self.ask(question):
            await self.look()

    def _answered(self, message: cluster_pb2.LinkResponse) -> None:
        answer = self._open.get(message.answer.number)
        if answer is not None and not answer.done():
            answer.set_result(message.answer.revision)

    def _give_up(self) -> None:
        for answer in self._open.values():
            if not answer.done():
                answer.set_result(_NO_ANSWER)
