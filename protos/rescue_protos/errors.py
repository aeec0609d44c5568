"""Every error of the wire: one exception tree, named after gRPC's status codes, for server and client alike.

    RescueError
    ├── FailedPrecondition          nothing changed, and the caller can choose something else
    │   ├── CommandNotAllowed       the status does not allow the command; `allowed` says which commands it allows
    │   ├── TargetNotAllowed        the command is allowed, but not with this technician, group or process
    │   ├── PinRefused              the PIN was used, has expired or is void
    │   ├── JoinCodeRefused         the join code was used by somebody else, or has expired
    │   ├── OrganizationRefused     for example: a technician who takes part in sessions cannot be removed
    │   ├── HistoryChanged          a backup was restored: the journal has to be read from its beginning
    │   └── ReplayOnly              a replay can be watched, not changed
    ├── InvalidArgument             a field's value is wrong; `fields` says which field and why
    │   └── RequestReused           the request id was used before, for another request
    ├── NotFound                    there is no such thing, or none that the caller may see
    ├── AlreadyExists               the name is taken
    ├── Unauthenticated             the secret, token or ticket is not accepted
    ├── PermissionDenied            the caller is known, but may not do this
    ├── ResourceExhausted           a limit is reached; `retry_after` says when a retry can succeed
    │   └── StorageFull             the server's disk is full; nothing changed
    ├── Unavailable                 the server is away; a retry with the same request id is safe
    │   ├── StorageUnavailable      the server could not store the request; `reason` says whether that is certain
    │   ├── ShuttingDown            the server is about to stop; what it acknowledged is stored
    │   ├── NotLeading              another server of the cluster leads; `leader` says which, if it is known
    │   └── ReplicaBehind           this server has not got that far yet; another one may have
    └── InjectedFault               a fault rule made the call fail

This module knows no gRPC. `error_details` translates an error to a gRPC status with google.rpc details, and back.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

OUTCOME_UNKNOWN = "OUTCOME_UNKNOWN"
"""The reason of a request of which nobody knows yet whether it is stored; the same request id finds out."""

LEADER = "leader"
"""The key in an error's metadata under which a server names the one that leads: HOST:PORT."""

# An error repeats what its caller wrote. It is stored for a while and sent in gRPC's metadata, so it must be short.
_LONGEST_MESSAGE = 600
_LONGEST_FACT = 200


class RescueError(Exception):
    """A call failed.

    `code` is the name of a gRPC status code. `reason` is an UPPER_SNAKE constant of this project. `metadata` has the
    facts of the message as fields. `fields` maps each wrong field to what is wrong with it. `allowed` names the
    commands that are allowed instead. `retry_after` is in real seconds; 0 means unknown.
    """

    code: str = "INTERNAL"
    reason: str = "RESCUE_ERROR"
    reasons: frozenset[str] = frozenset()
    """More reasons of the same class."""

    def __init__(
        self,
        message: str,
        *,
        reason: str = "",
        metadata: Mapping[str, str] | None = None,
        fields: Mapping[str, str] | None = None,
        allowed: Iterable[str] = (),
        retry_after: float = 0.0,
        code: str = "",
    ) -> None:
        super().__init__(_short(message, _LONGEST_MESSAGE))
        self.reason = reason or type(self).reason
        self.code = code or type(self).code
        self.metadata = {key: _short(value, _LONGEST_FACT) for key, value in (metadata or {}).items()}
        self.fields = {key: _short(value, _LONGEST_FACT) for key, value in (fields or {}).items()}
        self.allowed = tuple(allowed)
        self.retry_after = retry_after


class FailedPrecondition(RescueError):
    """The state of a session or of the organization does not allow the call. Nothing changed."""

    code = "FAILED_PRECONDITION"
    reason = "FAILED_PRECONDITION"


