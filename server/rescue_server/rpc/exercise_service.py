"""The exercises' side of the contract: it passes messages on between coaches and technicians."""

from __future__ import annotations

from collections.abc import AsyncIterator

from rescue_protos.errors import InvalidArgument, ShuttingDown
from rescue_protos.v1 import exercise_pb2 as pb
from rescue_protos.v1 import exercise_pb2_grpc
from rescue_server.core.texts import require_line
from rescue_server.rpc.call_context import CallContext
from rescue_server.rpc.guard import caller
from rescue_server.runtime.led_exercises import LedExercises

ASK_LENGTH = 200  # characters
LANGUAGE_LENGTH = 16  # characters


class ExerciseService(exercise_pb2_grpc.ExerciseServiceServicer):
    """Keeps what is shown for as long as the coach leads."""

    def __init__(self) -> None:
        self._led: LedExercises[pb.ShowExerciseRequest] = LedExercises()

    def drain(self) -> None:
        """End every stream: the server shuts down."""
        self._led.drain()

    async def LeadExercises(
        self, request: pb.LeadExercisesRequest, context: CallContext
    ) -> AsyncIterator[pb.LeadExercisesResponse]:
        if not request.technicians:
            raise InvalidArgument.of("technicians", "a text is needed")
        is_first = True
        async for some in self._led.lead(request.technicians):
            if is_first:
                yield pb.LeadExercisesResponse()
            is_first = False
            for one in some:
                yield pb.LeadExercisesResponse(
                    technician=one.technician, ask=one.ask, language=one.language, watching=one.watching
                )
        raise ShuttingDown.of()

    async def ShowExercise(self, request: pb.ShowExerciseRequest, context: CallContext) -> pb.ShowExerciseResponse:
        return pb.ShowExerciseResponse(led=self._led.show(request.technician, request))

    async def WatchExercise(
        self, request: pb.WatchExerciseRequest, context: CallContext
    ) -> AsyncIterator[pb.WatchExerciseResponse]:
        name = caller().name
        async for shown in self._led.watch(name):
            if shown is None:
                yield pb.WatchExerciseResponse(led=self._led.is_led(name))
                continue
            exercise = shown.exercise if shown.HasField("exercise") else None
            yield pb.WatchExerciseResponse(led=True, exercise=exercise, solved=shown.solved, trouble=shown.trouble)
        raise ShuttingDown.of()

    async def AskCoach(self, request: pb.AskCoachRequest, context: CallContext) -> pb.AskCoachResponse:
        require_line("ask", request.ask, ASK_LENGTH, empty=False)
        require_line("language", request.language, LANGUAGE_LENGTH)
        return pb.AskCoachResponse(led=self._led.ask(caller().name, request.ask, request.language))
