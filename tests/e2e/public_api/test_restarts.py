"""What a client of the public API still has after the server was stopped, or killed."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal

import pytest

from rescue_client.connection import Connection
from rescue_client.people import PeopleClient
from rescue_emulator.testing import World
from tests.e2e.public_api.conftest import Api
from tests.e2e.public_api.test_transport import children

pytestmark = pytest.mark.timeout(90)


@pytest.mark.parametrize("how", ["killed", pytest.param("stopped", marks=pytest.mark.long)])
async def test_codes_node_ids_reports_and_the_address_outlive_the_server_and_cookies_do_not(how: str) -> None:
    async with World(api=True) as world:
        api = Api(world, world.api.url, await world.technician("alice"), await world.technician("bob"))
        admin, alice = api.authcode(), api.authcode("alice")
        logged_in = api.call("login", email="admin", pwd=api.secret("admin")).headers["set-cookie"].partition(";")[0]
        session, pin = await api.alice.pin("Ms Vos")
        computer = await world.computer(pin=pin)
        await api.alice.start(session)
        await world.admin.add_technician("erin", group="Support")
        over, other_pin = await api.alice.pin("Mr Bos")
        await world.computer(pin=other_pin)
        await api.alice.start(over)
        await api.alice.end(over)
        async with Connection(world.address, user="admin", secret=api.secret("admin")) as connection:
            token = await PeopleClient(connection).issue_api_token("admin")
        assert api.body("setReportDate", authcode=token, bdate="1/1/2000", edate="1/1/2100") == "OK"
        report = api.body("getReport", authcode=token, node=3000001)
        assert f"|{over}|" in report
        nodes = api.body("getHierarchy", authcode=admin)
        assert api.body("setReportArea", authcode=admin, area=5) == api.body("setOutput", authcode=admin, output="XML")
        if how == "killed":
            await world.kill_server()
        await world.restart_server()
        assert world.api.url == api.url
        await api.alice.sees(session, "Active")
        await computer.joined()
        await api.alice.sync()
        await api.bob.sync()
        assert api.body("getHierarchy", authcode=admin) == nodes
        assert api.body("getAccount", authcode=alice).startswith("OK\n\n")
        assert api.body("getReport", authcode=token, node=3000001) == report
        assert api.body("getAccount", headers={"Cookie": logged_in}) == "NOTLOGGEDIN"
        node = api.node("alice", admin)
        assert f"{session}|Active|" in api.body("getSession_v3", authcode=admin, node=node)
        assert api.body("holdSession", authcode=admin, session=session) == "OK"
        assert api.body("getReportArea", authcode=admin) == "OK\n\nREPORTAREA:5", "its settings live in a code"
        assert api.body("getOutput", authcode=admin) == "OK\n\nOUTPUT:XML"
        await world.admin.remove_technician("erin")
        before = nodes.count("NodeID:")
        await world.admin.add_technician("erin", group="Support")
        again = api.body("getHierarchy", authcode=admin)
        assert again.count("NodeID:") == before
        assert again != nodes, "no id is given out twice"


async def test_an_api_that_was_killed_is_started_again_where_it_was_and_the_server_goes_on() -> None:
    async with World(api=True) as world:
        api = Api(world, world.api.url, await world.technician("alice"), await world.technician("bob"))
        code = api.authcode()
        (pid,) = children(world.server.pid)
        os.kill(pid, signal.SIGKILL)
        session, _ = await api.alice.pin("Ms Vos")
        for _ in range(600):
            with contextlib.suppress(OSError):
                found = await asyncio.to_thread(api.body, "getSession_v3", authcode=code, node=api.node("alice", code))
                break
            await asyncio.sleep(0.05)
        else:
            pytest.fail(world.server.log_tail())
        assert f"{session}|Connecting|" in found
        assert "the program of the public API ended with status -9; " in world.server.log_tail()
        assert await world.stop_server() == 0
