"""The sessions whose history the console must still read from the journal. No I/O."""

from __future__ import annotations

from rescue_client.records import ServerBack, Snapshot, Update


class HistoryBacklog:
    """Keeps which sessions to read: each once after a snapshot, and again if the server was away.

    A snapshot contains the queue, but not the earlier changes and chat.
    """

    def __init__(self) -> None:
        self._unread: set[str] = set()
        self._failed: set[str] = set()

    def receive(self, update: Update) -> None:
        """Take in an update of the watch."""
        match update:
            case Snapshot(entries=entries):
                self._unread, self._failed = {entry.session for entry in entries}, set()
            case ServerBack():
                self._unread |= self._failed
                self._failed = set()

    def take(self, session: str) -> bool:
        """Return whether a session's history must be read now; after that it counts as read."""
        must_read = session in self._unread
        self._unread.discard(session)
        return must_read

    def failed(self, session: str) -> None:
        """Record that a session's history could not be read."""
        self._failed.add(session)
