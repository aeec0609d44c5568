"""The companion as a program: listens, prints its address, serves until a signal ends it.

0 done (also when SIGTERM ends it), 1 failed with one line on stderr, 130 interrupted.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import signal
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import uvicorn
from starlette.applications import Starlette

from rescue_common.exit_status import INTERRUPTED
from rescue_common.hosts import bind_socket, is_loopback
from rescue_common.tls import BadTls
from rescue_web.app import build
from rescue_web.certificate_reload import certified, follow_renewals
from rescue_web.login_cookies import LoginCookies
from rescue_web.state import AppState

_GRACE = 1  # real seconds for requests that are under way when it ends


@dataclass(frozen=True, slots=True, kw_only=True)
class WebOptions:
    """The options of the command line. `tls` are the files of a certificate and its key.

    `key` and `login_cookie` come from a server: with what cookies are sealed, and what that of a login is called.
    """

    host: str
    port: int
    server: str | None = None
    data: Path | None = None
    hosts: tuple[str, ...] = ()
    tls: tuple[Path, Path] | None = None
    as_json: bool = False
    key: str = field(default="", repr=False)
    login_cookie: str = ""

    @property
    def own_options(self) -> tuple[str, ...]:
        """Options of `rescue server` for servers that are to be found from where these pages are."""
        if is_loopback(self.host):
            return ()
        safety = ("--tls-cert", str(self.tls[0]), "--tls-key", str(self.tls[1])) if self.tls else ("--insecure",)
        return ("--listen", f"{f'[{self.host}]' if ':' in self.host else self.host}:0", *safety)


def run(options: WebOptions) -> int:
    """Serve until SIGTERM or SIGINT, and return the exit status."""
    os.environ.setdefault("GRPC_VERBOSITY", "ERROR")
    host = options.host
    try:
        if options.tls:
            certified(*options.tls)
        listening = bind_socket(host, options.port)
    except BadTls as error:
        print(f"rescue web: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"rescue web: {host}:{options.port} cannot be listened on: {error.strerror or error}", file=sys.stderr)
        return 1
    with listening:
        shown = f"[{host}]" if ":" in host else host
        url = f"http{'s' if options.tls else ''}://{shown}:{listening.getsockname()[1]}/"
        names = {host, "localhost", socket.gethostname(), *options.hosts}
        cookies = LoginCookies(options.key)
        state = AppState(server=options.server, data=options.data, cookies=cookies, own_options=options.own_options)
        shared = options.login_cookie if cookies.are_sealed else ""
        config = _config(build(state, hosts=names, login_cookie=shared), options.tls)
        web = _Web(config, state=state, tls=options.tls, url=url, as_json=options.as_json)
        asyncio.run(web.serve(sockets=[listening]))
        if web.lost_output is not None:
            raise web.lost_output
        return web.status


def _config(app: Starlette, tls: tuple[Path, Path] | None) -> uvicorn.Config:
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
        ssl_certfile=str(tls[0]) if tls else None,
        ssl_keyfile=str(tls[1]) if tls else None,
    )


class _Web(uvicorn.Server):
    """Prints when it is ready, and ends as the other programs do. `status` is the exit status."""

    def __init__(
        self, config: uvicorn.Config, *, state: AppState, tls: tuple[Path, Path] | None, url: str, as_json: bool
    ) -> None:
        super().__init__(config)
        self._state = state
        self._tls = tls
        self.status = 1  # unless a signal ended it
        self.lost_output: OSError | None = None
        self._url = url
        self._as_json = as_json

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start to serve, and print the address."""
        if self._tls and self.config.ssl:
            follow_renewals(self.config.ssl, *self._tls)
        await super().startup(sockets)
        ready = {"event": "ready", "web": self._url, "pid": os.getpid()}
        try:
            print(json.dumps(ready) if self._as_json else f"ready: open {self._url}", flush=True)
        except OSError as error:  # raised from here, uvicorn would log it while it ends
            self.lost_output = error
            self.should_exit = True

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End the events of open pages, then everything else."""
        # What is still under way after the grace is cut off: that is no error to log.
        logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)
        self._state.logins.end_feeds()
        self._state.customers.end_feeds()
        await super().shutdown(sockets)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Let the event loop handle signals, for as long as the server runs.

        uvicorn's own handlers run within whatever runs at that moment, and raise the signal again in the end.
        """
        loop = asyncio.get_running_loop()
        for signum, status in ((signal.SIGTERM, 0), (signal.SIGINT, INTERRUPTED)):
            loop.add_signal_handler(signum, self._end, status)
        yield

    def _end(self, status: int) -> None:
        self.status = status
        self.should_exit = True
