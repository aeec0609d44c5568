"""Who somebody is: secrets, tokens and session tickets.

Secrets and tickets are long and random, and nobody chooses them. So their SHA-256 is stored: a slow hash protects
secrets that can be guessed, and would let strangers keep the server busy. The exceptions are passwords that somebody
chose through the public API: they get a slow hash, and a source of wrong ones has to wait. A ticket is derived from the
server's key and the whole request that created it, so that a repeated request gets the same ticket without the ticket
ever being stored.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import secrets
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

from rescue_common.allowance import Allowances
from rescue_common.private_files import write_private
from rescue_protos.errors import InvalidArgument, ResourceExhausted, Unauthenticated
from rescue_server.runtime.allowance import WRONG_SECRETS
from rescue_server.runtime.signed_tokens import TokenContent, proof_of, read, sign

TOKEN_LIFE = 900.0  # real seconds
KEY_FILE = "server.key"
KEY_LENGTH = 32  # bytes
SECRET_BYTES = 24  # random; 192 bits
_HASHED = "sha256$"
_CHOSEN = "scrypt$"
SECRET_LENGTH = 256  # characters


def new_secret() -> str:
    """Return a fresh secret for a user."""
    return secrets.token_urlsafe(SECRET_BYTES)


def new_pin() -> str:
    """Return six random digits."""
    return f"{secrets.randbelow(1_000_000):06d}"


def hash_secret(secret: str) -> str:
    """Return what is stored of a secret."""
    return _HASHED + hashlib.sha256(secret.encode()).hexdigest()


def hash_chosen(secret: str) -> str:
    """Return what is stored of a secret that somebody chose. Takes some ten milliseconds."""
    return _scrypt(secret, secrets.token_hex(16))


def is_chosen(secret_hash: str) -> bool:
    """Return whether this is the hash of a secret that somebody chose, and that others may guess."""
    return secret_hash.startswith(_CHOSEN)


def require_secret(field: str, secret: str) -> None:
    """Raise InvalidArgument if this cannot be a chosen secret."""
    if len(secret) > SECRET_LENGTH or not secret.isprintable():
        raise InvalidArgument.of(field, f"at most {SECRET_LENGTH} characters that can be printed")


def _scrypt(secret: str, salt: str) -> str:
    digest = hashlib.scrypt(secret.encode(), salt=salt.encode(), n=2**12, r=8, p=1, dklen=32)
    return f"{_CHOSEN}{salt}${digest.hex()}"


def secret_fits(secret: str, secret_hash: str) -> bool:
    """Return whether this is the secret. Takes as long whether it is or not, also if the hash is empty."""
    if is_chosen(secret_hash):
        return hmac.compare_digest(_scrypt(secret, secret_hash.split("$")[1]), secret_hash)
    return hmac.compare_digest(hash_secret(secret), secret_hash)


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


def derive_secret(key: bytes, user: str) -> str:
    """Return the secret that a user is given first: all servers with the same key know it."""
    return hmac.new(key, f"secret:{user}".encode(), hashlib.sha256).hexdigest()[: 2 * SECRET_BYTES]


def derive_companion_key(key: bytes) -> str:
    """Return the key of companions that all servers of a cluster accept: each may call any of them."""
    return hmac.new(key, b"companion", hashlib.sha256).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """The caller: a user by name, or the computer of a session, or (both empty) nobody in particular.

    A companion program of the server calls as the user whom it acts upon. `acts_for` is the user who asked it to.
    """

    name: str
    administrator: bool
    computer_of: str = ""
    acts_for: str = ""
    companion: bool = False
    secret_hash: str = field(default="", repr=False)


class Tokens:
    """Short-lived tokens. All servers with the same key know each other's, also after a restart.

    `companion_key` is random if none is given. `now` gives real seconds since any moment, `wall` since 1970; tests pass
    their own.
    """

    def __init__(
        self,
        key: bytes,
        *,
        companion_key: str = "",
        now: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self.companion_key = companion_key or secrets.token_urlsafe(32)
        """What companions, the programs that this server starts, prove with that they are."""
        self._key = key
        self._now = now
        self._wall = wall
        self._wrong = Allowances(WRONG_SECRETS)

    def sign_in(self, user: str, secret: str, secret_hash: str | None, *, source: str) -> str:
        """Return a token. `source` is where the attempt comes from.

        The right secret always gets in, however many wrong ones came before it: guessing 192 bits is hopeless, and a
        wrong secret costs no more than any refused call. A source of too many is only told to slow down.

        Raises Unauthenticated, which does not say whether the user exists; ResourceExhausted after too many failures.
        """
        self.check(user, secret, secret_hash, source=source)
        return self._issue(user, secret_hash or "")

    def check(self, user: str, secret: str, secret_hash: str | None, *, source: str) -> None:
        """Check a secret as `sign_in` does, and raise what it raises.

        A chosen secret can be guessed: a source of too many wrong ones has to wait before even the right one counts.
        """
        if is_chosen(secret_hash or ""):
            self.require_patience(source)
        if not secret_fits(secret, secret_hash or ""):
            self._refuse(user, source)

    def sign_in_companion(self, key: str, *, user: str, secret_hash: str, acts_for: str) -> str | None:
        """Return a token of a companion as this user, or as nobody; None if this is not its key."""
        if not hmac.compare_digest(key.encode(), self.companion_key.encode()):
            return None
        return self._issue(user, secret_hash, acts_for=acts_for, companion=True)

    def _issue(self, user: str, secret_hash: str, *, acts_for: str = "", companion: bool = False) -> str:
        content = TokenContent(
            user=user,
            proof=proof_of(secret_hash),
            expires=self._wall() + TOKEN_LIFE,
            acts_for=acts_for,
            companion=companion,
        )
        return sign(self._key, content)

    def principal_of(self, token: str, administrators: Collection[str], secret_hashes: Mapping[str, str]) -> Principal:
        """Return who signed in, with the hash of their secret. Raises Unauthenticated.

        A token counts no more when the user has got another secret, or was removed.
        """
        known = read(self._key, token)
        if known is None or known.expires <= self._wall():
            raise Unauthenticated("the token is not known or has expired: sign in again", reason="TOKEN_EXPIRED")
        secret_hash = secret_hashes.get(known.user, "")
        if known.proof != proof_of(secret_hash):
            raise Unauthenticated(f"the secret of {known.user!r} was changed: sign in again", reason="TOKEN_EXPIRED")
        return Principal(
            name=known.user,
            administrator=known.user in administrators,
            acts_for=known.acts_for,
            companion=known.companion,
            secret_hash=secret_hash,
        )

    def require_patience(self, source: str) -> None:
        """Raise ResourceExhausted if a source was wrong too often of late."""
        if (wait := self._wrong.wait(source, self._now())) > 0:
            raise ResourceExhausted(
                f"too many wrong secrets: the next attempt is possible in {wait:.1f} s",
                reason="TOO_MANY_WRONG_SECRETS",
                retry_after=wait,
            )

    def count_wrong(self, source: str) -> None:
        """Count a wrong secret or code of a source."""
        self._wrong.spend(source, self._now())

    def _refuse(self, user: str, source: str) -> NoReturn:
        self.require_patience(source)
        self.count_wrong(source)
        raise Unauthenticated(
            f"the secret of {user!r} is not accepted: see RESCUE_SECRET and the state directory", reason="WRONG_SECRET"
        )
