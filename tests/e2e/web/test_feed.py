"""Events that a page can resume: none missing, none twice, whatever it has seen."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping

import pytest

from rescue_web.feed import KEPT_MESSAGES, EventId, Feed


class Source:
    """What a feed tells of."""

    def __init__(self) -> None:
        self.revision = 10
        self.feed = Feed(lambda: (self.revision, {"as_of": self.revision}))
        self.feed.begin_at(10, history="h1")

    def happens(self, revision: int) -> None:
        self.revision = revision
        self.feed.publish("update", {"number": revision}, revision=revision)


def seen(revision: int, history: str = "h1") -> EventId:
    return EventId(history=history, revision=revision)


def revision_of(written: str) -> int | None:
    found = EventId.read(written)
    return found.revision if found else None


def read(text: str) -> list[tuple[str, int | None, Mapping[str, object]]]:
    found = []
    for block in text.split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.splitlines())
        if "event" in fields:
            found.append((fields["event"], revision_of(fields.get("id", "")), json.loads(fields["data"])))
    return found


async def first(stream: AsyncIterator[str]) -> list[tuple[str, int | None, Mapping[str, object]]]:
    return read(await anext(stream))


async def test_a_new_page_gets_the_whole_state_and_then_what_is_new() -> None:
    source = Source()
    stream = source.feed.messages(None)
    assert await first(stream) == [("snapshot", 10, {"as_of": 10})]
    source.happens(12)
    assert await first(stream) == [("update", 12, {"number": 12})]


async def test_a_page_that_comes_back_gets_just_what_it_missed() -> None:
    source = Source()
    for revision in (12, 15, 19):
        source.happens(revision)
    assert [one[1] for one in await first(source.feed.messages(seen(12)))] == [15, 19]
    assert await first(source.feed.messages(seen(19))) == []
    assert [one[1] for one in await first(source.feed.messages(seen(10)))] == [12, 15, 19]


async def test_what_cannot_be_resumed_begins_anew() -> None:
    source = Source()
    source.happens(12)
    for unknown in (9, 13):  # before what is kept, and of another life of the server
        assert [one[0] for one in await first(source.feed.messages(seen(unknown)))] == ["snapshot"]
    for revision in range(13, 13 + KEPT_MESSAGES):
        source.happens(revision)
    assert [one[0] for one in await first(source.feed.messages(seen(11)))] == ["snapshot"]
    assert (await first(source.feed.messages(seen(12))))[0][1] == 13


async def test_a_page_of_another_history_gets_the_whole_state() -> None:
    source = Source()
    source.happens(12)
    for revision in (10, 12):
        [(kind, *_)] = await first(source.feed.messages(seen(revision, "h0")))
        assert kind == "snapshot"
    source.feed.begin_at(11, history="h2")
    [(kind, *_)] = await first(source.feed.messages(seen(11)))
    assert kind == "snapshot"
    assert await first(source.feed.messages(seen(11, "h2"))) == []


@pytest.mark.parametrize("text", ["", "12", "h1:", ":x", "h1:-1", "h1:" + "9" * 19, "h\n:1", "x" * 65 + ":1"])
def test_what_is_no_event_id_resumes_nothing(text: str) -> None:
    assert EventId.read(text) is None


async def test_a_page_that_reads_too_slowly_is_cut_off_and_loses_nothing() -> None:
    source = Source()
    stream = source.feed.messages(None)
    await first(stream)
    for revision in range(11, 1011):
        source.happens(revision)
    assert [message async for message in stream] == []
    assert len(await first(source.feed.messages(seen(10)))) == 1000


async def test_what_has_no_revision_moves_nobody_s_place() -> None:
    source = Source()
    stream = source.feed.messages(None)
    await first(stream)
    source.feed.publish("clock", {"speed": 1})
    assert await first(stream) == [("clock", None, {"speed": 1})]
    assert await first(source.feed.messages(seen(10))) == []
