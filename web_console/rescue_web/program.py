"""The companion as a program: listens, says where, serves until it is told to end.

0 done (also when told to end by SIGTERM), 1 failed with one line on stderr, 130 interrupted.
"""

from __future__ import annotations

import asyncio
import ipaddress
import json
import os
import signal
import socket
import sys
from pathlib import Path

import uvicorn
from starlette.applications import Starlette

from rescue_web.app import build
from rescue_web.house import House

_GRACE = 1  # real seconds for requests that are under way when it ends


def run(*, host: str, port: int, server: str | None, data: Path | None, hosts: tuple[str, ...], as_json: bool) -> int:
    """Serve until SIGTERM or SIGINT, and return the exit status."""
    os.environ.setdefault("GRPC_VERBOSITY", "ERROR")
    try:
        listening = _listen(host, port)
    except OSError as error:
        print(f"rescue web: {host}:{port} cannot be listened on: {error.strerror or error}", file=sys.stderr)
        return 1
    if not _is_loopback(host):
        print(
            "rescue web: this address is open to others, and secrets cross it in the clear: put TLS in front",
            file=sys.stderr,
        )
    with listening:
        at = listening.getsockname()[1]
        shown = f"[{host}]" if ":" in host else host
        url = f"http://{shown}:{at}/"
        names = sorted({shown, "localhost", "127.0.0.1", *hosts})
        app = build(House(server=server, data=data), hosts=names)
        web = _Web(_config(app), url=url, as_json=as_json)
        asyncio.run(web.serve(sockets=[listening]))
        return web.status


def _config(app: Starlette) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        log_level="warning",
        access_log=False,
        server_header=False,
        date_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=_GRACE,
        ws="none",
        h11_max_incomplete_event_size=32 * 1024,
    )


class _Web(uvicorn.Server):
    """Says when it is ready, and ends as the other programs do. `status` is the exit status."""

    def __init__(self, config: uvicorn.Config, *, url: str, as_json: bool) -> None:
        super().__init__(config)
        self.status = 1  # unless it was told to end
        self._url = url
        self._as_json = as_json

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start to serve, and say so."""
        await super().startup(sockets)
        loop = asyncio.get_running_loop()
        for signum, status in ((signal.SIGTERM, 0), (signal.SIGINT, 130)):
            # uvicorn's own handlers would raise the signal again in the end.
            loop.add_signal_handler(signum, self._end, status)
        ready = {"event": "ready", "web": self._url, "pid": os.getpid()}
        print(json.dumps(ready) if self._as_json else f"ready: open {self._url}", flush=True)

    def _end(self, status: int) -> None:
        self.status = status
        self.should_exit = True


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
    except OSError:
        listening.close()
        raise
    return listening


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
