"""Logs, metrics and traces of a running server: opened, fed and closed in one place."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import grpc

from rescue_common.causes import sentence
from rescue_common.emulated_time import format_timestamp
from rescue_server.core.causes import cause_of, cause_of_change
from rescue_server.core.organization import OrganizationEvent
from rescue_server.observe import traces
from rescue_server.observe.interceptor import Call, Observing
from rescue_server.observe.logs import facts
from rescue_server.rpc.method_wrapping import WrapMethod

if TYPE_CHECKING:
    from rescue_server.observe.metrics import Metrics
    from rescue_server.runtime.attachments import Attachments
    from rescue_server.runtime.engine import Engine
    from rescue_server.runtime.journal import Journal
    from rescue_server.runtime.state import AppliedEvent

log = logging.getLogger("rescue_server.journal")
api_log = logging.getLogger("rescue_server.public_api")


class CannotObserve(Exception):
    """Metrics or traces were asked for and cannot be had; the message says what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricsAddress:
    """Where Prometheus finds the metrics; port 0 takes a free one."""

    host: str
    port: int


def wants_requests(metrics: MetricsAddress | None) -> bool:
    """Whether requests of the public API are logged or counted."""
    return metrics is not None or api_log.isEnabledFor(logging.INFO)


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """One number for Prometheus: what there is now, or how often something happened since the start (`counts`)."""

    name: str
    text: str
    value: float
    counts: bool = False


class Observation:
    """Logs always, metrics if an address is given, traces if the environment asks for them. Raises CannotObserve.

    `metrics_at` is the metrics' HOST:PORT once they are there; empty before, and without. `more` measures what the
    server has beside the parts of every server.
    """

    def __init__(
        self, metrics: MetricsAddress | None = None, *, more: Callable[[], Sequence[Measure]] = lambda: ()
    ) -> None:
        self.metrics_at = ""
        self._more = more
        self.address = metrics
        """Where the metrics are, or are to be."""
        self._metrics: Metrics | None = _metrics() if metrics else None
        self._traces: traces.Traces | None = None
        self._closing: list[Callable[[], None]] = []
        if traces.are_wanted():
            try:
                self._traces = traces.Traces()
            except traces.CannotTrace as error:
                raise CannotObserve(str(error)) from None
            self._closing.append(self._traces.close)

    def wrapper(self) -> WrapMethod:
        """What goes around every method."""
        observers: list[Callable[[Call], None]] = []
        observers += [self._metrics.called] if self._metrics else []
        observers += [self._traces.called] if self._traces else []
        return Observing(observers, only_generators=self._traces is not None).wrap

    def interceptors(self) -> Sequence[grpc.aio.ServerInterceptor]:
        """What goes around every call, outside the wrapper."""
        return [self._traces.interceptor] if self._traces else []

    def on_applied(self, applied: AppliedEvent) -> None:
        """An event was published."""
        if self._metrics:
            self._metrics.on_applied(applied)
        if log.isEnabledFor(logging.INFO):
            _log(applied)

    def requested(self, method: str, word: str, *, user: str, is_soap: bool, seconds: float) -> None:
        """A request of the public API was answered, in so many real seconds. `method` is empty for a page."""
        if self._metrics:
            self._metrics.requested(method or "none", word, seconds)
        found = facts(word=word, user=user, way="SOAP" if is_soap else "text", seconds=round(seconds, 4))
        api_log.info("public API: %s", method or "no method", extra=found)

    def appended(self, seconds: float, events: int) -> None:
        """The store appended events, in so many real seconds."""
        if self._metrics:
            self._metrics.appended(seconds, events)

    def worked(self, phase: str, seconds: float) -> None:
        """One turn of the server's loop spent so many real seconds on one thing."""
        if self._metrics:
            self._metrics.worked(phase, seconds)

    def open(self, engine: Engine, attachments: Attachments, journal: Journal) -> None:
        """Answer scrapes from now on, at `metrics_at`. Raises CannotObserve."""
        if self._metrics is None or self.address is None:
            return
        from rescue_server.observe.metrics import MeasuredServer

        host, port = self.address.host, self.address.port
        try:
            port, stop = self._metrics.serve(host, port, MeasuredServer(engine, attachments, journal, self._more))
        except OSError as error:
            raise CannotObserve(f"--metrics {host}:{port}: {error.strerror or error}") from None
        self._closing.append(stop)
        self.address = MetricsAddress(host=host, port=port)
        self.metrics_at = f"{host}:{port}"

    def close(self) -> None:
        """Send what is left and let go. May wait for a network."""
        while self._closing:
            self._closing.pop()()


def _metrics() -> Metrics:
    try:
        from rescue_server.observe.metrics import Metrics
    except ImportError as error:
        raise CannotObserve(
            f"--metrics needs {error.name}, which is not there: pip install 'rescue-emulator[metrics]'"
        ) from None
    return Metrics()


def _log(applied: AppliedEvent) -> None:
    event, session = applied.event, applied.after
    if session is None or isinstance(event, OrganizationEvent):
        assert isinstance(event, OrganizationEvent)
        cause = cause_of_change(event)
    else:
        cause = cause_of(applied.before, event)
    found = facts(
        event=cause.event,
        session=session.id if session else "",
        technician=cause.technician,
        setting=cause.setting,
        revision=applied.revision,
        emulated=format_timestamp(event.at),
    )
    log.info("%s", sentence(cause), extra=found)
