"""Every client lives with a server of tomorrow: what it does not know it shows as unknown, and goes on."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import aclosing
from types import MappingProxyType
from typing import Any

import pytest
from click.testing import CliRunner
from google.protobuf.descriptor import OneofDescriptor

from rescue_applet.attachment import Attachment
from rescue_applet.events import Ended
from rescue_client import AdminClient, Bookmark, ConsoleClient, FaultClient, JournalClient, OverviewClient
from rescue_client.connection import Connection
from rescue_client.posts import PostClient
from rescue_console.labels import UNKNOWN_UPDATE, Labels
from rescue_console.tui.app import TechnicianConsole
from rescue_emulator.cli.main import rescue
from rescue_protos.errors import RescueError
from rescue_protos.v1 import applet_pb2, console_pb2
from rescue_web.technician_page import TechnicianPage
from tests.e2e.tui.fake_technician import Reader
from tests.fakes.newer_server import Case, NewerServer, cases

_LAST = 10_000


@pytest.fixture
async def server() -> AsyncIterator[NewerServer]:
    server = NewerServer()
    await server.start()
    yield server
    await server.stop()


def _connect(server: NewerServer) -> Connection:
    return Connection(server.address, user="alice", secret="s")


# -- the client library ------------------------------------------------------------------------------------------


async def _watched(connection: Connection) -> object:
    received = []
    async with aclosing(ConsoleClient(connection).watch()) as updates:
        async for update in updates:
            received.append(update)
            if isinstance(update, Bookmark):
                return received
    raise AssertionError(received)


async def _first(stream: Any) -> object:
    async with aclosing(stream) as items:
        return await anext(items)


async def _by_stream(connection: Connection) -> object:
    async with ConsoleClient(connection).by_stream() as console:
        try:
            return await console.create_pin()
        except RescueError as error:
            return error


_CALLS: Mapping[str, Callable[[Connection], Awaitable[object]]] = MappingProxyType(
    {
        "WatchQueue": _watched,
        "ListQueue": lambda connection: ConsoleClient(connection).queue(),
        "SendCommands": _by_stream,
        "WatchQueues": lambda connection: _first(OverviewClient(connection).watch()),
        "ListEvents": lambda connection: _first(JournalClient(connection).read()),
        "WatchEvents": lambda connection: _first(JournalClient(connection).watch()),
        "Explain": lambda connection: JournalClient(connection).explain("1001"),
        "AddFault": lambda connection: FaultClient(connection).add("lan off"),
        "GetOrganization": lambda connection: AdminClient(connection).organization(),
        "ChangeSettings": lambda connection: AdminClient(connection).change_settings("group:A", {"terms": "new"}),
        "ListPosts": lambda connection: PostClient(connection).all(),
        "ListFaults": lambda connection: FaultClient(connection).all(),
    }
)


# The applet's is below. The public API is served by a program that the server itself starts, of the same version;
# a server that meets a newer one of its cluster stops following it.
_OTHERS = {"AppletService", "PublicApiService", "ClusterService"}


@pytest.mark.parametrize(
    "case", [case for case in cases() if case.method.containing_service.name not in _OTHERS], ids=str
)
async def test_the_library_names_what_it_does_not_know(server: NewerServer, case: Case) -> None:
    server.answers[case.method.name] = [case.answer()]
    if case.method.name == "WatchQueue":
        server.answers["WatchQueue"].append(
            console_pb2.WatchQueueResponse(bookmark=console_pb2.Bookmark(revision=_LAST))
        )
    async with _connect(server) as connection, asyncio.timeout(20):
        received = await _CALLS[case.method.name](connection)
    if str(case) == "WatchQueue:message":
        assert received == [Bookmark(revision=3)]  # it has no revision: nothing is known of it
    else:
        assert "unknown" in repr(received).lower()


@pytest.mark.parametrize("case", [case for case in cases() if case.method.name == "Attach"], ids=str)
def test_the_applet_names_what_it_does_not_know(case: Case) -> None:
    attachment = Attachment(session="1001", ticket="t", instance="i")
    attachment.dial(0.0)
    attachment.receive(applet_pb2.AttachResponse(attached=applet_pb2.Attached()), 0.1)
    attachment.take_news()
    attachment.receive(case.answer(), 0.2)
    ends = not isinstance(case.unknown[0], OneofDescriptor)
    assert attachment.take_news() == ([Ended(reason="unknown")] if ends else [])
    assert attachment.connected is not ends


# -- the programs ------------------------------------------------------------------------------------------------


@pytest.fixture
async def unknown_server(server: NewerServer) -> NewerServer:
    server.send_everything_unknown()
    return server


async def _run(server: NewerServer, *args: str, lines: str = "") -> tuple[int | None, str, str]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", *args, "--server", server.address),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "RESCUE_SECRET": "s", "COLUMNS": "240"},
    )
    out, err = await asyncio.wait_for(process.communicate(lines.encode()), 30)
    return process.returncode, out.decode(), err.decode()


@pytest.mark.parametrize(
    ("face", "expected"),
    [
        ("--json", ('"event": "unknown"', '"status": "Unknown"', '"previous": "Unknown"', '"processes": ["unknown"]')),
        ("--plain", ("Onbekend", "Onbekend proces", Labels.of("nl").text(UNKNOWN_UPDATE))),
    ],
)
async def test_a_console_shows_the_unknown_and_obeys(
    unknown_server: NewerServer, face: str, expected: tuple[str, ...]
) -> None:
    status, out, err = await _run(
        unknown_server, "rescue_console", "alice", face, "--lang", "nl", lines="queue\nstart 1001\nsync\n"
    )
    assert (status, err) == (0, "")
    assert [text for text in expected if text not in out] == []


async def test_the_full_screen_shows_the_unknown_and_goes_on(unknown_server: NewerServer) -> None:
    async with _connect(unknown_server) as connection:
        app = TechnicianConsole(ConsoleClient(connection), labels=Labels.of("en"), ticking=False)
        async with app.run_test(size=(160, 40)) as pilot:
            alice = Reader(app, pilot)
            await alice.is_told(UNKNOWN_UPDATE)
            await alice.reads("◇ Unknown")
            await alice.press("f1")
            await alice.reads("Keys", "Statuses")
            assert (app.return_value, app.failure) == (None, None)


async def test_a_page_shows_the_unknown_and_goes_on(unknown_server: NewerServer) -> None:
    async with _connect(unknown_server) as connection, _connect(unknown_server) as another:
        page = TechnicianPage(ConsoleClient(connection), another)
        received = ""
        async with asyncio.timeout(20):
            async for message in page.messages("p", None):
                received += message
                if all(text in received for text in ("event: unknown", '"status": "Unknown"', "event: clock")):
                    break
        assert page.failure == ""
        await page.close()


@pytest.mark.parametrize(
    ("args", "expected"),
    [
        (("why", "1001"), "Onbekend → "),
        (("why", "1001", "--json"), '"label": "Onbekend"'),
        (("events",), "Unknown → "),
        (("events", "--json"), '"status": "Unknown"'),
        (("timeline", "1001"), "Onbekend"),
        (("fault", "list"), "(unknown"),
        (("fault", "add", "lan off"), "(unknown"),
        (("fault", "clear"), "removed 1"),
        (("admin", "show"), "future"),
        (("clock", "show"), "1970"),
        (("clock", "advance", "1m"), "1970"),
    ],
)
async def test_a_command_prints_the_unknown(unknown_server: NewerServer, args: tuple[str, ...], expected: str) -> None:
    options = ["--lang", "nl"] if args[0] in ("why", "timeline") else []
    run = CliRunner(env={"RESCUE_SECRET": "s", "RESCUE_SERVER": unknown_server.address})
    result = await asyncio.to_thread(run.invoke, rescue, [*args, *options])
    assert (result.exit_code, result.exception, result.stderr) == (0, None, "")
    assert expected in result.stdout
