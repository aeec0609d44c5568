"""Secrets of stores of before: they were stored as argon2id hashes, which take tens of milliseconds each to check.

A server checks them at its start, once, and stores them as it does today.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from rescue_server.runtime.credentials import secret_fits

_PREFIX = "$argon2id$"


def is_old(secret_hash: str) -> bool:
    """Return whether this is a hash of before."""
    return secret_hash.startswith(_PREFIX)


def fits(secret: str, secret_hash: str) -> bool:
    """Return whether this is the secret of a hash, of today or of before."""
    if not is_old(secret_hash):
        return secret_fits(secret, secret_hash)
    from argon2 import PasswordHasher
    from argon2.exceptions import InvalidHashError, VerificationError

    try:
        return PasswordHasher().verify(secret_hash, secret)
    except (VerificationError, InvalidHashError):
        return False


async def fitting(secrets: Mapping[str, str], hashes: Mapping[str, str]) -> dict[str, str]:
    """Return those of the secrets, by user, that fit their hashes. All cores check them."""
    users = [user for user in hashes if user in secrets]
    checks = await asyncio.gather(*(asyncio.to_thread(fits, secrets[user], hashes[user]) for user in users))
    return {user: secrets[user] for user, right in zip(users, checks, strict=True) if right}
