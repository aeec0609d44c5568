"""Which sessions have other deadlines because the organization has changed."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import TypeVar

from rescue_server.core.organization import Organization
from rescue_server.runtime.state import EngineState

Value = TypeVar("Value")


def concerned_sessions(state: EngineState, before: Organization) -> Iterator[str]:
    """Yield the sessions whose periods may be others than under `before`; some more than once.

    The periods of a session are those of its owner and of the groups of its technicians. To find the sessions costs
    nothing for the others.
    """
    now = state.organization
    owners = _different(before.settings, now.settings)
    technicians = set(_different(before.technicians, now.technicians))
    for owner in owners:
        yield from state.sessions_of(owner)
        if owner.startswith("group:") and owner in now.settings:
            technicians.update(now.members(owner))
    for technician in technicians:
        yield from state.queued_of(technician)


def _different(before: Mapping[str, Value], now: Mapping[str, Value]) -> Collection[str]:
    if before is now:
        return ()
    return [name for name in before.keys() | now.keys() if before.get(name) != now.get(name)]
