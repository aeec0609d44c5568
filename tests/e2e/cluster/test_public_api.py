"""The public API of several servers: each one offers the whole, and a client may go from one to another."""

from __future__ import annotations

import asyncio
import ssl
import urllib.request
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from rescue_common.processes.child import ProgramEnded
from rescue_emulator.world.cluster_programs import ClusterPrograms
from rescue_emulator.world.world import World
from tests.e2e.public_api.conftest import Api
from tests.e2e.public_api.every_way import ask
from tests.e2e.public_api.test_soap import ENVELOPES

SOAP = next(iter(ENVELOPES))

pytestmark = pytest.mark.timeout(120)


@pytest.fixture
async def cluster(tmp_path: Path) -> AsyncIterator[ClusterPrograms]:
    options = ["--paused", "--api", "127.0.0.1:0", "--api-tls", "127.0.0.1:0", "--api-limits", "off"]
    async with ClusterPrograms(tmp_path, servers=2, nodes=1, options=options) as programs:
        yield programs


async def test_a_client_of_a_server_that_follows_goes_on_when_the_leader_is_killed(
    cluster: ClusterPrograms, world: World
) -> None:
    alice, bob = await world.technician("alice"), await world.technician("bob")
    leads = await cluster.next_leader()
    (follows,) = set(cluster.names) - {leads}
    at_follower, at_leader = (Api(world, cluster.url_of(name, "api"), alice, bob) for name in (follows, leads))
    code = at_follower.authcode()
    logged_in = at_follower.call("login", email="admin", pwd=at_follower.secret("admin")).headers["set-cookie"]
    cookie = {"Cookie": logged_in.partition(";")[0]}
    session, pin = await alice.pin("Ms Vos")
    computer = await world.computer(pin=pin)
    await alice.start(session)
    node = at_follower.node("alice", code)
    before = at_follower.body("getSession_v3", authcode=code, node=node)
    assert f"{session}|Active|" in before
    assert at_leader.body("getSession_v3", authcode=code, node=node) == before
    assert ask(at_follower, SOAP, "holdSession", authcode=code, session=session) == "OK"
    await alice.sees(session, "On Hold")

    assert at_leader.body("setReportArea", authcode=code, area=5) == "OK"

    await cluster.kill_server()
    assert at_follower.body("getReportArea", authcode=code) == "OK\n\nREPORTAREA:5", "its settings live in a code"
    held = at_follower.body("getSession_v3", authcode=code, node=node)
    assert held == before.replace("|Active|", "|On Hold|")
    assert at_follower.body("getSession_v3", headers=cookie, node=node) == held
    await alice.start(session)
    assert f"{session}|Active|" in at_follower.body("getSession_v3", headers=cookie, node=node)
    async with computer.lan_off():
        await world.advance(minutes=1)
        assert f"{session}|Reconnecting|" in at_follower.body("getSession_v3", authcode=code, node=node)

    at_leader_url = at_leader.url
    await cluster.start_server(leads)
    assert cluster.url_of(leads, "api") == at_leader_url, "clients find the API where it was"
    await alice.sees(session, "Active")
    assert at_leader.body("getSession_v3", headers=cookie, node=node) == at_follower.body(
        "getSession_v3", authcode=code, node=node
    ), "who has logged in at one server is known at the other"
    assert at_leader.body("logout", headers=cookie) == "OK"
    assert at_leader.body("getAccount", headers=cookie) == "NOTLOGGEDIN"


async def test_what_one_server_was_told_every_other_one_tells(cluster: ClusterPrograms, world: World) -> None:
    alice, bob = await world.technician("alice"), await world.technician("bob")
    one, other = (Api(world, cluster.url_of(name, "api"), alice, bob) for name in cluster.names)
    code = one.authcode()
    node = one.node("alice", code)
    for number in range(3):
        session, _ = await alice.pin(f"Customer {number}")
        found = await asyncio.gather(
            *(asyncio.to_thread(api.body, "getSession_v3", authcode=code, node=node) for api in (one, other))
        )
        assert [f"{session}|Connecting|" in body for body in found] == [True, True]
        one, other = other, one
    newer = other.authcode()
    assert one.body("getAccount", authcode=code) == "INVALID_SECRETAUTHCODE"
    assert one.body("getAccount", authcode=newer).startswith("OK")
    trusting = ssl.create_default_context(cafile=cluster.data(cluster.names[0]) / "api-tls/ca.pem")
    for name in cluster.names:
        asked = f"{cluster.url_of(name, 'api_tls')}/getAccount.aspx?authcode={newer}"
        with await asyncio.to_thread(urllib.request.urlopen, asked, context=trusting) as answer:
            assert answer.read().startswith(b"OK"), "who trusts the CA of one server trusts all"


async def test_a_server_whose_api_cannot_be_had_does_not_start(cluster: ClusterPrograms, world: World) -> None:
    alice = await world.technician("alice")
    leads = await cluster.next_leader()
    (follows,) = set(cluster.names) - {leads}
    await cluster.stop_server(follows)
    taken = urlsplit(cluster.url_of(leads, "api")).netloc
    with pytest.raises(ProgramEnded, match=f"{taken} cannot be listened on: .*\n.*the public API could not be started"):
        await cluster.start_server(follows, "--api", taken)
    assert cluster.programs[follows].status == 1
    await alice.pin("Ms Vos")
