"""How many sessions, queue entries and pending posts there are of each kind, counted as they change."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from rescue_server.core.posts import PostState
from rescue_server.core.session import Session
from rescue_server.core.status import Link, Status


class SessionCounts:
    """Sessions that go on by link, entries in queues by the status that they show, and posts that are to be sent.

    To read them costs the same however many there are.
    """

    def __init__(self) -> None:
        self.links: Counter[Link] = Counter()
        self.statuses: Counter[Status | None] = Counter()
        self.pending_posts = 0

    def begin(self, sessions: Iterable[Session]) -> None:
        """Count these, and forget what was counted before."""
        self.links.clear()
        self.statuses.clear()
        self.pending_posts = 0
        for session in sessions:
            self._count(session, 1)

    def change(self, before: Session | None, after: Session | None) -> None:
        """An event has changed a session. A session that is forgotten later is in no queue any more."""
        self._count(before, -1)
        self._count(after, 1)

    def _count(self, session: Session | None, by: int) -> None:
        if session is None:
            return
        if session.ended_at is None:
            self.links[session.link] += by
        for name in session.entries:
            self.statuses[session.status_for(name)] += by
        self.pending_posts += by * sum(post.state is PostState.PENDING for post in session.posts)
