"""Deltas as bytes: the same as protobuf would write, made once for all watches of an update."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from rescue_protos.v1 import console_pb2 as pb
from rescue_server.core.causes import Cause
from rescue_server.core.queue import QueueUpdate
from rescue_server.rpc import translate
from rescue_server.rpc.delta_messages import DeltaMessages
from rescue_server.runtime.watch import Revised, Watch

NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)


def chat(text: str) -> QueueUpdate:
    return QueueUpdate(session="1001", at=NOON, cause=Cause(code="", event="ChatSent"), chat_from="a", chat_text=text)


@pytest.fixture
def translated(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The revisions that were translated, each time that one was."""
    revisions: list[int] = []
    delta = translate.delta

    def counted(revised: Revised) -> pb.QueueDelta:
        revisions.append(revised.revision)
        return delta(revised)

    monkeypatch.setattr(translate, "delta", counted)
    return revisions


@pytest.mark.parametrize("lengths", [[3], [0, 1], [100, 200, 20_000], [200] * 300])
def test_the_bytes_are_those_of_the_message(lengths: list[int]) -> None:
    taken = [Revised(number, chat("x" * length)) for number, length in enumerate(lengths, 1)]
    deltas = [translate.delta(revised) for revised in taken]
    message = (
        pb.WatchQueueResponse(delta=deltas[0])
        if len(deltas) == 1
        else pb.WatchQueueResponse(deltas=pb.QueueDeltas(deltas=deltas))
    )
    given: Any = DeltaMessages().of(taken)
    assert pb.WatchQueueResponse.FromString(given) == message


def test_an_update_is_translated_once_for_all_consoles_of_all_its_technicians(translated: list[int]) -> None:
    watch, messages = Watch(), DeltaMessages()
    watchers = [watch.open(technician, str(n)) for technician in ("alice", "bob") for n in range(50)]
    for revision in (1, 2, 3):
        same = chat("hello")
        watch.publish(revision, {"alice": same, "bob": same})
    sent = {bytes(messages.of(watch.take(watcher) or [])) for watcher in watchers}  # type: ignore[call-overload]
    assert translated == [1, 2, 3]
    assert len(sent) == 1


def test_only_the_latest_deltas_are_kept(translated: list[int]) -> None:
    messages = DeltaMessages(kept=2)
    taken = [Revised(number, chat("hello")) for number in (1, 2, 3)]
    for revised in taken:
        messages.of([revised])
    messages.of([taken[2]])
    messages.of([taken[0]])
    assert translated == [1, 2, 3, 1]
    assert len(messages._kept) == 2
