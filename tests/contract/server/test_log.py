"""The protocol of a replicated log: the same tests for each engine."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from typing import Protocol

import pytest

from rescue_server.replicated.log import InDoubt, Log, LogEntry, LogTrimmed, Moved, follow
from rescue_server.replicated.memory_log import MemoryLog
from tests.engine_logs import ENGINES, EngineLogs, new_name


class Another(Protocol):
    """Opens the same log once more, as another server does."""

    def __call__(self, *, try_for: float = 30.0) -> Log: ...


@pytest.fixture(params=["memory", *ENGINES])
def another(request: pytest.FixtureRequest, engines: EngineLogs) -> Iterator[Another]:
    """Open a log of its own for each test, as often as it is called."""
    if request.param == "memory":
        shared = MemoryLog()
        yield lambda *, try_for=0.0: shared
        return
    name, opened = new_name(), list[Log]()

    def again(*, try_for: float = 30.0) -> Log:
        opened.append(engines.open(request.param, name, try_for=try_for))
        return opened[-1]

    yield again
    for one in opened:
        one.close()


@pytest.fixture
def log(another: Another) -> Iterator[Log]:
    opened = another()
    yield opened
    opened.close()


def entry(position: int, record: bytes = b"r", id: str = "") -> LogEntry:
    return LogEntry(position=position, id=id or f"id{position}", record=record)


def fill(log: Log, number: int) -> None:
    for position in range(1, number + 1):
        log.append(position - 1, b"r", f"id{position}")


def test_a_new_log_is_empty(log: Log) -> None:
    assert (log.tail(), log.first()) == (0, 1)
    assert log.read(0, 10) == []


def test_entries_come_back_in_order_as_they_went_in(log: Log) -> None:
    records = [bytes(range(256)), b"", b"x" * 500_000]
    for position, record in enumerate(records, 1):
        assert log.append(position - 1, record, f"id{position}") == position
    assert log.read(0, 10) == [entry(position, record) for position, record in enumerate(records, 1)]
    assert log.read(1, 1) == [entry(2, b"")]
    assert log.read(3, 10) == []
    assert log.tail() == 3


@pytest.mark.parametrize("expected", [0, 1])
def test_an_entry_that_does_not_follow_the_last_one_is_refused(log: Log, expected: int) -> None:
    fill(log, 2)
    with pytest.raises(Moved):
        log.append(expected, b"late", "late")
    assert log.tail() == 2
    assert log.append(2, b"next", "next") == 3


def test_nothing_is_stored_beyond_the_end(another: Another) -> None:
    log = another(try_for=0.1)
    fill(log, 2)
    with pytest.raises((Moved, InDoubt)):
        log.append(3, b"early", "early")
    assert log.tail() == 2


def test_of_those_who_append_at_once_one_succeeds(another: Another) -> None:
    logs = [another() for _ in range(4)]
    ready = threading.Barrier(len(logs))

    def compete(number: int) -> int:
        won = 0
        for position in range(10):
            ready.wait(10)
            try:
                logs[number].append(position, b"%d" % number, f"{number}/{position}")
            except Moved:
                pass
            else:
                won += 1
        return won

    with ThreadPoolExecutor(len(logs)) as threads:
        assert sum(threads.map(compete, range(len(logs)))) == 10
    assert [found.position for found in logs[0].read(0, 100)] == list(range(1, 11))
    for log in logs:
        log.close()


def test_a_reader_is_woken_by_what_another_server_appends(log: Log, another: Another) -> None:
    writer = another()
    with ThreadPoolExecutor(1) as thread:
        following = follow(log, 0)
        found = thread.submit(lambda: list(islice(following, 20)))
        fill(writer, 20)
        assert [one.position for one in found.result(20)] == list(range(1, 21))


def test_who_has_read_all_that_came_waits_for_news(log: Log, another: Another) -> None:
    """Found: for a quarter of a second after each record a follower asked again and again whether there was another."""
    other = another()
    with ThreadPoolExecutor(1) as thread:
        waiting = thread.submit(log.wait, 0, 20.0)
        other.append(0, b"r", "id1")
        waiting.result(20.0)
    while not log.read(0, 10):
        log.wait(0, 1.0)
    began = time.monotonic()
    log.wait(1, 0.2)
    assert time.monotonic() - began > 0.19


def test_waiting_ends_without_news(log: Log) -> None:
    fill(log, 1)
    log.wait(1, 0.01)
    log.wait(0, 60.0)


def test_many_entries_are_read_in_pieces(log: Log) -> None:
    fill(log, 300)
    found = list(islice(follow(log, 0, limit=64), 300))
    assert [one.position for one in found] == list(range(1, 301))


def test_what_is_trimmed_is_said_to_be_gone(log: Log) -> None:
    fill(log, 5)
    log.trim(3)
    assert (log.first(), log.tail()) == (4, 5)
    assert [one.position for one in log.read(3, 10)] == [4, 5]
    with pytest.raises(LogTrimmed) as caught:
        log.read(2, 10)
    assert caught.value.first == 4
    log.trim(2)
    assert log.first() == 4
    assert log.append(5, b"r", "id6") == 6


def test_the_latest_snapshot_is_found(log: Log, another: Another, tmp_path: Path) -> None:
    assert log.get_snapshot(tmp_path / "none") is None
    assert log.snapshots() == []
    large = bytes(range(256)) * 10_000
    for position, content in ((1, b"one"), (2, b"two"), (3, large)):
        (tmp_path / "given").write_bytes(content)
        log.put_snapshot(position, tmp_path / "given")
    assert log.snapshots() == [2, 3]
    assert another().get_snapshot(tmp_path / "found") == 3
    assert (tmp_path / "found").read_bytes() == large
