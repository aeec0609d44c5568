"""Whom a fault rule concerns: everybody, or only some technicians.

Worlds that share a server have technicians of their own. A rule with technicians concerns their sessions, their calls,
and the calls of the applets in their sessions. So the rule of one world never affects another.
"""

from __future__ import annotations

from collections.abc import Collection

from rescue_protos.errors import InvalidArgument, NotFound
from rescue_protos.v1 import access_pb2, admin_pb2, applet_pb2
from rescue_server.core.session import Session
from rescue_server.faults.http_rules import AffectApi
from rescue_server.faults.rules import AffectCall, Called, Rule, Shown
from rescue_server.runtime.state import EngineState

# Administrators serve every world. Of an attachment, the session is known only after it was opened.
_ADMINISTRATION = admin_pb2.DESCRIPTOR.services_by_name["AdminService"]
_OF_NOBODY_ALONE = {*(method.name for method in _ADMINISTRATION.methods), "Attach"}


def covers(technicians: Collection[str], session: Session | None) -> bool:
    """Whether a rule for these technicians concerns the session; without technicians it concerns all."""
    return not technicians or (session is not None and not session.entries.keys().isdisjoint(technicians))


def callers(state: EngineState, request: object, *, user: str = "", computer_of: str = "") -> frozenset[str]:
    """Return the technicians to whom a call belongs: the caller, or those in the session of an applet or computer."""
    if user:
        return frozenset({user})
    session = computer_of
    match request:
        case access_pb2.SignInRequest():
            return frozenset({request.user})
        case applet_pb2.StartThroughChannelRequest():
            groups = state.organization.channels.get(request.channel, ())
            return frozenset(name for name, group in state.organization.technicians.items() if group in groups)
        case applet_pb2.RedeemPinRequest():
            session = state.pins.get(request.pin, "")
    found = state.sessions.get(session)
    return frozenset(found.entries) if found is not None else frozenset()


def require_names(state: EngineState, rule: Rule, technicians: Collection[str]) -> None:
    """Raise NotFound if the rule names a session or user who does not exist, or who is outside of its scope.

    Raises InvalidArgument if the rule has a scope and its method belongs to nobody alone.
    """
    organization = state.organization
    for name in technicians:
        organization.require_technician(name)
    if rule.session and rule.session not in state.sessions:
        raise NotFound.of("session", rule.session)
    of_moment = rule.moment.session if isinstance(rule.moment, Shown) else ""  # it may still have to be created
    for session in (rule.session, of_moment):
        if session in state.sessions and not covers(technicians, state.sessions[session]):
            raise NotFound.of("session", session)
    for part in (rule.moment, rule.action):
        if isinstance(part, Shown):  # only technicians have a queue
            _require_one_of(technicians or organization.technicians, "technician", part.user)
        if isinstance(part, Called | AffectCall):
            _require_one_of(technicians or organization.secret_hashes, "user", part.user)
        if technicians and (
            isinstance(part, AffectApi) or (isinstance(part, Called | AffectCall) and part.method in _OF_NOBODY_ALONE)
        ):
            raise InvalidArgument.of(
                "text", f"{part.method} belongs to no technician: such a rule needs a server of its own"
            )


def _require_one_of(there: Collection[str], kind: str, name: str) -> None:
    if name and name not in there:
        raise NotFound.of(kind, name, "there are: " + ", ".join(sorted(there)))
