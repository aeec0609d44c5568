"""The address and secrets that clients of the same account find in the state directory.

The store keeps hashes of secrets only, so this file is the one place with the secrets themselves. It and the store
cannot be written at the same time: a secret is written here as pending before its hash is stored, and as valid
afterwards. If the server dies in between, its next start compares both with the store.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from rescue_common.state_directory import Access, NoAccess
from rescue_common.tls import Tls
from rescue_server.startup.old_hashes import fits


class IssuedSecrets:
    """The access file of one state directory. Methods that change it raise OSError if the file cannot be written."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        try:
            self._known = Access.read(directory)
        except NoAccess:
            self._known = Access(server="")

    @property
    def last_port(self) -> int:
        """The port that the server had last time; 0 if it is not known."""
        _, _, port = self._known.server.rpartition(":")
        return int(port) if port.isdigit() else 0

    @property
    def secrets(self) -> Mapping[str, str]:
        """The secrets that are known, by user."""
        return self._known.secrets

    def missing(self, users: Iterable[str]) -> list[str]:
        """Return the users of whom the file has no secret."""
        return sorted(set(users) - set(self._known.secrets))

    def prepare(self, secrets: Mapping[str, str]) -> None:
        """Write secrets that are about to become valid, as pending."""
        promised = {**self._known.promised}
        for user, secret in secrets.items():
            promised[user] = [*promised.get(user, []), secret]
        self._save(replace(self._known, promised=promised))

    def write(self, secrets: Mapping[str, str]) -> None:
        """Write these as the users' valid secrets."""
        self._save(replace(self._known, secrets={**self._known.secrets, **secrets}, promised=self._but(secrets)))

    def revoke(self, secrets: Mapping[str, str]) -> None:
        """Remove pending secrets that did not become valid."""
        self._save(replace(self._known, promised=self._but(secrets)))

    def forget(self, user: str) -> None:
        """Remove the secrets of a removed user."""
        secrets = {name: secret for name, secret in self._known.secrets.items() if name != user}
        self._save(replace(self._known, secrets=secrets))

    def mark_unsure(self) -> None:
        """Have `confirm` compare every secret with the store: a backup has the secrets of its own time."""
        if self._known.secrets:
            self.prepare(self._known.secrets)

    def confirm(self, hashes: Mapping[str, str]) -> None:
        """Decide by the store which pending secrets are valid, and remove those of removed users.

        Takes tens of milliseconds for each secret that is compared.
        """
        secrets = {user: secret for user, secret in self._known.secrets.items() if user in hashes}
        for user, promised in self._known.promised.items():
            candidates = dict.fromkeys([*promised, *filter(None, [secrets.pop(user, None)])])
            fitting = (secret for secret in candidates if user in hashes and fits(secret, hashes[user]))
            if (holds := next(fitting, None)) is not None:
                secrets[user] = holds
        if self._known.promised or secrets != self._known.secrets:
            self._save(replace(self._known, secrets=secrets, promised={}))

    def listens_at(self, server: str, tls: Tls | None = None, *, servers: Sequence[str] = ()) -> None:
        """Write the address, what clients of the same account need for TLS, and all servers if there are several."""
        self._save(replace(self._known, server=server, tls=tls, servers=tuple(servers)))

    def _but(self, secrets: Mapping[str, str]) -> dict[str, list[str]]:
        """Return the other pending secrets, because several changes can be under way."""
        rest = {
            user: [secret for secret in promised if secret != secrets.get(user)]
            for user, promised in self._known.promised.items()
        }
        return {user: promised for user, promised in rest.items() if promised}

    def _save(self, known: Access) -> None:
        self._known = known  # also if writing fails: the next time it is in what is written
        known.write(self._directory)
