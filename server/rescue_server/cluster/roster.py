"""Which servers there are: the leader knows it from its links, the others from the leader's news."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from rescue_protos.errors import AlreadyExists
from rescue_server.cluster.election import SILENT


class Busy(NamedTuple):
    """How many applets are attached to a server, and how many watches of consoles are open at it."""

    applets: int = 0
    consoles: int = 0


IDLE = Busy()


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownServer:
    """One server: its name, HOST:PORT, how far it has come in the log, and whether it leads.

    `leads_for`: since how many real seconds.
    """

    name: str
    address: str
    position: int
    leads: bool = False
    leads_for: float = 0.0
    busy: Busy = IDLE


@dataclass(slots=True, kw_only=True, eq=False)
class Linked:
    """One link of a server to this one."""

    name: str
    address: str
    instance: str
    position: int
    heard_at: float
    busy: Busy = IDLE


class Roster:
    """The servers that are linked to this one, or those that the leader told it of."""

    def __init__(self, name: str, now: Callable[[], float] = time.monotonic) -> None:
        self._name = name
        self._now = now
        self._linked: dict[str, Linked] = {}
        self._told: tuple[KnownServer, ...] = ()

    def join(self, name: str, *, address: str, instance: str) -> Linked:
        """Take in a server that has proved itself, maybe once more.

        Raises AlreadyExists if another one of its name is alive.
        """
        known = self._linked.get(name)
        alive = known is not None and known.instance != instance and self._now() - known.heard_at < SILENT
        if alive or name == self._name:
            raise AlreadyExists(f"there is a server {name!r} in this cluster: give each its own --name")
        linked = Linked(name=name, address=address, instance=instance, position=0, heard_at=self._now())
        self._linked[name] = linked
        return linked

    def report(self, linked: Linked, position: int, busy: Busy = IDLE) -> None:
        """A linked server says how far it has come, and how busy it is."""
        linked.position, linked.heard_at, linked.busy = position, self._now(), busy

    def leave(self, linked: Linked) -> None:
        """The link of a server has ended; it may have another one already."""
        if self._linked.get(linked.name) is linked:
            del self._linked[linked.name]

    def with_linked(self, me: KnownServer) -> list[KnownServer]:
        """Return this server, which leads, and those that are linked to it.

        The leader serves the applets of all servers: it counts those of its own alone.
        """
        linked = [
            KnownServer(name=name, address=one.address, position=one.position, busy=one.busy)
            for name, one in self._linked.items()
        ]
        own = max(0, me.busy.applets - sum(one.busy.applets for one in linked))
        me = replace(me, busy=Busy(own, me.busy.consoles))
        return sorted([me, *linked], key=lambda member: member.name)

    def take_news(self, members: Sequence[KnownServer]) -> None:
        """Take in the leader's news."""
        self._told = tuple(members)

    @property
    def told(self) -> tuple[KnownServer, ...]:
        """The leader's last news."""
        return self._told

    def rank(self) -> int:
        """Return how many other servers are to try to lead before this one: who has come further, then by name."""
        others = sorted((-member.position, member.name) for member in self._told if not member.leads)
        return next((rank for rank, (_, name) in enumerate(others) if name == self._name), len(others))
