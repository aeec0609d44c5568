"""The fault rules' side of the contract."""

from __future__ import annotations

from rescue_protos.v1 import fault_pb2 as pb
from rescue_protos.v1 import fault_pb2_grpc
from rescue_server.faults.injector import ActiveRule, FaultInjector, RuleState
from rescue_server.rpc import translate
from rescue_server.rpc.call_context import CallContext

_STATES = {
    RuleState.ARMED: pb.FAULT_STATE_ARMED,
    RuleState.AT_WORK: pb.FAULT_STATE_AT_WORK,
    RuleState.SPENT: pb.FAULT_STATE_SPENT,
}


class FaultService(fault_pb2_grpc.FaultServiceServicer):
    """The rules of one server."""

    def __init__(self, faults: FaultInjector) -> None:
        self._faults = faults

    async def AddFault(self, request: pb.AddFaultRequest, context: CallContext) -> pb.AddFaultResponse:
        return pb.AddFaultResponse(rule=_rule(await self._faults.add(request.text, request.technicians)))

    async def ListFaults(self, request: pb.ListFaultsRequest, context: CallContext) -> pb.ListFaultsResponse:
        return pb.ListFaultsResponse(rules=map(_rule, self._faults.all()))

    async def ClearFaults(self, request: pb.ClearFaultsRequest, context: CallContext) -> pb.ClearFaultsResponse:
        return pb.ClearFaultsResponse(removed=self._faults.clear(request.number))


def _rule(active: ActiveRule) -> pb.FaultRule:
    fired_at = translate.timestamp(active.fired_at) if active.fired_at else None
    return pb.FaultRule(
        number=active.number,
        text=active.rule.text,
        state=_STATES[active.state],
        fired_at=fired_at,
        left=active.left,
        technicians=sorted(active.technicians),
    )
