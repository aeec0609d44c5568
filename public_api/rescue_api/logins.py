"""The cookies of users who logged in.

A cookie looks like the vendor's, and says itself whose it is, with a proof of a key: the companions of all servers of a
cluster have the same one. So a client that moves to another server stays logged in. When a cookie was used last, and
that somebody logged out, only the companion knows where that was.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import string
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

COOKIE = "ASP.NET_SessionId"
IDLE = timedelta(minutes=20)
"""Emulated time without a call, after which a cookie is void."""
MOVES_WITHIN = timedelta(hours=24)
"""Emulated time after a login, in which its cookie is accepted by a companion that sees it for the first time."""

_ALPHABET = string.digits + string.ascii_lowercase
_LENGTH = 24  # characters; 124 bits
_BITS = {"nonce": 16, "node": 30, "steps": 30}
_PROOF_BITS = 48
_STEP = timedelta(minutes=10)
_BEGIN = datetime.min.replace(tzinfo=UTC)
_MOST_KNOWN = 10_000


@dataclass(slots=True)
class _Login:
    used_at: datetime
    is_void: bool = False


@dataclass(frozen=True, slots=True)
class _Content:
    node: int
    begun_at: datetime


class ApiLogins:
    """Those that one companion knows. `key` proves cookies; without one it is random.

    Users are known by their nodes: a name may change, and become another's.
    """

    def __init__(self, key: str = "") -> None:
        self._key = key.encode() or secrets.token_bytes()
        self._known: dict[str, _Login] = {}

    def open(self, node: int, now: datetime) -> str:
        """Return a fresh cookie."""
        parts = {"nonce": secrets.randbits(_BITS["nonce"]), "node": node, "steps": (now - _BEGIN) // _STEP}
        body = 0
        for name, bits in _BITS.items():
            body = body << bits | parts[name]
        cookie = _written(body << _PROOF_BITS | self._proof(body))
        self._keep(cookie, _Login(now))
        return cookie

    def node_of(self, cookie: str, now: datetime) -> int | None:
        """Return the node of who logged in with this cookie, and count the call; None if it is void."""
        content = self._read(cookie)
        if content is None:
            return None
        login = self._known.get(cookie)
        if login is None:
            login = _Login(now, is_void=now - content.begun_at >= MOVES_WITHIN)
            self._keep(cookie, login)
        login.is_void = login.is_void or now - login.used_at >= IDLE
        if login.is_void:
            return None
        login.used_at = now
        return content.node

    def close(self, cookie: str, now: datetime) -> None:
        """Make the cookie void."""
        if self._read(cookie) is not None:
            self._keep(cookie, _Login(now, is_void=True))

    def _keep(self, cookie: str, login: _Login) -> None:
        self._known[cookie] = login
        if len(self._known) > _MOST_KNOWN:
            del self._known[next(iter(self._known))]

    def _read(self, cookie: str) -> _Content | None:
        if len(cookie) != _LENGTH or not set(cookie) <= set(_ALPHABET):
            return None
        body, proof = divmod(int(cookie, len(_ALPHABET)), 1 << _PROOF_BITS)
        if not hmac.compare_digest(proof.to_bytes(_PROOF_BITS // 8), self._proof(body).to_bytes(_PROOF_BITS // 8)):
            return None
        parts = {}
        for name, bits in reversed(_BITS.items()):
            body, parts[name] = divmod(body, 1 << bits)
        return _Content(parts["node"], _BEGIN + parts["steps"] * _STEP)

    def _proof(self, body: int) -> int:
        digest = hmac.digest(self._key, b"cookie of the public API" + body.to_bytes(16), hashlib.sha256)
        return int.from_bytes(digest[: _PROOF_BITS // 8])


def _written(number: int) -> str:
    digits = ""
    for _ in range(_LENGTH):
        number, digit = divmod(number, len(_ALPHABET))
        digits = _ALPHABET[digit] + digits
    return digits