class CommandNotAllowed(FailedPrecondition):
    """The entry's status does not allow the command; `allowed` names those that it allows."""

    reason: str = "STEP_NOT_POSSIBLE"

    @classmethod
    def of(cls, *, session: str, status: str, command: str, allowed: Iterable[str]) -> CommandNotAllowed:
        """Make the error of a session whose entry has `status`, for the technician who gave `command`."""
        allowed = tuple(allowed)
        instead = ", ".join(allowed) if allowed else "nothing but to wait"
        return cls(
            f"session {session} is {status}: {command} is not possible here (possible: {instead})",
            metadata={"session": session, "status": status, "command": command},
            allowed=allowed,
        )

    @property
    def session(self) -> str:
        """The session's id."""
        return self.metadata.get("session", "")

    @property
    def status(self) -> str:
        """The status of the caller's entry, in English."""
        return self.metadata.get("status", "")

    @property
    def command(self) -> str:
        """The command that is not allowed."""
        return self.metadata.get("command", "")


class TargetNotAllowed(FailedPrecondition):
    """The command is allowed, but not with its target. `reason` says why."""

    reason = "TARGET_NOT_POSSIBLE"
    reasons = frozenset({"ALREADY_IN_SESSION", "EVERYBODY_IN_SESSION"})


class PinRefused(FailedPrecondition):
    """The PIN was used, has expired or is void; `reason` says which."""

    reason = "PIN_UNKNOWN"
    reasons = frozenset({"PIN_USED", "PIN_VOID", "PIN_EXPIRED"})


class JoinCodeRefused(FailedPrecondition):
    """The join code was used by somebody else, or has expired; `reason` says which."""

    reason = "JOIN_CODE_USED"
    reasons = frozenset({"JOIN_CODE_EXPIRED"})


class OrganizationRefused(FailedPrecondition):
    """The organization cannot be changed like this now."""

    reason = "ORGANIZATION_CHANGE_NOT_POSSIBLE"


class HistoryChanged(FailedPrecondition):
    """The revision belongs to another history: a backup was restored since. Read from the beginning."""

    reason = "HISTORY_CHANGED"


class ReplayOnly(FailedPrecondition):
    """The server plays a recorded journal: it can be watched, not changed."""

    reason = "REPLAY"


class InvalidArgument(RescueError):
    """A field's value is wrong; `fields` maps the field's name to what is wrong.

    In `metadata`, `wrong` is the English sentence without its facts, by which a translation is found.
    """

    code = "INVALID_ARGUMENT"
    reason = "BAD_VALUE"

    @classmethod
    def of(cls, field: str, wrong: str, **facts: str) -> InvalidArgument:
        """Make the error of one field. `wrong` is a template if there are facts."""
        said = wrong.format_map(facts) if facts else wrong
        metadata = {"field": field, "wrong": wrong, **facts}
        return cls(f"{field}: {said}", metadata=metadata, fields={field: said})

    @property
    def field(self) -> str:
        """The first wrong field; empty if none is named."""
        return next(iter(self.fields), "")

    @property
    def wrong(self) -> str:
        """What is wrong with `field`."""
        return self.fields.get(self.field, "")


class RequestReused(InvalidArgument):
    """The request id was used before, for another request."""

    reason = "REQUEST_ID_REUSED"


class NotFound(RescueError):
    """There is no such thing, or none that the caller may see."""

    code = "NOT_FOUND"
    reason = "NOT_FOUND"

    @classmethod
    def of(cls, kind: str, name: str, hint: str = "") -> NotFound:
        """Make the error of a thing of some kind ("session", "technician group") with a name."""
        return cls(
            f"there is no {kind} {name!r}" + (f": {hint}" if hint else ""),
            reason="UNKNOWN_" + kind.upper().replace(" ", "_"),
            metadata={"kind": kind, "name": name},
        )


class AlreadyExists(RescueError):
    """The name is taken."""

    code = "ALREADY_EXISTS"
    reason = "ALREADY_THERE"


class Unauthenticated(RescueError):
    """The secret, token or ticket is not accepted."""

    code = "UNAUTHENTICATED"
    reason = "NOT_AUTHENTICATED"


class PermissionDenied(RescueError):
    """The caller is known, but may not do this."""

    code = "PERMISSION_DENIED"
    reason = "NOT_PERMITTED"


