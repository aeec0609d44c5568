"""A whole server in a thread of this process: Hypothesis draws, plain calls ask.

`make fuzz` sets RESCUE_FUZZ_EXAMPLES; without it a run is short.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest
from hypothesis import HealthCheck, settings

from rescue_client.channel import Metadata
from rescue_common.private_files import make_private
from rescue_common.state_directory import Access
from rescue_protos.v1 import access_pb2, access_pb2_grpc, applet_pb2, applet_pb2_grpc, console_pb2, console_pb2_grpc
from rescue_server.app import serving
from rescue_server.startup.options import ServerOptions
from rescue_server.store.files import STORE_FILE
from rescue_server.store.sqlite import SqliteStore

EXAMPLES = int(os.environ.get("RESCUE_FUZZ_EXAMPLES", "0"))
settings.register_profile(
    "fuzz",
    deadline=None,
    max_examples=EXAMPLES or 10,
    derandomize=not EXAMPLES,  # a short run is the same everywhere; a long one looks where nobody has looked yet
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.function_scoped_fixture],
    database=None,
    print_blob=True,
)


class Target:
    """The server's address, everybody's metadata, and names that exist: what is drawn should sometimes hit."""

    def __init__(self, data: Path) -> None:
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._stop = asyncio.Event()
        self.data = data
        self.address = ""
        self.failures: list[str] = []
        self._failed: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="server")

    def _run(self) -> None:
        try:
            self._loop.run_until_complete(self._serve())
        except BaseException as error:
            self._failed = error
        finally:
            self._ready.set()

    async def _serve(self) -> None:
        make_private(self.data)
        options = ServerOptions(host="127.0.0.1", port=0, data=self.data, paused=True)
        with contextlib.closing(SqliteStore.open(self.data / STORE_FILE)) as store:
            async with serving(options, store) as (address, work):
                self.address = address
                self._ready.set()
                await self._stop.wait()
                self.failures += [repr(task) for task in work if task.done() and task.exception()]

    def __enter__(self) -> Target:
        self._thread.start()
        assert self._ready.wait(60)
        assert self._failed is None, self._failed
        self.channel = grpc.insecure_channel(self.address)
        self.secrets = Access.read(self.data).secrets
        self.users: dict[str, Metadata] = {user: self._sign_in(user) for user in ("alice", "admin")}
        console = console_pb2_grpc.ConsoleServiceStub(self.channel)
        applet = applet_pb2_grpc.AppletServiceStub(self.channel)
        pins = [
            console.CreatePin(console_pb2.CreatePinRequest(request_id=f"p{n}"), metadata=self.users["alice"])
            for n in range(3)
        ]
        self.joined = applet.RedeemPin(applet_pb2.RedeemPinRequest(request_id="r", pin=pins[0].pin))
        self.words = [
            *("alice", "bob", "dave", "Support", "Network", "Web", "p0", "r"),
            *(pin.session for pin in pins),
            *(pin.pin for pin in pins),
            self.joined.ticket,
        ]
        return self

    def __exit__(self, *error: object) -> None:
        self.channel.close()
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(60)
        assert not self._thread.is_alive()
        assert self._failed is None, self._failed
        self._loop.close()

    def _sign_in(self, user: str) -> Metadata:
        request = access_pb2.SignInRequest(user=user, secret=self.secrets[user])
        token = access_pb2_grpc.AccessServiceStub(self.channel).SignIn(request, timeout=20).token
        return (("authorization", f"Bearer {token}"),)


class _Failures(logging.Handler):
    def __init__(self, into: list[str]) -> None:
        super().__init__(logging.WARNING)
        self._into = into

    def emit(self, record: logging.LogRecord) -> None:
        self._into.append(self.format(record))


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    state = tmp_path_factory.mktemp("fuzz") / "state"
    with Target(state) as target:
        log = _Failures(target.failures)
        logging.getLogger().addHandler(log)
        try:
            yield target
        finally:
            logging.getLogger().removeHandler(log)
    assert target.failures == []
    with Target(state) as again:  # whatever was stored can be read again, and means the same
        assert again.joined == target.joined
