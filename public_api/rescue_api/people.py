"""Who calls: e-mail addresses, cookies, and the codes that stand for a user."""

from __future__ import annotations

import secrets
import string
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from rescue_client.api_records import Account, Person

COOKIE = "ASP.NET_SessionId"
_ALPHABET = string.ascii_lowercase + string.digits
_COOKIE_LENGTH = 24
_IDLE = timedelta(minutes=20)  # emulated
_MOST_LOGINS = 10_000


def by_email(account: Account, given: str) -> Person | None:
    """Return the person with this e-mail address or name."""
    wanted = given.strip().casefold()
    return next(
        (person for person in account.people if wanted in (person.email.casefold(), person.name.casefold())), None
    )


def _random(length: int) -> str:
    return "".join(secrets.choice(_ALPHABET) for _ in range(length))


@dataclass(slots=True)
class _Login:
    node: int
    used_at: datetime


@dataclass(slots=True)
class ApiLogins:
    """The cookies of users who logged in, in memory only. One dies after 20 emulated minutes without a call.

    Users are known by their nodes: a name may change, and become another's.
    """

    _by_cookie: dict[str, _Login] = field(default_factory=dict)

    def open(self, node: int, now: datetime) -> str:
        """Return a fresh cookie."""
        self._by_cookie = {key: login for key, login in self._by_cookie.items() if now < login.used_at + _IDLE}
        while len(self._by_cookie) >= _MOST_LOGINS:
            del self._by_cookie[next(iter(self._by_cookie))]
        cookie = _random(_COOKIE_LENGTH)
        self._by_cookie[cookie] = _Login(node, now)
        return cookie

    def node_of(self, cookie: str, now: datetime) -> int | None:
        """Return the node of who logged in with this cookie, and count the call; None if nobody did."""
        login = self._by_cookie.get(cookie)
        if login is None or now >= login.used_at + _IDLE:
            self._by_cookie.pop(cookie, None)
            return None
        login.used_at = now
        return login.node

    def close(self, cookie: str) -> None:
        """Make the cookie void."""
        self._by_cookie.pop(cookie, None)
