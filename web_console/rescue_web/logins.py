"""Who is signed in: a random cookie for each browser, and the page behind it.

A login keeps its user's secret, in memory only: the companion signs in again when a token expires. A second value, the
proof, shows that a request comes from one of our pages: only our pages can read it.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass

from rescue_web.supervisor_page import SupervisorPage
from rescue_web.technician_page import TechnicianPage
from rescue_web.training import Training

LIFETIME = 12 * 3600.0
"""Real seconds after the last request."""
MAX_LOGINS = 200


@dataclass(slots=True, kw_only=True)
class Login:
    """One browser of one user: a technician or a supervisor."""

    key: str
    proof: str
    user: str
    own_page: TechnicianPage | None = None
    training: Training | None = None
    supervisor_page: SupervisorPage | None = None
    last_seen: float = 0.0

    async def close(self) -> None:
        """Close the page behind this login."""
        if self.training is not None:
            await self.training.close()
        await self.page.close()

    @property
    def technician_page(self) -> TechnicianPage | None:
        """The technician's console: that of their exercise, while they do one."""
        return (self.training and self.training.page) or self.own_page

    @property
    def page(self) -> TechnicianPage | SupervisorPage:
        """The page of the technician or of the supervisor; a login has exactly one."""
        page = self.technician_page or self.supervisor_page
        if page is None:
            raise RuntimeError("a login without a page")
        return page


class Logins:
    """All logins, the longest unused first. `clock` is real and monotonic, in seconds."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._logins: dict[str, Login] = {}

    async def begin(
        self,
        user: str,
        *,
        own_page: TechnicianPage | None = None,
        training: Training | None = None,
        supervisor_page: SupervisorPage | None = None,
    ) -> Login:
        """Begin a login; logins that have expired, or are too many, end."""
        await self._tidy()
        login = Login(
            key=secrets.token_urlsafe(32),
            proof=secrets.token_urlsafe(32),
            user=user,
            own_page=own_page,
            training=training,
            supervisor_page=supervisor_page,
            last_seen=self._clock(),
        )
        self._logins[login.key] = login
        return login

    def find(self, key: str) -> Login | None:
        """Return the login that a cookie names, if it has not expired."""
        login = self._logins.pop(key, None)
        if login is None:
            return None
        self._logins[key] = login
        if self._clock() - login.last_seen > LIFETIME:
            return None
        login.last_seen = self._clock()
        return login

    async def end(self, login: Login) -> None:
        """End a login."""
        self._logins.pop(login.key, None)
        await login.close()

    async def end_all(self) -> None:
        """End every login."""
        for login in list(self._logins.values()):
            await self.end(login)

    def end_feeds(self) -> None:
        """End the events of every page; the pages try to come back."""
        for login in self._logins.values():
            login.page.feed.end()

    def supervisor_pages(self) -> list[SupervisorPage]:
        """Return the page of every supervisor."""
        return [login.supervisor_page for login in self._logins.values() if login.supervisor_page is not None]

    async def _tidy(self) -> None:
        over = [one for one in self._logins.values() if self._clock() - one.last_seen > LIFETIME]
        too_many = list(self._logins.values())[: max(0, len(self._logins) - MAX_LOGINS + 1)]
        for login in {one.key: one for one in [*over, *too_many]}.values():
            await self.end(login)
