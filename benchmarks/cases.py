"""What is measured. Each case drives one server, ours or the bare one, and returns figures by name; less is better."""

from __future__ import annotations

import contextlib
import itertools
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import grpc

from benchmarks.programs import Line, Load, Server, generating, server
from benchmarks.servers.population import channel, technician
from rescue_protos.v1 import applet_pb2, applet_pb2_grpc, console_pb2, console_pb2_grpc

Figures = dict[str, float]
CONSOLES = "/rescue_protos.v1.ConsoleService"
APPLETS = "/rescue_protos.v1.AppletService"
ID = "#" * 16  # the generator puts a fresh id in its place
MICRO = 1e6


def heartbeats(kind: str, *, applets: int, rate: float) -> Figures:
    """Applets attach at once; then they send heartbeats, and each is answered."""
    with server(kind) as subject:
        before = subject.memory()
        lines = attached(subject, applets)
        with generating(subject, "streams", lines, rate=rate, warm=2, seconds=6) as load:
            return heartbeat_figures(load.figures(), before, applets)


def longest_block(kind: str, *, applets: int, rate: float) -> Figures:
    """The same, for how long our loop does one thing and nothing else: the metrics say so, and the peer has none."""
    with server(kind, metrics=True) as subject:
        with generating(subject, "streams", attached(subject, applets), rate=rate, warm=2, seconds=6) as load:
            load.figures()
        return {"longest block ms": subject.longest_block() * 1000}


def heartbeat_figures(found: Load, memory_before: int, applets: int) -> Figures:
    """Return what is told of heartbeats."""
    return {
        "attach s": found.attach,
        "KB an applet": (found.memory - memory_before) / 1024 / applets,
        "us of CPU a heartbeat": found.cpu / found.sent * MICRO,
        "p99 ms": found.p99_ms,
    }


def commands(kind: str, *, callers: int) -> Figures:
    """Technicians create PINs, each call after the other; every one is on the disk before it is answered."""
    with server(kind) as subject:
        message = console_pb2.CreatePinRequest(request_id=ID, customer="Ms Vos").SerializeToString()
        line = Line(f"{CONSOLES}/CreatePin", message, token=technician(1))
        with generating(subject, "calls", [line] * callers, warm=1, seconds=4) as load:
            return command_figures(load.figures())


def streamed_commands(kind: str, *, streams: int, window: int) -> Figures:
    """The same commands by streams, so many under way on each; the bare server gets as many unary calls at once."""
    if kind == "bare":
        return commands(kind, callers=streams * window)
    return _streamed(kind, streams, window)


def beside_bare_streams(kind: str, *, streams: int, window: int) -> Figures:
    """The same commands by streams, at both servers."""
    return _streamed(kind, streams, window)


def _streamed(kind: str, streams: int, window: int) -> Figures:
    with server(kind) as subject:
        create = console_pb2.CreatePinRequest(request_id=ID, customer="Ms Vos")
        message = console_pb2.SendCommandsRequest(commands=[console_pb2.Command(create_pin=create)])
        line = Line(f"{CONSOLES}/SendCommands", message.SerializeToString(), token=technician(1))
        with generating(subject, "windows", [line] * streams, rate=window, warm=1, seconds=4) as load:
            return command_figures(load.figures())


def command_figures(found: Load) -> Figures:
    """Return what is told of calls that store something."""
    return {
        "ms a command": found.seconds / found.answers * 1000,
        "us of CPU a command": found.cpu / found.answers * MICRO,
        "p99 ms": found.p99_ms,
    }


def chat(kind: str, *, consoles: int, rate: float) -> Figures:
    """A technician writes to the customer, and many consoles of their queue show it."""
    with server(kind) as subject, _stub(subject) as channel_of:
        console = console_pb2_grpc.ConsoleServiceStub(channel_of)
        session = "1001"
        if kind == "ours":
            session = _active_session(subject, channel_of)
        metadata = (("authorization", f"Bearer {technician(1)}"),)

        def say(number: int) -> None:
            text = f"@ns={time.monotonic_ns()}"
            request = console_pb2.SendChatRequest(request_id=f"chat-{number}", session=session, text=text)
            console.SendChat(request, metadata=metadata, timeout=30)

        return deliveries(subject, [watch(technician(1), n) for n in range(consoles)], say, rate)


