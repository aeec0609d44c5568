"""What this server is in its cluster at the moment. Every part of the server that needs to know asks here."""

from __future__ import annotations

from collections.abc import Callable

from rescue_server.cluster.roster import KnownServer, Roster
from rescue_server.replicated.place import Place


class MemberStanding:
    """The server `name`, which others reach at `address`. `place` tells where it stands in the log."""

    def __init__(self, name: str, address: str, roster: Roster, place: Callable[[], Place]) -> None:
        self.name = name
        self.address = address
        self.roster = roster
        self._place = place
        self.leads = False
        self.has_fault_rules = False
        """Whether the leader has fault rules about calls: then it answers every call itself."""

    @property
    def place(self) -> Place:
        """Where it stands in the log."""
        return self._place()

    @property
    def leader_address(self) -> str:
        """HOST:PORT of another server that leads; empty if none is known."""
        address = self.place.address
        return address if address != self.address else ""

    def members(self) -> list[KnownServer]:
        """Return the servers that there are, as far as this one knows."""
        if self.leads:
            return self.roster.as_leader(self.address, self.place.position)
        me = KnownServer(name=self.name, address=self.address, position=self.place.position)
        others = [member for member in self.roster.told if member.name != self.name]
        return sorted([me, *others], key=lambda member: member.name)
