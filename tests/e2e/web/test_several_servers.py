"""Pages of several servers: whoever looks at a follower's page goes on when the leader is killed, also at another's."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from typing import Any

import pytest
from pytest_asyncio import fixture

from rescue_common.state_directory import Access
from rescue_emulator import World
from tests.e2e.public_api.test_transport import children
from tests.e2e.web.browser import Opening, Site
from tests.e2e.web.test_console_page import click, joined, shows
from tests.e2e.web.test_doors import Visitor

pytestmark = pytest.mark.timeout(180)


@fixture(loop_scope="session")
async def site() -> AsyncIterator[Site]:
    """The pages of the server that follows."""
    async with World(servers=2, nodes=1, web=True) as world:
        (url,) = (url for name, url in world.web_urls.items() if name != world.server.name)
        yield Site(world=world, program=world.server, url=url, secrets=Access.read(world.data).secrets)


def elsewhere(site: Site) -> str:
    """The pages of the server that leads at first."""
    return site.world.web_urls[site.world.server.name]


async def test_a_page_at_a_follower_sees_a_session_go_on_through_the_death_of_the_leader(
    site: Site, open_page: Opening
) -> None:
    page: Any = await open_page("alice")
    computer = await joined(site, page)
    await shows(page, "Waiting")
    await click(page, "Start session")
    await shows(page, "Active")
    await site.world.kill_server()
    await click(page, "Hold session")
    await shows(page, "On Hold")
    await computer.lan("off")
    await site.world.advance(minutes=1)
    await shows(page, "Reconnecting")
    await page.locator("#lost").wait_for(state="hidden")


async def test_who_is_signed_in_at_one_server_is_so_at_every_other_one(site: Site) -> None:
    visitor, other, stranger = Visitor(site.url), Visitor(elsewhere(site)), Visitor(elsewhere(site))
    assert await visitor.sign_in("alice", site.secrets["alice"]) == 200
    other.cookie = visitor.cookie
    assert site.secrets["alice"] not in visitor.cookie
    assert (await other.ask("GET", "/me"))[1] == (await visitor.ask("GET", "/me"))[1]
    for here in (visitor, other):
        made = await here.ask("POST", "/line", {"line": "pin Ms Vos"}, x_rescue_proof=visitor.proof)
        assert (made[0], made[1]["ok"]) == (200, True), made
    name, _, sealed = visitor.cookie.partition("=")
    stranger.cookie = f"{name}={sealed[:-4]}AAAA"
    assert (await stranger.ask("GET", "/me"))[0] == 401

    await site.world.admin.renew_secret("alice")
    assert (await other.ask("GET", "/directory"))[0] == 401, "a login is worth as much as its secret"
    assert (await other.ask("GET", "/me"))[0] == 401


async def test_a_cookie_is_worth_nothing_where_its_login_was_ended(site: Site) -> None:
    visitor = Visitor(site.url)
    await visitor.sign_in("admin", site.secrets["admin"])
    kept = visitor.cookie
    assert (await visitor.ask("POST", "/sign-out", {}, x_rescue_proof=visitor.proof))[0] == 200
    visitor.cookie = kept
    assert (await visitor.ask("GET", "/me"))[0] == 401


async def test_pages_whose_program_was_killed_come_back_where_they_were_with_who_is_signed_in() -> None:
    async with World(web=True) as world:
        secrets = Access.read(world.data).secrets
        visitor = Visitor(world.web_urls["server"])
        assert await visitor.sign_in("alice", secrets["alice"]) == 200
        (pid,) = children(world.server.pid)
        os.kill(pid, signal.SIGKILL)
        async with asyncio.timeout(60):
            while True:
                try:
                    me = await visitor.ask("GET", "/me")
                    break
                except OSError:
                    await asyncio.sleep(0.05)
        assert me == (200, {"user": "alice", "proof": visitor.proof, "supervisor": False, "channel": me[1]["channel"]})
        assert "the program of the consoles in the browser ended with status -9; " in world.server.log_tail()
