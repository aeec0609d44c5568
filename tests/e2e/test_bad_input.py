"""Bad input gets a clear, typed error, and nothing is lost: every item, against real programs."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from rescue_common.state_directory import Access, NoAccess, find_servers
from rescue_emulator.world.technician import CommandRefused
from rescue_emulator.world.world import World
from rescue_server.store.files import STORE_FILE
from rescue_server.store.sqlite import SqliteStore
from tests.e2e.conftest import Office

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(90)]

BACK = 30  # real seconds of patience on a busy machine


def rescue(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the command to its end."""
    inherited = {key: value for key, value in os.environ.items() if not key.startswith("RESCUE_")}
    return subprocess.run(
        [sys.executable, "-m", "rescue_emulator", *arguments],
        env=inherited | environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


# A PIN


async def _refused_pin(world: World, pin: str) -> tuple[str, str]:
    """Run a computer with a PIN that is not accepted; return its exit status with the reason, and the message."""
    computer = await world.computer(pin=pin, wait=False)
    status = await computer.ended(BACK)
    error = computer.program.events[-1]
    assert (status, error["event"], error["code"]) == (1, "error", "FAILED_PRECONDITION")
    return error["reason"], error["message"]


async def test_an_unknown_pin(office: Office) -> None:
    _, pin = await office.alice.pin()
    other = f"{(int(pin) + 1) % 1_000_000:06d}"
    reason, message = await _refused_pin(office.world, other)
    assert reason == "PIN_UNKNOWN"
    assert "PIN" in message


async def test_a_used_pin(office: Office) -> None:
    session, pin = await office.alice.pin()
    computer = await office.world.computer(pin=pin)
    assert (await _refused_pin(office.world, pin))[0] == "PIN_USED"
    await office.world.sync()
    assert office.alice.status(session) == "Waiting"
    await office.alice.command("end", session)
    assert await computer.ended(BACK) == 0
    assert (await _refused_pin(office.world, pin))[0] in ("PIN_USED", "PIN_VOID")


async def test_a_void_pin(office: Office) -> None:
    session, pin = await office.alice.pin()
    await office.alice.command("end", session)
    assert (await _refused_pin(office.world, pin))[0] == "PIN_VOID"


async def test_an_expired_pin(office: Office) -> None:
    await office.world.set("group:Support", private_code_validity="5m")
    session, pin = await office.alice.pin()
    await office.world.advance(minutes=5, seconds=1)
    assert (await _refused_pin(office.world, pin))[0] == "PIN_EXPIRED"
    await office.world.set("group:Support", private_code_validity="20m")
    await office.world.sync()
    assert office.alice.status(session) == "Connecting"
    await office.world.advance(minutes=15)
    assert office.alice.status(session) == "Removed from TC queue"


async def test_terms_declined_spend_the_pin_and_accepted_ones_may_come_late(office: Office) -> None:
    await office.world.set("group:Support", terms="Be nice.", connecting_timeout="60m")
    try:
        session, pin = await office.alice.pin()
        declining = await office.world.computer(pin=pin, terms="decline", wait=False)
        assert await declining.ended(BACK) == 0
        assert (await _refused_pin(office.world, pin))[0] == "PIN_USED"
        assert office.alice.status(session) == "Connecting"

        late, pin = await office.alice.pin()
        computer = await office.world.computer(pin=pin, terms="ask", wait=False)
        assert (await computer.event("terms", BACK))["text"] == "Be nice."
        await office.world.advance(minutes=30)
        assert office.alice.status(late) == "Connecting"
        await computer.accept()
        await office.alice.sees(late, "Waiting", timeout=BACK)
        for one in (session, late):
            await office.alice.command("end", one)
    finally:
        await office.world.set("group:Support", terms="", connecting_timeout="20m")


# A command


async def test_an_unknown_session(office: Office) -> None:
    with pytest.raises(CommandRefused, match="999999") as refused:
        await office.alice.command("start", "999999")
    assert refused.value.code == "NOT_FOUND"


async def test_a_command_that_the_status_does_not_allow(office: Office) -> None:
    session, _ = await office.alice.pin()
    revision = (await office.alice.command("queue"))["revision"]
    with pytest.raises(CommandRefused, match="is Connecting: hold is not possible") as refused:
        await office.alice.command("hold", session)
    assert refused.value.code == "FAILED_PRECONDITION"
    assert refused.value.possible == ("end",)
    assert (await office.alice.command("queue"))["revision"] == revision
    await office.alice.command("end", session)


@pytest.mark.parametrize(
    "line",
    [
        "",
        "   ",
        "nonsense",
        "start",
        "transfer 1001",
        "transfer 1001 bob",
        "open 1001 door",
        "chat 1001",
        "{",
        "\x1b[2J",
    ],
)
async def test_a_malformed_line_is_answered_and_the_console_goes_on(office: Office, line: str) -> None:
    with pytest.raises(CommandRefused) as refused:
        await office.alice.command(line)
    assert refused.value.code == "INVALID_ARGUMENT"
    assert refused.value.message
    await office.alice.sync()


async def test_a_wrong_secret(office: Office) -> None:
    done = rescue("console", "alice", "--json", "--server", office.world.address, RESCUE_SECRET="guessed")
    assert done.returncode == 1
    assert "secret" in done.stderr + done.stdout
    assert "guessed" not in done.stderr + done.stdout


async def test_an_unknown_technician(office: Office) -> None:
    done = rescue("console", "nobody", "--json", "--data", str(office.world.data))
    error = json.loads(done.stdout)
    assert (done.returncode, error["event"], error["code"]) == (1, "error", "UNAUTHENTICATED")
    assert "has no secret for 'nobody'; it has those of: admin, alice, bob" in error["message"]


async def test_a_named_server_without_a_secret(office: Office, tmp_path: Path) -> None:
    done = rescue("console", "alice", "--json", "--server", office.world.address, "--data", str(tmp_path))
    error = json.loads(done.stdout)
    assert (done.returncode, error["code"]) == (1, "UNAUTHENTICATED")
    assert "RESCUE_SECRET" in error["message"]
    assert "--server" not in error["message"], "it was named"


NO_ADDRESSES = ["nonsense", "localhost", "a b:1", ":50051", "::1:50051", "127.0.0.1:port", "a:1,b", ",", "a:1,"]


@pytest.mark.parametrize("server", NO_ADDRESSES)
async def test_a_server_that_is_no_address(tmp_path: Path, server: str) -> None:
    with pytest.raises(NoAccess, match="HOST:PORT is needed"):
        find_servers(server=server, data=tmp_path)


@pytest.mark.parametrize(
    "command",
    ["console alice", "applet --pin 123456", "web", "health", "clock show", "exercise start 14", "class list"],
)
async def test_an_option_that_names_no_server_is_wrong_usage(command: str) -> None:
    done = rescue(*command.split(), "--server", "nonsense")
    assert done.returncode == 2
    assert "Invalid value for '--server': 'nonsense' names no server: HOST:PORT is needed" in done.stderr


@pytest.mark.parametrize("server", ["127.0.0.1:1", "[::1]:50051", "help-desk.example.org:443", "[fe80::1%eth0]:5"])
async def test_a_server_that_is_one(tmp_path: Path, server: str) -> None:
    assert find_servers(server=server, data=tmp_path) == (server,)


async def test_a_server_that_never_listened(tmp_path: Path) -> None:
    Access(server="", secrets={"alice": "s3cret"}).write(tmp_path)
    done = rescue("console", "alice", "--json", "--data", str(tmp_path))
    error = json.loads(done.stdout)
    assert (done.returncode, error["code"]) == (1, "UNAVAILABLE")
    assert "no server has listened" in error["message"]
    assert len(done.stderr.splitlines()) == 1


# A setting


BAD_SETTINGS = {
    "idle-timeout=1000m": "999 minutes",
    "waiting-timeout=30s": "1 minute",
    "connecting-timeout=0": "1 minute",
    "reconnect-period=10s": "heartbeat",
    "idle-timeout=soon": "soon",
    "colour=red": "colour",
}


async def test_bad_settings_name_the_range_and_change_nothing(office: Office) -> None:
    data = ("--data", str(office.world.data))
    before = rescue("admin", "show", *data, "--json").stdout
    for setting, names in BAD_SETTINGS.items():
        done = rescue("admin", "set", "group:Support", setting, *data)
        assert done.returncode in (1, 2), setting
        assert names in done.stderr, setting
    assert rescue("admin", "show", *data, "--json").stdout == before


# Starting a server


async def test_a_second_server_on_the_same_data_directory(office: Office) -> None:
    done = rescue("server", "--data", str(office.world.data), "--json")
    assert (done.returncode, done.stdout) == (1, "")
    assert f"in use by process {office.world.server.pid}" in done.stderr
    await office.alice.sync()


async def test_a_port_in_use(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        where = f"127.0.0.1:{taken.getsockname()[1]}"
        done = rescue("server", "--listen", where, "--data", str(tmp_path), "--json")
    assert (done.returncode, done.stdout) == (1, "")
    assert where in done.stderr
    assert len(done.stderr.splitlines()) == 1, "and nothing of gRPC's own"
    with contextlib.closing(SqliteStore.open(tmp_path / STORE_FILE)) as store:
        assert list(store.read()) == [], "the first start is still to come, with whatever organization it is given"


async def test_a_damaged_store(tmp_path: Path) -> None:
    async with World(data=tmp_path):
        pass
    store = tmp_path / "store.sqlite3"
    with contextlib.closing(sqlite3.connect(store)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")  # a page in the log would stand in for the damaged one
    damaged = bytearray(store.read_bytes())
    damaged[4096:8192] = os.urandom(4096)
    store.write_bytes(damaged)
    done = rescue("server", "--data", str(tmp_path), "--json")
    assert (done.returncode, done.stdout) == (1, "")
    assert "damaged" in done.stderr
    assert "Restore a backup" in done.stderr
    assert store.read_bytes() == bytes(damaged), "never guesses, never touches it"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (b'[groups.Support]\ntechnicians = ["alice"\n[x]\n', "line 3"),
        (b"[groups.Support]\ntechnicians = [1]\n", "line 2"),
        (b'[groups.Support]\ntechnicians = ["alice"]\nidle-timeout = "soon"\n', "line 3"),
        (b"\x00", "line 1"),
        (b"\xff\xfe", "UTF-8"),
    ],
)
async def test_an_unreadable_organization_file(tmp_path: Path, text: bytes, says: str) -> None:
    file = tmp_path / "organization.toml"
    file.write_bytes(text)
    done = rescue("server", "--data", str(tmp_path / "data"), "--organization", str(file), "--json")
    assert (done.returncode, done.stdout) == (1, "")
    assert str(file) in done.stderr
    assert says in done.stderr


READING = [
    "server --organization",
    "server --tls-cert",
    "server --restore",
    "server --cluster nats://127.0.0.1:9 --cluster-ca",
    "server --cluster nats://127.0.0.1:9 --cluster-credentials",
    "server --cluster nats://127.0.0.1:9 --cluster-key",
    "exec --organization",
    "web --tls-cert",
    "clock show --tls-ca",
    "exercise start",
    "exercise check",
    "scenario run",
    "scenario record 1001 --journal",
    "replay",
    "--config",
]


@pytest.mark.parametrize("command", READING)
async def test_a_file_to_read_that_is_not_there_is_wrong_usage(tmp_path: Path, command: str) -> None:
    done = rescue(*command.split(), str(tmp_path / "none.toml"), RESCUE_DATA=str(tmp_path / "data"))
    assert (done.returncode, done.stdout) == (2, "")
    assert str(tmp_path / "none.toml") in done.stderr
    assert not (tmp_path / "data").exists(), "nothing has begun"