class ResourceExhausted(RescueError):
    """A limit is reached. A retry can succeed after `retry_after` real seconds; 0 means unknown."""

    code = "RESOURCE_EXHAUSTED"
    reason = "LIMIT_REACHED"


class StorageFull(ResourceExhausted):
    """The server's disk is full, so the request could not be stored. Nothing changed."""

    reason = "STORE_FULL"


class Unavailable(RescueError):
    """The server is away. A retry with the same request id is safe."""

    code = "UNAVAILABLE"
    reason = "UNAVAILABLE"


class StorageUnavailable(Unavailable):
    """The server could not store the request. A retry with the same request id is safe.

    Nothing changed, unless the reason is OUTCOME_UNKNOWN: the disk failed in the middle, and if the server dies before
    it can store anything else, the request may turn out to be stored. The retry is then answered with its effect.
    """

    reason = "STORE_UNAVAILABLE"
    reasons = frozenset({OUTCOME_UNKNOWN})


class ShuttingDown(Unavailable):
    """The server is about to stop. What it acknowledged is stored."""

    reason = "SHUTTING_DOWN"

    @classmethod
    def of(cls) -> ShuttingDown:
        """Make the error that a server that stops answers with."""
        return cls("the server is shutting down: come back, nothing is lost")


class NotLeading(Unavailable):
    """This server does not lead the cluster, and only the leader can answer the call. Call the leader."""

    reason = "NOT_LEADING"

    @classmethod
    def of(cls, leader: str = "") -> NotLeading:
        """Make the error of a server that knows the leader's HOST:PORT, or does not know it now."""
        known = {LEADER: leader} if leader else {}
        return cls("this server does not lead" + (f": {leader} does" if leader else " now"), metadata=known)

    @property
    def leader(self) -> str:
        """HOST:PORT of the leader; empty if it is not known."""
        return self.metadata.get(LEADER, "")


class ReplicaBehind(Unavailable):
    """This server has not reached the revision that the caller has seen. Another server may have."""

    reason = "REPLICA_BEHIND"

    @classmethod
    def of(cls, revision: int, *, reached: int) -> ReplicaBehind:
        """Make the error of a server that is at `reached`, before the caller's revision."""
        return cls(
            f"revision {revision} is not here yet: this server is at {reached}",
            metadata={"revision": str(revision), "reached": str(reached)},
        )


class InjectedFault(RescueError):
    """A fault rule made the call fail. `code` is the gRPC status code that the rule names."""

    reason = "INJECTED_FAULT"


STORAGE_ERRORS: tuple[type[RescueError], ...] = (StorageUnavailable, StorageFull)
"""What a request that could not be stored ends with: a retry with the same id is safe."""


BY_CODE: Mapping[str, type[RescueError]] = {
    "FAILED_PRECONDITION": FailedPrecondition,
    "INVALID_ARGUMENT": InvalidArgument,
    "OUT_OF_RANGE": InvalidArgument,
    "NOT_FOUND": NotFound,
    "ALREADY_EXISTS": AlreadyExists,
    "UNAUTHENTICATED": Unauthenticated,
    "PERMISSION_DENIED": PermissionDenied,
    "RESOURCE_EXHAUSTED": ResourceExhausted,
    "UNAVAILABLE": Unavailable,
    "DEADLINE_EXCEEDED": Unavailable,
    "CANCELLED": Unavailable,
}
"""The class for each gRPC status code; RescueError itself for all others."""


def class_for(code: str, reason: str) -> type[RescueError]:
    """Return the class of an error that came over the wire: by its reason, else by its code."""
    general = BY_CODE.get(code, RescueError)
    specials = _subclasses(general)
    return next((special for special in specials if reason in {special.reason, *special.reasons}), general)


def _subclasses(general: type[RescueError]) -> Iterable[type[RescueError]]:
    for special in general.__subclasses__():
        if special.__module__ == __name__:
            yield special


def _short(text: str, longest: int) -> str:
    return text if len(text) <= longest else text[: longest - 1] + "…"
