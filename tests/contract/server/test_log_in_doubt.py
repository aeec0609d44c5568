"""Appends to a replicated log whose answer does not arrive, and nodes that die: the log itself tells what happened."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice

import pytest

from rescue_server.replicated.log import InDoubt, Log, Moved, follow
from tests.engine_logs import ENGINES, EngineLogs, new_name
from tests.fakes.swallowing_proxy import SwallowingProxy, swallowing_proxy

ALONE = [name for name in ENGINES if not name.endswith("3")]
SEVERAL = [name for name in ENGINES if name.endswith("3")]


class Case:
    """A log reached through a proxy, and the same log reached directly."""

    def __init__(self, engines: EngineLogs, engine: str, proxy: SwallowingProxy) -> None:
        self._engines, self._engine, self._name = engines, engine, new_name()
        self.proxy = proxy
        self.direct = self.open(direct=True)

    def open(self, *, try_for: float = 30.0, direct: bool = False) -> Log:
        at = () if direct else (self.proxy.address,)
        return self._engines.open(self._engine, self._name, try_for=try_for, at=at)


@pytest.fixture(params=ALONE)
def case(request: pytest.FixtureRequest, engines: EngineLogs) -> Iterator[Case]:
    with swallowing_proxy(engines.nodes(request.param).addresses[0]) as proxy:
        yield Case(engines, request.param, proxy)


def until_tail(log: Log, position: int) -> None:
    while log.tail() < position:
        log.wait(position - 1, 0.1)


def test_a_record_that_was_stored_without_an_answer_counts_once(case: Case) -> None:
    log = case.open()
    case.proxy.swallows_answers = True
    with ThreadPoolExecutor(1) as thread:
        appended = thread.submit(log.append, 0, b"r", "mine")
        until_tail(case.direct, 1)
        case.proxy.heal()
        assert appended.result(60) == 1
    assert log.append(1, b"r", "next") == 2
    assert [entry.id for entry in case.direct.read(0, 10)] == ["mine", "next"]
    log.close()


def test_a_record_that_never_left_is_in_doubt(case: Case) -> None:
    log = case.open(try_for=0.5)
    case.proxy.swallows_requests = True
    with pytest.raises(InDoubt):
        log.append(0, b"r", "mine")
    assert case.direct.tail() == 0
    log.close()


def test_who_was_cut_off_learns_that_another_server_writes(case: Case) -> None:
    log = case.open()
    case.proxy.swallows_requests = case.proxy.swallows_answers = True
    with ThreadPoolExecutor(1) as thread:
        appended = thread.submit(log.append, 0, b"r", "late")
        case.direct.append(0, b"r", "other")
        case.proxy.heal()
        with pytest.raises(Moved):
            appended.result(60)
    assert [entry.id for entry in case.direct.read(0, 10)] == ["other"]
    log.close()


@pytest.mark.long  # an election of NATS takes seconds
@pytest.mark.parametrize("engine", SEVERAL)
def test_nothing_is_lost_or_twice_while_each_node_dies_and_comes_back(engines: EngineLogs, engine: str) -> None:
    nodes, name = engines.nodes(engine), new_name()
    log, other = engines.open(engine, name, try_for=60), engines.open(engine, name)
    acknowledged: list[str] = []
    stop = threading.Event()

    def write() -> None:
        while not stop.is_set():
            id = f"id{len(acknowledged)}"
            log.append(len(acknowledged), b"r", id)
            acknowledged.append(id)

    with ThreadPoolExecutor(2) as threads:
        writing = threads.submit(write)
        for node in nodes.names:
            begun = len(acknowledged)
            nodes.kill(node)
            while len(acknowledged) < begun + 20 and not writing.done():
                time.sleep(0.02)
            nodes.start(node)
        stop.set()
        writing.result(70)
        found = threads.submit(lambda: list(islice(follow(other, 0), len(acknowledged))))
        assert [entry.id for entry in found.result(60)] == acknowledged
    log.close()
    other.close()
