"""How long a server with many sessions in memory takes to lead: from its `lead` record to its first answer."""

from __future__ import annotations

import contextlib
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import grpc

from benchmarks.cases import Figures
from benchmarks.clusters import started, token_of
from rescue_emulator.world.engine_nodes import NatsNodes
from rescue_protos.v1 import console_pb2, console_pb2_grpc
from rescue_server.cluster.proofs import make_key
from rescue_server.core import customer_side, decide
from rescue_server.core.decide import Events
from rescue_server.core.organization import SecretChanged
from rescue_server.replicated.engines import LogAddress, open_log
from rescue_server.replicated.log import Log, follow
from rescue_server.replicated.records import Lead, RecordUnreadable, decode
from rescue_server.runtime.credentials import hash_secret, hash_ticket
from rescue_server.runtime.state import EngineState
from rescue_server.startup.organization_file import read_organization
from rescue_server.store.protocol import ClockMark, StoredEvent
from rescue_server.store.sqlite import SqliteStore

NOW = datetime(2026, 1, 1, tzinfo=UTC)
TECHNICIANS = ("alice", "bob", "carol")
AT_ONCE = 10_000  # events of one append


def takeover(kind: str, *, sessions: int) -> Figures:
    """Begin a cluster with a store of waiting sessions, kill the server that leads, and ask the other one at once."""
    with contextlib.ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
        fill(directory / "backup", sessions)
        nodes = stack.enter_context(NatsNodes(directory / "nodes", 1))
        key = directory / "key"
        make_key(key)
        options = ["--cluster", nodes.url(), "--cluster-key", str(key)]
        restored = ["--restore", str(directory / "backup"), "--paused"]
        first = stack.enter_context(started(directory / "s1", *options, "--name", "s1", *restored))
        second = stack.enter_context(started(directory / "s2", *options, "--name", "s2", core=None))
        token = token_of(first)
        stub = console_pb2_grpc.ConsoleServiceStub(stack.enter_context(grpc.insecure_channel(second.address)))
        metadata = (("authorization", f"Bearer {token}"),)

        def create(number: int) -> None:
            stub.CreatePin(console_pb2.CreatePinRequest(request_id=f"pin-{number}"), metadata=metadata, timeout=60)

        create(1)  # by the first server
        led = stack.enter_context(_next_lead(open_log(LogAddress.read(nodes.url()))))
        killed = time.monotonic()
        first.process.kill()
        create(2)
        answered = time.monotonic()
        return {"s from lead to answer": answered - led.result(10), "s from kill to answer": answered - killed}


def fill(path: Path, sessions: int) -> None:
    """Write a store with as many sessions that wait with a computer."""
    state, ticket = EngineState(), hash_ticket("of nobody")
    with contextlib.closing(SqliteStore.open(path)) as store:
        secret = SecretChanged(at=NOW, user="alice", secret_hash=hash_secret("the cluster gives another one"))
        people = [*read_organization(None, NOW), secret]
        stored: list[StoredEvent] = [state.apply(event).stored() for event in people]
        context = decide.Context(organization=state.organization, in_focus=frozenset(), now=NOW)

        def take(events: Events) -> None:
            stored.extend(state.apply(event).stored() for event in events)

        for number in range(sessions):
            session, technician = state.next_session_id(), TECHNICIANS[number % len(TECHNICIANS)]
            pin = f"{number:06d}"
            take(decide.create_pin(session=session, technician=technician, pin=pin, customer="", context=context))
            take(customer_side.redeem_pin(state.sessions[session], ticket_hash=ticket, customer="Ana", context=context))
            take(customer_side.on_attach(state.sessions[session], context))
            if len(stored) >= AT_ONCE:
                store.append(stored)
                stored.clear()
        store.append(stored, clock=ClockMark(now=NOW, speed=1.0, paused=True))


@contextlib.contextmanager
def _next_lead(log: Log) -> Iterator[Future[float]]:
    """Find out when the next `lead` record is in the log."""
    with contextlib.closing(log), ThreadPoolExecutor(1) as thread:
        yield thread.submit(_when_led, log, log.tail())


def _when_led(log: Log, after: int) -> float:
    for entry in follow(log, after):
        with contextlib.suppress(RecordUnreadable):
            if isinstance(decode([entry.record]), Lead):
                return time.monotonic()
    raise AssertionError("the log ended")
