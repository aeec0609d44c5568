"""How clients reach the API: TLS by the emulator's CA, and the proxy that leads the vendor's names to it alone."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import os
import socket
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import pytest_asyncio

from rescue_api.proxy import ConnectProxy
from rescue_common.processes.child import Program
from rescue_common.state_directory import Access

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(90)]
ADDRESSES = ("--api", "127.0.0.1:0", "--api-tls", "127.0.0.1:0", "--api-proxy", "127.0.0.1:0")
VENDOR = "secure.logmeinrescue.com"


@dataclass(frozen=True, slots=True)
class Served:
    """A server, its state directory, and its ready line."""

    program: Program
    data: Path
    ready: dict[str, str]

    @property
    def ca(self) -> bytes:
        return Path(self.ready["api_ca"]).read_bytes()

    def port(self, name: str) -> int:
        return urlsplit(self.ready[name]).port or 0

    def trusting(self) -> ssl.SSLContext:
        context = ssl.create_default_context(cafile=self.ready["api_ca"])
        context.verify_flags |= ssl.VERIFY_X509_STRICT
        return context

    def get(self, path: str, *, host: str = "127.0.0.1", through_proxy: bool = False) -> tuple[str, bytes]:
        """Ask by TLS, and return the cookie and the body. `host` is the name that the client believes in."""
        port = self.port("api_proxy" if through_proxy else "api_tls")
        connection = http.client.HTTPSConnection("127.0.0.1", port, timeout=20, context=self.trusting())
        if through_proxy:
            connection.set_tunnel(host, 443)
        with contextlib.closing(connection):
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.getheader("Set-Cookie") or "", answer.read()

    def ask_proxy(self, request: bytes) -> bytes:
        """Send bytes to the proxy, and return all that comes back."""
        with socket.create_connection(("127.0.0.1", self.port("api_proxy")), timeout=20) as raw:
            raw.sendall(request)
            return b"".join(iter(lambda: raw.recv(65536), b""))


async def start(data: Path, *options: str) -> tuple[Program, Served]:
    program = await Program.start("server", "rescue_server", "--data", str(data), "--json", "--paused", *options)
    return program, Served(
        program, data, {key: str(value) for key, value in (await program.event("ready", 30)).items()}
    )


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def served(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Served]:
    program, found = await start(tmp_path_factory.mktemp("ways") / "state", *ADDRESSES)
    yield found
    assert await program.stop() == 0


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost", VENDOR, "secure.logmeinrescue.eu"])
async def test_the_certificate_is_for_the_names_that_clients_know(served: Served, host: str) -> None:
    def shown() -> None:
        with (
            socket.create_connection(("127.0.0.1", served.port("api_tls")), timeout=20) as raw,
            served.trusting().wrap_socket(raw, server_hostname=host) as secured,
        ):
            secured.sendall(b"GET /API/logout.aspx HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            assert b"".join(iter(lambda: secured.recv(65536), b"")).endswith(b"\r\n\r\nOK")

    await asyncio.to_thread(shown)


async def test_another_name_is_not_believed(served: Served) -> None:
    def shown() -> None:
        with (
            socket.create_connection(("127.0.0.1", served.port("api_tls")), timeout=20) as raw,
            pytest.raises(ssl.SSLCertVerificationError),
        ):
            served.trusting().wrap_socket(raw, server_hostname="example.org")

    await asyncio.to_thread(shown)


async def test_the_ca_is_made_to_be_trusted_by_strict_clients(served: Served) -> None:
    from cryptography import x509

    ca = x509.load_pem_x509_certificate(served.ca)
    basic = ca.extensions.get_extension_for_class(x509.BasicConstraints)
    usage = ca.extensions.get_extension_for_class(x509.KeyUsage)
    assert (basic.critical, basic.value.ca, usage.critical, usage.value.key_cert_sign) == (True, True, True, True)
    assert (ca.not_valid_after_utc - ca.not_valid_before_utc).days > 3 * 365
    for name in ("ca.key", "server.key"):
        assert (served.data / "api-tls" / name).stat().st_mode & 0o777 == 0o600


async def test_over_tls_the_cookie_is_secure_and_the_wsdl_names_https(served: Served) -> None:
    secret = Access.read(served.data).secrets["admin"]
    cookie, body = await asyncio.to_thread(served.get, f"/API/login.aspx?email=admin&pwd={secret}")
    assert (body, cookie.endswith("; HttpOnly; Secure")) == (b"OK", True)
    _, wsdl = await asyncio.to_thread(served.get, "/API/API.asmx?wsdl", host=VENDOR, through_proxy=True)
    assert f'location="https://{VENDOR}/API/API.asmx"'.encode() in wsdl


@pytest.mark.parametrize("host", [VENDOR, "Secure.LogMeInRescue-Enterprise.com", "a.b.logmeinrescue.eu"])
async def test_the_proxy_leads_the_vendors_names_to_the_emulator(served: Served, host: str) -> None:
    asked = f"CONNECT {host}:443 HTTP/1.1\r\nHost: {host}:443\r\nProxy-Authorization: Basic eDp5\r\n\r\n".encode()

    def answered() -> None:
        with socket.create_connection(("127.0.0.1", served.port("api_proxy")), timeout=20) as raw:
            raw.sendall(asked)
            assert raw.recv(65536).startswith(b"HTTP/1.1 200 ")
            context = served.trusting()
            context.check_hostname = False  # a wildcard is for one label
            with context.wrap_socket(raw, server_hostname=host) as secured:
                secured.sendall(b"GET /API/logout.aspx HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
                assert b"".join(iter(lambda: secured.recv(65536), b"")).endswith(b"\r\n\r\nOK")

    await asyncio.to_thread(answered)


async def test_the_proxy_reaches_nothing_else(served: Served) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        other.setblocking(False)
        port = other.getsockname()[1]
        lines = [
            *(
                f"CONNECT {target} HTTP/1.1"
                for target in (
                    f"127.0.0.1:{port}",
                    f"localhost:{port}",
                    f"[::1]:{port}",
                    f"{VENDOR}:{port}",
                    f"{VENDOR}:80",
                    f"{VENDOR}:0443",
                    VENDOR,
                    "logmeinrescue.com:443",
                    f"{VENDOR}.example.org:443",
                    "evil-logmeinrescue.com:443",
                    f"{VENDOR}:443@127.0.0.1:{port}",
                    f"127.0.0.1:{port}#{VENDOR}:443",
                    "x.\u0131ogmeinrescue.com:443",
                    ".logmeinrescue.com:443",
                )
            ),
            f"CONNECT  {VENDOR}:443 HTTP/1.1",
            f"CONNECT {VENDOR}:443",
            f"GET http://{VENDOR}/API/logout.aspx HTTP/1.1",
            f"GET https://{VENDOR}/API/logout.aspx HTTP/1.1",
            f"POST http://127.0.0.1:{port}/ HTTP/1.1",
            "GET / HTTP/1.1",
            "\x16\x03\x01\x02\x00\x01",
        ]
        for line in lines:
            answer = await asyncio.to_thread(served.ask_proxy, f"{line}\r\nHost: {VENDOR}\r\n\r\n".encode())
            assert answer.startswith(b"HTTP/1.1 403 Forbidden\r\n"), line
        long = await asyncio.to_thread(served.ask_proxy, b"CONNECT " + b"x" * 40_000)
        assert long.startswith(b"HTTP/1.1 400 ")
        with pytest.raises(BlockingIOError):
            other.accept()


@pytest.mark.parametrize("name", ["api_tls", "api_proxy"])
async def test_garbage_on_the_ports_harms_nobody(served: Served, name: str) -> None:
    def send(garbage: bytes) -> None:
        with (
            socket.create_connection(("127.0.0.1", served.port(name)), timeout=20) as raw,
            contextlib.suppress(ConnectionResetError),
        ):
            raw.sendall(garbage)
            raw.shutdown(socket.SHUT_WR)
            while raw.recv(65536):
                pass

    tunnel = f"CONNECT {VENDOR}:443 HTTP/1.1\r\n\r\n".encode()
    for garbage in (
        b"",
        b"\x00" * 500,
        b"GET / HTTP/1.1\r\n\r\n",
        b"\x16\x03\x01\x02",
        tunnel,
        tunnel + b"\xff" * 2000,
    ):
        await asyncio.to_thread(send, garbage)
    cookie, body = await asyncio.to_thread(served.get, "/API/logout.aspx", host=VENDOR, through_proxy=True)
    assert (cookie, body) == ("", b"OK")
    assert "Traceback" not in served.program.log_tail(100)


async def test_a_later_start_keeps_the_ca_and_a_proxy_alone_has_somewhere_to_lead(tmp_path: Path) -> None:
    program, first = await start(tmp_path, "--api-proxy", "127.0.0.1:0")
    ca = first.ca
    assert "api" not in first.ready
    assert (await asyncio.to_thread(first.get, "/API/logout.aspx", host=VENDOR, through_proxy=True))[1] == b"OK"
    assert await program.stop() == 0
    program, again = await start(tmp_path, "--api-tls", "0.0.0.0:0")
    assert again.ca == ca
    assert (await asyncio.to_thread(again.get, "/API/logout.aspx"))[1] == b"OK"
    assert await program.stop() == 0


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--api", "0.0.0.0:0"), "use --api-tls"),
        (("--api-tls", "nowhere"), "--api-tls nowhere: HOST:PORT is needed"),
        (("--api-proxy", "127.0.0.1:99999"), "HOST:PORT is needed"),
        (("--api-tls", "192.0.2.1:1"), "192.0.2.1:1 cannot be listened on"),
    ],
)
async def test_what_cannot_be_listened_on_is_said(tmp_path: Path, options: tuple[str, ...], said: str) -> None:
    program = await Program.start("server", "rescue_server", "--data", str(tmp_path), *options)
    assert await program.ended(30) != 0
    assert said in program.log_tail()
    assert "Traceback" not in program.log_tail()


async def test_the_proxy_tells_who_is_behind_a_connection_while_it_lasts() -> None:
    origins: dict[tuple[str, int], str] = {}
    arrived: asyncio.Queue[tuple[str, int]] = asyncio.Queue()

    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peer = writer.get_extra_info("peername")
        await reader.read(1)
        arrived.put_nowait(peer)
        await reader.read()
        writer.close()

    async with await asyncio.start_server(take, "127.0.0.1", 0) as target:
        proxy = ConnectProxy(target.sockets[0].getsockname(), origins)
        async with await proxy.listen(socket.create_server(("127.0.0.1", 0))) as listening:
            there = listening.sockets[0].getsockname()
            reader, writer = await asyncio.open_connection(*there, local_addr=("127.0.0.7", 0))
            writer.write(f"CONNECT {VENDOR}:443 HTTP/1.1\r\n\r\n".encode())
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"x")
            assert origins == {await arrived.get(): "127.0.0.7"}
            writer.write_eof()
            assert await reader.read() == b""
            assert origins == {}
            writer.close()


async def test_the_ready_line_has_what_clients_need(served: Served) -> None:
    assert served.ready["api"].startswith("http://127.0.0.1:")
    assert served.ready["api_tls"].startswith("https://127.0.0.1:")
    assert served.ready["api_proxy"] == f"http://127.0.0.1:{served.port('api_proxy')}"
    assert os.path.isabs(served.ready["api_ca"])
