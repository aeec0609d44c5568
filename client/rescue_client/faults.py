"""The server's fault rules. Only the server reads the notation of a rule."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from rescue_client.connection import Connection
from rescue_client.service import ServiceClient
from rescue_common.emulated_time import format_timestamp
from rescue_protos.v1 import fault_pb2, fault_pb2_grpc

if TYPE_CHECKING:
    from rescue_protos.v1.fault_pb2_grpc import FaultServiceAsyncStub

_TIMEOUT = 10.0  # real seconds
_STATES = {
    number: name.removeprefix("FAULT_STATE_").lower().replace("_", "-")
    for name, number in fault_pb2.FaultState.items()
    if number
}


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultRule:
    """A fault rule. `state` is armed, at-work or spent; unknown if the server is newer than this client.

    `fired_at` is emulated time, None while the rule is armed. `left` is how often the rule will still inject its fault.
    Without `technicians` it concerns everybody.
    """

    number: int
    text: str
    state: str
    fired_at: datetime | None
    left: int
    technicians: tuple[str, ...] = ()

    def as_json(self) -> dict[str, object]:
        """Return the object that `--json` prints."""
        at = format_timestamp(self.fired_at) if self.fired_at else None
        return {"number": self.number, "rule": self.text, "state": self.state, "fired_at": at, "left": self.left}


class FaultClient:
    """The fault rules of a server. Every method raises RescueError."""

    def __init__(self, connection: Connection) -> None:
        self._service: ServiceClient[FaultServiceAsyncStub] = ServiceClient(
            connection, fault_pb2_grpc.FaultServiceStub, timeout=_TIMEOUT
        )

    async def add(self, text: str, *, technicians: Iterable[str] = ()) -> FaultRule:
        """Arm a rule, for example "when 1001 becomes Active for alice: lan off for 40s".

        With `technicians` it concerns only their sessions, their calls, and the calls of the applets in their sessions.
        """
        request = fault_pb2.AddFaultRequest(text=text, technicians=technicians)
        # A second request would add a second rule.
        answer = await self._service.call_once(lambda stub: stub.AddFault, request)
        return _rule(answer.rule)

    async def all(self) -> list[FaultRule]:
        """Return all rules, sorted by number."""
        request = fault_pb2.ListFaultsRequest()
        answer = await self._service.call_idempotent(lambda stub: stub.ListFaults, request)
        return [_rule(rule) for rule in answer.rules]

    async def clear(self, number: int = 0) -> int:
        """Remove one rule, or all; return how many. A fault that it injected into a LAN stays until that fault ends."""
        request = fault_pb2.ClearFaultsRequest(number=number)
        answer = await self._service.call_once(lambda stub: stub.ClearFaults, request)
        return answer.removed


def _rule(rule: fault_pb2.FaultRule) -> FaultRule:
    return FaultRule(
        number=rule.number,
        text=rule.text,
        state=_STATES.get(rule.state, "unknown"),
        fired_at=rule.fired_at.ToDatetime(tzinfo=UTC) if rule.HasField("fired_at") else None,
        left=rule.left,
        technicians=tuple(rule.technicians),
    )
