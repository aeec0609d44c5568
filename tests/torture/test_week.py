"""A week by the server's clock, with two hundred sessions a day: the server needs no more memory at its end.

The server runs in this process, so that each byte that it allocates is counted. What is bounded (the rings of updates,
remembered answers) is bounded tightly here, so that it is full soon.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import tracemalloc
import uuid
from datetime import timedelta
from pathlib import Path

import grpc
import pytest

from rescue_client.clock import ClockClient
from rescue_client.connection import Connection
from rescue_client.console import ConsoleClient
from rescue_common.private_files import make_private
from rescue_protos.v1 import applet_pb2 as pb
from rescue_protos.v1 import applet_pb2_grpc
from rescue_server.app import serving
from rescue_server.runtime import idempotency, retention
from rescue_server.startup.options import ServerOptions
from rescue_server.store.files import STORE_FILE
from rescue_server.store.sqlite import SqliteStore

SESSIONS_A_DAY = 200
AT_ONCE = 10
DAYS = 10
WARM = 3  # days until as much is forgotten as comes
SWEEPS = 4  # one that is under way, one that notes what is settled, one that removes it, and one to spare


async def live_through(console: ConsoleClient, applets: applet_pb2_grpc.AppletServiceAsyncStub) -> None:
    """Live one session from its PIN to its end: the applet joins, and somebody chats."""
    made = await console.create_pin("Ms Vos")
    redeemed = await applets.RedeemPin(pb.RedeemPinRequest(request_id=str(uuid.uuid4()), pin=made.pin))
    stream = applets.Attach()
    hello = pb.Hello(session=redeemed.session, ticket=redeemed.ticket, instance="i", attempt=1)
    await stream.write(pb.AttachRequest(hello=hello))
    assert isinstance(await stream.read(), pb.AttachResponse)
    await console.start(made.session)
    await console.chat(made.session, "Good morning")
    await console.end(made.session)
    stream.cancel()


class Sweeps:
    """The sweeps of the server: each can be waited for."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._done: asyncio.Queue[None] = asyncio.Queue()
        sweep = retention.Retention.sweep

        async def counted(one: retention.Retention) -> int:
            found = await sweep(one)
            self._done.put_nowait(None)
            return found

        monkeypatch.setattr(retention.Retention, "sweep", counted)

    def clear(self) -> None:
        """Forget those that were made."""
        while not self._done.empty():
            self._done.get_nowait()

    async def get(self) -> None:
        """Wait for the next one."""
        await self._done.get()


@pytest.mark.long
@pytest.mark.timeout(300)
async def test_a_week_leaves_the_memory_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "SWEEP_EVERY", 0.05)
    sweeps = Sweeps(monkeypatch)
    monkeypatch.setattr(idempotency, "REMEMBERED_REFUSALS", 100)
    data = tmp_path / "state"
    make_private(data)
    options = ServerOptions(host="127.0.0.1", port=0, data=data, paused=True, ring=16, keep_ended=timedelta(hours=1))
    held: list[int] = []
    with contextlib.closing(SqliteStore.open(data / STORE_FILE)) as store:
        async with (
            serving(options, store) as (address, _),
            Connection.find(user="alice", data=data) as connection,
            Connection.find(user="admin", data=data) as administrator,
            grpc.aio.insecure_channel(address, [("grpc.use_local_subchannel_pool", 1)]) as channel,
        ):
            console, applets = ConsoleClient(connection), applet_pb2_grpc.AppletServiceStub(channel)
            tracemalloc.start()
            try:
                for _ in range(DAYS):
                    for _ in range(SESSIONS_A_DAY // AT_ONCE):
                        await asyncio.gather(*(live_through(console, applets) for _ in range(AT_ONCE)))
                    await ClockClient(administrator).advance(timedelta(hours=24))
                    sweeps.clear()
                    for _ in range(SWEEPS):
                        await sweeps.get()
                    gc.collect()
                    held.append(tracemalloc.get_traced_memory()[0])
            finally:
                tracemalloc.stop()
    grown_by_each = (held[-1] - held[WARM]) / (DAYS - 1 - WARM) / SESSIONS_A_DAY
    # What was there before the counting is replaced by what is counted: some hundred bytes. A session takes 1,200.
    assert grown_by_each < 300, (grown_by_each, held)
