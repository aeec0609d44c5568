"""Traces over real HTTP to a stand-in for a collector."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from rescue_client.channel import open_channel
from rescue_emulator.world.technician import CommandRefused
from rescue_protos.v1 import access_pb2, access_pb2_grpc
from rescue_server.observe.traces import are_wanted

from .conftest import Watched, refused_start, without

TRACE = "0af7651916cd43dd8448eb211c80319c"


class Collector:
    """What was exported to it, in OTLP's own messages."""

    def __init__(self) -> None:
        self.received: list[ExportTraceServiceRequest] = []
        self.paths: set[str] = set()
        collector = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                if self.headers.get("content-encoding") == "gzip":
                    import gzip

                    body = gzip.decompress(body)
                collector.paths.add(self.path)
                collector.received.append(ExportTraceServiceRequest.FromString(body))
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.endpoint = f"http://127.0.0.1:{self.server.server_port}"

    @property
    def spans(self) -> list[Span]:
        return [
            span
            for request in self.received
            for of in request.resource_spans
            for s in of.scope_spans
            for span in s.spans
        ]

    @property
    def services(self) -> set[str]:
        return {
            attribute.value.string_value
            for request in self.received
            for of in request.resource_spans
            for attribute in of.resource.attributes
            if attribute.key == "service.name"
        }


@pytest.fixture
def collector() -> Iterator[Collector]:
    found = Collector()
    thread = threading.Thread(target=found.server.serve_forever)
    thread.start()
    yield found
    found.server.shutdown()
    found.server.server_close()
    thread.join()


async def test_calls_are_traced_to_the_collector_of_the_environment(
    watched: Watched, collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.endpoint)
    world = await watched()
    alice = await world.technician("alice")
    session, pin = await alice.pin("Jan")
    await world.computer(pin=pin)
    started = await alice.command("start", session)
    with pytest.raises(CommandRefused):
        await alice.command("lead", session, "accept")
    async with open_channel(world.address) as channel:
        request = access_pb2.SignInRequest(user="alice", secret="wrong")
        call = access_pb2_grpc.AccessServiceStub(channel).SignIn(
            request, metadata=(("traceparent", f"00-{TRACE}-b7ad6b7169203331-01"),)
        )
        assert (await call.code()).name == "UNAUTHENTICATED"
    await world.stop_server()  # sends what is left

    assert collector.paths == {"/v1/traces"}
    assert collector.services == {"rescue-server"}
    spans = {span.name.lstrip("/").rpartition("/")[2]: span for span in collector.spans}
    start = spans["StartSession"]
    attributes = {a.key: a.value for a in start.attributes}
    assert attributes["rescue.user"].string_value == "alice"
    assert attributes["rescue.session"].string_value == session
    assert attributes["rescue.revision"].int_value == started["revision"]
    assert {"WatchQueue", "Attach", "RedeemPin"} <= spans.keys()
    refused = {a.key: a.value for a in spans["AcceptLead"].attributes}
    assert refused["rpc.grpc.status_code"].int_value == 9
    continued = [span for span in collector.spans if span.trace_id.hex() == TRACE]
    assert [span.parent_span_id.hex() for span in continued] == ["b7ad6b7169203331"]


def test_without_the_packages_the_server_says_what_to_install(tmp_path: Path) -> None:
    done = refused_start(tmp_path, OTEL_TRACES_EXPORTER="otlp", PYTHONPATH=without("opentelemetry", tmp_path))
    assert done.returncode == 1
    assert "rescue-emulator[traces]" in done.stderr
    assert "Traceback" not in done.stderr


def test_an_exporter_that_there_is_not_is_told(tmp_path: Path) -> None:
    done = refused_start(tmp_path, OTEL_TRACES_EXPORTER="pigeon")
    assert done.returncode == 1
    assert "otlp, console and none" in done.stderr


@pytest.mark.parametrize(
    ("environment", "wanted"),
    [
        ({}, False),
        ({"OTEL_SERVICE_NAME": "mine"}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://localhost:4318"}, True),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://localhost:4318/v1/traces"}, True),
        ({"OTEL_TRACES_EXPORTER": "console"}, True),
        ({"OTEL_TRACES_EXPORTER": "none", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://localhost:4318"}, False),
        ({"OTEL_SDK_DISABLED": "true", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://localhost:4318"}, False),
    ],
)
def test_only_the_environment_switches_traces_on(environment: dict[str, str], wanted: bool) -> None:
    assert are_wanted(environment) is wanted