def through_channel(kind: str, *, technicians: int, rate: float) -> Figures:
    """Customers come through a channel, and every technician of its group sees each of them wait."""
    with server(kind) as subject, _stub(subject) as channel_of:
        applet = applet_pb2_grpc.AppletServiceStub(channel_of)

        def start(number: int) -> None:
            request = applet_pb2.StartThroughChannelRequest(
                request_id=f"start-{number}", channel=channel(technicians), customer=f"@ns={time.monotonic_ns()}"
            )
            applet.StartThroughChannel(request, timeout=30)

        lines = [watch(technician(technicians, number), number) for number in range(technicians)]
        return deliveries(subject, lines, start, rate)


def deliveries(subject: Server, lines: Sequence[Line], act: Callable[[int], None], rate: float) -> Figures:
    """Act so many times a second while streams are open; return what a delivery to one of them costs."""
    with generating(subject, "streams", lines, warm=1, seconds=5) as load:
        load.until("attached")  # a console that comes later would also be told what happened before it
        with acting(act, rate):
            load.until("measured")
        found = load.figures()
    return {
        "us of CPU a delivery": found.cpu / max(found.answers, 1) * MICRO,
        "p99 ms": found.p99_ms,
        "deliveries": 0 - found.answers,  # more is better
    }


@contextlib.contextmanager
def acting(act: Callable[[int], None], rate: float, *, callers: int = 1) -> Iterator[None]:
    """Act so many times a second in the background, for the length of the block; so many acts may be under way."""
    going = True
    began = time.monotonic()

    def run(first: int) -> None:
        for number in itertools.count(first, callers):
            time.sleep(max(0.0, began + number / rate - time.monotonic()))
            if not going:
                return
            act(number)

    with ThreadPoolExecutor(callers) as pool:
        running = [pool.submit(run, first) for first in range(callers)]
        try:
            yield
        finally:
            going = False
        for each in running:
            each.result()


@contextlib.contextmanager
def _stub(subject: Server) -> Iterator[grpc.Channel]:
    with grpc.insecure_channel(subject.address) as opened:
        yield opened


def watch(name: str, number: int) -> Line:
    """Return the stream of a console of theirs."""
    request = console_pb2.WatchQueueRequest(console=f"c{number}", in_focus=True)
    return Line(f"{CONSOLES}/WatchQueue", request.SerializeToString(), token=name)


def attached(subject: Server, count: int) -> list[Line]:
    """Start sessions, and return a stream for the applet of each."""
    with _stub(subject) as opened:
        stub = applet_pb2_grpc.AppletServiceStub(opened)

        def started(number: int) -> Line:
            request = applet_pb2.StartThroughChannelRequest(
                request_id=f"s-{number}", channel=channel(1), customer="Jan"
            )
            joined = stub.StartThroughChannel(request, timeout=60)
            return attach(joined.session, joined.ticket)

        with ThreadPoolExecutor(32) as pool:
            return list(pool.map(started, range(count)))


def attach(session: str, ticket: str) -> Line:
    """Return the stream of an applet, and its heartbeat."""
    hello = applet_pb2.Hello(session=session, ticket=ticket, instance="i", attempt=1)
    return Line(
        f"{APPLETS}/Attach",
        applet_pb2.AttachRequest(hello=hello).SerializeToString(),
        applet_pb2.AttachRequest(heartbeat=applet_pb2.Heartbeat(number=7)).SerializeToString(),
    )


def _active_session(subject: Server, opened: grpc.Channel) -> str:
    """Start a session that its technician leads. Its applet attaches and then says no more."""
    line = attached(subject, 1)
    applet = applet_pb2_grpc.AppletServiceStub(opened)
    hello = applet_pb2.AttachRequest.FromString(line[0].first)
    stream = applet.Attach(itertools.chain([hello], _forever()))
    next(stream)
    metadata = (("authorization", f"Bearer {technician(1)}"),)
    request = console_pb2.StartSessionRequest(request_id="start", session=hello.hello.session)
    console_pb2_grpc.ConsoleServiceStub(opened).StartSession(request, metadata=metadata, timeout=30)
    return hello.hello.session


def _forever() -> Iterator[applet_pb2.AttachRequest]:
    for number in itertools.count(1):
        time.sleep(1)
        yield applet_pb2.AttachRequest(heartbeat=applet_pb2.Heartbeat(number=number))
