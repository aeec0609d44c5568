"""How an error crosses the wire: a gRPC status with google.rpc details, and back.

The server describes an error once, as a `Fault`; `Fault.to_grpc` makes the status of it. A client turns
a failed call into a `CallError` with `CallError.from_rpc`; nobody parses a message.

    CallError
    ├── Refused             FAILED_PRECONDITION: not in this status; `possible` says what is
    ├── BadInput            INVALID_ARGUMENT, OUT_OF_RANGE: `fields` says which and why
    ├── NotFound            NOT_FOUND
    ├── AlreadyExists       ALREADY_EXISTS
    ├── NotSignedIn         UNAUTHENTICATED
    ├── NotAllowed          PERMISSION_DENIED
    ├── TooMuch             RESOURCE_EXHAUSTED
    └── Unavailable         UNAVAILABLE, DEADLINE_EXCEEDED, CANCELLED: try again later

Source: the error model of google.rpc (status, error_details).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

import grpc
from google.protobuf import any_pb2
from google.protobuf.message import Message
from google.rpc import code_pb2, error_details_pb2, status_pb2

DOMAIN = "rescue-emulator"
_DETAILS_KEY = "grpc-status-details-bin"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """An error as both ends see it.

    `code` is a gRPC status code's name, `reason` an UPPER_SNAKE constant of this project, `possible` what can
    be done instead (with FAILED_PRECONDITION), `fields` the bad fields and what is wrong with each, `retry_after`
    the real seconds after which a retry may go (with RESOURCE_EXHAUSTED; 0 if that cannot be told).
    """

    code: str
    reason: str
    message: str
    metadata: Mapping[str, str] = field(default_factory=dict)
    possible: tuple[str, ...] = ()
    fields: Mapping[str, str] = field(default_factory=dict)
    retry_after: float = 0.0

    def to_grpc(self) -> tuple[grpc.StatusCode, str, tuple[tuple[str, bytes], ...]]:
        """Return code, message and trailing metadata for `context.abort`."""
        metadata = dict(self.metadata)
        if self.possible:
            metadata["possible"] = ",".join(self.possible)
        info = error_details_pb2.ErrorInfo(reason=self.reason, domain=DOMAIN, metadata=metadata)
        details = [_packed(info)]
        if self.code == "FAILED_PRECONDITION":
            failure = error_details_pb2.PreconditionFailure()
            failure.violations.add(type=self.reason, subject=metadata.get("session", ""), description=self.message)
            details.append(_packed(failure))
        if self.fields:
            bad = error_details_pb2.BadRequest()
            for name, wrong in self.fields.items():
                bad.field_violations.add(field=name, description=wrong)
            details.append(_packed(bad))
        if self.retry_after > 0:
            retry = error_details_pb2.RetryInfo()
            retry.retry_delay.FromTimedelta(timedelta(seconds=self.retry_after))
            details.append(_packed(retry))
        status = status_pb2.Status(code=code_pb2.Code.Value(self.code), message=self.message, details=details)
        trailing = ((_DETAILS_KEY, status.SerializeToString()),)
        return grpc.StatusCode[self.code], self.message, trailing


class CallError(Exception):
    """A call failed. `fault` says how."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.message)
        self.fault = fault

    @property
    def code(self) -> str:
        """The gRPC status code's name."""
        return self.fault.code

    @property
    def reason(self) -> str:
        """The project's own constant, for example PIN_EXPIRED."""
        return self.fault.reason

    @property
    def possible(self) -> tuple[str, ...]:
        """What can be done instead."""
        return self.fault.possible

    @staticmethod
    def from_rpc(error: grpc.RpcError) -> CallError:
        """Return the CallError of the class that fits the status code."""
        fault = _fault_of(error)
        return _CLASSES.get(fault.code, CallError)(fault)


class Refused(CallError):
    """The status does not allow the command; nothing changed."""


class BadInput(CallError):
    """A field's value is wrong; `fault.fields` says which."""


class NotFound(CallError):
    """What was named does not exist."""


class AlreadyExists(CallError):
    """What was to be added is there already."""


class NotSignedIn(CallError):
    """The secret, token or ticket is wrong or has expired."""


class NotAllowed(CallError):
    """The caller has no business there."""


class TooMuch(CallError):
    """A limit was reached."""


class Unavailable(CallError):
    """The server is away or cannot store; a retry with the same request id is safe."""


_CLASSES: dict[str, type[CallError]] = {
    "FAILED_PRECONDITION": Refused,
    "INVALID_ARGUMENT": BadInput,
    "OUT_OF_RANGE": BadInput,
    "NOT_FOUND": NotFound,
    "ALREADY_EXISTS": AlreadyExists,
    "UNAUTHENTICATED": NotSignedIn,
    "PERMISSION_DENIED": NotAllowed,
    "RESOURCE_EXHAUSTED": TooMuch,
    "UNAVAILABLE": Unavailable,
    "DEADLINE_EXCEEDED": Unavailable,
    "CANCELLED": Unavailable,
}


def _packed(message: Message) -> any_pb2.Any:
    packed = any_pb2.Any()
    packed.Pack(message)
    return packed


def _fault_of(error: grpc.RpcError) -> Fault:
    if not isinstance(error, grpc.aio.AioRpcError):
        return Fault(code="UNKNOWN", reason="UNKNOWN", message=str(error))
    code, message = error.code().name, error.details() or ""
    reason, metadata, fields, retry_after = code, {}, {}, 0.0
    for key, value in error.trailing_metadata() or ():
        if key != _DETAILS_KEY or not isinstance(value, bytes):
            continue
        for detail in status_pb2.Status.FromString(value).details:
            info, bad = error_details_pb2.ErrorInfo(), error_details_pb2.BadRequest()
            retry = error_details_pb2.RetryInfo()
            if detail.Unpack(info):
                reason, metadata = info.reason, dict(info.metadata)
            elif detail.Unpack(bad):
                fields = {v.field: v.description for v in bad.field_violations}
            elif detail.Unpack(retry):
                retry_after = retry.retry_delay.ToTimedelta().total_seconds()
    possible = tuple(p for p in metadata.pop("possible", "").split(",") if p)
    return Fault(
        code=code,
        reason=reason,
        message=message,
        metadata=metadata,
        possible=possible,
        fields=fields,
        retry_after=retry_after,
    )
