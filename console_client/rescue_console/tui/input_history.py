"""Of which sessions the console has not heard everything: what a listing told, until the journal was asked. No I/O."""

from __future__ import annotations

from rescue_client.records import ServerBack, Snapshot, Update


class Recall:
    """Says which sessions are to be asked about: each once after a listing, again if the server was away."""

    def __init__(self) -> None:
        self._unheard: set[str] = set()
        self._unanswered: set[str] = set()

    def hear(self, update: Update) -> None:
        """Take in an update of the watch. A listing tells what is, but not what was done and said before."""
        match update:
            case Snapshot(entries=entries):
                self._unheard, self._unanswered = {entry.session for entry in entries}, set()
            case ServerBack():
                self._unheard |= self._unanswered
                self._unanswered = set()

    def take(self, session: str) -> bool:
        """Return whether the journal is to be asked about a session now; then it is taken as asked."""
        asked = session in self._unheard
        self._unheard.discard(session)
        return asked

    def failed(self, session: str) -> None:
        """The journal could not be asked."""
        self._unanswered.add(session)
