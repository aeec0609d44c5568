"""What a sign of life of an applet leads to: its lease is renewed, and a link that was lost is back."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence

from rescue_protos.errors import STORAGE_ERRORS
from rescue_server.core import customer_side
from rescue_server.core.status import LOST_LINKS
from rescue_server.runtime import command_handlers
from rescue_server.runtime.engine import Engine
from rescue_server.runtime.schedule.timekeeper import Timekeeper


class SignsOfLife:
    """Takes the signs of life of one server's applets."""

    def __init__(self, engine: Engine, timekeeper: Timekeeper) -> None:
        self._engine = engine
        self._timekeeper = timekeeper

    def renew(self, session_id: str, *, answered: bool = False) -> bool:
        """Renew the lease; return whether the link was lost, so that `restore` must follow.

        `answered`: the sign answers a probe.
        """
        self._timekeeper.renew_lease(session_id, answered=answered)
        session = self._engine.ahead.sessions.get(session_id)
        return session is not None and session.link in LOST_LINKS

    def renew_all(self, sessions: Sequence[str], *, answered: bool) -> list[str]:
        """Do the same for many, which saves most of it; return those whose link was lost."""
        self._timekeeper.renew_leases(sessions, answered=answered)
        known = self._engine.ahead.sessions
        return [one for one in sessions if (session := known.get(one)) is not None and session.link in LOST_LINKS]

    async def restore(self, session_id: str) -> None:
        """Record that the link is back. If nothing can be stored now, the next sign of life tries again."""
        with contextlib.suppress(*STORAGE_ERRORS):
            await self._engine.perform(command_handlers.of_applet(session_id, customer_side.on_sign_of_life))
