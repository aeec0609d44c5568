"""How servers of one cluster prove to each other that they have its key, and the key's file."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from pathlib import Path

from rescue_common.private_files import write_private
from rescue_server.runtime.credentials import KEY_LENGTH

NONCE_LENGTH = 16  # bytes


class BadKey(Exception):
    """The file holds no key of a cluster. The message says what to do."""


def new_nonce() -> bytes:
    """Return what the other side's proof is made of: it is never used again, so no proof can be repeated."""
    return secrets.token_bytes(NONCE_LENGTH)


def prove(key: bytes, role: str, *parts: str | bytes) -> bytes:
    """Return the proof of a key for this role; each part has its length, so that none can pass for another."""
    message = role.encode()
    for part in parts:
        piece = part.encode() if isinstance(part, str) else part
        message += len(piece).to_bytes(4, "big") + piece
    return hmac.digest(key, message, hashlib.sha256)


def is_proof(given: bytes, key: bytes, role: str, *parts: str | bytes) -> bool:
    """Return whether it is that proof, in constant time."""
    return hmac.compare_digest(given, prove(key, role, *parts))


def fingerprint(key: bytes) -> str:
    """Return what the log says about the key; nothing of the key follows from it."""
    return prove(key, "fingerprint").hex()[:16]


def read_key(path: Path) -> bytes:
    """Return the key in a file. Raises BadKey."""
    try:
        found = path.read_bytes()
        is_open = path.stat().st_mode & 0o077
    except OSError as error:
        raise BadKey(f"{path}: {error.strerror}: make a key with `rescue cluster key FILE`") from error
    if is_open:
        raise BadKey(f"{path}: others can read it: chmod 600 {path}")
    if len(found) != KEY_LENGTH:
        raise BadKey(f"{path}: this is no key of a cluster: make one with `rescue cluster key FILE`")
    return found


def make_key(path: Path) -> None:
    """Write a new key to a file that only its owner can read. Raises BadKey if the file exists, OSError."""
    if path.exists():
        raise BadKey(f"{path} is there already: a cluster keeps its key")
    write_private(path, secrets.token_bytes(KEY_LENGTH))
