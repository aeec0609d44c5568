"""The program: listens, prints its address, serves until a signal ends it."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import uvicorn

from rescue_api.app import build
from rescue_api.calls import Backend
from rescue_api.people import ApiLogins
from rescue_client.api import ApiClient
from rescue_client.connection import Connection
from rescue_common.hosts import bind_socket

_GRACE = 1  # real seconds for requests that are under way when it ends
_MOST_CONNECTIONS = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiOptions:
    """The options of the command line, and the key that the session server gave."""

    host: str
    port: int
    data: Path
    key: str


def run(options: ApiOptions) -> int:
    """Serve until SIGTERM or SIGINT, and return the exit status."""
    os.environ.setdefault("GRPC_VERBOSITY", "ERROR")
    try:
        listening = bind_socket(options.host, options.port)
    except OSError as error:
        where = f"{options.host}:{options.port}"
        print(f"rescue server: {where} cannot be listened on: {error.strerror or error}", file=sys.stderr)
        return 1
    with listening:
        asyncio.run(_serve(options, listening))
    return 0


async def _serve(options: ApiOptions, listening: socket.socket) -> None:
    def connect(user: str, acts_for: str) -> Connection:
        return Connection.find(user=user, secret=options.key, data=options.data, acts_for=acts_for)

    async with connect("", "") as connection:
        app = build(Backend(client=ApiClient(connection, connect), logins=ApiLogins()))
        config = uvicorn.Config(
            app,
            http="h11",  # it answers `Connection: close` with the same, as clients need
            ws="none",
            lifespan="off",
            log_level="warning",
            access_log=False,
            server_header=False,
            date_header=False,
            proxy_headers=False,
            timeout_graceful_shutdown=_GRACE,
            limit_concurrency=_MOST_CONNECTIONS,
        )
        host = f"[{options.host}]" if ":" in options.host else options.host
        await _Api(config, url=f"http://{host}:{listening.getsockname()[1]}/API").serve(sockets=[listening])


class _Api(uvicorn.Server):
    """Prints when it is ready, and ends in order."""

    def __init__(self, config: uvicorn.Config, *, url: str) -> None:
        super().__init__(config)
        self._url = url

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start to serve, and print the address."""
        await super().startup(sockets)
        print(json.dumps({"event": "ready", "api": self._url, "pid": os.getpid()}), flush=True)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Let the event loop handle signals, for as long as the program runs."""
        loop = asyncio.get_running_loop()
        for signum in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(signum, self._end)
        yield

    def _end(self) -> None:
        self.should_exit = True
