"""How a test or a script finds the public API: `world.api`, `rescue api`, `rescue exec --api`."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys

import pytest

from rescue_emulator.testing import NoPublicApi, SyncWorld, World
from rescue_protos.errors import NotFound

pytestmark = pytest.mark.timeout(90)
CLIENT = """
import os, urllib.error, urllib.request

for url in (os.environ["RESCUE_API_URL"] + "/logout.aspx", "https://secure.logmeinrescue.com/API/logout.aspx"):
    print(urllib.request.urlopen(url).read().decode())
try:
    urllib.request.urlopen("https://example.org/")
except urllib.error.URLError as error:
    print(error.reason)
"""


def rescue(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if "proxy" not in name.lower()}
    return subprocess.run(
        [sys.executable, "-m", "rescue_emulator", *words],
        capture_output=True,
        text=True,
        timeout=60,
        env=clean | environment,
    )


async def test_a_world_knows_nodes_and_users_of_its_api() -> None:
    async with World(api=True, options=("--api-proxy", "127.0.0.1:0")) as world:
        users = {name: await world.api.user(name) for name in ("alice", "admin")}
        nodes = [await world.api.node(name) for name in ("alice", "admin", "group:Support", "channel:Web")]
        assert len(set(nodes)) == 4
        assert (users["alice"].node, users["admin"].node) == (nodes[0], nodes[1])
        assert users["alice"].email == "alice@rescue.test"
        assert users["alice"].password not in repr(users)
        assert world.api.url == world.api.addresses.api
        with pytest.raises(NotFound, match="alice, bob, carol, dave"):
            await world.api.node("nobody")
        where = ("--data", str(world.data))
        listed = await asyncio.to_thread(rescue, "api", "users", *where)
        assert f"alice@rescue.test  {nodes[0]}  technician" in listed.stdout.splitlines()
        assert f"admin@rescue.test  {nodes[1]}  administrator" in listed.stdout.splitlines()
        assert users["alice"].password not in listed.stdout
        found = json.loads((await asyncio.to_thread(rescue, "api", "env", "--proxy", "--json", *where)).stdout)
        assert found["RESCUE_API_URL"] == found["LOGMEIN_BASE_URL"] == world.api.url
        assert found["HTTPS_PROXY"] == world.api.addresses.api_proxy
        assert found["SSL_CERT_FILE"] == world.api.addresses.api_ca
        plain = (await asyncio.to_thread(rescue, "api", "env", *where)).stdout.splitlines()
        assert plain == [f"export {name}={world.api.url}" for name in ("RESCUE_API_URL", "LOGMEIN_BASE_URL")]
        url = world.api.url
        await world.restart_server()
        assert world.api.url == url, "clients find it again"
        guest = world.share()
        async with guest:
            assert guest.api.url == url
            assert await guest.api.node("alice") not in nodes
            assert (await guest.api.user("alice")).password


def test_a_world_without_the_api_says_how_to_have_it(sync_world: SyncWorld) -> None:
    with pytest.raises(NoPublicApi, match="api=True"):
        _ = sync_world.api.url
    done = rescue("api", "env", "--data", str(sync_world.data))
    assert (done.returncode, "start it with --api HOST:PORT" in done.stderr) == (1, True)


@pytest.mark.rescue(api=True)
def test_the_same_without_await_in_a_fixture(sync_world: SyncWorld) -> None:
    assert sync_world.api.url.startswith("http://127.0.0.1:")
    assert sync_world.api.user("bob").node == sync_world.api.node("bob")
    done = rescue("api", "env", "--proxy", "--data", str(sync_world.data))
    assert (done.returncode, "start it with --api-proxy HOST:PORT" in done.stderr) == (1, True)


def test_a_command_is_led_to_the_emulator_and_nowhere_else() -> None:
    # Whatever leads to the vendor from here must not lead a client there.
    led = {"https_proxy": "http://127.0.0.1:1", "no_proxy": "logmeinrescue.com"}
    done = rescue("exec", "--api", "--", sys.executable, "-c", CLIENT, **led)
    assert done.stdout.splitlines() == ["OK", "OK", "Tunnel connection failed: 403 Forbidden"], done.stderr
