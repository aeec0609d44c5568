"""The logs of sessions, read from the journal."""

from __future__ import annotations

from rescue_server.core.organization import OrganizationEvent
from rescue_server.core.session_log import SessionTranscript
from rescue_server.runtime.engine import Engine
from rescue_server.runtime.state import read_event

_READ = 500  # events read from the store in one turn


async def session_log(engine: Engine, session: str) -> SessionTranscript | None:
    """Return a session's log up to what is published; None if the journal has no such session.

    Raises StorageUnavailable.
    """
    log, after, through = SessionTranscript(), 0, engine.published.revision
    while True:
        found = await engine.stored_events(after, through=through, limit=_READ, stream=session)
        for stored in found:
            event = read_event(stored)
            if not isinstance(event, OrganizationEvent):
                log.add(stored.revision, event)
        if len(found) < _READ:
            return log if after or found else None
        after = found[-1].revision
