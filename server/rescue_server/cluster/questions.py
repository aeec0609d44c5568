"""What a server that follows asks and reports, and waits to be answered."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable

from rescue_protos.v1 import cluster_pb2
from rescue_server.cluster.uplink import Uplink
from rescue_server.runtime.watch import Watch

_WITHIN = 5.0  # real seconds
Make = Callable[[int], cluster_pb2.LinkRequest]


class Questions:
    """The questions that are open. Each has a number, which the leader's answer carries."""

    def __init__(self, uplink: Uplink, watch: Watch) -> None:
        self._uplink = uplink
        self._watch = watch
        self._numbers = itertools.count(1)
        self._open: dict[int, asyncio.Future[int]] = {}
        uplink.on("answer", self._answered)
        uplink.on_end(self._give_up)

    def send(self, make: Make) -> None:
        """Send what `make` makes of a number, and wait for nothing."""
        self._uplink.send(make(next(self._numbers)))

    async def ask(self, make: Make) -> None:
        """Send it, and return when this server has the revision of the answer; at once if nobody leads."""
        number, answer = next(self._numbers), asyncio.get_running_loop().create_future()
        if not self._uplink.send(make(number)):
            return
        self._open[number] = answer
        try:
            async with asyncio.timeout(_WITHIN):
                revision = await answer
        except TimeoutError:
            return  # the effect is seen a moment later
        finally:
            del self._open[number]
        await self._watch.reach(revision, timeout=_WITHIN)

    async def catch_up(self) -> None:
        """Wait until this server has what the leader shows now."""
        await self.ask(lambda number: cluster_pb2.LinkRequest(revision=cluster_pb2.RevisionQuestion(number=number)))

    def _answered(self, message: cluster_pb2.LinkResponse) -> None:
        answer = self._open.get(message.answer.number)
        if answer is not None and not answer.done():
            answer.set_result(message.answer.revision)

    def _give_up(self) -> None:
        for answer in self._open.values():
            if not answer.done():
                answer.set_result(0)
