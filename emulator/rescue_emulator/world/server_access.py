"""How a world reaches its server: the address, the secrets, TLS."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from rescue_client.connection import Connection
from rescue_common.state_directory import Access, find_secret
from rescue_common.tls import Tls
from rescue_emulator.world.errors import NotEntered

ADMINISTRATOR = "admin"


@dataclass(slots=True, kw_only=True)
class ServerAccess:
    """The access of one world. `data` is the state directory, if it is known here.

    `secret` is the administrator's on an external server; it is looked up if empty.
    """

    is_external: bool = False
    address: str = ""
    data: Path | None = None
    secret: str = ""
    tls: Tls | None = None

    def credentials(self) -> tuple[str, Tls | None]:
        """Return the administrator's secret and the TLS settings. Raises NotEntered and NoAccess."""
        if self.is_external:
            return self.secret or find_secret(ADMINISTRATOR, data=self.data), self.tls
        if self.data is None:
            raise NotEntered
        # The state directory of our own server counts, not the user's environment.
        access = Access.read(self.data)
        return access.secrets[ADMINISTRATOR], access.tls

    def of_clients(self) -> tuple[list[str], dict[str, str]]:
        """Return options and variables that lead a program to the server. Raises NotEntered and NoAccess."""
        tls = self.credentials()[1]
        where = ["--data", str(self.data)] if self.data is not None else []
        return ["--server", self.address, *where], tls.variables() if tls else {}

    def connect(self, timeout: timedelta) -> Connection:
        """Return a new connection of the administrator. Raises NotEntered and NoAccess."""
        if not self.address:
            raise NotEntered
        secret, tls = self.credentials()
        return Connection(self.address, user=ADMINISTRATOR, secret=secret, timeout=timeout, tls=lambda: tls)

    def connect_as(self, technician: str, secret: str | None, *, timeout: timedelta) -> Connection:
        """Return a new connection of a technician; the secret is looked up if it is None. Raises NoAccess."""
        tls = self.credentials()[1]
        known = secret or find_secret(technician, data=self.data)
        return Connection(self.address, user=technician, secret=known, timeout=timeout, tls=lambda: tls)
