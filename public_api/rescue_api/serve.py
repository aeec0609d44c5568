"""The program: listens, prints its addresses, serves until a signal ends it."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import ssl
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send

from rescue_api.app import build
from rescue_api.calls import Backend
from rescue_api.connections import BoundedConnection
from rescue_api.cut import complain_of_no_cut
from rescue_api.limits import ApiLimits
from rescue_api.logins import ApiLogins
from rescue_api.proxy import ConnectProxy, Origins
from rescue_api.request_notes import RequestNotes
from rescue_client.api import ApiClient
from rescue_client.connection import Connection
from rescue_common.api_addresses import ApiAddresses
from rescue_common.hosts import bind_socket

_GRACE = 1  # real seconds for requests that are under way when it ends
_MOST_CONNECTIONS = 200
_URLS = {"api": "http://{}/API", "api_tls": "https://{}/API", "api_proxy": "http://{}"}
_NEAR = {"0.0.0.0": "127.0.0.1", "::": "::1"}


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiCertificate:
    """Whom clients have to trust, and the certificate and key that the CA signed."""

    ca: Path
    certificate: Path
    key: Path

    def context(self) -> ssl.SSLContext:
        """Return what a listener needs."""
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(self.certificate, self.key)
        context.set_alpn_protocols(["http/1.1"])
        return context


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiOptions:
    """The options of the command line, and the secret that the session server gave.

    `listen`: hosts and ports by the name that the ready line has. "api_tls" needs `files`, "api_proxy" needs "api_tls".
    `tells`: whether the session server is told of each request. `limited`: whether clients may ask only so often.
    """

    listen: Mapping[str, tuple[str, int]]
    files: ApiCertificate | None
    data: Path
    secret: str
    tells: bool = False
    limited: bool = False


def run(options: ApiOptions) -> int:
    """Serve until SIGTERM or SIGINT, and return the exit status."""
    os.environ.setdefault("GRPC_VERBOSITY", "ERROR")
    complain_of_no_cut()
    sockets: dict[str, socket.socket] = {}
    last = ApiAddresses.read(options.data)
    with ExitStack() as opened:
        for name, (host, port) in options.listen.items():
            try:
                sockets[name] = opened.enter_context(_bound(host, port, getattr(last, name)))
            except OSError as error:
                where = f"{_written(host)}:{port}"
                print(f"rescue server: {where} cannot be listened on: {error.strerror or error}", file=sys.stderr)
                return 1
        asyncio.run(_serve(options, sockets))
    return 0


def _bound(host: str, port: int, last: str) -> socket.socket:
    """Return a bound socket. Port 0 takes the port of last time if it is free, so that clients find it again."""
    before = urlsplit(last).port
    if not port and before:
        with suppress(OSError):
            return bind_socket(host, before)
    return bind_socket(host, port)


def _ready(options: ApiOptions, sockets: Mapping[str, socket.socket]) -> dict[str, str]:
    """Return what the ready line says: the URLs, and whom clients have to trust."""
    ready = {
        name: _URLS[name].format(f"{_written(options.listen[name][0])}:{bound.getsockname()[1]}")
        for name, bound in sockets.items()
    }
    return ready | ({"api_ca": str(options.files.ca)} if options.files else {})


def _written(host: str) -> str:
    return f"[{host}]" if ":" in host else host


async def _serve(options: ApiOptions, sockets: Mapping[str, socket.socket]) -> None:
    def connect(user: str, acts_for: str) -> Connection:
        return Connection.find(
            user=user, secret=options.secret, data=options.data, acts_for=acts_for, first_is_near=True
        )

    origins: dict[tuple[str, int], str] = {}
    async with connect("", "") as connection:
        client = ApiClient(connection, connect)
        notes = RequestNotes(client.report_requests if options.tells else None)
        logins, limits = ApiLogins(options.secret), ApiLimits(enforced=options.limited)
        app = build(Backend(client=client, logins=logins, limits=limits, notes=notes))
        config = uvicorn.Config(
            _seen_through_proxy(app, origins),
            http=BoundedConnection,  # h11 answers `Connection: close` with the same, as clients need
            ws="none",
            lifespan="off",
            log_level="warning",
            access_log=False,
            server_header=False,
            date_header=False,
            proxy_headers=False,
            timeout_graceful_shutdown=_GRACE,
            limit_concurrency=_MOST_CONNECTIONS + 1,  # uvicorn refuses from this number on
        )
        tls = (sockets["api_tls"], options.files.context()) if options.files and "api_tls" in sockets else None
        if tls and "api_proxy" in sockets:
            host, port = tls[0].getsockname()[:2]
            await ConnectProxy((_NEAR.get(host, host), port), origins).listen(sockets["api_proxy"])
        api = _Api(config, ready=_ready(options, sockets), tls=tls)
        await api.serve([sockets["api"]] if "api" in sockets else [])
        await notes.close()


def _seen_through_proxy(app: ASGIApp, origins: Origins) -> ASGIApp:
    """Wrap the application so that it sees who is behind a connection of the proxy: wrong passwords are theirs."""

    async def seen(scope: Scope, receive: Receive, send: Send) -> None:
        client = scope.get("client")
        if client and (origin := origins.get(tuple(client))) is not None:
            scope = {**scope, "client": (origin, 0)}
        await app(scope, receive, send)

    return seen


class _Api(uvicorn.Server):
    """Serves TLS beside plain HTTP, prints when it is ready, and ends in order."""

    def __init__(
        self, config: uvicorn.Config, *, ready: Mapping[str, str], tls: tuple[socket.socket, ssl.SSLContext] | None
    ) -> None:
        super().__init__(config)
        self._ready = ready
        self._tls = tls
        self._ended = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start to serve, and print the addresses."""
        await super().startup(sockets)
        if self._tls:
            listening, context = self._tls
            loop = asyncio.get_running_loop()
            within = BoundedConnection.head_within
            secured = loop.create_server(self._connection, sock=listening, ssl=context, ssl_handshake_timeout=within)
            self.servers.append(await secured)
        print(json.dumps({"event": "ready", **self._ready, "pid": os.getpid()}), flush=True)

    async def main_loop(self) -> None:
        """Wait for the end; uvicorn itself would look ten times a second."""
        await self._ended.wait()

    def _connection(self) -> BoundedConnection:
        return BoundedConnection(self.config, self.server_state, self.lifespan.state)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Let the event loop handle signals, for as long as the program runs."""
        loop = asyncio.get_running_loop()
        for signum in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(signum, self._end)
        yield

    def _end(self) -> None:
        self._ended.set()
