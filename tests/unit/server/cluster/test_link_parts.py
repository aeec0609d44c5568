"""The parts on both ends of a link, without a network between them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable
from datetime import UTC, datetime
from pathlib import Path

import grpc
import pytest

from rescue_common.tls import Tls
from rescue_protos.v1 import applet_pb2, cluster_pb2, cluster_pb2_grpc
from rescue_server.clock import ServerClock
from rescue_server.cluster import consoles, link, news
from rescue_server.cluster.consoles import OthersConsoles
from rescue_server.cluster.election import Election
from rescue_server.cluster.leader_channel import LeaderChannel, NoLeader, closed_is_broken
from rescue_server.cluster.link import LeaderLink, NotAdmitted
from rescue_server.cluster.link_outbox import LinkOutbox, Overflow
from rescue_server.cluster.linked_servers import LinkedServer, LinkedServers
from rescue_server.cluster.measures import Happened
from rescue_server.cluster.questions import Questions
from rescue_server.cluster.roster import KnownServer, Roster
from rescue_server.cluster.settling import Settling
from rescue_server.cluster.standing import MemberStanding
from rescue_server.cluster.uplink import Uplink
from rescue_server.replicated.place import Place
from rescue_server.rpc import translate
from rescue_server.runtime.console_presences import ConsolePresences
from rescue_server.runtime.engine import live_engine
from rescue_server.runtime.presence import Presence
from rescue_server.runtime.watch import Watch
from rescue_server.startup.certificates import make_certificates
from rescue_server.store.memory import MemoryStore

NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)


async def test_an_outbox_keeps_the_order_and_waits_for_news() -> None:
    outbox: LinkOutbox[int] = LinkOutbox()
    taking = asyncio.create_task(outbox.take(within=30))
    await asyncio.sleep(0)
    outbox.send(1)
    outbox.send(2)
    assert await taking == [1, 2]
    outbox.wake()
    assert await outbox.take(within=30) == []


async def test_who_does_not_read_loses_the_link() -> None:
    outbox: LinkOutbox[int] = LinkOutbox(most=2)
    for number in range(4):
        outbox.send(number)
    with pytest.raises(Overflow):
        await outbox.take(within=30)


def sent_over(uplink: Uplink) -> LinkOutbox[cluster_pb2.LinkRequest]:
    outbox: LinkOutbox[cluster_pb2.LinkRequest] = LinkOutbox()
    uplink.opened(outbox)
    return outbox


async def test_a_question_is_answered_once_its_revision_is_here() -> None:
    uplink, watch = Uplink(), Watch()
    questions = Questions(uplink, watch)
    await questions.catch_up()  # nobody leads: nothing to wait for
    outbox = sent_over(uplink)
    asking = asyncio.create_task(questions.catch_up())
    (question,) = await outbox.take(within=30)
    answer = cluster_pb2.LinkAnswer(number=question.revision.number, revision=7)
    uplink.received(cluster_pb2.LinkResponse(answer=answer))
    await asyncio.sleep(0)
    assert not asking.done()
    watch.publish(7, {})
    await asking


async def test_a_question_ends_with_its_link() -> None:
    uplink = Uplink()
    questions = Questions(uplink, Watch())
    outbox = sent_over(uplink)
    asking = asyncio.create_task(questions.catch_up())
    await outbox.take(within=30)
    uplink.ended()
    await asking
    assert not uplink.send(cluster_pb2.LinkRequest())


async def test_without_an_answer_of_the_leader_the_log_is_read() -> None:
    uplink, watch, looked = Uplink(), Watch(), list[str]()
    questions = Questions(uplink, watch)

    async def look() -> None:
        looked.append("looked")

    questions.look = look
    await questions.catch_up()
    assert looked == ["looked"]
    outbox = sent_over(uplink)
    asking = asyncio.create_task(questions.catch_up())
    await outbox.take(within=30)
    uplink.ended()  # the leader dies, and has stored what was not heard of here
    await asking
    assert looked == ["looked"] * 2


async def test_an_advance_waits_for_the_servers_that_live() -> None:
    linked = LinkedServers()
    settling = Settling(linked)
    lives, dies = LinkedServer("s2", "here:1", "a"), LinkedServer("s3", "here:2", "b")
    linked.opened(lives)
    linked.opened(dies)
    waiting = asyncio.create_task(settling.settled(5, timeout=30))
    (asked,) = await lives.outbox.take(within=30)
    assert asked.settle.revision == 5
    settled = cluster_pb2.Settled(number=asked.settle.number)
    linked.received(lives, cluster_pb2.LinkRequest(settled=settled))
    await asyncio.sleep(0)
    assert not waiting.done()
    linked.ended(dies)
    await waiting


async def test_a_message_of_a_newer_server_is_left_alone() -> None:
    linked, server = LinkedServers(), LinkedServer("s2", "here:1", "a")
    linked.received(server, cluster_pb2.LinkRequest())
    frame = cluster_pb2.AppletFrame(number=1, sent=applet_pb2.AttachRequest())
    linked.received(server, cluster_pb2.LinkRequest(applet=frame))
    assert await server.outbox.take(within=0) == []


def test_a_server_that_links_again_stays_known_when_its_first_link_ends() -> None:
    roster = Roster("s1")
    first = roster.join("s2", address="h:2", instance="a")
    second = roster.join("s2", address="h:2", instance="a")
    roster.report(second, 7)
    roster.leave(first)
    leader = KnownServer(name="s1", address="h:1", position=9, leads=True)
    assert [(one.name, one.position) for one in roster.with_linked(leader)] == [("s1", 9), ("s2", 7)]
    roster.leave(second)
    assert roster.with_linked(leader) == [leader]


class Others:
    """The consoles of other servers, at a leader. `focus` has each change of somebody's focus."""

    def __init__(self) -> None:
        self.focus: list[tuple[str, bool]] = []
        self._news = asyncio.Event()
        self.engine = live_engine(MemoryStore(), ServerClock(start=NOON, paused=True))
        self.linked = LinkedServers()
        presence = Presence(self._changed)
        self.consoles = OthersConsoles(self.engine, presence, ConsolePresences(self.engine), self.linked)

    async def _changed(self, technician: str, in_focus: bool) -> None:
        self.focus.append((technician, in_focus))
        self._news.set()

    async def changes(self, count: int) -> None:
        """Wait until the focus has changed so many times."""
        while len(self.focus) < count:
            self._news.clear()
            await self._news.wait()

    async def link(self, *technicians: str) -> LinkedServer:
        """Have the server s2 link, and report these as connected and in focus."""
        server = LinkedServer("s2", "h:2", "a")
        self.linked.opened(server)
        for technician in technicians:
            report = cluster_pb2.ConsoleReport(technician=technician, connected=True, in_focus=True)
            self.linked.received(server, cluster_pb2.LinkRequest(console=report))
            await server.outbox.take(within=30)
        return server


