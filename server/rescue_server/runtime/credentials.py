"""Who somebody is: secrets, tokens and session tickets.

Secrets are stored as argon2id hashes, tickets as SHA-256 (they are long and random). A ticket is derived from the
server's key and the whole request that created it, so that a repeated request gets the same ticket without the ticket
ever being stored.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import hmac
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from rescue_common.private_files import write_private
from rescue_protos.errors import ResourceExhausted, Unauthenticated
from rescue_server.runtime.sign_in_rate import SECRETS_EACH, SECRETS_OVERALL, SECRETS_PEER, AttemptLimiter

TOKEN_LIFE = 900.0  # real seconds
KEY_FILE = "server.key"
KEY_LENGTH = 32  # bytes
SECRET_LENGTH = 1024  # characters; longer ones are not worth hashing
CHECKED_AT_A_TIME = 4  # secrets; each takes 19 MiB and a core for a moment
# 19 MiB, two passes: the least that OWASP's password storage guidance asks of argon2id.
_hasher = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)


def new_secret() -> str:
    """Return a fresh secret for a user."""
    return secrets.token_urlsafe(24)


def new_pin() -> str:
    """Return six random digits."""
    return f"{secrets.randbelow(1_000_000):06d}"


def hash_secret(secret: str) -> str:
    """Return what is stored of a secret. Takes tens of milliseconds on purpose."""
    return _hasher.hash(secret)


def secret_fits(secret: str, secret_hash: str) -> bool:
    """Return whether this is the secret. Takes as long as hashing it."""
    return _verify(secret_hash, secret)


def hash_ticket(ticket: str) -> str:
    """Return what is stored of a session ticket."""
    return hashlib.sha256(ticket.encode()).hexdigest()


def ticket_fits(ticket: str, ticket_hash: str) -> bool:
    """Return whether this is the ticket, in constant time."""
    return bool(ticket_hash) and hmac.compare_digest(hash_ticket(ticket), ticket_hash)


def server_key(directory: Path) -> bytes:
    """Return the server's own key, made at its first start; readable by its owner alone. Raises OSError.

    The caller must hold the lock of the directory. An incomplete key is replaced.
    """
    path = directory / KEY_FILE
    with contextlib.suppress(FileNotFoundError):
        if len(found := path.read_bytes()) == KEY_LENGTH:
            return found
    key = secrets.token_bytes(KEY_LENGTH)
    write_private(path, key)
    return key


def derive_ticket(key: bytes, request_id: str, fingerprint: str) -> str:
    """Return the session ticket that belongs to a request: 256 bits that nobody without the key can guess.

    The fingerprint is of the whole request: who knows only its id never gets its ticket.
    """
    return hmac.new(key, f"ticket:{fingerprint}:{request_id}".encode(), hashlib.sha256).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """The caller: a user by name, or the computer of a session, or (both empty) nobody in particular."""

    name: str
    administrator: bool
    computer_of: str = ""
    secret_hash: str = field(default="", repr=False)


@dataclass(slots=True)
class _Token:
    user: str
    secret_hash: str
    expires: float


class Tokens:
    """Short-lived tokens, in memory only: after a restart everybody signs in again.

    `now` gives real seconds; tests pass their own.
    """

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._tokens: dict[bytes, _Token] = {}
        self._wrong_of_users = AttemptLimiter(each=SECRETS_EACH)
        self._wrong_of_peers = AttemptLimiter(each=SECRETS_PEER, overall=SECRETS_OVERALL)
        self._checking = asyncio.Semaphore(CHECKED_AT_A_TIME)

    async def sign_in(self, user: str, secret: str, secret_hash: str | None, *, source: str) -> str:
        """Return a token. `source` is where the attempt comes from.

        Raises Unauthenticated, which does not say whether the user exists; ResourceExhausted after too many failures.
        """
        with_name = f"{source} {user[:SECRET_LENGTH]}"
        self._require_patience(source, with_name)
        async with self._checking:
            self._require_patience(source, with_name)  # those before in the line may have failed
            known = secret_hash or _NOBODYS_HASH
            fits = len(secret) <= SECRET_LENGTH and await asyncio.to_thread(_verify, known, secret)
            if not fits or secret_hash is None:
                self._wrong_of_users.failed(with_name, self._now())
                self._wrong_of_peers.failed(source, self._now())
                raise Unauthenticated(
                    f"the secret of {user!r} is not accepted: see RESCUE_SECRET and the state directory",
                    reason="WRONG_SECRET",
                )
        now = self._now()
        self._tokens = {key: token for key, token in self._tokens.items() if token.expires > now}
        token = secrets.token_urlsafe(32)
        self._tokens[_key(token)] = _Token(user, secret_hash, now + TOKEN_LIFE)
        return token

    def user_of(self, token: str) -> tuple[str, str]:
        """Return the user and the hash of the secret they signed in with. Raises Unauthenticated."""
        known = self._tokens.get(_key(token))
        if known is None or known.expires <= self._now():
            raise Unauthenticated("the token is not known or has expired: sign in again", reason="TOKEN_EXPIRED")
        return known.user, known.secret_hash

    def _require_patience(self, source: str, with_name: str) -> None:
        now = self._now()
        wait = max(self._wrong_of_users.wait(with_name, now), self._wrong_of_peers.wait(source, now))
        if wait > 0:
            raise ResourceExhausted(
                f"too many wrong secrets: the next attempt is possible in {wait:.1f} s",
                reason="TOO_MANY_WRONG_SECRETS",
                retry_after=wait,
            )


def _key(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


def _verify(secret_hash: str, secret: str) -> bool:
    try:
        return _hasher.verify(secret_hash, secret)
    except (VerificationError, InvalidHashError):
        return False


# Unknown users must cost as much time as known ones.
_NOBODYS_HASH = "$argon2id$v=19$m=19456,t=2,p=1$enRwwmGCsvduYp1/pBie6Q$ozrAKmMk07BKgcpTW9pEQmXARyZLk/s1BCvfdSWwejU"
