"""What browsers keep of a login.

With a key, a cookie holds the login itself, sealed: the companions of all servers of a cluster have the same key, so a
browser that comes to another server, or after its companion has died, is still signed in. Without one, or without the
library that seals, a cookie is a random name of a login that this companion alone knows.
"""

from __future__ import annotations

import binascii
import hashlib
import hmac
import json
import secrets
from base64 import urlsafe_b64encode
from dataclasses import asdict, dataclass, field

from rescue_common.extras import is_cryptography_installed

LIFETIME = 12 * 3600.0
"""Real seconds: after a login's last request where it is known, and after its sign-in elsewhere."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedLogin:
    """What is needed to begin a login anew. The secret is asked for again when a token expires."""

    user: str
    secret: str = field(repr=False)
    administrator: bool


class LoginCookies:
    """The cookies of one companion. `key` is what all companions of a cluster have."""

    def __init__(self, key: str = "") -> None:
        self._key = key.encode() or secrets.token_bytes()
        self.are_sealed = bool(key) and is_cryptography_installed()
        """Whether other companions with the key can read them."""

    def make(self, login: SealedLogin) -> str:
        """Return a fresh cookie."""
        if not self.are_sealed:
            return secrets.token_urlsafe(32)
        from cryptography.fernet import Fernet

        return Fernet(self._seal_key()).encrypt(json.dumps(asdict(login)).encode()).decode().rstrip("=")

    def read(self, cookie: str) -> SealedLogin | None:
        """Return the login in a cookie; None if it was not sealed with this key, or too long ago."""
        if not self.are_sealed:
            return None
        from cryptography.fernet import Fernet, InvalidToken

        padded = cookie + "=" * (-len(cookie) % 4)
        try:
            return SealedLogin(**json.loads(Fernet(self._seal_key()).decrypt(padded, ttl=int(LIFETIME))))
        except (InvalidToken, binascii.Error, UnicodeEncodeError):
            return None

    def proof(self, cookie: str) -> str:
        """Return what shows that a request is of one of our pages: only they can read it."""
        return hmac.new(self._key, b"proof" + cookie.encode(), hashlib.sha256).hexdigest()

    def _seal_key(self) -> bytes:
        return urlsafe_b64encode(hmac.digest(self._key, b"seal", hashlib.sha256))
