"""Exercises that a coach leads: what the coach shows to technicians, and what they ask."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Iterable, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from google.protobuf.json_format import MessageToDict, Parse

from rescue_client.connection import Connection
from rescue_client.service import ServiceClient
from rescue_common.server_list import read_addresses
from rescue_protos.errors import Unavailable
from rescue_protos.v1 import exercise_pb2 as pb
from rescue_protos.v1 import exercise_pb2_grpc

if TYPE_CHECKING:
    from rescue_protos.v1.exercise_pb2_grpc import ExerciseServiceAsyncStub

_TIMEOUT = 10.0  # real seconds
_PAUSE = 0.5  # real seconds until an absent server is looked for again

Attempt = Mapping[str, Any]
"""An attempt with the fields of the contract's `Exercise`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LedExercise:
    """How a technician's exercise stands. Without a coach `led` is False, and the rest is empty.

    `solved` are the rows that they have solved, `trouble` is why what they asked last is not possible.
    """

    led: bool = True
    attempt: Attempt | None = None
    solved: tuple[str, ...] = ()
    trouble: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedCoach:
    """What a technician asks of their coach; without `ask`, they have begun or ended to watch their exercise."""

    technician: str
    ask: str
    language: str
    watching: bool


class ExerciseClient:
    """The exercises of a server, for their coach and for technicians. Every method raises RescueError."""

    def __init__(self, connection: Connection) -> None:
        self._service: ServiceClient[ExerciseServiceAsyncStub] = ServiceClient(
            connection, exercise_pb2_grpc.ExerciseServiceStub, timeout=_TIMEOUT
        )

    async def watch(self) -> AsyncGenerator[LedExercise, None]:
        """Deliver how the exercise of this technician stands, now and after each change, also after the server was
        away. It never ends.
        """
        request = pb.WatchExerciseRequest()
        while True:
            try:
                async with aclosing(self._service.stream(lambda stub: stub.WatchExercise, request)) as messages:
                    async for message in messages:
                        yield _led(message)
            except Unavailable:
                yield LedExercise(led=False)
            await asyncio.sleep(_PAUSE)

    async def ask(self, text: str, *, language: str) -> bool:
        """Ask the coach: "start 14", "next", "hint", "answer TEXT", "stop". Return False if there is no coach."""
        request = pb.AskCoachRequest(ask=text, language=language)
        answer: pb.AskCoachResponse = await self._service.call_once(lambda stub: stub.AskCoach, request)
        return answer.led

    async def lead(self, technicians: Iterable[str]) -> AsyncGenerator[AskedCoach | None, None]:
        """Lead the exercises of technicians: deliver what they ask, first of all None. It ends with the server."""
        request = pb.LeadExercisesRequest(technicians=technicians)
        async with aclosing(self._service.stream(lambda stub: stub.LeadExercises, request)) as messages:
            async for message in messages:
                if not message.technician:
                    yield None
                    continue
                yield AskedCoach(
                    technician=message.technician,
                    ask=message.ask,
                    language=message.language,
                    watching=message.watching,
                )

    async def show(self, technician: str, shown: LedExercise) -> None:
        """Show a technician that this coach leads how their exercise stands."""
        attempt = Parse(json.dumps(shown.attempt), pb.Exercise(), ignore_unknown_fields=True) if shown.attempt else None
        request = pb.ShowExerciseRequest(
            technician=technician, exercise=attempt, solved=shown.solved, trouble=shown.trouble
        )
        await self._service.call_idempotent(lambda stub: stub.ShowExercise, request)


def _led(message: pb.WatchExerciseResponse) -> LedExercise:
    attempt = None
    if message.HasField("exercise"):
        attempt = MessageToDict(
            message.exercise, preserving_proto_field_name=True, always_print_fields_with_no_presence=True
        )
        where = message.exercise.console.server
        if where and not _is_address(where):
            del attempt["console"]  # a newer server means something else by it
    return LedExercise(led=message.led, attempt=attempt, solved=tuple(message.solved), trouble=message.trouble)


def _is_address(server: str) -> bool:
    """Whether this is HOST:PORT, or ":PORT" of the same host."""
    try:
        read_addresses(f"here{server}" if server.startswith(":") else server)
    except ValueError:
        return False
    return True
