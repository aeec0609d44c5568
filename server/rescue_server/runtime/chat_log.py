"""The last chat lines of each session, for an applet that was not connected when they were written."""

from __future__ import annotations

from collections import deque

from rescue_server.core.events import ChatSent
from rescue_server.runtime.applet_orders import ChatShown
from rescue_server.runtime.state import AppliedEvent

KEPT = 200  # lines per session


class ChatLog:
    """The chat lines of each open session. The lines of an ended session are dropped, because its applet is gone."""

    def __init__(self) -> None:
        self._lines: dict[str, deque[ChatShown]] = {}

    def record(self, applied: AppliedEvent) -> None:
        """Record a published event."""
        if applied.after is None:
            return
        if applied.after.ended_at is not None:
            self._lines.pop(applied.after.id, None)
        elif isinstance(applied.event, ChatSent):
            lines = self._lines.setdefault(applied.after.id, deque(maxlen=KEPT))
            lines.append(ChatShown(applied.event.technician, applied.event.text, applied.revision))

    def after(self, session: str, revision: int) -> list[ChatShown]:
        """Return the chat lines of a session after a revision, in order."""
        return [line for line in self._lines.get(session, ()) if line.revision > revision]
