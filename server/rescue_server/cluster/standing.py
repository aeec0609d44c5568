"""What this server is in its cluster at the moment. Every part of the server that needs to know asks here."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

from rescue_server.cluster.roster import Busy, KnownServer, Roster
from rescue_server.replicated.place import Place


class MemberStanding:
    """The server `name`, which others reach at `address`. `place` tells where it stands in the log."""

    def __init__(self, name: str, address: str, roster: Roster, place: Callable[[], Place]) -> None:
        self.name = name
        self.address = address
        self.roster = roster
        self._place = place
        self.busy: Callable[[], Busy] = Busy
        """Counts the applets and consoles of this server; a leader counts the applets of all servers."""
        self._leads_since: float | None = None
        self.own_fault_rules: Callable[[], bool] = lambda: False
        """Tells whether there are fault rules here: they count while this server leads."""
        self.leader_has_fault_rules = False
        """Whether the server that leads has some."""

    @property
    def leads(self) -> bool:
        """Whether this server leads."""
        return self._leads_since is not None

    @property
    def has_fault_rules(self) -> bool:
        """Whether the leader, be it this server, has fault rules: then it answers every call and heartbeat itself."""
        return self.own_fault_rules() if self.leads else self.leader_has_fault_rules

    def begin_to_lead(self, now: float) -> None:
        """This server leads, since this moment in real seconds."""
        self._leads_since = now

    def stop_leading(self) -> None:
        """This server leads no more."""
        self._leads_since = None

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
        me = KnownServer(name=self.name, address=self.address, position=self.place.position, busy=self.busy())
        if self._leads_since is not None:
            leading = time.monotonic() - self._leads_since
            return self.roster.with_linked(replace(me, leads=True, leads_for=leading))
        others = [member for member in self.roster.told if member.name != self.name]
        return sorted([me, *others], key=lambda member: member.name)
