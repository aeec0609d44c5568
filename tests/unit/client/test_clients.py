"""The typed clients: retries, and what is never repeated."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from rescue_client.admin import PERIODS, AdminClient
from rescue_client.channel import Metadata, SignedInChannel
from rescue_client.clock import ClockClient
from rescue_client.connection import NO_WAIT, Connection
from rescue_common.durations import parse_duration
from rescue_common.state_directory import Access
from rescue_protos.errors import InvalidArgument, Unauthenticated, Unavailable
from rescue_protos.v1 import clock_pb2, clock_pb2_grpc
from rescue_server.settings import SessionSettings
from tests.fakes.administration import FakeAdministration

NOBODY = "127.0.0.1:1"
AWAY = Unavailable("busy", reason="STORE_BUSY")


@pytest.fixture
async def connection(fake: FakeAdministration) -> AsyncIterator[Connection]:
    async with Connection(fake.address, user="admin", secret="s3cret", timeout=timedelta(seconds=20)) as found:
        yield found


async def test_a_change_is_repeated_with_the_same_request_id(fake: FakeAdministration, connection: Connection) -> None:
    fake.refusals += [AWAY, AWAY]
    done = await AdminClient(connection).add_technician("erin", group="Support")
    assert (done.revision, done.secret) == (11, "fresh")
    assert len(fake.requests) == 3
    assert len({request.request_id for request in fake.requests}) == 1


async def test_an_expired_token_is_renewed(fake: FakeAdministration, connection: Connection) -> None:
    fake.refusals.append(Unauthenticated("sign in again", reason="TOKEN_EXPIRED"))
    assert (await ClockClient(connection).show()).paused
    assert len(fake.requests) == 2


async def test_an_advance_is_repeated_with_the_same_request_id(
    fake: FakeAdministration, connection: Connection
) -> None:
    fake.refusals += [AWAY, AWAY]
    await ClockClient(connection).advance(timedelta(minutes=1))
    await ClockClient(connection).advance(timedelta(minutes=1))
    ids = [request.request_id for request in fake.requests]
    assert ids[0] == ids[1] == ids[2] != ids[3]


async def get_clock(channel: SignedInChannel, metadata: Metadata) -> clock_pb2.GetClockResponse:
    return await channel.stub(clock_pb2_grpc.ClockServiceStub).GetClock(clock_pb2.GetClockRequest(), metadata=metadata)


async def test_what_must_happen_once_is_never_repeated(fake: FakeAdministration, connection: Connection) -> None:
    fake.refusals.append(AWAY)
    with pytest.raises(Unavailable):
        await connection.call_once(get_clock)
    assert len(fake.requests) == 1


async def test_impatience_gives_up_at_once(fake: FakeAdministration) -> None:
    fake.refusals += [AWAY, AWAY]
    async with Connection(fake.address, user="admin", secret="s3cret", timeout=NO_WAIT) as connection:
        with pytest.raises(Unavailable):
            await ClockClient(connection).show()
    assert len(fake.requests) == 1


async def test_settings_take_timedeltas_and_text(fake: FakeAdministration, connection: Connection) -> None:
    settings = await AdminClient(connection).change_settings(
        "group:Support", {"idle-timeout": timedelta(minutes=2), "offline-period": "90s"}
    )
    assert settings.periods["idle-timeout"] == timedelta(minutes=2)
    assert settings.periods["offline-period"] == timedelta(seconds=90)
    assert not fake.requests[0].set_terms


async def test_a_server_that_came_back_at_another_port_is_found(fake: FakeAdministration, tmp_path: Path) -> None:
    Access(server=NOBODY, secrets={"admin": "s3cret"}).write(tmp_path)
    timeout = timedelta(seconds=20)
    async with Connection.find(user="admin", server=None, data=tmp_path, timeout=timeout) as connection:
        clock = ClockClient(connection)
        Access(server=fake.address, secrets={"admin": "s3cret"}).write(tmp_path)
        assert (await clock.show()).now == fake.now
        assert connection.address == fake.address


async def test_what_is_never_repeated_finds_the_server_the_next_time(fake: FakeAdministration, tmp_path: Path) -> None:
    Access(server=fake.address, secrets={"admin": "s3cret"}).write(tmp_path)
    async with Connection.find(user="admin", server=None, data=tmp_path, timeout=NO_WAIT) as connection:
        await connection.call_once(get_clock)
        Access(server=NOBODY, secrets={"admin": "s3cret"}).write(tmp_path)
        fake.refusals.append(AWAY)
        with pytest.raises(Unavailable):
            await connection.call_once(get_clock)
        assert connection.address == NOBODY


async def test_a_renewed_secret_is_looked_up_again(fake: FakeAdministration, tmp_path: Path) -> None:
    Access(server=fake.address, secrets={"admin": "old"}).write(tmp_path)
    async with Connection.find(user="admin", server=None, data=tmp_path, timeout=NO_WAIT) as connection:
        Access(server=fake.address, secrets={"admin": "s3cret"}).write(tmp_path)
        assert (await ClockClient(connection).show()).paused
        fake.refusals += [Unauthenticated("sign in again", reason="TOKEN_EXPIRED")] * 2
        with pytest.raises(Unauthenticated):  # and no other secret is to be found
            await ClockClient(connection).show()


@pytest.mark.parametrize("given", ["", "wrong"])
async def test_a_given_secret_is_used_instead_of_the_one_in_the_state_directory(
    fake: FakeAdministration, tmp_path: Path, given: str
) -> None:
    Access(server=fake.address, secrets={"admin": "s3cret"}).write(tmp_path)
    async with Connection.find(user="admin", secret=given, data=tmp_path, timeout=NO_WAIT) as connection:
        with pytest.raises(Unauthenticated):
            await connection.sign_in()


@pytest.mark.parametrize("name", PERIODS)
def test_the_ranges_that_people_are_told_are_the_servers(name: str) -> None:
    span, _, never = PERIODS[name].partition(", ")
    least, most = map(parse_duration, span.split(" to "))
    field, second = name.replace("-", "_"), timedelta(seconds=1)
    roomy = SessionSettings(heartbeat_interval=second, reconnect_period=timedelta(minutes=999))
    for inside in (least, most, *([timedelta(0)] if never else [])):
        assert getattr(roomy.changed({field: inside}), field) == inside
    for outside in (least - second / 2, most + second, *([] if never else [timedelta(0)])):
        with pytest.raises(InvalidArgument, match="out of range"):
            roomy.changed({field: outside})
