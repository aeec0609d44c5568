"""Traces by OpenTelemetry, if the usual OTEL_ variables of the environment ask for them.

Spans of calls are those of opentelemetry-instrumentation-grpc; a caller's trace context is
continued. Each span carries the user, the session and the revision besides.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import grpc

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
    from opentelemetry.sdk.trace.export import SpanExporter
    from opentelemetry.util.types import AttributeValue

    from rescue_server.observe.interceptor import Call

SERVICE = "rescue-server"
_ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
_EXPORTER = "OTEL_TRACES_EXPORTER"
_PROTOCOLS = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")


class CannotTrace(Exception):
    """The environment asks for traces that cannot be sent; the message says what to do."""


def are_wanted(environment: Mapping[str, str] = os.environ) -> bool:
    """Whether the environment asks for traces: it names an OTLP endpoint or an exporter, and switches nothing off."""
    if environment.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return False
    exporter = environment.get(_EXPORTER, "").strip().lower()
    return exporter != "none" and bool(exporter or any(environment.get(name) for name in _ENDPOINTS))


class Traces:
    """Sends spans as the environment says. Raises CannotTrace."""

    def __init__(self, environment: Mapping[str, str] = os.environ) -> None:
        try:
            from opentelemetry import trace
            from opentelemetry.instrumentation.grpc import aio_server_interceptor, filters
            from opentelemetry.sdk.resources import SERVICE_NAME, Resource
            from opentelemetry.sdk.trace import TracerProvider
        except ImportError as error:
            raise _missing(error) from None
        attributes = {} if environment.get("OTEL_SERVICE_NAME") else {SERVICE_NAME: SERVICE}
        self._provider: TracerProvider = TracerProvider(resource=Resource.create(attributes))
        self._provider.add_span_processor(_processor(environment))
        self._current: Callable[[], trace.Span] = trace.get_current_span
        self.interceptor: grpc.aio.ServerInterceptor = aio_server_interceptor(  # type: ignore[no-untyped-call]
            tracer_provider=self._provider, filter_=filters.negate(filters.health_check())
        )

    def called(self, call: Call) -> None:
        """A call ended, in the context of its span."""
        span = self._current()
        found: dict[str, AttributeValue] = {
            "rescue.user": call.user,
            "rescue.session": call.session,
            "rescue.revision": call.revision,
        }
        for name, value in found.items():
            if value:
                span.set_attribute(name, value)

    def close(self) -> None:
        """Send what is left."""
        self._provider.shutdown()


def _processor(environment: Mapping[str, str]) -> SpanProcessor:
    from opentelemetry.sdk.trace.export import BatchSpanProcessor, ConsoleSpanExporter, SimpleSpanProcessor

    exporter = environment.get(_EXPORTER, "").strip().lower() or "otlp"
    if exporter == "console":
        import sys

        return SimpleSpanProcessor(ConsoleSpanExporter(out=sys.stderr))  # stdout is for results
    if exporter != "otlp":
        raise CannotTrace(f"{_EXPORTER}={exporter}: there are otlp, console and none")
    return BatchSpanProcessor(_otlp(environment))


def _otlp(environment: Mapping[str, str]) -> SpanExporter:
    protocol = next((environment[name] for name in _PROTOCOLS if environment.get(name)), "http/protobuf")
    if protocol != "http/protobuf":
        raise CannotTrace(f"{_PROTOCOLS[1]}={protocol}: this server speaks http/protobuf")
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    except ImportError as error:
        raise _missing(error) from None
    return OTLPSpanExporter()


def _missing(error: ImportError) -> CannotTrace:
    return CannotTrace(
        f"the environment asks for OpenTelemetry traces, but {error.name} is not there: "
        "pip install 'rescue-emulator[traces]', or set OTEL_TRACES_EXPORTER=none"
    )
