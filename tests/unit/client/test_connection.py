"""A connection: its channels, its deadlines, its end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import grpc
import pytest

from rescue_client.clock import ClockClient
from rescue_client.connection import NO_WAIT, Connection
from rescue_client.deadlines import AttemptLimit, Deadline
from rescue_common.state_directory import Access
from rescue_protos.errors import NotLeading, StorageUnavailable, Unauthenticated, Unavailable
from tests.fakes.administration import FakeAdministration

NOBODY = "127.0.0.1:1"


def connected(fake: FakeAdministration) -> Connection:
    return Connection(fake.address, user="admin", secret="s3cret", timeout=timedelta(seconds=5))


async def test_one_channel_serves_every_call(fake: FakeAdministration) -> None:
    async with connected(fake) as connection:
        async with connection.channel() as first:
            await ClockClient(connection).show()
        async with connection.channel() as second:
            assert second is first
    assert first.channel.get_state() is grpc.ChannelConnectivity.SHUTDOWN


async def test_a_replaced_channel_is_closed_after_its_last_call(fake: FakeAdministration, tmp_path: Path) -> None:
    Access(server=fake.address, secrets={"admin": "s3cret"}).write(tmp_path)
    async with Connection.find(user="admin", data=tmp_path) as connection:
        async with connection.channel() as old:
            Access(server=NOBODY, secrets={"admin": "s3cret"}).write(tmp_path)
            assert connection.relocate(old)
            async with connection.channel() as new:
                assert new is not old
            assert old.channel.get_state() is not grpc.ChannelConnectivity.SHUTDOWN
        assert old.channel.get_state() is grpc.ChannelConnectivity.SHUTDOWN


async def test_closing_it_ends_a_call_with_an_error_and_lets_the_task_live(fake: FakeAdministration) -> None:
    connection = connected(fake)
    fake.gate = asyncio.Event()
    call = asyncio.create_task(ClockClient(connection).show())
    await asyncio.wait_for(fake.received.wait(), 10)
    await connection.close()
    with pytest.raises(Unavailable, match="closed"):
        await call
    with pytest.raises(Unavailable, match="closed"):
        await ClockClient(connection).show()


async def test_an_answer_restarts_the_time_of_a_deadline(fake: FakeAdministration) -> None:
    async with connected(fake) as connection:
        before = asyncio.get_running_loop().time()
        deadline = Deadline.after(timedelta(seconds=3), since=before - 60)
        assert connection.expires_at(deadline) == before - 57
        await ClockClient(connection).show()
        assert connection.expires_at(deadline) >= before + 3


async def test_without_time_a_call_fails_at_once() -> None:
    async with Connection(NOBODY, user="admin", secret="s3cret", timeout=NO_WAIT) as connection:
        async with asyncio.timeout(5):
            with pytest.raises(Unavailable):
                await connection.sign_in()


async def test_without_time_each_server_gets_its_turn(fake: FakeAdministration) -> None:
    for addresses in (f"{NOBODY},{fake.address}", f"{fake.address},{NOBODY}"):
        async with Connection(addresses, user="admin", secret="s3cret", timeout=NO_WAIT) as connection:
            await connection.sign_in()
            assert connection.address == fake.address


async def test_a_server_that_does_not_lead_sends_its_caller_to_the_one_that_does(fake: FakeAdministration) -> None:
    follower = FakeAdministration()
    await follower.start()
    try:
        follower.refusals = [NotLeading.of(fake.address)]
        async with Connection(follower.address, user="admin", secret="s3cret", timeout=NO_WAIT) as connection:
            await ClockClient(connection).show()
            await ClockClient(connection).show()
            assert connection.address == fake.address
        assert (len(follower.requests), len(fake.requests)) == (1, 2)
    finally:
        await follower.stop()


async def test_the_token_of_one_server_is_shown_to_the_next(fake: FakeAdministration) -> None:
    first = FakeAdministration()
    await first.start()
    async with Connection(first.address, user="admin", secret="s3cret", timeout=NO_WAIT) as connection:
        await ClockClient(connection).show()
        first.refusals = [NotLeading.of(fake.address)]
        await ClockClient(connection).show()
        assert (first.sign_ins, fake.sign_ins) == (1, 0)
        fake.refusals = [Unauthenticated("of another key", reason="TOKEN_EXPIRED")]
        await ClockClient(connection).show()
        assert (first.sign_ins, fake.sign_ins) == (1, 1)
    await first.stop()


@pytest.fixture
async def other() -> AsyncIterator[FakeAdministration]:
    found = FakeAdministration()
    await found.start()
    yield found
    await found.stop()


def in_use(connection: Connection, fake: FakeAdministration, other: FakeAdministration) -> list[FakeAdministration]:
    """Return the server that the connection uses, then the one that it does not use."""
    return [fake, other] if connection.address == fake.address else [other, fake]


async def test_a_stranger_at_the_address_of_a_server_shuts_nobody_out(
    fake: FakeAdministration, other: FakeAdministration
) -> None:
    addresses = f"{fake.address},{other.address}"
    async with Connection(addresses, user="admin", secret="s3cret", timeout=NO_WAIT) as connection:
        stranger, server = in_use(connection, fake, other)
        stranger.secret = "of another cluster"
        await asyncio.gather(*(ClockClient(connection).show() for _ in range(3)))
        assert connection.address == server.address
        assert stranger.requests == []


async def test_a_secret_that_every_server_refuses_is_wrong(fake: FakeAdministration, other: FakeAdministration) -> None:
    addresses = f"{fake.address},{other.address}"
    async with Connection(addresses, user="admin", secret="wrong") as connection:
        with pytest.raises(Unauthenticated):
            await ClockClient(connection).show()
        assert (fake.sign_ins, other.sign_ins) == (1, 1)


async def test_a_refusal_counts_if_the_other_server_says_that_this_one_leads(
    fake: FakeAdministration, other: FakeAdministration
) -> None:
    addresses = f"{fake.address},{other.address}"
    async with Connection(addresses, user="admin", secret="wrong") as connection:
        leader, follower = in_use(connection, fake, other)
        follower.leader = leader.address
        with pytest.raises(Unauthenticated):
            await ClockClient(connection).show()
        assert (leader.sign_ins, follower.sign_ins) == (2, 1)


async def test_a_server_that_cannot_store_now_is_not_left(fake: FakeAdministration) -> None:
    fake.refusals = [StorageUnavailable("the disk failed")]
    addresses = f"{fake.address},{NOBODY}"
    async with Connection(addresses, user="admin", secret="s3cret", timeout=timedelta(seconds=5)) as connection:
        await connection.sign_in()
        async with connection.channel() as first:
            await ClockClient(connection).show()
        async with connection.channel() as second:
            assert second is first


def test_the_first_attempt_always_gets_its_time() -> None:
    limit = AttemptLimit(first=2.0, longest=10.0)
    assert limit.within(30, is_first=True) == 10
    assert limit.within(5, is_first=False) == 5
    assert limit.within(-1, is_first=True) == 2
    assert limit.within(-1, is_first=False) == 0.1
