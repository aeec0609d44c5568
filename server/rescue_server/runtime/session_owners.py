"""Who and what sessions still need: it can be neither removed nor renamed."""

from __future__ import annotations

from rescue_protos.errors import OrganizationRefused
from rescue_server.core.session import is_gone
from rescue_server.runtime.state import EngineState


def require_not_in_sessions(state: EngineState, technician: str) -> None:
    """Raise OrganizationRefused while the technician takes part in sessions."""
    if queue := state.queue_of(technician):
        numbers = ", ".join(session.id for session in queue)
        raise OrganizationRefused(
            f"{technician} still has sessions in their queue ({numbers}): end or transfer them first"
        )


def require_no_sessions(state: EngineState, owner: str) -> None:
    """Raise OrganizationRefused while sessions follow the settings of this group or channel."""
    if left := [session.id for session in state.sessions.values() if session.owner == owner and not is_gone(session)]:
        raise OrganizationRefused(f"{owner} still has sessions ({', '.join(sorted(left, key=int))}): end them first")
