"""The parts on both ends of a link, without a network between them."""

from __future__ import annotations

import asyncio

import pytest

from rescue_protos.v1 import applet_pb2, cluster_pb2
from rescue_server.cluster.link_outbox import LinkOutbox, Overflow
from rescue_server.cluster.linked_servers import LinkedServer, LinkedServers
from rescue_server.cluster.questions import Questions
from rescue_server.cluster.settling import Settling
from rescue_server.cluster.uplink import Uplink
from rescue_server.runtime.watch import Watch


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
