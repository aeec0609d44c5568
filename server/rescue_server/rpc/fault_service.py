"""The fault rules' side of the contract."""

from __future__ import annotations

from typing import Any, TypeAlias

import grpc

from rescue_protos.v1 import (
    access_pb2,
    admin_pb2,
    applet_pb2,
    console_pb2,
    control_pb2,
    fault_pb2_grpc,
    journal_pb2,
)
from rescue_protos.v1 import fault_pb2 as pb
from rescue_server.faults.room import Faults, Kept, State
from rescue_server.rpc import translate

Context: TypeAlias = "grpc.aio.ServicerContext[Any, Any]"
_STATES = {
    State.ARMED: pb.FAULT_STATE_ARMED,
    State.AT_WORK: pb.FAULT_STATE_AT_WORK,
    State.SPENT: pb.FAULT_STATE_SPENT,
}
# Who moves the clock must reach it: a call that waits for the clock could wait for itself.
_SPARED = ("AdvanceClock", "SetClockSpeed", "PauseClock")


def methods() -> dict[str, bool]:
    """Return the methods that a rule may meddle with, and whether each is a stream."""
    return {
        method.name: method.server_streaming
        for module in (access_pb2, admin_pb2, applet_pb2, console_pb2, control_pb2, journal_pb2)
        for service in module.DESCRIPTOR.services_by_name.values()
        for method in service.methods
        if method.name not in _SPARED
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
