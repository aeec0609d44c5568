"""Who is in the organization of a benchmark: groups of some sizes, each with a channel, and tokens that are known.

A group of N has the technicians `tN-0` to `tN-(N-1)` and the channel `cN`. A technician's token is their name: signing
in costs a hash that is slow on purpose, and is not what is measured.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from pathlib import Path

from rescue_server.core import organization as changes
from rescue_server.runtime.credentials import Principal, Tokens, hash_secret
from rescue_server.runtime.state import EngineState
from rescue_server.startup.issued_access import IssuedSecrets
from rescue_server.store.files import STORE_FILE
from rescue_server.store.sqlite import SqliteStore

SIZES = (1, 100, 1000)


def technician(size: int, number: int = 0) -> str:
    """Return the name of one of a group."""
    return f"t{size}-{number}"


def channel(size: int) -> str:
    """Return the channel of the group of this size."""
    return f"c{size}"


class KnownTokens(Tokens):
    """Accepts each name as that user's token."""

    def __init__(self, secret_hash: str) -> None:
        super().__init__(b"of a benchmark")
        self._hash = secret_hash

    def principal_of(self, token: str, administrators: Collection[str], secret_hashes: Mapping[str, str]) -> Principal:
        """Return the user of this name."""
        return Principal(name=token, administrator=token in administrators, secret_hash=self._hash)


def populate(data: Path) -> KnownTokens:
    """Write the organization into a new store, or find it there; return the tokens of its users."""
    store = SqliteStore.open(data / STORE_FILE)
    try:
        if store.last_revision() == 0:
            state, secret_hash = EngineState(), hash_secret("of everybody")
            events = _events(secret_hash)
            store.append([state.apply(event).stored() for event in events])
            users = [event.user for event in events if isinstance(event, changes.SecretChanged)]
            IssuedSecrets(data).write(dict.fromkeys(users, "of everybody"))
            (data / "hash").write_text(secret_hash)
    finally:
        store.close()
    return KnownTokens((data / "hash").read_text())


def _events(secret_hash: str) -> list[changes.AnyOrganizationEvent]:
    at = datetime.now(UTC)
    events: list[changes.AnyOrganizationEvent] = [changes.AdministratorAdded(at=at, name="admin")]
    users = ["admin"]
    for size in SIZES:
        group = f"g{size}"
        names = [technician(size, number) for number in range(size)]
        events.append(changes.GroupAdded(at=at, name=group))
        events += [changes.TechnicianAdded(at=at, name=name, group=group) for name in names]
        events.append(changes.ChannelAdded(at=at, name=channel(size), groups=(group,)))
        users += names
    return events + [changes.SecretChanged(at=at, user=user, secret_hash=secret_hash) for user in users]