async def test_who_is_reported_by_a_new_link_does_not_go_with_the_one_before(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(consoles, "_RETURN_WITHIN", 0.05)
    others = Others()
    first = await others.link("alice", "bob")
    second = await others.link("alice")
    others.linked.ended(first)
    async with asyncio.timeout(30):
        await others.changes(3)
    assert others.engine.watch.connected("alice")
    assert others.focus == [("alice", True), ("bob", True), ("bob", False)]
    assert others.consoles.connected_beside("another") == {"alice"}
    others.linked.ended(second)
    others.consoles.close()


async def test_nobody_waits_for_the_consoles_of_links_that_end_with_the_leaders_term() -> None:
    others = Others()
    link = await others.link("alice")
    others.consoles.close()
    before = asyncio.all_tasks()
    others.linked.ended(link)
    assert asyncio.all_tasks() == before


async def test_the_clock_of_a_follower_stands_while_it_hears_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(news, "_STANDS_WITHOUT", 0.05)
    clock, uplink = ServerClock(start=NOON, paused=True), Uplink()
    stands = asyncio.Event()
    follows = news.FollowsNews(
        MemberStanding("s2", "h:2", Roster("s2"), Place), live_engine(MemoryStore(), clock), uplink
    )
    reading = translate.reading(ServerClock(start=NOON, speed=20).read())
    sent_over(uplink)
    for _ in range(2):
        follows.take(cluster_pb2.LinkNews(clock=reading))
        assert not clock.read().paused
        end_listening = clock.on_change(stands.set)
        async with asyncio.timeout(30):
            await stands.wait()
        assert clock.read().paused
        end_listening()
        stands.clear()
    follows.take(cluster_pb2.LinkNews(clock=reading))
    uplink.ended()
    assert clock.read().paused


async def test_who_waits_for_a_leader_that_stands_still_is_answered_once_another_leads() -> None:
    called = asyncio.Event()

    async def stands_still(request: object, context: object) -> AsyncIterator[bytes]:
        yield b"first"
        called.set()
        await asyncio.Event().wait()

    async def never(request: object, context: object) -> bytes:
        await asyncio.Event().wait()
        return b""

    handlers: dict[str, grpc.RpcMethodHandler[bytes, bytes]] = {
        "Call": grpc.unary_unary_rpc_method_handler(never),
        "Stream": grpc.stream_stream_rpc_method_handler(stands_still),
    }
    server = grpc.aio.server()
    server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler("stopped", handlers)])
    place = Place(position=2, leader="s1", address=f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}")
    standing = MemberStanding("s2", "h:2", Roster("s2"), lambda: place)
    await server.start()
    channel = LeaderChannel(standing, tls=None)

    async def ended(call: Awaitable[object]) -> grpc.StatusCode:
        with pytest.raises(grpc.aio.AioRpcError) as caught, closed_is_broken():
            await call
        return caught.value.code()

    stream = channel.stream("/stopped/Stream")()
    assert await stream.read() == b"first"
    waiting = [asyncio.create_task(ended(call)) for call in (stream.read(), channel.unary("/stopped/Call")(b""))]
    await called.wait()
    channel.follow()
    await asyncio.sleep(0)
    assert not any(one.done() for one in waiting)
    place = Place(position=3, leader="s3", address="127.0.0.1:9")
    channel.follow()
    async with asyncio.timeout(30):
        assert await asyncio.gather(*waiting) == [grpc.StatusCode.UNAVAILABLE] * 2
    gone = asyncio.create_task(ended(asyncio.Event().wait()))
    await asyncio.sleep(0)
    gone.cancel()
    with pytest.raises(asyncio.CancelledError):
        await gone
    await channel.close()
    await server.stop(None)


