"""The records of the log: what comes back, and what is refused."""

from __future__ import annotations

import struct
from datetime import UTC, datetime
from zlib import crc32

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rescue_server.replicated.records import (
    Append,
    Begin,
    Compact,
    Fold,
    Lead,
    Reading,
    Record,
    RecordUnreadable,
    Resign,
    decode,
    encode,
)
from rescue_server.store.protocol import ClockMark, StoredAnswer, StoredEvent

NOON = datetime(2026, 3, 4, 12, 0, 0, 123456, tzinfo=UTC)
EVENT = StoredEvent(revision=1, at=NOON, stream="1001", body=b"\x00{}")
ANSWER = StoredAnswer(request_id="r1", principal="alice", fingerprint="f00d", revision=1, body=b"ok")
RECORDS: list[Record] = [
    Begin(cluster="c", key="k", last_session=7, restored=True),
    Append(events=[EVENT], answers=[ANSWER], clock=ClockMark(now=NOON, speed=0.1, paused=True)),
    Append(),
    Compact(streams=["1001"], through=5, answers_through=4, spared=["session:1002"]),
    Fold(changed=[EVENT], dropped=[1, 2]),
    Lead(epoch=3, server="s1", address="127.0.0.1:5"),
    Resign(epoch=3),
]


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: type(record).__name__)
def test_a_record_comes_back_as_it_was(record: Record) -> None:
    assert decode(encode(record)) == record


@given(st.datetimes(timezones=st.just(UTC)), st.binary(max_size=100_000))
def test_any_event_comes_back(at: datetime, body: bytes) -> None:
    record = Append(events=[StoredEvent(revision=1, at=at, stream="s", body=body)])
    assert decode(encode(record, largest=1000)) == record


def test_a_long_record_is_several_entries_of_bounded_size() -> None:
    events = [StoredEvent(revision=n, at=NOON, stream=str(n), body=b"%d" % (n * n)) for n in range(1, 5000)]
    entries = encode(Append(events=events), largest=10_000)
    assert len(entries) > 3
    assert max(map(len, entries)) <= 10_000
    assert decode(entries) == Append(events=events)


def test_what_a_leader_left_unfinished_does_not_count() -> None:
    torn = encode(Append(events=[EVENT]), largest=40)
    reading = Reading()
    assert [reading.add(part, begins=number == 0) for number, part in enumerate(torn[:-1])] == [None] * (len(torn) - 1)
    (lead,) = encode(RECORDS[-2])
    assert reading.add(lead, begins=True) == RECORDS[-2]


def changed(entry: bytes, at: int, to: int) -> bytes:
    return entry[:at] + bytes([to]) + entry[at + 1 :]


def with_checksum(part: bytes) -> bytes:
    return struct.pack(">2sBBI", b"RL", 1, 0, crc32(part, 0)) + part


@pytest.mark.parametrize(
    ("entry", "why"),
    [
        (b"", "too short"),
        (changed(encode(RECORDS[-1])[0], 0, 0), "another program"),
        (changed(encode(RECORDS[-1])[0], 2, 2), "version 2"),
        (changed(encode(RECORDS[-1])[0], -1 % 15, 99), "not what was written"),
        (changed(encode(RECORDS[-1])[0], 3, 1), "not what was written"),
        (with_checksum(b"\xc1"), "no record"),
        (with_checksum(b"\x81\xa4type\xa5later"), "no record"),
    ],
)
def test_what_is_no_record_is_refused(entry: bytes, why: str) -> None:
    with pytest.raises(RecordUnreadable, match=why):
        decode([entry])


def test_an_unfinished_record_is_refused() -> None:
    with pytest.raises(RecordUnreadable, match="end is missing"):
        decode(encode(Append(events=[EVENT]), largest=40)[:-1])
