"""What can go wrong, one class per thing that a caller can do about it.

    RescueError
    ├── Refusal                  nothing changed, and the caller can choose something else
    │   ├── StepRefused          the entry's status does not allow the command
    │   ├── TargetRefused        the command is allowed, but not with this technician, group or process
    │   ├── PinRefused           the PIN was used, has expired or is void
    │   └── OrganizationRefused  a technician who takes part in sessions cannot be removed, and the like
    ├── Unknown                  what was named does not exist
    ├── AlreadyThere             what was to be added exists
    ├── BadValue                 a field's value is wrong; names the field and what is possible
    ├── RequestReused            a request id came again with another content
    ├── NotAuthenticated         the secret, token or ticket is not accepted
    ├── NotPermitted             known, but with no business there
    ├── LimitReached             too many or too much
    ├── InjectedFault            a fault rule made it fail; a test wanted it so
    ├── ShuttingDown             the server is about to go; come back
    └── StoreTrouble             what was asked could not be stored; a retry is safe

The core raises them; only `rpc/` turns them into gRPC statuses.
"""

from __future__ import annotations

from collections.abc import Mapping

# What a caller wrote is repeated in errors, which are remembered for a while, and sent in gRPC's metadata.
_LONGEST_MESSAGE = 600
_LONGEST_FACT = 200


class RescueError(Exception):
    """`reason` is an UPPER_SNAKE constant; `metadata` repeats the message's facts as fields."""

    reason = "RESCUE_ERROR"

    def __init__(self, message: str, *, reason: str = "", metadata: Mapping[str, str] | None = None) -> None:
        super().__init__(_short(message, _LONGEST_MESSAGE))
        if reason:
            self.reason = reason
        self.metadata = {key: _short(value, _LONGEST_FACT) for key, value in (metadata or {}).items()}


class Refusal(RescueError):
    """Nothing changed. `possible` says what can be done instead."""

    possible: tuple[str, ...] = ()


class StepRefused(Refusal):
    """The entry's status does not allow the command."""

    reason = "STEP_NOT_POSSIBLE"

    def __init__(self, *, session: str, status: str, command: str, possible: tuple[str, ...]) -> None:
        instead = ", ".join(possible) if possible else "nothing but to wait"
        super().__init__(
            f"session {session} is {status}: {command} is not possible here (possible: {instead})",
            metadata={"session": session, "status": status, "command": command},
        )
        self.possible = possible


class TargetRefused(Refusal):
    """The command is allowed, but not with what it names. A more special `reason` is what consoles know in Dutch."""

    reason = "TARGET_NOT_POSSIBLE"


class PinRefused(Refusal):
    """The PIN was used, has expired or is void; `reason` says which."""


class OrganizationRefused(Refusal):
    """The organization cannot be changed like this now."""

    reason = "ORGANIZATION_CHANGE_NOT_POSSIBLE"


class Unknown(RescueError):
    """There is no such thing (or none that the caller may see)."""

    def __init__(self, kind: str, name: str, hint: str = "") -> None:
        super().__init__(
            f"there is no {kind} {name!r}" + (f": {hint}" if hint else ""),
            reason="UNKNOWN_" + kind.upper().replace(" ", "_"),
            metadata={"kind": kind, "name": name},
        )


class AlreadyThere(RescueError):
    """A name is taken."""

    reason = "ALREADY_THERE"


class BadValue(RescueError):
    """A field's value is wrong."""

    reason = "BAD_VALUE"

    def __init__(self, field: str, wrong: str) -> None:
        super().__init__(f"{field}: {wrong}", metadata={"field": field})
        self.field = field
        self.wrong = _short(wrong, _LONGEST_FACT)


class RequestReused(RescueError):
    """A request id came again with another content."""

    reason = "REQUEST_ID_REUSED"


class NotAuthenticated(RescueError):
    """The secret, token or ticket is not accepted."""

    reason = "NOT_AUTHENTICATED"


class NotPermitted(RescueError):
    """The caller is known, but has no business there."""

    reason = "NOT_PERMITTED"


class LimitReached(RescueError):
    """Too many or too much. `retry_after`: real seconds after which it may go, 0 if that cannot be told."""

    reason = "LIMIT_REACHED"

    def __init__(
        self, message: str, *, reason: str = "", metadata: Mapping[str, str] | None = None, retry_after: float = 0.0
    ) -> None:
        super().__init__(message, reason=reason, metadata=metadata)
        self.retry_after = retry_after


class StoreTrouble(RescueError):
    """What was asked could not be stored, and nothing changed. `full` if there is no room left."""

    reason = "STORE_UNAVAILABLE"

    def __init__(self, message: str, *, full: bool = False) -> None:
        super().__init__(message, reason="STORE_FULL" if full else "")
        self.full = full


class InjectedFault(RescueError):
    """A fault rule made the call fail. `code` is the name of a gRPC status code."""

    reason = "INJECTED_FAULT"

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class ShuttingDown(RescueError):
    """The server is about to go; what was acknowledged stays."""

    reason = "SHUTTING_DOWN"

    def __init__(self) -> None:
        super().__init__("the server is shutting down: come back, nothing is lost")


def _short(text: str, longest: int) -> str:
    return text if len(text) <= longest else text[: longest - 1] + "…"
