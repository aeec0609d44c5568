"""Who is signed in: a cookie for each browser, and the page behind it.

A login keeps its user's secret: the companion signs in again when a token expires. A second value, the proof, shows
that a request comes from one of our pages: only our pages can read it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from rescue_web.login_cookies import LIFETIME
from rescue_web.supervisor_page import SupervisorPage
from rescue_web.technician_page import TechnicianPage
from rescue_web.training import Training

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
        self._signed_out: dict[str, float] = {}

    async def begin(
        self,
        key: str,
        *,
        proof: str,
        user: str,
        own_page: TechnicianPage | None = None,
        training: Training | None = None,
        supervisor_page: SupervisorPage | None = None,
    ) -> Login:
        """Begin the login of a cookie; logins that have expired, or are too many, end."""
        login = Login(
            key=key,
            proof=proof,
            user=user,
            own_page=own_page,
            training=training,
            supervisor_page=supervisor_page,
            last_seen=self._clock(),
        )
        self._logins[login.key] = login
        await self._tidy()
        return login

    def is_over(self, key: str) -> bool:
        """Whether the login of a cookie was ended here for good."""
        return key in self._signed_out

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
        """End a login for good: its cookie is worth nothing any more."""
        self._signed_out[login.key] = self._clock()
        await self._close(login)

    async def end_all(self) -> None:
        """End every login."""
        for login in list(self._logins.values()):
            await self._close(login)

    def end_feeds(self) -> None:
        """End the events of every page; the pages try to come back."""
        for login in self._logins.values():
            login.page.feed.end()

    def supervisor_pages(self) -> list[SupervisorPage]:
        """Return the page of every supervisor."""
        return [login.supervisor_page for login in self._logins.values() if login.supervisor_page is not None]

    async def _tidy(self) -> None:
        now = self._clock()
        self._signed_out = {key: at for key, at in self._signed_out.items() if now - at <= LIFETIME}
        over = [one for one in self._logins.values() if now - one.last_seen > LIFETIME]
        too_many = list(self._logins.values())[: max(0, len(self._logins) - MAX_LOGINS)]
        for login in {one.key: one for one in [*over, *too_many]}.values():
            await self._close(login)

    async def _close(self, login: Login) -> None:
        self._logins.pop(login.key, None)
        await login.close()
