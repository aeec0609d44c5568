"""What the leader tells every server that follows, again and again: who there is, what time it is, who watches."""

from __future__ import annotations

import asyncio
from datetime import UTC, timedelta

from rescue_protos.v1 import clock_pb2, cluster_pb2
from rescue_server.clock import ServerClock
from rescue_server.cluster.consoles import OthersConsoles
from rescue_server.cluster.linked_servers import LinkedServer
from rescue_server.cluster.roster import Busy, KnownServer
from rescue_server.cluster.standing import MemberStanding
from rescue_server.cluster.uplink import Uplink
from rescue_server.faults.injector import FaultInjector
from rescue_server.rpc import translate
from rescue_server.runtime.engine import Engine

_STANDS_WITHOUT = 1.0  # real seconds without news: a leader that stands still has come no further, either


class LeaderNews:
    """Makes the news for one server or another."""

    def __init__(self, standing: MemberStanding, engine: Engine, faults: FaultInjector, others: OthersConsoles) -> None:
        self._standing = standing
        self._engine = engine
        self._faults = faults
        self._others = others
        self._told: dict[LinkedServer, frozenset[str]] = {}

    def of(self, server: LinkedServer) -> cluster_pb2.LinkNews:
        """Return the news of now for a server that is linked."""
        news = cluster_pb2.LinkNews(
            members=[member_message(member) for member in self._standing.members()],
            clock=translate.reading(self._engine.clock.read()),
            has_fault_rules=self._faults.has_rules,
        )
        connected = self._others.connected_beside(server.instance)
        if self._told.get(server) != connected:
            self._told[server] = connected
            news.connected.technicians.extend(sorted(connected))
            news.connected.SetInParent()
        return news

    def ended(self, server: LinkedServer) -> None:
        """A link has ended: the next one begins without any knowledge."""
        self._told.pop(server, None)


class FollowsNews:
    """Takes the news in at a server that follows: its clock goes as the leader's, and stands without one."""

    def __init__(self, standing: MemberStanding, engine: Engine, uplink: Uplink) -> None:
        self._standing = standing
        self._engine = engine
        self._stand_at: asyncio.TimerHandle | None = None
        uplink.on_end(self._without_leader)

    def take(self, news: cluster_pb2.LinkNews) -> None:
        """Take in what the leader says."""
        self._standing.roster.take_news(
            [
                KnownServer(
                    name=one.server,
                    address=one.address,
                    position=one.position,
                    leads=one.leads,
                    leads_for=one.leads_for.ToTimedelta().total_seconds(),
                    busy=Busy(one.applets, one.consoles),
                )
                for one in news.members
            ]
        )
        self._standing.leader_has_fault_rules = news.has_fault_rules
        if news.HasField("connected"):
            self._engine.watch.watched_elsewhere(news.connected.technicians)
        if news.HasField("clock"):
            follow(self._engine.clock, news.clock)
            self._stop_waiting()
            self._stand_at = asyncio.get_running_loop().call_later(_STANDS_WITHOUT, self._engine.clock.pause)

    def _without_leader(self) -> None:
        self._standing.leader_has_fault_rules = False
        self._stop_waiting()
        if not self._standing.leads:
            self._engine.clock.pause()

    def _stop_waiting(self) -> None:
        if self._stand_at is not None:
            self._stand_at.cancel()


def follow(clock: ServerClock, reading: clock_pb2.ClockReading) -> None:
    """Let a clock go as another one, which was read just now."""
    clock.hold()
    clock.move_to(reading.now.ToDatetime(tzinfo=UTC))
    clock.release()
    if reading.standing:
        clock.pause()
    else:
        clock.run(reading.speed)


def member_message(member: KnownServer) -> cluster_pb2.ClusterMember:
    """Return what the contract says of one server."""
    return cluster_pb2.ClusterMember(
        server=member.name,
        address=member.address,
        position=member.position,
        leads=member.leads,
        applets=member.busy.applets,
        consoles=member.busy.consoles,
        leads_for=translate.duration(timedelta(seconds=member.leads_for)) if member.leads else None,
    )
