"""Fault rules about the public API: words, statuses, delays and broken answers, in text and SOAP."""

from __future__ import annotations

import asyncio
import http.client
from contextlib import closing
from datetime import timedelta

import pytest
import pytest_asyncio

from tests.e2e.public_api.conftest import Api

pytestmark = pytest.mark.asyncio(loop_scope="module")
SOAP = (
    '<soap:Envelope xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/"><soap:Body>'
    '<getSession_V3 xmlns="https://secure.logmeinrescue.com/API/API.asmx"><iNodeID>1</iNodeID>'
    "<sAuthCode>{code}</sAuthCode></getSession_V3></soap:Body></soap:Envelope>"
)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def code(api: Api) -> str:
    """An administrator's code."""
    given = {"email": "admin", "pwd": api.secret("admin")}
    return (await asyncio.to_thread(api.body, "requestAuthCode", **given)).rpartition(":")[2]


async def call(api: Api, method: str, code: str) -> str:
    return await asyncio.to_thread(api.body, method, authcode=code)


async def test_a_method_answers_with_a_word_so_often_and_others_do_not(api: Api, code: str) -> None:
    await api.world.faults.add("when api getAccount: answer POLLRATEEXCEEDED x2")
    assert (await call(api, "getHierarchy", code)).startswith("OK")
    assert [await call(api, "getAccount", code) for _ in range(2)] == ["POLLRATEEXCEEDED"] * 2
    assert (await call(api, "GETACCOUNT", code)).startswith("OK\n\nAccountID:")


async def test_a_word_in_soap(api: Api, code: str) -> None:
    await api.world.faults.add("when api getSession_v3: answer ERROR")
    body = SOAP.format(code=code)

    def post() -> str:
        connection = http.client.HTTPConnection(api.url.removeprefix("http://").removesuffix("/API"), timeout=20)
        with closing(connection):
            connection.request("POST", "/API/API.asmx", body, {"Content-Type": "text/xml"})
            return connection.getresponse().read().decode()

    assert "<getSession_V3Result>getSession_Error</getSession_V3Result>" in await asyncio.to_thread(post)


async def test_an_http_status(api: Api, code: str) -> None:
    await api.world.faults.add("when api getAccount: status 503")
    answer = await asyncio.to_thread(api.call, "getAccount", authcode=code)
    assert (answer.status, "HTTP status 503" in answer.body) == (503, True)
    assert (await call(api, "getAccount", code)).startswith("OK")


async def test_a_delay_is_emulated_time(api: Api, code: str) -> None:
    await api.world.faults.add("when api getAccount: delay 1m")
    before = (await api.world.clock.show()).now
    waiting = asyncio.create_task(call(api, "getAccount", code))
    while not waiting.done():
        await api.world.advance(seconds=10)
    assert waiting.result().startswith("OK")
    assert (await api.world.clock.show()).now - before >= timedelta(minutes=1)


async def test_an_answer_breaks_off_and_the_call_was_carried_out(api: Api, code: str) -> None:
    await api.world.faults.add("when api requestPINCode_v3: cut")
    node = await api.world.api.node("alice")
    with pytest.raises(http.client.IncompleteRead) as cut:
        await asyncio.to_thread(api.call, "requestPINCode_v3", authcode=code, nodeid=node, cfield0="Jan")
    assert cut.value.partial.startswith(b"OK\n\n")
    assert [entry.customer for entry in await api.alice.queue()].count("Jan") == 1
    assert "without completing response" not in api.world.report()
