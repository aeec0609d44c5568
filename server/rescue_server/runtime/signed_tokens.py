"""Tokens that say who their bearer is, signed with the server's key: every server that has the key knows them.

Nothing about a token is kept. What it proves is the secret that was valid when it was issued: of a later secret the
hash is another one, so the token of an earlier one is worth nothing.
"""

from __future__ import annotations

import binascii
import hashlib
import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode

import msgspec

_SIGNATURE = hashlib.sha256().digest_size
_PROOF = 16  # bytes


class TokenContent(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """Who signed in, and until when it counts: seconds since 1970. `proof` is of the secret's hash at that time."""

    user: str
    proof: str
    expires: float
    acts_for: str = ""
    companion: bool = False


_decoder = msgspec.msgpack.Decoder(TokenContent)


def proof_of(secret_hash: str) -> str:
    """Return what a token carries of a secret's hash: enough to compare, and nothing to learn from."""
    return hashlib.sha256(f"token {secret_hash}".encode()).hexdigest()[: 2 * _PROOF]


def sign(key: bytes, content: TokenContent) -> str:
    """Return the token."""
    body = msgspec.msgpack.encode(content)
    return urlsafe_b64encode(_signature(key, body) + body).decode()


def read(key: bytes, token: str) -> TokenContent | None:
    """Return what a token says; None if it was not signed with this key."""
    try:
        decoded = urlsafe_b64decode(token.encode())
    except (binascii.Error, ValueError):
        return None
    signature, body = decoded[:_SIGNATURE], decoded[_SIGNATURE:]
    if not hmac.compare_digest(signature, _signature(key, body)):
        return None
    try:
        return _decoder.decode(body)
    except msgspec.MsgspecError:  # of a version that signed something else
        return None


def _signature(key: bytes, body: bytes) -> bytes:
    # Tickets are signed with the same key: what is signed for one must not pass for the other.
    return hmac.digest(key, b"token " + body, "sha256")
