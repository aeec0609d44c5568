"""What Prometheus reads from a real server."""

from __future__ import annotations

import asyncio
import socket
import urllib.request
from datetime import UTC, datetime
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from rescue_emulator.world.technician import CommandRefused
from rescue_emulator.world.world import World
from rescue_server.core.causes import Cause
from rescue_server.core.queue import QueueUpdate
from rescue_server.runtime.watch import Watch
from tests.fakes.post_receiver import OK, PostReceiver, status

from .conftest import Watched, ready, refused_start, without

Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


class Scrape:
    """All samples of one moment."""

    def __init__(self, text: str) -> None:
        self._samples: Samples = {
            (sample.name, frozenset(sample.labels.items())): sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
        }

    def __call__(self, name: str, **labels: str) -> float:
        return self._samples[(name, frozenset(labels.items()))]

    @staticmethod
    async def of(world: World) -> Scrape:
        def read() -> str:
            with urllib.request.urlopen(f"http://{ready(world)['metrics']}/metrics", timeout=20) as answer:
                return str(answer.read().decode())

        return Scrape(await asyncio.to_thread(read))


async def test_a_scrape_shows_what_goes_on_and_what_was_done(watched: Watched) -> None:
    world = await watched("--metrics", "127.0.0.1:0")
    alice, bob = await asyncio.gather(world.technician("alice"), world.technician("bob"))
    session, pin = await alice.pin("Jan")
    computer = await world.computer(pin=pin)
    await alice.command("start", session)
    await alice.command("invite", session, "bob")
    with pytest.raises(CommandRefused):
        await bob.command("hold", session)
    seen = await Scrape.of(world)
    method = "rescue_protos.v1.ConsoleService/"
    assert seen("rescue_sessions", link="connected") == 1
    assert seen("rescue_queue_entries", status="Active") == 1
    assert seen("rescue_queue_entries", status="Invitation") == 1
    assert seen("rescue_queue_entries", status="Waiting") == 0
    assert (seen("rescue_streams", kind="watch"), seen("rescue_streams", kind="attachment")) == (2, 1)
    assert seen("rescue_calls_total", method=method + "StartSession", code="OK") == 1
    assert seen("rescue_calls_total", method=method + "HoldSession", code="FAILED_PRECONDITION") == 1
    assert seen("rescue_events_total", event="SessionStarted") == 1
    assert seen("rescue_append_seconds_count") >= 3
    for phase in ("any", "publishing", "deadlines"):
        assert seen("rescue_loop_longest_block_seconds", phase=phase) > 0
    assert seen("rescue_append_seconds_bucket", le="+Inf") == seen("rescue_append_seconds_count")
    assert seen("rescue_lease_expiries_total") == 0

    async with computer.lan_off():
        await world.advance(minutes=1)
        away = await Scrape.of(world)
    assert away("rescue_lease_expiries_total") == 1
    assert away("rescue_sessions", link="reconnecting") == 1
    assert away("rescue_queue_entries", status="Reconnecting") == 1
    assert away("rescue_emulated_time_seconds") == pytest.approx(seen("rescue_emulated_time_seconds") + 60)
    assert away("rescue_revision") > seen("rescue_revision")
    # `advance` returns when the watches have been handed everything.
    assert away("rescue_watcher_lag_updates") == away("rescue_watcher_lag_updates_max") == 0


def test_lag_counts_what_a_watcher_was_not_handed() -> None:
    watch = Watch()
    slow, other = watch.open("alice", "1"), watch.open("bob", "2")
    update = QueueUpdate(session="1001", at=datetime(2026, 1, 5, tzinfo=UTC), cause=Cause(code="", event=""))
    for revision in (1, 2, 3):
        watch.publish(revision, {"alice": update})
    assert (watch.lag(slow), watch.lag(other)) == (3, 0)
    watch.take(slow)
    assert watch.lag(slow) == 3  # taken, but not handed over
    watch.delivered(slow)
    watch.publish(4, {"alice": update})
    assert watch.lag(slow) == 1


def test_without_the_package_the_server_says_what_to_install(tmp_path: Path) -> None:
    done = refused_start(tmp_path, "--metrics", "127.0.0.1:0", PYTHONPATH=without("prometheus_client", tmp_path))
    assert done.returncode == 1
    assert "rescue-emulator[metrics]" in done.stderr
    assert "Traceback" not in done.stderr


def test_an_address_in_use_is_told(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        done = refused_start(tmp_path, "--metrics", f"127.0.0.1:{taken.getsockname()[1]}")
    assert done.returncode == 1
    assert "--metrics 127.0.0.1:" in done.stderr
    assert "Traceback" not in done.stderr


async def test_posts_are_counted_by_kind_and_result(watched: Watched) -> None:
    answers = iter([status(503), OK, OK])
    async with PostReceiver(lambda post: next(answers)) as receiver:
        world = await watched("--metrics", "127.0.0.1:0")
        await world.admin.change_settings("group:Support", {"post-start": receiver.url(), "post-end": receiver.url()})
        alice = await world.technician("alice")
        session, pin = await alice.pin("Jan")
        await world.computer(pin=pin)
        await alice.start(session)
        await receiver.received(1)
        assert (await Scrape.of(world))("rescue_posts_pending") == 1
        await alice.end(session)
        async for piece in world.journal.watch(session=session):
            if any(line.name == "PostSent" and line.body["kind"] == "end" for line in piece.lines):
                break
        seen = await Scrape.of(world)
        assert seen("rescue_posts_total", kind="start", result="failed") == 1
        assert seen("rescue_posts_total", kind="start", result="sent") == 1
        assert seen("rescue_posts_total", kind="end", result="sent") == 1
        assert seen("rescue_posts_pending") == 0
