"""What Prometheus scrapes: what the server holds now, and what it has done since it started.

Gauges are read from the state when somebody scrapes, in the server's own loop, so they cost nothing in between and are
of one moment.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from prometheus_client import CollectorRegistry, Histogram, PlatformCollector, ProcessCollector, start_http_server
from prometheus_client import Counter as Counting
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from rescue_server.core.events import LinkLost, PostFailed, PostGivenUp, PostSent
from rescue_server.core.status import Link, Status
from rescue_server.observe.loop_blocks import LoopBlocks
from rescue_server.observe.session_counts import SessionCounts

if TYPE_CHECKING:
    from rescue_server.observe.interceptor import Call
    from rescue_server.observe.observation import Measure
    from rescue_server.runtime.attachments import Attachments
    from rescue_server.runtime.engine import Engine
    from rescue_server.runtime.journal import Journal
    from rescue_server.runtime.state import AppliedEvent

ANSWER_WITHIN = 5.0  # real seconds in which the loop must find time for a scrape
_POST_RESULTS = {PostSent: "sent", PostFailed: "failed", PostGivenUp: "given up"}
_FAST = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)


class Metrics:
    """One server's metrics; `serve` makes them available."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._blocks = LoopBlocks()
        self._sessions = SessionCounts()
        ProcessCollector(registry=self._registry)
        PlatformCollector(registry=self._registry)
        registry = self._registry
        self._calls = Counting("rescue_calls", "Calls that ended, by outcome.", ["method", "code"], registry=registry)
        self._call_seconds = Histogram(
            "rescue_call_seconds",
            "How long calls took; streams are not among them.",
            ["method"],
            buckets=_FAST,
            registry=registry,
        )
        self._events = Counting("rescue_events", "Events stored and published.", ["event"], registry=registry)
        self._posts = Counting(
            "rescue_posts", "Attempts to post sessions, and posts given up.", ["kind", "result"], registry=registry
        )
        self._requests = Counting(
            "rescue_api_requests", "Requests of the public API, by answer.", ["method", "word"], registry=registry
        )
        self._request_seconds = Histogram(
            "rescue_api_request_seconds", "How long they took.", ["method"], buckets=_FAST, registry=registry
        )
        self._expiries = Counting("rescue_lease_expiries", "Leases of applets that ran out.", registry=registry)
        self._append = Histogram(
            "rescue_append_seconds", "How long the store took to append.", buckets=_FAST, registry=registry
        )
        self._appended = Counting("rescue_appended_events", "Events in these appends.", registry=registry)

    def called(self, call: Call) -> None:
        """Count a call that ended."""
        method = call.method.removeprefix("/")
        self._calls.labels(method, call.code).inc()
        if not call.streaming:
            self._call_seconds.labels(method).observe(call.seconds)

    def on_applied(self, applied: AppliedEvent) -> None:
        """Count a published event."""
        self._events.labels(type(applied.event).__name__).inc()
        self._sessions.change(applied.before, applied.after)
        if isinstance(applied.event, LinkLost):
            self._expiries.inc()
        elif isinstance(applied.event, PostSent | PostFailed | PostGivenUp):
            self._posts.labels(applied.event.kind, _POST_RESULTS[type(applied.event)]).inc()

    def requested(self, method: str, word: str, seconds: float) -> None:
        """Count a request of the public API."""
        self._requests.labels(method, word).inc()
        self._request_seconds.labels(method).observe(seconds)

    def appended(self, seconds: float, events: int) -> None:
        """Record an append of the store."""
        self._append.observe(seconds)
        self._appended.inc(events)

    def worked(self, phase: str, seconds: float) -> None:
        """Record what one turn of the loop was spent on."""
        self._blocks.record(phase, seconds)

    def serve(self, host: str, port: int, state: MeasuredServer) -> tuple[int, Callable[[], None]]:
        """Answer scrapes at HOST:PORT (0: any free port). Returns the port, and what ends it. Raises OSError."""
        state.count_sessions(self._sessions)
        self._registry.register(_Gauges(state, self._sessions, self._blocks, asyncio.get_running_loop()))
        server, thread = start_http_server(port, addr=host, registry=self._registry)
        self._blocks.start()

        def stop() -> None:
            self._blocks.stop()
            server.shutdown()
            server.server_close()
            thread.join()

        return server.server_port, stop


class MeasuredServer:
    """Where the gauges look."""

    def __init__(
        self,
        engine: Engine,
        attachments: Attachments,
        journal: Journal,
        more: Callable[[], Sequence[Measure]] = lambda: (),
    ) -> None:
        self._more = more
        self._engine = engine
        self._attachments = attachments
        self._journal = journal

    def count_sessions(self, counts: SessionCounts) -> None:
        """Count all the sessions that there are."""
        counts.begin(self._engine.published.sessions.unpacked())

    def gauges(self, counts: SessionCounts) -> list[Metric]:
        """Return what there is now. Only in the server's loop."""
        state, watch = self._engine.published, self._engine.watch
        links, statuses = counts.links, counts.statuses
        lags = [watch.lag(watcher) for watcher in watch.behind]
        streams = {
            "watch": watch.open_watchers,
            "attachment": len(self._attachments),
            "journal": self._journal.followers,
        }
        return [
            _family("rescue_sessions", "Sessions that go on, by link.", "link", {link: links[link] for link in Link}),
            _family(
                "rescue_queue_entries",
                "Entries in all queues, by the status that they show.",
                "status",
                {status: statuses[status] for status in Status if not status.startswith("Removed")},
            ),
            _family("rescue_streams", "Open streams, by kind.", "kind", streams),
            _gauge("rescue_posts_pending", "Posts that are still to be sent.", counts.pending_posts),
            _gauge("rescue_watcher_lag_updates", "Updates that watches have not been handed yet, all.", sum(lags)),
            _gauge("rescue_watcher_lag_updates_max", "The same, of the slowest watch.", max(lags, default=0)),
            _gauge("rescue_revision", "The last published revision.", state.revision),
            _gauge("rescue_emulated_time_seconds", "The emulated time.", self._engine.clock.now().timestamp()),
            *map(_measured, self._more()),
        ]


class _Gauges(Collector):
    def __init__(
        self, state: MeasuredServer, counts: SessionCounts, blocks: LoopBlocks, loop: asyncio.AbstractEventLoop
    ) -> None:
        self._state = state
        self._counts = counts
        self._blocks = blocks
        self._loop = loop

    def describe(self) -> Iterator[Metric]:
        return iter(())  # or registering would already look

    def collect(self) -> Iterator[Metric]:
        async def look() -> list[Metric]:
            longest = (
                "The longest time since the start in which the loop did nothing else, and what it spent in one turn."
            )
            blocks = _family("rescue_loop_longest_block_seconds", longest, "phase", self._blocks.longest)
            return [*self._state.gauges(self._counts), blocks]

        return iter(asyncio.run_coroutine_threadsafe(look(), self._loop).result(ANSWER_WITHIN))


def _family(name: str, text: str, label: str, values: Mapping[Any, float]) -> Metric:
    family = GaugeMetricFamily(name, text, labels=[label])
    for key, value in values.items():
        family.add_metric([str(key)], value)
    return family


def _measured(measure: Measure) -> Metric:
    kind = CounterMetricFamily if measure.counts else GaugeMetricFamily
    return kind(measure.name, measure.text, value=measure.value)


def _gauge(name: str, text: str, value: float) -> Metric:
    return GaugeMetricFamily(name, text, value=value)
