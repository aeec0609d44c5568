"""What a technician's focus does to the sessions in their queue: each of them records it.

That is done in portions. Between two of them other commands are decided, so that nobody waits for a long queue.
"""

from __future__ import annotations

from collections.abc import Sequence

from rescue_server.core import decide
from rescue_server.runtime.engine import Engine, Handler, Outcome
from rescue_server.runtime.state import EngineState

PORTION = 50  # sessions


def in_focus(engine: Engine) -> frozenset[str]:
    """Return the technicians who had a session in focus when the state was stored."""
    sessions = engine.published.sessions.unpacked()
    return frozenset(
        name for session in sessions if session.ended_at is None for name, e in session.entries.items() if e.focused
    )


async def record_focus(engine: Engine, technician: str, focused: bool) -> None:
    """Record that a technician gained or lost the focus. Raises StorageUnavailable."""
    sessions = [session.id for session in engine.ahead.queue_of(technician)]
    for start in range(0, len(sessions), PORTION):
        await engine.perform(_portion(technician, focused, sessions[start : start + PORTION]))


def _portion(technician: str, focused: bool, sessions: Sequence[str]) -> Handler:
    def handle(state: EngineState, context: decide.Context) -> Outcome:
        events: decide.Events = []
        if (technician in context.in_focus) is not focused:
            return Outcome()  # it changed again, and that change is recorded in all sessions
        for number in sessions:
            if (session := state.sessions.get(number)) is not None:
                events += decide.on_focus(session, technician=technician, focused=focused, context=context)
        return Outcome(events=events)

    return handle
