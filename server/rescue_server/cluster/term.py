"""One term of a server: from the opening of its local store to its closing. It follows, and leads at most once.

Everything but the log is made anew in the next term. So there is one way to begin, and nothing is left of a leadership
that has ended.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from rescue_protos.errors import STORAGE_ERRORS
from rescue_protos.v1 import cluster_pb2, cluster_pb2_grpc
from rescue_server.app import near_address
from rescue_server.clock import ServerClock, wall_clock
from rescue_server.cluster.confirmation import Confirmation
from rescue_server.cluster.election import Election
from rescue_server.cluster.follower import Follower
from rescue_server.cluster.forwarding import ATTACH, Forwarding
from rescue_server.cluster.leader_channel import LeaderChannel
from rescue_server.cluster.link import LeaderLink
from rescue_server.cluster.link_service import LinkService
from rescue_server.cluster.local_link import link_to_itself
from rescue_server.cluster.measures import Happened, measure
from rescue_server.cluster.member_access import MemberAccess
from rescue_server.cluster.member_health import MemberHealth
from rescue_server.cluster.member_parts import MemberParts
from rescue_server.cluster.options import ClusterOptions
from rescue_server.cluster.roster import Roster
from rescue_server.cluster.snapshots import Snapshots
from rescue_server.cluster.standing import MemberStanding
from rescue_server.observe.observation import Observation
from rescue_server.parts import make_listener
from rescue_server.replicated.log import Log
from rescue_server.replicated.store import ReplicatedStore
from rescue_server.rpc.listener import Listener, Service
from rescue_server.runtime.admission import Admission
from rescue_server.runtime.background import until
from rescue_server.runtime.checkpoint import Checkpoints
from rescue_server.runtime.credentials import derive_secret
from rescue_server.runtime.due_posts import follow_with_posts
from rescue_server.runtime.engine import Engine, live_engine
from rescue_server.runtime.focus import in_focus
from rescue_server.runtime.hooks import Hooks
from rescue_server.runtime.presence import ConnectedConsoles
from rescue_server.runtime.watch import Watch
from rescue_server.startup import garbage
from rescue_server.startup.first_start import prepare_organization
from rescue_server.startup.issued_access import IssuedSecrets
from rescue_server.startup.options import ServerOptions


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What stays the same in every term. `show` is called when the server leads or follows another one.

    `measured_at` is told where the metrics are, `happened` counts over all terms.
    """

    options: ServerOptions
    cluster: ClusterOptions
    key: bytes
    log: Log
    admission: Admission
    show: Callable[[MemberStanding], None]
    measured_at: Callable[[str], None]
    happened: Happened = field(default_factory=Happened)


@contextlib.asynccontextmanager
async def open_term(
    setting: Setting, store: ReplicatedStore, *, deposed: asyncio.Event, checkpoints: Checkpoints
) -> AsyncIterator[Term]:
    """Wire the server around its store, and listen. Raises CannotListen, CannotObserve, JournalUnreadable, BadTls."""
    options, cluster = setting.options, setting.cluster
    async with contextlib.AsyncExitStack() as stack:
        standing = MemberStanding(cluster.name, cluster.advertise, Roster(cluster.name), lambda: store.place)
        observation = Observation(options.metrics, more=partial(measure, standing, setting.happened))
        consoles = ConnectedConsoles()
        stack.callback(lambda: setting.happened.count_end(store.deposed_by))
        stack.push_async_callback(asyncio.to_thread, observation.close)
        hooks = Hooks(
            in_focus=consoles.in_focus,
            on_append=observation.appended,
            follow_up=follow_with_posts(store.identity().history),
        )
        watch = Watch(ring=options.ring) if options.ring is not None else Watch()
        engine = live_engine(store, _standing_clock(options, store), hooks=hooks, watch=watch)
        stack.push_async_callback(engine.close)
        parts = MemberParts.of(options, engine, consoles, observation, standing)
        leader = LeaderChannel(standing, tls=options.tls.for_clients() if options.tls else None)
        stack.push_async_callback(leader.close)
        links = LinkService(
            standing,
            parts.linked,
            parts.leader_news.of,
            key=setting.key,
            cluster=cluster.log.name,
            nodes=setting.log.nodes,
        )
        forwarding = Forwarding(standing, watch, leader, parts, key=setting.key)
        issued = IssuedSecrets(options.data)
        listener = make_listener(
            parts.server,
            issued,
            options.limits,
            setting.admission,
            setting.key,
            more=[Service.of(cluster_pb2, cluster_pb2_grpc, links)],
            around=[forwarding.wrap],
            ask_leader=forwarding.sign_in,
            alone=False,
        )
        listener.prepare(ATTACH)  # the applets of other servers are not called by gRPC
        setting.measured_at(observation.metrics_at)
        engine.follow(checkpoints)
        garbage.tune()
        ports = [options.port] if options.port or not issued.last_port else [issued.last_port, 0]
        bound = listener.bind(options.host, ports, options.tls.credentials() if options.tls else None)
        standing.address = cluster.advertise or near_address(options.host, bound)
        await listener.open()
        listening = replace(options, port=bound, metrics=observation.address)
        yield Term(setting, store, engine, parts, standing, leader, listener, issued, deposed, listening)


