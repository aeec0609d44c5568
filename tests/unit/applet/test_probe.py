"""After a loss the computer asks its applet whether the server hears it; only the server's own word is an answer."""

from __future__ import annotations

import pytest
from google.protobuf import duration_pb2

from rescue_applet.attachment import Attachment
from rescue_applet.child_protocol import Reached
from rescue_protos.v1 import applet_pb2 as pb

ATTACHED = pb.AttachResponse(attached=pb.Attached(heartbeat_interval=duration_pb2.Duration(seconds=10)))


def reply(number: int) -> pb.AttachResponse:
    return pb.AttachResponse(heartbeat_reply=pb.HeartbeatReply(number=number))


@pytest.fixture
def attachment() -> Attachment:
    found = Attachment(session="s1", ticket="t1", instance="i1")
    found.dial(0)
    found.receive(ATTACHED, 0)
    found.take_requests()
    found.take_news()
    return found


def test_an_attached_applet_beats_at_once_and_the_answer_counts(attachment: Attachment) -> None:
    attachment.wake(3)
    attachment.probe(4)
    assert [request.heartbeat.number for request in attachment.take_requests()] == [1, 2]
    attachment.receive(reply(1), 5)
    assert attachment.take_news() == [], "that was said before"
    attachment.receive(reply(2), 5)
    assert attachment.take_news() == [Reached()]
    attachment.receive(reply(2), 5)
    assert attachment.take_news() == []


def test_one_that_is_apart_answers_when_it_is_attached_again(attachment: Attachment) -> None:
    attachment.broke(1, code="UNAVAILABLE")
    attachment.probe(2)
    assert attachment.take_requests() == []
    attachment.dial(3)
    attachment.take_news()
    attachment.receive(ATTACHED, 4)
    assert Reached() in attachment.take_news()


def test_a_probe_that_a_dead_connection_swallowed_is_answered_by_the_next_one(attachment: Attachment) -> None:
    attachment.probe(1)
    attachment.broke(2, code="UNAVAILABLE")
    attachment.dial(3)
    attachment.receive(ATTACHED, 4)
    assert Reached() in attachment.take_news()
