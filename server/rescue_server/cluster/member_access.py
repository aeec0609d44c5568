"""The access file of a server of a cluster: all servers' addresses, and the secrets that are made of the key.

Clients of the same account find the whole cluster in the state directory of each server.
"""

from __future__ import annotations

import asyncio
import contextlib

from rescue_common.tls import Tls
from rescue_server.cluster.standing import MemberStanding
from rescue_server.core.organization import Organization
from rescue_server.runtime.credentials import derive_secret, secret_fits
from rescue_server.runtime.engine import Engine
from rescue_server.startup.issued_access import IssuedSecrets

_EVERY = 0.5  # real seconds


class MemberAccess:
    """Keeps the file of one server up to date. `key` is the cluster's."""

    def __init__(
        self, issued: IssuedSecrets, engine: Engine, standing: MemberStanding, *, key: bytes, tls: Tls | None
    ) -> None:
        self._issued = issued
        self._engine = engine
        self._standing = standing
        self._key = key
        self._tls = tls
        self._addresses: tuple[str, ...] = ()
        self._organization: Organization | None = None

    async def run(self) -> None:
        """Refresh the file until cancelled."""
        while True:
            with contextlib.suppress(OSError):  # the next time it is written
                self.refresh()
            await asyncio.sleep(_EVERY)

    def refresh(self) -> None:
        """Write what has changed. Raises OSError."""
        self._write_secrets()
        standing = self._standing
        found = {standing.address, standing.leader_address, *(member.address for member in standing.members())}
        # A server that is away comes back: its address stays.
        addresses = tuple(sorted({*self._addresses, *found} - {""}))
        if addresses != self._addresses:
            self._addresses = addresses
            self._issued.listens_at(standing.address, self._tls, servers=addresses)

    def _write_secrets(self) -> None:
        organization = self._engine.published.organization
        if organization is self._organization:
            return
        self._organization = organization
        derived = {user: derive_secret(self._key, user) for user in organization.secret_hashes}
        fresh = {
            user: secret
            for user, secret in derived.items()
            if self._issued.secrets.get(user) != secret and secret_fits(secret, organization.secret_hashes[user])
        }
        if fresh:
            self._issued.write(fresh)
