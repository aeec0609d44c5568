"""The applets of other servers at the leader: whose lease a server's word renews, and who is judged when it is gone."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import grpc
import pytest

from rescue_protos.errors import Unauthenticated
from rescue_protos.v1 import applet_pb2, cluster_pb2
from rescue_server.clock import ServerClock
from rescue_server.cluster import linked_applets
from rescue_server.cluster.linked_applets import LinkedApplets
from rescue_server.cluster.linked_servers import LinkedServer, LinkedServers
from rescue_server.core import customer_side, organization
from rescue_server.core.status import Link
from rescue_server.rpc.call_context import CallContext
from rescue_server.runtime import command_handlers
from rescue_server.runtime.attachments import Attachments
from rescue_server.runtime.engine import Outcome, live_engine
from rescue_server.runtime.schedule import roll_call
from rescue_server.runtime.schedule.timekeeper import Timekeeper
from rescue_server.runtime.state import AnyEvent
from rescue_server.store.memory import MemoryStore

NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


class Edge(LinkedServer):
    """A server that stands still, or not."""

    stands_still = False

    def silence(self) -> float:
        return 2.0 if self.stands_still else 0.0


class Leader:
    """A leader whose clock the test turns, with a link to one edge."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.engine = live_engine(MemoryStore(), ServerClock(start=NOON, monotonic=lambda: self.seconds))
        self.attachments = Attachments()
        self.keeper = Timekeeper(self.engine, self.attachments)
        self.linked = LinkedServers()
        self.applets = LinkedApplets(self.engine, self.keeper, self.attachments, self.linked)
        self.applets.attach = self._attach
        self.edge = Edge("s2", "here:1", "a")
        self.linked.opened(self.edge)
        self.work = [asyncio.create_task(self.engine.run()), asyncio.create_task(self.applets.run())]

    async def stop(self) -> None:
        self.applets.close()
        for task in self.work:
            task.cancel()
        await asyncio.gather(*self.work, return_exceptions=True)

    async def _attach(self, requests: object, context: CallContext) -> None:
        hello = (await context.read()).hello
        if hello.ticket != "right":
            await context.abort(grpc.StatusCode.UNAUTHENTICATED, str(Unauthenticated("wrong")))
        place = self.attachments.take_place(hello.session, hello.instance, hello.attempt)
        assert place is not None
        try:
            await context.write(applet_pb2.AttachResponse(attached=applet_pb2.Attached()))
            while await context.read() is not grpc.aio.EOF:
                pass
        finally:
            self.attachments.leave(place)

    async def applet(self, number: int, *, ticket: str = "right") -> str:
        """Attach an applet at the edge; return its session, whose link is connected."""
        pin = f"{number:06}"
        session = (await self.engine.perform(command_handlers.create_pin("alice", "", lambda: pin))).session
        await self.engine.perform(command_handlers.redeem_pin(pin, "", "hash"))
        await self.engine.perform(command_handlers.of_applet(session, customer_side.on_attach))
        hello = applet_pb2.Hello(session=session, ticket=ticket, instance="i", attempt=1)
        self.says(cluster_pb2.AppletFrame(number=number, opened=cluster_pb2.AppletOpened(hello=hello)))
        (order,) = await self.edge.outbox.take(within=30)
        assert order.applet.sent.HasField("attached") is (ticket == "right")
        return session

    def says(self, frame: cluster_pb2.AppletFrame) -> None:
        self.linked.received(self.edge, cluster_pb2.LinkRequest(applet=frame))

    def beat(self, *numbers: int) -> None:
        batch = cluster_pb2.HeartbeatBatch(numbers=numbers)
        self.linked.received(self.edge, cluster_pb2.LinkRequest(heartbeats=batch))

    def link(self, session: str) -> Link:
        return self.engine.ahead.sessions[session].link


@pytest.fixture
async def leader(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Leader]:
    monkeypatch.setattr(roll_call, "ANSWER_WITHIN", 0.5)  # attentive seconds; a silent server is looked at in 0.2
    one = Leader()
    people: list[AnyEvent] = [
        organization.GroupAdded(at=NOON, name="Support"),
        organization.TechnicianAdded(at=NOON, name="alice", group="Support"),
    ]
    await one.engine.perform(lambda desk, context: Outcome(events=people))
    yield one
    await one.stop()
    await one.engine.close()


async def test_a_batch_renews_the_leases_of_those_who_proved_themselves(leader: Leader) -> None:
    session = await leader.applet(1)
    stranger = await leader.applet(2, ticket="wrong")
    leader.seconds = 30
    leader.beat(1, 2, 3)
    leases = leader.engine.schedule.leases
    assert leases.due(session) == NOON + 1.5 * MINUTE
    assert leases.due(stranger) == NOON + MINUTE


async def test_a_link_that_was_lost_is_restored_by_a_batch(leader: Leader) -> None:
    session = await leader.applet(1)
    await leader.keeper.advance(MINUTE)
    assert leader.link(session) is Link.RECONNECTING
    restored = asyncio.Event()
    leader.engine.subscribe(Listening(restored))
    leader.beat(1)
    await restored.wait()
    assert leader.link(session) is Link.CONNECTED


class Listening:
    """Tells when something was published."""

    def __init__(self, published: asyncio.Event) -> None:
        self._published = published

    def on_applied(self, applied: object) -> None:
        self._published.set()


async def test_who_may_come_back_from_a_server_that_is_gone_is_not_judged(leader: Leader) -> None:
    session = await leader.applet(1)
    leader.linked.ended(leader.edge)
    await leader.keeper.advance(10 * MINUTE)
    assert leader.link(session) is Link.CONNECTED


async def test_nothing_goes_on_for_applets_whose_link_ends_with_the_leaders_term(leader: Leader) -> None:
    await leader.applet(1)
    leader.applets.close()
    before = asyncio.all_tasks()
    leader.linked.ended(leader.edge)
    assert asyncio.all_tasks() <= before


async def test_who_does_not_come_back_from_a_server_that_is_gone_is_lost(
    leader: Leader, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(linked_applets, "RETURN_WITHIN", 0.0)
    monkeypatch.setattr(linked_applets, "RETURNING_PER_SECOND", 1e9)
    session = await leader.applet(1)
    leader.linked.ended(leader.edge)
    await asyncio.sleep(0)  # its one look at who is back
    await leader.keeper.advance(MINUTE)
    assert leader.link(session) is Link.RECONNECTING


async def test_nobody_is_judged_while_their_server_stands_still(leader: Leader) -> None:
    session = await leader.applet(1)
    leader.edge.stands_still = True
    await leader.keeper.advance(10 * MINUTE)
    assert leader.link(session) is Link.CONNECTED
    leader.edge.stands_still = False
    await leader.keeper.advance(MINUTE)
    assert leader.link(session) is Link.RECONNECTING


async def test_an_applet_that_has_left_is_judged_as_one_that_was_attached_here(leader: Leader) -> None:
    session = await leader.applet(1)
    leader.says(cluster_pb2.AppletFrame(number=1, gone=cluster_pb2.AppletGone()))
    (order,) = await leader.edge.outbox.take(within=30)
    assert order.applet.HasField("ended")
    leader.beat(1)
    leader.linked.ended(leader.edge)
    await leader.keeper.advance(MINUTE)
    assert leader.link(session) is Link.RECONNECTING
    assert len(leader.attachments) == 0