class Term:
    """One term, once everything is wired."""

    def __init__(
        self,
        setting: Setting,
        store: ReplicatedStore,
        engine: Engine,
        parts: MemberParts,
        standing: MemberStanding,
        leader: LeaderChannel,
        listener: Listener,
        issued: IssuedSecrets,
        deposed: asyncio.Event,
        listening: ServerOptions,
    ) -> None:
        self.listening = listening
        """The options of the next term: it listens where this one did."""
        self._setting = setting
        self._store = store
        self._engine = engine
        self._parts = parts
        self._standing = standing
        self._leader = leader
        self._listener = listener
        self._issued = issued
        self._deposed = deposed
        self._tls = setting.options.tls.for_clients() if setting.options.tls else None
        self._confirmation = Confirmation(store, setting.log, engine.in_store)
        self._snapshots = Snapshots(standing, setting.log, setting.options.data)
        self._health = MemberHealth(listener, standing, parts.uplink)
        self._access = MemberAccess(issued, engine, standing, key=setting.key, tls=self._tls)

    async def run(self, stop: asyncio.Event) -> None:
        """Follow, then lead, until a signal comes or another server leads. Raises what ends the program."""
        try:
            await self._follow(stop)
            if not stop.is_set():
                await self._lead(stop)
        finally:
            await self._end_calls()

    async def _follow(self, stop: asyncio.Event) -> None:
        """Follow until this server leads, or a signal comes."""
        standing, election = self._standing, Election(self._standing.address)
        follower = Follower(self._engine, self._store, self._setting.log, election, self._show)
        self._parts.questions.look = follower.look
        link = LeaderLink(
            standing,
            self._parts.uplink,
            election,
            take_news=self._parts.news.take,
            key=self._setting.key,
            tls=self._tls,
            on_news=follower.wake,
            happened=self._setting.happened,
        )
        self._show()
        running = (link.run(), self._access.run(), self._snapshots.run(), self._health.run())
        async with _together(*running, garbage.collect_regularly(lambda: 0)) as beside:
            following = asyncio.create_task(follower.run(standing.name, standing.address))
            await until(beside, following, stop.wait())

    async def _lead(self, stop: asyncio.Event) -> None:
        """Lead until a signal comes, another server leads, or a part fails."""
        self._set_clock()
        self._engine.begin()
        self._parts.server.presence.assume(in_focus(self._engine))
        async with _together(self._engine.run(), self._access.run(), self._snapshots.run(), self._health.run()) as work:
            await self._prepare()
            work += self._parts.server.start(replaying=False)
            work.append(asyncio.create_task(self._parts.linked_applets.run()))
            work.append(asyncio.create_task(self._confirmation.run()))
            self._standing.begin_to_lead(time.monotonic())
            link_to_itself(self._standing.name, self._parts.uplink, self._parts.linked)
            self._setting.happened.led += 1
            with contextlib.suppress(*STORAGE_ERRORS):  # then this server leads no more
                await self._parts.own_consoles.lead()
            await self._health.refresh()
            self._show()
            await until(work, stop.wait(), self._deposed.wait())
            if not self._deposed.is_set():
                await self._end_calls()
                await self._engine.flush()
                await self._resign()

    def _show(self) -> None:
        """Write where clients find the cluster, forward to nobody else, then say what this server is."""
        self._access.refresh()
        self._leader.follow()
        self._setting.show(self._standing)

    async def _prepare(self) -> None:
        """Make the organization of a new cluster, or the secrets of one that began with a backup."""
        if self._engine.published.revision == 0 or self._setting.options.restore is not None:
            secret_of = partial(derive_secret, self._setting.key)
            with contextlib.suppress(*STORAGE_ERRORS):  # then another server leads, and does it
                await prepare_organization(
                    self._setting.options.organization, self._engine, self._issued, secret_of=secret_of
                )

    async def _end_calls(self) -> None:
        self._standing.stop_leading()
        self._parts.server.presence.close()
        self._parts.others_consoles.close()
        self._parts.edge_applets.drain()
        self._parts.linked_applets.close()
        await self._listener.stop()

    async def _resign(self) -> None:
        """Say in the log that this server leads no more: then nobody has to find out."""
        with contextlib.suppress(*STORAGE_ERRORS):
            await self._engine.mark_clock()
            await self._engine.in_store(self._store.resign)

    def _set_clock(self) -> None:
        """Let the clock go on from the last moment that is known, as it went."""
        clock, mark, options = self._engine.clock, self._store.clock(), self._setting.options
        known = [mark.now if mark else clock.now(), self._engine.published.at or clock.now()]
        clock.hold()
        clock.move_to(max(known))
        clock.release()
        clock.run(mark.speed if mark else options.speed or 1.0)
        if mark.paused if mark else options.paused:
            clock.pause()


def _standing_clock(options: ServerOptions, store: ReplicatedStore) -> ServerClock:
    """Return a clock that stands: only the leader's goes."""
    mark = store.clock()
    return ServerClock(start=mark.now if mark else options.start_at or wall_clock(), paused=True)


@contextlib.asynccontextmanager
async def _together(*running: Coroutine[Any, Any, None]) -> AsyncIterator[list[asyncio.Future[None]]]:
    """Run these, and what the block adds to the list, for the length of the block."""
    tasks: list[asyncio.Future[None]] = [asyncio.create_task(each) for each in running]
    try:
        yield tasks
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
