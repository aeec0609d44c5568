"""A whole call with real processes, and then a search for every secret, ticket and token in all that it left behind."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import grpc
import pytest

from rescue_client.channel import SignedInChannel, open_channel
from rescue_common.processes import child
from rescue_common.state_directory import Access
from rescue_emulator.world.world import World
from rescue_protos.v1 import access_pb2, access_pb2_grpc, applet_pb2, applet_pb2_grpc, console_pb2, console_pb2_grpc

MAY_HOLD_SECRETS = {"access.json", "server.key"}


def ticket_of(applet_pid: int | None) -> str:
    """The applet's session ticket, from the file that its computer gave it."""
    file = Path(f"/proc/{applet_pid}/cmdline").read_bytes().rstrip(b"\0").split(b"\0")[-1]
    return str(json.loads(Path(file.decode()).read_bytes())["ticket"])


def command_lines(pids: list[int]) -> bytes:
    return b"".join(Path(f"/proc/{pid}/cmdline").read_bytes() for pid in pids)


async def test_no_secret_ticket_or_token_is_anywhere_it_does_not_belong(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # What is forked shows the fork server's command line; a person's programs show their own.
    monkeypatch.setattr(child, "own_fork_server", lambda environment: None)
    async with World(data=tmp_path / "state") as world:
        await world.restart_server("--log", "json", "--log-level", "debug")
        alice = await world.technician("alice")
        session, pin = await alice.pin("Customer")
        computer = await world.computer(pin=pin)
        await alice.sees(session, "Waiting")
        await alice.command("start", session)
        await alice.command("chat", session, "hello")
        renewed = (await world.admin.renew_secret("dave")).secret
        secrets = {*Access.read(world.data).secrets.values(), renewed, ticket_of(computer.applet_pid)}
        secrets |= await provoke_errors(world, session)
        assert len(secrets) >= 8
        await computer.reboot("1s")
        await world.advance(seconds=2)
        await alice.sees(session, "Active")
        programs = world._programs()
        pids = [program.pid for program in programs]
        pids += [computer.applet_pid] if computer.applet_pid else []
        shown = command_lines(pids)
        assert b"rescue_server" in shown
        written = [json.dumps(dict(event)) for program in programs for event in program.events]
        written += [line for program in programs for line in program._log]
        assert any('"level": "debug"' in line for line in written)
        assert any('"method": "SignIn", "code": "UNAUTHENTICATED"' in line for line in written)
        await world.kill_server()  # leaves the -wal, too
        files = [path for path in world.data.rglob("*") if path.is_file() and path.name not in MAY_HOLD_SECRETS]
        assert {"store.sqlite3"} <= {path.name for path in files}
        for secret in filter(None, secrets):
            raw = secret.encode()
            assert raw not in shown
            assert not [line for line in written if secret in line]
            assert not [path for path in files if raw in path.read_bytes() or raw.hex().encode() in path.read_bytes()]


async def provoke_errors(world: World, session: str) -> set[str]:
    """Use a secret, a token and a ticket where they are refused; return them. No message repeats them."""
    secret = Access.read(world.data).secrets["bob"]
    used: set[str] = set()
    said: list[str] = []
    async with open_channel(world.address) as channel:
        signed_in = SignedInChannel(channel, user="bob", secret=secret)
        metadata = await signed_in.metadata()
        token = metadata[0][1].removeprefix("Bearer ")
        used |= {secret, token}
        access = access_pb2_grpc.AccessServiceStub(channel)
        console = console_pb2_grpc.ConsoleServiceStub(channel)
        applet = applet_pb2_grpc.AppletServiceStub(channel)
        pin = await console.CreatePin(console_pb2.CreatePinRequest(request_id="p"), metadata=metadata)
        redeem = applet_pb2.RedeemPinRequest(request_id="r", pin=pin.pin)
        ticket = (await applet.RedeemPin(redeem)).ticket
        used.add(ticket)
        start = console_pb2.StartSessionRequest(request_id="s", session=session)
        hello = applet_pb2.AttachRequest(hello=applet_pb2.Hello(session=session, ticket=ticket, instance="i"))
        attach = applet.Attach()
        await attach.write(hello)
        for call in (
            access.SignIn(access_pb2.SignInRequest(user="alice", secret=secret)),
            console.StartSession(start, metadata=(("authorization", f"Basic {token}"),)),
            console.StartSession(start, metadata=(("authorization", f"Bearer {token}x"),)),
            console.StartSession(start, metadata=metadata),
            attach.read(),
        ):
            try:
                await asyncio.wait_for(call, 20)
            except grpc.aio.AioRpcError as error:
                said += [error.details() or "", repr(error.trailing_metadata())]
    assert len(said) == 10
    assert not [text for text in said for one in used if one in text]
    return used
