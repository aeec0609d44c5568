"""Who and what sessions still need: it can be neither removed nor renamed."""

from __future__ import annotations

from itertools import islice

from rescue_protos.errors import OrganizationRefused
from rescue_server.runtime.state import EngineState

_NAMED_AT_MOST = 20  # sessions in a message


def require_not_in_sessions(state: EngineState, technician: str) -> None:
    """Raise OrganizationRefused while the technician takes part in sessions."""
    if queue := state.queue_of(technician):
        numbers = ", ".join(session.id for session in queue)
        raise OrganizationRefused(
            f"{technician} still has sessions in their queue ({numbers}): end or transfer them first"
        )


def require_no_sessions(state: EngineState, owner: str) -> None:
    """Raise OrganizationRefused while sessions follow the settings of this group or channel."""
    if left := state.sessions_of(owner):
        some = sorted(islice(left, _NAMED_AT_MOST), key=int)
        more = f" and {len(left) - len(some)} more" if len(left) > len(some) else ""
        raise OrganizationRefused(f"{owner} still has sessions ({', '.join(some)}{more}): end them first")
