"""A join code lets one person in, for a while, and nobody can guess one."""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from rescue_client.admin import AdminClient
from rescue_client.connection import Connection
from rescue_client.joining import join, new_joiner
from rescue_protos.errors import (
    InvalidArgument,
    JoinCodeRefused,
    NotFound,
    RescueError,
    ResourceExhausted,
    Unauthenticated,
)
from rescue_protos.v1 import admin_pb2, admin_pb2_grpc
from rescue_server.rpc import access_service
from rescue_server.runtime.allowance import WRONG_SECRETS
from rescue_server.runtime.join_codes import LENGTH, derive_code, hash_code
from tests.security.conftest import House, Opened

HOUR = timedelta(hours=1)


@contextlib.asynccontextmanager
async def administration(house: House) -> AsyncIterator[AdminClient]:
    async with Connection(house.address, user="admin", secret=house.secrets["admin"]) as connection:
        yield AdminClient(connection)


@pytest.fixture
async def admin(house: House) -> AsyncIterator[AdminClient]:
    async with administration(house) as client:
        yield client


async def test_a_code_lets_in_whoever_uses_it_first_and_nobody_else(house: House, admin: AdminClient) -> None:
    made = await admin.issue_join_code("alice", valid_for=HOUR)
    assert len(made.code.replace("-", "")) == LENGTH
    mine = new_joiner()
    joined = await join(house.address, f" {made.code.lower()} ", joiner=mine)
    assert (joined.user, joined.secret) == ("alice", house.secrets["alice"])
    assert joined.secret not in repr(joined)
    assert await join(house.address, made.code, joiner=mine) == joined, "the window was closed and opened again"
    with pytest.raises(JoinCodeRefused, match="somebody has joined with this code already"):
        await join(house.address, made.code, joiner=new_joiner())
    (state,) = await admin.join_codes()
    assert (state.technician, state.used, state.valid_until) == ("alice", True, made.valid_until)

    again = await admin.issue_join_code("alice", valid_for=HOUR)
    with pytest.raises(Unauthenticated, match="not known"):
        await join(house.address, made.code, joiner=mine)
    assert (await join(house.address, again.code, joiner=new_joiner())).user == "alice"


async def test_a_code_expires_in_real_time_for_whoever_has_not_joined(
    house: House, admin: AdminClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    early, late = [await admin.issue_join_code(name, valid_for=HOUR) for name in ("alice", "bob")]
    mine = new_joiner()
    await join(house.address, early.code, joiner=mine)

    def tomorrow() -> datetime:
        return early.valid_until + timedelta(days=1)

    monkeypatch.setattr(access_service, "wall_clock", tomorrow)
    assert (await join(house.address, early.code, joiner=mine)).user == "alice", "they had joined in time"
    with pytest.raises(JoinCodeRefused, match="was valid until") as late_refusal:
        await join(house.address, late.code, joiner=new_joiner())
    assert late_refusal.value.reason == "JOIN_CODE_EXPIRED"


async def test_codes_survive_a_restart_and_are_stored_as_hashes_only(open_house: Opened, tmp_path: Path) -> None:
    async with open_house(tmp_path / "state") as house, administration(house) as admin:
        made = await admin.issue_join_code("bob", valid_for=HOUR)
        mine = new_joiner()
        await join(house.address, made.code, joiner=mine)
        other = await admin.issue_join_code("carol", valid_for=HOUR)
        kept = b"".join(path.read_bytes() for path in house.data.iterdir() if path.is_file())
        for secret in (made.code, made.code.replace("-", ""), other.code, mine):
            assert secret.encode() not in kept
    async with open_house(tmp_path / "state") as house:
        assert (await join(house.address, made.code, joiner=mine)).user == "bob"
        with pytest.raises(JoinCodeRefused):
            await join(house.address, made.code, joiner=new_joiner())
        assert (await join(house.address, other.code, joiner=new_joiner())).user == "carol"


async def test_guessers_of_codes_are_told_to_slow_down(house: House, admin: AdminClient) -> None:
    made = await admin.issue_join_code("alice", valid_for=HOUR)
    kinds: list[type[RescueError]] = []
    for _ in range(WRONG_SECRETS.at_once + 3):
        with pytest.raises((Unauthenticated, ResourceExhausted)) as refusal:
            await join(house.address, "2222-2222", joiner=new_joiner(), visitor="192.0.2.7")
        kinds.append(refusal.type)
    assert kinds == [Unauthenticated] * WRONG_SECRETS.at_once + [ResourceExhausted] * 3
    assert (await join(house.address, made.code, joiner=new_joiner(), visitor="192.0.2.8")).user == "alice"


async def test_bad_input_is_named(house: House, admin: AdminClient) -> None:
    for valid_for in (timedelta(0), timedelta(seconds=59), timedelta(days=367)):
        with pytest.raises(InvalidArgument, match="one minute to 366 days"):
            await admin.issue_join_code("alice", valid_for=valid_for)
    with pytest.raises(NotFound, match="there is no technician 'admin'"):
        await admin.issue_join_code("admin", valid_for=HOUR)
    made = await admin.issue_join_code("alice", valid_for=HOUR)
    for joiner in ("", "short", "x" * 65, "with a space in it"):
        with pytest.raises(InvalidArgument, match="joiner"):
            await join(house.address, made.code, joiner=joiner)
    await admin.remove_technician("alice")
    with pytest.raises(Unauthenticated):
        await join(house.address, made.code, joiner=new_joiner())
    assert await admin.join_codes() == ()


async def test_a_repeated_request_gets_the_same_code(house: House) -> None:
    request = admin_pb2.IssueJoinCodeRequest(request_id=str(uuid.uuid4()), technician="bob")
    request.valid_for.FromTimedelta(HOUR)
    stub, metadata = admin_pb2_grpc.AdminServiceStub(house.channel), await house.signed_in("admin")
    first, second = [await stub.IssueJoinCode(request, metadata=metadata, timeout=20) for _ in range(2)]
    assert first == second


def test_codes_of_different_requests_differ_and_are_easy_to_read() -> None:
    codes = {derive_code(b"key", str(number), "fingerprint") for number in range(2000)}
    assert len(codes) == 2000
    assert not set("".join(codes)) & set("01ILO")
    assert hash_code("abcd-efgh") == hash_code(" ABCD EFGH ")