class _AnotherServer(cluster_pb2_grpc.ClusterServiceServicer):
    """Got the port of a leader that is gone. It does not know the key of the cluster."""

    def __init__(self, first: cluster_pb2.LinkResponse) -> None:
        self._first = first

    async def Link(self, requests: object, context: object) -> AsyncIterator[cluster_pb2.LinkResponse]:
        yield self._first
        await asyncio.Event().wait()

    async def GetCluster(self, request: object, context: object) -> cluster_pb2.GetClusterResponse:
        return cluster_pb2.GetClusterResponse()


@pytest.mark.parametrize("kind", ["proof", "news"])
async def test_who_has_not_the_key_is_taken_for_no_leader(kind: str) -> None:
    server = grpc.aio.server()
    cluster_pb2_grpc.add_ClusterServiceServicer_to_server(
        _AnotherServer(
            cluster_pb2.LinkResponse(proof=cluster_pb2.LinkProof(proof=b"guessed"))
            if kind == "proof"
            else cluster_pb2.LinkResponse(news=cluster_pb2.LinkNews(has_fault_rules=True))
        ),
        server,
    )
    address = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    await server.start()
    place = Place(position=2, epoch=1, leader="s1", address=address)
    standing, election = MemberStanding("s2", "h:2", Roster("s2"), lambda: place), Election("h:2")
    election.saw(epoch=1, leader=address, now=time.monotonic())
    found, taken = asyncio.Event(), list[cluster_pb2.LinkNews]()
    linked = LeaderLink(
        standing,
        Uplink(),
        election,
        take_news=taken.append,
        key=b"k" * 32,
        tls=None,
        on_news=found.set,
        happened=Happened(),
    )
    linking = asyncio.create_task(linked.run())
    try:
        async with asyncio.timeout(30):
            await found.wait()
        assert election.due() <= time.monotonic(), "this server is to lead"
        assert not taken
        assert not linking.done()
    finally:
        linking.cancel()
        await server.stop(None)


def link_to(
    standing: MemberStanding, election: Election, tls: Tls | None, happened: Happened | None = None
) -> LeaderLink:
    return LeaderLink(
        standing,
        Uplink(),
        election,
        take_news=lambda news: None,
        key=b"k",
        tls=tls,
        on_news=lambda: None,
        happened=happened or Happened(),
    )


@pytest.mark.parametrize("happened", [Happened(linked=True), Happened(led=1)], ids=["linked", "led"])
async def test_who_has_linked_or_led_does_not_end_because_of_another_servers_certificate(
    tmp_path: Path, happened: Happened, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(link, "_DIFFERS_FOR", 0.0)
    make_certificates(tmp_path / "theirs", ["127.0.0.1"])
    make_certificates(tmp_path / "ours", ["127.0.0.1"])
    key, certificate = ((tmp_path / "theirs" / f"server.{end}").read_bytes() for end in ("key", "pem"))
    server = grpc.aio.server()
    credentials = grpc.ssl_server_credentials([(key, certificate)])
    address = f"127.0.0.1:{server.add_secure_port('127.0.0.1:0', credentials)}"
    await server.start()
    place = Place(position=2, epoch=1, leader="s1", address=address)
    standing, tls = MemberStanding("s2", "h:2", Roster("s2"), lambda: place), Tls(ca=tmp_path / "ours" / "ca.pem")
    election = Election("h:2")
    election.saw(epoch=1, leader=address, now=time.monotonic())
    try:
        with pytest.raises(NotAdmitted, match="of another CA"):
            async with asyncio.timeout(30):
                await link_to(standing, election, tls).run()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(1):
                await link_to(standing, election, tls, happened).run()
    finally:
        await server.stop(None)


async def test_certificates_that_are_away_for_a_moment_end_no_server(tmp_path: Path) -> None:
    here = await asyncio.start_server(lambda reader, writer: writer.close(), "127.0.0.1", 0)
    place = Place(position=2, epoch=1, leader="s1", address=f"127.0.0.1:{here.sockets[0].getsockname()[1]}")
    standing, tls = MemberStanding("s2", "h:2", Roster("s2"), lambda: place), Tls(ca=tmp_path / "ca.pem")
    reached = asyncio.Event()

    class Noting(Election):
        def reached(self, now: float) -> None:
            super().reached(now)
            reached.set()

    linking = asyncio.create_task(link_to(standing, Noting("h:2"), tls).run())
    async with here, asyncio.timeout(30):
        for _ in range(2):  # it goes on
            await reached.wait()
            reached.clear()
    linking.cancel()
    with pytest.raises(NoLeader):
        LeaderChannel(standing, tls=tls).unary("/rescue_protos.v1.ClockService/GetClock")
