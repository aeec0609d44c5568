"""The fault rules' side of the contract."""

from __future__ import annotations

from typing import Any, TypeAlias

import grpc

from rescue_protos.v1 import fault_pb2 as pb
from rescue_protos.v1 import fault_pb2_grpc
from rescue_server.faults.injector import Faults, Kept, State
from rescue_server.rpc import translate

Context: TypeAlias = "grpc.aio.ServicerContext[Any, Any]"
_STATES = {
    State.ARMED: pb.FAULT_STATE_ARMED,
    State.AT_WORK: pb.FAULT_STATE_AT_WORK,
    State.SPENT: pb.FAULT_STATE_SPENT,
}


class FaultService(fault_pb2_grpc.FaultServiceServicer):
    """The rules of one server."""

    def __init__(self, faults: Faults) -> None:
        self._faults = faults

    async def AddFault(self, request: pb.AddFaultRequest, context: Context) -> pb.AddFaultResponse:
        return pb.AddFaultResponse(rule=_rule(self._faults.add(request.text)))

    async def ListFaults(self, request: pb.ListFaultsRequest, context: Context) -> pb.ListFaultsResponse:
        return pb.ListFaultsResponse(rules=map(_rule, self._faults.all()))

    async def ClearFaults(self, request: pb.ClearFaultsRequest, context: Context) -> pb.ClearFaultsResponse:
        return pb.ClearFaultsResponse(removed=self._faults.clear(request.number))


def _rule(kept: Kept) -> pb.FaultRule:
    fired_at = translate.timestamp(kept.fired_at) if kept.fired_at else None
    return pb.FaultRule(
        number=kept.number, text=kept.rule.text, state=_STATES[kept.state], fired_at=fired_at, left=kept.left
    )
