"""A line of the log and two metrics for each request of the public API, and nothing that came with it."""

from __future__ import annotations

import asyncio
import urllib.error
import urllib.request
from urllib.parse import urlencode

from rescue_common.state_directory import Access
from rescue_emulator.world.world import World

from .conftest import Watched, json_lines, log_lines, ready
from .test_metrics import Scrape


async def fetch(world: World, path: str, body: bytes | None = None, **given: str) -> tuple[int, str, str]:
    """Return the status, the body and the cookie of an answer."""
    url = f"{ready(world)['api']}/{path}" + (f"?{urlencode(given)}" if given else "")

    def get() -> tuple[int, str, str]:
        try:
            with urllib.request.urlopen(urllib.request.Request(url, body), timeout=20) as answer:
                return answer.status, answer.read().decode(), answer.headers.get("Set-Cookie", "")
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode(), ""

    return await asyncio.to_thread(get)


async def test_each_request_is_logged_and_counted_without_a_secret(watched: Watched) -> None:
    world = await watched("--api", "127.0.0.1:0", "--log", "json", "--metrics", "127.0.0.1:0")
    password = Access.read(world.data).secrets["admin"]
    _, _, cookie = await fetch(world, "login.aspx", email="admin", pwd=password)
    await fetch(world, "login.aspx", email="admin", pwd="swordfish")
    _, answer, _ = await fetch(world, "requestAuthCode.aspx", email="admin", pwd=password)
    code = answer.rpartition(":")[2]
    await fetch(world, "GETACCOUNT.aspx", authcode=code)
    await fetch(world, "getAccount.aspx", authcode="guessed-code")
    await fetch(world, "hunter2.aspx", authcode=code)
    await fetch(world, "API.asmx", b"<hunter3/>")
    async with asyncio.timeout(20):
        while sum(line["logger"] == "rescue_server.public_api" for line in json_lines(world)) < 7:
            await asyncio.to_thread(lambda: None)
    seen = await Scrape.of(world)
    assert seen("rescue_api_requests_total", method="login", word="OK") == 1
    assert seen("rescue_api_requests_total", method="login", word="INVALID") == 1
    assert seen("rescue_api_requests_total", method="none", word="HTTP 404") == 1
    assert seen("rescue_api_request_seconds_count", method="getAccount") == 2

    lines = [line for line in json_lines(world) if line["logger"] == "rescue_server.public_api"]
    assert [(line["message"], line["word"], line.get("user", ""), line["way"]) for line in lines] == [
        ("public API: login", "OK", "", "text"),
        ("public API: login", "INVALID", "", "text"),
        ("public API: requestAuthCode", "OK", "", "text"),
        ("public API: getAccount", "OK", "admin", "text"),
        ("public API: getAccount", "INVALID_SECRETAUTHCODE", "", "text"),
        ("public API: no method", "HTTP 404", "", "text"),
        ("public API: no method", "HTTP 500", "", "SOAP"),
    ]
    await world.stop_server()
    everything = "\n".join(log_lines(world))
    session = cookie.partition("=")[2].partition(";")[0]
    unspeakable = [password, code, session, "swordfish", "guessed-code", "hunter2", "hunter3"]
    assert [word for word in unspeakable if word in everything] == []


async def test_the_last_requests_before_an_end_are_told_too(watched: Watched) -> None:
    world = await watched("--api", "127.0.0.1:0", "--log", "json")
    await fetch(world, "getAccount.aspx")
    await world.stop_server()
    words = [line["word"] for line in json_lines(world) if line["logger"] == "rescue_server.public_api"]
    assert words == ["NOTLOGGEDIN"]
