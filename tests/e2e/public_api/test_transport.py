"""What clients do to a connection: they keep it, close it, are slow, many, half open, or send what is no HTTP."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import os
import random
import socket
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import uvicorn
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

from rescue_api.connections import BoundedConnection
from tests.e2e.public_api.conftest import Api

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(90)]
LOGOUT = b"GET /API/logout.aspx HTTP/1.1\r\nHost: x\r\n"
OK = b"\r\n\r\nOK"


def open_socket(api: Api) -> socket.socket:
    target = urlsplit(api.url)
    return socket.create_connection((target.hostname or "", target.port or 0), timeout=20)


def rest(raw: socket.socket) -> bytes:
    """All that comes until the other side closes."""
    with contextlib.suppress(ConnectionResetError):
        return b"".join(iter(lambda: raw.recv(65536), b""))
    return b""


def children(parent: int) -> list[int]:
    """The processes that a process has started."""
    found = []
    for entry in Path("/proc").iterdir():
        with contextlib.suppress(OSError, ValueError):
            if int((entry / "stat").read_text().rpartition(")")[2].split()[1]) == parent:
                found.append(int(entry.name))
    return found


def api_process(api: Api) -> int:
    """The process that serves the API: a child of the server."""
    for pid in children(api.world.server.pid):
        if b"rescue_api" in Path(f"/proc/{pid}/cmdline").read_bytes():
            return pid
    raise AssertionError("no such process")


@contextlib.contextmanager
def nothing_is_left_behind(api: Api) -> Iterator[None]:
    """No open connection, and no traceback."""
    files = Path(f"/proc/{api_process(api)}/fd")
    api.body("logout")
    before = len(os.listdir(files))
    yield
    deadline = time.monotonic() + 20
    while len(os.listdir(files)) > before and time.monotonic() < deadline:
        time.sleep(0.05)
    assert len(os.listdir(files)) <= before
    assert "Traceback" not in api.world.server.log_tail(100)
    assert api.body("logout") == "OK"


async def test_a_connection_is_kept_until_the_client_says_close(api: Api) -> None:
    target = urlsplit(api.url)
    connection = http.client.HTTPConnection(target.hostname or "", target.port, timeout=20)
    with contextlib.closing(connection):
        ports = set()
        for number in range(3):
            connection.request("GET", "/API/logout.aspx", headers={"Connection": "close"} if number == 2 else {})
            ports.add(connection.sock.getsockname()[1])
            answer = connection.getresponse()
            assert answer.read() == b"OK"
            assert answer.getheader("Connection") == ("close" if number == 2 else None)
        assert len(ports) == 1
    for line in (b"GET /API/logout.aspx HTTP/1.0\r\n\r\n", LOGOUT + b"Connection: close\r\n\r\n"):
        with open_socket(api) as raw:
            raw.sendall(line)
            assert rest(raw).endswith(OK)


async def test_requests_that_are_sent_ahead_are_answered_in_order(api: Api) -> None:
    with open_socket(api) as raw:
        raw.sendall(
            LOGOUT
            + b"\r\nGET /API/getAccount.aspx HTTP/1.1\r\nHost: x\r\n\r\n"
            + b"GET /API/none.aspx HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
        )
        answered = await asyncio.to_thread(rest, raw)
    assert [part[:3] for part in answered.split(b"HTTP/1.1 ")[1:]] == [b"200", b"200", b"404"]
    assert answered.index(OK) < answered.index(b"NOTLOGGEDIN")


async def test_a_slow_client_is_served(api: Api) -> None:
    with open_socket(api) as raw:
        for byte in LOGOUT + b"Connection: close\r\n\r\n":
            raw.sendall(bytes([byte]))
            await asyncio.sleep(0.002)
        assert rest(raw).endswith(OK)


GARBAGE = [
    b"\x00" * 100,
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"x" * 200,
    b"HELO there\r\n\r\n",
    b"GET\r\n\r\n",
    b"GET /API/login.aspx HTTP/9.9\r\n\r\n",
    b"GET /\xff\xfe HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET / HTTP/1.1\r\n" + b"a" * 100_000,
    b"GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n",
    b"POST /API/login.aspx HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
    b"POST /API/login.aspx HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nnot a chunk\r\n\r\n",
    b"POST /API/login.aspx HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nzz\r\n\r\n",
    b"POST /API/API.asmx HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    b"GET /API/logout.aspx HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
    LOGOUT + b"\r\n\x00\x01garbage after a request\r\n\r\n",
]


@pytest.mark.parametrize("sent", GARBAGE, ids=range(len(GARBAGE)))
async def test_what_is_no_http_harms_nobody(api: Api, sent: bytes) -> None:
    with nothing_is_left_behind(api), open_socket(api) as raw:
        raw.sendall(sent)
        raw.shutdown(socket.SHUT_WR)
        answered = await asyncio.to_thread(rest, raw)
        assert b"HTTP/1.1 500" not in answered or b"<soap:Fault>" in answered


async def test_random_bytes_harm_nobody(api: Api) -> None:
    chance = random.Random(7)

    def send(sent: bytes) -> None:
        with open_socket(api) as raw, contextlib.suppress(OSError):
            raw.sendall(sent)
            raw.shutdown(socket.SHUT_WR)
            assert b"HTTP/1.1 500" not in rest(raw)

    with nothing_is_left_behind(api):
        for number in range(60):
            noise = chance.randbytes(chance.randrange(1, 3000))
            await asyncio.to_thread(send, noise if number % 2 else LOGOUT + b"Content-Length: 50\r\n\r\n" + noise)


@pytest.mark.parametrize("method", ["login", "getSession_v3", "transferSession"])
async def test_a_body_that_is_no_form_is_no_parameters(api: Api, method: str) -> None:
    for body in (b"\x00\xff\xfe", b'{"email": "admin"}', b"<xml/>", b"=&=&%%%&a=b;c", b"email=%ff%00&pwd=%c3%28"):
        target = urlsplit(api.url)
        connection = http.client.HTTPConnection(target.hostname or "", target.port, timeout=20)
        with contextlib.closing(connection):
            connection.request("POST", f"/API/{method}.aspx", body, {"Content-Type": "text/plain"})
            answer = connection.getresponse()
            assert (answer.status, answer.read().decode()) == (200, "INVALID" if method == "login" else "NOTLOGGEDIN")


async def test_a_body_that_is_too_long_is_refused_before_it_is_read(api: Api) -> None:
    head = b"POST /API/login.aspx HTTP/1.1\r\nHost: x\r\n"
    piece = b"10000\r\n" + b"x" * 0x10000 + b"\r\n"
    with nothing_is_left_behind(api):
        for sent in (
            head + b"Content-Length: 2000000\r\n\r\n" + b"x" * 1_100_000,
            head + b"Transfer-Encoding: chunked\r\n\r\n" + piece * 17,
        ):
            with open_socket(api) as raw:
                raw.sendall(sent)
                assert (await asyncio.to_thread(raw.recv, 65536)).startswith(b"HTTP/1.1 413")


async def test_clients_that_vanish_leave_nothing_behind(api: Api) -> None:
    code = api.authcode()
    asked = f"GET /API/getSession_v3.aspx?node=3000001&authcode={code} HTTP/1.1\r\nHost: x\r\n\r\n".encode()
    begun = b"POST /API/login.aspx HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nemail="
    with nothing_is_left_behind(api):
        for sent in (b"", b"GET /API/lo", begun, asked) * 10:
            with open_socket(api) as raw:
                raw.sendall(sent)


async def test_more_than_two_hundred_connections_at_once_are_told_so(api: Api) -> None:
    with nothing_is_left_behind(api), contextlib.ExitStack() as many:
        opened = [many.enter_context(open_socket(api)) for _ in range(201)]
        await asyncio.sleep(0)
        opened[-1].sendall(LOGOUT + b"\r\n")
        assert (await asyncio.to_thread(opened[-1].recv, 65536)).startswith(b"HTTP/1.1 503")
        for one in opened[:2]:
            one.close()
        for one in opened[2:-1]:  # those that ask before the server has noticed are refused
            one.sendall(LOGOUT + b"Connection: close\r\n\r\n")
            if (await asyncio.to_thread(rest, one)).endswith(OK):
                return
        pytest.fail("nobody is served any more")


class Hasty(BoundedConnection):
    """The same with short timeouts."""

    head_within = 0.2
    taken_within = 0.2
    gone = asyncio.Event()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self.gone.set()


class Listening(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


async def large(scope: Scope, receive: Receive, send: Send) -> None:
    await PlainTextResponse(b"x" * 50_000_000)(scope, receive, send)


@pytest.fixture
async def hasty() -> AsyncIterator[tuple[str, int]]:
    bound = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(large, http=Hasty, ws="none", lifespan="off", log_level="critical")
    server = Listening(config)
    running = asyncio.create_task(server.serve(sockets=[bound]))
    yield bound.getsockname()
    server.should_exit = True
    await running


@pytest.mark.asyncio(loop_scope="function")
@pytest.mark.parametrize("sent", [b"", b"GET / HTT", b"GET / HTTP/1.1\r\nHost: x\r\n"])
async def test_a_client_that_does_not_say_what_it_wants_is_cut_off(hasty: tuple[str, int], sent: bytes) -> None:
    reader, writer = await asyncio.open_connection(*hasty)
    writer.write(sent)
    with contextlib.suppress(ConnectionResetError):
        assert await reader.read() == b""
    writer.close()


@pytest.mark.asyncio(loop_scope="function")
async def test_a_client_that_does_not_take_its_answer_is_cut_off(hasty: tuple[str, int]) -> None:
    Hasty.gone = asyncio.Event()
    _, writer = await asyncio.open_connection(*hasty, limit=1024)
    writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    await asyncio.wait_for(Hasty.gone.wait(), 30)
    writer.close()


async def test_a_fragment_is_ignored(api: Api) -> None:
    code = api.authcode()
    for path in (f"/API/getAccount.aspx?authcode={code}#top", "/API/logout.aspx#top"):
        assert api.call("", path=path).body.startswith("OK"), path


async def test_letters_may_come_unescaped(api: Api) -> None:
    code = api.authcode("alice")
    for name, pieces in (("M\u00fcller", 1), ("M\u00fcnch", 200)):
        asked = f"GET /API/requestPINCode.aspx?authcode={code}&cfield0={name} HTTP/1.1\r\nHost: x\r\n"
        sent = f"{asked}Connection: close\r\n\r\n".encode()
        with open_socket(api) as raw:
            raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for start in range(0, len(sent), size := -(-len(sent) // pieces)):
                raw.sendall(sent[start : start + size])
                await asyncio.sleep(0.001)
            assert b"\r\n\r\nOK\n\nPINCODE:" in rest(raw)
        body = api.body("getSession_v3", authcode=code, node=api.node("alice", code))
        assert f"|{name}|" in body


async def test_a_target_may_name_its_host(api: Api) -> None:
    """As proxies send it. That host counts, and not the header."""
    code = api.authcode()
    expected = api.body("getAccount", authcode=code)
    for target in (
        f"http://any.test/API/getAccount.aspx?authcode={code}",
        f"HTTPS://x:1/api/getaccount.aspx?authcode={code}",
    ):
        for _ in range(2):
            assert absolute(api, target).endswith(expected.encode())
    wsdl = absolute(api, "http://any.test:8080/API/API.asmx?wsdl")
    assert b'location="http://any.test:8080/API/API.asmx"' in wsdl
    assert absolute(api, "http://any.test").startswith(b"HTTP/1.1 404 ")
    for target in ("http://", "ftp://any.test/API/logout.aspx", "any.test:443"):
        assert absolute(api, target)[9:12] in (b"400", b"404"), target


def absolute(api: Api, target: str) -> bytes:
    """The whole answer to a request with a target that is no path."""
    with open_socket(api) as raw:
        raw.sendall(f"GET {target} HTTP/1.1\r\nHost: header.test\r\nConnection: close\r\n\r\n".encode())
        return rest(raw)
