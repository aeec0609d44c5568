"""Translate an error to a gRPC status with google.rpc details, and back. Nothing depends on the text of a message.

Source: the error model of google.rpc (status, error_details).
"""

from __future__ import annotations

from datetime import timedelta

import grpc
from google.protobuf import any_pb2
from google.protobuf.message import Message
from google.rpc import code_pb2, error_details_pb2, status_pb2

from rescue_protos.errors import RescueError, class_for

DOMAIN = "rescue-emulator"
DETAILS_KEY = "grpc-status-details-bin"
"""The trailing metadata with the google.rpc.Status of a call."""
_BROKEN_WRITE = "Internal error from Core"
"""What grpc.aio says in place of the true status if a write is under way when a stream ends."""
_ALLOWED = "possible"  # the key in ErrorInfo's metadata


def to_status(error: RescueError) -> tuple[grpc.StatusCode, str, tuple[tuple[str, bytes], ...]]:
    """Return code, message and trailing metadata for `context.abort`."""
    message, metadata = str(error), dict(error.metadata)
    if error.allowed:
        metadata[_ALLOWED] = ",".join(error.allowed)
    info = error_details_pb2.ErrorInfo(reason=error.reason, domain=DOMAIN, metadata=metadata)
    details = [_packed(info)]
    if error.code == "FAILED_PRECONDITION":
        failure = error_details_pb2.PreconditionFailure()
        failure.violations.add(type=error.reason, subject=metadata.get("session", ""), description=message)
        details.append(_packed(failure))
    if error.fields:
        bad = error_details_pb2.BadRequest()
        for name, wrong in error.fields.items():
            bad.field_violations.add(field=name, description=wrong)
        details.append(_packed(bad))
    if error.retry_after > 0:
        retry = error_details_pb2.RetryInfo()
        retry.retry_delay.FromTimedelta(timedelta(seconds=error.retry_after))
        details.append(_packed(retry))
    status = status_pb2.Status(code=code_pb2.Code.Value(error.code), message=message, details=details)
    return grpc.StatusCode[error.code], message, ((DETAILS_KEY, status.SerializeToString()),)


def code_of(error: grpc.aio.AioRpcError) -> grpc.StatusCode:
    """Return the status code of a failed call; UNAVAILABLE of a stream that broke while it was written to."""
    is_broken_write = error.code() is grpc.StatusCode.INTERNAL and error.details() == _BROKEN_WRITE
    return grpc.StatusCode.UNAVAILABLE if is_broken_write else error.code()


def from_rpc_error(error: grpc.RpcError) -> RescueError:
    """Return the error that a failed call brought, as an instance of the class that the server raised."""
    if not isinstance(error, grpc.aio.AioRpcError):
        return RescueError(str(error), reason="UNKNOWN", code="UNKNOWN")
    code = code_of(error).name
    reason, metadata, fields, retry_after = code, {}, {}, 0.0
    for key, value in error.trailing_metadata() or ():
        if key != DETAILS_KEY or not isinstance(value, bytes):
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
    allowed = tuple(name for name in metadata.pop(_ALLOWED, "").split(",") if name)
    return class_for(code, reason)(
        error.details() or "",
        reason=reason,
        metadata=metadata,
        fields=fields,
        allowed=allowed,
        retry_after=retry_after,
        code=code,
    )


def _packed(message: Message) -> any_pb2.Any:
    packed = any_pb2.Any()
    packed.Pack(message)
    return packed
