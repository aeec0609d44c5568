"""The chat lines that the customer's computer has not confirmed yet: they are sent again when it attaches anew.

No line is lost without a word: a technician's line is refused while `limits.unconfirmed_chat_lines` are kept. The
customer's own lines are not, because a computer that sends them confirms them as well.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence

from rescue_server.core.events import ChatSent
from rescue_server.runtime.applet_orders import ChatShown
from rescue_server.runtime.state import AppliedEvent

MOST_KEPT = 1_000
"""Lines per session, also of a computer that confirms none."""


class ChatLog:
    """The unconfirmed lines of each open session. Those of an ended one are dropped, because its applet is gone."""

    def __init__(self) -> None:
        self._lines: dict[str, deque[ChatShown]] = {}

    def record(self, applied: AppliedEvent) -> None:
        """Record a published event."""
        if applied.after is None:
            return
        if applied.after.ended_at is not None:
            self._lines.pop(applied.after.id, None)
        elif isinstance(applied.event, ChatSent):
            lines = self._lines.setdefault(applied.after.id, deque(maxlen=MOST_KEPT))
            lines.append(ChatShown(applied.event.technician, applied.event.text, applied.revision))

    def copy(self) -> dict[str, list[ChatShown]]:
        """Return the lines by session."""
        return {session: list(lines) for session, lines in self._lines.items() if lines}

    def assign(self, lines: Mapping[str, Sequence[ChatShown]]) -> None:
        """Take these lines, by session."""
        self._lines = {session: deque(kept, maxlen=MOST_KEPT) for session, kept in lines.items()}

    def confirm(self, session: str, revision: int) -> None:
        """Drop the lines that the computer has shown."""
        lines = self._lines.get(session)
        while lines and lines[0].revision <= revision:
            lines.popleft()

    def unconfirmed(self, session: str) -> list[ChatShown]:
        """Return the lines that the computer has not confirmed, in order."""
        return list(self._lines.get(session, ()))
