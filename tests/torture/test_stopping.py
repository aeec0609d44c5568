"""The server is asked to stop, found damaged, backed up and restored: each with the real program."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import grpc
import pytest

from rescue_client.channel import SignedInChannel, open_channel
from rescue_common.processes.child import ProgramEnded
from rescue_common.state_directory import Access
from rescue_emulator import World
from rescue_protos.error_details import from_rpc_error
from rescue_protos.errors import RescueError, Unavailable
from rescue_protos.v1 import clock_pb2_grpc, console_pb2, console_pb2_grpc
from rescue_server.store import STORE_FILE


async def ended_with(call: grpc.aio.Call) -> RescueError:
    """Read a stream to its end and return how it ended."""
    with pytest.raises(grpc.RpcError) as caught:
        await read_on(call)
    return from_rpc_error(caught.value)


async def read_on(call: grpc.aio.Call) -> None:
    while await call.read() is not grpc.aio.EOF:  # type: ignore[attr-defined]
        pass


async def test_sigterm_ends_every_stream_clearly_and_everybody_comes_back() -> None:
    async with World(speed=1) as world:
        alice, bob = await world.technician("alice"), await world.technician("bob")
        session, pin = await alice.pin("Customer")
        computer = await world.computer(pin=pin)
        await alice.sees(session, "Waiting")
        secret = Access.read(world.data).secrets["alice"]
        async with open_channel(world.address) as channel:
            metadata = await SignedInChannel(channel, user="alice", secret=secret).metadata()
            watch = console_pb2_grpc.ConsoleServiceStub(channel).WatchQueue(
                console_pb2.WatchQueueRequest(console="c1"), metadata=metadata
            )
            clock = clock_pb2_grpc.ClockServiceStub(channel).WatchClock(metadata=metadata)
            await asyncio.gather(watch.read(), clock.read())
            os.kill(bob.program.pid, signal.SIGSTOP)  # a console that takes nothing must not keep the server
            try:
                stopping = asyncio.create_task(world.stop_server())
                ends = await asyncio.gather(ended_with(watch), ended_with(clock))
                assert await stopping == 0
            finally:
                os.kill(bob.program.pid, signal.SIGCONT)
        for end in ends:
            assert isinstance(end, Unavailable)
            assert end.reason == "SHUTTING_DOWN"
        await world.restart_server()
        await alice.command("start", session)
        await bob.sync()
        await computer.chat("still here")
        chat = await alice.program.event(lambda line: line.get("event") == "chat", timeout=20)
        assert chat["text"] == "still here"
        assert "Reconnecting" not in [update.status for update in alice.history(session)]


def rescue_server(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "rescue_server", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


async def test_a_torn_store_is_found_at_start_and_a_backup_helps(tmp_path: Path) -> None:
    data, backup = tmp_path / "data", tmp_path / "backup"
    where = ("--data", str(data))
    async with World(data=data) as world:
        alice = await world.technician("alice")
        kept, pin = await alice.pin("kept")
        made = await asyncio.to_thread(rescue_server, "backup", str(backup), *where)  # beside the running server
        assert made.returncode == 0, made.stderr
        assert backup.stat().st_mode & 0o777 == 0o600
        again = await asyncio.to_thread(rescue_server, "backup", str(backup), *where)
        assert (again.returncode, "is there already" in again.stderr) == (1, True)
        lost, _ = await alice.pin("lost")
        await world.admin.renew_secret("carol")  # the backup has the old secret

        await world.stop_server()
        store = data / STORE_FILE
        os.truncate(store, store.stat().st_size // 2)
        torn = await asyncio.to_thread(rescue_server, "--listen", "127.0.0.1:0", *where)
        assert torn.returncode == 1
        assert "damaged" in torn.stderr
        assert "rescue server --restore FILE" in torn.stderr
        with pytest.raises(ProgramEnded):
            await world.restart_server()

        await world.restart_server("--restore", str(backup))
        assert (data / f"{STORE_FILE}.replaced-1").exists()
        # What the backup did not know is gone, and the console is told the queue anew.
        bob = await world.technician("bob")
        computer = await world.computer(pin=pin)
        assert computer.session == kept
        await alice.sees(kept, "Waiting", timeout=20)
        assert lost not in [entry["session"] for entry in (await alice.command("queue"))["entries"]]
        await bob.sync()


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT])
def test_who_ends_it_as_soon_as_it_is_ready_ends_it_in_order(tmp_path: Path, signum: signal.Signals) -> None:
    """Found: a signal right behind the ready line killed it."""
    command = [sys.executable, "-m", "rescue_server", "--data", str(tmp_path / "data"), "--json"]
    for _ in range(2):
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as server:
            assert server.stdout is not None
            assert b"ready" in server.stdout.readline()
            server.send_signal(signum)
            _, said = server.communicate(timeout=60)
        assert (server.returncode, said) == (0, b"")


def test_a_restore_is_never_done_by_the_environment(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "rescue_emulator", "server", "--data", str(tmp_path / "data")]
    environment = {**os.environ, "RESCUE_RESTORE": __file__}
    refused = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, env=environment)
    assert refused.returncode == 2
    assert "only be given on the command line" in refused.stderr
    assert not (tmp_path / "data").exists()


def test_a_backup_of_nothing_is_refused(tmp_path: Path) -> None:
    nothing = rescue_server("backup", str(tmp_path / "b"), "--data", str(tmp_path))
    assert nothing.returncode == 1
    assert "there is no" in nothing.stderr
    assert list(tmp_path.iterdir()) == []
